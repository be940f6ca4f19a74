# %% [markdown]
# # Fine-tune: let the backbone learn, without spoiling it
#
# - **Do:** fine-tune ImageNet's network on solar cells, find out when a changed
#   flag counts, give each part a learning rate of its own, and measure what is
#   forgotten.
# - **Learn:** the recipe (head first, new compile, lower rate, batch
#   normalization kept), how to look for a rate, how much to unfreeze, and when
#   not to fine-tune.
# - **Need:** lesson 02. About 50 minutes.
#
# **From lesson 02.** You want fresh random flips in every epoch, and features
# that are computed only once. Why can you not just cache the features?
#
# <details><summary>Answer</summary>
#
# The cache keeps the features of the flips that were drawn first. Store several
# versions of each picture instead.
#
# </details>

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
from sklearn.metrics import roc_auc_score

from course_utils import backbones, notebook, pictures, transfer
from course_utils.evaluation import experiments, plot_learning_rates
from course_utils.machine import data_dir
from course_utils.pictures import load_dataset
from course_utils.transfer import find_learning_rate

# %% [markdown]
# ## Watch a network adapt
#
# A head on a frozen backbone can only weigh what the backbone computes.
# **Fine-tuning** goes on training the backbone's own weights on the new task.
# We take 400 labelled solar cells (CC BY-NC-SA), and 150 cells of other modules
# to watch.

# %%
table = pictures.load_solar_cells()
parts = {}
for name, count in {"train": 400, "validation": 150, "test": None}.items():
    cells = table[table["split"] == name]
    cells = cells.sample(count, random_state=0) if count else cells
    parts[name] = pictures.from_table(cells, image_size=(160, 160))
train, validation, test = parts.values()
test_labels = np.concatenate([y for _, y in test])
base_model = backbones.load_backbone(
    "efficientnet_lite0", input_shape=(160, 160, 3)
)
pool = keras.layers.GlobalAveragePooling2D()
head = keras.layers.Dense(1, activation="sigmoid")
model = keras.Sequential([base_model, pool, head])


def compile_for(model, rate):
    auc = keras.metrics.AUC(name="auc")
    adam = keras.optimizers.Adam(learning_rate=rate)
    model.compile(adam, loss="binary_crossentropy", metrics=[auc])


# %% [markdown]
# First we train the head on the frozen backbone, then the head and everything
# from block 6 on, at a tenth of the rate; `unfreeze` leaves batch normalization
# frozen. `cached_fit` computes the frozen part once, in phase 2 once per
# *view*: one of three passes over freshly flipped pictures.
#
# **Predict:** will the validation curve rise above where the head left it?

# %%
live = notebook.LiveTraining("auc")
options = {"validation_data": validation, "verbose": 0, "callbacks": [live]}
base_model.trainable = False
compile_for(model, 1e-3)
live.begin_phase("head")
transfer.cached_fit(model, train, epochs=10, **options)
head_scores = model.predict(test, verbose=0)[:, 0]

transfer.unfreeze(base_model, from_layer="block6")
compile_for(model, 1e-4)
flip = keras.layers.RandomFlip(seed=0)
flipped = train.map(lambda x, y: (flip(x, training=True), y))
live.begin_phase("fine-tuning")
options |= {"initial_epoch": 10, "epochs": 14}
transfer.cached_fit(model, flipped, views=3, **options)
tuned_scores = model.predict(test, verbose=0)[:, 0]

# %% [markdown]
# *The figure shows the AUC over the epochs, first of the head alone, then of
# everything from block 6 on.* Now the test modules, next to the same training
# on other draws of modules and labels (`python -m
# benchmarks.fine_tuning_opening`).

# %%
auc = [roc_auc_score(test_labels, s) for s in (head_scores, tuned_scores)]
draws = pd.read_csv(data_dir() / "experiments" / "opening.csv")
gains = draws["fine_tuned"] - draws["head"]
figure, ax = plt.subplots(figsize=(6, 2.4), layout="tight")
ax.plot(draws["head"], gains, "o", label="other draws")
ax.plot(auc[0], auc[1] - auc[0], "k*", ms=14, label="yours")
ax.axhline(0, color="black", lw=0.8)
ax.set(xlabel="AUC of the head alone", ylabel="gain by fine-tuning")
ax.legend()
print(f"Yours: {auc[0]:.3f} -> {auc[1]:.3f} on the test modules.")
print(f"Other draws: {sum(gains > 0)} of {len(gains)} gained.")
print(f"Mean gain {gains.mean():+.3f}, from {gains.min():+.3f} to", end=" ")
print(f"{gains.max():+.3f}.")

# %% [markdown]
# *The figure shows, for each draw, what phase 2 added to the AUC on new
# modules, against the AUC of the head alone.*
#
# **Interpret.** One curve is an anecdote; the cloud is what you may expect.
# Phase 2 brought unfrozen blocks, flips and four more epochs at once, so a gain
# may come from any of them. New modules differ more than methods do, and a
# handful of validation modules may point the wrong way. So: fine-tune, compare
# with the head on groups that are new to both, and repeat it before you promise
# a gain.
#
# The loss fits the question: one unit, `sigmoid`, and `binary_crossentropy` for
# yes or no. For more classes it is one unit per class, `softmax`, and
# `categorical_crossentropy` with one-hot labels (or `sparse_` with integers).
# With two classes both are equivalent: the softmax of two numbers is the
# sigmoid of their difference.
#
# ## When does a flag count?
#
# After `trainable` is changed, the model must be compiled again. What happens
# if it is not? A tiny network with random weights will do: we only ask *which
# weights move*.


# %%
noise = np.random.uniform(0, 255, (48, 32, 32, 3)), np.arange(48) % 2


def tiny_model(trainable, norm_trainable=True):
    conv, norm = keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()
    base = keras.Sequential([keras.Input((32, 32, 3)), conv, norm])
    base.trainable = trainable
    norm.trainable = trainable and norm_trainable
    inputs = keras.Input((32, 32, 3))
    x = pool(base(inputs, training=False))
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(x))
    model.compile(keras.optimizers.SGD(1e-4), "binary_crossentropy")
    return base, model


def fit_and_see(part, model, batch_size=16):
    before = part.get_weights()
    model.fit(*noise, batch_size, verbose=0)
    moved = zip(part.weights, before, strict=True)
    return [w.path for w, old in moved if not np.array_equal(w, old)]


# %% [markdown]
# We change the flag of the base in six situations, each in both directions. The
# second, for instance: `fit` with a frozen base, set `base.trainable = True`,
# `fit` again. Does training follow the new flag, or the old one?


# %%
def what_counts(situation, flag):
    base, model = tiny_model(trainable=not flag)
    if situation != "compiled, not fitted yet":
        fit_and_see(base, model)
    base.trainable = flag
    if situation == "compiled again, old optimizer":
        model.compile(model.optimizer, "binary_crossentropy")
    if situation == "compiled again, new optimizer":
        model.compile(keras.optimizers.SGD(1e-4), "binary_crossentropy")
    if situation == "recompile, the helper":
        transfer.recompile(model)
    try:
        names = fit_and_see(base, model, 12 if "other" in situation else 16)
    except (ValueError, NotImplementedError):
        return "an error"
    moved = any("kernel" in name for name in names)
    return "the new flag" if moved == flag else "THE OLD FLAG"


# %% [markdown]
# **Predict** the twelve fields. *Unfreezing* begins with a frozen base,
# *freezing* with a trainable one; other batches have 12 pictures instead of 16.

# %%
tf.get_logger().setLevel("ERROR")  # Many small models are traced on purpose.
situations = [
    "compiled, not fitted yet",
    "fitted, same batches",
    "fitted, other batches",
    "compiled again, old optimizer",
    "compiled again, new optimizer",
    "recompile, the helper",
]
flags = pd.DataFrame(index=situations)
for way, flag in {"unfreezing": True, "freezing": False}.items():
    flags[way] = [what_counts(situation, flag) for situation in situations]
ignored = np.all(flags.iloc[1] == "THE OLD FLAG")
counted = np.all(flags.iloc[[0, 4, 5]] == "the new flag")
course.claim(ignored, "with the same batches, a changed flag is ignored.")
course.claim(counted, "before any fit, or with a new optimizer, it counts.")
flags

# %% [markdown]
# **Interpret.** Keras on TensorFlow reads the flags when it builds the training
# step, in the first `fit`, not in `compile`, and runs that step from then on.
# (With PyTorch behind Keras, each step reads them anew.) `compile` makes it build
# a new step; another batch shape may, as here. Freezing then counts; unfreezing is
# an error, unless the optimizer is new. So: **change flags, compile with a
# new optimizer, fit.** The helper `recompile` carries loss, metrics and settings
# over.
#
# **Exercise ft-01.** A colleague trained a head, unfroze the base, and wonders
# why nothing gets better. Repair `their_model` (this one, not a new one), and
# train it for one epoch on `noise` inside
# `with course.watch(their_model) as my_evidence:`, so that the base moves.

# %% tags=["exercise"]
# exercise: ft-01
their_base, their_model = tiny_model(trainable=False)
their_model.fit(*noise, verbose=0)
their_base.trainable = True
my_evidence = ...
### BEGIN SOLUTION
transfer.recompile(their_model)
with course.watch(their_model) as my_evidence:
    their_model.fit(*noise, verbose=0)
### END SOLUTION

# %% [markdown]
# The check goes by what moved.

# %% tags=["check"]
course.exercise("ft-01").check(my_evidence, their_model, their_base)

# %% [markdown]
# ## Batch normalization wakes up
#
# In a frozen backbone, batch normalization works in inference mode (lesson 02).
# Unfreeze it, and it normalizes with small batches, while its statistics drift.
# The usual advice, in TensorFlow's tutorial and in the guide of Keras, is to call
# the backbone with `training=False`. `tiny_model` does so. **Predict:** how many of
# the two statistics move under `fit`, with the layer's own flag True, and False?

# %%
drifted = {}
for flag in (True, False):
    names = fit_and_see(*tiny_model(True, norm_trainable=flag))
    drifted[flag] = sum("moving_" in name for name in names)
    print(f"its own flag {flag!s:<5} {drifted[flag]} statistics moved")
course.claim(drifted == {True: 2, False: 0}, "only the layer's flag holds.")

# %% [markdown]
# **Interpret.** In a functional model of Keras 3, `fit` runs all layers in
# training mode, and that wins over the value at the call
# (keras-team/keras#20285). So: set the flag of *each* batch normalization layer
# to False, or let `unfreeze` do it. Dropout inside a backbone is switched off
# by `layer.rate = 0`, before the step is built.
#
# ## Two phases by hand, and what is forgotten
#
# A random head's gradients are badly aimed, so the head is trained first,
# until its validation loss stops falling; then both, gently. A head stopped too early flatters fine-tuning. By hand we do it in the
# *laboratory*, on drawn shapes with a small backbone pretrained on drawn
# scenes: there the **source task's** own test pictures and heads measure
# forgetting. Phase 1, here of fixed length:

# %%
near, source = load_dataset("near"), load_dataset("source").test.shard(2, 0)
sets = (near.train.unbatch().batch(96), near.validation.unbatch().batch(600))
arrays = [next(part.as_numpy_iterator()) for part in sets]
shapes, held_out = ((x, keras.utils.to_categorical(y, 6)) for x, y in arrays)
lab_base = backbones.load_backbone("residual")
lab_base.trainable = False
lab_head = keras.layers.Dense(6, activation="softmax", name="head")
lab_model = keras.Sequential([lab_base, pool, lab_head])
loss = "categorical_crossentropy"
lab_model.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
quiet = {"validation_data": held_out, "verbose": 0}
history = lab_model.fit(*shapes, epochs=20, **quiet)


def old_task(base_model):
    model = backbones.with_old_heads(base_model, "residual")
    return np.mean([*backbones.source_accuracy(model, source).values()])


print(f"Source task, before: {(source_before := old_task(lab_base)):.3f}")

# %% [markdown]
# **Predict.** After fine-tuning at a tenth of the head's rate, what share of
# its old questions will the backbone still answer correctly?

# %% tags=["exercise"]
after_head = lab_model.get_weights()  # The range test begins there, too.
quiz = course.quiz("03")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.83
### END SOLUTION
quiz.answer("q1", my_guess)

# %% [markdown]
# **Phase 2.** Unfreeze by hand, batch normalization excepted; compile with a new
# optimizer and a lower rate; count epochs on from where phase 1 really ended.

# %%
lab_base.trainable = True
for layer in lab_base.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False
lab_model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
done = len(history.epoch)
tuning = lab_model.fit(*shapes, initial_epoch=done, epochs=done + 10, **quiet)

# %% [markdown]
# In the laboratory, the old heads tell what is left. ImageNet's test pictures
# are not at hand, but its 1000-class head can be put back on the network that
# you fine-tuned at the start: does it still say of photographs what it said
# before? (Crops of two photographs only illustrate it.)

# %%
for name in ("loss", "val_loss", "val_accuracy"):
    before, after = history.history[name][-1], tuning.history[name][-1]
    print(f"{name:<13} {before:.3f} -> {after:.3f}")
source_after = old_task(lab_base)
print(f"source task   {source_before:.3f} -> {source_after:.3f}")
quiz.outcome("q1", source_after)
photographs = pictures.sample_photographs().values()
crops = [p[:, x : x + 427] for p in photographs for x in range(0, 214, 20)]
views = tf.image.resize(np.stack(crops), (160, 160), antialias=True)
classifier = backbones.load_backbone(
    "efficientnet_lite0", include_top=True, input_shape=(160, 160, 3)
)
named = [classifier.predict(views, verbose=0).argmax(axis=1)]
for layer in base_model.layers:
    classifier.get_layer(layer.name).set_weights(layer.get_weights())
named.append(classifier.predict(views, verbose=0).argmax(axis=1))
agreement = np.mean(named[0] == named[1])
print(f"Agrees with its former self on {agreement:.0%} of {len(views)} crops.")

# %% [markdown]
# **Interpret.** The validation loss may rise while the accuracy rises: the loss
# penalizes confident mistakes. Neither shows forgetting: both ask about the new
# task, while the old one fades: **forgetting**, *catastrophic* where nearly all
# is lost (McCloskey and Cohen 1989). On pictures like these it need not hurt
# the new task; on others it can (Kumar et al. 2022). So: if you still need the
# old task, keep a copy, and measure.
#
# ## Which learning rate?
#
# A **range test** (after Smith 2017, in its short form) trains for a few dozen
# batches, each at a higher rate than the one before. By hand it is a loop: set
# `optimizer.learning_rate`, call `train_on_batch`, note the loss.
# `find_learning_rate` does it to a copy. It finds, cheaply, where training
# breaks down, not which rate is best on new pictures.
#
# The slow way is to try. We did, on the real network
# (`python -m benchmarks.real_ground learning_rate`): all layers, 400 labels,
# new modules. **Predict:** which falls first as the rate rises, the AUC or the
# agreement of the 1000-class head?

# %%
lab_model.set_weights(after_head)
limits = {"lowest": 1e-5, "highest": 1.0, "steps": 60}
found = find_learning_rate(lab_model, shapes, **limits)
plot_learning_rates(found).set_yscale("log")
experiments.show("learning_rate")
plt.show()

# %% [markdown]
# *The figure above shows the loss of the range test in the laboratory. The one
# below shows, over the learning rate on the real network, the AUC on new
# modules, the agreement of the old head with its former self on seven
# photographs, and the AUC of the frozen network: means and 95 % intervals over
# seeds.*
#
# **Interpret.** At `1e-3`, the rate that suits a new head, the network
# collapses to far below the frozen one. Ten to a hundred times lower it does
# not; which of these rates is best, and whether any beats the frozen network
# with so few labels, these draws cannot tell. The agreement falls each time the
# rate rises. So: begin ten times below the head's rate, and go lower if the old
# task matters.
#
# In the laboratory the head learns at `1e-2`. With all layers unfrozen, the
# network collapses at that rate and does well at its tenth, `1e-3`, which ruins
# the real one. Check it with the sliders.

# %%
course.explore("near")

# %% [markdown]
# **Exercise ft-07.** A customer still uses the thousand names. Of the rates
# whose `agreement` is at least `least_agreement`, on average over the seeds,
# choose the one with the highest mean `validation_auc` as `my_rate`. Then say
# what it brought on the test modules: `my_gains`, its `auc` minus that of the
# frozen network, one number per seed.

# %% tags=["exercise"]
# exercise: ft-07
least_agreement = 0.8
folder = data_dir() / "experiments"
rows = pd.read_csv(folder / "real_learning_rate.csv").sort_values("seed")
my_rate = ...
my_gains = ...
### BEGIN SOLUTION
tuned = rows[rows["method"] == "fine-tuned"]
means = tuned.groupby("rate")[["agreement", "validation_auc"]].mean()
allowed = means[means["agreement"] >= least_agreement]
my_rate = allowed["validation_auc"].idxmax()
chosen = tuned[tuned["rate"] == my_rate].set_index("seed")["auc"]
frozen = rows[rows["method"] == "frozen"].set_index("seed")["auc"]
my_gains = (chosen - frozen).to_numpy()
### END SOLUTION

# %% [markdown]
# Look at the signs.

# %% tags=["check"]
course.exercise("ft-07").check(my_rate, my_gains, rows, least_agreement)

# %% [markdown]
# ## A rate for each part
#
# A new head wants large steps, a pretrained backbone small ones:
# **discriminative**, or layer-wise, learning rates (Howard and Ruder 2018).
# The course's runs found no gain from them (`the-head-keeps-its-rate`). By hand:
# one gradient, and an optimizer for each part, made once.


# %%
def one_step(groups):
    with tf.GradientTape() as tape:
        said = lab_model(shapes[0][:32], training=True)
        losses = keras.losses.categorical_crossentropy(shapes[1][:32], said)
        mean_loss = tf.reduce_mean(losses)
    gradients = tape.gradient(mean_loss, groups)
    for rate, weights in groups.items():
        before = [w.numpy() for w in weights]
        keras.optimizers.Adam(rate).apply(gradients[rate], weights)
        pairs = zip(weights, before, strict=True)
        largest = max(np.abs(w.numpy() - old).max() for w, old in pairs)
        print(f"rate {rate:g}: largest step {largest:.1e}")


backbone_weights = lab_base.trainable_variables
one_step({1e-3: lab_head.trainable_variables, 1e-4: backbone_weights})

# %% [markdown]
# In its first step Adam moves a weight by at most its rate, so the largest step
# shows each part's rate. From Keras `3.15` on, `keras.optimizers` has this:
#
# ```python
# rates = OptimizerMap(Adam(1e-4), {"(.*/)?head/.*": Adam(1e-3)})
# model.compile(MultiOptimizer(rates), loss)
# ```
#
# A key must match the *whole* `w.path`: `"head"` finds nothing, silently.
#
# **Exercise ft-06.** Give `lab_model` three rates: `1e-3` for the head, `1e-4` for
# the layers of `lab_base` whose names begin with `stage4`, `1e-5` for its other
# trainable weights. Take exactly *one* step of Adam on the first 32 shapes, inside
# `with course.watch(lab_model) as my_steps:`.

# %% tags=["exercise"]
# exercise: ft-06
my_steps = ...
### BEGIN SOLUTION
groups = {1e-3: lab_head.trainable_variables, 1e-4: [], 1e-5: []}
for layer in lab_base.layers:
    rate = 1e-4 if layer.name.startswith("stage4") else 1e-5
    groups[rate] += layer.trainable_variables
with course.watch(lab_model) as my_steps:
    one_step(groups)
### END SOLUTION

# %% [markdown]
# The check measures how far each weight has moved.

# %% tags=["check"]
course.exercise("ft-06").check(my_steps, lab_model, lab_base)

# %% [markdown]
# ## How much to unfreeze?
#
# Layers differ widely in what they hold, so "the last twenty layers" says
# nothing across architectures: go by block. **Predict:** what does each further
# block gain, and what does it cost? (`python -m benchmarks.real_ground depth`.)

# %%
experiments.show("depth", gain=True)
cost = pd.read_csv(data_dir() / "experiments" / "depth_cost.csv")
cost[cost["before"] == "each step"].iloc[:, [0, 2, 3, 5]].round(2)

# %% [markdown]
# *The figure shows the AUC on new modules, minus that of the head alone, by
# what is trained, each depth at a rate of its own: means and 95 % intervals
# over seeds. The table shows parameters, seconds per step of sixteen pictures,
# and extra memory in megabytes.*
#
# **Interpret.** No depth can be distinguished from the head alone with so few
# labels: unfreezing all is not shown to be risky, nor the last blocks to be
# better. Batch normalization left awake did harm here; other seeds could not
# confirm it (`docs/ledger.md`). The cost is plain: backward passes go as far
# as you unfreeze, over ever larger grids. So: begin with the last blocks, and go
# deeper where new groups gain. By hand: set `base_model.trainable = True`, then False for each
# layer before the cut and each batch normalization. (In a base that says False,
# layers that say True still train.) Large networks are usually tuned as a whole (MAE,
# ConvNeXt), often with a rate that falls towards the input.
#
# Augmentation, dropout before the head and early stopping are the usual
# remedies for overfitting; the last page has all three. Compare with and
# without. `two_phase_fit` is the whole recipe, and keeps the best weights of
# *both* phases: plain early stopping forgets phase 1.
#
# ```python
# transfer.two_phase_fit(
#     model, base_model, train, validation, head_epochs=20, fine_tune_epochs=10,
#     from_layer="block6", monitor="val_auc",
# )
# ```
#
# ## When not to fine-tune
#
# - **Before the head alone has been tried.** It is cheap, and the number to
#   beat. Fine-tuning won on almost all of twelve data sets (Kornblith et al.
#   2019); with few labels, not in every draw.
# - **When you cannot tell whether it helped:** too few groups to validate on.
# - **When the old task is still needed,** or one backbone serves many tasks.
#
# ## From a blank page
#
# **Exercise ft-08.** Fine-tune `backbones.load_backbone("residual")` on the metal of
# `load_dataset("defects").train.take(2)` as the recipe says: train a `Dense` head alone
# inside `with course.watch(my_model) as my_head_evidence:`, then the head and the
# convolutions of the backbone, batch normalization kept, at a rate at most a tenth
# of the first, inside `with course.watch(my_model) as my_tuning_evidence:`.

# %% tags=["exercise"]
# exercise: ft-08
my_head_evidence = ...
my_tuning_evidence = ...
### BEGIN SOLUTION
metal = load_dataset("defects")
few = metal.train.take(2)
my_base = backbones.load_backbone("residual")
my_head = keras.layers.Dense(len(metal.class_names), activation="softmax")
my_model = keras.Sequential([my_base, pool, my_head])
transfer.freeze(my_base)
metal_loss = "sparse_categorical_crossentropy"
my_model.compile(keras.optimizers.Adam(1e-2), metal_loss)
with course.watch(my_model) as my_head_evidence:
    my_model.fit(few, epochs=5, verbose=0)
transfer.unfreeze(my_base)
transfer.recompile(my_model, learning_rate=1e-3)
with course.watch(my_model) as my_tuning_evidence:
    my_model.fit(few, epochs=2, verbose=0)
### END SOLUTION

# %% [markdown]
# The check reads the evidence.

# %% tags=["check"]
course.exercise("ft-08").check(my_head_evidence, my_tuning_evidence)

# %% [markdown]
# ## Questions

# %%
print(
    f"Concluded: on the test modules fine-tuning took the AUC from {auc[0]:.2f} "
    f"to {auc[1]:.2f}; of {len(gains)} other draws, {sum(gains > 0)} gained. "
    f"In the laboratory, the source task fell from {source_before:.2f} to "
    f"{source_after:.2f}."
)
quiz

# %% [markdown]
# ## One page without the course
#
# For your own project: a folder of pictures for each class in `pictures/train`
# and `pictures/validation`, and plain Keras. It unfreezes all layers and tries
# one rate only, a cautious hundredth of the head's. The same page is
# `docs/recipe.md`.
#
# ```python
# import keras
#
# size, batch = (224, 224), 32
# folder = keras.utils.image_dataset_from_directory
# options = {"image_size": size, "batch_size": batch, "label_mode": "categorical"}
# train = folder("pictures/train", seed=0, **options)
# validation = folder("pictures/validation", shuffle=False, **options)
# num_classes = len(train.class_names)
#
# # This family takes pixels from 0 to 255; others need their preprocess_input.
# base_model = keras.applications.EfficientNetV2B0(
#     include_top=False, weights="imagenet", input_shape=(*size, 3)
# )
# inputs = keras.Input((*size, 3))
# x = keras.layers.RandomFlip("horizontal")(inputs)
# x = base_model(x)
# x = keras.layers.GlobalAveragePooling2D()(x)
# x = keras.layers.Dropout(0.2)(x)
# outputs = keras.layers.Dense(num_classes, activation="softmax")(x)
# model = keras.Model(inputs, outputs)
#
#
# def compile_and_fit(learning_rate, first_epoch=0):
#     # A new optimizer: it must know all that trains.
#     model.compile(
#         keras.optimizers.Adam(learning_rate),
#         loss="categorical_crossentropy",
#         metrics=["accuracy"],
#     )
#     stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
#     # Patience ends a phase, not this limit.
#     return model.fit(
#         train,
#         validation_data=validation,
#         initial_epoch=first_epoch,
#         epochs=first_epoch + 100,
#         callbacks=[stop],
#     )
#
#
# # Phase 1: the head alone.
# base_model.trainable = False
# head = compile_and_fit(1e-3)
# head_loss, head_accuracy = model.evaluate(validation)
# head_weights = model.get_weights()
#
# # Phase 2: the backbone with it, batch normalization as it was.
# base_model.trainable = True
# for layer in base_model.layers:
#     if isinstance(layer, keras.layers.BatchNormalization):
#         layer.trainable = False
# done = len(head.epoch)
# compile_and_fit(1e-5, first_epoch=done)
# tuned_loss, tuned_accuracy = model.evaluate(validation)
# if tuned_loss > head_loss:
#     model.set_weights(head_weights)  # fine-tuning has not helped
# model.save("fine_tuned.keras")
# ```

# %% [markdown]
# ## Take away
#
# - **Flags, compile with a new optimizer, fit**, in this order. Prove it by
#   weights.
# - In a functional model `training=False` does not freeze batch normalization
#   under `fit`. **The flag of each layer does.**
# - **Head first, then the backbone** at a tenth of the rate or less; rates may
#   differ by part.
# - Fine-tuning **forgets**, and more at a higher rate.
# - A gain is a claim about *new groups*: repeat before you promise.
#
# **Next:** lesson 03b is a case file of trainings that went wrong; 03c weighs
# the evidence.
