"""Lesson 03's checks: solution, stub, misconceptions, right in another way."""

import keras
import numpy as np
import pandas as pd
import pytest

from course_utils import course
from course_utils.backbones.pretrained import load_backbone
from course_utils.evaluation import experiments
from course_utils.transfer.compiling import recompile
from course_utils.transfer.freezing import unfreeze
from tests import tiny_models
from tests.answers.checking import check
from tests.conftest import TOP

pytestmark = pytest.mark.usefixtures("without_graphs")

IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 64, 64, 3))
LABELS = np.arange(8) % 6
# Read-only: a judge that changes what it is given fails every test here.
IMAGES.setflags(write=False)
LABELS.setflags(write=False)


# ft-01: a model that was unfrozen after a fit.


def stale(kind=tiny_models.functional):
    base = tiny_models.base()
    base.trainable = False
    model = tiny_models.build(kind, base)
    tiny_models.fit(model)
    base.trainable = True
    return base, model


def repaired(base, model, repair, fit=tiny_models.fit):
    repair(model)
    with course.watch(model) as evidence:
        fit(model)
    return check("ft-01", evidence, model, base)


@pytest.mark.graphs
@pytest.mark.parametrize("kind", tiny_models.KINDS)
@pytest.mark.parametrize("repair", [recompile, tiny_models.compiled])
def test_a_repaired_model_passes_however_built(work, kind, repair):
    status, message = repaired(*stale(kind), repair)
    assert status == "passed" and "knows the new flags" in message


@pytest.mark.graphs
def test_a_repair_inside_the_block_or_without_batch_norm_passes(work):
    base, model = stale()
    unfreeze(base)
    assert repaired(base, model, recompile)[0] == "passed"
    base, model = stale()
    with course.watch(model) as evidence:
        recompile(model)
        tiny_models.fit(model)
    assert check("ft-01", evidence, model, base)[0] == "passed"


def with_old_optimizer(model):
    model.compile(model.optimizer, model.loss)


def tried(model):
    with pytest.raises((ValueError, NotImplementedError)):
        tiny_models.fit(model)


def freeze_again(model):
    model.get_layer("base").trainable = False
    recompile(model)


@pytest.mark.graphs
@pytest.mark.parametrize(
    ("repair", "fit", "named"),
    [
        (lambda model: None, tiny_models.fit, "recompile after unfreezing"),
        (with_old_optimizer, tried, "Nothing has learned"),
        (recompile, lambda model: None, "Nothing has learned"),
        (freeze_again, tiny_models.fit, "leave its flag at True"),
    ],
)
def test_each_failed_repair_is_named(work, repair, fit, named):
    status, message = repaired(*stale(), repair, fit)
    assert status == "failed" and named in message


@pytest.mark.graphs
def test_a_repair_that_ends_in_an_error_is_named(work):
    base, model = stale()
    with_old_optimizer(model)
    with (
        pytest.raises((ValueError, NotImplementedError)),
        course.watch(model) as evidence,
    ):
        tiny_models.fit(model)
    status, message = check("ft-01", evidence, model, base)
    assert status == "failed" and "compile with a new one" in message


def test_evidence_that_is_none_is_named(work):
    base, model = stale()
    other_base, other = stale()
    recompile(other)
    with course.watch(other) as evidence:
        tiny_models.fit(other)
        message = check("ft-01", evidence, other, other_base)[1]
        assert "is not over" in message
    assert "another model" in check("ft-01", evidence, model, base)[1]
    assert "should be evidence" in check("ft-01", model, model, base)[1]


# ft-06: three rates, told by how far one step of Adam has gone.


@pytest.fixture(scope="module")
def backbone():
    base_model = load_backbone("residual")
    unfreeze(base_model)
    return base_model


def with_head(base_model):
    pool = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([base_model, pool, keras.layers.Dense(6)])


def stepped(base_model, head=1e-3, late=1e-4, early=1e-5, steps=1):
    """Moves weights as Adam's first step would, and watches."""
    model = with_head(base_model)
    model(IMAGES[:1])
    rng = np.random.default_rng(0)
    rates = {id(w): head for w in model.layers[-1].weights}
    for layer in base_model.layers:
        rate = late if layer.name.startswith("stage4") else early
        rates |= {id(w): rate for w in layer.trainable_weights}
    with course.watch(model) as evidence:
        for weight in model.trainable_weights:
            signs = rng.choice([-1.0, 1.0], weight.shape)
            weight.assign(weight + steps * rates[id(weight)] * signs)
    return check("ft-06", evidence, model, base_model)


def test_three_rates_pass(work, backbone):
    assert stepped(backbone)[0] == "passed"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"late": 1e-3}, "of stage4, has moved by 1.0e-03"),
        ({"late": 1e-5}, "Weights of stage4 have moved"),
        ({"early": 1e-4}, "let each weight be in one part alone"),
        ({"head": 1e-4}, "Weights of head have moved"),
        ({"steps": 3}, "make one step"),
        ({"early": 0}, "Nothing of the earlier layers has moved"),
    ],
)
def test_each_misconception_about_rates_is_named(work, backbone, given, named):
    status, message = stepped(backbone, **given)
    assert status == "failed" and named in message


def test_a_step_of_what_is_not_asked_for_is_named(work, backbone):
    model = with_head(backbone)
    model(IMAGES[:1])
    with course.watch(model) as evidence:
        pass
    assert "Nothing has learned" in check("ft-06", evidence, model, backbone)[1]
    other = check("ft-06", evidence, with_head(backbone), backbone)
    assert "another model" in other[1]
    assert "should be evidence" in check("ft-06", 1, model, backbone)[1]


# ft-07: a rate that keeps the old task. The rule chooses 3e-5.

ROWS = pd.DataFrame(
    [("frozen", np.nan, seed, 1.0, 0.8, 0.80 + seed / 10) for seed in range(2)]
    + [
        ("fine-tuned", rate, seed, agreement, validation, auc + seed / 10)
        for rate, agreement, validation, auc in (
            (1e-5, 0.95, 0.81, 0.82),
            (3e-5, 0.85, 0.84, 0.79),
            (1e-4, 0.50, 0.90, 0.85),
        )
        for seed in range(2)
    ],
    columns=["method", "rate", "seed", "agreement", "validation_auc", "auc"],
)


def test_the_rate_that_keeps_the_old_task_passes(work):
    gains = np.array([-0.01, -0.01])
    assert check("ft-07", 3e-5, gains, ROWS, 0.8)[0] == "passed"
    assert check("ft-07", np.float64(3e-5), list(gains), ROWS, 0.8)[0] == (
        "passed"
    )


@pytest.mark.parametrize(
    ("rate", "gains", "named"),
    [
        (1e-4, [0.05, 0.05], "keep to the limit"),
        (1e-5, [0.02, 0.02], "must not choose"),
        (2e-5, [0, 0], "none of the rates"),
        ("3e-5", [0, 0], "a learning rate"),
        (3e-5, -0.01, "one per seed"),
        (3e-5, "none", "one per seed"),
        (3e-5, [0.01, 0.01], "sign is reversed"),
        (3e-5, [0.79, 0.89], "the gains are not"),
    ],
)
def test_each_misconception_about_the_choice_is_named(work, rate, gains, named):
    status, message = check("ft-07", rate, gains, ROWS, 0.8)
    assert status == "failed" and named in message


# ft-08: the recipe, by what its two phases moved.


def phases(
    first=keras.layers.Layer,
    second=None,
    rates=(1e-2, 1e-3),
    recompiled=True,
    loss=None,
):
    """Trains with all frozen, then with what `second` leaves trainable."""
    base_model = load_backbone("residual")
    model = with_head(base_model)
    for layer in base_model.layers:
        layer.trainable = not isinstance(layer, first)
    found = []
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model(IMAGES[:1])
    for number, rate in enumerate(rates):
        if number:
            (second or unfreeze)(base_model)
        if not number or recompiled:
            model.compile(keras.optimizers.SGD(rate), loss)
        with course.watch(model) as evidence:
            model.fit(IMAGES, LABELS, verbose=0)
        found.append(evidence)
    return found


def test_the_recipe_passes(work):
    status, message = check("ft-08", *phases())
    assert status == "passed", message


def all_of_it(base_model):
    unfreeze(base_model, batch_norm=True)


def last_stage(base_model):
    unfreeze(base_model, from_layer="stage4")


def changed_between(base_model):
    unfreeze(base_model)
    kernel = base_model.get_layer("stem_conv").kernel
    kernel.assign(1.1 * kernel)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"first": keras.layers.ReLU}, "have moved in the first phase"),
        ({"second": all_of_it}, "of batch normalization have moved"),
        ({"second": last_stage}, "kernels have not moved"),
        ({"second": lambda base: None}, "kernels have not moved"),
        ({"second": changed_between}, "begin with a fresh one"),
        ({"rates": (1e-2, 5e-3)}, "take a tenth of it"),
        ({"loss": "sparse_categorical_crossentropy"}, "The head gives scores"),
    ],
)
def test_each_misconception_about_the_recipe_is_named(work, given, named):
    status, message = check("ft-08", *phases(**given))
    assert status == "failed" and named in message


@pytest.mark.graphs
def test_a_second_phase_that_was_not_compiled_is_named(work):
    status, message = check("ft-08", *phases(recompiled=False))
    assert status == "failed" and "recompile after unfreezing" in message


def test_evidence_of_two_models_is_named(work):
    one, other = phases(), phases()
    assert "two models" in check("ft-08", one[0], other[1])[1]
    assert "should be evidence" in check("ft-08", one[0], 1)[1]


# What the lesson says of the experiments is what their rows say.


@pytest.fixture(scope="module")
def report():
    return {
        name: experiments.table(name, gain=True)
        for name in ("learning_rate", "depth")
    }


def test_the_sweep_found_what_the_lesson_says(report):
    gains = report["learning_rate"].set_index("rate")
    assert gains["high"][1e-3] < 0
    lower = gains.drop(index=1e-3)
    assert ((lower["low"] < 0) & (lower["high"] > 0)).all()
    shown = experiments.table("learning_rate")
    agreement = shown[shown["line"].str.contains("agreement")]
    assert agreement["mean"].is_monotonic_decreasing


def test_depth_found_what_the_lesson_says(report):
    gains = report["depth"].set_index("depth")
    awake = gains.loc["all, batch norm training"]
    assert awake["high"] < 0
    rest = gains.drop(index="all, batch norm training")
    assert ((rest["low"] < 0) & (rest["high"] > 0)).all()


def test_the_laboratory_s_best_rate_is_the_one_that_collapses_here():
    path = TOP / "data" / "experiments" / "explorer.csv"
    rows = pd.read_csv(path).query("dataset == 'near' and labels == 100")
    rows = rows[rows["unfrozen"] == "all layers"]
    assert rows.groupby("learning_rate")["value"].mean().idxmax() == 1e-3
