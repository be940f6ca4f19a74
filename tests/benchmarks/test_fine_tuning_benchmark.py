"""The experiments on fine-tuning: their plan, their pieces, their files."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest

from benchmarks import (
    fine_tuning,
    fine_tuning_measures,
    fine_tuning_runs,
    transfer_report,
)
from benchmarks.fine_tuning_recipes import L2_SP, RECIPES, Recipe
from benchmarks.fine_tuning_runs import classifier
from course_utils.evaluation import verdicts


def test_the_plan_names_each_run_once():
    runs = fine_tuning.planned()
    assert len({run.key() for run in runs}) == len(runs)
    assert {run.variant for run in runs} == set(RECIPES)
    assert {run.experiment for run in runs} == set(fine_tuning.EXPERIMENTS)


def test_a_run_is_made_once_and_copied_to_another_experiment(
    tmp_path, monkeypatch
):
    made = []

    def execute(run):
        made.append(run)
        valley = [{"step": 0, "train_loss": 1.0}]
        return run, {"value": 0.12345, "seconds": 1.0}, valley

    monkeypatch.setattr(fine_tuning, "execute", execute)
    run = next(iter(fine_tuning.planned(["depth"])))
    same = dataclasses.replace(run, experiment="again")
    other = dataclasses.replace(run, seed=7)
    fine_tuning.make([run], 0, tmp_path)
    fine_tuning.make([run, same, other], 0, tmp_path)
    assert made == [run, other]
    rows = fine_tuning.read(folder=tmp_path)
    keys = [tuple(row[name] for name in fine_tuning.KEYS) for row in rows]
    assert keys == [run.key(), other.key(), same.key()]
    assert {row["value"] for row in rows} == {"0.1235"}
    assert len(fine_tuning.read("fine_tuning_valley", tmp_path)) == 2


def trained(variant, phase=-1):
    recipe = RECIPES[variant]
    model, base_model, _ = classifier(recipe, recipe.phases[phase], 6, "Adam")
    names = {v.path.split("/")[-2] for v in base_model.trainable_variables}
    assert model.layers[-1].trainable
    return {name.split("_")[0] for name in names}, names


@pytest.mark.parametrize(
    ("variant", "blocks"),
    [
        ("head only", set()),
        ("last convolution", {"stage4"}),
        ("last stage", {"stage4"}),
        ("last two stages", {"stage3", "stage4"}),
        ("all", {"stem", "stage1", "stage2", "stage3", "stage4"}),
        ("gradual", {"stem", "stage1", "stage2", "stage3", "stage4"}),
        ("first block", {"block1"}),
        ("middle block", {"block3"}),
        ("last block", {"block5"}),
        ("head alone", set()),
    ],
)
def test_a_recipe_unfreezes_what_it_says(variant, blocks):
    found, names = trained(variant)
    assert found <= blocks | {"query", "key", "value", "attention"}
    assert not any("_bn" in name for name in names)
    if not variant.endswith("block"):
        assert found == blocks


def test_gradual_begins_with_the_last_stage():
    assert [sorted(trained("gradual", phase)[0]) for phase in (0, 1)] == [
        ["stage4"],
        ["stage3", "stage4"],
    ]


def test_the_three_blocks_are_equally_large():
    sizes = set()
    for variant in ("first block", "middle block", "last block"):
        recipe = RECIPES[variant]
        model = classifier(recipe, recipe.phases[0], 6, "Adam")[0]
        sizes.add(sum(int(np.prod(w.shape)) for w in model.trainable_weights))
    assert len(sizes) == 1


def test_l2_sp_pulls_to_the_start():
    recipe = RECIPES["L2-SP"]
    model, base_model, _ = classifier(recipe, recipe.phases[0], 6, "Adam")
    assert float(sum(model.losses)) == 0
    kernel = base_model.get_layer("stem_conv").kernel
    kernel.assign_add(keras.ops.ones_like(kernel))
    wanted = L2_SP / 2 * np.prod(kernel.shape)
    assert float(sum(model.losses)) == pytest.approx(wanted, rel=1e-4)
    kernel.assign_add(-keras.ops.ones_like(kernel))


@pytest.mark.usefixtures("without_graphs")
def test_a_run_of_two_phases_from_end_to_end(monkeypatch):
    phases = ((), ("stage4_block1_conv2",))
    recipe = Recipe(phases, stops=True)
    monkeypatch.setitem(RECIPES, "tiny", recipe)
    monkeypatch.setattr(fine_tuning_runs, "LOOK_EVERY", 1)
    some = fine_tuning_measures._source()[:2]
    monkeypatch.setattr(fine_tuning_measures, "_source", lambda: some)
    run = fine_tuning.Run(
        "learning_rate", "near", 30, 100, "tiny", "Adam", 1e-3, 2
    )
    same, result, valley = fine_tuning.execute(run)
    assert same == run and valley == []
    assert set(result) == set(fine_tuning.RESULTS)
    assert 0.3 < result["value"] <= 1 and 0.7 < result["source_accuracy"] <= 1
    assert result["parameters"] == 144 * 144 * 9 + 145 * 6


def test_a_step_to_the_side_moves_each_filter_by_the_same_share():
    target = fine_tuning_measures.load_target("digits")
    model, *_ = classifier(RECIPES["head only"], (), 10, "Adam")
    seen = []

    class Recorder:
        get_weights = model.get_weights

        def set_weights(self, weights):
            seen.append(weights)

        def __call__(self, images, training):
            return np.zeros((len(images), 10))

    drawn = target.draw(30, 0)
    rows = fine_tuning_measures.perturbed(Recorder(), target, drawn, 0)
    assert len(rows) == len(seen) - 1 and rows[0]["scale"] == 0
    for before, after in zip(model.get_weights(), seen[-2], strict=True):
        way, length = after - before, np.zeros(1)
        if before.ndim > 1:
            axes = tuple(range(before.ndim - 1))
            length = np.sqrt((before**2).sum(axes))
        found = np.sqrt((way**2).sum(axes if before.ndim > 1 else None))
        np.testing.assert_allclose(found, 0.4 * length, rtol=1e-4, atol=1e-6)


def test_the_files_hold_every_run_of_the_plan_and_no_other():
    runs = {run.key(): run for run in fine_tuning.planned()}
    rows = fine_tuning.read()
    keys = [tuple(row[name] for name in fine_tuning.KEYS) for row in rows]
    assert sorted(keys) == sorted(runs)
    for row in rows:
        assert 0 <= float(row["value"]) <= 1
    found = [
        tuple(row[name] for name in fine_tuning.KEYS)
        for row in fine_tuning.read("fine_tuning_valley")
    ]
    valley = {key for key, run in runs.items() if run.experiment == "valley"}
    each = 1 + 4 * fine_tuning_measures.VALLEY_DIRECTIONS
    assert {key: found.count(key) for key in found} == dict.fromkeys(
        valley, each
    )


def test_the_heads_strength_is_the_reports():
    rows = transfer_report.read_rows()
    for target in ("near", "defects", "histology", "digits"):
        assert transfer_report.best(rows, target, "frozen") > 0


# What lessons 03b and 03c say of the experiments, with a margin.


def frame(experiment, name="fine_tuning"):
    rows = pd.read_csv(fine_tuning.FOLDER / f"{name}.csv")
    return rows[rows["experiment"] == experiment]


def test_more_layers_were_not_worse_with_few_labels():
    means = frame("depth").groupby(["labels", "variant"])["value"].mean()
    for labels in (40, 100):
        assert means[labels, "all"] > means[labels, "head only"] - 0.01
    assert (frame("depth")["train_accuracy"] > 0.99).all()


def gain(runs, variant, other, column="value"):
    wide = runs.pivot(index="seed", columns="variant", values=column)
    return verdicts.judge(variant, wide[variant] - wide[other], margin=0.01)


def test_gradual_and_all_at_once_are_not_told_apart():
    pair = frame("gradual"), "gradual", "all at once"
    assert gain(*pair).verdict == "undecided"
    assert gain(*pair, "source_accuracy").verdict == "refuted"


def test_the_rates_matter_most_only_with_the_highest_among_them():
    near = frame("learning_rate").query("target == 'near'")
    means = near.groupby("learning_rate")["value"].mean()
    assert np.ptp(means) > 0.3
    assert np.ptp(means[means.index < 1e-2]) < 0.05
    for experiment in ("depth", "gradual", "regularization"):
        rows = frame(experiment).query("labels == 100")
        assert np.ptp(rows.groupby("variant")["value"].mean()) < 0.05


def test_what_it_costs_to_skip_phase_1():
    runs = frame("phase1")

    def gain(target, column="value"):
        own = runs[runs["target"] == target].pivot(
            index=["optimizer", "seed"], columns="variant", values=column
        )
        return own["head first"] - own["random head"]

    near, tissue = gain("near"), gain("histology")
    assert (near > 0.01).all()
    assert near["Adam"].mean() > near["SGD"].mean() + 0.02
    assert (tissue.groupby("optimizer").mean().abs() < 0.02).all()
    elsewhere = gain("histology", "ood_value").groupby("optimizer")
    assert (elsewhere.mean() > 0.01).all() and (elsewhere.min() < 0).all()
    forgotten = gain("near", "source_accuracy").groupby("optimizer").mean()
    assert forgotten["Adam"] > forgotten["SGD"] > 0.05


def test_which_block_to_adapt_and_whether():
    runs = frame("where")
    values = runs.pivot(
        index="seed", columns=["target", "steps", "variant"], values="value"
    ).sort_index(axis=1)
    near, scanner = values["near", 100], values["histology C", 100]
    blocks = scanner.drop(columns="head alone")
    assert (blocks.idxmax(axis=1) == "first block").all()
    before = values["histology C", 0, "head alone"]
    assert (blocks.max(axis=1) < before - 0.01).all()
    assert np.ptp(near.mean()) < 0.03 and near.mean().max() < 0.5
    trained = runs.query("steps > 0 and variant == 'first block'")
    assert (trained["train_accuracy"] > 0.9).all()


def test_the_valley_of_the_fine_tuned_network_is_not_the_wider_one():
    rows = frame("valley", "fine_tuning_valley")
    loss = rows.groupby(["scale", "variant"])["train_loss"].mean().unstack()
    assert loss.loc[0].max() < fine_tuning_measures.VALLEY_LOSS
    for scale in (0.05, 0.1, 0.2):
        assert loss["fine-tuned"][scale] > 1.3 * loss["scratch"][scale]
    accuracy = rows.groupby(["scale", "variant"])["test_accuracy"].mean()
    assert accuracy[0.1, "fine-tuned"] < accuracy[0.1, "scratch"] - 0.05


def test_no_remedy_stands_out_and_l2_sp_forgets_less():
    runs = frame("regularization")
    assert (runs["train_accuracy"] > 0.99).all()
    for remedy in ("dropout", "L2-SP", "early stopping"):
        for column in ("value", "source_accuracy"):
            judged = gain(runs, remedy, "plain", column)
            assert judged.verdict == "undecided"
    source = runs.groupby("variant")["source_accuracy"].mean()
    assert source["L2-SP"] > source["plain"] + 0.01
    assert source["dropout"] < source["plain"] - 0.01
