# %% [markdown]
# # Solve eight cases: fine-tunings that went wrong
#
# - **Do:** look at eight trainings that went wrong, name the cause before you
#   read it, and fix what can be fixed.
# - **Learn:** which symptom points to which fault, how to keep the best of two
#   phases, how to undo forgetting by interpolation, and how to start gently.
# - **Need:** lesson 03. About 45 minutes.
#
# **From lesson 03.** You unfreeze a backbone for phase 2. What has to happen
# before the next `fit`, and what tells you that it worked?
#
# <details><summary>Answer</summary>
#
# A new compile, with a new optimizer. The weights tell: compare them before and
# after a step.
#
# </details>

# %% [markdown]
# ## Set up

# %%
from course_utils import course

course.begin("03b")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras.callbacks import EarlyStopping
from keras.optimizers import Adam
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from course_utils import backbones, transfer
from course_utils.evaluation import BLUE, plot_history
from course_utils.pictures import from_table, load_dataset, load_solar_cells

# %% [markdown]
# Most cases happen on solar cells (CC BY-NC-SA, as in lesson 00). Everything
# through block 6 of EfficientNet-Lite0 stays frozen: `bottom` turns each
# picture into a *grid*, once. Block 7 and the last convolution
# (`pretrained_top`) follow; the average of their output is the *features*.
# Cases 1 to 4 train from grids, cases 7 and 8 from features.

# %%
size = (128, 128)
base_model = backbones.load_backbone(
    "efficientnet_lite0", input_shape=(*size, 3)
)
middle = base_model.get_layer("block6d_add").output
bottom = keras.Model(base_model.input, middle)
pretrained_top = keras.Model(middle, base_model.output)
table = load_solar_cells()
cells = from_table(table, image_size=size)
grids, labels = transfer.extract_features(bottom, cells, cache=True)
features = pretrained_top.predict(grids, verbose=0).mean(axis=(1, 2))
split, modules = table["split"].to_numpy(), table["inferred_module"].to_numpy()
train = np.random.default_rng(0).permutation(np.flatnonzero(split == "train"))
train, held = train[:400], np.flatnonzero(split == "validation")
on_grids = {"validation_data": (grids[held], labels[held]), "verbose": 0}
on_grids["batch_size"] = 16
on_features = {"validation_data": (features[held], labels[held]), "verbose": 0}

# %% [markdown]
# Cases 1 to 4 share phase 1: a head on frozen features, twenty epochs planned,
# ended by early stopping. Its patience returns in case 3.

# %%
crossentropy = "sparse_categorical_crossentropy"
quiz = course.quiz("03b")
head = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
head.compile(Adam(1e-3), crossentropy, metrics=["accuracy"])
stop = EarlyStopping(patience=2, restore_best_weights=True)
options = {"epochs": 20, "callbacks": [stop], **on_features}
first = head.fit(features[train], labels[train], **options)

# %% [markdown]
# `new_model` puts that head on a fresh copy of block 7 and the last convolution.


# %%
def put_head_on(part, optimizer, classes=2):
    pool = keras.layers.GlobalAveragePooling2D()
    dense = keras.layers.Dense(classes, activation="softmax", name="head")
    inputs = keras.Input(part.input_shape[1:])
    model = keras.Sequential([inputs, part, pool, dense])
    model.compile(optimizer, crossentropy, metrics=["accuracy"])
    return model


def new_model(rate, norms_train=False):
    top = keras.models.clone_model(pretrained_top)
    top.set_weights(pretrained_top.get_weights())
    for layer in transfer.batch_norms(top):
        layer.trainable = norms_train
    model = put_head_on(top, Adam(rate))
    model.get_layer("head").set_weights(head.get_weights())
    return model


# %% [markdown]
# ## Case 1: the loss that jumps
#
# "I unfroze, compiled again, kept batch normalization out of it, and went on.
# In the very first epoch my *training* loss was far above where the head had
# left it." What is the cause? Name it on the card.

# %%
three = {"epochs": 3, **on_grids}
jumped = new_model(1e-3).fit(grids[train], labels[train], **three)
ax = plot_history(jumped)
ax.axhline(first.history["loss"][-1], color="black", ls=":", label="phase 1")
ax.legend()
quiz.only("q12")

# %% [markdown]
# *The figure shows the loss over the epochs of phase 2; the dotted line is the
# training loss at the end of phase 1.*
#
# **The trial.** If the rate was to blame, a tenth of it should not cause a
# jump.

# %%
gentle = new_model(1e-4).fit(grids[train], labels[train], **three)
for name, run in {"1e-3": jumped, "1e-4": gentle}.items():
    print(f"{name}: training loss", *np.round(run.history["loss"], 2))

# %% [markdown]
# **The verdict: the head's rate on the backbone.** Under Adam the first step
# moves each weight by about the rate, however small its gradient, and later
# steps mostly by less. So a rate that suits a new head throws pretrained
# weights out of place. The training loss comes down again, but with other
# features: lesson 03 measured what is left of the old ones. So: if the training
# loss jumps as phase 2 starts, suspect *too high a rate*, or batch normalization
# (case 2).

# %% [markdown]
# ## Case 2: two losses for the same pictures
#
# "The rate is low, and `fit` reports a training loss that falls. Then I
# evaluate on the very same training cells, and get a clearly higher one."

# %%
case_2 = new_model(1e-4, norms_train=True)
options = {"initial_epoch": 20, "epochs": 23, "callbacks": [stop], **on_grids}
second = case_2.fit(grids[train], labels[train], **options)
plot_history(second)
same, _ = case_2.evaluate(grids[train], labels[train], verbose=0)
print(f"And evaluate says, of the training cells: {same:.2f}")
quiz.only("q13")

# %% [markdown]
# *The figure shows the loss over the epochs of phase 2; the star is the epoch whose
# weights were put back.*
#
# **The trial.** `fit` and `evaluate` differ in mode, among other things. We
# change the mode alone: the same weights, the same cells.

# %%
now, _ = case_2.evaluate(grids[held], labels[held], verbose=0)  # For case 3.
some, truth = grids[train], labels[train]
for mode in (False, True):
    probabilities = case_2(some, training=mode).numpy()
    loss = -np.log(probabilities[np.arange(len(train)), truth]).mean()
    print(f"training={mode}: loss {loss:.2f}")

# %% [markdown]
# **The verdict: batch normalization is awake.** In training it normalizes by
# each batch; in prediction, by stored statistics, which are no longer
# ImageNet's and not yet the cells'. So: two losses for the same pictures point
# to layers that work in two modes. Keep batch normalization frozen, layer by
# layer (lesson 03). Dropout would split them the other way: it makes `fit` look
# worse.

# %% [markdown]
# ## Case 3: the brake that did not hold
#
# "But I had early stopping, with `restore_best_weights`. So at worst I am back
# where phase 1 ended." The training is that of case 2. Which losses did early
# stopping compare? Look also at the numbers of its epochs.

# %%
lowest = [min(run.history["val_loss"]) for run in (first, second)]
print("lowest validation loss, phases 1 and 2:", *np.round(lowest, 2))
print(f"the model has now: {now:.2f}")
print("epochs of phase 1:", *first.epoch)
print("epochs of phase 2:", *second.epoch)
quiz.only("q2", "q4")

# %% [markdown]
# **The verdict: two faults.** Each `fit` starts early stopping afresh: it
# restored the best of *phase 2*, and knows nothing of phase 1. And `initial_epoch=20` was copied from a
# plan. Phase 1 stopped before, so epochs are missing from the curve, and a
# schedule that counts them would be wrong.
#
# Patience has traps of its own: zero acts like one. With one or two, as is
# often advised, a noisy curve can end a training before its best epoch; with
# three or more you pay a few epochs. So: patience three or more, count
# `len(history.epoch)`, and keep the best of *both* phases yourself.
#
# **Exercise tr-06.** Fix it. Build `my_model` with `new_model(...)`: batch
# normalization frozen, a gentler rate than the head's. Fit it for up to six
# epochs that count on from `first`, with `**on_grids`; `my_history` is what
# `fit` returns. In the end `my_model` has the best weights of both phases, by the
# validation loss; `new_model` starts from those of phase 1.

# %% tags=["exercise"]
# exercise: tr-06
my_model = ...
my_history = ...
### BEGIN SOLUTION
my_model = new_model(1e-4)
phase_1 = my_model.get_weights()
ended = len(first.epoch)
stop = EarlyStopping(patience=3, restore_best_weights=True)
options = {"initial_epoch": ended, "epochs": ended + 6, **on_grids}
my_history = my_model.fit(
    grids[train], labels[train], callbacks=[stop], **options
)
if min(my_history.history["val_loss"]) >= min(first.history["val_loss"]):
    my_model.set_weights(phase_1)
### END SOLUTION

# %% [markdown]
# The check counts epochs, and evaluates what your model has now.

# %% tags=["check"]
course.exercise("tr-06").check(
    my_model, my_history, first, grids[held], labels[held]
)

# %% [markdown]
# ## Case 4: the weights that did not move
#
# "I trained the head, unfroze block 7 and set a gentler rate. Every flag says
# that it trains. But the curve goes on as if nothing had happened."


# %%
def moved_by_a_step(model, x, y, part):
    before = part.get_weights()
    model.train_on_batch(x, y)
    pairs = zip(part.weights, before, strict=True)
    return [w.path for w, old in pairs if not np.array_equal(w, old)]


case_4 = new_model(1e-3)
top = case_4.layers[0]
top.trainable = False
case_4.compile(Adam(1e-3), crossentropy)
batch = grids[train[:16]], labels[train[:16]]
case_4.train_on_batch(*batch)
transfer.unfreeze(top)
case_4.optimizer.learning_rate = 1e-4
moved = moved_by_a_step(case_4, *batch, top)
flagged = len(top.trainable_weights)
print(f"{flagged} arrays of block 7 are flagged to train, {len(moved)} moved")
quiz.only("q14")

# %% [markdown]
# **The trial** is one line.

# %%
case_4.compile(Adam(1e-4), crossentropy)
moved = moved_by_a_step(case_4, *batch, top)
print(f"{flagged} arrays of block 7 are flagged to train, {len(moved)} moved")

# %% [markdown]
# **The verdict: no new compile.** The step was traced while block 7 was frozen, and
# goes on as it was. A new rate reaches the old step, a new flag does not. So: if
# phase 2 looks like phase 1, compile again.

# %% [markdown]
# ## Case 5: the loop over the last twenty layers
#
# Many tutorials have
# `for layer in base_model.layers[-20:]: layer.trainable = True`. Two people ran
# it. One says: "My log of `base_model.trainable_weights` is empty." The other
# says: "It trains as slowly as the whole network." Which of them had frozen the
# backbone before the loop? (We are in the laboratory, where a step takes no
# time.)

# %%
near = load_dataset("near")
images, classes = next(near.train.unbatch().batch(100).as_numpy_iterator())
tf.get_logger().setLevel("ERROR")  # Many models are traced on purpose.
for name, was_open in {"frozen first": False, "never frozen": True}.items():
    small = backbones.load_backbone("residual")
    small.trainable = was_open
    for layer in small.layers[-20:]:
        layer.trainable = True
    model = put_head_on(small, "sgd", 6)
    moved = moved_by_a_step(model, images[:32], classes[:32], small)
    listed, arrays = len(small.trainable_weights), len(small.weights)
    print(f"{name}: {len(moved)} of {arrays} arrays moved, {listed} are listed")
quiz.only("q5")

# %% [markdown]
# **The verdict: a loop that sets some flags and trusts the others.** If it was
# frozen first, the backbone's own flag is still False: its last layers train,
# batch normalization included, but its list is empty, and a penalty or log that
# reads it does nothing. If it never was, all of it trains, whatever the loop
# does. And "twenty layers" is no measure: in VGG16 it is the whole network, in
# DenseNet121 a sliver. So: unfreeze the backbone, then freeze what should stay
# frozen, by the names of blocks; and let the weights confirm it.
#
# **Exercise tr-03.** Load a fresh `residual` backbone and let *only* its last
# stage train (the layers whose names begin with `stage4`), together with a new
# head, and in such a way that `my_base.trainable_weights` lists what trains.
# Batch normalization stays frozen. Make `last_model` by `put_head_on(my_base,
# "sgd", 6)`, and take one step, `last_model.fit(images[:32], classes[:32])`,
# inside `with course.watch(last_model) as evidence:`.

# %% tags=["exercise"]
# exercise: tr-03
my_base = ...
last_model = ...
evidence = ...
### BEGIN SOLUTION
my_base = backbones.load_backbone("residual")
my_base.trainable = True
for layer in my_base.layers:
    norm = isinstance(layer, keras.layers.BatchNormalization)
    layer.trainable = layer.name.startswith("stage4") and not norm
last_model = put_head_on(my_base, "sgd", 6)
with course.watch(last_model) as evidence:
    last_model.fit(images[:32], classes[:32], verbose=0)
### END SOLUTION

# %% [markdown]
# The check looks at what has moved, and at the list.

# %% tags=["check"]
course.exercise("tr-03").check(last_model, my_base, evidence)

# %% [markdown]
# ## Case 6: a network without an opinion
#
# "The same cells, the same frozen network, the same training of the head. But my
# model gives nearly the same score to every cell. My pipeline scales pictures
# to numbers from `-1` to `1`, as all do."

# %%
inner = base_model.get_layer("preprocessing").output
unguarded = keras.Model(inner, base_model.output)
chosen = np.concatenate([train[:100], held[:100]])
x = [x for x, _ in from_table(table.iloc[chosen], image_size=size)]
x = np.concatenate(x)
figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="tight")
for ax, (name, given) in zip(
    axes, {"theirs": x / 127.5 - 1, "ours": x}.items(), strict=True
):
    scaled = (given - 127) / 128  # So this network treats its input.
    seen = unguarded.predict(scaled, verbose=0).mean(axis=(1, 2))
    probe = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
    probe.compile(Adam(1e-3), crossentropy)
    probe.fit(seen[:100], labels[chosen[:100]], epochs=40, verbose=0)
    scores = probe.predict(seen[100:], verbose=0)[:, 1]
    ax.hist(scores, np.linspace(0, 1, 21), color=BLUE)
    ax.set(title=name, xlabel="score", ylabel="validation cells")
quiz.only("q15")

# %% [markdown]
# *The figure shows how the scores of the validation cells are spread, for their
# pipeline and for ours.*
#
# **The verdict: preprocessing twice.** This network scales its input itself,
# and so, by default, do Keras's EfficientNet, MobileNetV3 and ConvNeXt;
# MobileNetV2, ResNet and VGG leave it to you. Pictures that are scaled twice
# are all nearly black. Training goes on and reports no error. (The course's
# backbones refuse such a batch, so the cell bypasses that guard.) A head on
# standardized features hides even this symptom (lesson 01). So: when all scores
# are alike, look at the range of what enters the first *convolution*.

# %% [markdown]
# ## Case 7: too good a validation
#
# "I mirrored my 200 cells to have twice as many, dealt them out to training and
# validation at random, and chose the strength of my penalty. On the validation
# cells the model is nearly perfect."

# %%
mine = train[:200]
mirrored = from_table(table.iloc[mine], image_size=size)
mirrored = mirrored.map(lambda x, y: (x[:, :, ::-1], y))
twins = keras.Sequential([bottom, pretrained_top]).predict(mirrored, verbose=0)
doubled = np.concatenate([features[mine], twins.mean(axis=(1, 2))])
cell = np.concatenate([mine, mine])  # Which cell a row is from.
order = np.random.default_rng(0).permutation(len(doubled))
dealt = {"validation": order[:80], "training": order[80:]}
test = np.flatnonzero(split == "test")
probe = LogisticRegression(C=1, max_iter=3000)
probe.fit(doubled[dealt["training"]], labels[cell[dealt["training"]]])
scores = probe.predict_proba(doubled[dealt["validation"]])[:, 1]
told = roc_auc_score(labels[cell[dealt["validation"]]], scores)
scores = probe.predict_proba(features[test])[:, 1]
found = roc_auc_score(labels[test], scores)
print(f"AUC {told:.3f} in validation, {found:.3f} on new modules")
quiz.only("q16")

# %% [markdown]
# **The verdict: validation that leaks.** A mirror image is nearly the same
# picture, and a cell is much like others of its module. With random dealing,
# four in five of the rows for validation have their twin among those for
# training. A penalty chosen by it can come out too weak, since learning twins
# by heart pays. So: split first, by what will be new (modules, patients);
# augment afterwards, and the training part only. The last exercise asks for
# such a split.

# %% [markdown]
# ## Case 8: is that forgetting?
#
# "I fine-tuned on 30 labels. The training loss goes to zero, the validation loss
# falls, then rises: the tell-tale sign of catastrophic forgetting. I need a
# lower rate for the backbone."

# %%
case_8 = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
case_8.compile(Adam(1e-2), crossentropy)
few = {"epochs": 40, "batch_size": 16, **on_features}
run = case_8.fit(features[train[:30]], labels[train[:30]], **few)
plot_history(run)
quiz.only("q17")

# %% [markdown]
# *The figure shows the loss of case 8 on its 30 training cells and on the
# validation cells.*
#
# **The verdict: overfitting.** `case_8` is a head on stored features, and
# features in a file forget nothing. The loss rises because the head grows ever
# more certain, on new cells too, where it is sometimes wrong. On ImageNet's
# network (`docs/ledger.md`, `validation-loss-tells`) most of the forgetting
# falls into the first epochs of fine-tuning, before the least validation loss of
# phase 2. So: overfitting is read from new pictures of the *new* task,
# forgetting from the *old* task. Neither curve stands in for the other.

# %% [markdown]
# ## Undo forgetting: interpolate
#
# And if it *is* forgetting? Keep the weights from before and after, and take a
# point on the line between them. Ilharco et al. (2022) got old tasks back this
# way; Wortsman et al. (2022), robustness (**WiSE-FT**). By hand it is three
# lines. The old task's own test pictures exist only in the laboratory, so we go
# there. **Predict:** halfway, how much of the gain is left, and how much of
# what was lost is back?

# %%
small = backbones.load_backbone("residual")
transfer.unfreeze(small)
model = put_head_on(small, Adam(1e-3), 6)
probe = LogisticRegression(C=0.03, max_iter=2000)
probe.fit(small.predict(images, verbose=0).mean(axis=(1, 2)), classes)
model.get_layer("head").set_weights([probe.coef_.T, probe.intercept_])
before = model.get_weights()
model.fit(images, classes, epochs=13, verbose=0)
after = model.get_weights()
old_heads = backbones.with_old_heads(small)
old_task = load_dataset("source", batch_size=100).test.take(4)


def look():
    source = backbones.source_accuracy(old_heads, old_task).values()
    return np.mean([*source]), model.evaluate(near.test, verbose=0)[1]


# %% [markdown]
# The first three lines of the loop are the method; then we look at both tasks, on
# test pictures.

# %%
points = []
for share in (0, 0.25, 0.5, 0.75, 1):
    pairs = zip(before, after, strict=True)
    model.set_weights([(1 - share) * b + share * a for b, a in pairs])
    points.append(look())
ax = plt.axes(xlabel="accuracy on the old task", ylabel="on the new task")
_ = ax.plot(*np.transpose(points), "o-", color=BLUE)

# %% [markdown]
# *The figure shows the accuracy on the new task against that on the old one,
# after none, a quarter, half, three quarters and all of the way from the old
# weights (right) to the new ones (left).*
#
# **Interpret.** The curve bends towards the upper right corner: on the way back
# the old task returns before the new one is lost. It costs no training, and the
# share can be chosen on validation pictures. (Where statistics of batch
# normalization have moved, compute them anew for that point.) Even if nobody
# asks the old question again, what was forgotten may have helped on pictures
# from elsewhere (Kumar et al. 2022). So: keep the weights from before, and try
# the middle first.

# %% [markdown]
# ## Start gently: warm-up and cosine
#
# A new head is random. Its gradients are badly aimed, and a backbone
# that trains along follows them. Phase 1 is one remedy, a schedule another:
# **warm-up** lets the rate rise from zero while the head finds its aim, and a
# **cosine schedule** takes it back to zero. We skip phase 1 on purpose, and
# train at the head's rate, at half of it, and with a schedule whose rates have
# the same sum as the half rate. **Predict:** with which will block 7 end
# closest to where it began?

# %%
schedule = keras.optimizers.schedules.CosineDecay(
    0.0, decay_steps=50, warmup_target=1e-3, warmup_steps=25
)
random_head = keras.initializers.GlorotUniform(seed=1)((1280, 2)).numpy()
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="tight")
rates = {"constant": 1e-3, "half of it": 5e-4, "warm-up, cosine": schedule}
for name, rate in rates.items():
    rough = new_model(rate)
    rough.get_layer("head").set_weights([random_head, np.zeros(2)])
    run = rough.fit(grids[train], labels[train], **three)
    pairs = zip(rough.layers[0].weights, pretrained_top.weights, strict=True)
    far = sum(np.sum((a.numpy() - b.numpy()) ** 2) for a, b in pairs) ** 0.5
    at = [schedule(step) if rate is schedule else rate for step in range(75)]
    line = "s-" if rate is schedule else "o--"
    axes[0].plot(at, line[1:], label=name)
    axes[1].plot(np.add(run.epoch, 1), run.history["loss"], line)
    print(f"{name}: {far:.1f} away from ImageNet's weights")
axes[0].set(xlabel="step", ylabel="learning rate")
axes[1].set(xlabel="epoch", ylabel="training loss", xticks=range(1, 4))
_ = axes[0].legend()

# %% [markdown]
# *The figure shows the rate over the steps, and the training loss over the
# epochs, for two constant rates and a schedule.*
#
# **Interpret.** The schedule ends closer to ImageNet's weights than the full
# rate, but so does half the rate: in these runs the distance follows the sum of
# the rates, not their shape. Whether the new task gains takes more than one run
# to tell. Large vision networks usually have warm-up and cosine. So: use phase
# 1 where it is cheap, and compare a schedule with a constant rate of the same
# sum.

# %% [markdown]
# ## From a blank page
#
# **Exercise tr-09.** A ninth training, starting from phase 1's head, without
# the eight faults. (One leak remains: that head has seen some cells.) Of those
# with `split == "train"`, choose `my_cells` (at least 300) to train on and
# `my_held` (at least 60) to validate on. Build `tuned` on `grids`, and
# fine-tune it with one `fit` on the first, watched on the second, inside `with
# course.watch(tuned) as evidence:`. At the end `tuned` has the weights of its
# best epoch by the validation loss, or those that it began with if they were
# better.
#
# The check sees shared modules, a missing compile, batch normalization that
# moved, too high a rate, and weights that are not the best.

# %% tags=["exercise"]
# exercise: tr-09
my_cells = ...
my_held = ...
tuned = ...
evidence = ...
### BEGIN SOLUTION
pool = np.flatnonzero(split == "train")
kept_out = np.random.default_rng(1).permutation(np.unique(modules[pool]))[:6]
is_held = np.isin(modules[pool], kept_out)
my_cells, my_held = pool[~is_held], pool[is_held]
tuned = new_model(1e-4)
begun = tuned.get_weights()
held_out = grids[my_held], labels[my_held]
begun_loss, _ = tuned.evaluate(*held_out, verbose=0)
stop = EarlyStopping(patience=3, restore_best_weights=True)
with course.watch(tuned) as evidence:
    options = {"validation_data": held_out, "epochs": 5, "callbacks": [stop]}
    run = tuned.fit(grids[my_cells], labels[my_cells], **options, verbose=0)
if min(run.history["val_loss"]) > begun_loss:
    tuned.set_weights(begun)
### END SOLUTION

# %% [markdown]
# It needs the cells, the model, the evidence and the table that they are from.

# %% tags=["check"]
course.exercise("tr-09").check(
    my_cells, my_held, tuned, evidence, table, grids, labels
)

# %% [markdown]
# ## Questions
#
# Those of the cases are among them, with what you have answered.

# %%
(_, _), _, (old, new), _, (old_after, new_after) = points
print(
    f"Concluded: halfway back, the old task is at {old:.2f} instead of "
    f"{old_after:.2f}, the new one at {new:.2f} instead of {new_after:.2f}."
)
quiz

# %% [markdown]
# ## Take away
#
# | symptom | ask first |
# | --- | --- |
# | training loss jumps when phase 2 begins | is the rate the head's? is batch normalization awake? |
# | `fit` and `evaluate` disagree on the same pictures | is batch normalization awake? |
# | the end is worse than phase 1; epochs are missing | what did the second `fit` know of the first? |
# | phase 2 looks like phase 1 | was it compiled again? |
# | a list of weights is empty; all of it trains | which flags did the loop find? |
# | all scores alike | who scales the pictures, and how often? |
# | validation nearly perfect | what is on both sides of the split? |
# | validation loss rises | which task was asked? |
#
# Keep the weights from before: **interpolation** undoes much of what was forgotten.
#
# **Next:** lesson 03c, for the curious, weighs the evidence for what is said of
# fine-tuning. Lesson 04 goes to the hospital: few labels, many patients, and a
# scanner that changes.
