"""Hand out the files of ``data/``, each checked against its card.

Every data set and weight file has a card beside it: a TOML file that says
where it comes from, under which licence, how it was made, and its sha256.
A file that is missing or differs from its card is never used.
"""

import functools
import hashlib
import shlex
import shutil
import tempfile
import tomllib
import zipfile
import zlib
from pathlib import Path, PureWindowsPath

import yaml

from course_utils.machine import arguments, errors, paths
from course_utils.machine.errors import CourseError

KINDS = {
    "datasets": "data set",
    "backbones": "embedded backbone",
    "real": "file of other people",
}


def names(kind: str) -> list[str]:
    """Return the names of all embedded files of one kind, sorted.

    Args:
        kind: ``"datasets"``, ``"backbones"`` or ``"real"``.
    """
    return sorted(p.stem for p in (paths.data_dir() / kind).glob("*.toml"))


def card(kind: str, name: str) -> dict:
    """Return the card of an embedded file.

    Args:
        kind: ``"datasets"``, ``"backbones"`` or ``"real"``.
        name: Name of the file, as in :func:`names`.

    Returns:
        The card's fields; ``card["file"]`` has ``name``, ``bytes`` and
        ``sha256``. A second file has a table of the same form under a name
        of its own.

    Raises:
        CourseError: If there is no such file (with the nearest name), or if
            the card cannot be read.
    """
    kind = arguments.choice("kind", kind, tuple(KINDS))
    arguments.one_of(KINDS[kind], name, names(kind))
    path = paths.data_dir() / kind / f"{name}.toml"
    try:
        facts = tomllib.loads(path.read_text("utf-8"))
        for part in {"file", *tables_of_files(facts)}:
            facts[part]["name"], facts[part]["bytes"], facts[part]["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        shown = f"data/{kind}/{name}.toml"
        raise CourseError(f"{shown} is broken: {_restore(shown)}") from error
    return facts


def read_yaml(path: Path) -> dict:
    """Return what a YAML file holds, which is plain values only.

    Raises:
        CourseError: If it is no YAML.
    """
    # PyYAML's loader in C, where it has it, takes a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_text("utf-8"), Loader=loader)
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CourseError(
            f"{path} cannot be read as YAML ({reason}): mend it, or put back "
            "the course's own."
        ) from error


def verified_file(kind: str, name: str, part: str = "file") -> Path:
    """Return the path of an embedded file whose checksum is right.

    The checksum is computed once a process, and again if the file changes.

    Args:
        kind: ``"datasets"``, ``"backbones"`` or ``"real"``.
        name: Name of the file, as in :func:`names`.
        part: Which of the card's files: its table. Defaults to ``"file"``.

    Raises:
        CourseError: If the file is unknown, missing or broken; the sentence
            says how to restore it.
    """
    facts = card(kind, name)
    known = tables_of_files(facts)
    if part not in known:
        raise CourseError(
            f"data/{kind}/{name}.toml describes no {part!r}: it has "
            f"{' and '.join(map(repr, known))}; ask for one of those."
        )
    expected = facts[part]
    path = paths.data_dir() / kind / expected["name"]
    shown = f"data/{kind}/{expected['name']}"
    if not path.is_file():
        raise CourseError(f"{shown} is missing: {_restore(shown)}")
    status = path.stat()
    found = _sha256(path, status.st_size, status.st_mtime_ns)
    if found != expected["sha256"]:
        raise CourseError(
            f"{shown} is broken ({status.st_size} bytes, sha256 "
            f"{found[:12]}…; its card says {expected['bytes']} bytes, "
            f"{expected['sha256'][:12]}…): {_restore(shown)}"
        )
    return path


def unpacked(name: str) -> Path:
    """Return the folder of a data set, unpacking it on first use.

    The folder appears whole or not at all: the archive is unpacked beside it
    and then renamed, so an interrupt, a full disk or a second process at the
    same time leaves nothing half done.

    Args:
        name: Name of the data set.

    Raises:
        CourseError: If the archive is unknown, missing or broken, if it
            would write outside of its folder, or if the cache folder cannot
            be written.
    """
    archive = verified_file("datasets", name)
    version = card("datasets", name)["file"]["sha256"][:12]
    folder = paths.cache_dir() / f"{name}-{version}"
    shown = f"data/datasets/{archive.name}"
    try:
        with zipfile.ZipFile(archive) as pictures:
            members = [m for m in pictures.infolist() if not m.is_dir()]
            _check_names(members, shown)
            missing = [
                member
                for member in members
                if not _is_whole(folder / member.filename, member)
            ]
            if missing:
                _unpack(pictures, missing, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        # The checksum was right: the card was made for a broken archive.
        raise CourseError(
            f"{shown} agrees with its card and yet is no whole archive "
            f"({error}): {_restore(shown)}"
        ) from error
    except OSError as error:
        raise CourseError(_explain(error, name, archive, folder)) from error
    return folder


def tables_of_files(facts: dict) -> list[str]:
    """Return the tables of a card that describe a file, in its order."""
    return [
        key
        for key, value in facts.items()
        if isinstance(value, dict) and "sha256" in value
    ]


def _restore(shown: str) -> str:
    if not paths.is_clone():
        return "install the course's wheel again (`--force-reinstall`)."
    return (
        f"restore it with `git -C {shlex.quote(str(paths.course_dir()))} "
        f"checkout -- {shown}`, or download the course again."
    )


@functools.cache
def _sha256(path: Path, _size: int, _modified: int) -> str:
    # Size and time are arguments only to make a changed file a new question.
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_names(members: list[zipfile.ZipInfo], shown: str) -> None:
    for member in members:
        # Read as Windows reads it, a path has every separator and root.
        path = PureWindowsPath(member.filename)
        if path.anchor or ".." in path.parts:
            raise CourseError(
                f"{shown} was not unpacked: its member {member.filename!r} "
                f"lies outside of the archive's folder; {_restore(shown)}"
            )


def _is_whole(path: Path, member: zipfile.ZipInfo) -> bool:
    try:
        return path.stat().st_size == member.file_size
    except FileNotFoundError:
        return False


def _unpack(
    pictures: zipfile.ZipFile, missing: list[zipfile.ZipInfo], folder: Path
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="unpacking-", dir=folder.parent))
    try:
        pictures.extractall(scratch / "new", missing)
        try:
            (scratch / "new").rename(folder)
        except OSError:
            # The folder is there: an earlier copy has lost files, or another
            # process was faster. It may be in use, so it is never moved.
            if not folder.is_dir():
                raise
            for member in missing:
                target = folder / member.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                (scratch / "new" / member.filename).replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _explain(error: OSError, name: str, archive: Path, folder: Path) -> str:
    remedy = "make that folder writable"
    if error.errno in errors.FULL:
        remedy = f"free {2 * archive.stat().st_size / 1e6:.0f} MB there"
    return (
        f"The pictures of {name!r} could not be unpacked into "
        f"{folder.parent}: {errors.os_reason(error)}; {remedy}, or set "
        "COURSE_CACHE to a folder that has room and can be written."
    )
