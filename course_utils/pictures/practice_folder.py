"""A folder of photographs to practise on, with faults planted in it.

Folders of one's own have faults that nobody knows of yet. This one has some
that are known, so that a learner can see which of them an audit finds.
"""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from course_utils.machine import arguments, errors, paths
from course_utils.machine.errors import CourseError
from course_utils.pictures.solar_cells import load_solar_cells, near_boundaries

CELLS_A_MODULE = 22
SURE = {"0.00": "sound", "1.00": "defective"}  # what the experts agreed on
ABOUT = "about_these_pictures.txt"
EDITED = 6  # sound cells that lie there a second time, brightened
WRONG = "lies in the wrong folder"


def sample_folder():
    """Makes the sample folder on first use, and returns its path.

    It holds nearly a thousand photographs of solar cells, in the folders
    `sound` and `defective`, named by module and number such as
    `mono-03_0123.jpg`. Faults are planted among them, as one's own pictures
    might have them: `planted_faults` lists these. A folder that is there
    already is left as it is, with whatever was changed in it; delete it to
    have it made anew. Introduced in lesson 05 (``05_your_own_images``).

    Returns:
        Path of the folder, `sample_cells` in the learner's work folder.

    Raises:
        CourseError: If the photographs are not installed, or if the folder
            cannot be written.
    """
    folder = paths.work_dir() / "sample_cells"
    if os.path.isdir(folder):
        return folder
    table = load_solar_cells()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        try:
            _fill(scratch / "new", table)
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
            f"({errors.os_reason(error)}): make room there, or set "
            "COURSE_WORK to a folder that you may write."
        ) from error
    return folder


def planted_faults(folder):
    """Returns what was done on purpose to the pictures of a sample folder.

    Introduced in lesson 05 (``05_your_own_images``).

    Args:
        folder: Path of the folder.

    Returns:
        A dict from files, as an audit names them, to what was done. It is
        empty for a folder that `sample_folder` did not make.

    Raises:
        CourseError: If `folder` is no path.
    """
    about = arguments.path("folder", folder) / ABOUT
    if not about.is_file():
        return {}
    # Whoever opens it in an editor may leave other lines and letters in it.
    lines = about.read_text("utf-8", "replace").splitlines()[2:]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def _fill(folder, table):
    sure = table[~near_boundaries(table) & table["probability"].isin(SURE)]
    chosen = sure[sure.groupby("inferred_module").cumcount() < CELLS_A_MODULE]
    cells = {label: [] for label in SURE.values()}
    for label in cells:
        (folder / label).mkdir(parents=True)
    for cell in chosen.itertuples():
        label = SURE[cell.probability]
        number = Path(cell.image).stem.removeprefix("cell")
        path = folder / label / f"{cell.inferred_module}_{number}.jpg"
        with Image.open(cell.image) as image:
            image.convert("L").save(path, quality=90)
        cells[label].append(path)
    told = _plant(folder, cells["sound"], cells["defective"])
    lines = [
        f"{path.relative_to(folder).as_posix()}: {what}"
        for path, what in told.items()
    ]
    lines = ["What was done to these pictures on purpose:", "", *lines, ""]
    (folder / ABOUT).write_text("\n".join(lines), "utf-8")


def _plant(folder, sound, defective):
    """Plants the faults, and returns what was done to which file."""
    told = {}
    cut = sound[20]
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    told[cut] = "was cut off in the middle"

    notes = folder / "sound" / "notes.txt"
    notes.write_text("Ask which camera this was.\n", "utf-8")
    told[notes] = "is no picture"

    deep = sound[50].with_suffix(".png")
    values = np.asarray(_replaced(sound[50]), "uint16") * 257
    Image.fromarray(values).save(deep)
    told[deep] = "has 16 bits a pixel"

    image = _replaced(sound[80])
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    lying = image.transpose(Image.Transpose.ROTATE_90)
    lying.save(sound[80], quality=90, exif=exif)
    told[sound[80]] = "lies on its side, with a camera's note of that"

    _replaced(sound[110]).resize((32, 32)).save(sound[110])
    told[sound[110]] = "is a thumbnail"

    palette = defective[30].with_suffix(".png")
    larger = _replaced(defective[30]).resize((600, 600))
    larger.convert("P").save(palette)
    told[palette] = "has a palette, and is twice as large as the others"

    noise = np.random.default_rng(0).integers(0, 8, (300, 300), "uint8")
    _replaced(sound[140])
    Image.fromarray(noise).save(sound[140], quality=90)
    told[sound[140]] = "was taken with the shutter closed"
    _replaced(defective[60])
    Image.fromarray(255 - noise).save(defective[60], quality=90)
    told[defective[60]] = "was exposed for too long"

    copy = sound[170].with_stem(f"{sound[170].stem}_copy")
    shutil.copyfile(sound[170], copy)
    told[copy] = "is a copy"
    both = folder / "sound" / defective[90].name
    shutil.copyfile(defective[90], both)
    told[both] = "is a copy of a picture in the other folder"

    for path in sound[200 : 200 + EDITED]:
        edited = path.with_stem(f"{path.stem}_edited")
        _edit(path, edited)
        told[edited] = "is another picture, brightened and saved again"
    edited = folder / "sound" / f"{defective[120].stem}_edited.jpg"
    _edit(defective[120], edited)
    told[edited] = "is a picture of the other folder, brightened"

    for paths_there, label in (
        (defective[150:300:30], "sound"),
        (sound[300:540:80], "defective"),
    ):
        for path in paths_there:
            wrong = folder / label / path.name
            path.rename(wrong)
            told[wrong] = WRONG
    return told


def _replaced(path):
    """Returns a picture whose file makes room for another."""
    with Image.open(path) as image:
        image.load()
    path.unlink()
    return image


def _edit(path, target):
    """Saves a picture again, brightened a little and with more losses."""
    with Image.open(path) as image:
        image.point(lambda value: value * 1.1).save(target, quality=60)
