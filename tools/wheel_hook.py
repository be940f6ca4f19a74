"""Put the course's own files into the wheel, beside the code.

Hatchling calls this. An editable installation needs no copies: there
`course_utils.machine.paths` finds the files in the checkout.
"""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("data", "notebooks", "solutions", "lessons", "docs")


class WheelHook(BuildHookInterface):
    """Adds `FOLDERS` below `course_utils/_course`."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Tell hatchling which files go where in the wheel."""
        if version == "editable":
            return
        top = Path(self.root)
        for folder in FOLDERS:
            for path in sorted((top / folder).rglob("*")):
                inside = path.relative_to(top)
                hidden = any(
                    part.startswith((".", "__")) for part in inside.parts
                )
                if path.is_file() and not hidden:
                    place = Path("course_utils", "_course", inside)
                    build_data["force_include"][str(path)] = place.as_posix()
