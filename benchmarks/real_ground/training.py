"""Training on labelled cells, watched on the validation cells."""

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.real_ground import cells

LEAST_PICTURES = 160  # an epoch
CURVES = (
    "validation_auc_curve",
    "validation_loss_curve",
    "agreement_curve",
    "total_variation_curve",
)


def judged(logits, y, threshold=0.0):
    """Returns the AUC and the accuracy of logits."""
    right = (logits >= threshold) == (y == 1)
    return {
        "auc": float(roc_auc_score(y, logits)),
        "accuracy": float(right.mean()),
    }


def tested(draw, test, validation, train):
    """Returns results on the test cells, with two thresholds.

    Args:
        draw: A `cells.Draw`.
        test: Logits of the test cells.
        validation: Logits of the validation cells; a second threshold is the
            most accurate one there.
        train: Logits of the labelled cells.
    """
    y = cells.labels()
    candidates = np.sort(validation)
    right = [judged(validation, y[draw.validation], t) for t in candidates]
    best = np.argmax([one["accuracy"] for one in right])
    chosen = judged(test, y[draw.test], candidates[best])
    return {
        **judged(test, y[draw.test]),
        "accuracy_chosen_threshold": chosen["accuracy"],
        "train_accuracy": judged(train, y[draw.train])["accuracy"],
        "validation_auc": judged(validation, y[draw.validation])["auc"],
    }


def train(model, watch, seed, rate, epochs, batch):
    """Trains, looks at the validation cells after each epoch, and tests."""
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    model.optimizer.learning_rate = rate
    data = Batches(watch.inputs, watch.draw.train, seed, batch)
    model.fit(data, epochs=epochs, verbose=0, shuffle=False, callbacks=[watch])
    watch.finish(model)


class Batches(keras.utils.PyDataset):
    """Shuffled batches, each cell flipped at random."""

    def __init__(self, inputs, numbers, seed, batch):
        """Takes what makes inputs of cells and flips, and the cells."""
        super().__init__()
        self.inputs, self.numbers, self.batch = inputs, numbers, batch
        self.rng = np.random.default_rng([seed, 1])
        self.on_epoch_end()

    def __len__(self):
        """Returns how many batches an epoch has."""
        return -(-len(self.order) // self.batch)

    def __getitem__(self, number):
        """Returns a batch and its labels."""
        one = slice(number * self.batch, (number + 1) * self.batch)
        some = self.order[one]
        y = cells.labels()[some].astype("float32")
        return self.inputs(some, self.flips[one]), y

    def on_epoch_end(self):
        """Draws order and flips anew."""
        times = -(-LEAST_PICTURES // len(self.numbers))
        orders = [self.rng.permutation(self.numbers) for _ in range(times)]
        self.order = np.concatenate(orders)
        self.flips = self.rng.integers(len(cells.FLIPS), size=len(self.order))


class Watch(keras.callbacks.Callback):
    """Keeps curves, and the weights of the best epoch."""

    def __init__(self, inputs, draw, agreement=None):
        """Takes what is looked at.

        Args:
            inputs: From numbers of cells, and flips, to what the model takes.
            draw: A `cells.Draw`.
            agreement: An `old_task.Agreement`, or None.
        """
        super().__init__()
        self.inputs = inputs
        self.validation = inputs(draw.validation)
        self.test = inputs(draw.test)
        self.train = inputs(draw.train)
        self.draw, self.agreement = draw, agreement
        self.curves = {name: [] for name in CURVES}

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the validation cells, and at the old task."""
        y = cells.labels()[self.draw.validation]
        logits = _logits(self.model, self.validation)
        auc = judged(logits, y)["auc"]
        loss = float(np.mean(np.logaddexp(0, logits) - y * logits))
        curves = self.curves
        # In a trial there may be one class only, and the AUC is NaN.
        if not auc <= max(curves["validation_auc_curve"], default=-1):
            self.best = epoch, logits, self.model.get_weights()
        curves["validation_auc_curve"].append(auc)
        curves["validation_loss_curve"].append(loss)
        if self.agreement is not None:
            same, distance = self.agreement.measured()
            curves["agreement_curve"].append(same)
            curves["total_variation_curve"].append(distance)

    def finish(self, model):
        """Tests the last epoch, then the best, whose weights stay."""
        draw, y = self.draw, cells.labels()
        test = _logits(model, self.test)
        last = judged(test, y[draw.test])
        epoch, validation, weights = self.best
        if epoch + 1 < len(self.curves["validation_auc_curve"]):
            model.set_weights(weights)
            test = _logits(model, self.test)
        found = tested(draw, test, validation, _logits(model, self.train))
        self.results = {
            **found,
            "best_epoch": epoch + 1,
            "last_auc": last["auc"],
            "last_accuracy": last["accuracy"],
        }
        for name, curve in self.curves.items():
            self.results[name] = " ".join(f"{value:.4f}" for value in curve)
        for name in ("agreement", "total_variation"):
            curve = self.curves[f"{name}_curve"]
            self.results[name] = curve[epoch] if curve else ""


def _logits(model, inputs):
    return model.predict(inputs, batch_size=32, verbose=0)[:, 0]
