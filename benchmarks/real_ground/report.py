"""Writes the ledger: each claim and its verdict.

    python -m benchmarks.real_ground.report

writes `docs/ledger.md` from the committed rows, and for lesson 03c
`data/experiments/ledger.csv`, a row a difference, and `ledger_claims.csv`, a
row a claim. Nothing is trained.
"""

import collections
import csv
import io
import re

from benchmarks.real_ground import (
    NAMES,
    differences,
    experiment,
    laboratory,
    runner,
)
from course_utils.evaluation import verdicts

PATH = runner.FOLDER.parents[1] / "docs" / "ledger.md"
HEAD = """# The ledger: what is claimed, and what was found

Written by `python -m benchmarks.real_ground.report`; do not edit. Each
experiment is a module of `benchmarks/real_ground/`: the claim, how it was
tried and what counts as an answer were written there before the first run, and
each run is a row of `data/experiments/real_<experiment>.csv`.

Real ground is EfficientNet-Lite0 with its ImageNet weights, and 2,624
photographs of solar cells (Deitsch et al. 2019), sound or defective, at 160
pixels. Whole modules, inferred from the order of the files, are kept for
testing. Two of them show the same cells, once blurred, and a draw may part
them.

{rule}

With many comparisons, some p values are below 0.05 by chance: *Holm* says which
supported ones remain after Holm's correction over all {count} comparisons on
real ground.

In the column *whose*, 000, 001 and 002 are the three unpublished texts that
this course began with, and "course" is a lesson. The laboratory is a network of
half a million parameters on drawn pictures, judged by the same rule and margin,
with accuracy in place of the AUC (but for *histology*), and the source task's
own accuracy in place of the agreement.
"""

SECOND = """\
`python -m benchmarks.real_ground --second` makes each experiment again with as
many other seeds, and the settings as they were chosen; the rows lie in
`data/experiments/second_seeds/`. Judged by the same rule and margins, {same} of
{claims} claims got the same verdict, and {alike} of {comparisons} comparisons.
In the column *again* stands the second verdict, if it is another one. Rely on
what came out twice.
"""

COST = """## What a step costs

A step of 16 pictures of 160 pixels, by what is trained, and whether what lies
before is computed once or in each step; `python -m benchmarks.real_ground.cost`
on two cores. Seconds of processors hardly depend on what else a machine does.
Megabytes are what memory rose by at most.
"""


def compared(second=False):
    """Returns what was compared, claim by claim.

    Args:
        second: Whether by the second seeds.

    Returns:
        A list of experiments, claims, and dicts of differences on real ground.
    """
    found = []
    for name in NAMES:
        one = experiment(name)
        seeds = one.second_seeds if second else one.seeds
        rows = runner.read(one.path(runner.SECOND if second else runner.FOLDER))
        for claim in one.claims:
            if some := differences.find(claim, rows, seeds):
                found.append((one, claim, some))
    return found


def tables():
    """Returns what lesson 03c reads: by name of a file, its text."""
    claims, rows = [], []
    for one, claim, real in compared():
        command, drawn = laboratory.find(claim)
        said = claim.id, claim.sentence, claim.source, claim.metric
        claims.append((*said, claim.margin, _command(one), command))
        rows += [
            (claim.id, ground, name, seed, difference)
            for ground, some in (("real ground", real), ("laboratory", drawn))
            for name, values in some.items()
            for seed, difference in enumerate(values)
        ]
    columns = "id", "sentence", "whose", "metric", "margin", "command"
    return {
        "ledger_claims.csv": _csv((*columns, "laboratory_command"), claims),
        "ledger.csv": _csv(
            ("claim", "ground", "compared", "seed", "difference"), rows
        ),
    }


def _csv(head, rows):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([head, *rows])
    return file.getvalue()


def _command(one):
    return f"python -m benchmarks.real_ground {one.name}"


def text():
    """Returns the ledger, as Markdown."""
    found = [
        (one, claim, *verdicts.judge_all(some, claim.margin))
        for one, claim, some in compared()
    ]
    parts = [part for *_, some in found for part in some]
    holm = verdicts.holm([part.p for part in parts])
    survives = {
        id(part): yes and part.verdict == verdicts.SUPPORTED
        for part, yes in zip(parts, holm, strict=True)
    }
    counts = collections.Counter(verdict for _, _, verdict, _ in found)
    counted = ", ".join(f"{n} {name}" for name, n in counts.most_common())
    again, agreement = _second_seeds(found)
    summary, details = [], []
    for one, claim, verdict, some in found:
        there, seen = verdicts.judge_all(
            laboratory.find(claim)[1], claim.margin
        )
        link = f"[`{claim.id}`](#{claim.id})"
        told = verdict
        if len(some) < len(claim.comparisons):
            told += f" ({len(some)} of {len(claim.comparisons)} compared yet)"
        row = link, claim.sentence, claim.source, told, again.get(claim.id, "")
        summary.append((*row, there or "not tried"))
        metric = claim.metric[0].upper() + claim.metric[1:]
        details.append(
            f"## {claim.id}\n\n{claim.sentence}\n\n{metric}; "
            f"{some[0].seeds} seeds; a difference of {claim.margin:g} counts; "
            f"`{_command(one)}`\n\n{_where(one, claim)}"
            + _differences(some, survives)
        )
        if seen:
            details[-1] += (
                f"\nIn the laboratory, {seen[0].seeds} seeds:\n\n"
                + _differences(seen)
            )
    rule = verdicts.__doc__.split("\n\n", 1)[1].strip()
    head = "id", "claim", "whose", "real ground", "again", "laboratory"
    return "\n".join(
        [
            HEAD.format(rule=rule, count=len(parts)),
            f"{len(found)} claims, on real ground: {counted}.\n",
            agreement,
            _table(head, summary),
            *details,
            *_costs(),
        ]
    )


def _where(one, claim):
    """Returns where the course treats a claim, or shows its experiment."""
    name = f"`{claim.id}`"
    rows = PATH.with_name("claims.md").read_text("utf-8").splitlines()
    places = [r.strip("| ").rsplit(" | ", 1)[-1] for r in rows if name in r]
    shown = rf"{name}|\.\w+\(\"{one.name}\"|real_(ground )?{one.name}\b"
    lessons = sorted((PATH.parents[1] / "lessons").glob("*.py"))
    places += [
        p.stem for p in lessons if re.search(shown, p.read_text("utf-8"))
    ]
    return f"Where: {'; '.join(places) or 'in no lesson'}\n\n"


def _second_seeds(found):
    """Returns by claim whether the second seeds agree, and how many do."""
    first = {claim.id: (verdict, some) for _, claim, verdict, some in found}
    again, alike, same = {}, [], 0
    for _, claim, differing in compared(second=True):
        verdict, some = verdicts.judge_all(differing, claim.margin)
        before, then = first.get(claim.id, ("", []))
        if len(some) == len(then):  # all were made
            pairs = zip(then, some, strict=True)
            alike += [a.verdict == b.verdict for a, b in pairs]
            same += verdict == before
            again[claim.id] = "yes" if verdict == before else verdict
    if not again:
        return again, ""
    return again, SECOND.format(
        same=same,
        claims=len(again),
        alike=sum(alike),
        comparisons=len(alike),
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
    """Writes the page and the tables."""
    written = {PATH: text()}
    written |= {runner.FOLDER / name: rows for name, rows in tables().items()}
    for path, content in written.items():
        path.write_text(content, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
