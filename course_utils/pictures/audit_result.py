"""What an audit of a folder says, as data, as text and in a notebook."""

import dataclasses
import html
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.pictures.audit_findings import (
    Finding,
    counted,
    findings_table,
)


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Audit:
    """What is in a folder of pictures; made by `audit_folder`.

    Attributes:
        folder: Path of the folder.
        size: Tuple `(height, width)` in pixels to which pictures were read.
        rows: `pandas.DataFrame` with one row per file: `file` (its path within
            the folder), `label` (the name of its class), `width` and `height`
            in pixels, `mode` and `format` as Pillow names them (`""` where it
            cannot be opened), `frames`, `turned` (whether a camera has noted
            that it was not held upright), `left_out` (why it is not used,
            `""` where it is) and `group` (pictures with the same number go
            together; -1 where it is not used).
        pictures: uint8 array `(rows, height, width, 3)`; zeros where a file
            cannot be read.
        findings: The `Finding`s, in the order in which they were made.
    """

    folder: Path
    size: tuple[int, int]
    rows: pd.DataFrame
    pictures: np.ndarray
    findings: tuple[Finding, ...]

    @property
    def used(self) -> pd.DataFrame:
        """The rows that are used."""
        return self.rows[self.rows["left_out"] == ""]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes that are used, in alphabetical order."""
        return sorted(set(self.used["label"]))

    @property
    def counts(self) -> pd.DataFrame:
        """Number of files, and of those that are used, by class."""
        counts = {
            "files": self.rows["label"].value_counts(),
            "used": self.used["label"].value_counts(),
        }
        counts = pd.DataFrame(counts).fillna(0).astype(int).sort_index()
        return counts.rename_axis("class")

    def summary(self) -> str:
        """Says in a sentence how much is used."""
        return (
            f"{self.folder.name}: {len(self.used)} of {len(self.rows)} files "
            f"are used, in {counted(len(self.class_names), 'class', 'classes')}"
            f", each picture as {self.size[1]} x {self.size[0]} pixels."
        )

    def __repr__(self) -> str:
        """Show the audit as text."""
        lines = [self.summary(), "", self.counts.to_string(), ""]
        for finding in self.findings:
            lines += textwrap.wrap(
                f"- {finding.found} {finding.done}", 76, subsequent_indent="  "
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show the audit in a notebook."""
        return (
            f"<p>{html.escape(self.summary())}</p>"
            + self.counts.reset_index().to_html(index=False, border=0)
            + findings_table(self.findings)
        )
