"""Try to cheat the classroom, and say what it earned.

    python -m benchmarks.classroom_cheats      writes docs/cheats.md

The table is about bubblewrap, podman and docker, and needs all three.

Each cheat is a notebook that answers one question rightly, which is worth its
point, and then does something else to earn more, to look around, or to hurt.
"""

import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from course_utils.classroom import grading, sandbox, submission_judging
from course_utils.classroom.judges import Reference

LESSON = "02"
DOCS = Path(__file__).resolve().parents[1] / "docs" / "cheats.md"
HONEST = (
    "from course_utils import course\n"
    'course.quiz("02").answer("q6", "one-version")'
)
CANARY = "canary-7c1f"
LIMITS = sandbox.Limits(
    seconds=40, cell_seconds=5, memory=2**30, disk=2**26, output=2**24
)
_LEAK = 'course.quiz("02").answer("q8", str({})[:300])'
_FRAMES = (
    "import os\n"
    "from course_utils.classroom import submission_frames as frames\n"
    "def send(content):\n"
    "    for number in range(3, 64):\n"
    "        try:\n"
    "            os.write(number, content)\n"
    "        except OSError:\n"
    "            pass\n"
)
_CHECK = 'course.exercise("fe-03").check({}, {})'

# What it is called, and the cells after the honest one. {port}, {outside} and
# {other} stand for a listener, a file and another's work on this machine.
CHEATS = {
    "the check is patched": [
        "from course_utils.answers import checks\n"
        "checks.Exercise.check = lambda *_: 'passed'\n"
        "course.exercise('fe-03').check(1, 2)"
    ],
    "`course` is replaced in sys.modules": [
        "import sys, types\nfake = types.ModuleType('course')\n"
        "sys.modules['course_utils.course'] = fake\n"
        "sys.modules['course_utils.classroom.submission_judging'] = fake"
    ],
    "evidence is forged": [
        "from course_utils.answers.checks.training_evidence import Evidence\n"
        "forged = Evidence(None, finished=True)\n"
        "course.exercise('fe-09').check(forged, forged, forged)"
    ],
    "a log of progress is forged": [
        "import os\nwork = os.environ['COURSE_WORK']\n"
        "os.makedirs(work, exist_ok=True)\n"
        "open(work + '/progress.jsonl', 'w').write("
        '\'{{"kind": "exercise", "name": "fe-03", "score": 1}}\')'
    ],
    "an input transformer rewrites cells": [
        "get_ipython().input_transformers_cleanup.append("
        "lambda lines: [l.replace('failed', 'passed') for l in lines])",
        _CHECK.format("'failed'", "'failed'"),
    ],
    "`__array__` changes with each look": [
        "import numpy as np\nclass A:\n"
        "    def __array__(self, *a, **k):\n"
        "        return np.full((105, 1280), np.nan)\n"
        "    def __lt__(self, o): return True\n" + _CHECK.format("A()", "A()")
    ],
    "`__eq__` says yes": [
        "class Yes(str):\n    def __eq__(self, o): return True\n"
        "    def __hash__(self): return hash('tuned')\n"
        'course.quiz("02").answer("q8", Yes("x"))\n'
        'course.exercise("fe-06").check(Yes("x"), Yes("x"))'
    ],
    "a mark is sent in place of an answer": [
        _FRAMES + "send(frames.pack({{'kind': 'mark', 'earned': 99}}))\n"
        "send(frames.pack({{'kind': 'exercise', 'id': 'fe-03', 'earned': 9,"
        " 'verdict': 'passed', 'given': []}}))"
    ],
    "a pickle in place of an array": [
        _FRAMES + "import numpy, io, zipfile, json, struct\n"
        "class Evil:\n    def __reduce__(self):\n"
        "        return os.system, ('touch {outside}',)\n"
        "file = io.BytesIO()\n"
        "numpy.savez(file, a0=numpy.array([Evil()], object))\n"
        "head = json.dumps({{'kind': 'exercise', 'id': 'fe-03', 'given':"
        " [{{'array': 'a0'}}, {{'array': 'a0'}}]}}).encode()\n"
        "body = file.getvalue()\n"
        "lengths = struct.pack('>4sII', b'FRAM', len(head), len(body))\n"
        "send(lengths + head + body)"
    ],
    "a bomb of zeros, compressed": [
        _FRAMES + "import numpy, io, json, struct\nfile = io.BytesIO()\n"
        "numpy.savez_compressed(file, a0=numpy.zeros(2**25))\n"
        "head = json.dumps({{'kind': 'exercise', 'id': 'fe-03', 'given':"
        " [{{'array': 'a0'}}] * 2}}).encode()\nbody = file.getvalue()\n"
        "lengths = struct.pack('>4sII', b'FRAM', len(head), len(body))\n"
        "send(lengths + head + body)"
    ],
    "an array that says it has 10**12 numbers": [
        _FRAMES + "import numpy, io, json, struct, zipfile\n"
        "inner = io.BytesIO()\n"
        "numpy.lib.format.write_array_header_1_0(inner, {{'descr': '<f8',"
        " 'fortran_order': False, 'shape': (10**12,)}})\n"
        "file = io.BytesIO()\n"
        "zipfile.ZipFile(file, 'w').writestr('a0.npy', inner.getvalue())\n"
        "head = json.dumps({{'kind': 'exercise', 'id': 'fe-03', 'given':"
        " [{{'array': 'a0'}}] * 2}}).encode()\nbody = file.getvalue()\n"
        "lengths = struct.pack('>4sII', b'FRAM', len(head), len(body))\n"
        "send(lengths + head + body)"
    ],
    "JSON a hundred thousand deep": [
        _FRAMES + "import struct\nhead = b'[' * 100_000\n"
        "send(struct.pack('>4sII', b'FRAM', len(head), 0) + head)"
    ],
    "a fork bomb": [
        "import os\nwhile True:\n    try:\n        os.fork()\n"
        "    except OSError:\n        pass"
    ],
    "an endless loop that swallows interrupts": [
        "while True:\n    try:\n        while True: pass\n"
        "    except BaseException: pass"
    ],
    "a flood of output": [
        "import os, sys\nwhile True:\n    print('x' * 10**6)\n"
        "    os.write(1, b'x' * 10**6)"
    ],
    "a flood of answers": [
        _FRAMES + "while True:\n    send(frames.pack({{'kind': 'x'}}) * 10_000)"
    ],
    "all of the memory": ["a = []\nwhile True: a.append(bytearray(2**26))"],
    "memory that no process has": [
        "import os\nkept = []\nwhile True:\n"
        "    kept.append(os.memfd_create('x'))\n"
        "    os.truncate(kept[-1], 2**24)\n"
        "    os.posix_fallocate(kept[-1], 0, 2**24)"
    ],
    "a folder in memory, in a world of its own": [
        "import subprocess\nsubprocess.run(['unshare', '--map-root-user', "
        "'--mount', 'sh', '-c', 'mount -t tmpfs x /mnt && "
        "head -c 2G /dev/zero > /mnt/x; sleep 3; touch {outside}'])"
    ],
    "all of the disk": [
        "n = 0\nwhile True:\n    n += 1\n"
        "    open(f'/tmp/{{n}}', 'wb').write(b'x' * 2**24)"
    ],
    "`/proc` and the parent's environment are read": [
        "import glob, os\nfound = str(dict(os.environ))\n"
        "for p in glob.glob('/proc/*/environ'):\n"
        "    try: found += open(p).read()\n"
        "    except OSError: pass\n"
        f"found = found[max(0, found.find('{CANARY}')):]\n"
        + _LEAK.format("found")
    ],
    "keys, quizzes, solutions are read": [
        "from course_utils.machine import data_dir\nfound = ''\n"
        "for f in ['keys/02.yml', 'quizzes/02.yml',"
        " '../solutions/02_feature_extraction.ipynb']:\n"
        "    try: found += (data_dir() / f).read_text()\n"
        "    except OSError: pass\n"
        "if found: found = 'canary-7c1f' + found\n" + _LEAK.format("found")
    ],
    "another student's work is read": [
        "try: found = open('{other}').read()\nexcept OSError: found = ''\n"
        + _LEAK.format("found")
    ],
    "a symbolic link to another's work": [
        "import os\nos.symlink('{other}', '/tmp/link')\n"
        "try: found = open('/tmp/link').read()\nexcept OSError: found = ''\n"
        + _LEAK.format("found")
    ],
    "a file is written outside": [
        "import os\nfor p in ['{outside}', '/usr/x', '/etc/x',"
        " '/proc/sys/kernel/core_pattern']:\n"
        "    try: open(p, 'w').write('x')\n    except OSError: pass"
    ],
    "a packet is sent": [
        "import socket\ntry:\n"
        "    socket.create_connection(('127.0.0.1', {port}), 2).send(b'x')\n"
        "except OSError: pass"
    ],
    "root is asked for": [
        "import os\nfor f in (os.setuid, os.setgid):\n"
        "    try: f(0)\n    except OSError: pass\n"
        "os.system('unshare -r touch {outside}; mount -t tmpfs x /usr')"
    ],
    "a time bomb outlives the cell": [
        "import threading, time\n"
        "def later():\n    time.sleep(1)\n    open('{outside}', 'w')\n"
        "threading.Thread(target=later).start()\n"
        "import subprocess\nsubprocess.Popen('sleep 3; touch {outside}',"
        " shell=True, start_new_session=True)"
    ],
    "the process ends itself": ["import os\nos._exit(0)"],
    "the supervisor is killed": [
        "import os, signal\nfor pid in (1, os.getppid(), -1):\n"
        "    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass"
    ],
    "all choices at once": [
        'course.quiz("02").answer("q2", '
        '["statistics", "scale", "convolutions", "file"])'
    ],
    "a second copy of the weights": [
        _FRAMES + "import numpy as np\n"
        "send(frames.pack({{'kind': 'exercise', 'id': 'fe-09', 'given':"
        " [{{'model': 'Dense', 'weights': [{{'array': 'a0'}}] * 2,"
        " 'paths': ['a/kernel'] * 2}}]}}, {{'a0': np.eye(3)}}))"
    ],
}


# Seconds until a cheat has done what it does, whoever it runs under.
LATER = {"a time bomb outlives the cell": 4}


def reference() -> Reference:
    """Return a small reference: judges compare, and nobody was right."""
    random = np.random.default_rng(1)
    scores, labels = random.random(50), random.integers(0, 2, 50)
    features = random.random((105, 1280))
    cells = {
        "type": ["mono", "poly"] * 5,
        "probability": ["0.00", "1.00"] * 5,
        "label": ["sound", "defective"] * 5,
    }
    return Reference(
        {
            "fe-03": [None, None, features, np.zeros(105)],
            "fe-06": [{"all layers": [0, 0]}],
            "fe-07": [None, None, labels, scores, labels, scores],
        },
        {"asked": {}, "cells": cells},
    )


def try_cheat(name: str, kind: str = "bubblewrap") -> dict:
    """Run one cheat, and return what came of it.

    Args:
        name: A key of `CHEATS`.
        kind: Of sandbox.
    """
    with tempfile.TemporaryDirectory() as folder, _listener() as (port, heard):
        outside, other = Path(folder, "outside"), Path(folder, "other.ipynb")
        other.write_text(CANARY)
        places = {"port": port, "outside": outside, "other": other}
        cells = [HONEST, *(c.format(**places) for c in CHEATS[name])]
        task = {"folder": folder, "lesson": LESSON, "sandbox": kind}
        # A process of this machine whose environment holds a secret.
        secret = {"PATH": os.defpath, "CLASS_SECRET": CANARY}
        neighbour = subprocess.Popen(["sleep", "600"], env=secret)
        try:
            records, killed, seconds = grading.run_apart(
                task, cells, reference(), LIMITS
            )
            time.sleep(LATER.get(name, 0))
        finally:
            neighbour.kill()
            neighbour.wait()
        items = submission_judging.judge(
            LESSON, records, _points(), reference()
        )
        told = json.dumps(items)
        return {
            "earned": sum(item["earned"] for item in items),
            "killed": killed,
            "seconds": seconds,
            "written outside": outside.exists(),
            "packets": len(heard),
            "seen": CANARY in told,
        }


def _points():
    able = submission_judging.gradable(LESSON)
    return {k: v for k, v in able.items() if not isinstance(v, str)}


class _listener:  # noqa: N801
    """A port of this machine, and who has connected to it."""

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        heard = []

        def listen():
            try:
                while True:
                    heard.append(self._socket.accept())
            except OSError:
                pass

        threading.Thread(target=listen, daemon=True).start()
        return self._socket.getsockname()[1], heard

    def __exit__(self, *_):
        self._socket.close()


def main() -> None:
    """Try all in each sandbox, and write the table."""
    for kind in sandbox.KINDS:
        if problem := sandbox.problem_of(kind):
            raise SystemExit(f"The table is about all sandboxes; {problem}.")
    lines = [
        "# Cheats, tried",
        "",
        "Made by `python -m benchmarks.classroom_cheats`. Each notebook "
        "answers one question honestly, for 1 point, then tries what its row "
        "says. *Earned* is the total. Limits are tight: 1 GB, 5 seconds a "
        "cell. *Itself*: nothing had to kill it.",
    ]
    for kind in sandbox.KINDS:
        lines += [
            "",
            f"## In {kind}",
            "",
            "| cheat | earned | file outside | connections | secrets seen "
            "| ended by |",
            "| --- | --: | --- | --: | --- | --- |",
        ]
        for name in CHEATS:
            found = try_cheat(name, kind)
            lines.append(
                f"| {name} | {found['earned']:g} "
                f"| {'yes' if found['written outside'] else 'no'} "
                f"| {found['packets']} | {'yes' if found['seen'] else 'no'} "
                f"| {found['killed'] or 'itself'} |"
            )
            print(kind, lines[-1], flush=True)
    DOCS.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
