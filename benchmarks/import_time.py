"""How long does importing the package take?

    python -m benchmarks.import_time

Prints the median of several fresh processes, less an empty one's.
"""

import statistics
import subprocess
import sys
import time

REPEATS = 9
STATEMENTS = (
    "import course_utils",
    "from course_utils import course",
    "from course_utils import course; print(course.quiz('00'))",
    "import tensorflow",
)


def seconds(statement: str) -> float:
    """Return the wall-clock seconds of one fresh process."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", statement], check=True, capture_output=True
    )
    return time.perf_counter() - start


def main() -> None:
    """Print one line a statement."""
    empty = statistics.median(seconds("pass") for _ in range(REPEATS))
    for statement in STATEMENTS:
        took = statistics.median(seconds(statement) for _ in range(REPEATS))
        print(f"{took - empty:6.2f} s  {statement}")


if __name__ == "__main__":
    main()
