"""A class of twelve fictitious students, to try the steps of a teacher on."""

import datetime
import io
import json
import os
import zipfile
from pathlib import Path

from course_utils.answers import quizzes
from course_utils.classroom import (
    class_folder,
    release_notebooks,
    releasing,
    submitted_answers,
)
from course_utils.machine.errors import CourseError

LESSON = "02"
DUE = datetime.datetime(2030, 1, 7, 9)  # Far enough to look made up.
_FILE = "02_feature_extraction.ipynb"
# Mistakes that learners make: in place of the stub, by exercise.
_WRONG = {
    "fe-06": """\
my_counts = {
    name: (0, len(suspect.trainable_weights))
    for name, suspect in suspects.items()
}
my_frozen = [name for name, counts in my_counts.items() if not sum(counts)]""",
    "fe-03": """\
my_features, my_labels = [], []
for some_pictures, _ in shuffled:
    grids = base_model.predict_on_batch(some_pictures)
    my_features.append(grids.mean(axis=(1, 2)))
for _, some_labels in shuffled:
    my_labels.append(some_labels)
my_features = np.concatenate(my_features)
my_labels = np.concatenate(my_labels)""",
    "fe-05": "my_pipeline = slow_cells.batch(16).map(augment).cache()",
    "fe-07": """\
my_threshold = 0.5
missed = (labels[test] == 1) & (test_scores < 0.5)
in_vain = (labels[test] == 0) & (test_scores >= 0.5)
my_cost = missed.sum() + in_vain.sum()""",
    "fe-09": """\
from sklearn.dummy import DummyClassifier

kinds = (table["type"] == "poly").to_numpy().astype(int)
my_head = DummyClassifier().fit(features[train], kinds[train])""",
}
_CRASH = "my_counts = 1 / 0\nmy_frozen = []"
_COMMENT = "# i think it has to be this way round, see the figure above"


def write_example(
    folder: str | Path, *, own_seeds: bool = False, dry_run: bool = False
) -> list[Path]:
    """Write a class of twelve fictitious students, and what they handed in.

    They are called Student 01 to Student 12. Solved cells are those of the
    lesson; the others hold mistakes that learners make, a crash, a file that
    is cut off. Lesson 02 is released to them. What they handed in lies in
    `incoming/`, so the next step is to collect it. The tables that Moodle and
    Canvas would give out list a Student 13, too, who has handed in nothing.

    Args:
        folder: A folder that is not there yet, or empty.
        own_seeds: Give each student a seed of their own.
        dry_run: Write nothing.

    Returns:
        The files in `incoming/` and the tables of Moodle and Canvas that are
        written, or would be.

    Raises:
        CourseError: If there is something in the folder.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(
            f"{folder} is not empty: name a folder that is not there yet."
        )
    numbers = [f"{number:02}" for number in range(1, 14)]
    names = [f"Student {number}" for number in numbers[:-1]]
    rosters = {folder / k: v for k, v in _rosters(numbers).items()}
    if dry_run:
        files = _files(lambda name, *plan, **more: b"", names)
        paths_written = [folder / "incoming" / path for path, _, _ in files]
        return paths_written + list(rosters)
    students = names if own_seeds else None
    written = releasing.release(folder, [LESSON], due=DUE, students=students)

    def notebook(name, wrong=(), left_out=(), **changes):
        place = names.index(name) if own_seeds else 0
        return _notebook(written[place], wrong, left_out, **changes)

    paths_written = []
    for path, content, hours in _files(notebook, names):
        target = folder / "incoming" / path
        class_folder.write_bytes(target, content)
        stamp = (DUE - datetime.timedelta(hours=hours)).timestamp()
        os.utime(target, (stamp, stamp))
        paths_written.append(target)
    for path, (header, rows) in rosters.items():
        class_folder.write_csv(path, header, rows)
    return paths_written + list(rosters)


def solve(released: str | Path, lesson: str = LESSON) -> bytes:
    """Return a released notebook with all answers right.

    Args:
        released: The notebook, as a student was given it.
        lesson: Number of its lesson.
    """
    return _notebook(released, (), (), lesson=lesson)


def _files(notebook, names):
    """Return each file with its content, and its hours before the due date."""
    exercises = list(_WRONG)
    copied = dict(wrong=["fe-03", "fe-05"], comment=_COMMENT, missed=3)
    return [
        (f"{names[0]}/{_FILE}", notebook(names[0]), 30),
        (
            f"{names[1]}/my homework (2).ipynb",
            notebook(names[1], extra=True, missed=1),
            7,
        ),
        (
            f"{names[2]}/{_FILE}",
            notebook(names[2], (), ["fe-07", "fe-09", "q13", "q15"], missed=2),
            2,
        ),
        (f"{names[3]}/{_FILE}", notebook(names[3], **copied), 51),
        (f"{names[4]}/{_FILE}", notebook(names[4], ["fe-07"], missed=2), -26),
        (f"{names[4]}/timestamp.txt", _late_stamp(), -26),
        (f"{names[5]}.zip", _zipped(notebook(names[5], missed=4)), 12),
        (f"{names[6]}/{_FILE}", notebook(names[6])[:20_000], 1),
        (f"{names[7]}/{_FILE}", notebook(names[7], crash=True, missed=2), 5),
        (f"{names[8]}/{_FILE}", notebook(names[8], (), exercises), 80),
        (
            f"{names[8]}/{_FILE.replace('.ipynb', ' (1).ipynb')}",
            notebook(names[8], ["fe-06", "fe-09"], missed=5),
            3,
        ),
        (
            f"{names[9]}/{_FILE}",
            notebook(names[9], **copied, left_out=["q8", "q12"]),
            40,
        ),
        (
            f"{names[10]}/{_FILE}",
            notebook(
                names[10], ["fe-06", "fe-07", "fe-09"], ["q2", "q3"], missed=6
            ),
            1,
        ),
        (f"{names[11]}/{_FILE}", notebook(names[11], (), ["q7"]), 20),
    ]


def _rosters(numbers):
    """Return the tables of Moodle and Canvas: a header, and rows, by name."""
    moodle = "First name,Last name,ID number,Email address".split(",")
    canvas = "Student,ID,SIS User ID,SIS Login ID,Section".split(",")
    return {
        "roster_moodle.csv": (
            moodle,
            [
                ["Student", one, f"20{one}", f"s{one}@example.org"]
                for one in numbers
            ],
        ),
        "roster_canvas.csv": (
            canvas,
            [["    Points Possible", "", "", "", ""]]
            + [
                [f"{one}, Student", f"50{one}", f"20{one}", f"s{one}", "A"]
                for one in numbers
            ],
        ),
    }


def _late_stamp():
    late = DUE + datetime.timedelta(hours=26)
    return f"{late:%Y-%m-%d %H:%M:%S} UTC\n".encode()


def _zipped(content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(
            zipfile.ZipInfo(_FILE, (2030, 1, 6, 21, 0, 0)), content
        )
        archive.writestr("read me.txt", "This is my homework.")
    return stream.getvalue()


def _notebook(
    released,
    wrong,
    left_out,
    *,
    lesson=LESSON,
    missed=0,
    comment="",
    extra=False,
    crash=False,
):
    """Return a released notebook with answers in it.

    Args:
        released: The notebook that the student was given.
        wrong: Exercises that are answered with a mistake.
        left_out: Exercises and questions that are not answered.
        lesson: Number of its lesson.
        missed: How many questions are answered with a wrong choice.
        comment: A line of the student's own in each wrong exercise.
        extra: Add cells, and move one.
        crash: Let the first exercise end in an error.
    """
    notebook = json.loads(Path(released).read_text("utf-8"))
    solved = _solved_cells(lesson)
    answers = _answers(lesson, missed)
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        name = submitted_answers.name_in(source)
        if cell["cell_type"] != "code" or not name or name in left_out:
            continue
        if crash and name == "fe-06":
            source = _in_place_of_stub(source, _CRASH)
        elif name in wrong:
            text = _WRONG[name]
            source = _in_place_of_stub(
                source, f"{comment}\n{text}" if comment else text
            )
        elif name in solved:
            head = "\n".join(source.split("\n")[:2])
            source = f"{head}\n{solved[name].split(chr(10), 1)[1]}"
        elif name in answers:
            source = source.replace(" = ...", f" = {answers[name]!r}")
        cell["source"] = source
    if extra:
        note = {"cell_type": "markdown", "id": "own", "metadata": {}}
        notebook["cells"].insert(9, {**note, "source": "My own notes."})
        # The last question comes before the one above it.
        notebook["cells"][-3], notebook["cells"][-5] = (
            notebook["cells"][-5],
            notebook["cells"][-3],
        )
    return json.dumps(notebook, indent=1).encode()


def _solved_cells(lesson):
    source = class_folder.lesson_source(lesson)
    cells = release_notebooks.build_cells(
        source.read_text("utf-8"), True, f"lessons/{source.name}"
    )
    return {
        name: cell.source
        for cell in cells
        if cell.cell_type == "code"
        and (name := submitted_answers.name_in(cell.source))
    }


def _answers(lesson, missed):
    """Return answers to all questions, the first few of them wrong."""
    keys = quizzes.load_keys(lesson)
    answers = {}
    for name, question in quizzes.load_questions(lesson).items():
        if question["type"] == "predict":
            answers[name] = 0.8
            continue
        right = keys[name]["answer"]
        answers[name] = right
        if missed and question["type"] == "single":
            choices = [choice["id"] for choice in question["choices"]]
            answers[name] = next(one for one in choices if one != right)
            missed -= 1
    return answers


def _in_place_of_stub(source, code):
    lines = source.split("\n")
    stubs = [release_notebooks.STUB.fullmatch(line) for line in lines]
    first = next(i for i, stub in enumerate(stubs) if stub)
    kept = [line for line, s in zip(lines, stubs, strict=True) if not s]
    return "\n".join([*kept[:first], code, *kept[first:]])
