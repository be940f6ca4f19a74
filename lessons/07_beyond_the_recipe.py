# %% [markdown]
# # Go beyond the recipe: what to reach for, and what it brings
#
# - **Do:** bring a forgotten task back without training, train a network through
#   adapters, see what MixUp and CutMix show it, and weigh seventeen changes of
#   the recipe by gain and cost.
# - **Learn:** weight interpolation, soups and moving averages, LoRA, strong
#   augmentation, losses and rates beyond the defaults, and when each is worth it.
# - **Need:** lessons 03 and 03b. About 50 minutes.
#
# **From lesson 03b.** A fine-tuned network has forgotten its old task, and you
# have kept the weights from before. What can you do without any training?
#
# <details><summary>Answer</summary>
#
# Take a point on the line between the weights from before and after.
#
# </details>

# %% [markdown]
# ## Set up

# %%
from course_utils import course

course.begin("07")

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from course_utils import backbones, pictures, transfer
from course_utils.evaluation import BLUE, experiments, plot_images
from course_utils.machine import data_dir

quiz = course.quiz("07")

# %% [markdown]
# ## Fine-tuned away, and brought back
#
# One network, two heads: ImageNet's thousand classes stay on it, and a new head
# will find broken solar cells (CC BY-NC-SA, as in lesson 00). Everything before
# block 5 is frozen. `upper` trains, with the new head; `classifier` shares
# `upper`, so it changes, too. `views` are crops of two photographs, and
# `former` is what the old head says of them now.

# %%
classifier = backbones.load_backbone(
    "efficientnet_lite0", include_top=True, input_shape=(160, 160, 3)
)
middle = classifier.get_layer("block4c_add").output
last = classifier.get_layer("top_activation").output
lower = keras.Model(classifier.input, middle)
upper = keras.Model(middle, last)
for layer in transfer.batch_norms(upper):
    layer.trainable = False
photographs = pictures.sample_photographs().values()
crops = [p[:, x : x + 427] for p in photographs for x in range(0, 214, 20)]
views = tf.image.resize(np.stack(crops), (160, 160), antialias=True).numpy()
former = classifier.predict(views, verbose=0)

# %% [markdown]
# The frozen part is computed once: for 400 labelled cells, plain and mirrored,
# and for cells of other modules. Logistic regression makes the first head.

# %%
table = pictures.load_solar_cells()
grids, labels = {}, {}
for name, count in {"train": 400, "validation": 150, "test": 400}.items():
    cells = table[table["split"] == name].sample(count, random_state=0)
    cells = pictures.from_table(cells, image_size=(160, 160))
    grids[name], labels[name] = transfer.extract_features(lower, cells)
    if name == "train":
        mirrored = cells.map(lambda x, y: (x[:, :, ::-1], y))
        grids["mirrored"], _ = transfer.extract_features(lower, mirrored)
        few = next(cells.unbatch().batch(64).as_numpy_iterator())
features = upper.predict(grids["train"], verbose=0).mean(axis=(1, 2))
probe = LogisticRegression(C=0.03, max_iter=2000)
probe.fit(features, labels["train"])
head = keras.layers.Dense(1, activation="sigmoid")
pool = keras.layers.GlobalAveragePooling2D()
model = keras.Sequential([upper, pool, head])
head.set_weights([probe.coef_.T, probe.intercept_])
before = model.get_weights()

# %% [markdown]
# Lesson 03's recipe, in short: three epochs with random mirroring, Adam at a
# tenth of a head's rate, batch normalization in inference mode. **Predict:**
# what will the old head call a flower afterwards?


# %%
def fine_tune(model, seed, epochs=3, rate=1e-4):
    keras.utils.set_random_seed(seed)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
    for _ in range(epochs):
        mirror = np.random.rand(400, 1, 1, 1) < 0.5
        some = np.where(mirror, grids["mirrored"], grids["train"])
        model.fit(some, labels["train"], batch_size=16, verbose=0)
    return model.get_weights()


after = fine_tune(model, seed=0)
flower = views[-1:]
ways = {"before": 0, "after": 1, "halfway back": 0.5, "most of the way": 0.25}
for name, share in ways.items():
    pairs = zip(before, after, strict=True)
    model.set_weights([(1 - share) * b + share * a for b, a in pairs])
    said = backbones.top_classes(classifier.predict(flower, verbose=0))
    print(f"{name:<15} {said[0]}")
_ = plot_images(flower, [0], ["the flower"])

# %% [markdown]
# *The figure shows the flower that was asked about; above it are its five
# likeliest classes before and after fine-tuning, and at two points on the way
# back. ImageNet has no dahlia; daisy comes nearest.*
#
# **Interpret.** The way back took no training: each weight was put between two
# values that we had kept. So: never throw away the weights from before.
#
# ## Along the line, and off it
#
# One flower is an anecdote. We walk the whole line (**WiSE-FT**, Wortsman et
# al. 2022a) and measure both tasks: the new one by the AUC on new modules, the
# old one by **agreement**, the share of crops that keep their former first
# class. `interpolate_weights` does what you have just read.
#
# A **soup** (Wortsman et al. 2022b) is the mean of the weights of several runs
# from the same start. It needs two more runs. Only the order of the cells
# differs, and which are mirrored:

# %%
runs = [after]
for seed in (1, 2):
    model.set_weights(before)
    runs.append(fine_tune(model, seed))

# %% [markdown]
# **Exercise be-01.** Make `my_soup` from `runs` by hand: a list of arrays, each
# the mean over the runs.

# %% tags=["exercise"]
# exercise: be-01
my_soup = ...
### BEGIN SOLUTION
my_soup = [np.mean(arrays, axis=0) for arrays in zip(*runs, strict=True)]
### END SOLUTION

# %% [markdown]
# The check compares it array by array.

# %% tags=["check"]
course.exercise("be-01").check(my_soup, runs)

# %% [markdown]
# The helper is `average_weights`. **Predict:** how far apart are the AUCs of
# the three runs on new modules, and where will the soup lie?


# %%
def look(weights, part="test"):
    model.set_weights(weights)
    scores = model.predict(grids[part], verbose=0)[:, 0]
    now = classifier.predict(views, verbose=0).argmax(axis=1)
    agreement = np.mean(now == former.argmax(axis=1))
    return agreement, roc_auc_score(labels[part], scores)


ways = [transfer.interpolate_weights(before, after, k / 5) for k in range(6)]
line, others = ([look(one) for one in some] for some in (ways, runs[1:]))
figure, ax = plt.subplots(figsize=(6, 3.6))
ax.plot(*np.transpose(line), "o-", color=BLUE, label="from before to after")
ax.plot(*np.transpose(others), "k^", ls="", label="two other runs")
soup = look(transfer.average_weights(runs))
ax.plot(*soup, "ks", ms=10, label="soup of three")
ax.set(xlabel="agreement with its former self", ylabel="AUC on new modules")
_ = ax.legend()

# %% [markdown]
# *The figure shows the AUC on new modules against the agreement of the old head
# with its former self: along the line from before, on the right, to after; for
# two other runs; and for the soup of all three.*
#
# **Interpret.** On the way back the old task returns, and the new one need not suffer.
# The three runs lie apart by chance alone: any change of the recipe has to show above
# that noise. Averaging can work because all runs began at one point and stayed near it
# (Neyshabur et al. 2020); after a high rate, or with new heads, nothing promises that.
# So: if the old task matters, interpolate, and choose the share on validation pictures; if you have several runs, try their soup.
#
# ## A moving average
#
# A soup from a single run: an **exponential moving average** (**EMA**) of the
# weights. Each step keeps a share of the average so far and takes the rest from
# the present weights. In Keras it is `Adam(use_ema=True, ema_momentum=0.99)`.
# The model gets the average at the end of `fit`; until then, validation judges
# the weights themselves. `EarlyStopping(restore_best_weights=True)` puts these back,
# over the average, unless `SwapEMAWeights(swap_on_epoch=True)` stands before it.
#
# **Exercise be-02.** The first row of `steps` is a head's kernel before any
# step; each further row is the kernel after one. Start the average at the first
# row, keep a share of `0.9` in each step, and make `my_average`, the list of
# the averages *after* each step.

# %% tags=["exercise"]
# exercise: be-02
loose = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
loose.build((None, 1280))
loose.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
steps = [loose.get_weights()[0][:, 0]]
for start in range(0, 400, 16):
    some = slice(start, start + 16)
    loose.train_on_batch(features[some], labels["train"][some])
    steps.append(loose.get_weights()[0][:, 0])
my_average = ...
### BEGIN SOLUTION
average, my_average = steps[0], []
for weights in steps[1:]:
    average = 0.9 * average + 0.1 * weights
    my_average.append(average)
### END SOLUTION

# %% [markdown]
# The check averages along.

# %% tags=["check"]
course.exercise("be-02").check(my_average, steps)

# %% [markdown]
# **Interpret.** An average lags behind, and smooths the zigzag of the steps. So: where
# validation jumps from epoch to epoch, keep an average.
#
# ## Adapters: LoRA
#
# A 1x1 convolution multiplies the features at each point by a matrix, of `c`
# rows for its inputs and `k` columns for its outputs. **Low-rank adaptation**
# (**LoRA**, Hu et al. 2021) freezes the matrix and adds the product of two thin
# ones, `c x r` and `r x k`, of a small **rank** `r`. Only these train. By hand:

# %%
kernel = upper.get_layer("block7a_expand_conv").get_weights()[0][0, 0]
rng, (c, k) = np.random.default_rng(0), kernel.shape
x, a, b = (rng.normal(size=size) for size in [(5, c), (c, 8), (8, k)])
merged = np.allclose(x @ kernel + x @ a @ b, x @ (kernel + a @ b))
print(f"{kernel.size:,} numbers, and {a.size + b.size:,} in the thin ones")
course.claim(merged, "the product can be added to the kernel.")

# %% [markdown]
# One of the two begins at zero, so training starts where the network was.
# Afterwards the product is added to the matrix: once **merged**, an adapter
# costs nothing in use. `enable_lora` puts adapters on `Dense` and `Conv2D`
# layers, not on depthwise convolutions. **Predict:** what share of the weights
# of `upper` and the head will train?


# %%
def with_adapters(rank):
    copy = keras.models.clone_model(upper)
    copy.set_weights(before[:-2])
    for layer in copy.layers:
        if getattr(layer, "kernel_size", None) == (1, 1):
            layer.enable_lora(rank)
        else:
            layer.trainable = False
    new_head = keras.layers.Dense(1, activation="sigmoid")
    adapted = keras.Sequential([copy, pool, new_head])
    new_head.set_weights(before[-2:])
    return adapted


keras.utils.set_random_seed(0)
adapted = with_adapters(rank=8)
_ = fine_tune(adapted, seed=0, rate=1e-3)
trained = sum(w.numpy().size for w in adapted.trainable_weights)
print(f"{trained:,} of {model.count_params():,} parameters were trained.")

# %% [markdown]
# The rate is ten times that of full fine-tuning, as advised.
#
# **Exercise be-03.** Merge them. Make `my_merged`, a list of arrays for
# `model.set_weights`: those of `before`, with the product of the thin arrays
# added to each 1x1 kernel, and with the trained head. Layers in
# `adapted.layers[0]` have the names of their twins in `upper`; those with an
# adapter have `lora_enabled`, `lora_kernel_a` and `lora_kernel_b`. (The product is
# scaled by `lora_alpha / lora_rank`, here one.)

# %% tags=["exercise"]
# exercise: be-03
my_merged = ...
### BEGIN SOLUTION
model.set_weights(before)
for layer in adapted.layers[0].layers:
    if getattr(layer, "lora_enabled", False):
        twin = upper.get_layer(layer.name)
        thin = layer.lora_kernel_a.numpy() @ layer.lora_kernel_b.numpy()
        frozen_kernel, *rest = twin.get_weights()
        twin.set_weights([frozen_kernel + thin, *rest])
head.set_weights(adapted.layers[-1].get_weights())
my_merged = model.get_weights()
### END SOLUTION

# %% [markdown]
# The check asks both networks about the validation cells.

# %% tags=["check"]
course.exercise("be-03").check(my_merged, model, adapted, grids["validation"])

# %% [markdown]
# **Interpret.** A low rank is a leash: the network can leave its old weights
# only in a few directions. Language models learned less with LoRA, and forgot
# less (Biderman et al. 2024). LoRA saves memory in the optimizer, since Adam
# keeps two numbers for each weight that trains. It saves less time, since
# gradients still run back through everything. So: use adapters where one big
# network serves many tasks, with a small file for each.
#
# ## What the network sees
#
# A mirrored cell keeps its label. **RandAugment** (Cubuk et al. 2020) draws
# from a list of operations; **MixUp** (Zhang et al. 2018) lays two pictures
# over each other, and **CutMix** (Yun et al. 2019) pastes a rectangle of one
# into another. Both mix the labels by the same shares.
#
# **Exercise be-04.** Write `my_cut_mix(pictures, labels, top, left, side)`. In
# each picture, replace the square of that side, from row `top` and column
# `left` on, by the same square of the *next* picture; the last takes it from
# the first. Return new pictures and new labels: each of the two labels, 0 or 1,
# counts by the area that its picture fills. A square may reach beyond the lower or
# right edge; only what lies inside is pasted.

# %% tags=["exercise"]
# exercise: be-04
my_cut_mix = ...
### BEGIN SOLUTION


def my_cut_mix(pictures, labels, top, left, side):
    pasted = np.roll(pictures, -1, axis=0)
    mixed = np.array(pictures)
    square = np.s_[:, top : top + side, left : left + side]
    mixed[square] = pasted[square]
    height, width = mixed.shape[1:3]
    area = (min(top + side, height) - top) * (min(left + side, width) - left)
    share = area / (height * width)
    return mixed, (1 - share) * labels + share * np.roll(labels, -1)


### END SOLUTION

# %% [markdown]
# The check pastes a few squares.

# %% tags=["check"]
course.exercise("be-04").check(my_cut_mix)

# %% [markdown]
# The same eight cells, half of them defective, in four ways. In which rows could an
# expert still see which are defective?

# %%
images, truth = few
chosen = np.r_[np.flatnonzero(truth == 1)[:4], np.flatnonzero(truth == 0)[:4]]
images, truth = images[chosen], truth[chosen].astype("float32")
augment = keras.layers.RandAugment(value_range=(0, 255), seed=0)
cut = images.copy()
cut[:, 40:120, 20:100] = images[::-1][:, 40:120, 20:100]
rows = {
    "as it is": images,
    "RandAugment": np.concatenate([augment(one[None]) for one in images]),
    "MixUp": 0.6 * images + 0.4 * images[::-1],
    "CutMix": cut,
}
figure, axes = plt.subplots(4, 1, figsize=(8, 5.2), layout="tight")
for ax, (name, row) in zip(axes, rows.items(), strict=True):
    plot_images(row, columns=8, ax=ax)
    ax.set_title(name, fontsize="small", loc="left")

# %% [markdown]
# *The figure shows eight cells, the first four defective, in four ways; MixUp
# and CutMix mix each with a cell of the other class.*
#
# **Interpret.** Augmentation is a claim about the world: it says which changes keep the
# label. Where RandAugment has sheared or darkened a crack away, a cell that looks sound
# is called defective; half a crack is worth half a label only on average. So: look at
# what your network sees, and leave out what an expert could no longer judge.
#
# ## Other losses, other rates
#
# **Label smoothing** makes the targets a little less certain than 0 and 1.
# **Class weights** give the rare class more weight. The **focal loss** (Lin et
# al. 2017) gives easy cells less. Compare what a defective cell costs, by its
# score:

# %%
sure = np.linspace(0.01, 0.99, 99)
one = keras.ops.ones((99, 1))
loss = keras.losses.binary_crossentropy
focal = keras.losses.binary_focal_crossentropy
costs = {
    "cross-entropy": loss(one, sure[:, None]),
    "smoothing": loss(one, sure[:, None], label_smoothing=0.1),
    "focal loss": focal(one, sure[:, None], gamma=2),
    "class weights": -np.log(sure) / 2 / labels["train"].mean(),
}
figure, ax = plt.subplots(figsize=(6, 3))
for (name, cost), style in zip(costs.items(), "- -- : -.".split(), strict=True):
    ax.plot(sure, cost, style, label=name)
ax.set(xlabel="score of a defective cell", ylabel="loss")
_ = ax.legend()

# %% [markdown]
# *The figure shows the loss of one defective cell against the score that the network
# gives it, for four losses.*
#
# **Interpret.** With smoothing, too much certainty costs again. Class weights
# raise the whole curve of the rare class, so its scores rise, much as if the
# threshold fell. The focal loss flattens what is nearly right; it was made for
# detectors, where almost all boxes are empty. So: if only the threshold is
# wrong, move it (lesson 02).
#
# **Rates by layer** (lesson 03) give each block a fixed share of the rate of the block
# above it. **Warm-up** and the **cosine schedule** are from lesson 03b. All three are
# standard in large transformers. On a GPU, **mixed precision** makes steps faster and
# halves the memory of activations; weights stay in full precision. The first of its two lines stands before the model:
#
# ```python
# keras.mixed_precision.set_global_policy("mixed_float16")
# # The last layer computes in full precision, to keep the softmax accurate:
# head = keras.layers.Dense(2, activation="softmax", dtype="float32")
# ```
#
# On a CPU it is usually slower.
#
# ## What did it bring?
#
# Seventeen changes were run on the same five draws of modules and labels (`python -m
# benchmarks.real_ground beyond`). The recipe there is the one above, with both flips
# and the best of four epochs, chosen on validation cells. Settings are the authors' or
# Keras's defaults. **Predict:** for how many does the whole interval of the gain lie
# above zero?

# %%
rows = pd.read_csv(data_dir() / "experiments" / "real_beyond.csv")
names = {"processor_seconds": "cost", "agreement": "old task"}
rows = rows.rename(columns=names)
changes = rows.dropna(subset="best_epoch").query("order == 0")
experiments.show("beyond", gain=True)
plt.show()

# %% [markdown]
# *The figure shows the AUC on new modules minus that of the recipe on the same
# draw, for the frozen network and each change, interpolation at three shares:
# means and 95 % intervals over draws.*
#
# The table adds two columns: the cost, in multiples of the recipe's training,
# and the old task, the share of views of seven photographs that keep their
# first class.

# %%
cost = rows[rows["order"] == 0].groupby("recipe")[["cost", "old task"]].mean()
cost["cost"] /= cost["cost"]["the recipe"]
gains = experiments.table("beyond", gain=True).set_index("recipe")
apart = rows[rows["recipe"] == "the recipe"].groupby("seed")["auc"].std()
print(f"The recipe, in another order: standard deviation {apart.mean():.3f}")
print(f"The recipe, old task: {cost['old task']['the recipe']:.2f}")
gains.iloc[:, 1:4].join(cost).sort_values("mean", ascending=False).round(2)

# %% [markdown]
# **Interpret.** Read the noise first: in another order of the cells, with other
# flips, a run varies by the standard deviation printed above. Judge means by
# their intervals: no gain on the new task is supported, nor can the recipe be
# distinguished from the frozen network. With so many changes, an interval above zero could be chance (Holm's correction,
# lesson 03c).
#
# Then read the last column: adapters, a moving average, rates by layer and points on
# the way back kept more of the old task. For adapters and halfway back, that is
# supported; after Holm's correction, only for LoRA at the low rate (`docs/ledger.md`,
# from `flips-help` to `soups-gain`). All this is for defaults, few epochs and few
# labels. In trainings of hundreds of epochs, RandAugment, MixUp, dropout and moving
# averages are standard (Tan and Le 2021).
#
# | reach for | when | it costs |
# | --- | --- | --- |
# | interpolation | the old task is still needed, or new pictures will differ | keeping the old weights |
# | a soup | you have several runs from one start | those runs |
# | a moving average | validation jumps from epoch to epoch | a copy of the weights |
# | LoRA | one network for many tasks; the optimizer does not fit | a search for its rate |
# | flips and turns | an expert says they keep the label | a cached copy for each |
# | RandAugment, MixUp, CutMix | long trainings that overfit | no cache, and more epochs |
# | label smoothing, dropout, weight decay | long trainings that grow too sure | one setting for each |
# | class weights, focal loss | you cannot move the threshold | calibration |
# | rates by layer, warm-up, cosine | the whole of a large network trains | one setting for each |
# | mixed precision | there is a GPU | care at the last layer |
#
# So: first the head, then the recipe, then labels from more modules. From this
# table take what is free, and only augmentations that say something true.
#
# **Exercise be-05.** `changes` holds the rows of everything that was trained,
# the recipe included. A colleague tries it all and keeps, on each draw
# (`seed`), the `recipe` with the best `validation_auc`. Compute `my_gains`: per
# seed, in order, the test `auc` of what was kept minus that of the recipe. Then
# decide: `my_advice` is `"try all"` if the mean gain is at least `0.01`, else
# `"keep the recipe"`.

# %% tags=["exercise"]
# exercise: be-05
my_gains = ...
my_advice = ...
### BEGIN SOLUTION
wide = changes.pivot(index="seed", columns="recipe")
kept = wide["validation_auc"].idxmax(axis=1)
got = [wide["auc"].loc[pair] for pair in kept.items()]
my_gains = got - wide["auc"]["the recipe"]
my_advice = "try all" if my_gains.mean() >= 0.01 else "keep the recipe"
### END SOLUTION

# %% [markdown]
# Choosing is a method, too, and can be measured like one.

# %% tags=["check"]
course.exercise("be-05").check(my_gains, my_advice, changes)

# %% [markdown]
# ## From a blank page
#
# **Exercise be-06.** Cook a **greedy soup** (Wortsman et al. 2022b) from
# `candidates`. Sort them by validation AUC, put in the best, and go down the
# list: a candidate stays in if the soup with it has at least the AUC of the
# soup so far. Leave the weights in `my_greedy`, and the names of what is in, in
# the order of adding, in `my_members`.

# %% tags=["exercise"]
# exercise: be-06
candidates = {"before": before}
for number, run in enumerate(runs):
    halfway = transfer.interpolate_weights(before, run, 0.5)
    candidates |= {f"run {number}": run, f"run {number}, halfway": halfway}
my_greedy = ...
my_members = ...
### BEGIN SOLUTION


def validated(names):
    mean = transfer.average_weights([candidates[name] for name in names])
    return look(mean, "validation")[1]


best_first = sorted(candidates, key=lambda name: -validated([name]))
my_members, so_far = best_first[:1], validated(best_first[:1])
for name in best_first[1:]:
    if (found := validated([*my_members, name])) >= so_far:
        my_members, so_far = [*my_members, name], found
my_greedy = transfer.average_weights([candidates[n] for n in my_members])
print(f"{', '.join(my_members)}: {so_far:.3f}")
### END SOLUTION

# %% [markdown]
# The check cooks along.

# %% tags=["check"]
held = grids["validation"], labels["validation"]
course.exercise("be-06").check(my_greedy, my_members, candidates, model, *held)

# %% [markdown]
# ## Questions

# %%
(_, auc_0), _, (agreed, auc_there), *_, (agreement, auc_1) = line
print(
    f"Concluded: fine-tuning took the AUC on new modules from {auc_0:.2f} to "
    f"{auc_1:.2f}, and the old head's agreement to {agreement:.0%}; at two "
    f"fifths of the way it is {auc_there:.2f}, with {agreed:.0%}."
)
quiz

# %% [markdown]
# ## Take away
#
# - **Keep the weights from before.** On the way back to them much of the old task
#   returns, without training.
# - Runs from **one start** can be averaged. The order of the cells alone moves a
#   result, so no single run shows a gain.
# - **LoRA** trains few weights, and merges into the network. It saves memory more
#   than time.
# - **Look** at augmented pictures before you train on them.
# - No change of a sound recipe could be **distinguished from it** by AUC here.
#   First more labels, then what is free, then the rest.
#
# **Next:** lesson 08 is a challenge: 400 labels, and what a leaderboard does to
# you.
