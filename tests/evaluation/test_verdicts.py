"""The rule by which a claim is judged."""

import pytest
from scipy import stats

from course_utils.evaluation import verdicts


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([0.05, 0.06, 0.05, 0.04, 0.05], verdicts.SUPPORTED),
        ([0.001, 0.002, 0.001, 0.0, 0.001], verdicts.REFUTED),
        ([-0.3, -0.1, -0.2, -0.2, -0.1], verdicts.REFUTED),
        ([0.3, -0.2, 0.1, 0.2, -0.1], verdicts.UNDECIDED),
        ([0.02] * 5, verdicts.SUPPORTED),
        ([0.0] * 5, verdicts.REFUTED),
    ],
)
def test_a_comparison_is_judged_by_its_interval(differences, verdict):
    judged = verdicts.judge("one", differences, 0.01)
    assert judged.verdict == verdict
    assert judged.low <= judged.mean <= judged.high


def test_the_p_value_is_that_of_the_two_sided_t_test():
    for differences in ([0.3, -0.2, 0.1, 0.2, -0.1], [-0.3, -0.1, -0.2]):
        expected = stats.ttest_1samp(differences, 0).pvalue
        p = verdicts.judge("one", differences, 0.01).p
        assert p == pytest.approx(expected)


def test_holms_correction_on_an_example():
    # Thresholds are 0.0125, 0.0167, 0.025: the third fails, and so the last.
    found = verdicts.holm([0.03, 0.001, 0.012, 0.04])
    assert found == [False, True, True, False]
