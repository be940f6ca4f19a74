# %% [markdown]
# # Fine-tune: let the backbone learn, without spoiling it
#
# - **Do:** unfreeze a backbone so that it really trains, keep its batch
#   normalization out of it, train in two phases, and measure what is forgotten.
# - **Learn:** when a changed flag counts, how to look for a learning rate and
#   what to believe of it, how much to unfreeze, and when not to fine-tune.
# - **Need:** lesson 02. About 75 minutes, of which the computer takes about
#   one.

# %% [markdown]
# ## Set up

# %%
from course_utils import course

course.begin("03")

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from scipy import stats

from course_utils import evaluation, machine, transfer
from course_utils.backbones import load_backbone, with_old_heads
from course_utils.notebook import LiveTraining
from course_utils.pictures import load_dataset

# %% [markdown]
# ## Is it worth it?
#
# A head on a frozen backbone can only weigh what the backbone computes.
# **Fine-tuning** goes on training the backbone's own weights on the new task,
# so that it may come to compute something else. It costs more time, and it can
# spoil what was there. So first: does it pay?
#
# Each row of the report that you met in lesson 02 is a run, measured on test
# pictures. We compare fine-tuning with frozen features, with as many labels
# each, and ask whether the mean difference is larger than its own
# uncertainty: half the width of its interval, the number behind a ± in this
# lesson. The values are accuracies, for the tissue areas under the ROC curve.
# (The report has more tasks, digits and photographs: the end of lesson 02.)
# **Predict:** on which tasks does it pay, and from how many labels on?


# %%
def half_width(groups):
    return groups.sem() * stats.t.ppf(0.975, groups.count() - 1)


runs = pd.read_csv(machine.data_dir() / "experiments" / "transfer.csv")
runs = runs.query("stage == 'report' and backbone == 'residual'")
keys = ["target", "labels", "seed"]
wide = runs.pivot(index=keys, columns="method", values="value")
wide["gain"] = wide["fine-tuned"] - wide["frozen"]
cases = wide.groupby(["target", "labels"])
table = cases[["frozen", "fine-tuned", "gain"]].mean()
table["±"] = half = half_width(cases["gain"])
pays, costs = table["gain"] > half, table["gain"] < -half
table["so it"] = np.select([pays, costs], ["pays", "costs"], "cannot be told")
table.loc[["near", "defects", "histology"]].round(3)

# %% [markdown]
# **Interpret.** With the fewest labels, no gain can be told from chance, on
# any of the three tasks. On the shapes (*near*) and on the metal (*defects*)
# it pays from the next row on. On the tissue (*histology*) it does so nowhere;
# why, this table cannot say (its labels come from few patients, lesson 04). So
# it takes labels, and even then it depends on the task.
#
# We take the shapes, and sixteen labels a class, which makes three whole
# batches an epoch. Flips come after the cache, and the head is as small as
# ever, as in lesson 02.


# %%
near = load_dataset("near")
parts = (near.train, near.validation, near.test)
whole = [next(p.unbatch().batch(1000).as_numpy_iterator()) for p in parts]
(images, labels), validation_data, test_data = whole
few = np.concatenate([np.flatnonzero(labels == c)[:16] for c in range(6)])
images, labels = images[few], labels[few]
flip = keras.layers.RandomFlip(seed=0)
train_ds = tf.data.Dataset.from_tensor_slices((images, labels)).cache()
train_ds = train_ds.shuffle(len(images), seed=0).batch(32)
train_ds = train_ds.map(lambda x, y: (flip(x, training=True), y))
loss = "sparse_categorical_crossentropy"


def model_on(backbone):
    inputs = keras.Input((64, 64, 3))
    averages = keras.layers.GlobalAveragePooling2D()(backbone(inputs))
    outputs = keras.layers.Dense(6, activation="softmax")(averages)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
    return model


# %% [markdown]
# ## When does a flag count?
#
# It is well known that after a change of `trainable` the model must be compiled
# again. What happens if it is not? To find out we need many small trainings.
# A tiny network with random weights will do, since we do not ask how well it
# learns but *which of its weights move*.


# %%
# Many small models are traced on purpose: no warning about each.
tf.get_logger().setLevel("ERROR")


def tiny_base(trainable=True):
    layers = [keras.Input((64, 64, 3)), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.Conv2D(4, 3, strides=4)]
    layers += [keras.layers.BatchNormalization()]
    layers += [keras.layers.Conv2D(4, 3, strides=4)]
    base = keras.Sequential(layers, name="tiny_base")
    base.trainable = trainable
    return base


def fit_and_see(part, model, batch_size=16):
    before = part.get_weights()
    model.fit(images[:48], labels[:48], batch_size, verbose=0)
    pairs = zip(part.weights, before, strict=True)
    return [w.path for w, old in pairs if not np.array_equal(w, old)]


# %% [markdown]
# We change the flag of the base in six situations, each time in both
# directions, and then call `fit`. Did training follow the new flag, or the old
# one? (Plain SGD will do for that: its step is built sooner than that of Adam,
# and the table is the same.)


# %%
def what_counts(situation, flag):
    base = tiny_base(trainable=not flag)
    model = model_on(base)
    model.compile("sgd", loss)
    if situation != "compiled, not fitted yet":
        fit_and_see(base, model)
    base.trainable = flag
    if situation == "compiled again, old optimizer":
        model.compile(model.optimizer, loss)
    if situation == "compiled again, new optimizer":
        model.compile("sgd", loss)
    if situation == "recompile, the helper":
        transfer.recompile(model)
    try:
        names = fit_and_see(base, model, 12 if "other" in situation else 16)
    except (ValueError, NotImplementedError):
        return "an error"
    return "the new flag" if bool(names) == flag else "THE OLD FLAG"


# %% [markdown]
# **Predict.** Fill in the twelve fields before you run: *unfreezing* begins
# with a frozen base, *freezing* with a trainable one.

# %%
situations = [
    "compiled, not fitted yet",
    "fitted, same batches",
    "fitted, other batches",
    "compiled again, old optimizer",
    "compiled again, new optimizer",
    "recompile, the helper",
]
table = pd.DataFrame(index=situations)
for way, flag in {"unfreezing": True, "freezing": False}.items():
    table[way] = [what_counts(situation, flag) for situation in situations]
ignored = np.all(table.iloc[1] == "THE OLD FLAG")
counted = np.all(table.iloc[[0, 4, 5]] == "the new flag")
course.claim(ignored, "after a fit, a changed flag is ignored, silently.")
course.claim(counted, "before the first fit, or compiled anew, it counts.")
table

# %% [markdown]
# **Interpret.** Keras 3 looks at the flags when it builds the training step,
# and it builds the step in the first `fit`, not in `compile`. After that the
# same step runs again and again, silently: an unfrozen backbone stays as it
# is, and a *frozen* one goes on changing, whatever the flags say. If a batch
# of another shape makes Keras build the step anew, the new flags meet an
# optimizer that was made for the old weights: fewer weights are no problem for
# it, unknown ones are an error. The error is the lucky case, for you notice.
#
# So: **change flags, compile with a new optimizer, fit.** The helper
# `recompile` makes the optimizer for you, of the same kind and settings, and
# keeps loss and metrics. `trainable_report` lists what will train, and says so
# when a model was trained with other flags.
#
# **Exercise ft-01.** A colleague has trained a head, unfrozen the base, and
# wonders why nothing gets better. Repair `their_model` (this one, not a new
# one), and train it for one epoch on `images` and `labels` inside
# `with course.watch(their_model) as my_evidence:`, so that the base moves. Any
# learning rate will do. (As in lesson 02, let the names of your own things begin
# with `my_`.)

# %% tags=["exercise"]
# exercise: ft-01
their_base = tiny_base(trainable=False)
their_model = model_on(their_base)
their_model.fit(images, labels, verbose=0)
their_base.trainable = True
print(transfer.trainable_report(their_model))
my_evidence = ...
### BEGIN SOLUTION
transfer.recompile(their_model, learning_rate=1e-3)
with course.watch(their_model) as my_evidence:
    their_model.fit(images, labels, verbose=0)
### END SOLUTION

# %% [markdown]
# The check goes by what moved.

# %% tags=["check"]
course.exercise("ft-01").check(my_evidence, their_model, their_base)

# %% [markdown]
# ## Batch normalization wakes up
#
# In a backbone that is frozen as a whole, batch normalization works in
# inference mode (lesson 02). Unfreeze the whole, and it is back in training
# mode: it normalizes with the small batches that it sees, and its statistics
# drift. The usual advice, in TensorFlow's tutorial on transfer learning and in
# the guide of Keras, is to call the backbone with `training=False`, so that
# these layers stay in inference mode when it is unfrozen.
#
# We follow the advice, and then add two things to it: by hand, a flag that is
# False for each of these layers; or the helper `unfreeze`, which sets them.
# **Predict:** in which of the three do the statistics stay as they are, under
# `fit`, while the convolutions train?

# %%
ways = ["training=False at the call", "and each layer's flag", "and unfreeze"]
drifted = []
for way in ways:
    base = tiny_base(trainable=True)
    model = model_on(lambda x, base=base: base(x, training=False))
    if way == "and each layer's flag":
        for layer in base.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    if way == "and unfreeze":
        transfer.unfreeze(base)
    names = fit_and_see(base, model)
    kernels = sum("kernel" in name for name in names)
    drifted.append(sum("moving_" in name for name in names))
    print(f"{way:<27} {kernels} kernels, {drifted[-1]} statistics moved")
course.claim(
    drifted[0] > 0 and drifted[1:] == [0, 0],
    "training=False at the call does not hold the statistics under fit.",
)

# %% [markdown]
# **Interpret.** In a functional model of Keras 3, `fit` runs all layers in
# training mode, and that wins over the value that was given at the call
# (keras-team/keras#20285). As long as batch normalization is frozen with the
# whole backbone, one does not notice. What holds is the flag of *each* batch
# normalization layer, also without the advice, as you will see below. (Another
# way is a layer or a model of your own whose `call` passes `training=False` on;
# dropout inside a backbone, which has no flag, rests in that way only. Which
# versions of Keras all this was seen in stands in
# `tests/transfer/test_keras_facts.py`.)
#
# With many pictures of a new kind a network may do well to adapt its
# statistics. With few, keep them. Either way it should be a decision.
#
# **Exercise ft-02.** Build `my_model` on a fresh `load_backbone("residual")`,
# of which only the last stage trains (the names of its layers begin with
# `stage4`), with batch normalization as it was. Compile it, and train it for
# one epoch on `train_ds` inside `with course.watch(my_model) as my_evidence:`.

# %% tags=["exercise"]
# exercise: ft-02
my_model = ...
my_evidence = ...
### BEGIN SOLUTION
my_base = load_backbone("residual")
transfer.unfreeze(my_base, from_layer="stage4")
my_model = model_on(my_base)
with course.watch(my_model) as my_evidence:
    my_model.fit(train_ds, verbose=0)
### END SOLUTION

# %% [markdown]
# The check compares each array of your backbone with the file on disk.

# %% tags=["check"]
course.exercise("ft-02").check(my_model, my_evidence)

# %% [markdown]
# ## Two phases: first the head
#
# A new head is random, and so is the first push that it would give to the
# backbone. Therefore one trains the head alone until it gets no better (phase
# 1), and then the backbone with it (phase 2). (What happens without phase 1 is
# measured in lesson 03b.)
#
# **Phase 1** is lesson 02: a frozen backbone, a high learning rate. A callback
# ends it when the validation loss has not improved for five epochs. We keep the
# head of the last epoch; lesson 03b is about keeping the best.

# %%
base_model = load_backbone("residual")
base_model.trainable = False
model = model_on(base_model)
stop = keras.callbacks.EarlyStopping("val_loss", patience=5)
options = {"validation_data": validation_data, "verbose": 0}
history = model.fit(train_ds, epochs=40, callbacks=[stop], **options)
after_phase_1 = model.get_weights()
_, frozen_accuracy = model.evaluate(*test_data, verbose=0)
print(f"{len(history.epoch)} epochs; test accuracy {frozen_accuracy:.3f}")

# %% [markdown]
# ## What can be forgotten?
#
# The backbone was pretrained on another task, the **source**: five questions
# about drawn scenes. It answered them through heads of its own, and those were
# kept. Put back on the backbone, they tell how much of the source task it can
# still do. If that gets less, the backbone is **forgetting**; where nearly all
# is lost, one speaks of *catastrophic* forgetting (McCloskey and Cohen 1989).
# (This works with the embedded backbones only: others come without their old
# heads and without their source's test pictures.)
#
# **Predict.** We are going to fine-tune on the shapes, at a tenth of the head's
# learning rate. What share of the source questions will the backbone get right
# *afterwards*? Run the cell to see where it stands now; then put in your guess.

# %% tags=["exercise"]
source_ds = load_dataset("source").test.unbatch().shard(2, 0).batch(400)
source_images, source_labels = next(iter(source_ds))


def source_accuracy(base_model):
    heads = with_old_heads(base_model, "residual")
    logits = heads.predict(source_images, verbose=0)
    return np.mean([logits[k].argmax(1) == source_labels[k] for k in logits])


source_before = source_accuracy(base_model)
print(f"Right on the source task, before fine-tuning: {source_before:.3f}")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.83
### END SOLUTION

# %% [markdown]
# ## Two phases: then the backbone
#
# **Phase 2.** Unfreeze by hand, batch normalization excepted. Compile, with a
# new optimizer and a lower rate. And count epochs on from where phase 1 really
# ended: `len(history.epoch)`, not the number that it was allowed.

# %%
quiz = course.quiz("03")
print(quiz.answer("q1", my_guess))
base_model.trainable = True
for layer in base_model.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False
model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
done = len(history.epoch)
fine_tuning = model.fit(
    train_ds, initial_epoch=done, epochs=done + 20, **options
)

# %% [markdown]
# The evidence: what has moved, what was gained, what was forgotten.

# %%
pairs = zip(model.weights, after_phase_1, strict=True)
names = [w.path for w, old in pairs if not np.array_equal(w, old)]
convolutions = sum("_conv" in layer.name for layer in base_model.layers)
course.claim(
    sum("_conv" in name for name in names) == convolutions
    and not any("_bn" in name for name in names),
    "each convolution has moved, and nothing of batch normalization.",
)
for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
    before, after = history.history[name][-1], fine_tuning.history[name][-1]
    print(f"{name:<13} {before:.3f} -> {after:.3f}")
_, live_accuracy = model.evaluate(*test_data, verbose=0)
live_source = source_accuracy(base_model)
print(f"test accuracy {frozen_accuracy:.3f} -> {live_accuracy:.3f}")
print(f"source        {source_before:.3f} -> {live_source:.3f}")
quiz.outcome("q1", live_source)

# %% [markdown]
# **Interpret.** The source accuracy falls, without any accident: only the new
# task had a say in where the weights went. For the new task that is no loss.
# It is one if you need the old task as well. What the target gained is the gain
# of one draw of labels; the table at the top says what to expect on average.
#
# Look at the validation lines, too: loss and accuracy need not agree. A network
# that gets all of its training pictures right becomes sure of everything, and
# the loss makes it pay for being sure and wrong. Decide beforehand which of the
# two you go by. (How to stop in time is a topic of lesson 03b.)
#
# **Exercise ft-03.** `first` is a phase 1 that could have taken 20 epochs, and
# ended earlier. Train `small_model` for exactly 4 epochs more, counted on from
# where the first phase really ended, and keep what `fit` returns as `my_history`.
# (`min_delta` is absurdly large, so that the first phase does end early.)

# %% tags=["exercise"]
# exercise: ft-03
small_model = model_on(tiny_base())
stop = keras.callbacks.EarlyStopping("loss", min_delta=1, patience=3)
first = small_model.fit(images, labels, epochs=20, callbacks=[stop], verbose=0)
my_history = ...
### BEGIN SOLUTION
my_done = len(first.epoch)
my_history = small_model.fit(
    images, labels, initial_epoch=my_done, epochs=my_done + 4, verbose=0
)
### END SOLUTION

# %% [markdown]
# The check reads the numbers of the epochs.

# %% tags=["check"]
course.exercise("ft-03").check(my_history, first)

# %% [markdown]
# ## Which learning rate?
#
# We took a tenth of the head's rate. There are rules like that, ten times
# lower, a hundred times lower; and there are two ways to look for yourself.
#
# The quick one is a **range test** (Smith 2017): train for some dozens of
# batches, each at a higher rate than the one before, and watch the loss. Too
# low, and it hardly falls; too high, and it rises. By hand it is a loop. We try
# it on something fast, a new head on stored features.

# %%
model.set_weights(after_phase_1)
features = base_model.predict(images, verbose=0).mean(axis=(1, 2))
head = keras.Sequential([keras.layers.Dense(6, activation="softmax")])
head.compile("adam", loss)
rates, losses = np.geomspace(1e-4, 100, 60), []
for step, rate in enumerate(rates):
    batch = slice(step % 3, None, 3)  # Every third picture, of all classes.
    head.optimizer.learning_rate = rate
    head.reset_metrics()
    losses.append(head.train_on_batch(features[batch], labels[batch]))
print(f"A new head: lowest loss at a rate of {rates[np.argmin(losses)]:.2g}")

# %% [markdown]
# The helper `find_learning_rate` does it to a *copy* of a model, with flags as
# for the training to come. What it suggests is a rule again: a tenth of the
# rate at which the smoothed loss is lowest. We ask it for phase 2: the weights
# after phase 1, all layers but batch normalization unfrozen.

# %%
found = transfer.find_learning_rate(
    model, (images, labels), lowest=1e-5, highest=1.0, steps=60
)
ax = evaluation.plot_learning_rates(found)
ax.set_yscale("log")
print(ax.description)

# %% [markdown]
# **Interpret.** There is a rate from which training breaks down, and the test
# finds it, cheaply. For the whole network it lies far below that of the head
# (not quite the same test: this one began with a trained head). It would allow
# the head rates far above the one that we took, too; ours was a choice, not a
# limit. And it made a few dozen steps, on training pictures which the network
# had right before. It cannot tell which rate will be best on new ones.
#
# **Exercise ft-04.** Choose a rate to begin with yourself: from `found.rates`
# and `found.smoothed`, not from the suggestion. Where is the smoothed loss
# lowest, and how far below that do you begin?

# %% tags=["exercise"]
# exercise: ft-04
my_rate = ...
### BEGIN SOLUTION
my_rate = found.rates[found.smoothed.argmin()] / 5
### END SOLUTION

# %% [markdown]
# More than one answer is right.

# %% tags=["check"]
course.exercise("ft-04").check(my_rate, found)

# %% [markdown]
# The slow way is to try: fine-tune at each of several rates, for the full
# number of steps, on several draws of the labels. It has been done
# (`python -m benchmarks.fine_tuning`): all layers, Adam, a hundred labels,
# rates from far too low to far too high. Each run was measured on the source
# task as well. Your own run, with fewer steps, is the star. **Predict:** as the
# rate rises, which curve falls first, the target's or the source's?

# %%
tried = pd.read_csv(machine.data_dir() / "experiments" / "fine_tuning.csv")
tried = tried.rename(columns={"value": "test_accuracy"})
sweep = tried[tried["experiment"] == "learning_rate"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="tight")
looks = [
    ("test_accuracy", "o-", "#0072B2"),
    ("source_accuracy", "s--", "#D55E00"),
]
for ax, target in zip(axes, ("near", "defects"), strict=True):
    own = sweep[sweep["target"] == target].groupby("learning_rate")
    for column, line, colour in looks:
        mean, spread = own[column].mean(), own[column].std()
        ax.errorbar(mean.index, mean, spread, fmt=line, c=colour, label=column)
    ax.set(title=target, xscale="log", xlabel="learning rate", ylim=(0, 1))
    ax.legend()
for value in (live_accuracy, live_source):
    axes[0].plot(1e-3, value, "*", color="#E69F00", ms=14, mec="black")

# %% [markdown]
# *The figure shows, over the learning rate of fine-tuning, the accuracy on the
# target task and what is left on the source task, both on test pictures: means
# of three draws of the labels with their standard deviation, and your own run
# as stars.*
#
# In numbers: each rate against the one that was best on validation pictures,
# seed by seed. A difference smaller than its ± cannot be told from chance.

# %%
for target, own in sweep.groupby("target"):
    rates = own.groupby("learning_rate")
    best = rates["validation_value"].mean().idxmax()
    test = own.set_index(["seed", "learning_rate"])["test_accuracy"].unstack()
    gap = test.sub(test[best], axis=0)
    table = rates[["source_accuracy", "test_accuracy"]].mean()
    table["minus best"], table["±"] = gap.mean(), half_width(gap)
    table["told apart"] = table["minus best"].abs() > table["±"]
    print(f"{target}: best at {best:g}, {1e-2 / best:.0f} times below the head")
    print(table.round(3), end="\n\n")

# %% [markdown]
# **Interpret.** The *source* falls with each higher rate, slowly at first, then
# in a rush, and ends where guessing would: forgetting is gradual, and a high
# rate does destroy what was learned. The *target* tells another story. At the
# lowest rate it is worse than at the best, told apart on both tasks: probably
# too few steps for so low a rate. It rises while the source is falling already, and breaks down
# only where much of the source is lost. So a falling source is no sign that the
# target suffers; and the gentlest rate is not the best one.
#
# "Ten to a hundred times lower than for the head": beside the `1e-2` of our
# phase 1, the best rate lies at the upper end of that range. Some of its
# neighbours cannot be told from it with so few draws; the lower end of the range
# can, on *defects*, and was worse there. `1e-5`, the rate of many recipes, was
# too low for the steps that it was given. (All these are rates at the start: in
# the experiment they fall to zero along a cosine, while your star's stayed.) A
# rule says where to begin to look. The answer depends on the network, on the
# optimizer, and on how many steps it may take.
#
# ## How much to unfreeze?
#
# Often only the last part of a backbone is unfrozen: fewer numbers to train,
# less to compute, less to forget. How much is "the last part"? By hand for the
# last stage, then with other measures: a number of layers, a stage, a share of
# the parameters, all.

# %%
stage = [x for x in base_model.layers if x.name.startswith("stage4")]
by_hand = sum(x.count_params() for x in stage if "_bn" not in x.name)
for measure in ({"last": 8}, {"share": 0.8}, {}, {"from_layer": "stage4"}):
    transfer.unfreeze(base_model, **measure)
    report = transfer.trainable_report(base_model)
    print(f"{measure!s:<25} {report.training:>7,} of {report.parameters:,}")
course.claim(report.training == by_hand, "the helper counts as we did.")
print(evaluation.plot_trainable(report).description)

# %% [markdown]
# Layers differ by orders of magnitude in what they hold, so a number of layers
# says little, and nothing across architectures: count parameters. (So far only
# flags have changed. Before training, compile.)
#
# **Exercise ft-05.** What share of all the numbers in `base_model`
# (`base_model.count_params()`) lies in its last 8 layers,
# `base_model.layers[-8:]`? Count all of their numbers, frozen or not, and give
# three digits or more.

# %% tags=["exercise"]
# exercise: ft-05
my_share = ...
### BEGIN SOLUTION
my_count = sum(layer.count_params() for layer in base_model.layers[-8:])
my_share = my_count / base_model.count_params()
### END SOLUTION

# %% [markdown]
# The check counts, too.

# %% tags=["check"]
course.exercise("ft-05").check(my_share, base_model)

# %% [markdown]
# What does depth gain, and what does it cost? Again from the experiment: the
# shapes, with a hundred labels and with forty, as many steps for each depth, and
# each depth against the head alone, seed by seed. "Unfreezing all layers is
# risky when labels are few", it is said. **Predict:** where will you see it: in
# the test accuracy, in the training accuracy, or in the source task?

# %%
depth = tried[tried["experiment"] == "depth"]
table = depth.groupby("variant")[["parameters", "train_accuracy"]].min()
table = table.sort_values("parameters")
print(table)
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="tight")
for ax, column in zip(axes, ("test_accuracy", "source_accuracy"), strict=True):
    runs = depth.set_index(["labels", "seed", "variant"])[column].unstack()
    gain = runs.sub(runs["head only"], axis=0)[table.index]
    for count, line, colour in ((100, "o-", "#0072B2"), (40, "s--", "#D55E00")):
        mean, half = gain.loc[count].mean(), half_width(gain.loc[count])
        at = np.arange(len(table)) + (count - 70) / 400
        ax.errorbar(at, mean, half, fmt=line, c=colour, label=count)
    ax.legend(title="labels", loc="lower left")
    ax.axhline(0, color="black", linestyle=":")
    ax.set_title(f"{column}, minus head only")
    ax.set_xticks(range(len(table)), table.index, rotation=30)
course.explore("near")

# %% [markdown]
# *The figure shows, for more and more unfrozen layers, what is gained on the
# target's test pictures over training the head alone, and what is lost on the
# source task: means of three draws of the labels with their intervals.*
#
# **Interpret.** With a hundred labels the mean gain grows with what is unfrozen,
# and from the last two stages on it is told apart from nothing. With forty,
# three draws cannot tell. The risk is not where one would look for it: no depth
# can be told to be worse than the head alone on test pictures, not even all
# layers with forty labels, though that interval is wide, and a small harm is not
# excluded. Nor does it take many parameters to fit the training pictures: the
# head alone does (see the table). What grows with depth, on average, is
# forgetting. But the experiment did all that this lesson advises: head first,
# batch normalization kept, a moderate rate. Lesson 03b leaves some of it out.
#
# **Explore.** Rate, depth and number of labels act together. Above, sliders show
# what became of each combination, on *validation* pictures (two runs each, all
# made beforehand: `python -m benchmarks.explorer_grid`). **Predict** a point,
# then move there: where does a high rate spare the source task? The button
# trains the point on your machine and drops it on the picture. (Where no
# sliders can be shown, there is the picture, and the line below it says how to
# choose another.)
#
# And the cost? `python -m benchmarks.step_time` measures it on your machine. The
# last stage holds most of the parameters, yet training it adds less time to a
# step than that share suggests. The time lies in the early layers, which work on
# large grids: the backward pass has to go there only if they are unfrozen.
#
# ## The recipe in one call
#
# `two_phase_fit` does what you did by hand: it freezes, compiles and trains the
# head, unfreezes (as far as you say, batch normalization excepted), compiles
# again and trains on, at a tenth of the rate. Each phase ends when it has not
# improved on itself for three epochs. At the end the model gets the best
# weights of *both* phases, so that a phase 2 that gains nothing takes nothing
# away either. We go by the accuracy on validation pictures, and unfreeze the
# last two stages: in the figure they cannot be told from all layers, and a step
# of theirs is shorter.
#
# `LiveTraining` shows the training while it runs: how far it is, the curves so
# far, and a button that ends a phase early, with nothing lost.

# %%
base_model = load_backbone("residual")
model = model_on(base_model)
history = transfer.two_phase_fit(
    model,
    base_model,
    train_ds,
    head_epochs=30,
    fine_tune_epochs=15,
    from_layer="stage3",
    monitor="val_accuracy",
    callbacks=[LiveTraining("accuracy")],
    **options,
)
_, recipe_accuracy = model.evaluate(*test_data, verbose=0)
recipe_source = source_accuracy(base_model)
print(f"By hand, all layers: {live_accuracy:.2f}, source {live_source:.2f}.")
print(
    f"Concluded: the recipe takes test accuracy from {frozen_accuracy:.2f} to "
    f"{recipe_accuracy:.2f}, source {source_before:.2f} to {recipe_source:.2f}."
)

# %% [markdown]
# *The figure shows the accuracy over the epochs of both phases, on training and
# on validation pictures; the star marks the epoch whose weights the model has
# now.* Do not report that validation accuracy: it is the highest of many, and
# flatters. The test pictures took no part in the choice.
#
# **Interpret.** Compare the two lines. The recipe trains two stages of four and
# stops early, your run by hand trained all layers for twenty epochs: the one
# costs less time and less of the old task, the other may gain more. So: where
# accuracy is all that counts, leave out `from_layer`, which unfreezes all, allow
# more epochs, and let validation pictures decide between the two.
#
# ## When not to fine-tune
#
# - **With very few labels.** In the first table of this lesson, no gain can be
#   told in the rows with thirty, on any task.
# - **Where the table says so, whatever the reason.** The tissue shows no gain
#   with hundreds of pictures either: measure, and believe it.
# - **When the old task is still needed,** or one backbone serves many tasks. A
#   frozen one forgets nothing, and its features are computed once.
# - **Before the head alone has been tried.** It is cheap, and it is the number
#   to beat.
#
# It is often said that fine-tuning pays with a moderate number of labels on a
# related task. On the labels the table agrees, though it cannot tell you what is
# moderate for you. On the relation it does not: the shapes are like those of the
# source, the metal is not, and it pays on both.
#
# ## Questions

# %%
quiz

# %% [markdown]
# ## Take away
#
# - **Flags, compile with a new optimizer, fit**, in this order. Keras binds the
#   flags in the first `fit`, and is silent afterwards: prove it by weights.
# - `training=False` at the call does not hold batch normalization under `fit`.
#   **The flag of each layer does.**
# - **Head first, then the backbone** at a lower rate, epochs counted from
#   `len(history.epoch)`.
# - A range test finds where training breaks down. **Which rate is best is
#   measured**, on validation pictures.
# - Fine-tuning **forgets**, the more the higher the rate. Whether that matters
#   is yours to say.
#
# **Next:** lesson 03b goes through the traps: stopping early, the last twenty
# layers, and what else is said to keep fine-tuning stable.
