"""Print the oldest version of each dependency that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def oldest(requirements: list[str]) -> list[str]:
    """Turn ``name>=1.2,<3`` into ``name==1.2``."""
    pattern = re.compile(r"([\w-]+)>=([\w.]+)")
    return ["==".join(pattern.match(r).groups()) for r in requirements]


if __name__ == "__main__":
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]["test"]
    print("\n".join(oldest(project["dependencies"] + extras)))
