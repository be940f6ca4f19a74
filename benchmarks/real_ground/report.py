"""Writes the ledger: each claim and its verdict.

    python -m benchmarks.real_ground.report

writes `docs/ledger.md` from the committed rows; nothing is trained.
"""

from benchmarks.real_ground import NAMES, experiment, runner, verdicts

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
with, "course" is a lesson.

"""


def judged():
    """Judges every claim of every experiment that is complete.

    Returns:
        A list of experiments, claims, verdicts and lists of `verdicts.Judged`.
    """
    found = []
    for name in NAMES:
        one = experiment(name)
        rows = runner.read(one.path())
        for claim in one.claims:
            try:
                verdict, parts = verdicts.judge_claim(claim, rows, one.seeds)
            except LookupError:
                continue  # not all of its runs were made yet
            found.append((one, claim, verdict, parts))
    return found


def text():
    """Returns the ledger, as Markdown."""
    found = judged()
    parts = [part for *_, some in found for part in some]
    kept = verdicts.holm([part.p for part in parts])
    survives = {id(part): yes for part, yes in zip(parts, kept, strict=True)}
    rule = verdicts.__doc__.split("\n\n", 1)[1].strip()
    lines = [HEAD.format(rule=rule, count=len(parts))]
    counts = {}
    for _, _, verdict, _ in found:
        counts[verdict] = counts.get(verdict, 0) + 1
    told = ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items()))
    lines.append(f"{len(found)} claims: {told}.\n\n")
    lines.append(
        "| id | claim | whose | verdict |\n| --- | --- | --- | --- |\n"
    )
    for _, claim, verdict, _ in found:
        lines.append(
            f"| [`{claim.id}`](#{claim.id}) | {claim.sentence} | "
            f"{claim.source} | {verdict} |\n"
        )
    for one, claim, verdict, parts in found:
        lines.append(
            f"\n## {claim.id}\n\n{claim.sentence} *{verdict.capitalize()}.*\n\n"
            f"{claim.metric[0].upper()}{claim.metric[1:]}; "
            f"{parts[0].seeds} seeds; a difference of {claim.margin:g} counts; "
            f"`python -m benchmarks.real_ground {one.name}`\n\n"
            "| compared | difference | 95 % interval | p | verdict | Holm |\n"
            "| --- | --- | --- | --- | --- | --- |\n"
        )
        for part in parts:
            lines.append(
                f"| {part.name} | {part.mean:+.3f} | {part.low:+.3f} to "
                f"{part.high:+.3f} | {part.p:.2g} | {part.verdict} | "
                f"{'yes' if survives[id(part)] else ''} |\n"
            )
    return "".join(lines)


def main():
    """Writes the page."""
    PATH.write_text(text(), encoding="utf-8")
    print(PATH)


if __name__ == "__main__":
    main()
