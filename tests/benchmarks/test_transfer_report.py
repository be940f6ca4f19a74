"""The transfer report: fair draws, a head that is what it says, the table."""

import dataclasses

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from benchmarks import (
    targets,
    transfer_methods,
    transfer_report,
    transfer_table,
)


@pytest.mark.parametrize("name", ["near", "histology"])
def test_a_draw_hangs_on_its_own_seed_alone(name):
    draws = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        targets.load.cache_clear()
        draws.append(targets.load(name).draw(30, seed=100))
    np.testing.assert_array_equal(draws[0][0], draws[1][0])
    np.testing.assert_array_equal(draws[0][1], draws[1][1])


@pytest.mark.parametrize("name", targets.NAMES)
def test_targets_are_drawn_fairly(name):
    target = targets.load(name)
    images, labels = target.draw(100, seed=1)
    assert images.shape == (100, 64, 64, 3) and images.dtype == np.uint8
    counts = np.bincount(labels, minlength=target.classes)
    assert counts.max() - counts.min() <= 1
    again, _ = target.draw(100, seed=1)
    np.testing.assert_array_equal(images, again)
    assert not np.array_equal(images, target.draw(100, seed=2)[0])
    most = max(transfer_report.LABELS[name])
    assert len(target.draw(most, seed=0)[0]) == most
    with pytest.raises(ValueError, match="100000 were asked for"):
        target.draw(100_000, seed=0)


@pytest.mark.parametrize("name", targets.NAMES)
def test_no_picture_is_in_two_parts(name):
    parts = targets.load(name).parts.values()
    seen = [{image.tobytes() for image in images} for images, _ in parts]
    train, validation, test = seen
    assert not train & validation and not train & test
    assert not validation & test


def test_photographs_cannot_be_told_by_brightness_or_contrast():
    images, _ = targets.load("photographs").parts["test"]
    values = images.astype(float)
    assert values.mean(axis=(1, 2, 3)).std() < 8
    assert np.median(values.std(axis=(1, 2, 3))) == pytest.approx(50, abs=5)
    np.testing.assert_array_equal(images[..., 0], images[..., 1])


@pytest.mark.parametrize("classes", [2, 3])
def test_head_gives_the_logistic_regressions_answers(classes):
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=60)
    features = rng.normal(5, 3, (60, 4)) + labels[:, None]
    kernel, bias = transfer_methods.fit_head(features, labels, 0.3)
    assert kernel.shape == (4, classes) and bias.shape == (classes,)
    scaled = (features - features.mean(0)) / (features.std(0) + 1e-3)
    model = LogisticRegression(C=0.3, max_iter=2000).fit(scaled, labels)
    logits = features @ kernel + bias
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, model.predict_proba(scaled), atol=1e-6)


def test_interval_is_students():
    mean, half = transfer_table.interval([1.0, 2.0, 3.0])
    assert mean == 2 and half == pytest.approx(4.303 / np.sqrt(3), rel=1e-3)


def reported(target, labels, method, values):
    return [
        {
            "stage": "report",
            "backbone": "residual",
            "target": target,
            "labels": str(labels),
            "seed": str(seed),
            "method": method,
            "setting": "0.1",
            "metric": "accuracy",
            "value": str(value),
        }
        for seed, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("scratch", "verdict"),
    [
        ((0.50, 0.51, 0.52), "+0.200 ± 0.000 | yes"),
        ((0.65, 0.66, 0.67), "+0.050 ± 0.000 | no"),
        ((0.50, 0.51, 0.67), "+0.150 ± 0.215 | on average"),
        ((0.55, 0.66, 0.67), "+0.083 ± 0.143 | not shown"),
    ],
)
def test_the_table_says_whether_what_was_expected_was_found(scratch, verdict):
    rows = reported("photographs", 200, "scratch", scratch)
    rows += reported("photographs", 200, "frozen", (0.6, 0.6, 0.6))
    rows += reported("photographs", 200, "fine-tuned", (0.70, 0.71, 0.72))
    text = transfer_table.report(rows, planned=20)
    assert "9 of 20 planned runs" in text
    assert f"at least 0.10 above tuned scratch | 200 | {verdict} |" in text
    assert "| photographs | accuracy | 200 | 3 |" in text
    assert "0.710 ± 0.025 |" in text


def test_a_rival_that_only_guesses_is_named():
    rows = reported("near", 100, "scratch", (0.16, 0.17, 0.18))
    rows += reported("near", 400, "scratch", (0.26, 0.27, 0.28))
    text = transfer_table.report(rows, planned=20)
    assert "guessing on\nnear with 100 labels: to be" in text
    rows = reported("near", 400, "scratch", (0.26, 0.27, 0.28))
    assert "guessing" not in transfer_table.report(rows, planned=20)


def test_guessing_is_one_in_the_number_of_classes():
    for name, share in transfer_table.GUESSING.items():
        target = targets.load(name)
        guess = 1 / 2 if target.metric == "auc" else 1 / target.classes
        assert share == guess


def test_settings_are_chosen_on_development_seeds_only():
    rows = [
        dict(zip(transfer_report.COLUMNS, row, strict=True))
        for row in [
            "development residual near 100 0 frozen 0.03 _ a .6 .6 1".split(),
            "development residual near 100 1 frozen 0.03 _ a .6 .6 1".split(),
            "development residual near 100 0 frozen 0.3 _ a .9 .9 1".split(),
            "development residual near 100 1 frozen 0.3 _ a .2 .2 1".split(),
            "report residual near 100 100 frozen 0.3 _ a .99 .99 1".split(),
        ]
    ]
    chosen = transfer_report.best(rows, "near", "frozen")
    assert chosen == 0.03


def test_a_run_makes_what_the_table_wants():
    run = transfer_methods.Run(
        "development", "residual", "near", 100, 0, "frozen", 0.03
    )
    row = transfer_methods.execute(run)
    assert list(row) == transfer_report.COLUMNS
    # Six shapes that the backbone has never seen; chance is 1 / 6.
    assert 0.4 < row["value"] <= 1


@pytest.mark.usefixtures("without_graphs")
def test_training_moves_the_backbone_and_a_new_run_starts_afresh(monkeypatch):
    monkeypatch.setitem(transfer_methods.STEPS["fine-tuned"], 30, 2)
    run = transfer_methods.Run(
        "development", "residual", "near", 30, 0, "fine-tuned", 1e-3, 0.03
    )
    first = transfer_methods.execute(run)
    target = targets.load("near")
    _, base_model, loaded = transfer_methods.classifier(
        "residual", target, "fine-tuned"
    )
    for weight, before in zip(base_model.weights, loaded, strict=True):
        moved = not np.array_equal(weight, before)
        assert moved != ("_bn" in weight.path), weight.path
    other = dataclasses.replace(run, setting=1e-1)
    transfer_methods.execute(other)
    again = transfer_methods.execute(run)
    assert again["value"] == pytest.approx(first["value"], abs=0.01)


def test_the_committed_report_is_that_of_the_committed_runs():
    written = transfer_report.REPORT.read_text("utf-8")
    assert written == transfer_report.text()


def test_each_reported_run_has_the_chosen_setting():
    rows = transfer_report.read_rows()
    reported = [row for row in rows if row["stage"] == "report"]
    assert reported
    keys = transfer_report.COLUMNS[:8]
    for method in {row["method"] for row in reported}:
        made = {
            tuple(row[name] for name in keys)
            for row in reported
            if row["method"] == method
        }
        plan = transfer_report.report_runs(method, rows)
        assert made <= {run.key() for run in plan}
    assert len({tuple(row[name] for name in keys) for row in rows}) == len(rows)
