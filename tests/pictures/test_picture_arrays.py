"""Pictures of any origin arrive as 0..255 in RGB, or one sentence says why."""

import os
import re
import struct
import subprocess
import sys
import zlib

import numpy as np
import PIL.Image
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from course_utils.machine.errors import CourseError
from course_utils.pictures.picture_arrays import MOST_DECODED, read_picture
from course_utils.pictures.picture_files import hash_pixels, read_file

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def save(folder, array, name="picture.png", mode=None, **options):
    image = Image.fromarray(np.asarray(array, "uint8"))
    (image.convert(mode) if mode else image).save(folder / name, **options)
    return folder / name


def plain(colour, height=64, width=64):
    return np.tile(np.uint8(colour), (height, width, 1))


def halves(left, right, height=64, width=64):
    picture = plain(left, height, width)
    picture[:, width // 2 :] = right
    return picture


# Files that are read.


def test_colour_is_read_as_it_is(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    read = read_picture(save(tmp_path, picture))
    assert read.dtype == "float32" and read.shape == (64, 64, 3)
    np.testing.assert_array_equal(read, picture)
    read = read_picture(str(tmp_path / "picture.png"), size=(32, 48))
    assert read.shape == (32, 48, 3) and 0 <= read.min() <= read.max() <= 255


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_is_repeated(tmp_path, mode):
    picture = np.where(np.arange(64) < 20, 0, 255) * np.ones((64, 1))
    read = read_picture(save(tmp_path, picture, mode=mode))
    np.testing.assert_array_equal(read, np.repeat(picture[..., None], 3, -1))


def test_a_palette_becomes_colour(tmp_path):
    path = save(tmp_path, halves(RED, BLUE), "picture.gif", mode="P")
    read = read_picture(path)
    np.testing.assert_allclose(read, halves(RED, BLUE), atol=8)


def test_cmyk_becomes_colour(tmp_path):
    path = save(tmp_path, plain(RED), "picture.jpg", mode="CMYK")
    assert Image.open(path).mode == "CMYK"
    np.testing.assert_allclose(read_picture(path), plain(RED), atol=8)


def test_what_is_transparent_is_white(tmp_path):
    clear = np.dstack([plain(RED), np.full((64, 64), 0)])
    half = np.dstack([plain(RED), np.full((64, 64), 128)])
    read = read_picture(save(tmp_path, clear))
    np.testing.assert_array_equal(read, plain((255, 255, 255)))
    read = read_picture(save(tmp_path, half))
    np.testing.assert_allclose(read, plain((255, 127, 127)), atol=1)


def test_transparency_of_a_palette_and_of_grey_is_white(tmp_path):
    image = Image.fromarray(halves(RED, BLUE)).convert(
        "P", palette=Image.Palette.ADAPTIVE, colors=2
    )
    image.save(tmp_path / "p.png", transparency=image.getpixel((0, 0)))
    expected = halves((255, 255, 255), BLUE)
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png"), expected)
    Image.new("LA", (64, 64), (0, 0)).save(tmp_path / "la.png")
    assert read_picture(tmp_path / "la.png").min() == 255


def test_the_orientation_of_the_camera_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was turned: show it turned to the right.
    left_red = halves(RED, BLUE)
    path = save(tmp_path, left_red, "turned.jpg", exif=exif, quality=95)
    read = read_picture(path)
    np.testing.assert_allclose(read[16, 32], RED, atol=8)
    np.testing.assert_allclose(read[48, 32], BLUE, atol=8)


def test_a_broken_note_of_the_camera_spoils_no_picture(tmp_path):
    note = PngInfo()
    note.add_text("Raw profile type exif", "\nexif\n     4\nzzzz")
    save(tmp_path, plain(RED), "a.png", pnginfo=note)
    save(tmp_path, plain(RED), "b.png")
    assert read_picture(tmp_path / "a.png")[0, 0].tolist() == [*RED]
    facts, _ = read_file(tmp_path / "a.png", (64, 64))
    assert (facts["width"], facts["height"]) == (64, 64)
    both = [hash_pixels(tmp_path / name) for name in ("a.png", "b.png")]
    assert both[0] == both[1]


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    frames = [Image.new("RGB", (64, 64), c) for c in (RED, GREEN, BLUE)]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_picture(path), plain(RED))


def test_the_middle_is_cut_out_and_nothing_stretched(tmp_path):
    wide = np.concatenate([plain(RED), plain(GREEN), plain(BLUE)], axis=1)
    read = read_picture(save(tmp_path, wide))
    np.testing.assert_array_equal(read, plain(GREEN))


def test_making_smaller_averages_instead_of_picking(tmp_path):
    stripes = np.zeros((256, 256))
    stripes[:, ::2] = 255
    read = read_picture(save(tmp_path, stripes))
    assert 110 < read.min() <= read.max() < 145


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 5)])
@pytest.mark.parametrize("size", [(64, 64), (1, 1), (8, 500)])
def test_tiny_and_narrow_pictures_fill_the_size(tmp_path, shape, size):
    read = read_picture(save(tmp_path, np.full(shape, 77)), size)
    np.testing.assert_array_equal(read, np.full((*size, 3), 77))


def test_colour_with_16_bits_keeps_its_upper_8(tmp_path):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">HHH", 65535, 32768, 0) * 2
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    content += chunk(b"IDAT", zlib.compress(row * 2)) + chunk(b"IEND", b"")
    (tmp_path / "deep.png").write_bytes(content)
    read = read_picture(tmp_path / "deep.png", size=(2, 2))
    np.testing.assert_array_equal(read, plain((255, 128, 0), 2, 2))


# Files that are refused.


@pytest.mark.parametrize(
    ("values", "name", "found"),
    [
        (np.uint16([[0, 65535]]), "a.png", "0 to 65535 .mode 'I;16'"),
        (np.uint16([[7, 3000]]), "a.tif", "7 to 3000 .mode 'I;16'"),
        (np.int32([[-1024, 3000]]), "a.tif", "-1024 to 3000 .mode 'I'"),
        (np.float32([[0, 0.5]]), "a.tiff", "0 to 0.5 .mode 'F'"),
    ],
)
def test_more_than_8_bits_are_refused_with_a_line_that_helps(
    tmp_path, monkeypatch, values, name, found
):
    path = tmp_path / name
    Image.fromarray(values).save(path)
    with pytest.raises(CourseError, match=f"{found}.*expected are 8") as raised:
        read_picture(path)
    monkeypatch.chdir(tmp_path)
    line = re.search("`(.*)`", str(raised.value)).group(1)
    exec(line, {"numpy": np, "PIL": PIL})
    rescaled = np.asarray(Image.open("rescaled.png"))
    assert rescaled.dtype == "uint8" and rescaled[0, 0] < rescaled[0, 1]
    assert read_picture("rescaled.png").shape == (64, 64, 3)


def test_a_float_picture_with_nan_is_refused(tmp_path):
    Image.fromarray(np.float32([[0, np.nan]])).save(tmp_path / "a.tif")
    with pytest.raises(CourseError, match="nan.*replace what is NaN"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"I am no picture.\n" * 9, "no picture that Pillow can read"),
        (b"\xff\xd8\xff\xe0 and then nothing of a JPEG", "broken|no picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "broken|no picture"),
        (b"GIF89a", "broken|no picture"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, problem):
    path = tmp_path / "cat.jpg"
    path.write_bytes(content)
    with pytest.raises(CourseError, match=f"cat\\.jpg.*({problem})"):
        read_picture(path)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.bmp", "a.webp"])
def test_a_truncated_picture_is_named(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    path = save(tmp_path, noise, name)
    content = path.read_bytes()
    for length in (len(content) // 2, len(content) // 50):
        path.write_bytes(content[:length])
        with pytest.raises(CourseError, match=f"{name} is (broken|no picture)"):
            read_picture(path)


def test_a_missing_file_a_folder_and_a_pipe_are_named(tmp_path):
    with pytest.raises(CourseError, match=r"none\.jpg does not exist.*path"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(CourseError, match="is a folder: name one"):
        read_picture(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(CourseError, match=r"pipe\.jpg is no plain file"):
            read_picture(tmp_path / "pipe.jpg")


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path, plain(RED))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(CourseError, match="is too large .*4096 pixels"):
        read_picture(path)


@pytest.mark.parametrize(
    "size", [64, (64,), (64, 64, 3), (0, 64), (64, -1), (6.5, 4), None, "ab"]
)
def test_a_size_that_is_none_is_refused(tmp_path, size):
    with pytest.raises(CourseError, match="a pair .height, width. of whole"):
        read_picture(save(tmp_path, plain(RED)), size)


def test_reading_pictures_loads_no_tensorflow():
    code = "import sys, course_utils.pictures.picture_arrays; "
    code += "print('keras' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"


def test_a_picture_that_would_fill_the_memory_is_not_decoded(
    tmp_path, monkeypatch
):
    assert MOST_DECODED * 4 < 2**30 / 4, "and some copies of it"
    monkeypatch.setattr(
        "course_utils.pictures.picture_arrays.MOST_DECODED", 10_000
    )
    bomb = save(tmp_path, plain(RED, 101, 100), "bomb.png")
    with monkeypatch.context() as patch:
        patch.setattr("PIL.ImageFile.ImageFile.load", None)
        with pytest.raises(CourseError, match="too large .100 x 101 pixels"):
            read_picture(bomb)
    # A JPEG is decoded at a half, a quarter or an eighth.
    large = save(tmp_path, halves(RED, BLUE, 400, 600), "large.jpg")
    read = read_picture(large, size=(20, 30))
    np.testing.assert_allclose(read, halves(RED, BLUE, 20, 30), atol=40)
    with pytest.raises(CourseError, match="too large"):
        read_picture(large, size=(300, 300))


def test_a_size_that_would_fill_the_memory_is_refused(tmp_path):
    with pytest.raises(CourseError, match=r"size is .*16,777,216 pixels"):
        read_picture(save(tmp_path, plain(RED)), size=(10**6, 10**6))
