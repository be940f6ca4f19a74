"""The metrics, against cases that were computed by hand."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from course_utils.evaluation.calibration import (
    apply_temperature,
    calibration_error,
    fit_temperature,
)
from course_utils.evaluation.intervals import Interval, bootstrap_over_patients
from course_utils.evaluation.metrics import (
    sensitivity_and_specificity,
    sensitivity_at_specificity,
    threshold_for_specificity,
)
from course_utils.machine.errors import CourseError

LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.8, 0.3, 0.6, 0.7, 0.9])


def test_importing_loads_no_tensorflow():
    code = "import sys, course_utils.evaluation.metrics; "
    code += "print('tensorflow' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["False"]


# Of the five negatives, 0.8 needs none, one, two ... of them to be called.
@pytest.mark.parametrize(
    ("specificity", "threshold", "sensitivity"),
    [
        (1, 0.9, 1 / 4),
        (0.95, 0.9, 1 / 4),
        (0.8, 0.6, 3 / 4),
        (0.6, 0.4, 3 / 4),
        (0.4, 0.3, 1),
        (0, 0.1, 1),
    ],
)
def test_a_threshold_keeps_its_specificity(specificity, threshold, sensitivity):
    found = threshold_for_specificity(LABELS, SCORES, specificity)
    assert found == threshold
    at = sensitivity_and_specificity(LABELS, SCORES, found)
    assert at[0] == sensitivity and at[1] >= specificity - 1e-9
    at = sensitivity_at_specificity(LABELS, SCORES, specificity)
    assert at == sensitivity


def test_it_is_the_lowest_threshold_that_does():
    rng = np.random.default_rng(0)
    for _ in range(50):
        labels = np.append(rng.integers(0, 2, 30), [0, 1])
        scores = rng.integers(0, 12, 32).astype("float32") / 7  # with ties
        wanted = rng.choice([0.5, 0.7, 0.9, 0.95])
        found = threshold_for_specificity(labels, scores, wanted)
        measured = [
            sensitivity_and_specificity(labels, scores, threshold)[1]
            for threshold in [*np.unique(scores), np.inf]
        ]
        lowest = np.argmax(np.array(measured) >= wanted - 1e-9)
        assert found == [*np.unique(scores), np.inf][lowest]


def test_where_only_calling_nothing_positive_is_specific_enough():
    labels, scores = [0, 1, 1], [0.9, 0.9, 0.1]
    assert threshold_for_specificity(labels, scores, 1) == np.inf
    assert sensitivity_at_specificity(labels, scores, 1) == 0


def test_calibration_error_by_hand():
    # Two bins of two: |0.1 + 0.2 - 1| and |0.7 + 0.8 - 2|, over four.
    labels, probabilities = [0, 1, 1, 1], [0.1, 0.2, 0.7, 0.8]
    found = calibration_error(labels, probabilities, bins=2)
    assert found == pytest.approx((0.7 + 0.5) / 4)
    # One bin: |1.8 - 3|.
    assert calibration_error(labels, probabilities, 1) == pytest.approx(0.3)


def test_calibration_error_keeps_equal_probabilities_together():
    labels = np.array([0, 1] * 10)
    assert calibration_error(labels, np.full(20, 0.5)) == 0
    order = np.random.default_rng(0).permutation(20)
    mixed = np.repeat([0.2, 0.7], 10)
    assert calibration_error(labels, mixed) == pytest.approx(
        calibration_error(labels[order], mixed[order])
    )


def test_calibration_error_of_several_classes_is_that_of_the_named_one():
    labels = [0, 2, 1]
    probabilities = [[0.8, 0.1, 0.1], [0.1, 0.3, 0.6], [0.5, 0.3, 0.2]]
    found = calibration_error(labels, probabilities, bins=1)
    assert found == pytest.approx(abs(2 - 1.9) / 3)


def overconfident(temperature, count=4000):
    """Labels, and logits that are `temperature` times too large."""
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, count)
    labels = rng.random(count) < 1 / (1 + np.exp(-logits))
    return labels.astype(int), temperature * logits


@pytest.mark.parametrize("factor", [0.3, 1, 4])
def test_temperature_is_found_again(factor):
    labels, logits = overconfident(factor)
    temperature = fit_temperature(labels, logits)
    assert temperature == pytest.approx(factor, rel=0.1)
    losses = [
        log_loss(labels, apply_temperature(logits, temperature * change))
        for change in (0.99, 1, 1.01)
    ]
    assert losses[1] == min(losses)


def test_temperature_repairs_calibration_and_leaves_the_ranking():
    labels, logits = overconfident(4)
    before = apply_temperature(logits, 1)
    after = apply_temperature(logits, fit_temperature(labels, logits))
    np.testing.assert_array_equal(np.argsort(before), np.argsort(after))
    assert roc_auc_score(labels, after) == roc_auc_score(labels, logits)
    assert calibration_error(labels, before) > 0.1
    assert calibration_error(labels, after) < 0.03


def test_two_columns_are_a_sigmoid_and_logarithms_serve_for_logits():
    labels, logits = overconfident(2, 200)
    columns = np.stack([-logits / 2, logits / 2], axis=1)
    temperature = fit_temperature(labels, logits)
    assert fit_temperature(labels, columns) == pytest.approx(temperature)
    logs = np.log(apply_temperature(columns, 1))
    assert fit_temperature(labels, logs) == pytest.approx(temperature)
    np.testing.assert_allclose(
        apply_temperature(columns, 3)[:, 1], apply_temperature(logits, 3)
    )
    assert (apply_temperature([-2000.0, 2000.0], 1) == [0, 1]).all()
    assert apply_temperature([-100.0], 1)[0] == pytest.approx(np.exp(-100))


def test_with_three_classes_the_named_one_stays():
    logits = np.random.default_rng(0).normal(size=(100, 3))
    for temperature in (0.2, 5):
        probabilities = apply_temperature(logits, temperature)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        np.testing.assert_array_equal(
            probabilities.argmax(axis=1), logits.argmax(axis=1)
        )


def patients_and_scores(patients=30, fields=8):
    """Pictures of a patient resemble each other, as real ones do."""
    rng = np.random.default_rng(2)
    names = np.repeat([f"p{n:02}" for n in range(patients)], fields)
    labels = np.repeat(np.arange(patients) % 2, fields)
    own = np.repeat(rng.normal(0, 1, patients), fields)
    return labels, labels + own + rng.normal(0, 0.3, len(labels)), names


def test_the_interval_is_that_of_drawn_patients():
    # By hand: three patients, all pictures of one right, of two wrong. The
    # share that is right has the mean 1/3 and is one of 0, 1/3, 2/3, 1.
    patients = np.repeat(["a", "b", "c"], [2, 2, 2])
    labels, scores = np.array([0, 1] * 3), np.array([0, 1, 1, 0, 1, 0])
    found = bootstrap_over_patients(accuracy_score, labels, scores, patients)
    assert found.value == pytest.approx(1 / 3)
    # 8 of 27 draws have none that is right, 1 of 27 has three.
    assert (found.low, found.high) == (0, 1)
    found = bootstrap_over_patients(
        accuracy_score, labels, scores, patients, confidence=0.9
    )
    assert found.high == pytest.approx(2 / 3)


def test_patients_vary_more_than_pictures_do():
    labels, scores, patients = patients_and_scores()
    by_patient = bootstrap_over_patients(
        roc_auc_score, labels, scores, patients, 200
    )
    by_picture = bootstrap_over_patients(
        roc_auc_score, labels, scores, np.arange(len(labels)), 200
    )
    assert by_patient.value == by_picture.value
    assert by_patient.low < by_picture.low < by_picture.value
    assert by_patient.high > by_picture.high > by_picture.value
    wide = by_patient.high - by_patient.low
    assert wide > 1.5 * (by_picture.high - by_picture.low)


def test_order_and_names_of_patients_are_no_matter_but_the_seed_is():
    labels, scores, patients = patients_and_scores()
    arguments = (roc_auc_score, labels, scores, patients, 50)
    first = bootstrap_over_patients(*arguments)
    assert first == bootstrap_over_patients(*arguments)
    assert first != bootstrap_over_patients(*arguments, seed=1)
    other = bootstrap_over_patients(
        roc_auc_score, labels, scores, [int(n[1:]) for n in patients], 50
    )
    assert first == other
    order = np.random.default_rng(0).permutation(len(labels))
    mixed = bootstrap_over_patients(
        roc_auc_score, labels[order], scores[order], patients[order], 50
    )
    np.testing.assert_allclose(mixed, first)


def test_two_models_are_compared_on_the_same_patients():
    labels, scores, patients = patients_and_scores()
    worse = scores + np.random.default_rng(3).normal(0, 1, len(scores))

    def difference(labels, both):
        areas = [roc_auc_score(labels, one) for one in both.T]
        return areas[0] - areas[1]

    both = np.stack([scores, worse], axis=1)
    found = bootstrap_over_patients(difference, labels, both, patients, 200)
    assert found.low < found.value < found.high
    alone = bootstrap_over_patients(
        roc_auc_score, labels, scores, patients, 200
    )
    assert found.high - found.low < alone.high - alone.low


def test_an_interval_reads_like_one():
    assert str(Interval(0.8, 0.71, 0.8765)) == "0.800 (0.710 to 0.876)"


NAN = np.where(np.arange(9) == 3, np.nan, SCORES)


@pytest.mark.parametrize(
    ("labels", "scores", "said"),
    [
        ([1] * 9, SCORES, "All 9 labels are 1, and both 0 and 1 are needed"),
        (LABELS, NAN, "not finite"),
        (LABELS, ["high"] * 9, "no numbers"),
        (LABELS, SCORES[:5], r"shapes are \(9,\) and \(5,\)"),
        ([], [], r"shapes are \(0,\)"),
        (LABELS + 1, SCORES, "labels are 1, 2, and whole numbers from 0 to 1"),
        (["benign"] * 9, SCORES, 'table\\["label"\\] == "malignant"'),
        (LABELS, np.stack([SCORES] * 2, 1), "two columns"),
        (LABELS, SCORES[:, None, None], "flatten"),
        (LABELS, SCORES[:, None], r"flatten scores of shape \(pictures, 1\)"),
        (LABELS.astype(str), SCORES, "labels are '0', '1', and whole numbers"),
    ],
)
def test_what_has_no_threshold(labels, scores, said):
    for function in (threshold_for_specificity, sensitivity_at_specificity):
        with pytest.raises(CourseError, match=said):
            function(labels, scores)
    with pytest.raises(CourseError, match=said):
        sensitivity_and_specificity(labels, scores, 0.5)


def test_settings_that_make_no_sense():
    with pytest.raises(
        CourseError, match="specificity is 95, and .* from 0 to 1"
    ):
        threshold_for_specificity(LABELS, SCORES, 95)
    with pytest.raises(CourseError, match="threshold is nan"):
        sensitivity_and_specificity(LABELS, SCORES, np.nan)
    for bins in (0, 10, 2.5):
        with pytest.raises(CourseError, match="bins is .* from 1 to 9"):
            calibration_error(LABELS, SCORES, bins)
    for temperature in (0, -1, np.nan):
        with pytest.raises(CourseError, match="temperature is .* above 0"):
            apply_temperature(SCORES * 9, temperature)


@pytest.mark.parametrize(
    ("probabilities", "said"),
    [
        (SCORES * 2, "lie between 0 and 1"),
        (np.stack([SCORES] * 3, 1), "add up to 1"),
        (NAN, "not finite"),
        (SCORES[:, None], "flatten scores"),
    ],
)
def test_what_has_no_calibration(probabilities, said):
    with pytest.raises(CourseError, match=said):
        calibration_error(LABELS, probabilities, 2)


@pytest.mark.parametrize(
    ("labels", "logits", "said"),
    [
        ([1] * 9, SCORES * 9 - 4, "All 9 labels are 1"),
        (LABELS, SCORES, "look like probabilities"),
        (LABELS, np.stack([SCORES, 1 - SCORES], 1), "look like probabilities"),
        (LABELS, NAN, "not finite"),
        (LABELS, np.where(SCORES < 0.5, -np.inf, 2), "logarithm of a prob"),
        (LABELS, LABELS * 8 - 4, "named rightly"),
        (LABELS, 4 - LABELS * 8, "surer of a wrong class"),
        (LABELS, (SCORES * 9)[:, None], "flatten scores"),
    ],
)
def test_what_has_no_temperature(labels, logits, said):
    with pytest.raises(CourseError, match=said):
        fit_temperature(labels, logits)


def test_one_column_is_no_softmax():
    for logits in (SCORES[:, None] * 9, np.empty((3, 0))):
        with pytest.raises(CourseError, match=r"logits\[:, 0\]"):
            apply_temperature(logits, 2)


PATIENTS = np.array(["a", "b", "a", "b", "c", "c", "d", "d", "d"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"patients": ["a"] * 9}, "pictures of 1 patient only"),
        ({"patients": ["a", "b"] + ["c"] * 7}, "Class 1 has .* 1 patient"),
        ({"patients": PATIENTS[:8]}, "one row of scores and one patient"),
        ({"patients": [*PATIENTS[:8], ""]}, "have no patient"),
        ({"patients": [None, *range(8)]}, "patients are missing"),
        ({"patients": pd.array([pd.NA, *PATIENTS[:8]])}, "are missing"),
        ({"patients": np.array([*"abcdefgh", 1], object)}, "of another type"),
        ({"labels": np.array([*"abababab", 1], object)}, "of another type"),
        ({"patients": [np.nan, *range(8)]}, "have no patient"),
        ({"scores": NAN}, "not finite"),
        ({"labels": [1] * 9}, "cannot be measured|metric gives nan"),
        ({"repetitions": 0}, "repetitions is 0"),
        ({"confidence": 95}, "confidence is 95"),
    ],
)
@pytest.mark.filterwarnings("ignore:Only one class is present")
def test_what_has_no_interval(change, said):
    given = {"labels": LABELS, "scores": SCORES, "patients": PATIENTS}
    with pytest.raises(CourseError, match=said):
        bootstrap_over_patients(roc_auc_score, **(given | change))


def test_nothing_given_is_changed():
    arrays = [LABELS.copy(), SCORES.copy() * 9 - 4, PATIENTS.copy()]
    for array in arrays:
        array.flags.writeable = False
    labels, logits, patients = arrays
    threshold_for_specificity(labels, logits)
    calibration_error(labels, apply_temperature(logits, 1), 3)
    fit_temperature(labels, logits)
    bootstrap_over_patients(roc_auc_score, labels, logits, patients, 20)
