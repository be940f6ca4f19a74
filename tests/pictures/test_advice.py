"""What a message about pictures advises works, word for word."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_utils.machine.errors import CourseError
from course_utils.pictures import (
    audit_folder,
    from_table,
    read_picture,
    split_folder,
)
from tests.pictures.test_folder_audit import fill


def said_by(attempt):
    with pytest.raises(CourseError) as caught:
        attempt()
    return str(caught.value)


def test_the_least_and_the_most_shares(tmp_path):
    for seed, name in enumerate(("ants", "bees")):
        fill(tmp_path, name, 8, 100 * seed)
    audit = audit_folder(tmp_path)
    said = said_by(lambda: split_folder(audit, 0.005, 0.005))
    least, most = re.search(
        r"from (\S+) on, .* most (\S+), such", said
    ).groups()
    least, most = float(least), float(most)
    for pair in ((least, least), (most - 0.09, 0.09), (0.49, most - 0.49)):
        parts = split_folder(audit, *pair).table["split"]
        assert parts.nunique() == 3


@pytest.mark.parametrize("holds_classes", ["train", "test"])
def test_the_part_that_is_named_can_be_audited(tmp_path, holds_classes):
    for part in ("train", "test"):
        fill(tmp_path, part, 3)
    for seed, name in enumerate(("ants", "bees")):
        fill(tmp_path / holds_classes, name, 3, 100 * seed)
    said = said_by(lambda: audit_folder(tmp_path))
    named = re.search(r"such as (.*), which", said).group(1)
    assert audit_folder(named).class_names == ["ants", "bees"]


def test_a_table_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "mine" / "a.png")
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"file": ["a.png"], "label": ["ant"]})
    said = said_by(lambda: from_table(table, class_names=["ant"]))
    renamed = re.search(r"table\.rename\(.*\)", said).group(0)
    renamed = renamed.replace("'old'", "'file'")
    table = eval(renamed, {"table": table})
    said = said_by(lambda: from_table(table, class_names=["ant"]))
    here = re.search(r"as seen from (.*)\.$", said).group(1)
    assert here == str(tmp_path)
    for path in ("mine/a.png", str(tmp_path / "mine" / "a.png")):
        table["image"] = [path]
        assert len(from_table(table, class_names=["ant"])) == 1


def test_pictures_of_several_sizes_are_resized_on_request(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, size in zip(paths, ((8, 8), (12, 6)), strict=True):
        Image.new("RGB", size).save(path)
    table = pd.DataFrame({"image": paths, "label": "ant"})
    said = said_by(lambda: from_table(table, class_names=["ant"]))
    assert "8x8 pixels" in said and "6x12" in said
    options = re.search(r"image_size=\(\d+, \d+\)", said).group(0)
    batches = eval(f"from_table(table, class_names=['ant'], {options})")
    [(images, _)] = batches
    assert images.shape == (2, 160, 160, 3)
    paths[1].write_text("no picture")
    said = said_by(lambda: from_table(table, class_names=["ant"]))
    assert f"{paths[1]} is no picture" in said


@pytest.mark.parametrize("image_size", [None, (8, 8)])
@pytest.mark.parametrize("kind", ["tif", "ppm", "jp2"])
def test_what_tensorflow_does_not_decode_is_told_before(
    tmp_path, kind, image_size
):
    path = tmp_path / f"a.{kind}"
    Image.new("RGB", (8, 8)).save(path)
    table = pd.DataFrame({"image": [path], "label": "ant"})
    make = dict(class_names=["ant"], image_size=image_size)
    said = said_by(lambda: from_table(table, **make))
    assert f"{path} is no picture that TensorFlow can decode, or only" in said
    table["image"] = [path.with_suffix(".png")]
    Image.open(path).save(path.with_suffix(".png"))
    [(images, _)] = from_table(table, **make)
    assert images.shape == (1, 8, 8, 3)


@pytest.mark.parametrize("kind", ["jpg", "png", "gif", "bmp", "webp"])
def test_a_file_cut_short_is_told_before_and_one_with_more_is_read(
    tmp_path, kind
):
    path = tmp_path / f"a.{kind}"
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), "uint8")
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    table = pd.DataFrame({"image": [path], "label": "ant"})
    more = b"" if kind == "bmp" else bytes(40)  # TensorFlow minds it there.
    for content in (whole, whole + more):
        path.write_bytes(content)
        (images, _) = next(iter(from_table(table, class_names=["ant"])))
        assert images.shape == (1, 32, 32, 3)
    path.write_bytes(whole[: len(whole) // 2])
    said = said_by(lambda: from_table(table, class_names=["ant"]))
    assert f"{path} is no picture" in said and "part of one" in said


def odd_files(folder):
    """Files that TensorFlow decodes, and shows otherwise than Pillow."""
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 256, (8, 12, 3), "uint8"))
    clear = colours.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    turned = Image.Exif()
    turned[0x0112] = 6
    colours.save(folder / "turned.jpg", exif=turned, quality=95)
    clear.save(folder / "clear.png")
    clear.save(folder / "clear.webp", lossless=True)
    colours.convert("P").save(folder / "palette.bmp")
    colours.save(
        folder / "moving.webp",
        save_all=True,
        append_images=[clear],
        lossless=True,
    )
    return sorted(folder.iterdir())


def test_odd_files_are_read_as_read_picture_reads_them(tmp_path):
    for path in odd_files(tmp_path):
        table = pd.DataFrame({"image": [path], "label": "ant"})
        [(images, _)] = from_table(table, class_names=["ant"])
        as_read = read_picture(path, images.shape[1:3])
        np.testing.assert_array_equal(images[0], as_read, err_msg=path.name)
    assert images.shape[1:3] == (12, 8), "turned.jpg is upright"
    table = pd.DataFrame({"image": odd_files(tmp_path), "label": "ant"})
    [(images, _)] = from_table(table, class_names=["ant"], image_size=(8, 8))
    assert images.shape == (5, 8, 8, 3)


def test_grey_with_more_than_8_bits_is_told_before(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((8, 8), 4000, "uint16")).save(path)
    table = pd.DataFrame({"image": [path], "label": "ant"})
    said = said_by(lambda: from_table(table, class_names=["ant"]))
    assert "more than 8 bits" in said
    assert "rescale it" in said_by(lambda: read_picture(path))
