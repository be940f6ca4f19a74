"""A folder of pictures to practise on, with faults planted in it.

Folders of one's own have faults that nobody knows of yet. This one has some
that are known, so that a learner can see which of them an audit finds.
"""

import shutil
import tempfile
from pathlib import Path

from PIL import Image

from course_utils.machine import paths
from course_utils.machine.errors import CourseError
from course_utils.pictures import datasets

# Pictures of each class, taken from the training part of `defects` in the
# order of their names. Three of a class for each of another is a planted
# fault, too.
COUNTS = {
    "crazing": 32,
    "inclusion": 90,
    "rolled-in scale": 80,
    "scratches": 96,
}
EDITED = 6  # pictures of "rolled-in scale" that lie there a second time
ABOUT = "about_these_pictures.txt"
# What was done on purpose, by file.
PLANTED = {
    "crazing/crazing_0020.jpg": "was cut off in the middle",
    "crazing/notes.txt": "is no picture",
    "inclusion/inclusion_0030.jpg": (
        "lies on its side, with a camera's note of that"
    ),
    "inclusion/scratches_0007.jpg": "is a picture of another class",
    "inclusion/scratches_0011_edited.jpg": (
        "is a picture of another class, brightened"
    ),
    "scratches/scratches_0003_copy.jpg": "is a copy",
    "scratches/scratches_0040.png": (
        "has a palette, and is twice as large as the others"
    ),
} | {
    f"rolled-in scale/rolled_in_scale_{number:04}_edited.jpg": (
        "is another picture, brightened and saved again"
    )
    for number in range(1, EDITED + 1)
}


def sample_folder():
    """Makes the sample folder on first use, and returns its path.

    It holds some three hundred drawn pictures of metal, in a folder a class,
    as one's own pictures might lie there: `PLANTED` says what is wrong with
    them, and so does a text file beside the folders. Made offline from the
    data set `"defects"`. A folder that is there already is left as it is, with
    whatever was changed in it; delete it to have it made anew. Introduced in
    lesson 05 (``05_your_own_images``).

    Returns:
        Path of the folder, `sample_pictures` in the learner's work folder.

    Raises:
        CourseError: If the data set is missing or broken, or if the folder
            cannot be written.
    """
    folder = paths.work_dir() / "sample_pictures"
    if folder.is_dir():
        return folder
    source = datasets.dataset_folder("defects") / "train"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        try:
            _fill(scratch / "new", source)
            try:
                # It appears whole or not at all.
                (scratch / "new").rename(folder)
            except OSError:
                # Another process may have been faster.
                if not folder.is_dir():
                    raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise CourseError(
            f"The sample pictures could not be written to {folder} "
            f"({error.strerror or error}): make room there, or set COURSE_WORK "
            "to a folder that you may write."
        ) from error
    return folder


def _fill(folder, source):
    for label, count in COUNTS.items():
        (folder / label).mkdir(parents=True)
        name = _source_name(label)
        for path in sorted((source / name).iterdir())[:count]:
            shutil.copyfile(path, folder / label / path.name)
    crazing, inclusion, scale, scratches = (folder / name for name in COUNTS)

    cut = crazing / "crazing_0020.jpg"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (crazing / "notes.txt").write_text("Ask which camera this was.\n", "utf-8")

    turned = inclusion / "inclusion_0030.jpg"
    with Image.open(turned) as image:
        exif = image.getexif()
        exif[0x0112] = 6  # to be turned by a quarter, clockwise
        lying = image.transpose(Image.Transpose.ROTATE_90)
    lying.save(turned, quality=90, exif=exif)

    shutil.copyfile(
        scratches / "scratches_0007.jpg", inclusion / "scratches_0007.jpg"
    )
    _edit(
        scratches / "scratches_0011.jpg",
        inclusion / "scratches_0011_edited.jpg",
    )
    for number in range(1, EDITED + 1):
        name = f"rolled_in_scale_{number:04}"
        _edit(scale / f"{name}.jpg", scale / f"{name}_edited.jpg")

    shutil.copyfile(
        scratches / "scratches_0003.jpg",
        scratches / "scratches_0003_copy.jpg",
    )
    with Image.open(scratches / "scratches_0040.jpg") as image:
        larger = image.resize((128, 128), Image.Resampling.BICUBIC)
    larger.convert("P").save(scratches / "scratches_0040.png")
    (scratches / "scratches_0040.jpg").unlink()

    lines = [f"{file}: {what}." for file, what in PLANTED.items()]
    lines = ["Faults that were put here on purpose:", "", *lines, ""]
    (folder / ABOUT).write_text("\n".join(lines), "utf-8")


def _source_name(label):
    """Returns what the data set calls a class."""
    return label.replace("-", "_").replace(" ", "_")


def _edit(path, target):
    """Saves a picture again, brightened a little and with more losses."""
    with Image.open(path) as image:
        image.point(lambda value: value * 1.1).save(target, quality=60)
