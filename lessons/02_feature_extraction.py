# %% [markdown]
# # Extract features: freeze a backbone, and train a head on what it sees
#
# - **Do:** freeze a backbone and prove it, train a head on it, then compute the
#   features once and train the same head in a fraction of the time.
# - **Learn:** what batch normalization does behind a freeze that leaks, where
#   augmentation belongs, what few labels are worth, and when frozen features
#   are not enough.
# - **Need:** lesson 00. About 60 minutes, of which the computer takes about
#   one.

# %% [markdown]
# ## Set up

# %%
from course_utils import course

course.begin("02")

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from scipy import stats

from course_utils.backbones import load_backbone
from course_utils.evaluation import plot_images
from course_utils.machine import data_dir
from course_utils.pictures import load_dataset
from course_utils.transfer import extract_features

# %% [markdown]
# The backbone was pretrained on drawn scenes and materials. Our new task is
# *near* to that: six shapes that were in none of the scenes, printed in pairs
# of inks that it has not seen either. We take the pictures out of the data set
# once, as arrays; there are few enough of them. In lesson 00 you drew pictures
# by hand; from here on a helper does it.


# %%
def to_arrays(ds):
    images, labels = zip(*ds.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


plt.style.use("tableau-colorblind10")
near = load_dataset("near")
class_names = near.class_names
images, labels = to_arrays(near.train)
validation_images, validation_labels = to_arrays(near.validation)
test_images, test_labels = to_arrays(near.test)
print(f"{len(images)} pictures to train on, {len(test_images)} to test on")
print(plot_images(images[:18], labels[:18], class_names).description)

# %% [markdown]
# ## Freeze, and prove it
#
# A model's `trainable` flag decides what an optimizer may change. Set it before
# you compile; after a `fit`, a change may silently do nothing (lesson 03).
# Setting it on the backbone sets it on each layer inside. We freeze ours; a
# colleague, thinking that weights are what convolutions have, freezes those.

# %%
base_model = load_backbone("residual")
print(f"{len(base_model.weights)} arrays of weights in the backbone")
print(f"{len(base_model.trainable_weights)} of them would be trained")
base_model.trainable = False
print(f"{len(base_model.trainable_weights)} after freezing")


def convolutions_frozen():
    base_model = load_backbone("residual")
    for layer in base_model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.trainable = False
    return base_model


# %% [markdown]
# Some arrays were never in the list of trained ones. They belong to **batch
# normalization** (Ioffe and Szegedy 2015). Such a layer subtracts a mean from
# each channel, divides by a standard deviation, and then applies a scale and a
# shift, which are trained like other weights. In *training mode* it takes mean
# and deviation from the batch that it is just looking at, and moves its own
# stored statistics a little towards them. In *inference mode* it uses the
# stored ones. No optimizer is involved in that.
#
# **Predict.** We call three backbones on one batch, in training mode, and
# never call `fit`. In which of them will some array of weights be different
# afterwards: in an open one, in the colleague's, in ours?

# %%
candidates = {"open": load_backbone("residual")}
candidates |= {"theirs": convolutions_frozen(), "ours": base_model}
moved = {}
for name, candidate in candidates.items():
    before = candidate.get_weights()
    candidate(images[:32], training=True)
    pairs = zip(candidate.weights, before, strict=True)
    moved[name] = [w.path for w, old in pairs if not np.array_equal(w, old)]
    print(f"{name:<6} {len(moved[name]):>3} arrays moved", *moved[name][:2])
course.claim(
    moved["open"] and all("moving_" in path for path in moved["open"]),
    "what moves without an optimizer are statistics of batch normalization.",
)
course.claim(
    moved["theirs"] == moved["open"] and not moved["ours"],
    "freezing the convolutions leaves them moving; freezing all stops them.",
)

# %% [markdown]
# `course.claim` is how a lesson holds on to a finding: it stops, should the
# finding ever not be so.
#
# **Interpret.** The colleague's freeze leaks. Looking at pictures was enough to
# move its statistics; under `fit`, its scales and shifts would move as well.
# Its features are then no longer those of the file, and change while the head
# learns from them. (Whether that hurts is another question: sometimes fresh
# statistics help, lesson 04b.) In Keras a batch normalization layer with
# `trainable = False` works in inference mode, whatever mode is asked for; that
# is why freezing the *whole* backbone is safe. Passing `training=False` when
# you call the backbone is often recommended, too; but in a functional model
# `fit` overrides it, as lesson 03 shows.
#
# The helper `course_utils.transfer.freezing.freeze(base_model)` does what you have done
# by hand.
#
# **Exercise fe-01.** Build `my_model`: take a backbone from
# `convolutions_frozen()`, repair it, put a head on it for our six classes,
# compile it, and train it for one epoch on `images[:96]` and `labels[:96]`
# inside `with course.watch(my_model) as my_evidence:`. Afterwards the head
# must have learned, and the backbone must be as it came, with its statistics.
# (Let the names of your own things begin with `my_`, so that later cells find
# what they need under theirs.)

# %% tags=["exercise"]
# exercise: fe-01
my_model = ...
my_evidence = ...
### BEGIN SOLUTION
my_base = convolutions_frozen()
my_base.trainable = False
inputs = keras.Input(shape=(64, 64, 3))
x = keras.layers.GlobalAveragePooling2D()(my_base(inputs))
outputs = keras.layers.Dense(len(class_names), activation="softmax")(x)
my_model = keras.Model(inputs, outputs)
my_model.compile("adam", loss="sparse_categorical_crossentropy")
with course.watch(my_model) as my_evidence:
    my_model.fit(images[:96], labels[:96], verbose=2)
### END SOLUTION

# %% [markdown]
# The check compares each array of your backbone with the file on disk.

# %% tags=["check"]
course.exercise("fe-01").check(my_model, my_evidence)

# %% [markdown]
# ## Train a head on it
#
# As in lesson 00: average each feature over the picture, then one dense layer.
# We keep the head's first weights and the order of the pictures, so that we
# can start from the very same place later on, and we look at the clock.


# %%
def make_head(channels):
    units = keras.layers.Dense(len(class_names), activation="softmax")
    return keras.Sequential([keras.Input((channels,)), units], name="head")


def compile_model(model):
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])


inputs = keras.Input(shape=(64, 64, 3))
averages = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
head = make_head(base_model.output_shape[-1])
model = keras.Model(inputs, head(averages))
compile_model(model)
first_weights = head.get_weights()

start = time.perf_counter()
model.fit(images, labels, epochs=10, shuffle=False, verbose=2)
seconds_through_backbone = time.perf_counter() - start

# %% [markdown]
# **Exercise fe-02.** The backbone gives a grid of features, of shape
# `base_model.output_shape`. Suppose the head were larger: the averages, then a
# dense layer of 64 units, then the dense layer for our classes. How many
# numbers would be trained? Compute it, do not build it.

# %% tags=["exercise"]
# exercise: fe-02
my_count = ...
### BEGIN SOLUTION
channels = base_model.output_shape[-1]
my_count = (channels + 1) * 64 + (64 + 1) * len(class_names)
### END SOLUTION

# %% [markdown]
# The check counts with the grid's real size.

# %% tags=["check"]
course.exercise("fe-02").check(my_count, base_model, len(class_names))

# %% [markdown]
# ## Compute the features once
#
# In each epoch the frozen backbone saw the same pictures and gave the same
# features. That work can be done once. **Predict:** how many times as fast
# will that be, and will the head become the same, or another one?

# %%
start = time.perf_counter()
grids = base_model.predict(images, batch_size=32, verbose=0)
train_features = grids.mean(axis=(1, 2))
seconds_for_features = time.perf_counter() - start
print(f"{images.shape} became {grids.shape}, then {train_features.shape}")

# %% [markdown]
# Now the same head, from the same first weights, in the same order, on these.

# %%
second_head = make_head(train_features.shape[1])
compile_model(second_head)
second_head.set_weights(first_weights)
start = time.perf_counter()
second_head.fit(train_features, labels, epochs=10, shuffle=False, verbose=0)
seconds_for_head = time.perf_counter() - start

weights = zip(head.get_weights(), second_head.get_weights(), strict=True)
largest_difference = max(np.abs(a - b).max() for a, b in weights)
stored = seconds_for_features + seconds_for_head
print(f"through the backbone, 10 epochs      {seconds_through_backbone:5.1f} s")
print(f"features once, and then the head     {stored:5.1f} s")
print(
    f"times as fast                        {seconds_through_backbone / stored:5.1f}"
)
print(f"largest difference between the heads {largest_difference:.1e}")
course.claim(largest_difference < 1e-4, "it is the same head, up to rounding.")

# %% [markdown]
# **Interpret.** Nothing was given up: the same mathematics, done once instead
# of in every epoch. (Both times include what Keras does before the first
# step.) The more epochs, or the more heads you try, the more it saves. It holds
# as long as a picture's features are the same in every epoch: no augmentation,
# no batch normalization in training mode, and no dropout inside the backbone,
# which freezing does not switch off.
#
# `extract_features` does this for data of any size, in the order of the data,
# and refuses what would not fit into memory. We give it the backbone with the
# averaging on top.

# %%
extractor = keras.Sequential(
    [base_model, keras.layers.GlobalAveragePooling2D()]
)
same_features, same_labels = extract_features(extractor, (images, labels))
course.claim(
    np.allclose(train_features, same_features, atol=1e-4)
    and np.array_equal(labels, same_labels),
    "the helper gives the features that we computed by hand.",
)
test_features, _ = extract_features(extractor, (test_images, test_labels))

# %% [markdown]
# **Exercise fe-03.** Our arrays have one order. A data set such as `near.train`
# brings its pictures in another order each time that you run through it. By
# hand and without a helper: compute from `near.train` the averaged features of
# all of its pictures, `my_features`, one row a picture, and `my_labels`, so
# that each label belongs to its row.

# %% tags=["exercise"]
# exercise: fe-03
my_features = ...
my_labels = ...
### BEGIN SOLUTION
my_features, my_labels = [], []
for some_images, some_labels in near.train:
    grids = base_model.predict(some_images, verbose=0)
    my_features.append(grids.mean(axis=(1, 2)))
    my_labels.append(some_labels)
my_features = np.concatenate(my_features)
my_labels = np.concatenate(my_labels)
### END SOLUTION

# %% [markdown]
# The check looks for some of the pictures among your rows.

# %% tags=["check"]
course.exercise("fe-03").check(my_features, my_labels, images, labels)

# %% [markdown]
# ## What do the features look like?
#
# Each picture is now a row of numbers, a point in a space with many
# directions. **Principal component analysis** (PCA) finds the two directions,
# at right angles, in which the points are spread out most, so that we can draw
# them. We do it
# for the raw pixels, for the features of a backbone with random weights, and
# for those of ours. Since two directions of many may hide a lot, we also ask
# in the *whole* space: of the five nearest neighbours of a picture, what share
# is of its own class? (Guessing gives one in six.)


# %%
def two_main_directions(points):
    points = points - points.mean(axis=0)
    left, strength, _ = np.linalg.svd(points, full_matrices=False)
    return left[:, :2] * strength[:2]


def share_of_own_class(points, labels, neighbours=5):
    squares = (points**2).sum(axis=1)
    distances = squares[:, np.newaxis] + squares - 2 * points @ points.T
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argsort(axis=1)[:, :neighbours]
    return np.mean(labels[nearest] == labels[:, np.newaxis])


untaught = load_backbone("residual", weights=None)
spaces = {
    "pixels": images.reshape(len(images), -1),
    "random backbone": untaught.predict(images, verbose=0).mean(axis=(1, 2)),
    "pretrained backbone": train_features,
}

# %% [markdown]
# Each class gets a colour and a sign of its own. **Predict:** in which of the
# three spaces will you see the classes?

# %%
colours = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#000000"]
figure, axes = plt.subplots(1, 3, figsize=(10, 3.8))
shares = []
for ax, (name, points) in zip(axes, spaces.items(), strict=True):
    drawn = two_main_directions(points)
    for index, class_name in enumerate(class_names):
        own, sign = drawn[labels == index].T, "osv^Dx"[index]
        ax.scatter(*own, 14, colours[index], marker=sign, label=class_name)
    shares.append(share_of_own_class(points, labels))
    ax.set(xticks=[], yticks=[], title=f"{name}\n{shares[-1]:.0%} of own")
figure.legend(*ax.get_legend_handles_labels(), ncols=6, loc="lower center")
figure.tight_layout(rect=(0, 0.08, 1, 1))
course.claim(
    shares[2] > max(shares[:2]) + 0.1,
    "neighbours in the pretrained features are far more often of one class.",
)

# %% [markdown]
# *The figure shows each training picture as a point, coloured by its class,
# along the two main directions of three spaces; above each stands the share of
# a picture's five nearest neighbours that are of its class.*
#
# **Interpret.** Among the pixels, and among random features, a picture's
# neighbours are of its class about as often as by chance. In the pretrained
# features they are of its class far more often, though the backbone was only
# taught to tell *other* shapes. In two directions the classes are far from
# separated; the head uses all directions.

# %% [markdown]
# ## Few labels
#
# Labels cost money. **Predict:** trained on no more than a hundred of our
# pictures, what share of the test pictures will a head on the frozen features
# name rightly?

# %% tags=["exercise"]
quiz = course.quiz("02")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.7
### END SOLUTION
quiz.answer("q1", my_guess)


# %% [markdown]
# A head on stored features is trained in a moment.


# %%
def train_head(features, labels, epochs):
    head = make_head(features.shape[1])
    compile_model(head)
    head.fit(features, labels, epochs=epochs, verbose=0)
    return head


few = np.random.default_rng(0).permutation(len(images))[:100]
few_head = train_head(train_features[few], labels[few], epochs=40)
_, live_accuracy = few_head.evaluate(test_features, test_labels, verbose=0)
print(f"Test accuracy with {len(few)} labels: {live_accuracy:.3f}")
quiz.outcome("q1", live_accuracy)

# %% [markdown]
# Is that good? A number needs another one to be compared with. The strong
# opponent is the same network trained **from scratch** on as many labels, at
# the best of several learning rates, chosen on validation pictures, once for
# each task. The other opponent is **fine-tuning**, the topic of lesson 03: the
# backbone is trained as well. Some hundred runs take an hour, so we have made
# them for you, with several draws of the labels: `python -m
# benchmarks.transfer_report` is the command, and each run is a row of a file.
# (Every run draws its own labels: on these tasks, two methods with the same seed
# did not get the same ones. The order in which pictures were loaded hung on
# something else, which we noticed too late. So take differences between seeds
# for differences between separate draws.)
#
# Beside our shapes (*near*) stand the metal defects of lesson 00, which look
# like nothing in the scenes, and stained tissue from a microscope
# (*histology*, two classes, measured by the area under the ROC curve, where
# guessing gives one half; lesson 04 is about it).


# %%
report = pd.read_csv(data_dir() / "experiments" / "transfer.csv")
report = report.query("stage == 'report' and backbone == 'residual'")


def half_width(groups):
    return groups.sem() * stats.t.ppf(0.975, groups.count() - 1)


looks = {"frozen": "o-", "fine-tuned": "s--", "scratch": "^:"}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True)
for ax, target in zip(axes, ("near", "defects", "histology"), strict=True):
    runs = report[report["target"] == target].groupby(["method", "labels"])
    mean, half = runs["value"].mean(), half_width(runs["value"])
    for name, line in looks.items():
        bar = half[name]
        ax.errorbar(bar.index, mean[name], bar, fmt=line, label=name)
    ax.set(title=target, xlabel="labels", ylabel="accuracy, AUC", ylim=(0, 1))
axes[0].plot(len(few), live_accuracy, "*", ms=15, mec="black", label="you")
axes[0].legend()
figure.tight_layout()

# %% [markdown]
# *The figure shows, for three tasks, what three ways to use as many labels
# reach on test pictures: means over five draws of the labels, with intervals
# that cover the mean over draws nineteen times in twenty; the star is your
# head.* (The report's heads are regularised, and see flipped pictures too, so
# your star need not lie on its line.)
#
# **Interpret.** On *near*, a network from scratch cannot be told from guessing;
# on the other two it learns, and more labels help it. On average, frozen
# features with the fewest labels do better than scratch with the most. That is
# no law of nature: at the end of this lesson there is a task where scratch
# wins.

# %% [markdown]
# **Exercise fe-04.** How much do the frozen features gain over scratch? Compute
# from `report`, for the target `"defects"` with 100 labels, the *difference*
# between frozen and scratch for each seed. `my_gain` is a pair: the mean of the differences, and half the width
# of its interval, as `half_width` gives it. Give three digits or more.

# %% tags=["exercise"]
# exercise: fe-04
my_gain = ...
### BEGIN SOLUTION
my_runs = report[(report["target"] == "defects") & (report["labels"] == 100)]
my_runs = my_runs.pivot(index="seed", columns="method", values="value")
my_differences = my_runs["frozen"] - my_runs["scratch"]
my_gain = my_differences.mean(), half_width(my_differences)
### END SOLUTION

# %% [markdown]
# The check reads the same file.

# %% tags=["check"]
course.exercise("fe-04").check(my_gain)

# %% [markdown]
# ## Where augmentation belongs
#
# **Augmentation** changes each training picture at random, in ways that leave
# its class as it is: a flower upside down is a flower. Each epoch then draws
# anew. It is easily combined wrongly with `cache`, which keeps what
# has been computed. **Predict:** which of the two pipelines below makes all
# epochs the same?

# %%
flip = keras.layers.RandomFlip(seed=2)


def augment(image_batch, label_batch):
    return flip(image_batch, training=True), label_batch


pictures = tf.data.Dataset.from_tensor_slices((images[:64], labels[:64]))
pictures = pictures.batch(32)
pipelines = {
    "map, then cache": pictures.map(augment).cache(),
    "cache, then map": pictures.cache().map(augment),
}
epochs = {
    name: [to_arrays(pipeline)[0] for _ in range(6)]
    for name, pipeline in pipelines.items()
}

# %% [markdown]
# The first picture, as it came in six epochs:

# %%
figure, axes = plt.subplots(2, 6, figsize=(8, 3.2))
for row, (name, seen) in zip(axes, epochs.items(), strict=True):
    for number, ax in enumerate(row):
        ax.imshow(seen[number][0] / 255)
        ax.set(xticks=[], yticks=[], title=f"epoch {number + 1}")
    row[0].set_ylabel(name.replace(", ", ",\n"))
figure.tight_layout()
course.claim(
    all(
        np.array_equal(s, epochs["map, then cache"][0])
        for s in epochs["map, then cache"]
    ),
    "augmented before the cache, all epochs bring the same pictures.",
)
course.claim(
    not np.array_equal(*epochs["cache, then map"][:2]),
    "augmented after the cache, they do not.",
)

# %% [markdown]
# *The figure shows one picture in six epochs: above as the first pipeline
# gives it, below as the second does. Two flips have four outcomes, so by chance
# some epochs show the same one.*
#
# **Interpret.** Cache first, augment after. (Augmentation may also be layers of
# the model itself, before the backbone: those are active in `fit` and rest in
# `predict`.) A cache of *features* is the same trap in another place: features
# of a picture that was flipped once stay those of that flip. With fresh
# augmentation the backbone has to run in every epoch; that is its price. What
# you can store is the features of several versions of each picture, and train
# on four times the rows for a quarter of the epochs.

# %%
flips = [np.flip(images[few], axis) for axis in (1, 2, (1, 2))]
versions = np.concatenate([images[few], *flips])
four_features, four_labels = extract_features(
    extractor, (versions, np.tile(labels[few], 4))
)
validation_data = extract_features(
    extractor, (validation_images, validation_labels)
)
once = train_head(train_features[few], labels[few], epochs=40)
four = train_head(four_features, four_labels, epochs=10)
for name, trained in {"one version": once, "four versions": four}.items():
    _, accuracy = trained.evaluate(*validation_data, verbose=0)
    print(f"{name} of each picture: validation accuracy {accuracy:.3f}")

# %% [markdown]
# **Interpret.** This is one draw of the labels and few validation pictures: a
# small difference between the two says nothing yet. To know, one would repeat
# it over draws, as the report does.
#
# **Exercise fe-05.** `slow_pictures` gives single pictures and counts in
# `reads` how often it had to fetch one. Make of it `my_pipeline`: batches of
# 32, fetched from the source in the first epoch only, with other flips in each
# epoch.

# %% tags=["exercise"]
# exercise: fe-05
reads = []


def fetch():
    for image, label in zip(images[:96], labels[:96], strict=True):
        reads.append(int(label))
        yield image, label


spec = tf.TensorSpec((64, 64, 3)), tf.TensorSpec((), tf.int32)
slow_pictures = tf.data.Dataset.from_generator(fetch, output_signature=spec)
my_pipeline = ...
### BEGIN SOLUTION
my_pipeline = slow_pictures.batch(32).cache().map(augment)
### END SOLUTION

# %% [markdown]
# The check runs through your pipeline three times, and counts.

# %% tags=["check"]
course.exercise("fe-05").check(my_pipeline, reads, images[:96], labels[:96])

# %% [markdown]
# ## When frozen features are not enough
#
# The head can only weigh averages of what the backbone's last layer computes.
# Back to the report: how much does *fine-tuning* gain over frozen features?
# This time we take every task in it, with the digits and with crops of real
# photographs, and for each the differences between runs with the same seed.
# **Predict:** where will it gain, and where not?

# %%
wide = report.pivot(
    index=["target", "labels", "seed"], columns="method", values="value"
)
gains = wide["fine-tuned"] - wide["frozen"]
gains = gains.groupby(["target", "labels"])
order = ["near", "defects", "histology", "photographs", "digits"]
mean = gains.mean().reindex(order, level=0)
half = half_width(gains).reindex(order, level=0)
names = [f"{target}, {labels} labels" for target, labels in mean.index]
figure, ax = plt.subplots(figsize=(7, 4))
ax.errorbar(mean, names, xerr=half, fmt="o", capsize=3)
ax.axvline(0, color="black", linestyle=":")
ax.set(xlabel="gain of fine-tuning over frozen (accuracy, or AUC)")
ax.invert_yaxis()
figure.tight_layout()
print("digits, 100 labels:", wide.loc["digits"].mean().round(3).to_dict())

# %% [markdown]
# *The figure shows, for each task and number of labels, the mean gain of
# fine-tuning over frozen features with its interval; right of the dotted line
# fine-tuning is better.*
#
# **Interpret.** With thirty labels no gain can be told from zero, and no loss
# either: the intervals are wide. With more labels *near* and *defects* both
# gain. The tissue does not; its labels come from forty patients, however many
# pictures one takes. Nearness to the source, as we judge it, does not order
# the tasks: the near shapes gain, the far digits gain more, and the far tissue
# nothing. And on the digits, look at the line below the figure: there scratch
# is at least as good as either. With many labels others have found scratch
# catching up (He et al. 2019; for medical pictures Raghu et al. 2019); here it
# took only a hundred.
#
# Start with frozen features, always: they take seconds here, and they are the
# number that fine-tuning has to beat. *Near* and *defects* want more than
# that. Which layers must move, and how gently? That is lesson 03.

# %% [markdown]
# ## Questions

# %%
quiz

# %% [markdown]
# One line, to remember it by:

# %%
print(
    f"Concluded: the same head (largest difference {largest_difference:.0e}) "
    f"comes from features computed once; with {len(few)} labels it is right on "
    f"{live_accuracy:.0%} of the test pictures."
)

# %% [markdown]
# ## Take away
#
# - **Freeze the whole backbone**, batch normalization included, and prove it
#   by its arrays: statistics move without any optimizer.
# - A frozen backbone gives the same features every time. **Compute them once**,
#   and train heads in moments.
# - **Cache first, augment after.** A cache keeps whatever was computed before.
# - Compare with **scratch, tuned**, on the same labels, and over several draws:
#   one run is an anecdote.
# - Frozen features are where to **begin**. Whether they are enough is measured,
#   and depends on the task and on the number of labels.
#
# **Next:** lesson 03 lets the backbone learn, too, without spoiling it.
