"""Numbers given to the training helpers: one way of refusing them."""

import decimal

import keras
import numpy as np
import pytest

from course_utils.machine.errors import CourseError
from course_utils.transfer import (
    extract_features,
    find_learning_rate,
    recompile,
    two_phase_fit,
    unfreeze,
)
from tests.tiny_models import IMAGES, LABELS, base, build, functional

pytestmark = pytest.mark.usefixtures("without_graphs")

DATA = (IMAGES.astype("float32"), LABELS)
NO_NUMBERS = (
    *(..., True, "1", b"1", 1j, [1], {}, len, -1, 0, 10**400, -(10**400)),
    *(float("nan"), float("inf"), np.array([1]), decimal.Decimal(1)),
)


def train(model, base_model, **options):
    options = {"head_epochs": 1, "fine_tune_epochs": 1, **options}
    two_phase_fit(model, base_model, DATA, DATA, verbose=0, **options)


# By argument: the helper that takes it.
HELPERS = {
    "last": lambda model, base_model, **given: unfreeze(base_model, **given),
    "share": lambda model, base_model, **given: unfreeze(base_model, **given),
    "learning_rate": lambda model, _, **given: recompile(model, **given),
    "head_epochs": train,
    "fine_tune_epochs": train,
    "patience": train,
    "head_learning_rate": train,
    "fine_tune_learning_rate": train,
    "batch_size": lambda _, one, **given: extract_features(one, DATA, **given),
    "lowest": lambda model, _, **given: find_learning_rate(
        model, DATA, **given
    ),
    "highest": lambda model, _, **given: find_learning_rate(
        model, DATA, **given
    ),
    "steps": lambda model, _, **given: find_learning_rate(model, DATA, **given),
}


@pytest.mark.parametrize("name", HELPERS)
def test_what_is_no_number_is_named_and_changes_nothing(name):
    model = build(functional, base_model := base())
    weights, optimizer = model.get_weights(), model.optimizer
    for value in NO_NUMBERS:
        if name.endswith("_epochs") and value == 0:
            continue  # The phase is left out.
        said = rf"^{name} is .* was expected: give, for example, {name}="
        with pytest.raises(CourseError, match=said):
            HELPERS[name](model, base_model, **{name: value})
    assert model.optimizer is optimizer
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_numbers_of_every_make_are_taken():
    model = build(functional, base_model := base())
    recompile(model, model.optimizer.learning_rate)
    for rate in (np.float32(0.5), np.array(0.5), keras.Variable(0.5)):
        recompile(model, rate)
        assert float(model.optimizer.learning_rate) == 0.5
    for last in (3, np.int8(3), np.array(3)):
        unfreeze(base_model, last=last)
        assert len(base_model.trainable_weights) == 2


def test_the_advice_works():
    model = build(functional, base_model := base())
    with pytest.raises(CourseError, match="last=1"):
        unfreeze(base_model, last=11)
    for lowest in (1e-3, 2.0):
        with pytest.raises(CourseError, match="highest=") as caught:
            find_learning_rate(model, DATA, lowest=lowest, highest=lowest)
        highest = float(str(caught.value).split("highest=")[-1][:-1])
        find_learning_rate(model, DATA, lowest, highest, steps=1)
