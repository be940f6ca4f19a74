# %% [markdown]
# # Choose a backbone, and look inside it
#
# - **Do:** compare three families of pretrained networks, look at what their
#   layers carry, feed them pictures in the wrong scale, and find the nearest
#   neighbours of a picture.
# - **Learn:** what each depth of a network is good for, how wrong preprocessing
#   hides, what a broad source task is worth, and how to choose.
# - **Need:** lesson 00. About 60 minutes, of which the computer takes about
#   one. Nothing is trained but small heads.

# %% [markdown]
# ## Set up

# %%
from course_utils import course

course.begin("01")

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_utils.backbones import load_backbone, with_old_heads
from course_utils.machine import card, data_dir
from course_utils.pictures import load_dataset

# %% [markdown]
# ## Three families
#
# A pretrained model is two things: an **architecture**, the layers and how they
# are wired, and **weights**, what these layers learned on a *source task*. The
# course brings three small architectures, one of each family that you will
# meet:
#
# - **Residual** (ResNet, He et al. 2016): plain 3x3 convolutions. Each block
#   *adds* what it computes to its input, so that the signal, and the gradient,
#   has a short way through many layers.
# - **Mobile** (MobileNetV2, Sandler et al. 2018): each 3x3 convolution works on
#   one channel by itself (*depthwise*), and 1x1 convolutions mix the channels.
# - **Vision transformer** (Dosovitskiy et al. 2021): the picture becomes a row
#   of *tokens*, one for each small square, and in each block every token looks
#   at all others (*attention*).
#
# All three were pretrained on the drawn scenes and materials of lesson 00, the
# residual one for longest. **Predict:** which has the most parameters? And is
# the one with the fewest the fastest?

# %%
names = ["residual", "mobile", "vision_transformer"]


def milliseconds(models, picture, rounds):
    """Medians; in turn, so that a busy moment slows all of them alike."""
    clock = {name: [] for name in models}
    compute = {name: tf.function(model) for name, model in models.items()}
    for _ in range(1 + rounds):  # The first builds the graphs.
        for name in models:
            start = time.perf_counter()
            compute[name](picture)
            clock[name].append(1000 * (time.perf_counter() - start))
    return {name: np.median(times[1:]) for name, times in clock.items()}


base_models = {name: load_backbone(name) for name in names}
took = milliseconds(base_models, np.zeros((1, 64, 64, 3), "float32"), 30)
for name, model in base_models.items():
    size = f"{model.count_params():,} parameters"
    print(f"{name:<18} {size} {took[name]:5.1f} ms", model.output_shape[1:])

# %% [markdown]
# **Interpret.** Do the times follow the parameters? On our machine they did not.
# Parameters say how large the file is. How long a network takes depends on how
# often each weight is used, on how many thin layers stand in a row, on how well
# each kind of layer is programmed for the processor, and on what else the
# machine is doing (run the cell again, and see). So it is measured, where the
# network will run.
#
# **Exercise pm-01.** How does the mobile family save so much? Take an ordinary
# 3x3 convolution from 64 channels to 128, without bias: `my_ordinary` weights.
# Then the mobile pair, a depthwise 3x3 convolution on 64 channels followed by
# a 1x1 convolution to 128, without biases too: `my_separable` weights. Compute
# both numbers.

# %% tags=["exercise"]
# exercise: pm-01
my_ordinary = ...
my_separable = ...
### BEGIN SOLUTION
my_ordinary = 3 * 3 * 64 * 128
my_separable = 3 * 3 * 64 + 64 * 128
### END SOLUTION

# %% [markdown]
# The check counts, too.

# %% tags=["check"]
course.exercise("pm-01").check(my_ordinary, my_separable)

# %% [markdown]
# ## Their siblings at full size
#
# Ours are small, so that they run anywhere. These are well-known relatives for
# photographs. What they reach on ImageNet (the share of its validation
# photographs that they name rightly, of a thousand classes) we have not
# measured: it is *published*, and the table says where. Parameters we can
# count, and a picture's time we can take, with random weights: both depend on
# the architecture alone. Building them takes some seconds each.

# %%
families = pd.read_csv(data_dir() / "model_families.csv", index_col=0)
siblings = {}
for name in families.index:
    if hasattr(keras.applications, name):
        print(f"Building {name}")
        siblings[name] = getattr(keras.applications, name)(weights=None)
sizes = {name: model.count_params() for name, model in siblings.items()}
families["counted"] = pd.Series(sizes) / 1e6
picture = np.zeros((1, 224, 224, 3), "float32")
families["ms"] = pd.Series(milliseconds(siblings, picture, 5))
both = families[["millions", "counted"]].dropna()
course.claim(
    np.allclose(*both.to_numpy().T, atol=0.2),
    "what was published about their size is what we count.",
)
families.round(1)

# %% [markdown]
# **Interpret.** ResNet50V2 and ConvNeXtTiny have nearly the same number of
# parameters; compare their times. The transformer (Dosovitskiy et al. 2021) is
# not counted: `keras.applications` has none, KerasHub (`pip install keras-hub`)
# has. Published accuracies are from different
# training recipes, not only different architectures, and with a better recipe
# the *same* ResNet50 gains several points (Wightman et al. 2021). And all of
# them are about ImageNet: whether a backbone suits *your* pictures is another
# question, which the rest of this lesson is about.

# %% [markdown]
# ## The wrong scale
#
# A network must see pictures as it saw them in training: same scale, same
# order of channels. Each family wants something else, and `keras.applications`
# has a `preprocess_input` for each. What do they make of black, 0, and white,
# 255?

# %%
modules = ["resnet", "resnet_v2", "mobilenet_v2", "densenet"]
modules += ["mobilenet_v3", "efficientnet_v2", "convnext"]
black_and_white = np.zeros((1, 2, 1, 3), "float32")
black_and_white[:, 1] = 255
for name in modules:
    module = getattr(keras.applications, name)
    result = module.preprocess_input(black_and_white.copy())
    print(f"{name:<16} black {result[0, 0, 0].round(1)}", end="  ")
    print(f"white {result[0, 1, 0].round(1)}")

# %% [markdown]
# **Interpret.** There are four conventions. (The first also turns red, green,
# blue into blue, green, red; grey pictures cannot show that.) The last three
# give back what they were given: these networks scale inside. Taking `/ 255` from one tutorial and a network
# from another is a mistake that raises no error.
#
# What does it cost? We take the scaling off our residual backbone and put the
# heads of its pretraining back on it, which name the shape of the objects in a
# scene (one of six). It wants values from -1 to 1. We feed it those; 0 to 1, as
# `/ 255` gives; the channels in the order blue, green, red; 0 to 255, forgotten
# scaling; and pictures *scaled twice*, as happens where the code scales and the
# network does so again. **Predict** its accuracy on the second, 0 to 1.


# %% tags=["exercise"]
def in_all_scales(images):
    scaled = images / 127.5 - 1
    yield "-1 to 1 (as it should be)", scaled
    yield "0 to 1", images / 255
    yield "-1 to 1, blue first", scaled[..., ::-1]
    yield "0 to 255", images
    yield "scaled twice", scaled / 127.5 - 1


quiz = course.quiz("01")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.85
### END SOLUTION
quiz.answer("q1", my_guess)


# %% [markdown]
# The pictures are scenes that no backbone was trained on. And beside the old
# head we try a *new* one, on six shapes that were in none of the scenes, the
# task *near* of lesson 02. It is a **linear probe**, a head like lesson 00's, but
# fitted in one go (logistic regression; `C` says how freely, and
# `StandardScaler` brings all features to one spread).


# %%
def to_arrays(ds):
    images, labels = zip(*ds.as_numpy_iterator(), strict=True)
    return np.concatenate(images), labels


def fit_probe(features, labels):
    model = LogisticRegression(C=0.1, max_iter=1000)
    return make_pipeline(StandardScaler(), model).fit(features, labels)


near = load_dataset("near")
scenes, scene_labels = to_arrays(load_dataset("source").test.shard(2, 0))
scene_shapes = np.concatenate([batch["shape"] for batch in scene_labels])
images, labels = to_arrays(near.train)
images, labels = images[:400], np.concatenate(labels)[:400]
test_images, test_labels = to_arrays(near.test)
test_labels = np.concatenate(test_labels)

# %% [markdown]
# Now both heads, on each kind of picture; the new one is also *fitted* to four
# hundred pictures in the same wrong scale.

# %%
base_model = base_models["residual"]
entrance = base_model.get_layer("preprocessing").output
old = keras.Model(entrance, with_old_heads(base_model).output["shape"])
pool = keras.layers.GlobalAveragePooling2D()
averages = keras.Model(entrance, pool(base_model.output))

right = {}
all_scales = map(in_all_scales, (scenes, images, test_images))
for (name, own), (_, some), (_, new) in zip(*all_scales, strict=True):
    known = old.predict(own, verbose=0).argmax(axis=1) == scene_shapes
    probe = fit_probe(averages.predict(some, verbose=0), labels)
    score = probe.score(averages.predict(new, verbose=0), test_labels)
    right[name] = known.mean(), score
    print(f"{name:<26} old head {known.mean():.3f}   new head {score:.3f}")
quiz.outcome("q1", right["0 to 1"][0])
best, unscaled = right["-1 to 1 (as it should be)"], right["0 to 255"]
course.claim(
    unscaled[0] < best[0] / 2 and 1 / 6 + 0.1 < unscaled[1] < best[1] - 0.1,
    "not scaled: the old head is lost, and the new one hides the fault.",
)

# %% [markdown]
# **Interpret.** Surprised by the second line, or the third? Two of the mistakes
# cost this network next to nothing: half the contrast, or blue for red.
# Probably because its pretraining changed brightness and contrast at random, and
# made some pictures grey. That is a finding about this backbone, and no licence:
# a network that learned from photographs, where skies are blue, may mind more.
# With no scaling, or two, the old head is lost.
#
# Look at the column on the right, in the line "0 to 255". A new head makes the
# best of what it gets (the more so as ours brings all features to one spread
# first), so this mistake does not look like an error. It looks like a mediocre
# backbone. The curves of a training would not tell you. The smallest and the
# largest value that enter the network do tell of some mistakes, though never of
# the order of channels. Best put the scaling *inside* the model, once. The
# course's backbones do, and look at the values:

# %% tags=["raises-exception"]
base_model(test_images[:8] / 255)

# %% [markdown]
# (That error was meant. The cells below run all the same.)
#
# **Exercise pm-02.** A colleague sends you `their_images`: prepared for another
# network, from -1 to 1, with the channels in the order blue, green, red. Make
# `my_images` of them, as the course's backbones want them: red, green, blue,
# from 0 to 255.

# %% tags=["exercise"]
# exercise: pm-02
their_images = (scenes[:8] / 127.5 - 1)[..., ::-1]
my_images = ...
### BEGIN SOLUTION
my_images = (their_images[..., ::-1] + 1) * 127.5
### END SOLUTION

# %% [markdown]
# The check compares them with the pictures as they were.

# %% tags=["check"]
course.exercise("pm-02").check(my_images, scenes[:8])

# %% [markdown]
# ## What do the layers carry?
#
# The first convolution looks at the pixels themselves, so its filters can be
# looked at as small pictures. (Ours are three pixels wide; those of a large
# ResNet are seven, and prettier.) **Predict:** can you tell the pretrained ones
# from random ones?

# %%
plt.style.use("tableau-colorblind10")
no_ticks = {"xticks": [], "yticks": []}
figure, axes = plt.subplots(2, 1, figsize=(7, 3), subplot_kw=no_ticks)
for ax, weights in zip(axes, ("embedded", None), strict=True):
    stem = load_backbone("residual", weights).get_layer("stem_conv")
    filters = np.moveaxis(stem.get_weights()[0], -1, 0)
    lowest = filters.min(axis=(1, 2, 3), keepdims=True)
    highest = filters.max(axis=(1, 2, 3), keepdims=True)
    tiles = (filters - lowest) / (highest - lowest)
    tiles = np.pad(tiles, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=1)
    rows = [np.concatenate(tiles[i : i + 12], axis=1) for i in (0, 12)]
    ax.imshow(np.concatenate(rows))
    ax.set_ylabel("pretrained" if weights else "random", rotation=0, ha="right")
figure.tight_layout()

# %% [markdown]
# *The figure shows the filters of the first convolution as small colour
# pictures: pretrained ones above, random ones below.*
#
# **Interpret.** Hard to tell? Some of the pretrained ones are dark on one side
# and light on the other, an *edge* in some direction; some compare colours;
# others are no easier to name than the random ones. (Each is drawn from its own
# darkest to its own lightest, so their strengths cannot be compared.) Filters that look like edges say what a
# layer could respond to, not what it is used for. So we follow one scene
# through the network, to five depths.

# %%
stages = ["stem_relu", "stage1_block1_relu2", "stage2_block2_relu2"]
stages += ["stage3_block1_relu2", "stage4_block1_relu2"]
grids = [base_model.get_layer(name).output for name in stages]
look_inside = keras.Model(base_model.input, grids)
activations = look_inside.predict(scenes[3:4], verbose=0)
figure, axes = plt.subplots(3, 6, figsize=(9, 4.6), subplot_kw=no_ticks)
for ax in axes[:, 0]:
    ax.imshow(scenes[3] / 255)
for column, grid in zip(axes.T[1:], activations, strict=True):
    liveliest = grid[0].std(axis=(0, 1)).argsort()[::-1]
    for ax, channel in zip(column, liveliest, strict=False):
        ax.imshow(grid[0, :, :, channel], cmap="gray")
titles = ["picture", *(f"depth {i}" for i in range(1, 6))]
for ax, title in zip(axes[0], titles, strict=True):
    ax.set_title(title)
figure.tight_layout()

# %% [markdown]
# *The figure shows a scene, and at five depths the three channels that vary
# most over it: light where a channel responds.*
#
# **Interpret.** At first you see the picture itself, its edges and surfaces.
# (The bright rim comes from the zeros that a convolution puts around a
# picture.) With depth you see less; at the end a channel says that
# something is in some corner, and one can no longer see what.
#
# ## What can be read at each depth?
#
# Depth 1 is the first convolution, and depths 2 to 5 are the ends of the four
# *stages*, groups of blocks after which the grid gets coarser. Looking is not
# measuring. A linear probe at each depth measures: how much of a
# task can be *read*, by weighing averages, from what the layer computes (Alain
# and Bengio 2016)? First by hand, for the near shapes. **Predict:** at which
# depth does it leave guessing, one in six, behind?

# %%
depths = keras.Model(base_model.input, [pool(grid) for grid in grids])
train_features = depths.predict(images, verbose=0)
test_features = depths.predict(test_images, verbose=0)
live = []
for features, new_features in zip(train_features, test_features, strict=True):
    probe = fit_probe(features, labels)
    live.append(probe.score(new_features, test_labels))
    print(f"depth {len(live)}: {features.shape[1]:>3} channels  {live[-1]:.3f}")
course.claim(
    live[0] < 1 / 6 + 0.1 and live[3] > live[0] + 0.3,
    "shape is read from the deep layers, and not from the first.",
)

# %% [markdown]
# One task says little. So we have done it for seven, with five draws of the
# labels (`python -m benchmarks.depth_probe`): two questions of the *source*
# task, what shape and what texture the objects of a scene share; our three
# other sets; handwritten digits, eight pixels wide and enlarged; and grey crops
# of real photographs: from which of eighteen is it? Deeper layers have more
# channels, which alone could help; the same network with *random* weights shows
# how far. And there is a second pretrained one, which we come to below: it
# learned from a *narrow* source, not from these scenes.

# %%
probes = pd.read_csv(data_dir() / "experiments" / "depth.csv")
probes["network"] = probes["backbone"] + ", " + probes["weights"]
styles = {"residual, embedded": "o-", "residual_narrow, embedded": "s--"}
styles |= {"residual, random": "^:"}
tasks = ["shape", "texture", "near", "defects", "histology", "photographs"]
guess = {"histology": 1 / 2, "photographs": 1 / 18, "digits": 1 / 10}
figure, axes = plt.subplots(2, 4, figsize=(10, 5), sharex=True, sharey=True)
for ax, task in zip(axes.flat, [*tasks, "digits"], strict=False):
    ax.axhline(guess.get(task, 1 / 6), color="black", lw=1, label="guessing")
    for network, style in styles.items():
        rows = probes[probes["network"].eq(network) & probes["task"].eq(task)]
        values = rows.groupby("depth")["value"]
        bar = [values.mean() - values.min(), values.max() - values.mean()]
        ax.errorbar(range(1, 6), values.mean(), bar, fmt=style, label=network)
    ax.set(title=task + (" (source)" if task in tasks[:2] else ""))
axes[0, 2].plot(range(1, 6), live, "*", color="black", ms=9, label="you")
axes[1, 0].set(xlabel="depth", ylabel="accuracy, AUC", ylim=(0, 1))
axes[1, 3].legend(*axes[0, 2].get_legend_handles_labels(), loc="center")
axes[1, 3].axis("off")
figure.tight_layout()

# %% [markdown]
# *The figure shows what a linear probe reads at five depths, for seven tasks:
# means over five draws of the labels, with bars from the lowest to the highest;
# for histology the area under the ROC curve, where guessing gives one half; the
# stars are yours.* (Random weights are drawn anew for each; the pretrained
# networks were trained once each. The file's probes choose their `C` by
# cross-validation.)
#
# **Interpret.** The texts say that early layers are general and late ones
# specific (Yosinski et al. 2014 showed it by cutting networks apart and training
# them on). Here is what our curves say:
#
# - At the first depth the broad and the narrow network are almost alike on
#   every task, whatever they were taught: that is *general*. Random weights are
#   close, too, and behind on digits and photographs.
# - What pretraining is worth arises in the *middle*.
# - The last stage gains most for the two questions of the source. On near and
#   defects it adds a little, on photographs nothing, and on tissue and digits it
#   takes some away. The narrow network's last stage, which serves other ends,
#   gains nowhere, and loses on photographs, tissue and digits. That is what
#   *specific* looks like.
# - On digits pretraining gains nothing at the best depth: random filters do as
#   well there. Always compare with random.
#
# A probe reads averages, linearly. What a layer holds in another form, it does
# not see; fine-tuning (lesson 03) can use that, too.
#
# **Exercise pm-03.** For frozen averages the last stage does nothing on tissue or
# photographs, and it is the largest. Build `my_extractor`, a model from pictures to the averages
# of the *fourth* depth (`"stage3_block1_relu2"`) of a pretrained residual
# backbone, with nothing in it to train.

# %% tags=["exercise"]
# exercise: pm-03
my_extractor = ...
### BEGIN SOLUTION
my_base = load_backbone("residual")
my_grid = my_base.get_layer("stage3_block1_relu2").output
my_averages = keras.layers.GlobalAveragePooling2D()(my_grid)
my_extractor = keras.Model(my_base.input, my_averages)
my_extractor.trainable = False
### END SOLUTION

# %% [markdown]
# The check gives it some pictures, and compares with the file on disk.

# %% tags=["check"]
course.exercise("pm-03").check(my_extractor, test_images[:8])

# %% [markdown]
# ## A broad and a narrow source
#
# The narrow network is the residual one again, with the same layers. Its source
# task was easy: *one* object on an even ground, name its shape and its texture.
# **Predict:** which of the two is better at its own source task, and which
# transfers?

# %%
report = pd.read_csv(data_dir() / "experiments" / "transfer.csv")
report = report.query("stage == 'report' and labels == 100")
frozen = report.query("method == 'frozen'")
frozen = frozen.pivot_table("value", "backbone", "target")[
    ["near", "defects", "histology"]
]
sources = {
    name: card("backbones", name)["source_accuracy"]
    for name in ["residual", "residual_narrow"]
}
frozen["its own source: shape"] = pd.Series(
    {name: source["shape"] for name, source in sources.items()}
)
course.claim(
    frozen.iloc[:, 3].idxmax() == "residual_narrow"
    and set(frozen.iloc[:, :3].idxmin()) == {"residual_narrow"},
    "best at its own source task, and the worst of all four to build on.",
)
frozen.loc[list(sources)].round(2)

# %% [markdown]
# **Interpret.** The table has what a head on frozen features reaches with a
# hundred labels, and, from the networks' cards, how well each names shapes in
# its own source task. The narrow one is nearly perfect there. That says little:
# *accuracies on different source tasks cannot be compared*, and an easy task can
# be solved without learning to see much. We think that this is why it transfers
# so badly. But the broad network also answered three more questions, told
# hundreds of materials apart, and saw nine times as many pictures; and each was
# trained once. These causes are not separated here.
#
# ## The nearest neighbours
#
# Features make pictures comparable: near in feature space should mean *alike*.
# For each test picture we look for the four pictures among our four hundred that
# are nearest to it: in pixels, and in the features of the deepest layer. Of how
# many is the class the query's own? (Guessing: one in six.)


# %%
def nearest(query, gallery, count=4):
    return np.linalg.norm(gallery - query, axis=1).argsort()[:count]


pixels, test_pixels = (x.reshape(len(x), -1) for x in (images, test_images))
own = {}
for name, gallery, points in (
    ("pixels", pixels, test_pixels),
    ("features", train_features[-1], test_features[-1]),
):
    found = np.array([nearest(point, gallery) for point in points])
    own[name] = np.mean(labels[found] == test_labels[:, np.newaxis])
    print(f"of the query's class, by {name:<8}: {own[name]:.0%}")
course.claim(
    own["features"] > own["pixels"] + 0.2,
    "by features, neighbours are of one class far more often.",
)

# %% [markdown]
# Now look at some of them: the first test picture of each class.

# %%
queries = [np.flatnonzero(test_labels == index)[0] for index in range(6)]
figure, axes = plt.subplots(6, 9, figsize=(10, 7.4), subplot_kw=no_ticks)
for row, query in zip(axes, queries, strict=True):
    by_pixels = nearest(test_pixels[query], pixels)
    by_features = nearest(test_features[-1][query], train_features[-1])
    row[0].imshow(test_images[query] / 255)
    row[0].set_ylabel(near.class_names[test_labels[query]].replace("_", "\n"))
    for ax, index in zip(row[1:], [*by_pixels, *by_features], strict=True):
        same = labels[index] == test_labels[query]
        ax.imshow(images[index] / 255)
        ax.set_xlabel("same" if same else "-", labelpad=1)
for column, title in ((0, "query"), (1, "by pixels"), (5, "by features")):
    axes[0, column].set_title(title)
figure.tight_layout()

# %% [markdown]
# *The figure shows, in each row, a test picture, the four training pictures
# nearest to it by pixels, and the four nearest by features; those of its own
# class are marked "same".*
#
# **Interpret.** By pixels the neighbours have its colours: same paper, same
# ink. By features, those of its own shape are far more often among them, in
# other inks and places, though nobody has ever told the network these shapes'
# names; about as many are not of its class. That is what a head builds on, and why a few labels go a
# long way.
#
# **Exercise pm-04.** Distances mix two things: in which direction a picture's
# features point, and how long they are. The **cosine similarity** looks at the
# direction alone: the sum of the products of two rows, divided by both their
# lengths. Find `my_neighbours`: the positions in `gallery` of the five rows
# most similar to `query`, the most similar first.

# %% tags=["exercise"]
# exercise: pm-04
gallery, query = train_features[-1], test_features[-1][queries[2]]
my_neighbours = ...
### BEGIN SOLUTION
my_lengths = np.linalg.norm(gallery, axis=1) * np.linalg.norm(query)
my_neighbours = (gallery @ query / my_lengths).argsort()[::-1][:5]
### END SOLUTION

# %% [markdown]
# The check computes all similarities.

# %% tags=["check"]
course.exercise("pm-04").check(my_neighbours, gallery, query)

# %% [markdown]
# ## How to choose
#
# No single number chooses. For our three: what they cost here, and what a head
# on frozen features reaches with a hundred labels. The table adds the other two
# ways to use as many labels: *fine-tuned*, where the backbone is trained as
# well (lesson 03), and *scratch*, where the whole network starts from random
# weights; and the digits (`NaN`: not run). The runs are those of
# `docs/transfer_report.md`, five draws of the labels for the residual network,
# three for the others.

# %%
means = report.pivot_table("value", ["target", "method"], "backbone")
means = means.loc[["near", "defects", "histology", "digits"]]
figure, ax = plt.subplots(figsize=(6.4, 3))
ticks = [f"{name}\n{took[name]:.1f} ms a picture" for name in names]
for target, sign in zip(["near", "defects", "histology"], "osD", strict=True):
    values = means.loc[(target, "frozen"), names]
    ax.plot(ticks, values, sign, label=target, markersize=9)
ax.set(ylabel="frozen, 100 labels", ylim=(0, 1), xlim=(-0.5, 2.5))
ax.legend(loc="lower left", ncols=3)
means.round(2)

# %% [markdown]
# *The figure shows, for each of the three backbones, what a head on its frozen
# features reaches on three tasks, and its time a picture.*
#
# **Interpret.** The residual one is best on all three; but it also had the
# longest pretraining, so this compares *files*, not architectures. That is what
# you choose between in practice, too.
#
# - **Task.** What did the source demand? Fine detail, if yours has it; a source
#   of photographs for photographs. If no source is near, take a broad one.
# - **Data.** Choose on validation pictures. (In this lesson we looked at test
#   pictures often, to understand, and chose nothing.) With few labels, take the best *frozen* features that you can get;
#   try two or three backbones, which costs seconds each (lesson 02). With more
#   labels scratch may come nearer; lesson 02 shows where it does, and where not.
# - **Budget.** Milliseconds on *your* processor, memory, the size of the file,
#   and the size of the pictures: twice the side is four times the work for
#   convolutions, and up to sixteen times for attention.
# - **Licence.** Weights have one, as pictures have. Read the card.
#
# Better on ImageNet is better elsewhere *on average* (Kornblith et al. 2019, who
# also found that tricks that raise ImageNet's accuracy can spoil *frozen*
# features), but not on all sets of pictures (Fang et al. 2023). And pretraining
# is not always
# worth it: with enough labels and steps, networks from scratch caught up in
# object detection (He et al. 2019), and on medical pictures small networks from
# scratch did about as well as large pretrained ones (Raghu et al. 2019). In the
# table: on the digits scratch is as good as anything.
#
# **Exercise pm-05.** Suppose that your machine were the phone that has to do it,
# and might spend `budget_ms` on a picture. Which of the
# siblings in `families` that we timed has the highest published accuracy and
# keeps to it? Give its name as `my_choice`.

# %% tags=["exercise"]
# exercise: pm-05
budget_ms = 2 * families["ms"].min()
my_choice = ...
### BEGIN SOLUTION
my_candidates = families[families["ms"] <= budget_ms]
my_choice = my_candidates["top1_percent"].idxmax()
### END SOLUTION

# %% [markdown]
# The check reads your table, with its times.

# %% tags=["check"]
course.exercise("pm-05").check(my_choice, families, budget_ms)

# %% [markdown]
# ## Where the field went
#
# - **Pretraining without labels.** Contrastive learning (SimCLR, Chen et al.
#   2020), masked pictures (MAE, He et al. 2022), DINOv2 (Oquab et al. 2023), and
#   pictures with their captions (CLIP, Radford et al. 2021). The steps of this
#   course, freeze, head, fine-tune, apply to such backbones; MAE's frozen
#   features, for one, are much weaker than its fine-tuned ones.
# - **Training little.** Large networks are rarely fine-tuned as a whole.
#   *Adapters* (Houlsby et al. 2019) are small new layers between frozen ones.
#   **LoRA** (Hu et al. 2022) leaves a matrix of weights as it is, and learns a
#   small correction to it, the product of two thin matrices. Keras has it built
#   in. **Predict:** what does it change in the network's output, before any
#   training?

# %%
transformer = load_backbone("vision_transformer")
before = transformer(test_images[:8])
for layer in transformer.layers:
    if isinstance(layer, keras.layers.Dense):
        layer.enable_lora(rank=4)  # Freezes the matrix, too.
    else:
        layer.trainable = False
thin = [w for w in transformer.trainable_weights if "lora" in w.path]
for weight in thin[:2]:
    print(f"{weight.path:<28} {tuple(weight.shape)}")
trained = sum(int(np.prod(w.shape)) for w in transformer.trainable_weights)
print(f"{trained:,} of {transformer.count_params():,} numbers are trained")
course.claim(
    np.array_equal(before, transformer(test_images[:8])),
    "LoRA starts as no change at all: one of the two matrices is zero.",
)

# %% [markdown]
# **Interpret.** It begins exactly where pretraining ended, and can only leave
# from there in few directions. (What is trained besides are biases. The paper
# corrects the matrices inside attention.)
#
# ## Questions

# %%
quiz

# %% [markdown]
# One line, to remember it by:

# %%
print(
    f"Concluded: near shapes are read from the first depth with accuracy "
    f"{live[0]:.2f} and from the fourth with {live[3]:.2f}; without scaling, a "
    f"new head reaches {unscaled[1]:.2f} instead of {best[1]:.2f}."
)

# %% [markdown]
# ## Take away
#
# - A pretrained model is an **architecture and weights**; families differ in
#   cost in ways that only a clock on your machine shows.
# - **Preprocessing belongs to the weights.** Wrong scaling raises no error, and a
#   new head hides it: look at the values, or scale inside the model, once.
# - Early layers hardly differ by what was taught; what transfers arises in the
#   **middle**; the last layers go on for the source task's sake.
# - A perfect score on an easy source task promises little elsewhere. Look for a
#   **broad** one.
# - Compare with **random weights**, and with scratch: sometimes they are enough.
#
# **Next:** lesson 02 freezes a backbone properly, and trains heads on it.
