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

from course_utils import paths
from course_utils.backbones import load_backbone
from course_utils.datasets import load_dataset
from course_utils.features import extract_features
from course_utils.plotting import BLUE, GREY, VERMILLION, plot_images

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
# A model's `trainable` flag decides what an optimizer may change. Setting it
# on the backbone sets it on each layer inside. We freeze ours; a colleague,
# thinking that weights are what convolutions have, freezes only those.

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
# each channel and divides by a standard deviation. In *training mode* it takes
# both from the batch that it is just looking at, and moves its own stored
# statistics a little towards them. In *inference mode* it uses the stored
# ones. No optimizer is involved.
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
# **Interpret.** Batch normalization is part of what was learned: the layers
# behind it expect the scale that it gives them. With a few pictures of a new
# kind, moving statistics drift away from the ones that the weights were
# trained with. In Keras a batch normalization layer with `trainable = False`
# works in inference mode, whatever mode is asked for; that is why freezing the
# *whole* backbone is safe. (Passing `training=False` when you call the
# backbone is often recommended. It is not what protects it: lesson 03 shows.)
#
# The helper `freeze(base_model)` does what you have done by hand.
#
# **Exercise fe-01.** The colleague's way of freezing leaks. Build `my_model`:
# take a backbone from `convolutions_frozen()`, repair it, put a head on it for
# our six classes, compile it, and train it for one epoch on `images[:96]` and
# `labels[:96]` inside `with course.watch(my_model) as evidence:`. Afterwards
# the head must have learned, and the backbone must be as it came, with its
# statistics.

# %% tags=["exercise"]
# exercise: fe-01
my_model = ...
evidence = ...
### BEGIN SOLUTION
my_base = convolutions_frozen()
my_base.trainable = False
inputs = keras.Input(shape=(64, 64, 3))
x = keras.layers.GlobalAveragePooling2D()(my_base(inputs))
outputs = keras.layers.Dense(len(class_names), activation="softmax")(x)
my_model = keras.Model(inputs, outputs)
my_model.compile("adam", loss="sparse_categorical_crossentropy")
with course.watch(my_model) as evidence:
    my_model.fit(images[:96], labels[:96], verbose=2)
### END SOLUTION

# %% [markdown]
# The check compares each array of your backbone with the file on disk.

# %% tags=["check"]
course.exercise("fe-01").check(my_model, evidence)

# %% [markdown]
# ## Train a head on it
#
# As in lesson 00: average each feature over the picture, then one dense layer.
# We keep the head's first weights and the order of the pictures, so that we
# can start from the very same place later on, and we look at the clock.

# %%
inputs = keras.Input(shape=(64, 64, 3))
averages = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
dense = keras.layers.Dense(len(class_names), activation="softmax")
model = keras.Model(inputs, dense(averages))
loss = "sparse_categorical_crossentropy"
model.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
first_weights = dense.get_weights()

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
parameters = ...
### BEGIN SOLUTION
channels = base_model.output_shape[-1]
parameters = (channels + 1) * 64 + (64 + 1) * len(class_names)
### END SOLUTION

# %% [markdown]
# The check counts with the grid's real size.

# %% tags=["check"]
course.exercise("fe-02").check(parameters, base_model, len(class_names))

# %% [markdown]
# ## Compute the features once
#
# In each epoch the frozen backbone saw the same pictures and gave the same
# features. That work can be done once. **Predict:** by what factor will it be
# faster, and will the head become the same, nearly the same, or another one?

# %%
start = time.perf_counter()
grids = base_model.predict(images, batch_size=32, verbose=0)
features = grids.mean(axis=(1, 2))
seconds_for_features = time.perf_counter() - start
print(f"{images.shape} became {grids.shape}, and averaged {features.shape}")

# %% [markdown]
# Now the same head, from the same first weights, in the same order, on these.

# %%
head = keras.Sequential([keras.Input(features.shape[1:]), dense])
head = keras.models.clone_model(head)
head.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
head.set_weights(first_weights)

start = time.perf_counter()
head.fit(features, labels, epochs=10, shuffle=False, verbose=0)
seconds_for_head = time.perf_counter() - start
pairs = zip(dense.get_weights(), head.get_weights(), strict=True)
difference_of_heads = max(np.abs(one - other).max() for one, other in pairs)
print(f"through the backbone   {seconds_through_backbone:6.1f} s")
print(f"features, once         {seconds_for_features:6.1f} s")
print(f"head on the features   {seconds_for_head:6.1f} s")
print(f"largest difference between the two heads: {difference_of_heads:.1e}")
course.claim(difference_of_heads < 1e-4, "it is the same head, up to rounding.")

# %% [markdown]
# **Interpret.** Nothing was given up: the same mathematics, done once instead
# of in every epoch. The more epochs, or the more heads you try, the more it
# saves. It holds as long as nothing random stands before the head: no
# augmentation, no dropout inside the backbone, no batch normalization in
# training mode.
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
    np.allclose(features, same_features, atol=1e-4)
    and np.array_equal(labels, same_labels),
    "the helper gives the features that we computed by hand.",
)
test_features, _ = extract_features(extractor, (test_images, test_labels))

# %% [markdown]
# **Exercise fe-03.** By hand, once, and without a helper: the averaged features
# of `validation_images`, in their order, as an array with one row a picture.

# %% tags=["exercise"]
# exercise: fe-03
validation_features = ...
### BEGIN SOLUTION
grids = base_model.predict(validation_images, verbose=0)
validation_features = grids.mean(axis=(1, 2))
### END SOLUTION

# %% [markdown]
# The check computes some of them itself.

# %% tags=["check"]
course.exercise("fe-03").check(validation_features, validation_images)

# %% [markdown]
# ## What do the features look like?
#
# Each picture is now a row of numbers, a point in a space with many
# directions. **Principal component analysis** (PCA) finds the two directions
# in which the points are spread out most, so that we can draw them. We do it
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
    "pretrained backbone": features,
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
# neighbours are of its class hardly more often than by chance: something else
# puts pictures side by side. In the pretrained features the class does, though
# nobody has told the backbone of these classes. In two directions they are far
# from separated; the head uses all of them.

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
# A head on stored features is trained so fast that it is no pain to try one.


# %%
def train_head(features, labels):
    head = keras.Sequential(
        [
            keras.Input(features.shape[1:]),
            keras.layers.Dense(len(class_names), activation="softmax"),
        ]
    )
    head.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
    head.fit(features, labels, epochs=40, verbose=0)
    return head


few = np.random.default_rng(0).permutation(len(images))[:100]
head = train_head(features[few], labels[few])
_, live_accuracy = head.evaluate(test_features, test_labels, verbose=0)
print(f"Test accuracy with {len(few)} labels: {live_accuracy:.3f}")
quiz.outcome("q1", live_accuracy)

# %% [markdown]
# Is that good? A number needs another one to be compared with. The strong
# opponent is the same network trained **from scratch** on the same labels,
# with its learning rate tuned. The other opponent is **fine-tuning**, the topic
# of lesson 03: the backbone is trained as well. Both take many minutes, so we
# have done it for you, several times each, with other draws of the labels:
# `python -m benchmarks.transfer_report` is the command, and each run is a row
# of a file.
#
# Beside our shapes (*near*) stand the metal defects of lesson 00, which look
# like nothing in the scenes, and stained tissue from a microscope
# (*histology*, two classes, measured by the area under the ROC curve, where
# guessing gives one half; lesson 04 is about it).


# %%
runs = pd.read_csv(paths.data_dir() / "experiments" / "transfer.csv")
runs = runs.query("stage == 'report' and backbone == 'residual'")
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True)
looks = ("frozen", "o-", BLUE), ("fine-tuned", "s--", VERMILLION)
looks = *looks, ("scratch", "^:", GREY)
for ax, target in zip(axes, ("near", "defects", "histology"), strict=True):
    own = runs[runs["target"] == target].groupby(["labels", "method"])["value"]
    half = (own.sem() * stats.t.ppf(0.975, own.count() - 1)).unstack()
    for name, line, colour in looks:
        values = own.mean().unstack()[name], half[name]
        ax.errorbar(half.index, *values, fmt=line, color=colour, label=name)
    ax.set(title=target, xlabel="labelled pictures", xscale="log", ylim=(0, 1))
    ax.set_xticks([30, 100, 400], ["30", "100", "400"])
    ax.set_xticks([], minor=True)
axes[0].legend()
axes[0].plot(len(few), live_accuracy, "*", color="#E69F00", ms=15, mec="black")
axes[0].set_ylabel("accuracy (histology: AUC)")
figure.tight_layout()

# %% [markdown]
# *The figure shows, for three tasks, what three ways to use the same labels
# reach on test pictures: means over five draws of the labels, with their
# intervals; the star is your head.*
#
# **Interpret.** With so few labels, a network from scratch learns little on
# these tasks, and on *near* nothing at all; more learning rates and three
# times the steps did not help it (the end of `docs/transfer_report.md`). Here
# the frozen features are worth many labels. That is no law of nature: at the
# end of this lesson there is a task where scratch wins.

# %% [markdown]
# **Exercise fe-04.** How much do the frozen features gain over scratch? Compute
# from `runs`, for the target `"defects"` with 100 labels, the mean over the
# seeds of the *difference* between frozen and scratch with the same seed.

# %% tags=["exercise"]
# exercise: fe-04
gain = ...
### BEGIN SOLUTION
own = runs[(runs["target"] == "defects") & (runs["labels"] == 100)]
by_seed = own.pivot(index="seed", columns="method", values="value")
gain = (by_seed["frozen"] - by_seed["scratch"]).mean()
### END SOLUTION

# %% [markdown]
# The check reads the same file.

# %% tags=["check"]
course.exercise("fe-04").check(gain)

# %% [markdown]
# ## Where augmentation belongs
#
# **Augmentation** changes each training picture at random, in ways that leave
# its class as it is: a flower upside down is a flower. Each epoch then brings
# new pictures. It is easily combined wrongly with `cache`, which keeps what
# has been computed. **Predict:** which of these two lines makes every epoch
# the same?

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
# gives it, below as the second does.*
#
# **Interpret.** Cache first, augment after. A cache of *features* is the same
# trap in another place: features of a picture that was flipped once stay those
# of that flip. What you can do is to store the features of several versions of
# each picture.

# %%
versions = [images[few]] + [
    np.flip(images[few], axis) for axis in (1, 2, (1, 2))
]
many_features, many_labels = extract_features(
    extractor, (np.concatenate(versions), np.tile(labels[few], len(versions)))
)
validation_data = (validation_images, validation_labels)
plain, _ = extract_features(extractor, validation_data)
for name, own in {
    "once": (features[few], labels[few]),
    "in 4 versions": (many_features, many_labels),
}.items():
    result = train_head(*own).evaluate(plain, validation_labels, verbose=0)
    print(f"each picture {name:<14} validation accuracy {result[1]:.3f}")

# %% [markdown]
# **Exercise fe-05.** `slow_pictures` gives single pictures and counts in
# `reads` how often it had to fetch one. Make of it `my_pipeline`: batches of
# 32, fetched from the source in the first epoch only, with other flips in each
# epoch.

# %% tags=["exercise"]
# exercise: fe-05
reads = []


def fetch():
    for image, label in zip(images[:96], labels[:96], strict=True):
        reads.append(label)
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
course.exercise("fe-05").check(my_pipeline, reads, images[:96])

# %% [markdown]
# ## When frozen features are not enough
#
# The head can only weigh what the backbone has computed. What it never looked
# at, no head can find. Back to the report: how much does *fine-tuning* gain
# over frozen features? This time we take every task in it, with the digits and
# with crops of real photographs, and for each the differences between runs
# with the same seed. **Predict:** where will it gain, and where not?

# %%
wide = runs.pivot(
    index=["target", "labels", "seed"], columns="method", values="value"
)
difference = wide["fine-tuned"] - wide["frozen"]
gains = difference.groupby(["target", "labels"])
half = gains.sem() * stats.t.ppf(0.975, gains.count() - 1)
names = [f"{target}, {labels} labels" for target, labels in half.index]
figure, ax = plt.subplots(figsize=(7, 4))
ax.errorbar(gains.mean(), names, xerr=half, fmt="o", color=BLUE, capsize=3)
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
# **Interpret.** With the fewest labels fine-tuning gains nothing: the frozen
# features are as good, cheaper, and cannot be spoiled. With more labels it
# pays on some tasks and not on others, and nearness to the source does not
# tell you which: it pays on the shapes, which are near, it pays on the digits,
# which are not, and on the tissue it does not. On the digits, look at the line
# below the figure: there scratch is at least as good as either, because clean
# digits are easy to learn from nothing. Such cases are known from larger
# networks, too (He et al. 2019, Raghu et al. 2019).
#
# Start with frozen features, always: they take minutes, and they are the
# number that fine-tuning has to beat.

# %% [markdown]
# ## Questions

# %%
quiz

# %% [markdown]
# Put your answers in place of the dots.

# %% tags=["exercise"]
q2 = ...
q3 = ...
q4 = ...
q5 = ...
q6 = ...
q7 = ...
q8 = ...
q9 = ...
q10 = ...
### BEGIN SOLUTION
q2 = "statistics"
q3 = ["features", "statistics", "file"]
q4 = 97 * 10
q5 = "same-input"
q6 = "one-version"
q7 = ["dropout", "augmentation", "training-mode"]
q8 = "tuned"
q9 = "thirty"
q10 = "measure"
### END SOLUTION
answers = [q2, q3, q4, q5, q6, q7, q8, q9, q10]
for number, answer in enumerate(answers, start=2):
    print(quiz.answer(f"q{number}", answer))

# %% [markdown]
# One line, to remember it by:

# %%
print(
    f"Concluded: the same head (largest difference {difference_of_heads:.0e}) "
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
