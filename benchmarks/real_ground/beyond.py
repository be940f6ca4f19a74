"""Beyond the recipe: seventeen changes of it, each against one baseline.

The baseline is lesson 03's recipe on 400 cells: the head of the frozen network
(`methods.frozen_head`), then 4 epochs of blocks 5 to 7 and the head with Adam
at 1e-4, batches of 16, both flips at random, batch normalization kept, and the
epoch of the best validation AUC is kept. Each recipe changes one thing, to what
its authors or Keras have as default; nothing was tuned here, so a recipe that
gains nothing may gain with settings of its own. All recipes of a seed begin at
the same head and see the same cells in the same order with the same flips.

* Pictures: no flips; quarter turns, too; RandAugment as `keras.layers` has it
  (two operations of strength 0.5); MixUp (alpha 0.2, Zhang et al. 2018); CutMix
  (alpha 1, Yun et al. 2019). Pairs and shares are drawn anew for each picture.
* Labels and loss: smoothing 0.1 (Szegedy et al. 2016); weights that give both
  classes the same say; focal loss, gamma 2 (Lin et al. 2017).
* Weights: dropout 0.2 before the head (EfficientNet's); decoupled weight decay
  0.05 (fine-tuning of ConvNeXt, MAE); an exponential moving average, 0.99 a
  step (Keras's), judged in place of the weights.
* Rates: 0.75 times the rate with each block down from the head (MAE); warm-up
  over the first tenth of the steps, then a cosine to 0.
* LoRA: rank 8 beside each 1x1 convolution (Hu et al. 2021), the rest kept but
  the head; at 1e-4, and with ten times the rate for the adapters, as advised.
* Weights of several networks: a share of the way from before fine-tuning to
  after it, half of it judged (WiSE-FT, Wortsman et al. 2022a); the mean of
  three runs that differ in the order of the cells and the flips (a soup,
  Wortsman et al. 2022b).

The old task is the agreement of the 1000-class head with its former self, see
`old_task`. Processor seconds are those of the steps with all that makes their
inputs, without building graphs and without judging.
"""

import functools
import time

from benchmarks.real_ground import beyond_training, cells, methods
from benchmarks.real_ground.beyond_training import Recipe
from benchmarks.real_ground.differences import less
from benchmarks.real_ground.runner import Claim, Experiment

LABELS = 400
BASELINE = "the recipe"
RECIPES = {
    BASELINE: Recipe(),
    "no flips": Recipe(pictures="as they are"),
    "quarter turns": Recipe(pictures="quarter turns"),
    "RandAugment": Recipe(pictures="RandAugment"),
    "MixUp": Recipe(pictures="MixUp"),
    "CutMix": Recipe(pictures="CutMix"),
    "label smoothing": Recipe(smoothing=0.1),
    "class weights": Recipe(class_weights=True),
    "focal loss": Recipe(gamma=2.0),
    "dropout": Recipe(dropout=0.2),
    "weight decay": Recipe(weight_decay=0.05),
    "moving average": Recipe(average=0.99),
    "rates by layer": Recipe(layer_decay=0.75),
    "warm-up and cosine": Recipe(warm_up=0.1),
    "LoRA": Recipe(rank=8),
    "LoRA, ten times the rate": Recipe(rank=8, adapter_rate=10.0),
}
ORDERS = (0, 1, 2)  # of the cells and flips; runs of the baseline to average
SHARES = (0.25, 0.5, 0.75)
SOUP = "soup of three"
KEYS = ("stage", "recipe", "order", "labels", "seed")
RESULTS = ("auc", "accuracy", "validation_auc", "agreement", "total_variation")
RESULTS += ("parameters", "best_epoch", "seconds", "processor_seconds")
RESULTS += ("validation_auc_curve",)


def _way(share):
    return f"{share:g} of the way"


def plan(rows, seeds):
    """Lists the runs: all recipes of one seed, then those of the next."""
    for seed in seeds:
        pairs = [("frozen", 0), *((BASELINE, order) for order in ORDERS)]
        pairs += [(mix, 0) for mix in (*map(_way, SHARES), SOUP)]
        pairs += [(name, 0) for name in RECIPES if name != BASELINE]
        for recipe, order in pairs:
            yield dict(
                zip(KEYS, ("report", recipe, order, LABELS, seed), strict=True)
            )


@functools.lru_cache(1)
def _head(labels, seed):
    return methods.frozen_head(cells.draw(labels, seed))


@functools.lru_cache(len(ORDERS))
def _tuned(recipe, labels, seed, order):
    """Returns results and weights, before and after, of a recipe."""
    return beyond_training.tuned(
        RECIPES[recipe],
        cells.draw(labels, seed),
        _head(labels, seed),
        seed,
        order,
    )


def run(stage, recipe, order, labels, seed):
    """Makes one run."""
    start = time.perf_counter()
    draw = cells.draw(labels, seed)
    if recipe == "frozen":
        found = methods.frozen(draw) | {"processor_seconds": 0.0}
    elif recipe in RECIPES:
        found, *_ = _tuned(recipe, labels, seed, order)
    else:
        shares = [1 / len(ORDERS)] * len(ORDERS)
        if recipe != SOUP:
            shares = [share for share in SHARES if _way(share) == recipe]
        runs = [
            _tuned(BASELINE, labels, seed, one) for one in range(len(shares))
        ]
        weights = [runs[0][1], *(after for *_, after in runs)]
        shares = [1 - sum(shares), *shares]
        found = beyond_training.mixed(RECIPES[BASELINE], draw, weights, shares)
        made = [one["processor_seconds"] for one, *_ in runs]
        found["processor_seconds"] = sum(made)
    found = {name: found.get(name, "") for name in RESULTS}
    return found | {"seconds": time.perf_counter() - start}


def _less(ones, others, column="auc"):
    """Returns a comparison of each with each, on the same cells."""
    return {
        f"{one} less {other}": less(
            column, {"recipe": one}, {"recipe": other}, order=0
        )
        for one in ones
        for other in others
    }


def _gains(*recipes, column="auc"):
    return _less(recipes, [BASELINE], column)


def _soup(get):
    """The soup less the mean of what it was made of."""
    runs = [get("auc", recipe=BASELINE, order=one) for one in ORDERS]
    return get("auc", recipe=SOUP) - sum(runs) / len(runs)


def _claim(id, sentence, comparisons, metric="AUC", margin=0.01):
    return Claim(id, sentence, "course", metric, margin, comparisons)


ADAPTERS = ("LoRA", "LoRA, ten times the rate")
EXPERIMENT = Experiment(
    name="beyond",
    keys=KEYS,
    plan=plan,
    run=run,
    results=RESULTS,
    claims=(
        _claim(
            "flips-help",
            "Random flips help fine-tuning.",
            _less([BASELINE], ["no flips"]),
        ),
        _claim(
            "stronger-augmentation-helps",
            "Stronger augmentation than flips helps fine-tuning.",
            _gains("quarter turns", "RandAugment", "MixUp", "CutMix"),
        ),
        _claim(
            "regularizers-help",
            "Dropout, weight decay, label smoothing or an average of the "
            "weights helps fine-tuning.",
            _gains(
                "dropout", "weight decay", "label smoothing", "moving average"
            ),
        ),
        _claim(
            "balancing-helps",
            "Class weights or the focal loss help where one class is rare.",
            _gains("class weights", "focal loss"),
        ),
        _claim(
            "schedules-help",
            "Rates by layer, or warm-up and a cosine, beat one constant rate.",
            _gains("rates by layer", "warm-up and cosine"),
        ),
        _claim(
            "adapters-learn-less",
            "Low-rank adapters learn less than full fine-tuning.",
            _less([BASELINE], ADAPTERS),
        ),
        _claim(
            "adapters-forget-less",
            "Low-rank adapters forget less than full fine-tuning.",
            _gains(*ADAPTERS, column="agreement"),
            "top-1 agreement with its former self, kept epoch",
            0.1,
        ),
        _claim(
            "interpolation-repairs",
            "Half the way back to the weights before fine-tuning restores the "
            "old task.",
            _gains(_way(0.5), column="agreement"),
            "top-1 agreement with its former self",
            0.1,
        ),
        _claim(
            "interpolation-gains",
            "Half the way back to the weights before fine-tuning gains on the "
            "new task, too.",
            _gains(_way(0.5)),
        ),
        _claim(
            "soups-gain",
            "The mean of the weights of three runs beats one of them.",
            {"soup less the mean of its runs": _soup},
        ),
    ),
)
