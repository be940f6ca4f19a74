"""Tell whose a file is by where it lay, as each system leaves its files."""

import collections
import dataclasses
import datetime
import re
import unicodedata
import zoneinfo
from collections.abc import Iterable
from pathlib import PurePosixPath

from course_utils.classroom import class_folder

_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_\w+?_(.*)")
_CANVAS = re.compile(
    r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<rest>.+)", re.I
)
# Canvas counts handing in again "-1", "-2"; browsers count copies " (1)".
_COPY = re.compile(r"(?:-(\d{1,2})| ?\((\d{1,2})\))$")
# Folders that say nothing about who.
_GENERAL = {"submitted", "submissions", "incoming", "attachments", "work"}
_GENERAL |= {"notebooks", "release", "downloads", "src"}


@dataclasses.dataclass(frozen=True)
class Sender:
    """Whose a file is, as far as its path tells.

    Attributes:
        student: Name for the student's folder; empty if it cannot be told.
        number: The student's number in the system; empty if there is none.
        late: `"yes"`, `"no"`, or empty where the system does not say.
        copy: The number of a copy: higher was handed in later.
    """

    student: str
    number: str = ""
    late: str = ""
    copy: int = 0


def sender_of(
    path: PurePosixPath,
    lessons: dict[str, str],
    repositories: str | None = None,
    place: int | None = None,
) -> Sender:
    """Return whose a file is.

    Args:
        path: Where it lay, below what was collected.
        lessons: By number of each lesson, the stem of its notebook.
        repositories: What the names of all folders begin with, if each is a
            repository of GitHub Classroom: the name of the assignment.
        place: Which part of a path is a name of Moodle's or Canvas's, as
            `place_of_names` finds it. Elsewhere one counts only where no
            folder says whose it is: a student may call a file what they like.
    """
    copy = _copy_number(path.stem)
    stems = {_plain(stem) for stem in lessons.values()} | set(lessons)
    for number, part in enumerate(path.parts):
        match = _of_a_system(part)
        if match and (
            number == place or not _telling(path.parts[:number], stems)
        ):
            name = class_folder.file_name(match["name"])
            late = ""
            if "late" in match.re.groupindex:
                late = "yes" if match["late"] else "no"
            return Sender(name, match["id"], late, copy)
    folders = _telling(path.parts[:-1], ())
    if repositories and folders:
        for folder in folders:
            if folder.startswith(repositories):
                name = class_folder.file_name(folder[len(repositories) :])
                return Sender(name, "", "", copy)
    if telling := _telling(path.parts[:-1], stems):
        name = class_folder.file_name(telling[0])
        return Sender(name, "", "", copy)
    rest = _COPY.sub("", path.stem)
    for stem in lessons.values():
        rest = re.sub(re.escape(stem), " ", rest, flags=re.I)
    rest = class_folder.file_name(re.sub(r"[_\s]+", " ", rest))
    if rest == class_folder.file_name(re.sub(r"[_\s]+", " ", path.stem)):
        # Nothing of the lesson's name was in it: this may be any word.
        return Sender("", "", "", copy)
    return Sender(rest, "", "", copy)


def folder_of_all(
    paths: Iterable[PurePosixPath], students: Iterable[str] = ()
) -> PurePosixPath:
    """Return the folder that holds a whole class, and so tells of nobody.

    It holds several folders, two of which have a notebook of the same name,
    and is not named after a student.

    Args:
        paths: Where the notebooks lay, below what was collected.
        students: Those who are known.

    Returns:
        The folder; an empty path if there is none.
    """
    paths, top = list(paths), PurePosixPath()
    while len(paths) > 1:
        inside = [path.relative_to(top).parts for path in paths]
        heads = {parts[0] for parts in inside}
        if len(heads) > 1 or any(len(parts) < 3 for parts in inside):
            break
        top /= heads.pop()
    folders = {}
    for path in paths:
        head, *_ = path.relative_to(top).parts
        folders.setdefault(_plain(path.stem), set()).add(head)
    shared = any(len(heads) > 1 for heads in folders.values())
    told = any(map(_of_a_system, top.parts))
    told |= bool({known_as(part, students) for part in top.parts} & {*students})
    return top if shared and not told else PurePosixPath()


def place_of_names(paths: Iterable[PurePosixPath]) -> int | None:
    """Return which part of most paths is a name of Moodle's or Canvas's.

    Args:
        paths: Where the notebooks lay, below what was collected.

    Returns:
        Its position from 0; None if there is none in half of the paths.
    """
    paths = list(paths)
    found = collections.Counter(
        next((i for i, part in enumerate(p.parts) if _of_a_system(part)), None)
        for p in paths
    )
    del found[None]
    place, count = found.most_common(1)[0] if found else (None, 0)
    return place if 2 * count >= len(paths) else None


def number_of(source: str, student: str) -> str:
    """Return the number that a learning system gave to a student, or nothing.

    Args:
        source: Where the student's file lay.
        student: Name of the student's folder.
    """
    student = re.sub(r" \(\w+\)$", "", student)  # of two of one name
    for match in filter(None, map(_of_a_system, PurePosixPath(source).parts)):
        name = class_folder.file_name(match["name"])
        if known_as(name, [student]) == student:
            return match["id"]
    return ""


def known_as(student: str, names: Iterable[str]) -> str:
    """Return how a list of names spells a student's; itself if it does not.

    Canvas writes "meyeranna" for Anna Meyer.

    Args:
        student: The name of a folder.
        names: Those that notebooks were released to.
    """

    def words(name):
        name = unicodedata.normalize("NFKC", name).casefold()
        return re.findall(r"[^\W_]+", name)

    def turned(name):
        """Return the name in one word, from whichever word it begins."""
        found = words(name)
        return {"".join(found[i:] + found[:i]) for i in range(len(found))}

    told = "".join(words(student))
    found = [name for name in names if told in turned(name)]
    return found[0] if len(found) == 1 else student


def prefix_of_repositories(folders: dict[str, bool]) -> str | None:
    """Return what the names of a class's repositories begin with.

    Args:
        folders: By name of each folder, whether it is a git repository.
    """
    names = sorted(name for name, is_git in folders.items() if is_git)
    if len(names) < 2:
        return None
    first, last = names[0], names[-1]
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    cut = first[:same].rfind("-") + 1
    return first[:cut] or None


def lateness(text: str, due: datetime.datetime | None) -> str:
    """Return whether nbgrader's time stamp is late: yes, no, or empty.

    Args:
        text: Content of `timestamp.txt`, such as
            ``"2026-11-30 10:00:00.1 Europe/Berlin"``.
        due: When the answers were due.
    """
    match = re.fullmatch(r"(\S+[ T]\S+?)(?:\.\d+)?(?: (\S+))?\s*", text)
    if match is None or due is None:
        return ""
    try:
        when = datetime.datetime.fromisoformat(match[1])
        if match[2]:
            when = when.replace(tzinfo=zoneinfo.ZoneInfo(match[2]))
        if (when.tzinfo is None) != (due.tzinfo is None):
            when, due = when.astimezone(), due.astimezone()
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return ""
    return "yes" if when > due else "no"


def _of_a_system(part):
    return _MOODLE.fullmatch(part) or _CANVAS.fullmatch(part)


def _telling(parts, stems):
    """Return the folders that may say whose something is."""
    names = [re.sub(r"(?i)\.zip$", "", part) for part in parts]
    return [
        name
        for name in names
        if name.lower() not in _GENERAL and _plain(name) not in stems
    ]


def _copy_number(stem):
    match = _COPY.search(stem)
    return int(match[1] or match[2]) if match else 0


def _plain(text):
    return _COPY.sub("", text).lower()
