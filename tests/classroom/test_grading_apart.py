"""Nothing that a submission does earns what it has not answered."""

import collections
import decimal
import fractions
import io
import json
import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from benchmarks import classroom_cheats, odd_notebooks
from course_utils.classroom import (
    class_folder,
    collect,
    containers,
    grading,
    notebook_cells,
    report,
    sandbox,
    submission_frames,
    submission_judging,
    submitted_values,
)
from course_utils.machine.errors import CourseError
from tests.conftest import TOP

PROBLEM = sandbox.problem_of("bubblewrap")
# CI has to have a sandbox: there these tests fail, and are not skipped.
needs_sandbox = pytest.mark.skipif(
    bool(PROBLEM) and not os.environ.get("CI"), reason=PROBLEM or "none"
)
# What is seen of a cheat that nothing keeps apart.
TRACES = [
    ("a packet is sent", "packets"),
    ("another student's work is read", "seen"),
    ("keys, quizzes, solutions are read", "seen"),
    ("`/proc` and the parent's environment are read", "seen"),
]
LESSON = "02_feature_extraction"
NOTEBOOK = TOP / "solutions" / f"{LESSON}.ipynb"


def answered(value):
    """A value as it arrives, through JSON and arrays."""
    writer = submitted_values.Writer()
    head = {"given": [writer.write(value)]}
    [(head, arrays)] = submission_frames.unpack(
        submission_frames.pack(head, writer.arrays)
    )
    return submitted_values.read(head["given"][0], arrays)


@needs_sandbox
@pytest.mark.parametrize("name", classroom_cheats.CHEATS)
def test_a_cheat_earns_what_was_honest_and_leaves_no_trace(name):
    found = classroom_cheats.try_cheat(name)
    assert found["earned"] == 1
    assert not found["written outside"]
    assert not found["packets"]
    assert not found["seen"]


@pytest.mark.parametrize("kind", containers.PROGRAMS)
def test_podman_and_docker_keep_the_same_cheats_apart(kind):
    if problem := sandbox.problem_of(kind):
        pytest.skip(problem)
    for name in (
        *(name for name, _ in TRACES),
        "a file is written outside",
        "root is asked for",
        "a flood of output",
        "all of the memory",
        "the process ends itself",
    ):
        found = classroom_cheats.try_cheat(name, kind)
        assert found["earned"] == 1, name
        assert not found["written outside"] and not found["packets"], name
        assert not found["seen"], name


def test_what_a_container_was_killed_for_leaves_none():
    if problem := sandbox.problem_of("docker"):
        pytest.skip(problem)
    limits = sandbox.Limits(seconds=1)
    found = sandbox.run("docker", ["-c", "while 1: pass"], b"", limits)
    assert found.killed == "it computed for more than 1 seconds"
    listed = ["docker", "ps", "--all", "--filter", "name=course-", "--quiet"]
    # The service removes it a moment later.
    for _ in range(60):
        if not (left := subprocess.check_output(listed)):
            break
        time.sleep(0.5)
    assert left == b""


@pytest.mark.parametrize(("name", "trace"), TRACES)
def test_without_a_sandbox_the_same_cheats_leave_traces(name, trace):
    assert classroom_cheats.try_cheat(name, "none")[trace]


@needs_sandbox
def test_a_cell_that_ends_the_process_costs_itself_only():
    cells = [
        classroom_cheats.HONEST,
        "import os\nos._exit(1)",
        'course.quiz("02").answer("q8", "tuned")',
        "# exercise: fe-03\n1 / 0",
        "import sys\nprint('a warning', file=sys.stderr)",
        'course.quiz("02").answer("q12", "scores")',
        # Without a check: the answer alone.
        "answer_q14 = 'patients'",
    ]
    reference = classroom_cheats.reference()
    task = {"folder": "nowhere", "lesson": "02", "sandbox": "bubblewrap"}
    records, problem, _ = grading.run_apart(
        task, cells, reference, classroom_cheats.LIMITS
    )
    points = {"q6": 1, "q8": 2, "q12": 1, "q14": 1, "fe-03": 2}
    items = submission_judging.judge("02", records, points, reference)
    assert not problem
    assert [item["earned"] for item in items] == [1, 2, 1, 1, 0]
    assert "ZeroDivisionError" in items[-1]["message"]
    assert "(line 2: `1 / 0`)" in items[-1]["message"]


@needs_sandbox
def test_cells_of_a_students_own_cost_nothing():
    cells = [classroom_cheats.HONEST, *odd_notebooks.CELLS.values()]
    stub = '#QUESTION: Q8\ncourse.quiz("02").answer("q8", {})'
    cells += [stub.format("'tuned'"), stub.format("...")]
    reference = classroom_cheats.reference()
    task = {"folder": "nowhere", "lesson": "02", "sandbox": "bubblewrap"}
    records, problem, _ = grading.run_apart(task, cells, reference)
    items = submission_judging.judge(
        "02", records, {"q6": 1, "q8": 2}, reference
    )
    assert not problem
    assert [item["earned"] for item in items] == [1, 2]
    told = [h["message"] for h, _ in records if h["kind"] == "stopped"]
    kinds = {one.split(":")[0] for one in told}
    # A NameError is that of the checks whose answers are not there.
    assert kinds == {
        *("ZeroDivisionError", "SystemExit", "SyntaxError", "EOFError"),
        "NameError",
    }, told


@pytest.mark.parametrize(
    ("code", "patience", "killed"),
    [
        ("import time; time.sleep(2)", 100, ""),
        ("import time; time.sleep(60)", 2, "it did not end in 2 seconds"),
        ("while 1: pass", 100, "it computed for more than 1 seconds"),
    ],
)
def test_who_waits_has_longer_than_who_computes(
    monkeypatch, code, patience, killed
):
    monkeypatch.setattr(
        "course_utils.classroom.sandbox_contents.PATIENCE", patience
    )
    limits = sandbox.Limits(seconds=1)
    assert sandbox.run("none", ["-c", code], b"", limits).killed == killed


def test_where_there_is_no_sandbox_nothing_is_run(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CourseError, match="without a sandbox"):
        sandbox.choose()
    assert sandbox.choose(trust_submissions=True) == "none"
    with pytest.raises(CourseError, match="podman was not found.*docker"):
        sandbox.choose("podman")
    with pytest.raises(CourseError, match="'bubblewrap' or 'podman'"):
        sandbox.choose("chroot")


@pytest.mark.parametrize(
    "value",
    [0.25, True, None, "word", [1, "a", [2.5]], {"a": (1, 2)}, np.float32(2)],
)
def test_values_arrive_as_they_were(value):
    def plain(one):
        if isinstance(one, dict):
            return {key: plain(x) for key, x in one.items()}
        return list(map(plain, one)) if isinstance(one, list | tuple) else one

    assert plain(answered(value)) == plain(value)


def test_arrays_arrive_whole_and_objects_as_their_name():
    array = np.arange(6, dtype="float32").reshape(2, 3)
    assert np.array_equal(answered(array), array)
    assert type(answered(random.Random())).__name__ == "Random"
    assert answered(...) is ...


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.deque([1]), [1]),
        ({"a": 1}.keys(), ["a"]),
        (collections.namedtuple("Pair", "x y")(1, 2), [1, 2]),
        (fractions.Fraction(1, 2), 0.5),
        (decimal.Decimal("0.5"), 0.5),
        (np.longdouble("0.5"), 0.5),
        (np.bool_(True), True),
    ],
)
def test_values_of_other_kinds_arrive_as_plain_ones(value, plain):
    found = answered(value)
    assert found == plain and type(found) is type(plain)


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("statistics scale", 1),
        ("Statistics; scale.", 1),
        (["Statistics", "scale"], 1),
        ("statistics", 0.5),
        ("a, b", None),
        (np.zeros(3), None),
        ([["statistics"]], None),
    ],
)
def test_choices_are_read_as_the_notebook_reads_them(answer, share):
    writer = submitted_values.Writer()
    head = {"kind": "question", "id": "q2", "given": [writer.write(answer)]}
    [item] = submission_judging.judge(
        "02", [(head, writer.arrays)], {"q2": 1}, None
    )
    assert item["share"] == (share or 0)
    assert (item["verdict"] == "error") == (share is None), item


_RIGHT = '# exercise: fe-06\nmy_counts = {"all layers": (0, 0)}\n'
_RIGHT += 'my_frozen = ["all layers"]'
_CHECK = 'course.exercise("fe-06").check(my_counts, my_frozen, suspects)'


@pytest.mark.parametrize(
    ("cells", "earned"),
    [
        (["# exercise: fe-06\nmy_counts = my_frozen = ...", _CHECK, _RIGHT], 2),
        ([_RIGHT.replace("0, 0", "9, 0"), _CHECK, _RIGHT], 2),
        ([_RIGHT, _CHECK, "# exercise: fe-06\nmy_counts = ..."], 2),
        ([_RIGHT, _CHECK, "# exercise: fe-06\nmy_counts = 1 / 0"], 2),
        ([_RIGHT, _CHECK, _RIGHT.replace("0, 0", "9, 0")], 0),
    ],
)
def test_the_last_answer_counts_wherever_its_check_stands(cells, earned):
    begun = "from course_utils import course\nsuspects = None"
    assert earned_by([begun, *cells], {"fe-06": 2}) == [earned]


def test_a_cell_whose_process_dies_is_told():
    cells = [
        "from course_utils import course",
        f"{_RIGHT}\nimport os\nos.abort()",
    ]
    cells += [_CHECK, 'course.quiz("02").answer("q8", "tuned")']
    reference = classroom_cheats.reference()
    task = {"folder": "nowhere", "lesson": "02", "sandbox": "none"}
    records, _, _ = grading.run_apart(task, cells, reference)
    dead, fine = submission_judging.judge(
        "02", records, {"fe-06": 2, "q8": 1}, reference
    )
    assert dead["verdict"] == "error" and grading.ENDED in dead["message"]
    assert fine["earned"] == 1


def test_the_seconds_of_an_answer_are_those_of_its_own_cell():
    cells = ["from course_utils import course\nsuspects = None"]
    cells += [f"{_RIGHT}\nimport time\ntime.sleep(0.3)", _CHECK]
    task = {"folder": "nowhere", "lesson": "02", "sandbox": "none"}
    records, _, _ = grading.run_apart(task, cells, classroom_cheats.reference())
    [seconds] = [h["seconds"] for h, _ in records if h.get("id") == "fe-06"]
    assert 0.3 <= seconds < 30


def test_a_cell_that_takes_too_long_costs_itself_only():
    cells = ["from course_utils import course", "# exercise: fe-06\nwhile 1: 0"]
    cells += ['course.quiz("02").answer("q8", "tuned")']
    reference = classroom_cheats.reference()
    task = {"folder": "nowhere", "lesson": "02", "sandbox": "none"}
    limits = sandbox.Limits(seconds=60, cell_seconds=1)
    records, problem, _ = grading.run_apart(task, cells, reference, limits)
    slow, fine = submission_judging.judge(
        "02", records, {"fe-06": 2, "q8": 1}, reference
    )
    assert not problem and fine["earned"] == 1
    assert "longer than 1 seconds" in slow["message"]


def test_a_wrong_answer_shows_its_misconception():
    given = [("q8", "untuned"), ("q8", "tuned")]
    told = [
        submission_judging.judge(
            "02",
            [({"kind": "question", "id": name, "given": [answer]}, {})],
            {name: 1},
            None,
        )[0]["misconception"]
        for name, answer in given
    ]
    assert told[0] and told[1] is None


def test_what_is_compressed_is_not_unpacked():
    file = io.BytesIO()
    np.savez_compressed(file, a0=np.zeros(9))
    head, body = b"{}", file.getvalue()
    frame = (
        b"FRAM" + len(head).to_bytes(4, "big") + len(body).to_bytes(4, "big")
    )
    [(_, arrays)] = submission_frames.unpack(frame + head + body)
    assert arrays == {}


def test_answers_to_another_lessons_quiz_are_no_answers():
    here, there = (
        f'course.quiz("{lesson}").answer("q8", "{answer}")'
        for lesson, answer in (("02", "tuned"), ("01", "depthwise"))
    )
    begun = "from course_utils import course"
    assert earned_by([begun, here, there], {"q8": 1}) == [1]
    own = "# question: q8\nanswer_q8 = 'tuned'"
    assert earned_by([begun, there, own], {"q8": 1}) == [1]


def earned_by(cells, points):
    """What each item earns, of a submission that is trusted."""
    reference = classroom_cheats.reference()
    task = {"folder": "nowhere", "lesson": "02", "sandbox": "none"}
    records, problem, _ = grading.run_apart(task, cells, reference)
    assert not problem
    items = submission_judging.judge("02", records, points, reference)
    return [item["earned"] for item in items]


def test_what_is_forged_is_read_within_bounds():
    rows = np.zeros((10**8, 0), bool)
    frame = submission_frames.pack({}, {"a0": rows, "a1": np.zeros((0, 9))})
    [(_, arrays)] = submission_frames.unpack(frame)
    assert list(arrays) == ["a1"]
    frame = submission_frames.pack({})
    many = list(submission_frames.unpack(frame * 30_000))
    assert len(many) == submission_frames.MOST_FRAMES
    found = submitted_values.read({"list": [{}] * 100_000}, {})
    assert len({type(one) for one in found}) == 1
    found = submitted_values.read({"list": [0] * 600_000}, {})
    assert type(found).__name__ == "nothing readable"
    head = {"kind": "exercise", "id": "fe-03", "given": [0] * 10**6}
    [item] = submission_judging.judge("02", [(head, {})], {"fe-03": 2}, None)
    assert item["verdict"] == "error" and "fewer things" in item["message"]


def test_a_small_frame_is_read_into_no_large_value():
    array = np.zeros(2_000_000, "int8")
    table = {"dict": [[f"c{number}", 0] for number in range(100)]}
    for tree in (
        {"table": [{"array": "a0"}, table]},
        {"table": [{"array": "a0"}, {"dict": [["c", {"list": []}]]}]},
    ):
        found = submitted_values.read(tree, {"a0": array})
        assert type(found).__name__.startswith("table of columns") or (
            type(found).__name__ == "nothing readable"
        )
    twice = {"list": [{"array": "a0"}] * 1000}
    found = submitted_values.read(twice, {"a0": array})
    assert sum(isinstance(one, np.ndarray) for one in found) == 1
    long = submitted_values.read("x" * 2001, {})
    assert type(long).__name__ == "text that is too long"
    frame = submission_frames.pack({"given": [{}] * 1_000_000})
    assert len(list(submission_frames.unpack(frame * 20))) == 4


def test_gradable_says_points_or_a_reason_for_each_item():
    able = submission_judging.gradable("02")
    assert able["fe-03"] == 2 and "fetch" in able["fe-05"]
    assert isinstance(able["q11"], str) and able["q6"] == 1
    with pytest.raises(CourseError, match="cannot be graded"):
        submission_judging.gradable("99")


def broken(notebook, chance):
    """A notebook in which one place holds something else."""
    places = []

    def walk(node):
        keys = node if isinstance(node, dict) else range(len(node))
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(notebook)
    node, key = chance.choice(places)
    odd = [None, -1, 1e400, "", "\ud800", [], {}, [[]], {"cells": 3}, True]
    if chance.random() < 0.2 and isinstance(node, dict):
        del node[key]
    else:
        node[key] = chance.choice(odd)
    return notebook


def test_a_thousand_broken_notebooks_break_nothing(tmp_path, monkeypatch):
    whole = json.loads(NOTEBOOK.read_text("utf-8"))
    whole["cells"] = whole["cells"][:8]
    text, chance = json.dumps(whole), random.Random(0)
    read, students = 0, [f"Student {number:04}" for number in range(1000)]
    for student in students:
        notebook = json.loads(text)
        for _ in range(chance.randint(1, 4)):
            notebook = broken(notebook, chance)
        path = tmp_path / "incoming" / student / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        content = json.dumps(notebook).encode()
        if chance.random() < 0.1:
            content = content[: chance.randrange(len(content))]
        path.write_bytes(content)
        try:
            read += bool(notebook_cells.read_cells(path))
        except CourseError as error:
            assert "What was handed in" in str(error)
    assert 500 < read < 1000
    lesson = {"file": f"{LESSON}.ipynb", "own_seeds": False, "checks": True}
    class_folder.write_class(
        tmp_path, {"lessons": {"02": {**lesson, "points": {"q6": 1}}}}
    )
    assert len(collect(tmp_path)) == 1000
    placed = [
        row["student"]
        for row in class_folder.read_collected(tmp_path)
        if row["lesson"]
    ]
    assert 900 < len(placed) <= 1000
    # Whatever a cell has said, it can be written down.
    head = {"kind": "stopped", "id": "q6", "message": "half of it: \ud800"}
    monkeypatch.setattr(
        grading, "run_apart", lambda *_: ([(head, {})], "", 1.0)
    )
    monkeypatch.setattr(grading, "_reference_of", lambda task: None)
    monkeypatch.setattr(grading.reference_solutions, "load", lambda path: None)
    # In this process, where the above holds.
    monkeypatch.setitem(sys.modules, "distributed", None)
    some = placed[:100]
    marks = grading.grade(
        tmp_path, students=some, workers=1, trust_submissions=True
    )
    assert len(marks) == 100
    written = report(tmp_path)
    assert "half of it: ?" in written[3].read_text("utf-8")


def test_forged_frames_break_nothing():
    chance = random.Random(0)
    writer = submitted_values.Writer()
    head = {"kind": "exercise", "id": "fe-03", "given": [writer.write([1.5])]}
    whole = submission_frames.pack(head, {"a0": np.arange(5.0)})
    for _ in range(2000):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        records = list(submission_frames.unpack(bytes(content)))
        submission_judging.judge(
            "02", records, {"fe-03": 2}, classroom_cheats.reference()
        )


def test_a_link_is_no_submission(tmp_path):
    (tmp_path / "mine.ipynb").symlink_to(NOTEBOOK)
    with pytest.raises(CourseError, match="link"):
        notebook_cells.read_cells(tmp_path / "mine.ipynb")


@needs_sandbox
def test_marks_come_as_they_are_made_and_are_kept(tmp_path, monkeypatch):
    class_folder.secret_seed(tmp_path)
    lesson = {"file": "02.ipynb", "own_seeds": False, "checks": True}
    lesson["points"] = {"q6": 1, "fe-03": 2}
    class_folder.write_class(tmp_path, {"lessons": {"02": lesson}})
    for student, source in {"A": classroom_cheats.HONEST, "B": None}.items():
        path = tmp_path / "submissions" / student / "02.ipynb"
        path.parent.mkdir(parents=True)
        cell = {"cell_type": "code", "source": source}
        path.write_text(json.dumps({"cells": [cell]}))
    monkeypatch.setattr(grading, "_reference_of", lambda task: None)
    monkeypatch.setattr(
        grading.reference_solutions,
        "load",
        lambda path: classroom_cheats.reference(),
    )
    # In this process, where the above holds.
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert len(grading.grade(tmp_path, dry_run=True)) == 2
    marks = {m["student"]: m for m in grading.grade(tmp_path, workers=1)}
    assert marks["A"]["status"] == "graded"
    assert [item["earned"] for item in marks["A"]["items"]] == [1, 0]
    assert marks["B"]["status"] == "failed" and marks["B"]["message"]
    monkeypatch.setattr(grading, "run_apart", None)  # It would fail.
    again = {m["student"]: m for m in grading.grade(tmp_path, workers=1)}
    assert again == marks
