"""Arguments: what is right comes back, what is wrong is one sentence."""

import decimal

import numpy as np
import pytest
import tensorflow as tf

from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError
from course_utils.machine.text_arguments import as_typed

HUGE = 10**400
NO_NUMBERS = [
    None,
    ...,
    True,
    np.True_,
    "3",
    b"3",
    3j,
    [3],
    (),
    {},
    object(),
    np.array([3]),
    float("nan"),
    float("inf"),
    decimal.Decimal(3),
    HUGE,
    -HUGE,
]


class Hostile:
    """Whatever is asked of it fails."""

    def __index__(self):
        raise RuntimeError("no")

    __float__ = __array__ = __iter__ = __index__

    def __repr__(self):
        return "Hostile()"


@pytest.mark.parametrize("value", [*NO_NUMBERS, Hostile(), 3.0, 2.5, 0, -1])
def test_no_whole_number_is_a_sentence(value):
    with pytest.raises(CourseError, match=r"steps is .*whole number.*steps=9"):
        arguments.whole_number("steps", value, 9)


@pytest.mark.parametrize("value", [*NO_NUMBERS, Hostile(), 1.5, -0.1])
def test_no_share_is_a_sentence(value):
    with pytest.raises(CourseError, match=r"test is .*from 0 to 1.*test=0.2"):
        arguments.share("test", value, 0.2)


def test_numbers_of_every_make_are_numbers():
    for one in (3, np.int8(3), np.uint64(3), np.array(3), tf.constant(3)):
        whole = arguments.whole_number("n", one, 1)
        assert whole == 3 and type(whole) is int
    for one in (0.5, np.float16(0.5), np.array(0.5), tf.constant(0.5)):
        assert arguments.number("n", one, 1) == 0.5
    assert arguments.number("n", 3, 1) == 3.0


def test_the_message_says_the_range():
    for limits, said in [
        ({"least": 0}, "a finite number from 0 was"),
        ({"above": 0}, "a finite number above 0 was"),
        ({"least": 0, "below": 1}, "from 0 and below 1 was"),
    ]:
        with pytest.raises(CourseError, match=said):
            arguments.number("n", -1, 0.5, **limits)
    with pytest.raises(CourseError, match="whole number from -1 to 256 was"):
        arguments.whole_number("n", 257, 1, least=-1, most=256)
    with pytest.raises(CourseError, match="from 1 to 2147483647 was"):
        arguments.whole_number("n", 2**31, 1)


def test_a_number_is_no_truth_value():
    for value in (True, np.True_):
        assert arguments.choice("shuffle", value, (False, True)) is True
    for value in (1, 0, 1.0, None, [True]):
        with pytest.raises(CourseError, match="shuffle is .*False or True was"):
            arguments.choice("shuffle", value, (False, True))


@pytest.mark.parametrize("far", [(0, 255), (-30, 285), (-64, 319)])
def test_pictures_may_lie_a_little_beyond_as_after_resizing(far):
    array_arguments.check_scale(np.array([*far, 100.5]))


def test_a_seed_may_be_left_to_chance():
    assert arguments.seed(None) is None and arguments.seed(np.int64(7)) == 7
    for value in (-1, 0.5, "0"):
        with pytest.raises(CourseError, match="seed is"):
            arguments.seed(value)


@pytest.mark.parametrize(
    "size",
    [
        64,
        (64,),
        (1, 2, 3),
        (0, 64),
        (6.0, 4),
        (True, True),
        "ab",
        (10**6, 10**6),
        (HUGE, 1),
        (2j, 2),
        (None, 3),
        (np.nan, 3),
        None,
        Hostile(),
    ],
)
def test_no_size_is_a_sentence(size):
    with pytest.raises(CourseError, match=r"size is .*height, width.*\(64, 64"):
        arguments.picture_size(size)


def test_a_size_is_two_ints():
    assert arguments.picture_size(np.array([32, 48])) == (32, 48)
    assert arguments.picture_size([1, 2]) == (1, 2)


@pytest.mark.parametrize("value", ["", "  ", "a\0b", None, 3, b"a", ...])
def test_no_path_is_a_sentence(value):
    with pytest.raises(CourseError, match="path .*for folder"):
        arguments.path("folder", value)


def test_a_path_knows_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert arguments.path("folder", "~/a") == tmp_path / "a"
    assert arguments.path("folder", tmp_path) == tmp_path
    with pytest.raises(CourseError, match="home folder of somebody"):
        arguments.path("folder", "~nobody-of-that-name/a")


@pytest.mark.parametrize(
    "values",
    [["1"], [None], None, [1j], [[1, 2], [3]], [object()], "ab", Hostile()],
)
def test_what_are_no_numbers_is_a_sentence(values):
    with pytest.raises(CourseError, match="Some scores are no numbers"):
        array_arguments.real_array("scores", values)


def test_real_numbers_of_every_precision():
    for kind in ("float16", "bfloat16", "float32", "int8", "bool"):
        array = array_arguments.real_array("scores", tf.cast([0, 1], kind))
        assert array.dtype == "float64" and array.tolist() == [0, 1]
    mixed = np.array([1, 2.5, np.float32(3)], object)
    assert array_arguments.real_array("scores", mixed).tolist() == [1, 2.5, 3]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.9, 0.1], r"hold 0.9, .*argmax.*\(probabilities > 0.5\)"),
        ([0, np.nan], "hold nan, and the index"),
        ([0, np.inf], "hold inf, and the index"),
        ([0, -1], "hold -1, and classes are counted from 0 to 1: leave out"),
        ([0, 2], "hold 2, and classes"),
        ([0, 1e300], "hold 1e.300, and classes"),
        ([], r"not of shape \(0,\)"),
        (0, r"not of shape \(\)"),
        ([[0.9, 0.1]], r"not of shape \(1, 2\): take probabilities.argmax"),
        (["ant"], "no numbers"),
        ([1j], "no numbers"),
        (None, "no numbers"),
    ],
)
def test_what_are_no_classes_is_a_sentence(values, said):
    with pytest.raises(CourseError, match=said):
        array_arguments.class_indices("labels", values, 2)


def test_classes_of_every_make():
    for values in ([0, 1], [0.0, 1.0], [False, True], np.uint8([0, 1])):
        found = array_arguments.class_indices("labels", values, 2)
        assert found.dtype == "int64" and found.tolist() == [0, 1]
    assert array_arguments.class_indices("labels", [700]).tolist() == [700]


@pytest.mark.parametrize("dash", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
def test_text_that_looks_the_same_is_the_same(dash):
    assert as_typed(f"fine{dash}tuning") == "fine-tuning"
    assert as_typed("\u00a0caf\u00e9 \u202f1\u200b \ufeff") == "café 1"
    assert as_typed("cafe\u0301") == "café"
    assert as_typed("10\u00b2") == "10²", "a power is no digit"


def test_a_path_that_cannot_be_looked_up_is_a_sentence():
    with pytest.raises(CourseError, match="looked up at 'a+.*File name too"):
        arguments.path("path", "a" * 5000)


def test_a_set_has_no_order_of_classes():
    with pytest.raises(CourseError, match="a list of the names"):
        arguments.class_names({"benign", "malignant"})
