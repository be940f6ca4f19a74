"""Weights between those of two models, and the mean of several."""

import numpy as np
import pytest

from course_utils.machine.errors import CourseError
from course_utils.transfer import average_weights, interpolate_weights
from tests.tiny_models import base, sequential

FIRST = [np.zeros((2, 3), "float32"), np.ones(3, "float32")]
SECOND = [np.full((2, 3), 4, "float32"), np.full(3, 3, "float32")]


@pytest.mark.parametrize(("share", "found"), [(0, 0), (0.25, 1), (1, 4)])
def test_a_share_of_the_way(share, found):
    kernel, bias = interpolate_weights(FIRST, SECOND, share)
    assert (kernel == found).all() and (bias == 1 + found / 2).all()
    assert kernel.dtype == "float32"
    assert not FIRST[0].any(), "what was given is not changed"


def test_the_mean_of_runs():
    kernel, bias = average_weights([FIRST, SECOND, SECOND])
    np.testing.assert_allclose(kernel, 8 / 3, rtol=1e-6)
    np.testing.assert_allclose(bias, 7 / 3, rtol=1e-6)


def test_a_model_takes_what_comes_out():
    models = [sequential(base()) for _ in range(2)]
    weights = [model.get_weights() for model in models]
    halfway = interpolate_weights(*weights, 0.5)
    models[0].set_weights(halfway)
    for one, other in zip(halfway, average_weights(weights), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((FIRST, FIRST[:1], 0.5), "2 arrays with 9 numbers and 1 arrays with"),
        ((FIRST, SECOND, 1.5), "share is 1.5"),
        ((FIRST, sequential, 0.5), "of type function"),
    ],
)
def test_what_are_no_weights_of_one_model_is_named(given, named):
    with pytest.raises(CourseError, match=named):
        interpolate_weights(*given)


def test_a_single_run_given_as_it_is_is_refused():
    with pytest.raises(CourseError, match="expected is a list of arrays"):
        average_weights(FIRST)
