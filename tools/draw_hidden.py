"""Draw pictures that nobody in a class has seen, to judge lesson 03 by.

    python -m tools.draw_hidden DIR

DIR is the folder of a class. The pictures of rolled metal are drawn as those of
the course are, from the secret seed of the class, into
`DIR/secret/pictures/03/CLASS/`. Grading takes what lies there, so pictures of
your own, a folder a class, do as well.
"""

import argparse
from pathlib import Path

from course_utils.classroom import class_folder
from course_utils.machine.errors import CourseError
from tools.generators import defects
from tools.make_data import make_defect

LESSON, OF_EACH_CLASS = "03", 50


def draw(folder: Path, count: int = OF_EACH_CLASS) -> Path:
    """Draw the pictures, and return the folder that they are in.

    Args:
        folder: The folder of a class.
        count: How many of each class.

    Raises:
        CourseError: If it is no folder of a class.
    """
    class_folder.read_class(folder)
    top = class_folder.hidden_pictures(folder, LESSON)
    seed = class_folder.student_seed(folder, f"pictures of lesson {LESSON}")
    for name in defects.CLASSES:
        for index in range(count):
            path = top / name / f"{index:04d}.jpg"
            class_folder.write_bytes(path, make_defect(seed, index, name), True)
    return top


def main() -> None:
    """Draw, and say where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    chosen = parser.parse_args()
    try:
        print(f"wrote {draw(chosen.folder)}")
    except CourseError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
