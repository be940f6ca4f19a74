"""What the steps write into the folder of a class, and what they do not."""

import csv
import json
import stat

import pytest

from course_utils import cli
from course_utils.classroom import (
    class_folder,
    collect,
    export,
    item_statistics,
    reference_solutions,
    release,
    report,
)
from course_utils.classroom.judges import lesson_03_judges
from course_utils.machine.errors import CourseError
from tests.classroom.test_teachers_side import FILE, hand_in, mark, released
from tests.classroom.test_teachers_side import room as room


def contents(folder):
    return {
        path: path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "words",
    [
        "release 02 --points q6=9 --out",
        "collect",
        "report",
        "export --to moodle",
        "export --to canvas",
    ],
)
def test_a_dry_run_writes_nothing(room, words):
    hand_in(room, f"A/{FILE}", released(room))
    mark(room, "A", 2.0)
    before = contents(room)
    assert cli.main(["class", *words.split(), str(room), "--dry-run"]) == 0
    assert contents(room) == before


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    path = tmp_path / "table.csv"
    odd = ["=1+1", "+1+1", "-1+1", "@A1", "\t=1", " =1"]
    class_folder.write_csv(
        path, ["a"], [[one] for one in [*odd, "-", "-1.5", "a\r=1"]]
    )
    with path.open(newline="") as file:
        _, *rows = csv.reader(file)
    assert [row[0] for row in rows] == [
        *(f"'{one}" for one in odd),
        "-",
        "-1.5",
        "a =1",
    ]


def test_nobody_else_reads_the_seed_of_a_class(room):
    path = room / class_folder.SEED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_order_of_choices_gives_nothing_away(room):
    cells = json.loads(released(room))["cells"]
    lists = [
        [
            line.split("`")[1]
            for line in "".join(cell["source"]).splitlines()
            if line.startswith("- `")
        ]
        for cell in cells
        if "**Question q" in "".join(cell["source"])
    ]
    assert sum(map(bool, lists)) > 5
    assert all(names == sorted(names) for names in lists)


@pytest.mark.parametrize("checks", [True, False])
def test_questions_are_judged_at_once_only_where_checks_are_kept(
    tmp_path, checks
):
    [path] = release(tmp_path, ["02"], checks=checks)
    sources = [
        "".join(c["source"]) for c in json.loads(path.read_text())["cells"]
    ]
    asked = [source for source in sources if "# question: q6" in source]
    assert (".answer(" in asked[0]) == checks


def test_a_report_tells_points_lateness_and_means(room):
    nbgrader = room / "incoming" / "submitted" / "A" / "02"
    nbgrader.mkdir(parents=True)
    (nbgrader / FILE).write_bytes(released(room))
    (nbgrader / "timestamp.txt").write_text("2026-12-02 09:00:00 UTC")
    collect(room)
    mark(room, "A", 1.0)
    mark(room, "B", 2.0)
    report(room)
    pages = room / "report" / "feedback"
    assert "Handed in late." in (pages / "A.md").read_text("utf-8")
    assert "Handed in late." in (pages / "A.html").read_text("utf-8")
    assert "Handed in late." not in (pages / "B.md").read_text("utf-8")
    assert "fe-03, failed, 1 of 2.**" in (pages / "A.md").read_text("utf-8")
    assert "</strong>, 1 of 2</p>" in (pages / "A.html").read_text("utf-8")
    [item] = item_statistics.look_at_items(class_folder.read_marks(room))
    assert item.share == 0.75
    path, _ = export(room, "moodle")
    assert "1.0" in path.read_text("utf-8")


def test_pictures_of_other_classes_are_refused(tmp_path):
    for name in lesson_03_judges.CLASSES[:-1]:
        (tmp_path / name).mkdir()
    with pytest.raises(CourseError, match="should have a folder for each"):
        reference_solutions._check_classes(tmp_path, lesson_03_judges)
    (tmp_path / lesson_03_judges.CLASSES[-1]).mkdir()
    reference_solutions._check_classes(tmp_path, lesson_03_judges)
