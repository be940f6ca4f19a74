"""Text as it looks: what only a computer tells apart is made the same."""

import re
import unicodedata

# The hyphens, dashes and minus signs that word processors and phones write.
_DASHES = re.compile("[\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d]")


def as_typed(text: str) -> str:
    """Return text with one kind of hyphen, blank and accented letter.

    Each hyphen, dash and minus sign becomes ``-``; each run of blanks (also
    those that do not break) one blank, none at the ends; an accent is part of
    its letter; and characters without width are left out.
    """
    text = _DASHES.sub("-", unicodedata.normalize("NFC", text))
    text = "".join(
        " " if unicodedata.category(character) == "Zs" else character
        for character in text
        if unicodedata.category(character) != "Cf"
        and not "\ufe00" <= character <= "\ufe0f"  # how an emoji is drawn
    )
    return " ".join(text.split())
