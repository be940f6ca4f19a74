"""The experiment on adaptation: its plan, its pieces, what lessons say of it.

What lessons 04 and 04b say of the committed runs is held against the rows.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks import (
    adaptation_measures,
    adaptation_report,
    adaptation_runs,
    domain_adaptation,
    row_files,
)
from benchmarks.domain_adaptation import BASES, Run
from tests.conftest import TOP

pytestmark = pytest.mark.usefixtures("without_graphs")

LEARNED = ("fine-tuned", "fine-tuned, norms")


def test_the_plan_names_each_run_once():
    runs = domain_adaptation.planned()
    assert len(set(runs)) == len(runs)
    assert {run.base for run in runs} == set(BASES)
    for run in runs:
        assert len(set(run.repairs)) == len(run.repairs)
        assert run.repairs[0] == ("none", "A", 0)
        for name, _, number in run.repairs:
            assert (name in adaptation_runs.LAYERS) == (number > 0)
        assert run.seed != domain_adaptation.DEVELOPMENT_SEED


def test_a_run_is_made_once(tmp_path, monkeypatch):
    made = []

    def execute(run):
        made.append(run)
        rest = dict.fromkeys(domain_adaptation.RESULTS, 0.123456)
        return [
            {"repair": name, "scanner": scanner, "target_labels": n, **rest}
            for name, scanner, n in run.repairs
        ]

    monkeypatch.setattr(adaptation_runs, "execute", execute)
    path, (first, second) = (
        tmp_path / "rows.csv",
        domain_adaptation.planned()[:2],
    )
    domain_adaptation.make([first], path)
    domain_adaptation.make([first, second], path)
    assert made == [first, second]
    rows = row_files.read(path)
    assert len(rows) == len(first.repairs) + len(second.repairs)
    assert rows[0]["auc"] == "0.1235"


def test_the_area_is_scikit_learns():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(2, size=60), rng.integers(9, size=60)
    expected = roc_auc_score(labels, scores)
    assert adaptation_measures.auc(labels, scores) == pytest.approx(expected)


def test_what_is_carried_along_where_no_temperature_is_best():
    labels = np.array([0, 1, 0, 1])
    worse = np.array([2.0, -2.0, 1.0, -1.0])
    _, temperature = adaptation_measures.carried(labels, worse)
    assert temperature == 1


def test_a_seed_draws_the_same_pictures_whatever_ran_before():
    images, labels = adaptation_runs.home().draw(10, 5)
    adaptation_runs.home.cache_clear()
    adaptation_measures.pictures.cache_clear()
    np.random.seed(3)
    again, _ = adaptation_runs.home().draw(10, 5)
    np.testing.assert_array_equal(images, again)
    assert labels.sum() == 5


@pytest.mark.parametrize("name", adaptation_runs.LAYERS)
def test_target_labels_teach_the_layers_that_are_named(name):
    unfrozen = adaptation_runs.LAYERS[name]
    model, base_model, _ = adaptation_runs.classifier(unfrozen=unfrozen)
    blocks = {v.path.split("/")[-2] for v in base_model.trainable_variables}
    found = {block.split("_")[0] for block in blocks}
    stages = {"stem", "stage1", "stage2", "stage3", "stage4"}
    expected = {
        "head": set(),
        "last block": {"stage4"},
        "first block": {"stem", "stage1"},
        "all": stages,
    }
    assert found == expected[name]
    assert not any("_bn" in block for block in blocks)
    assert model.get_layer("head").trainable


@pytest.mark.parametrize(
    ("base", "moved"),
    [
        ("frozen", set()),
        ("fine-tuned, CORAL B", {"kernel"}),
        (
            "fine-tuned, norms",
            {"kernel", "gamma", "beta", "moving_mean", "moving_variance"},
        ),
    ],
)
def test_a_base_moves_what_it_says(base, moved, monkeypatch):
    monkeypatch.setitem(adaptation_runs.STEPS, "fine-tuned", {10: 2})
    _, base_model = adaptation_runs.make_base(Run(base, 10, 1))
    loaded = adaptation_runs.classifier(norms=base.endswith("norms"))[2]
    pairs = zip(base_model.weights, loaded, strict=True)
    assert {
        weight.path.split("/")[-1]
        for weight, before in pairs
        if not np.array_equal(weight, before)
    } == moved


# From here on: what the lessons say.


@pytest.fixture(scope="module")
def runs():
    return pd.read_csv(TOP / "data" / "experiments" / "adaptation.csv")


@pytest.fixture(scope="module")
def alone(runs):
    """Bases without a repair: a row a seed, a column a base and scanner."""
    rows = runs[runs["repair"] == "none"]
    keys = ["base", "scanner"]
    values = ["auc", "sensitivity", "specificity"]
    return {
        labels: own.pivot(index="seed", columns=keys, values=values)
        for labels, own in rows.groupby("labels")
    }


def gains(runs, base, repair, column="auc", labels=100, count=0):
    own = runs[(runs["base"] == base) & (runs["labels"] == labels)]
    own = own.set_index(["seed", "scanner"])
    fits = (own["repair"] == repair) & (own["target_labels"] == count)
    without = own.loc[own["repair"] == "none", column]
    return (own.loc[fits, column] - without).dropna().unstack()


def test_every_planned_run_is_there(runs):
    rows = zip(runs["base"], runs["labels"], runs["seed"], strict=True)
    assert set(rows) == {
        (run.base, run.labels, run.seed) for run in domain_adaptation.planned()
    }
    seeds = runs[runs["repair"] == "none"].groupby("base")["seed"].nunique()
    assert seeds.min() >= 3 and seeds["frozen"] == 5


def test_frozen_labels_are_worth_several_times_as_many(runs):
    home = runs[(runs["repair"] == "none") & (runs["scanner"] == "A")]
    means = home.groupby(["base", "labels"])["auc"].mean()
    frozen, scratch = means["frozen"], means["scratch"].cummax()
    for labels in (10, 30, 100):
        needed = np.exp(
            np.interp(frozen[labels], scratch, np.log(scratch.index))
        )
        assert needed > 3 * labels
    # The curve is flat at its end, and widest where labels are fewest.
    assert abs(frozen[400] - frozen[100]) < 0.02 < frozen[100] - frozen[10]
    spread = home.groupby(["base", "labels"])["auc"].std()["frozen"]
    assert spread[10] > spread[400] and spread.idxmax() in (10, 30)


def test_a_temperature_of_few_patients_made_most_frozen_runs_worse(runs):
    own = runs[(runs["repair"] == "none") & (runs["scanner"] == "A")]
    own = own[own["base"] == "frozen"]
    worse = own["calibration_error_scaled"] > own["calibration_error"]
    assert worse.mean() > 0.8


def test_the_ranking_holds_and_the_promise_breaks(runs, alone):
    mean = alone[100].mean()
    for base in ("frozen", *LEARNED):
        for scanner in "BC":
            lost = mean["auc", base, "A"] - mean["auc", base, scanner]
            assert lost < 0.07
    for base in LEARNED:
        assert mean["specificity", base, "C"] < 0.85
        assert mean["specificity", base, "C"] < (
            mean["specificity", base, "A"] - 0.1
        )
    # It breaks most where batch normalization was trained.
    assert (
        mean["specificity", "fine-tuned, norms", "C"]
        < mean["specificity", "fine-tuned", "C"]
        < mean["specificity", "frozen", "C"]
        < mean["specificity", "frozen", "A"]
    )
    assert mean["auc", "scratch", "B"] < 0.6
    lost = alone[400]["auc"]["scratch"]
    assert ((lost["A"] - lost["B"]).dropna() > 0.1).all()


def test_adabn_helps_who_holds_the_sources_statistics(runs):
    for base in ("frozen", "fine-tuned"):
        mean = gains(runs, base, "AdaBN").mean()
        assert (mean < 0).all()
    assert (gains(runs, "frozen", "AdaBN") < 0).all(axis=None)
    # At home, too, where no scanner has changed: it is the exchange that harms.
    assert "A" in gains(runs, "frozen", "AdaBN")
    norms = gains(runs, "fine-tuned, norms", "AdaBN")[["B", "C"]]
    assert (norms.mean() > 0).all()
    # Necessary, not sufficient: scratch holds the statistics of A as well.
    scratch = gains(runs, "scratch", "AdaBN")
    assert (scratch["B"] > 0).all() and (scratch["C"] < 0).all()
    promise = gains(runs, "fine-tuned, norms", "AdaBN", "specificity")["C"]
    assert (promise > 0).all()
    for base in ("frozen", *LEARNED):
        tent = gains(runs, base, "TENT") - gains(runs, base, "AdaBN")
        assert (tent.abs().mean() < 0.015).all()


def test_the_report_is_that_of_the_rows():
    written = adaptation_report.REPORT.read_text(encoding="utf-8")
    assert written == adaptation_report.text()


def test_a_gain_is_counted_seed_by_seed():
    rows = adaptation_report.read_rows()
    keys = ["base", "labels", "scanner", "seed"]
    own = rows[(rows["base"] == "frozen") & (rows["labels"] == 100)]
    wide = own.pivot(index=keys, columns="method", values="auc")
    gain = (wide["AdaBN"] - wide["none"]).xs("C", level="scanner")
    line = f"| frozen | AdaBN | 100 | C | {len(gain)} | {gain.mean():+.3f} ± "
    assert line in adaptation_report.text()
