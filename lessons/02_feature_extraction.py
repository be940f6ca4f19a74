# %% [markdown]
# # Extract features: compute once, train heads in seconds
#
# - **Do:** turn 2,624 photographs of solar cells into features once, and train
#   one head after another on them: for defects, for a price list, for a
#   question of your own.
# - **Learn:** how to prove a freeze, where augmentation belongs, what a label
#   is worth, how to choose a penalty and a threshold, and which published
#   numbers you may compare yours with.
# - **Need:** lesson 00. About 50 minutes.
#
# **From lesson 00.** A colleague says: "I have set `base_model.trainable =
# False`, so my backbone has not changed." What do you ask to see?
#
# <details><summary>Answer</summary>
#
# The weights, before and after. A setting says what was meant, the weights say
# what happened.
#
# </details>

# %% [markdown]
# ## Set up

# %%
from course_utils import course

course.begin("02")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import RocCurveDisplay, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from course_utils.backbones import load_backbone
from course_utils.evaluation import experiments, plot_images
from course_utils.pictures import from_table, load_solar_cells
from course_utils.transfer import extract_features

# %% [markdown]
# ## Features once, a head in seconds
#
# All cells go through the frozen backbone, and what comes out is kept. This
# takes up to a minute the first time, and a few seconds from then on.
# (Photographs: CC BY-NC-SA, as in lesson 00.)

# %%
table = load_solar_cells()
base_model = load_backbone("efficientnet_lite0", input_shape=(160, 160, 3))
base_model.trainable = False
average = keras.layers.GlobalAveragePooling2D()
extractor = keras.Sequential([base_model, average])
cells = from_table(table, image_size=(160, 160))
features, labels = extract_features(extractor, cells, cache=True)

# %% [markdown]
# Now the head: one dense layer whose `sigmoid` gives the probability of a
# defect. No module of the test cells is among the training cells. Test scores
# choose nothing here.

# %%
test = (table["split"] == "test").to_numpy()
train = table["split"].isin(["train", "validation"]).to_numpy()
head = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
head.compile("adam", loss="binary_crossentropy")
head.fit(features[train], labels[train], epochs=20, verbose=0)
print(f"{train.sum():,} cells, {features.shape[1]:,} features each")
head_scores = head.predict(features[test], verbose=0)[:, 0]

# %% [markdown]
# How well does it rank the test cells, and which of them does it suspect most?

# %%
RocCurveDisplay.from_predictions(labels[test], head_scores, name="head")
suspected = np.flatnonzero(test)[head_scores.argsort()[::-1][:8]]
worst = from_table(table.iloc[suspected], image_size=(160, 160))
pictures, worst_labels = next(iter(worst))
names = table.attrs["class_names"]
print(plot_images(pictures, worst_labels, names, columns=4).description)

# %% [markdown]
# *The figure shows, for each threshold, the share of the defective cells that
# are found against the share of the sound ones that are called defective; below
# are the eight cells with the highest scores, under what the experts said.*
#
# **Interpret.** The area under this ROC curve (**AUC**) is the chance that a
# defective cell gets a higher score than a sound one; guessing gives one half.
# It needs no threshold, so we rank models by it. Training a linear head on a
# frozen backbone is called **linear probing**. So: probe first; it costs
# seconds, and everything else has to beat it.

# %% [markdown]
# ## Frozen, by proof
#
# Weights can move without an optimizer. **Batch normalization** (Ioffe and
# Szegedy 2015) subtracts a mean from each channel, divides by a standard
# deviation, and applies a learned scale and shift. In *training mode* it takes
# mean and deviation from the batch, and moves its stored statistics a little
# towards them. In *inference mode* it uses the stored ones.
#
# **Predict.** We only *call* two backbones on eight pictures, in training mode,
# and never `fit`. Will any weights differ afterwards?

# %%
opened = load_backbone("efficientnet_lite0", input_shape=(160, 160, 3))
for name, model in {"open": opened, "frozen": base_model}.items():
    before = model.get_weights()
    model(pictures, training=True)
    pairs = zip(model.weights, before, strict=True)
    moved = [w.path for w, old in pairs if not np.array_equal(w, old)]
    print(f"{name}: {len(moved)} arrays moved", *moved[:2])

# %% [markdown]
# **Interpret.** In Keras, a batch normalization layer with `trainable = False`
# works in inference mode, whatever mode is asked for. So: freeze the *whole*
# backbone, before you compile, and not a selection of its layers by type.
#
# **Exercise fe-06.** Three backbones, each "frozen" by somebody who set the
# flags of some layers. Which really are? For each name, count the arrays that
# move when the backbone is called on `pictures` in training mode, and the
# arrays that an optimizer would train: `my_counts[name] = (moved, trained)`.
# `my_frozen` is the list of the names that `fit` would leave as they are.

# %% tags=["exercise"]
# exercise: fe-06
convolutions = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
kinds = {
    "convolutions": convolutions,
    "batch normalization": keras.layers.BatchNormalization,
    "all layers": keras.layers.Layer,
}
suspects = {}
for name, kind in kinds.items():
    suspects[name] = load_backbone(
        "efficientnet_lite0", input_shape=(160, 160, 3)
    )
    for layer in suspects[name].layers:
        layer.trainable = not isinstance(layer, kind)
my_counts = ...
my_frozen = ...
### BEGIN SOLUTION
my_counts = {}
for name, suspect in suspects.items():
    before = suspect.get_weights()
    suspect(pictures, training=True)
    pairs = zip(suspect.get_weights(), before, strict=True)
    moved = sum(not np.array_equal(new, old) for new, old in pairs)
    my_counts[name] = moved, len(suspect.trainable_weights)
my_frozen = [name for name, counts in my_counts.items() if not sum(counts)]
### END SOLUTION

# %% [markdown]
# The check looks at the flags that the suspects have.

# %% tags=["check"]
course.exercise("fe-06").check(my_counts, my_frozen, suspects)

# %% [markdown]
# ## The cache, by hand
#
# A frozen backbone without dropout gives the same features for the same picture
# in every epoch, so once is enough. **Predict:** how many epochs of the head
# fit into the time that one pass through the backbone takes?

# %%
import time

few_pictures, few_labels = next(iter(cells))
base_model.predict_on_batch(few_pictures)  # The first call takes longer.
start = time.perf_counter()
grids = base_model.predict_on_batch(few_pictures)
by_hand = grids.mean(axis=(1, 2))
a_pass = (time.perf_counter() - start) * train.sum() / len(by_hand)
print(f"{few_pictures.shape} -> {grids.shape} -> {by_hand.shape}")
start = time.perf_counter()
head.fit(features[train], labels[train], epochs=10, verbose=0)
an_epoch = (time.perf_counter() - start) / 10
print(f"backbone {a_pass:.1f} s, head {an_epoch:.2f} s per epoch")
course.claim(
    np.allclose(by_hand, features[: len(by_hand)], atol=1e-3),
    "extract_features gives what we computed by hand.",
)

# %% [markdown]
# **Interpret.** Nothing is lost: the same mathematics, done once. With
# `cache=True` the features are kept in a file whose name is a checksum of
# weights and pictures, so a changed backbone never gets old features. So:
# extract first; then try many heads in the time of one pass.
#
# **Exercise fe-03.** A shuffled training set comes in another order each time
# that you run through it. By hand, without the helper: compute `my_features`,
# the averaged features of all pictures in `shuffled`, one row per picture, and
# `my_labels`, with each label in the row of its picture.

# %% tags=["exercise"]
# exercise: fe-03
few = np.arange(0, len(table), 25)
shuffled = from_table(table.iloc[few], shuffle=True, image_size=(160, 160))
my_features = ...
my_labels = ...
### BEGIN SOLUTION
my_features, my_labels = [], []
for some_pictures, some_labels in shuffled:
    grids = base_model.predict_on_batch(some_pictures)
    my_features.append(grids.mean(axis=(1, 2)))
    my_labels.append(some_labels)
my_features = np.concatenate(my_features)
my_labels = np.concatenate(my_labels)
### END SOLUTION

# %% [markdown]
# The check looks for each picture's features among your rows.

# %% tags=["check"]
course.exercise("fe-03").check(
    my_features, my_labels, features[few], labels[few]
)

# %% [markdown]
# ## Augmentation comes after the cache
#
# **Augmentation** changes each training picture at random in ways that leave
# its class as it is: a cracked cell upside down is a cracked cell. Each epoch
# draws anew. **Predict:** which of these two pipelines shows the network the
# same pictures in every epoch?

# %%
flip = keras.layers.RandomFlip(seed=2)


def augment(picture_batch, label_batch):
    return flip(picture_batch, training=True), label_batch


small = tf.data.Dataset.from_tensors((pictures, worst_labels))
pipelines = {
    "map, cache": small.map(augment).cache(),
    "cache, map": small.cache().map(augment),
}
figure, axes = plt.subplots(2, 6, figsize=(8, 3))
for row, (name, pipeline) in zip(axes, pipelines.items(), strict=True):
    for epoch, ax in enumerate(row, start=1):
        [(seen, _)] = pipeline
        ax.imshow(seen[0] / 255)
        ax.set(xticks=[], yticks=[], title=f"epoch {epoch}")
    row[0].set_ylabel(name)

# %% [markdown]
# *The figure shows one cell in six epochs: above as the first pipeline gives
# it, below as the second does. Two flips have four outcomes, so even below some
# must repeat.*
#
# **Interpret.** A cache keeps whatever was computed before it, random flips
# included. *Features* in a cache are the same trap: those of a flipped cell
# stay those of that flip. So: cache pictures first, augment after. To keep
# features as well, store those of several versions of each picture, as
# `cached_fit(model, data, views=4)` of `course_utils.transfer` does.
#
# **Exercise fe-05.** `slow_cells` gives single cells, and notes in `reads` each
# time that it has to fetch one. Make `my_pipeline` of it: batches of 16,
# fetched in the first epoch only, with other flips in each epoch.

# %% tags=["exercise"]
# exercise: fe-05
reads = []


def fetch():
    for picture, label in zip(few_pictures, few_labels, strict=True):
        reads.append(int(label))
        yield picture, label


spec = tf.TensorSpec((160, 160, 3)), tf.TensorSpec((), tf.int32)
slow_cells = tf.data.Dataset.from_generator(fetch, output_signature=spec)
my_pipeline = ...
### BEGIN SOLUTION
my_pipeline = slow_cells.batch(16).cache().map(augment)
### END SOLUTION

# %% [markdown]
# The check runs through your pipeline three times, and counts.

# %% tags=["check"]
course.exercise("fe-05").check(my_pipeline, reads, few_pictures, few_labels)

# %% [markdown]
# ## A penalty for large weights
#
# With 1,280 features for fewer than 2,000 labelled cells, a head can learn its
# training cells by heart. The remedy is a penalty for large weights (**L2**, a
# close relative of **weight decay**). How strong should it be? The test cells
# must not decide that, and a few validation modules would be a gamble, since
# modules differ. So every module is held out once, by **cross-validation** in
# groups: hide a fifth of the modules, train on the rest, score the hidden ones;
# five times, with another fifth each time.
#
# For the many heads that follow, scikit-learn trains the dense layer as a
# *logistic regression* on standardized features. The smaller its `C`, the
# stronger the penalty. In Keras that is `keras.layers.Normalization()`, adapted
# to the training features, and
# `Dense(1, kernel_regularizer=keras.regularizers.L2(strength))` with
# `strength = 1 / (2 * C * cells)`.

# %%
threadpool_limits(1)  # With matrices as small as these, threads only wait.


def probe(c=1e-3, **options):
    dense = LogisticRegression(C=c, max_iter=1000, **options)
    return make_pipeline(StandardScaler(), dense)


def scores_in_turn(model, x, y, groups):
    folds = {"groups": groups, "cv": GroupKFold(5)}
    return cross_val_predict(model, x, y, **folds, method="predict_proba")[:, 1]


# %% [markdown]
# **Predict.** From strong to weak: how does the AUC change on the training
# cells, and how on modules that are held out?

# %%
# poly-22 shows the cells of poly-14 again, blurred.
modules = table["inferred_module"].replace("poly-22", "poly-14").to_numpy()
x, y, groups = features[train], labels[train], modules[train]
strengths, fitted, held_out = [1e-5, 1e-4, 1e-3, 1e-2], [], []
for c in strengths:
    scores = probe(c).fit(x, y).predict_proba(x)[:, 1]
    fitted.append(roc_auc_score(y, scores))
    held_out.append(roc_auc_score(y, scores_in_turn(probe(c), x, y, groups)))
best_c = strengths[np.argmax(held_out)]
print(f"Best on modules held out: C = {best_c:g}")
figure, ax = plt.subplots(figsize=(5, 3.2))
ax.semilogx(strengths, fitted, "o-", label="training cells")
ax.semilogx(strengths, held_out, "s--", label="modules held out")
ax.set(xlabel="C (stronger penalty to the left)", ylabel="AUC")
ax.legend()
figure.tight_layout()

# %% [markdown]
# *The figure shows the AUC against the strength of the penalty, on the cells
# that a head was trained on and on modules that it had not seen.*
#
# **Interpret.** On the training cells, a weaker penalty always looks better; that
# curve cannot tell you where to stop. The other one has a top. So: choose the
# strength on held-out *modules* (in a hospital: patients), and report how many
# strengths you tried.

# %% [markdown]
# ## What is a label worth?
#
# An expert has to judge each cell. **Predict:** with a hundred labelled cells,
# drawn at random, what AUC will a probe reach on the test modules?

# %% tags=["exercise"]
quiz = course.quiz("02")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.8
### END SOLUTION
quiz.answer("q11", my_guess)


# %% [markdown]
# Five draws of a hundred cells, with the penalty chosen above on all labels,
# give the answer for this lesson's test modules. The figure compares a probe on
# frozen features, fine-tuning (lesson 03), and a smaller network **from
# scratch**, at its own learning rate. All also used up to 160 labelled cells
# for validation. Each seed draws *other modules* as well
# (`python -m benchmarks.real_ground label_curve`), so compare the curves with
# each other, not with your numbers. For the star, set `mine` and `my_seed`.


# %%
def probe_with(count, seed):
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(train))
    drawn = drawn[:count]
    model = probe(best_c).fit(features[drawn], labels[drawn])
    scores = model.predict_proba(features[test])[:, 1]
    return roc_auc_score(labels[test], scores)


mine, my_seed = 100, 7
hundred = np.mean([probe_with(100, seed) for seed in range(5)])
everything = probe_with(train.sum(), 0)
print(f"A hundred labels, mean of five draws: AUC {hundred:.2f}")
print(f"All {train.sum():,} labels of these modules: AUC {everything:.2f}")
quiz.outcome("q11", hundred)
yours = {"labels": mine, "auc": probe_with(mine, my_seed)}
experiments.show("label_curve", live=yours)
plt.show()

# %% [markdown]
# *The figure shows the AUC on new modules against the number of labelled cells,
# for three ways of training: means and 95 % intervals over seeds, each of which
# draws modules and labels; the star is your draw, on this lesson's modules.*
#
# **Interpret.** On average, both ways that begin with ImageNet's weights are
# above the network from scratch at each number of labels. Five seeds leave some
# gaps uncertain, and cannot tell which of the two is better. The scratch
# network is also smaller, which may explain part of the gap. The intervals are
# wide: *which* modules and cells you draw matters too, so one run is an
# anecdote. So: begin with the labels that you can afford, probe several draws
# of them, and see whether the curve still rises.
#
# With enough labels, a network from scratch can catch up (He et al. 2019; Raghu
# et al. 2019 for medical pictures).

# %% [markdown]
# ## Three cells in ten are defective
#
# The classes are not in balance, and their mistakes do not cost the same.
# **Class weights** let each cell of the rarer class count for more in the loss
# (in Keras: `fit(..., class_weight={0: 1, 1: 2})`). **Predict:** which of these
# numbers will they change: the AUC, the share of defects found, the share of
# sound cells called defective? Can a lower threshold do the same?

# %%
plain = probe(best_c).fit(x, y)
weighted = probe(best_c, class_weight="balanced").fit(x, y)
test_scores = plain.predict_proba(features[test])[:, 1]
rows = {
    "plain, threshold 0.5": (test_scores, 0.5),
    "class weights, 0.5": (weighted.predict_proba(features[test])[:, 1], 0.5),
    f"plain, {y.mean():.2f}": (test_scores, y.mean()),
}
for name, (scores, threshold) in rows.items():
    alarm, truth = scores >= threshold, labels[test] == 1
    print(
        f"{name:<21} AUC {roc_auc_score(truth, scores):.3f}, "
        f"found {alarm[truth].mean():.2f}, "
        f"false alarms {alarm[~truth].mean():.2f}"
    )

# %% [markdown]
# **Interpret.** The weights hardly change the *ranking*. They raise most
# scores, and a threshold at the share of defects does much the same. So: train
# on the data as they are, and bring the costs in where they belong: in the
# choice of the threshold, on modules that were held out.
#
# **Exercise fe-07.** Mistakes cost 10 for a defect that passes, 1 for a sound
# cell that is inspected in vain. A cell is inspected if its score reaches the
# threshold. In `train_scores` each training cell is scored by a model that has
# not seen its module. Choose `my_threshold` so that mistakes cost least by
# these scores. Then compute `my_cost`, what the mistakes on the *test* cells
# cost with that threshold.

# %% tags=["exercise"]
# exercise: fe-07
train_scores = scores_in_turn(probe(best_c), x, y, groups)
my_threshold = ...
my_cost = ...
### BEGIN SOLUTION


def cost(truth, scores, threshold):
    missed = (truth == 1) & (scores < threshold)
    in_vain = (truth == 0) & (scores >= threshold)
    return 10 * missed.sum() + in_vain.sum()


thresholds = np.unique(train_scores)
costs = [cost(y, train_scores, one) for one in thresholds]
my_threshold = thresholds[np.argmin(costs)]
my_cost = cost(labels[test], test_scores, my_threshold)
### END SOLUTION

# %% [markdown]
# The check adds up the costs itself.

# %% tags=["check"]
course.exercise("fe-07").check(
    my_threshold, my_cost, y, train_scores, labels[test], test_scores
)

# %% [markdown]
# ## What do the features look like?
#
# Each cell is a point in a space of 1,280 dimensions. **Principal component
# analysis** (PCA) finds the directions along which the points spread most. We
# draw every sixth cell along the first two, before and after pretraining.
# **Predict:** what will separate the points after pretraining: sound from
# defective, or the two types of cells, monocrystalline and polycrystalline?

# %%
from sklearn.decomposition import PCA

sixth = np.arange(0, len(table), 6)
untaught = load_backbone("efficientnet_lite0", None, input_shape=(160, 160, 3))
extractor = keras.Sequential([untaught, keras.layers.GlobalAveragePooling2D()])
before, _ = extract_features(
    extractor, from_table(table.iloc[sixth], image_size=(160, 160))
)
figure, axes = plt.subplots(1, 2, figsize=(9, 4))
for ax, space in zip(axes, (before, features[sixth]), strict=True):
    points = PCA(2).fit_transform(StandardScaler().fit_transform(space))
    for kind, sign in {"mono": "o", "poly": "x"}.items():
        own = (table["type"] == kind).to_numpy()[sixth]
        shades = {"c": labels[sixth][own], "cmap": "cividis"}
        ax.scatter(*points[own].T, 16, marker=sign, **shades)
    scores = scores_in_turn(probe(), space, labels[sixth], modules[sixth])
    auc = roc_auc_score(labels[sixth], scores)
    ax.set(title=f"AUC {auc:.2f}", ylim=np.quantile(points[:, 1], (0, 0.99)))

# %% [markdown]
# *The figure shows every sixth cell along the two main directions, left for
# random weights, right for ImageNet's; circles are mono, crosses poly, light
# ones defective. The title is the AUC of a probe on these cells, each scored by
# a model that has not seen its module. The highest points are cut off.*
#
# **Interpret.** In ImageNet's features the cells fall into two clouds, and
# these are the two types of silicon, though nobody told the network about
# types. Defects come second: many defective cells leave the clouds, and many
# stay inside. A probe, which uses all directions, finds more of them. Even
# random weights carry something, perhaps that dead parts are dark. So: look at
# a PCA for what *dominates* the features, fit a probe for what can be *learned*
# from them, and fit one on random weights before you credit pretraining.

# %% [markdown]
# ## Beside a published number
#
# Deitsch et al. (2019, Solar Energy 185, 455-468) published accuracies on these
# photographs: for a support vector machine on classical features, and for a
# fine-tuned VGG-19. They split at random by *cells*, three quarters to train
# on. To compare, we must split as they did. (They also weight doubtful labels
# by the experts' confidence, so the comparison stays rough.) But then cells of
# one module are on both sides. Does that help? For each test cell we look for
# the training cell whose features are nearest. **Predict:** how often is it
# from the same module, one of more than forty?

# %%
from sklearn.neighbors import KNeighborsClassifier

by_cell = load_solar_cells(split_by="cell")
theirs = (by_cell["split"] == "test").to_numpy()
model = probe(best_c).fit(features[~theirs], labels[~theirs])
accuracy = model.score(features[theirs], labels[theirs])
nearest = KNeighborsClassifier(1).fit(features[~theirs], modules[~theirs])
share = nearest.score(features[theirs], modules[theirs])
in_turn = scores_in_turn(probe(best_c), features, labels, modules) >= 0.5
print("Deitsch et al. 2019, SVM             0.824")
print("Deitsch et al. 2019, VGG-19 tuned    0.884")
print(f"Our probe, split as theirs           {accuracy:.3f}")
print(f"Our probe, modules held out in turn  {np.mean(in_turn == labels):.3f}")
print(f"Nearest cell is of the same module   {share:.0%}")

# %% [markdown]
# **Interpret.** Split as in the paper, a head that took seconds lands between
# its two models, on this split and on most others. But for most test cells the
# nearest training cell is from the same module, and a model that recognizes the
# module can guess at its cells. A split by cells tells how well it does on
# further cells of *these* modules; a buyer wants to know about new ones. The
# two splits test on different cells, so trust the direction more than the size
# of the difference. So: to compare yourself with a paper, repeat its protocol;
# before you promise someone a number, hold out what will be new to them.
#
# The paper's fine-tuned network stays ahead. How much of that gap would
# fine-tuning *our* backbone close? Lesson 03 begins there.

# %% [markdown]
# ## From a blank page
#
# **Exercise fe-09.** The features know more than defects. Choose another
# question about these cells, and train `my_head` on the features in the cache:
# either the *type* (`table["type"]`, two classes), or the *probability* of a
# defect, as experts judged it (`table["probability"]`, four classes, few in the
# middle). Use Keras or scikit-learn, and only cells of `train`.
#
# The check calls `my_head.predict` on the features of the test cells. It wants
# classes (or their names), or one row of probabilities per cell. It counts what
# share of each class was found: the average over the classes must be well above
# chance.

# %% tags=["exercise"]
# exercise: fe-09
my_head = ...
### BEGIN SOLUTION
probabilities = table["probability"].to_numpy()
my_head = probe(best_c, class_weight="balanced")
my_head = my_head.fit(features[train], probabilities[train])
### END SOLUTION

# %% [markdown]
# Cells next to an inferred boundary between modules are in no part; neither are
# those of poly-22, which shows another module again.

# %% tags=["check"]
course.exercise("fe-09").check(my_head, features, table)

# %% [markdown]
# ## Questions

# %%
print(
    f"Concluded: with all {train.sum():,} labelled cells a probe reaches an AUC "
    f"of {roc_auc_score(labels[test], test_scores):.2f} on new modules, with a "
    f"hundred of them {hundred:.2f}."
)
quiz

# %% [markdown]
# ## Take away
#
# - **Prove a freeze** by the weights: statistics of batch normalization move
#   without any optimizer.
# - Extract features **once**, then train heads in seconds: linear probing is
#   where to begin, and the number to beat.
# - **Cache first, augment after.**
# - Choose penalty and threshold on **held-out modules**, in turn; costs belong
#   to the threshold.
# - Compare numbers only if they were made by **the same protocol**; a split by
#   cells flatters.
#
# **Next:** lesson 03 lets the backbone learn as well.
