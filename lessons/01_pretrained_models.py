# %% [markdown]
# # Choose a backbone, and look inside it
#
# - **Do:** find the nearest neighbours of a solar cell, feed a network pictures
#   in the wrong scale, read what each depth carries, and choose between two
#   backbones for four tasks.
# - **Learn:** what pretrained families cost, how wrong preprocessing hides, what
#   early and late layers know, and how to choose.
# - **Need:** lesson 00. About 45 minutes. Nothing is trained but small heads.
#
# **Before you begin:** in lesson 00 a head was trained on a frozen backbone.
# Which of the two saw the pictures? (The backbone; the head sees its features.)

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
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_utils.backbones import load_backbone, top_classes
from course_utils.evaluation import BLUE, ORANGE
from course_utils.machine import data_dir
from course_utils.pictures import load_dataset, sample_photographs
from course_utils.transfer import extract_features

# %% [markdown]
# ## Which pictures look alike to a network?
#
# We take six hundred solar cells to search in, the *gallery*, and look up cells
# from other modules, taken from both the validation and the test part. This
# lesson only looks around; for a decision of your own, keep to validation
# cells.
#
# `base_model` is EfficientNet-Lite0 as in lesson 00, trained on ImageNet,
# without its thousand classes. The averages of its 1,280 features make a list
# of numbers for each cell, and near lists should mean cells that look alike.


# %%
def to_arrays(ds, count):
    pictures = ds.unbatch().batch(count).take(1)
    return next(pictures.as_numpy_iterator())


cells = load_dataset("solar_cells", image_size=(160, 160))
images, labels = to_arrays(cells.train, 600)
others = cells.validation.concatenate(cells.test)
new_images, new_labels = to_arrays(others, 894)
base_model = load_backbone("efficientnet_lite0", input_shape=(160, 160, 3))
pool = keras.layers.GlobalAveragePooling2D()
extractor = keras.Sequential([base_model, pool])
features, _ = extract_features(extractor, (images, labels), cache=True)
new_features, _ = extract_features(
    extractor, (new_images, new_labels), cache=True
)
pixels = images[:, ::4, ::4, 0].reshape(len(images), -1)
new_pixels = new_images[:, ::4, ::4, 0].reshape(len(new_images), -1)

# %% [markdown]
# **Predict:** of the cells nearest to a defective one, what share will be
# defective, by pixels and by features?


# %%
def nearest(query, gallery, count=4):
    return np.linalg.norm(gallery - query, axis=1).argsort()[:count]


defective = np.flatnonzero(new_labels == 1)
queries = defective[[3, 60, 120, 180]]
figure, axes = plt.subplots(4, 9, figsize=(10, 5))
for row, query in zip(axes, queries, strict=True):
    by_pixels = nearest(new_pixels[query], pixels)
    by_features = nearest(new_features[query], features)
    row[0].imshow(new_images[query] / 255)
    for ax, index in zip(row[1:], [*by_pixels, *by_features], strict=True):
        ax.imshow(images[index] / 255)
        ax.set_xlabel("defective" if labels[index] else "sound", fontsize=8)
for column, title in ((0, "query"), (1, "by pixels"), (5, "by features")):
    axes[0, column].set_title(title)
plt.setp(axes, xticks=[], yticks=[])
figure.tight_layout()

# %% [markdown]
# *The figure shows, in each row, a defective cell, the four cells nearest to it
# by pixels, and the four nearest by features, with what they are.* Four rows
# give an impression; counting over all defective cells gives a number.

# %%
own = {}
for name, gallery, points in (
    ("pixels", pixels, new_pixels),
    ("features", features, new_features),
):
    found = np.array([nearest(points[i], gallery) for i in defective])
    own[name] = labels[found].mean()
    print(f"neighbours that are defective by {name:<8}: {own[name]:.0%}")
print(f"in the whole gallery: {labels.mean():.0%}")
course.claim(
    own["features"] > own["pixels"],
    "by features, a defective cell's neighbours are defective more often.",
)

# %% [markdown]
# **Interpret.** Pixels compare brightness, place by place. Features compare
# what the network has learned to notice, wherever it is: grain, bars, dark
# patches. Nobody told it what a defect is. So: for a first impression of a
# backbone on your pictures, look at neighbours; for what it is worth, fit a
# probe.
#
# **Exercise pm-04.** Distances mix two things: in which direction a picture's
# features point, and how long they are. The **cosine similarity** looks at the
# direction alone: the sum of the products of two rows, divided by both their
# lengths. Find `my_neighbours`: the positions in `gallery` of the five rows
# most similar to `query`, the most similar first.

# %% tags=["exercise"]
# exercise: pm-04
gallery, query = features, new_features[queries[2]]
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
# ## What a backbone costs
#
# A pretrained model is two things: an **architecture**, the layers and how they
# are wired, and **weights**, what these layers learned on a *source task*, before
# they came to your *target*. There are three main families:
#
# - **Residual** (ResNet, He et al. 2016; ConvNeXt, Liu et al. 2022): each block
#   *adds* what it computes to its input, which gives signal and gradient a
#   short path through many layers.
# - **Mobile** (MobileNetV2, Sandler et al. 2018; EfficientNet): most convolutions
#   over space work on one *channel*, one of a layer's many grids, by itself
#   (*depthwise*), and 1x1 convolutions mix the channels.
# - **Vision transformer** (Dosovitskiy et al. 2021): the picture becomes a row
#   of *tokens*, one for each small square, and in each block every token looks
#   at all others.
#
# They overlap: mobile blocks also add their input, and ConvNeXt is depthwise.
#
# What they reach on ImageNet is *published*, and the table says where. We
# measure size and time here, with random weights, which change neither.

# %%
families = pd.read_csv(data_dir() / "model_families.csv", index_col=0)
siblings = {
    name: getattr(keras.applications, name)(weights=None)
    for name in families.index
    if hasattr(keras.applications, name)
}
picture = np.zeros((1, 224, 224, 3), "float32")
for name, model in siblings.items():
    model.predict_on_batch(picture)  # Builds the graph.
    clock = []
    for _ in range(5):
        start = time.perf_counter()
        model.predict_on_batch(picture)
        clock.append(1000 * (time.perf_counter() - start))
    families.loc[name, "counted"] = model.count_params() / 1e6
    families.loc[name, "ms"] = np.median(clock)
families.round(1).astype(object).fillna("-")

# %% [markdown]
# **Interpret.** ConvNeXtTiny and ResNet50V2 are about the same size: compare
# their times. Parameters say how large the file is. Time depends on how often
# each weight is used, and on how well your framework has programmed each kind
# of layer for your processor: TensorFlow on a CPU is slow at large depthwise
# convolutions. A dash means not measured: the transformer is in KerasHub, not
# in `keras.applications`. So: measure where it will run.
#
# **Exercise pm-05.** Suppose that your machine were the phone that has to do
# it, with `budget_ms` per picture. Which of the models that we timed is the
# most accurate within that budget, by the published numbers? Give its name as
# `my_choice`.

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
# ## The wrong scale
#
# A network must see pictures as it saw them in training: same scale, same order
# of channels. Each family wants something else (ResNet50 the mean subtracted
# and blue first, MobileNetV2 values from -1 to 1, EfficientNetV2 0 to 255 as
# they are), and mixing them up raises no error. What does it cost? We remove
# the scaling layer of EfficientNet-Lite0, and feed it one photograph in five
# ways: as it should be; from 0 to 1; with blue first; from 0 to 255, not
# scaled; and scaled twice, as happens where the code scales and the network
# does so again.
#
# **Predict.** In how many of the five is *palace* the first guess for the
# photograph of a palace?

# %% tags=["exercise"]
quiz = course.quiz("01")
my_guess = ...
### BEGIN SOLUTION
my_guess = 3
### END SOLUTION
quiz.answer("q12", my_guess)

# %% [markdown]
# **Run.**

# %%
in_all_scales = {
    "as it should be": lambda x: (x - 127) / 128,
    "0 to 1": lambda x: x / 255,
    "blue first": lambda x: ((x - 127) / 128)[..., ::-1],
    "0 to 255": lambda x: x,
    "scaled twice": lambda x: ((x - 127) / 128 - 127) / 128,
}
classifier = load_backbone("efficientnet_lite0", include_top=True)
entrance = classifier.get_layer("preprocessing").output
unscaled = keras.Model(entrance, classifier.output)
palace = keras.preprocessing.image.smart_resize(
    sample_photographs()["palace"], (224, 224)
)[np.newaxis]
named = {}
for name, scale in in_all_scales.items():
    named[name] = top_classes(unscaled.predict(scale(palace), verbose=0)[0], 3)
    print(f"{name:<15} {named[name]}")
quiz.outcome("q12", sum(told.startswith("palace") for told in named.values()))

# %% [markdown]
# Now a task of our own. A **linear probe** is a linear head on frozen features.
# We fit it by logistic regression: `C` sets how large its weights may become
# (lesson 02 chooses it), and `StandardScaler` brings all features to one
# spread. We fit one to cells in a wrong scale, and test it on cells in the same
# wrong scale. **AUC**, the area under the ROC curve, is the chance that a
# defective cell gets a higher score than a sound one: one half is guessing, one
# is perfect.


# %%
def fit_probe(features, labels):
    model = LogisticRegression(C=0.01, max_iter=1000)
    return make_pipeline(StandardScaler(), model).fit(features, labels)


def area_under_curve(probe, features, labels):
    return roc_auc_score(labels, probe.decision_function(features))


def accuracy(probe, features, labels):
    return probe.score(features, labels)


# %% [markdown]
# Fitted to every second gallery cell, and tested on every third of the others;
# blue first is left out, since these pictures are grey.

# %%
entrance = base_model.get_layer("preprocessing").output
inside = keras.Model(entrance, pool(base_model.output))
area, some = {}, (new_images[::3], new_labels[::3])
for name in ("as it should be", "0 to 1", "0 to 255", "scaled twice"):
    scale = in_all_scales[name]
    train, test = (
        extract_features(inside, (scale(x), y), cache=True)
        for x, y in ((images[::2], labels[::2]), some)
    )
    area[name] = area_under_curve(fit_probe(*train), *test)
    print(f"{name:<15} AUC {area[name]:.3f}")

# %% [markdown]
# **Interpret.** On this one photograph the network hardly reacts to values from
# 0 to 1 or to swapped colour channels, while with forgotten or doubled scaling
# it names nonsense. On the cells a wrong scale can lower the AUC. By how much
# depends on the draw of cells, and nothing looks like an error. The new head
# makes the best of damaged features, and you believe that you have a mediocre
# backbone. `StandardScaler` helps to hide it, by spreading out features that
# hardly vary; without it all scores are nearly alike (lesson 03b, case 6). So:
# put the scaling *inside* the model, once. The course's backbones do so, and
# they check their input:

# %% tags=["raises-exception"]
base_model(new_images[:8] / 255)

# %% [markdown]
# That error was intended; the cells below run all the same.
#
# **Exercise pm-02.** A colleague sends you `their_images`: prepared for another
# network, from -1 to 1, with the channels in the order blue, green, red. Make
# `my_images` of them, as the course's backbones want them: red, green, blue,
# from 0 to 255.

# %% tags=["exercise"]
# exercise: pm-02
photographs = np.stack(list(sample_photographs().values()))
their_images = (photographs / 127.5 - 1)[..., ::-1]
my_images = ...
### BEGIN SOLUTION
my_images = (their_images[..., ::-1] + 1) * 127.5
### END SOLUTION

# %% [markdown]
# The check compares them with the pictures as they were.

# %% tags=["check"]
course.exercise("pm-02").check(my_images, photographs)

# %% [markdown]
# ## What do the layers carry?
#
# A probe at each depth measures how much of a task can be *read* from what a
# layer computes (Alain and Bengio 2016): average each channel over the picture,
# and fit a linear probe to these averages. We read at nine depths of
# EfficientNet-Lite0, from its first convolution, the *stem*, to its last, the
# *top*. There are two tasks: defects of photographed cells, and the six classes
# of *near*, small drawings of hearts, crosses and crescents that a program made
# for this course. **Predict:** at which depth is each read best?

# %%
near = load_dataset("near")
drawings, shapes = to_arrays(near.train, 400)
new_drawings, new_shapes = to_arrays(near.validation, 180)
names = ["stem_activation", "block1a_project_bn", "block2b_add", "block3b_add"]
names += ["block4c_add", "block5c_add", "block6d_add", "block7a_project_bn"]
grids = [base_model.get_layer(name).output for name in names]
depths = keras.Model(
    base_model.input, [pool(grid) for grid in [*grids, base_model.output]]
)
tasks = {
    "cells: defects": (area_under_curve, images[::2], labels[::2], *some),
    "drawings: shapes": (accuracy, drawings, shapes, new_drawings, new_shapes),
}

# %% [markdown]
# Both tasks in one figure, with what guessing gives.

# %%
figure, ax = plt.subplots(figsize=(7, 3.2))
for (name, task), colour in zip(tasks.items(), (BLUE, ORANGE), strict=True):
    metric, pictures, known, new_pictures, new_known = task
    resized = [
        keras.ops.image.resize(p, (160, 160)) for p in (pictures, new_pictures)
    ]
    by_depth, new_by_depth = (depths.predict(p, verbose=0) for p in resized)
    read = [
        metric(fit_probe(by_depth[i], known), new_by_depth[i], new_known)
        for i in range(9)
    ]
    ax.plot(range(9), read, "o-", color=colour, label=name)
    ax.axhline(1 / len(set(known)), color=colour, linestyle=":")
ticks = ["stem", *(f"block {i}" for i in range(1, 8)), "top"]
ax.set_xticks(range(9), ticks, rotation=30)
ax.set(ylabel="AUC (defects), accuracy (shapes)", ylim=(0, 1))
ax.legend(loc="lower right")
figure.tight_layout()

# %% [markdown]
# *The figure shows what a linear probe reads at nine depths of
# EfficientNet-Lite0: the AUC for defects of solar cells, and the accuracy for
# drawn shapes; dotted, guessing.*
#
# **Interpret.** Shapes of drawings cannot be read from the averages of the
# first blocks, whose few channels respond to edges and colours; they arise in
# the second half. Defects can be read to some extent from the stem on, and this
# split shows no clear trend: dark parts are dark in every layer. For neither is
# the top clearly the best, perhaps because the last layers are tuned to
# ImageNet's thousand classes. Yosinski et al. (2014) showed by cutting networks
# apart that early layers are *general* and late ones *specific*. So: take the
# features of the last layer first, and where your pictures are unlike the
# source's, try a block or two earlier.
#
# **Exercise pm-03.** The course also comes with a small residual network, which
# learned from drawn scenes and materials. Build `my_extractor`, a model from
# pictures to the averages of its *fourth* depth (`"stage3_block1_relu2"`), with
# no trainable weights. (`load_backbone("residual")` has its weights.)

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
course.exercise("pm-03").check(my_extractor, new_drawings[:8])

# %% [markdown]
# ## Which source for which target?
#
# Two networks: EfficientNet-Lite0, with three million parameters and a million
# photographs behind it; and the small residual one, with half a million, which
# has seen nothing but drawings, of 64 by 64 pixels. Four tasks: *near* (shapes
# from the program that drew the residual network's scenes), *defects* (drawn
# metal surfaces), *histology* (drawn tissue), and the photographed *solar
# cells*.
#
# **Exercise pm-06.** For each task, which backbone would you take? Decide
# before you run the comparison: put `"efficientnet_lite0"` or `"residual"` in
# each place of a dict, `{"near": ..., "defects": ..., "histology": ...,
# "solar_cells": ...}`.

# %% tags=["exercise"]
# exercise: pm-06
my_choices = ...
### BEGIN SOLUTION
my_choices = {
    "near": "residual",
    "defects": "efficientnet_lite0",
    "histology": "efficientnet_lite0",
    "solar_cells": "efficientnet_lite0",
}
### END SOLUTION

# %% [markdown]
# **Run.** A probe on the frozen features of each, from four hundred labels: its
# accuracy for the six classes of *near* and of *defects*, its AUC where there
# are two.

# %%
backbones = {
    "efficientnet_lite0": (keras.Sequential([base_model, pool]), (160, 160)),
    "residual": (keras.Sequential([load_backbone("residual"), pool]), (64, 64)),
}
scores = pd.DataFrame(columns=list(backbones))
for target in ("near", "defects", "histology", "solar_cells"):
    ds = cells if target == "solar_cells" else load_dataset(target)
    known = some if ds is cells else to_arrays(ds.validation, 300)
    for name, (model, size) in backbones.items():
        train, test = (
            extract_features(
                model, (keras.ops.image.resize(x, size), y), cache=True
            )
            for x, y in (to_arrays(ds.train, 400), known)
        )
        probe = fit_probe(*train)
        metric = area_under_curve if len(ds.class_names) == 2 else accuracy
        scores.loc[target, name] = metric(probe, *test)
scores.astype(float).round(3)

# %% [markdown]
# How did you decide?

# %% tags=["check"]
course.exercise("pm-06").check(my_choices, scores)

# %% [markdown]
# **Interpret.** The small network wins where the target was drawn by the
# program that drew its source. On drawn tissue and on photographs the broad source
# is better here. On drawn metal the two are close: one draw of 300 pictures cannot
# tell, and over five draws (`drawings-for-drawings` and
# `photographs-for-photographs` in `docs/ledger.md`) the small network is ahead,
# most of all with few labels. One explanation: a source helps if it required
# the features that your task needs. But the two also differ in size, resolution
# and number of features, so they cannot prove it. So, to choose:
#
# - **Task.** A source whose pictures look very much like yours; if there is
#   none, a broad one.
# - **Data.** With few labels, take the best *frozen* features: try two or three
#   backbones on validation pictures, which takes a minute each.
# - **Budget.** Milliseconds on *your* processor, memory, the size of the file.
#   Twice the side of a picture is four times the work for convolutions, and up
#   to sixteen times for attention.
# - **Licence.** Weights have one, as pictures have. Read the card.
#
# Better on ImageNet is better elsewhere *on average* (Kornblith et al. 2019), not
# on all sets of pictures (Fang et al. 2023). And pretraining is not always worth
# it: with enough labels and steps, networks from scratch caught up in object
# detection (He et al. 2019), and on medical pictures small ones did about as
# well as large pretrained ones (Raghu et al. 2019).

# %% [markdown]
# ## Where the field went
#
# Backbones trained at very large scale, mostly without labels or from captions,
# and meant to be adapted to many tasks, are called *foundation models*. Frozen,
# with a head, their picture encoders are used as in lesson 00. None is part of
# the course: loading needs the internet, and two are released on request only.
#
# | backbone | learned from | parameters | licence |
# | --- | --- | --- | --- |
# | DINOv2 ViT-S/14 (Oquab et al. 2023) | 142 million pictures, no labels; distilled from a larger one | 22 M | Apache 2 |
# | DINOv3 (Siméoni et al. 2025) | 1,689 million pictures, no labels; distilled from a larger one | from 21 M | DINOv3 License, on request |
# | CLIP ViT-B/32 (Radford et al. 2021) | 400 million pictures with captions | 151 M, 88 M of them for pictures | MIT |
# | SigLIP 2 (Tschannen et al. 2025) | pictures with captions | 375 M, 93 M of them for pictures | Apache 2 |
# | UNI (Chen et al. 2024) | 100 million patches of tissue | 303 M | CC BY-NC-ND, on request |
#
# With `keras_hub`, `transformers` and `timm` installed, these lines load them,
# in the order of the table:
#
# ```python
# keras_hub.models.Backbone.from_preset("dinov2_small")
# transformers.AutoModel.from_pretrained("facebook/dinov3-vits16-pretrain-lvd1689m")
# transformers.CLIPModel.from_pretrained("openai/clip-vit-base-patch32")
# transformers.AutoModel.from_pretrained("google/siglip2-base-patch16-224")
# timm.create_model("hf-hub:MahmoodLab/UNI", pretrained=True, init_values=1e-5,
#                   dynamic_img_size=True)
# ```
#
# With CLIP or SigLIP you need no label at all: a sentence for each class ("a
# photograph of a cracked solar cell") is compared with the picture
# (*zero-shot*). So: for a new task, begin with DINOv2's or CLIP's frozen
# features where you may download them, and keep a small backbone for the phone.
#
# ## Questions

# %%
quiz

# %% [markdown]
# What this lesson concludes:

# %%
course.claim(
    area["0 to 255"] < area["as it should be"] - 0.02,
    "without scaling the AUC is lower, and nothing raises an error.",
)
print(
    f"Concluded: of a defective cell's nearest neighbours "
    f"{own['features']:.0%} are defective by features, {own['pixels']:.0%} by "
    f"pixels; without scaling a new head's AUC is {area['0 to 255']:.2f} "
    f"instead of {area['as it should be']:.2f}."
)

# %% [markdown]
# ## Take away
#
# - Neighbours in **feature space** give a first impression of a backbone for
#   your pictures, before anything is trained.
# - **Preprocessing belongs to the weights.** A wrong scale raises no error, and a
#   new head hides it: scale inside the model, once.
# - Early layers are **general**, late ones **specific**.
# - A very close source can beat a famous one; a broad one is the safer default.
#   Try both, frozen, on validation pictures.
#
# **Next:** lesson 02 freezes a backbone properly, and trains heads on it.
