# %% [markdown]
# # Avoid the traps of fine-tuning
#
# - **Do:** let early stopping fail in ways that you can predict, find out what
#   the well-known loop over the last layers trains, and weigh the usual advice
#   (stages, early or late layers, weight decay) against measurements.
# - **Learn:** to keep the best weights over two phases, to count epochs on, to
#   choose what trains and how fast, to tell forgetting from overfitting, and
#   to hold weights near their start.
# - **Need:** lesson 03, which fine-tunes in two phases. No network, no graphics
#   card. About 45 minutes, of which the computer takes about one.

# %% [markdown]
# ## Set up
#
# The sweeps of this lesson were made beforehand, by
# `python -m benchmarks.fine_tuning`; its text says what was fixed before. We
# read the results, a row a run, and drop a live run among them. Nothing was
# tuned, and what did not come out as the usual advice says is told as well.

# %%
from course_utils import course

course.begin("03b")

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from keras.optimizers import SGD, Adam
from sklearn.linear_model import LogisticRegression

from course_utils import backbones, machine, transfer
from course_utils.evaluation import BLUE, ORANGE, VERMILLION
from course_utils.pictures import load_dataset


def read_runs(name, experiment):
    runs = pd.read_csv(machine.data_dir() / "experiments" / f"{name}.csv")
    return runs[runs["experiment"] == experiment].copy()


# %% [markdown]
# ## What early stopping does
#
# `EarlyStopping` knows nothing of your model. It reads one number an epoch. So
# to learn what it does, we need no real training: a model of ten weights
# trains on noise, and a callback overwrites `val_loss` by our script before
# early stopping reads it. It also keeps the weights of each epoch, so that we
# can tell which ones early stopping has put back.


# %%
class Scripted(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = self.losses[epoch]
        self.weights[epoch] = self.model.get_weights()


def fit_scripted(losses, first=0, **options):
    script = Scripted()
    script.losses, script.weights = losses, {}
    stopping = keras.callbacks.EarlyStopping(**options)
    small.fit(
        *noise,
        initial_epoch=first,
        epochs=len(losses),
        callbacks=[script, stopping],
        verbose=0,
    )
    now, epochs = small.get_weights(), script.weights.items()
    same = [e for e, old in epochs if all(map(np.array_equal, old, now))]
    return list(script.weights), same


# %% [markdown]
# It returns the epochs that ran, and the one whose weights the model has now.
#
# **Predict.** The script is the list `noisy`: the loss falls, but not in every
# epoch. How many epochs will run with `patience=0`, "do not wait at all"?

# %% tags=["exercise"]
noisy = [1.0, 0.8, 0.85, 0.7, 0.75, 0.72, 0.5, 0.6, 0.65, 0.7]
quiz = course.quiz("03b")
my_guess = ...
### BEGIN SOLUTION
my_guess = 3
### END SOLUTION
quiz.answer("q1", my_guess)

# %% [markdown]
# **Run.** Four patiences, always with `restore_best_weights`; then
# `start_from_epoch` in a `fit` that begins at epoch 6.

# %%
small = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
small.compile("sgd", "mse")
noise = np.random.normal(size=(8, 4)), np.random.normal(size=(8, 2))
ran = {}
for patience in (0, 1, 2, 4):
    ran[patience], restored = fit_scripted(
        noisy, patience=patience, restore_best_weights=True
    )
    print(f"patience {patience}: ran {ran[patience]}, restored {restored}")
late, _ = fit_scripted(noisy, 6, patience=1, start_from_epoch=3)
print(f"start_from_epoch=3, from epoch 6 on: {late}")
course.claim(
    ran[0] == ran[1] == [0, 1, 2] and late == [6, 7],
    "patience 0 behaves as 1, and the three epochs of grace were over.",
)
quiz.outcome("q1", len(ran[0]))

# %% [markdown]
# **Interpret.** `patience` is the number of epochs in a row *without* a new
# best after which training ends. One such epoch has to end before anything can
# be noticed, so 0 and 1 are alike. With 2 (one or two are often recommended)
# training ended before the best epoch of all came. With 4 it never triggered,
# and still the best weights were put back at the end. And `start_from_epoch` counts from the epoch 0 of all training: where phase 2
# begins later than that, it gives no grace at all.
#
# **Exercise tr-01.** What is the least patience with which early stopping
# would reach the best epoch of `bumpy`? Compute it or count it.

# %% tags=["exercise"]
# exercise: tr-01
bumpy = [0.9, 0.7, 0.72, 0.71, 0.73, 0.6, 0.65, 0.4, 0.5, 0.45, 0.48, 0.55]
least_patience = ...
### BEGIN SOLUTION
bests = [e for e in range(len(bumpy)) if bumpy[e] == min(bumpy[: e + 1])]
least_patience = max(np.diff(bests))
### END SOLUTION

# %% [markdown]
# The check recomputes it from the list.

# %% tags=["check"]
course.exercise("tr-01").check(least_patience, bumpy)

# %% [markdown]
# ## The best of two phases, and their count
#
# Each `fit` starts early stopping afresh: it forgets the best that it has
# seen. **Predict:** phase 1 reaches a loss of `0.6`; phase 2 gets no lower
# than `0.8`. Which weights does the model have in the end?
#
# And how should phase 2 go on counting, so that both histories make one curve,
# and schedules go on? Examples on the web write `initial_epoch=10`, the number
# of epochs that phase 1 was *meant* to run. Of twelve in all, which run?

# %%
options = {"patience": 2, "restore_best_weights": True}
phase_1, phase_2 = [0.9, 0.6, 0.7, 0.7, 0.7], [0.95, 0.8, 0.85, 0.9]
first, _ = fit_scripted(phase_1, **options)
weights_1, begin = small.get_weights(), len(first)
second, restored = fit_scripted(phase_1[:begin] + phase_2, begin, **options)
print(f"phase 1 ran {first}, phase 2 {second}; restored: {restored}")
course.claim(
    restored == [begin + 1],
    "the model has the best weights of phase 2, worse than those of phase 1.",
)
if min(phase_1) <= min(phase_2):
    small.set_weights(weights_1)

for start in (10, begin):
    epochs, _ = fit_scripted([1.0] * 12, start, patience=12)
    print(f"initial_epoch={start}: after {first} ran {epochs}")

# %% [markdown]
# **Interpret.** Phase 2 "restored" something worse than phase 1 had reached.
# The remedy by hand are the two lines from `if` on: keep the weights of phase
# 1, and put them back if phase 2 did not beat them. `two_phase_fit` of lesson
# 03 keeps the best of both.
#
# Phase 1 had stopped early, as it should, so with a fixed `initial_epoch=10`
# most of the planned epochs are missing, and nobody is told. Count what ran:
# with the `history` that `fit` returns, `initial_epoch=len(history.epoch)`.
#
# **Exercise tr-02.** Train `small` for exactly three epochs more than phase 1
# (its epochs are the list `first`), counted on. Call `small.fit(*noise, ...)`
# and keep what it returns.

# %% tags=["exercise"]
# exercise: tr-02
third = ...
### BEGIN SOLUTION
ended = len(first)
third = small.fit(*noise, initial_epoch=ended, epochs=ended + 3, verbose=0)
### END SOLUTION

# %% [markdown]
# The check reads the epochs of both histories.

# %% tags=["check"]
course.exercise("tr-02").check(third, first)

# %% [markdown]
# ## The loop over the last layers
#
# You will find this in many tutorials:
#
# ```python
# for layer in base_model.layers[-20:]:
#     layer.trainable = True
# ```
#
# What it does depends on what was before. **Predict** for two cases: the
# backbone had been frozen with `base_model.trainable = False`; or it had never
# been frozen. Which arrays move in a step, and which does `base_model` list as
# trainable? The weights tell.


# %%
def put_head_on(base_model, optimizer):
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
    model = keras.Model(inputs, keras.layers.Dense(6, name="head")(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


near = load_dataset("near")
images, labels = next(near.train.unbatch().batch(100).as_numpy_iterator())


def moved_by_a_step(model):
    before = model.get_weights()
    model.fit(images[:32], labels[:32], verbose=0)
    pairs = zip(model.weights, before, strict=True)
    return [w.path for w, old in pairs if not np.array_equal(w, old)]


# %% [markdown]
# Now the two cases.

# %%
# Many models are traced on purpose: no warning about each.
tf.get_logger().setLevel("ERROR")
for frozen_before in (True, False):
    base_model = backbones.load_backbone("residual")
    base_model.trainable = not frozen_before
    for layer in base_model.layers[-20:]:
        layer.trainable = True
    model = put_head_on(base_model, "sgd")
    moved = [p for p in moved_by_a_step(model) if "head" not in p]
    print(f"frozen before: {frozen_before}. {len(moved)} of the backbone's")
    print(f"{len(base_model.weights)} arrays moved, and it lists ", end="")
    print(f"{len(base_model.trainable_weights)} as trainable.")
course.claim(
    len(moved) == len(base_model.weights),
    "where nothing was frozen, the loop changes nothing: all of it trains.",
)

# %% [markdown]
# **Interpret.** In the first case the layers do train, but the backbone's own
# flag still says frozen, so `base_model.trainable_weights` is empty. Whatever
# reads that list (a penalty, a log, a training loop of your own) does nothing,
# and says nothing. In the second case the loop sets flags that were set
# already; the whole backbone trains, its batch normalization included. And a
# `model` with the backbone nested in it has four layers, so
# `model.layers[-20:]` would be all of it.
#
# ## "The last 20 layers" is no measure
#
# What share of the parameters is that? We build some well-known networks with
# random weights, since counting needs no others. **Predict** the largest
# share and the smallest.

# %%
for name in ("DenseNet121", "ResNet50", "MobileNetV2", "VGG16"):
    big = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    last = sum(layer.count_params() for layer in big.layers[-20:])
    share = last / big.count_params()
    print(f"{name:<12} {len(big.layers):>4} layers, the last 20: {share:.0%}")
course.claim(
    big.layers[:-20] == [],
    "in VGG16 there is nothing before the last 20: nothing would be frozen.",
)

# %% [markdown]
# So "far fewer parameters, hence cheaper, hence less overfitting" depends on
# the network. Choose by blocks or by share, and count (lesson 03).
#
# **Exercise tr-03.** Load a fresh `residual` backbone and let *only* its last
# stage train (the layers whose names begin with `stage4`), together with a new
# head, and in such a way that `my_base.trainable_weights` lists what trains.
# Batch normalization stays as it is. Use `put_head_on(my_base, "sgd")`, and
# make one step, `my_model.fit(images[:32], labels[:32])`, inside `watch`.

# %% tags=["exercise"]
# exercise: tr-03
my_base = ...
my_model = ...
evidence = ...
### BEGIN SOLUTION
my_base = backbones.load_backbone("residual")
my_base.trainable = True
for layer in my_base.layers:
    norm = isinstance(layer, keras.layers.BatchNormalization)
    layer.trainable = layer.name.startswith("stage4") and not norm
my_model = put_head_on(my_base, "sgd")
with course.watch(my_model) as evidence:
    my_model.fit(images[:32], labels[:32], verbose=0)
### END SOLUTION

# %% [markdown]
# The check looks at what has moved, and at the list.

# %% tags=["check"]
course.exercise("tr-03").check(my_model, my_base, evidence)

# %% [markdown]
# ## Is rising validation loss the sign of forgetting?
#
# So it is often said: when the validation loss rises, the network is forgetting
# what it knew. Both can be measured, so we need not guess. What it *knew* is
# the source task: we put the heads of the pretraining back on, and ask how
# accurate they still are (lesson 03). (The source task's own test pictures
# come with the embedded profile only.) The new head is fitted first.

# %%
base_model = backbones.load_backbone("residual")
transfer.unfreeze(base_model)  # all of it but batch normalization
model = put_head_on(base_model, Adam(1e-3))
features = base_model.predict(images, verbose=0).mean(axis=(1, 2))
fitted = LogisticRegression(C=0.03, max_iter=2000).fit(features, labels)
model.get_layer("head").set_weights([fitted.coef_.T, fitted.intercept_])
old_heads = backbones.with_old_heads(base_model)
source_test = load_dataset("source", batch_size=100).test.take(4)


def measure():
    source = backbones.source_accuracy(old_heads, source_test).values()
    return *model.evaluate(near.validation, verbose=0), np.mean([*source])


# %% [markdown]
# We measure, train for some fifty steps, and measure again, live; then come
# whole runs of the sweep at six rates. **Predict:** at which rates will the
# validation loss rise, and at which will the source accuracy fall?

# %%
pretrained = base_model.get_weights()
live = [measure()]
model.fit(images, labels, batch_size=32, epochs=13, verbose=0)
live.append(measure())
print("loss, accuracy, source accuracy:", np.round(live, 3).tolist())
curves = read_runs("fine_tuning_curves", "learning_rate")
curves = curves.query("target == 'near'")
figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), sharex=True)
shown = "validation_loss", "validation_value", "source_accuracy"
for number, (rate, curve) in enumerate(curves.groupby("learning_rate")):
    look = {"marker": "osD^vX"[number], "color": plt.cm.cividis(number / 6)}
    for ax, column in zip(axes, shown, strict=True):
        ax.plot(curve["step"], curve[column], label=f"{rate:g}", **look)
axes[1].legend(title="learning rate", fontsize="small")
for ax, column, value in zip(axes, shown, live[-1], strict=True):
    ax.plot(52, value, "*", color=ORANGE, markersize=16, mec="black")
    ax.set(xlabel="step", ylabel=column.replace("_", " "))

# %% [markdown]
# *The figure shows, for one run at each learning rate, the loss and the
# accuracy on validation pictures of the new task, and the accuracy that the old
# heads still have on the source task; the star is your live run, whose rate did
# not fall.*
#
# **Interpret.** The curves on the left and on the right do not tell the same
# story. At the lower rates the validation loss rises, while next to nothing is
# forgotten; the accuracy on the new task falls a little. (The loss
# also charges for how *sure* a wrong answer is; the accuracy does not.) At
# `0.003` much of the source task is forgotten at once, and yet here the
# validation loss ends *below* that of a rate ten times lower. (On the target
# *defects* it ends above; the file has those curves too.) Only at the highest
# rate, where training itself fails, does all go wrong together.
#
# So a rising validation loss says that the loss on new pictures rises, and no
# more. What was forgotten is told by the old question. And whether to stop by
# loss or by accuracy depends on whether you need the probabilities.
#
# **Exercise tr-04.** Compute `lost`: for each rate in `curves`, how much source
# accuracy the run lost, from its first look to its last; six numbers in the
# order of the rates, or a Series.

# %% tags=["exercise"]
# exercise: tr-04
lost = ...
### BEGIN SOLUTION
by_rate = curves.groupby("learning_rate")["source_accuracy"]
lost = by_rate.first() - by_rate.last()
### END SOLUTION

# %% [markdown]
# The check reads the same curves.

# %% tags=["check"]
course.exercise("tr-04").check(lost, curves)

# %% [markdown]
# ## Why the head goes first
#
# A new head is random, and its errors are large. They go back through the head
# into the backbone as gradients. We compute those gradients for a random and
# for a fitted head, and how far a first step moves the backbone, with two
# optimizers. **Predict:** for which optimizer does the head matter?

# %%
base_model.set_weights(pretrained)
weights = base_model.trainable_variables
new = keras.initializers.GlorotUniform(seed=0)((144, 6)).numpy()
heads = {"random": [new, np.zeros(6)]}
heads["fitted"] = [fitted.coef_.T, fitted.intercept_]
for name, head in heads.items():
    model.get_layer("head").set_weights(head)
    with tf.GradientTape() as tape:
        loss = model.loss(labels, model(images, training=False))
    gradients = tape.gradient(loss, weights)
    for optimizer in (SGD(1e-2, name="SGD"), Adam(1e-3, name="Adam")):
        copies = [keras.Variable(weight) for weight in weights]
        optimizer.apply(gradients, copies)
        pairs = zip(copies, weights, strict=True)
        way = sum(np.sum((c.numpy() - w.numpy()) ** 2) for c, w in pairs) ** 0.5
        print(f"{name} head, {optimizer.name:<6} {way:.4f}")

# %% [markdown]
# **Interpret.** With SGD a step is as long as its gradients, and a random head
# makes it several times longer. With Adam the head hardly matters: it divides
# each gradient by its own size, so that in the first step every weight moves by
# about the rate. Under Adam, then, a fitted head cannot make the first steps
# shorter, only better aimed.
#
# Does it show in the end? The experiment: as many steps of fine-tuning from a
# fitted head and from a random one, on *near* and on histology (lesson 04),
# there also on the pictures of a scanner that none of the training saw. Kumar
# et al. (2022) found that a random head distorts the features, and that it
# costs most on such data from elsewhere.


# %%
def draw(ax, runs, x, column="value", title=""):
    looks = zip("osD^", (BLUE, ORANGE, VERMILLION, "black"), strict=True)
    groups = runs.groupby("variant", sort=False)
    for (mark, colour), (variant, own) in zip(looks, groups, strict=False):
        ax.plot(own[x], own[column], mark, alpha=0.4, color=colour)
        means = own.groupby(x, sort=False)[column].mean()
        ax.plot(means, mark + ":", color=colour, ms=9, label=variant)
    ax.set(title=title)


runs = read_runs("fine_tuning", "phase1").sort_values(["optimizer", "variant"])
runs["setting"] = runs["optimizer"] + "\n" + runs["learning_rate"].astype(str)
near_runs = runs.query("target == 'near'")
tissue = runs.query("target == 'histology'")
figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True)
draw(axes[0], near_runs, "setting", title="near")
axes[0].set_ylabel("accuracy (histology: AUC)")
axes[0].legend()
draw(axes[1], tissue, "setting", title="histology, scanner A")
draw(axes[2], tissue, "setting", "ood_value", "histology, scanner C")

# %% [markdown]
# *The figure shows what fine-tuning reaches on test pictures from a fitted head
# and from a random one, with two optimizers; small marks are the seeds, large
# ones their means.*
#
# **Interpret.** On *near*, to skip phase 1 costs accuracy for every seed, and
# more with Adam than with SGD. That may surprise, since Adam's first step was
# no longer than from a fitted head. But it is no shorter either: Adam's steps
# have their full length from the beginning, while the head still aims them
# anywhere; and here the source task is forgotten most (`source_accuracy` in the
# file). On histology the two are alike on the scanner that they were trained
# on. On the other scanner the random head is worse with Adam, for every seed,
# and not with SGD. So "always fit the head first" is sound advice, what it
# spares you depends on the optimizer and the task, and a test on pictures like
# those of the training may not show it.

# %% [markdown]
# ## Step by step, or layer by layer
#
# *Gradual unfreezing* opens the backbone from its end: some steps for the last
# stage, then for one stage more, and so on (Howard and Ruder 2018). By hand it
# is a loop: flags, compile, fit. Then the experiment: the same number of steps
# in all, gradually or all at once. **Predict** which has the higher mean, and
# which the smaller spread.

# %%
for stage in ("stage4", "stage3", "stem"):
    transfer.unfreeze(base_model, from_layer=stage)
    model.compile(Adam(3e-4), model.loss)
    print(f"from {stage} on: {len(moved_by_a_step(model))} arrays moved")
runs = read_runs("fine_tuning", "gradual")
by_variant = runs.groupby("variant")["value"]
print(by_variant.agg(["mean", "std", "count"]).round(3).to_string())

# %% [markdown]
# **Interpret.** The means differ by less than the seeds do, and the spreads are
# alike: much of both comes from which pictures were drawn. That gradual unfreezing makes training more stable is not refuted, but
# it is not to be seen here either, where all at once is stable enough.
#
# Or each part gets a rate of its own. Keras has no setting for it, but a
# training step of your own needs few lines: two optimizers, each with its part
# of the gradients. The head's kernel and bias come last. (To multiply the
# *gradients* of one part would do next to nothing under Adam, which divides by
# their size.) The proof: with a rate of zero for the backbone only the head
# may move.


# %%
class TwoRates(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        weights = self.trainable_variables
        gradients = tape.gradient(loss, weights)
        self.slow.apply(gradients[:-2], weights[:-2])
        self.optimizer.apply(gradients[-2:], weights[-2:])
        return {"loss": loss}


two_rates = TwoRates(model.inputs, model.outputs)
two_rates.slow = SGD()
two_rates.compile(SGD(1e-2), model.loss)
for rate in (0.0, 1e-4):
    two_rates.slow.learning_rate = rate
    moved = moved_by_a_step(two_rates)
    print(f"a rate of {rate:g} for the backbone: {len(moved)} arrays moved")

# %% [markdown]
# ## Early, middle or late?
#
# "Early layers are general, so let only the late ones adapt": so goes the rule.
# Lee et al. (2023) found that it depends on what is new: where the *pictures*
# look different and the question is the same, tuning early layers did best;
# where the *question* is new, late ones. To compare places and not sizes, we
# train one of three blocks of the vision transformer, which are equally large,
# with the head. On *near* the question is new. For the other panel, a network
# that was fine-tuned on histology is adapted to another scanner. **Predict**
# the best block in each.

# %%
runs = read_runs("fine_tuning", "where")
print(runs.groupby("variant")["parameters"].max().to_string())
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="tight")
before = runs.loc[runs["steps"] == 0, "value"].mean()
for ax, target in zip(axes, ("near", "histology C"), strict=True):
    own = runs[(runs["target"] == target) & (runs["steps"] > 0)]
    draw(ax, own, "variant", title=target)
axes[0].set_ylabel("accuracy (histology: AUC)")
_ = axes[1].axhline(before, color="gray", linestyle=":")

# %% [markdown]
# *The figure shows what the head alone reaches on test pictures, and the head
# with one block of the transformer; the dotted line is the network before it
# was adapted to scanner C. Small marks are the seeds, large ones their means.*
#
# **Interpret.** On *near* the places cannot be told apart. (This transformer is
# a weak one, far below the residual network on the same pictures.) For the new
# scanner, the first block does best of the three, for every seed, which agrees
# with Lee et al. But each of them is *worse* than the network had been before:
# the hundred pictures, of few patients, were fitted well, and new patients
# gained nothing. So where to adapt is the second question; whether to adapt at
# all is the first. Lesson 04 has other means against a change of scanner.
#
# (In language models, early layers are said to carry grammar, and later ones
# meaning. Tenney et al. (2019) found such an order in one of them. This course
# does not test it.)

# %% [markdown]
# ## Hold the weights back
#
# A network that may change more can also fit chance more closely. Three
# remedies besides early stopping: *dropout* before the head; *weight decay*,
# which pulls each weight towards zero; and *L2-SP*, which pulls it towards its
# pretrained value (Li, Grandvalet and Davoine 2018), in Keras as a
# `regularizer` of the variable. First a sum and a check by hand, then the
# experiment: each of them off (`plain`) or on. `gap` is training less test
# accuracy. **Predict:** which gap will be smaller than `plain`'s?


# %%
class TowardsOrigin(keras.regularizers.Regularizer):
    def __call__(self, now):
        return 0.01 / 2 * keras.ops.sum((now - self.origin) ** 2)


rates = 1e-3 * (1 + np.cos(np.pi * np.arange(200) / 200)) / 2
print(f"AdamW's decay leaves {np.prod(1 - 0.05 * rates):.2%} of a weight.")
base_model.set_weights(pretrained)
origins = [weight.numpy() for weight in base_model.trainable_variables]
for weight, origin in zip(base_model.trainable_variables, origins, strict=True):
    weight.regularizer = TowardsOrigin()
    weight.regularizer.origin = origin
model.compile(Adam(1e-3), model.loss)
print(f"penalty at the start {float(sum(model.losses)):.4f}")
model.fit(images, labels, verbose=0)
print(f"penalty after some steps {float(sum(model.losses)):.4f}")
runs = read_runs("fine_tuning", "regularization")
runs["gap"] = runs["train_accuracy"] - runs["value"]
found = runs.groupby("variant", sort=False)[["value", "gap", "source_accuracy"]]
print(found.agg(["mean", "std"]).round(3).to_string())

# %% [markdown]
# **Interpret.** AdamW takes the rate times the decay from each weight, a step:
# at a fine-tuning rate, over few steps, that is next to nothing, whatever it
# may do in a long training. So it needs no experiment. The penalty of L2-SP
# starts at zero and grows as the weights leave. Mind the trap from above: had
# the backbone's own flag been frozen, the loop would have run over an empty
# list.
#
# In the experiment no remedy moves the mean by more than the seeds do, and the
# training pictures are all named rightly with each of them. Early stopping by
# validation loss kept early weights, since that loss rises almost from the
# beginning. L2-SP does what it is made for: more of the source task is left;
# no more, though, than early stopping has left.
#
# **Exercise tr-05.** Compute that penalty with NumPy: half of `strength`, times
# the sum of all squared distances between `now` and `origins`, two lists of
# arrays.

# %% tags=["exercise"]
# exercise: tr-05
now = [weight.numpy() for weight in base_model.trainable_variables]
strength = 0.01
penalty = ...
### BEGIN SOLUTION
squares = [np.sum((a - b) ** 2) for a, b in zip(now, origins, strict=True)]
penalty = strength / 2 * sum(squares)
### END SOLUTION

# %% [markdown]
# The check recomputes it.

# %% tags=["check"]
course.exercise("tr-05").check(penalty, now, origins, strength)

# %% [markdown]
# ## Is it a wide valley?
#
# Pretrained weights are said to lie in a wide valley of the loss, which a high
# rate would leave. A valley is wide if a step to the side costs little. Two
# networks, one fine-tuned and one from scratch, were trained on handwritten
# digits until their training loss was equally low (digits, because there
# scratch learns). Then the weights were moved in random directions, each filter
# by the same share of its own length, as Li, Xu et al. (2018, *Visualizing the
# Loss Landscape*) do. **Predict** which of the two minds it less.

# %%
runs = read_runs("fine_tuning_valley", "valley")
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="tight")
for variant, own in runs.groupby("variant"):
    mark, colour = ("s--", ORANGE) if variant == "scratch" else ("o-", BLUE)
    for ax, column in zip(axes, ("train_loss", "test_accuracy"), strict=True):
        each = own.groupby(["scale", "seed"])[column].mean().unstack()
        ax.plot(each, mark[0], color=colour, alpha=0.4)
        ax.plot(each.mean(axis=1), mark, color=colour, label=variant)
        ax.set(xlabel="length of the step, as a share", ylabel=column)
axes[1].legend()
axes[0].set_yscale("log")

# %% [markdown]
# *The figure shows the loss on the training pictures (on a logarithmic scale)
# and the accuracy on test pictures, for longer and longer steps; pale marks are
# the seeds, lines their means.*
#
# **Interpret.** By this measure it is the other way round: on average the
# fine-tuned network minds a step *more* than the one from scratch. What "wide"
# means hangs on the measure. These steps are shares of each filter's length,
# batch normalization stays as it is, and the two networks differ in more than
# in their start, the learning rate for one. Pretrained weights may be a good
# place to start from all the same; that they lie in a wide valley is not what
# we found.

# %% [markdown]
# ## What matters most?
#
# "The learning rate is the most important setting", one reads, and "almost all
# strong models are fine-tuned". Both are opinions: a comparison can only say
# how much results spread over the choices that somebody chose to try. Here are
# ours on *near*: in each experiment, the best mean less the worst, beside the
# spread between seeds. **Predict** which is largest, and what would be left of
# it without the highest rate.

# %%
rows = pd.read_csv(machine.data_dir() / "experiments" / "fine_tuning.csv")
rows = rows.query("target == 'near' and labels == 100")
low = rows.query("experiment == 'learning_rate' and learning_rate < 0.01")
spreads = []
for name, own in [*rows.groupby("experiment", sort=False), ("low rates", low)]:
    groups = own.groupby(["variant", "optimizer", "learning_rate"])["value"]
    spreads.append(np.ptp(groups.mean()))
    seeds = groups.std().mean()
    print(f"{name:<15} choices {spreads[-1]:.3f}, seeds {seeds:.3f}")
print(f"Concluded: rates spread accuracy by {spreads[0]:.2f}; without", end=" ")
print(f"the highest by {spreads[-1]:.2f}, and seeds by {seeds:.2f}.")

# %% [markdown]
# **Interpret.** The rates spread accuracy more than all else, because the
# highest of them wrecks the network. Over the other five, a range of one to
# three hundred, the means differ by no more than the seeds do. The other choice
# that stands out is to skip phase 1. How much to unfreeze does not: even at 40
# labels (in the file; lesson 03 draws it) all layers at once were no worse than
# the head alone. So "unfreezing all is risky with few labels" was not seen
# here; what was risky was a high rate, and a head that was still random.
#
# And where does fine-tuning pay at all? Where the new domain *differs*, says
# one text; where it is *related*, says another. The last figure of lesson 02
# has the gains over frozen features, task by task. They follow neither.
#
# ## Questions

# %%
quiz

# %% [markdown]
# ## Take away
#
# - Early stopping reads one number, waits `patience` epochs for a new best, and
#   forgets everything at the next `fit`. **Keep the best of both phases
#   yourself**, and count epochs that ran, not epochs that were planned.
# - Flags can lie by omission: **what trains is told by what moved**, and
#   whether a list names it decides what your penalty sees.
# - A number of layers is no measure. Count parameters.
# - **Forgetting is measured on the old task.** The validation loss of the new
#   one does not tell.
# - Of the usual advice, some could be seen here, some could not, and some
#   depends on the optimizer or on what is new. Where a choice costs minutes,
#   compare; over several draws.
#
# **Next:** lesson 04 goes to the hospital: few labels, many patients, and a
# scanner that changes.
