"""Writes the ledger: each claim and its verdict.

    python -m benchmarks.real_ground.report

writes `docs/ledger.md` from the committed rows; nothing is trained.
"""

import collections

from benchmarks.real_ground import (
    NAMES,
    experiment,
    laboratory,
    runner,
    verdicts,
)

PATH = runner.FOLDER.parents[1] / "docs" / "ledger.md"
HEAD = """# The ledger: what is claimed, and what was found

Written by `python -m benchmarks.real_ground.report`; do not edit. Each
experiment is a module of `benchmarks/real_ground/`: the claim, how it was
tried and what counts as an answer were written there before the first run, and
each run is a row of `data/experiments/real_<experiment>.csv`.

Real ground is EfficientNet-Lite0 with its weights from ImageNet, and 2,624
photographs of solar cells (Deitsch et al. 2019), told apart into sound and
defective at 160 pixels. Whole modules are kept for testing. Modules are
inferred from the order of the files.

{rule}

A difference is a mean over the seeds with its 95 % interval over the seeds;
each seed draws modules and labelled cells anew, the same for both sides. With
many comparisons some are below 0.05 by chance: *Holm* says which supported
ones remain after Holm's correction over all {count} comparisons of this page.

Whose a claim is: 000, 001 and 002 are the three texts that this course began
with, "course" is a lesson. The laboratory is a network of half a million
parameters on drawn pictures, judged by the same rule and margin, with accuracy
in place of the AUC (but for *histology*), and the source task's own accuracy in
place of the agreement.
"""

COST = """## What a step costs

A step of 16 pictures of 160 pixels, by what is trained, and whether what lies
before is computed once or in each step; `python -m benchmarks.real_ground.cost`
on two cores. Seconds of processors hardly depend on what else a machine does.
Megabytes are what memory rose by at most.
"""


def judged():
    """Judges every claim of which something was compared.

    Returns:
        A list of experiments, claims, verdicts and lists of `verdicts.Judged`.
    """
    found = []
    for name in NAMES:
        one = experiment(name)
        rows = runner.read(one.path())
        for claim in one.claims:
            verdict, parts = verdicts.judge_claim(claim, rows, one.seeds)
            if parts:
                found.append((one, claim, verdict, parts))
    return found


def text():
    """Returns the ledger, as Markdown."""
    found = judged()
    parts = [part for *_, some in found for part in some]
    holm = verdicts.holm([part.p for part in parts])
    survives = {
        id(part): yes and part.verdict == verdicts.SUPPORTED
        for part, yes in zip(parts, holm, strict=True)
    }
    counts = collections.Counter(verdict for _, _, verdict, _ in found)
    counted = ", ".join(f"{n} {name}" for name, n in counts.most_common())
    summary, details = [], []
    for one, claim, verdict, some in found:
        there, seen = laboratory.judge(claim)
        link = f"[`{claim.id}`](#{claim.id})"
        told = verdict
        if len(some) < len(claim.comparisons):
            told += f" ({len(some)} of {len(claim.comparisons)} compared yet)"
        row = link, claim.sentence, claim.source, told, there or "not tried"
        summary.append(row)
        metric = claim.metric[0].upper() + claim.metric[1:]
        details.append(
            f"## {claim.id}\n\n{claim.sentence}\n\n{metric}; "
            f"{some[0].seeds} seeds; a difference of {claim.margin:g} counts; "
            f"`python -m benchmarks.real_ground {one.name}`\n\n"
            + _differences(some, survives)
        )
        if seen:
            details[-1] += (
                f"\nIn the laboratory, {seen[0].seeds} seeds:\n\n"
                + _differences(seen)
            )
    rule = verdicts.__doc__.split("\n\n", 1)[1].strip()
    head = "id", "claim", "whose", "real ground", "laboratory"
    return "\n".join(
        [
            HEAD.format(rule=rule, count=len(parts)),
            f"{len(found)} claims, on real ground: {counted}.\n",
            _table(head, summary),
            *details,
            *_costs(),
        ]
    )


def _costs():
    """Returns what a step costs, if that was measured."""
    rows = runner.read(runner.FOLDER / "depth_cost.csv")
    if not rows:
        return []
    return [COST, _table(list(rows[0]), [list(row.values()) for row in rows])]


def _differences(judged, survives=None):
    """Returns comparisons as a table."""
    head = "compared", "difference", "95 % interval", "p", "verdict"
    rows = [
        (
            one.name,
            f"{one.mean:+.3f}",
            f"{one.low:+.3f} to {one.high:+.3f}",
            f"{one.p:.2g}",
            one.verdict,
        )
        for one in judged
    ]
    if survives is not None:
        head += ("Holm",)
        rows = [
            (*row, "yes" if survives[id(one)] else "")
            for row, one in zip(rows, judged, strict=True)
        ]
    return _table(head, rows)


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main():
    """Writes the page."""
    PATH.write_text(text(), encoding="utf-8")
    print(PATH)


if __name__ == "__main__":
    main()
