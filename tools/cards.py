"""Cards: what is known of each data set and weights file.

A card is a TOML file beside the file that it describes. Its upper part is
written by hand (origin, licence, limits, ...). What a tool can measure stands
in tables at the end, which `stamp` writes; nobody types them.
"""

import hashlib
import json
import pathlib
import zipfile

GENERATED = "# Written by a tool from here on: do not edit.\n"


def sha256(path):
    """Returns the SHA-256 checksum of a file, as a hexadecimal string."""
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def describe(file_path):
    """Returns a file's name, size and checksum, as a card lists them.

    Args:
        file_path: Path of the file; of a zip file, members are counted too.
    """
    file_path = pathlib.Path(file_path)
    table = {
        "name": file_path.name,
        "bytes": file_path.stat().st_size,
        "sha256": sha256(file_path),
    }
    if file_path.suffix == ".zip":
        with zipfile.ZipFile(file_path) as archive:
            table["members"] = len(archive.namelist())
    return table


def stamp(card_path, file_path, tables=None):
    """Rewrites the generated part of a card, and leaves the rest as it is.

    Args:
        card_path: Path of the card, whose hand-written part must exist.
        file_path: Path of the file that the card describes.
        tables: Optional dict of further tables, such as
            `{"source_accuracy": {"shape": 0.9}}`, written above `[file]`.
    """
    card_path = pathlib.Path(card_path)
    text = card_path.read_text(encoding="utf-8")
    parts = [text.split(GENERATED)[0].rstrip() + "\n", GENERATED.rstrip()]
    for name, table in {**(tables or {}), "file": describe(file_path)}.items():
        lines = [f"{key} = {_value(value)}" for key, value in table.items()]
        parts.append("\n".join([f"\n[{name}]", *lines]))
    card_path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _value(value):
    """Writes a number, a string or a list of them as TOML."""
    # JSON's notation of these is valid TOML as well.
    return json.dumps(value, ensure_ascii=False)
