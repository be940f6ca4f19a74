"""Odd but honest notebooks of lesson 02, for `benchmarks.classroom_honest`.

What is done to them costs a student nothing in JupyterLab, so it must cost no
point either.
"""

import base64
import json
import re
from collections.abc import Callable

from course_utils.classroom.submitted_answers import name_in

_NAMED = re.compile(r"# (exercise|question): (\S+)")
_LINE = "A line of a log that nobody reads."
_PICTURE = base64.b64encode(bytes(range(256)) * 400).decode()
_MARKDOWN = {"cell_type": "markdown", "metadata": {}}
_CODE = {"cell_type": "code", "metadata": {}, "outputs": []}
_CODE |= {"execution_count": None}


def _code(notebook):
    return [one for one in notebook["cells"] if one["cell_type"] == "code"]


def _place(notebook, name):
    """Where the cell of an exercise stands; "" is the set-up."""
    [place] = [
        number
        for number, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code"
        and (
            name_in(cell["source"]) == name
            if name
            else "course.begin(" in cell["source"]
        )
    ]
    return place


def _check(notebook, name):
    text = f'course.exercise("{name}").check('
    [cell] = [one for one in notebook["cells"] if text in one["source"]]
    return cell


def _below(name, source):
    """Return an oddity: a cell of the student's own, below another."""

    def add(notebook):
        cell = {**_CODE, "source": source}
        notebook["cells"].insert(_place(notebook, name) + 1, cell)

    return add


def _without_ids(notebook):
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        cell.pop("id", None)


def _other_kernel(notebook):
    kernel = {"name": "übung-2", "display_name": "Python (Übung 2)"}
    notebook["metadata"] = {"kernelspec": kernel, "accelerator": "GPU"}
    notebook["metadata"]["colab"] = {"provenance": [], "toc_visible": True}


def _windows_lines(notebook):
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n")


def _lists_of_lines(notebook):
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)


def _large_outputs(notebook):
    stream = {
        "output_type": "stream",
        "name": "stdout",
        "text": f"{_LINE}\n" * 30_000,
    }
    shown = {"output_type": "display_data", "metadata": {}}
    shown["data"] = {"image/png": _PICTURE, "text/html": "<b>table</b>"}
    for cell in _code(notebook)[:5]:
        cell |= {"outputs": [stream, shown], "execution_count": 7}


def _html(notebook):
    text = '<div style="color:red"><script>alert(1)</script># exercise: q2'
    pictures = {"photo.png": {"image/png": _PICTURE}}
    note = {**_MARKDOWN, "source": text, "attachments": pictures}
    raw = {"cell_type": "raw", "metadata": {}, "source": "# exercise: fe-03"}
    notebook["cells"][:0] = [note, raw]


def _other_metadata(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] = {"slideshow": {"slide_type": "skip"}}


def _moved(notebook):
    exercise = notebook["cells"].pop(_place(notebook, "fe-06"))
    check = _check(notebook, "fe-06")
    notebook["cells"].remove(check)
    notebook["cells"] += [exercise, check]


def _check_first(notebook):
    check = _check(notebook, "fe-09")
    notebook["cells"].remove(check)
    notebook["cells"].insert(_place(notebook, "") + 1, check)


def _no_checks(notebook):
    for cell in _code(notebook):
        if ").check(" in cell["source"]:
            notebook["cells"].remove(cell)
        lines = cell["source"].split("\n")
        kept = [one for one in lines if not one.startswith("course.quiz(")]
        cell["source"] = "\n".join(kept)


def _no_prose(notebook):
    notebook["cells"] = _code(notebook)


def _one_cell(notebook):
    sources = [cell["source"] for cell in _code(notebook)]
    notebook["cells"] = [{**_CODE, "source": "\n\n".join(sources)}]


def _old_format(notebook):
    cells = [
        {"cell_type": "code", "input": cell["source"], "language": "python"}
        for cell in _code(notebook)
    ]
    notebook |= {"nbformat": 3, "worksheets": [{"cells": cells}]}
    del notebook["cells"]


def _other_comments(notebook):
    forms = [
        lambda kind, name: f"#{kind}:{name.upper()}",
        lambda kind, name: f"##  {kind.upper()} : {name}",
        lambda kind, name: f"#\t{kind.title()} {name} (my second try)",
    ]
    for number, cell in enumerate(_code(notebook)):
        form = forms[number % len(forms)]
        cell["source"] = _NAMED.sub(
            lambda match, form=form: form(*match.groups()), cell["source"]
        )


def _wrong_before(notebook):
    first = (
        "# exercise: fe-07\nmy_threshold, my_cost = 0.5, 0\n"
        'course.exercise("fe-07").check(my_threshold, my_cost)'
    )
    cell = {**_CODE, "source": first}
    notebook["cells"].insert(_place(notebook, "fe-07"), cell)


def _own_names(notebook):
    for cell in _code(notebook):
        cell["source"] = re.sub(r"\bmy_(?=\w)", "größe_", cell["source"])


def _functional(notebook):
    cell = notebook["cells"][_place(notebook, "fe-09")]
    cell["source"] = (
        "# exercise: fe-09\n"
        'kinds = (table["type"] == "poly").to_numpy().astype(int)\n'
        "inputs = keras.Input((features.shape[1],))\n"
        "scaled = keras.layers.BatchNormalization()(inputs)\n"
        'outputs = keras.layers.Dense(2, activation="softmax")(scaled)\n'
        "my_head = keras.Model(inputs, outputs)\n"
        'my_head.compile("adam", "sparse_categorical_crossentropy")\n'
        "my_head.fit(features[train], kinds[train], epochs=10, verbose=0)"
    )


def _magic(notebook):
    cell = notebook["cells"][_place(notebook, "")]
    cell["source"] = f"%matplotlib inline\n{cell['source']}"


def _timed(notebook):
    cell = notebook["cells"][_place(notebook, "fe-03")]
    cell["source"] = f"%%time\n{cell['source']}"


# Cells of a student's own, which need nothing of the lesson.
CELLS = {
    "a megabyte printed": f"for _ in range(30_000):\n    print({_LINE!r})",
    "warnings and a log on stderr": (
        "import logging, sys, warnings\nlogging.basicConfig(level='DEBUG')\n"
        "warnings.warn('Old.', DeprecationWarning)\n"
        "print('error: none', file=sys.stderr)"
    ),
    "an exception": "1 / 0",
    "a call of `sys.exit`": "import sys\nsys.exit('That is all.')",
    "a syntax error": "if True print(",
    "a question asked with `input`": "input('Your name?')",
    "thirty plots left open": (
        "import matplotlib.pyplot as plt\n"
        "for _ in range(30):\n    plt.figure()\n    plt.plot([1, 2])\n"
        "plt.show()"
    ),
    "`%time`, `!echo`": "%time sum(range(9))\n!echo something",
    "`%matplotlib inline`": "%matplotlib inline",
    "a bar of `tqdm.notebook`": (
        "from tqdm.notebook import tqdm\nlist(tqdm(range(3)))"
    ),
    "`%load_ext autoreload`": "%load_ext autoreload\n%autoreload 2",
    "`%pip install` of what is there": "%pip install -q numpy",
    "seeds of its own": (
        "import random\nimport numpy as np\nrandom.seed(7)\nnp.random.seed(7)"
    ),
    "threads of its own": (
        "import os\nfrom threadpoolctl import threadpool_limits\n"
        "os.environ['OMP_NUM_THREADS'] = '2'\nthreadpool_limits(2)"
    ),
    "names in Japanese": "写真の数 = 3\nprint('はい', 写真の数)",
    "`await` at the top": "import asyncio\nawait asyncio.sleep(0)",
    "a module of its own": "%%writefile helper.py\nANSWER = 42",
    "that module imported": "import helper\nprint(helper.ANSWER)",
    "another folder": (
        "import os\nos.makedirs('figures', exist_ok=True)\nos.chdir('figures')"
    ),
    "two processes of joblib": (
        "from joblib import Parallel, delayed\n"
        "print(Parallel(2)(delayed(abs)(n) for n in (-1, 2)))"
    ),
    "`course` under another name": (
        "from course_utils import course as kurs\n"
        "kurs.exercise('fe-03').hint()\nkurs.progress()"
    ),
}


def _cells(*names):
    return {words: _below("", CELLS[words]) for words in names}


# By notebook, what else is odd in it, in the order in which it is done: of two
# cells below the set-up the later one comes to stand above.
ODDITIES: dict[str, dict[str, Callable]] = {
    "with much to say": _cells(
        "a megabyte printed",
        "warnings and a log on stderr",
        "thirty plots left open",
    ),
    "with cells that fail": _cells(
        "an exception", "a call of `sys.exit`", "a syntax error"
    ),
    "with a question": _cells(
        "a question asked with `input`", "`%time`, `!echo`"
    ),
    "with magics": _cells(
        "`%matplotlib inline`",
        "`%load_ext autoreload`",
        "`%pip install` of what is there",
    ),
    "with seeds and threads": _cells("seeds of its own", "threads of its own"),
    "in another folder, with processes": _cells(
        "two processes of joblib", "another folder"
    ),
    "with a module": _cells("that module imported", "a module of its own"),
    "with words of its own": _cells(
        "names in Japanese",
        "`await` at the top",
        "a bar of `tqdm.notebook`",
        "`course` under another name",
    ),
    "from Colab": {
        "nbformat 4.4, whose cells have no ids": _without_ids,
        "the name of another kernel, Colab's metadata": _other_kernel,
    },
    "from Windows": {
        "other metadata in each cell": _other_metadata,
        "Windows line ends": _windows_lines,
        "each source as a list of lines": _lists_of_lines,
    },
    "a hoarder's": {
        "a megabyte of output in each of five cells": _large_outputs,
        "Markdown with HTML and a photograph": _html,
    },
    "out of order": {
        "an exercise and its check at the end": _moved,
        "a check above its exercise": _check_first,
    },
    "without checks": {
        "no checks, and no `course.quiz` lines": _no_checks,
        "no prose": _no_prose,
    },
    "in one cell": {"all in one cell": _one_cell},
    "of 2014": {"nbformat 3": _old_format},
    "with other comments": {
        "comments of exercises in other case and blanks": _other_comments,
        "`%%time` above an exercise": _timed,
    },
    "with second tries": {
        "an exercise answered twice, first wrongly": _wrong_before,
        "its stub again, below the answer": _below(
            "q15",
            "# exercise: fe-03\nkept = my_features, my_labels\n"
            "my_features = ...\nmy_labels = ...\n"
            'course.exercise("fe-03").check(my_features, my_labels)\n'
            "my_features, my_labels = kept",
        ),
    },
    "with names of its own": {
        "names with an umlaut, in answers and checks": _own_names,
    },
    "with other types": {
        "features as float64, labels as a list": _below(
            "fe-03",
            "my_features = my_features.astype('float64')\n"
            "my_labels = [float(one) for one in my_labels]",
        ),
        "another seed for Keras": _below(
            "fe-06", "keras.utils.set_random_seed(7)"
        ),
    },
    "with another model": {
        "a functional model of Keras for scikit-learn's": _functional,
        "`%matplotlib inline` above the imports": _magic,
    },
}


def odd(solved: dict, name: str) -> bytes:
    """Return the file of an odd notebook.

    Args:
        solved: The solved notebook, each source a text.
        name: A key of `ODDITIES`.
    """
    notebook = json.loads(json.dumps(solved))
    for change in ODDITIES[name].values():
        change(notebook)
    return json.dumps(notebook, ensure_ascii=False).encode()
