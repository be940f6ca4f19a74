# %% [markdown]
# # Say it in PyTorch: the same weights, the same recipe, other traps
#
# - **Do:** load ImageNet's network into PyTorch, put a new head on it, fine-tune
#   it in two phases with a loop of your own, and carry a Keras model over.
# - **Learn:** three switches that Keras couples, optimizers with a rate for
#   each part, early stopping by hand, and what a saved file holds.
# - **Need:** lesson 03, and PyTorch, which `make lab REAL=real,torch` installs.
#   About 50 minutes.
#
# **From lesson 03.** In Keras you have set `base_model.trainable = True` after
# phase 1. What must follow before training goes on?
#
# <details><summary>Answer</summary>
#
# Compile again, with a new optimizer. Here it will be: make a new optimizer.
#
# </details>

# %% [markdown]
# ## Set up
#
# If PyTorch is not installed, this cell stops and prints the command that
# installs it.

# %%
from course_utils import course

course.begin("06")

import copy

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from efficientnet_lite_pytorch import EfficientNet
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import machine, pictures
from course_utils.backbones import load_backbone, top_classes
from course_utils.evaluation import experiments, plot_images

# %% [markdown]
# ## The same network, the same names
#
# The weights that this course reads into Keras were saved by PyTorch. In
# PyTorch you build the network in Python, then fill it with a **state dict**:
# names and tensors. Such files are pickles, and a pickle from a stranger may
# run any code. `weights_only=True`, the default since PyTorch `2.6`, is meant to
# prevent that, and was bypassed more than once: keep PyTorch up to date, and
# prefer `safetensors` from strangers.
#
# Pictures have their channels in front: `(batch, channels, height, width)`. The scaling
# is ours to do; in this course's Keras backbones it is inside the network.


# %%
def imagenet_network():
    network = EfficientNet.from_name("efficientnet-lite0")
    path = machine.verified_path("efficientnet_lite0")
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def to_torch(images):
    images = torch.tensor(np.asarray(images, "float32"))
    return (images.permute(0, 3, 1, 2) - 127) / 128


crops = [p[:, 106:533] for p in pictures.sample_photographs().values()]
photographs = keras.ops.image.resize(np.stack(crops), (224, 224))
photographs = np.asarray(photographs, "uint8")
with torch.inference_mode():
    logits = imagenet_network()(to_torch(photographs))
probabilities = logits.softmax(dim=1).numpy()
named = top_classes(probabilities, count=1)
print(plot_images(photographs, [0, 1], named).description)

# %% [markdown]
# *The figure shows a palace and a flower, each under the class that PyTorch
# finds likeliest.* ImageNet has no dahlia. **Predict:** how far from these are
# the probabilities of the Keras network?

# %%
keras_network = load_backbone("efficientnet_lite0", include_top=True)
difference = keras_network.predict(photographs, verbose=0) - probabilities
largest = np.abs(difference).max()
print(f"2 x 1000 probabilities, largest difference {largest:.0e}")
course.claim(largest < 1e-4, "both frameworks say the same.")

# %% [markdown]
# **Interpret.** A network is its weights and its arithmetic, and the framework is
# neither. So: before you port or compare anything, feed both sides the same
# picture, and demand the same numbers.
#
# | Keras | PyTorch |
# | --- | --- |
# | `(batch, height, width, channels)` | `(batch, channels, height, width)` |
# | kernel of `Dense`: `(inputs, units)` | weight of `nn.Linear`: `(units, inputs)` |
# | `layer.trainable = False` | `requires_grad_(False)`; for batch normalization *also* `eval()` |
# | `model(x, training=True)`, `fit` | `model.train()`, a mode that stays |
# | `model(x, training=False)`, `predict` | `model.eval()`, a mode that stays |
# | `predict` records no gradients | `with torch.inference_mode():` |
# | `model.compile(optimizer)` | `torch.optim.Adam(parameters)` |
# | recompile after unfreezing | make a new optimizer |
# | `fit` | a loop: `zero_grad`, `backward`, `step` |
# | softmax in the model, `sparse_categorical_crossentropy` | logits, `nn.CrossEntropyLoss` |
# | `EarlyStopping`, `ModelCheckpoint` | by hand |
# | `LearningRateSchedule` | `torch.optim.lr_scheduler`, `scheduler.step()` |
# | `BatchNormalization(momentum=0.99)` | `nn.BatchNorm2d(momentum=0.01)` |
# | `model.get_weights()`, a copy | `model.state_dict()`, *no* copy |
# | `tf.data.Dataset` | `DataLoader` |

# %% [markdown]
# ## Solar cells, as tensors
#
# Lesson 03's training and validation cells, in the same size, and all cells of the test
# modules. (Photographs: CC BY-NC-SA, as in lesson 00.)

# %%
table = pictures.load_solar_cells()


def load_part(split, count):
    own = table[table["split"] == split]
    own = own.sample(count, random_state=0) if count else own
    batches = pictures.from_table(own, image_size=(160, 160))
    images, labels = zip(*batches.as_numpy_iterator(), strict=True)
    return to_torch(np.concatenate(images)), torch.tensor(
        np.concatenate(labels), dtype=torch.long
    )


parts = {"train": 400, "validation": 150, "test": None}
cells = {split: load_part(split, count) for split, count in parts.items()}
for split, (images, labels) in cells.items():
    print(f"{split:<10} {tuple(images.shape)}, {labels.sum()} defective")
batch = cells["train"][0][:16]

# %% [markdown]
# ## Three switches
#
# Textbooks freeze a backbone with `param.requires_grad = False`. **Predict:**
# we do that to the whole network, call it twice on sixteen cells, and take no
# step of any optimizer. Which arrays move, in evaluation mode, and in training
# mode? And does the frozen network give the same answer twice?

# %%
for mode in (False, True):
    network = imagenet_network().requires_grad_(False).train(mode)
    with course.watch(network) as evidence:
        same = torch.equal(network(batch), network(batch))
    print(f"train({mode}): the two answers agree: {same}. {evidence}")
statistics = [c.is_statistic for c in evidence.changes if c.moved]
course.claim(statistics and all(statistics), "only statistics have moved.")

# %% [markdown]
# **Interpret.** In Keras, a frozen batch normalization layer works in inference
# mode. In PyTorch three switches know nothing of each other:
#
# - `requires_grad` decides which weights get gradients;
# - `train()` and `eval()` decide what batch normalization and dropout *do*;
# - `inference_mode()` decides whether anything is recorded for a backward pass.
#
# In training mode the two answers differ because this network drops features,
# and whole blocks, at random; batch normalization alone would give one batch
# the same answer twice. But its statistics drift, silently, as soon as a loop
# calls `model.train()` on a backbone that is frozen by `requires_grad` alone.
# So: freeze with `requires_grad_(False)`, and put the frozen part back into
# `eval()` each time that `train()` is called on the whole.
#
# **Exercise pt-01.** A loop from a library calls `model.train()` at the start of
# each epoch, and you cannot change the loop. Write a module, `my_model`, of
# `their_backbone` and `their_head`, whose backbone stays in evaluation mode
# whatever the loop calls, while dropout in the head follows the mode.

# %% tags=["exercise"]
# exercise: pt-01
their_backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
their_head = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.LazyLinear(2))
their_head(their_backbone(batch))
my_model = ...
### BEGIN SOLUTION


class OnFrozen(nn.Module):
    def __init__(self, backbone, head):
        super().__init__()
        self.backbone, self.head = backbone, head
        self.backbone.eval()

    def forward(self, images):
        return self.head(self.backbone(images))

    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self


my_model = OnFrozen(their_backbone, their_head)
### END SOLUTION

# %% [markdown]
# The check switches your model back and forth.

# %% tags=["check"]
course.exercise("pt-01").check(my_model, their_backbone, their_head, batch)

# %% [markdown]
# ## Compute the frozen part once
#
# We are going to train the last five of this package's sixteen blocks, which Keras
# names `block6` and `block7`. What comes before never changes, so its answers are
# computed once, for each cell as it is and flipped: lesson 02's cache, by hand. `cut`
# splits the network into the frozen part and the rest, which ends in averaging.
# (`no_grad` and not `inference_mode`, since we train on what comes out.)


# %%
def cut(network, at=11):
    stem = [network._conv_stem, network._bn0, network._swish]
    top = [network._conv_head, network._bn1, network._swish]
    top += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return (
        nn.Sequential(*stem, *network._blocks[:at]),
        nn.Sequential(*network._blocks[at:], *top),
    )


def through(module, images):
    module.eval()
    with torch.no_grad():
        return torch.cat([module(some) for some in images.split(64)])


first, rest = cut(imagenet_network())
maps = {split: through(first, images) for split, (images, _) in cells.items()}
flipped = through(first, cells["train"][0].flip(3))
print(f"{tuple(batch.shape[1:])} -> {tuple(flipped.shape[1:])}")

# %% [markdown]
# ## Phase 1: the head, in a loop of your own
#
# One step of training takes three lines, in this order. A new head is one
# `nn.Linear`. It gives **logits**, since PyTorch's cross-entropy has its own
# softmax.


# %%
def make_step(model, optimizer, inputs, labels):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(inputs), labels).backward()
    optimizer.step()


def auc_of(model, inputs, split):
    logits = through(model, inputs[split])
    return roc_auc_score(cells[split][1], logits[:, 1] - logits[:, 0])


# %% [markdown]
# The optimizer holds what it is given, here the head and nothing else.

# %%
torch.manual_seed(0)
head = nn.Linear(1280, 2)
features = {split: through(rest, some) for split, some in maps.items()}
training_set = TensorDataset(features["train"], cells["train"][1])
feature_loader = DataLoader(training_set, batch_size=32, shuffle=True)
optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
for _ in range(20):
    for inputs, labels in feature_loader:
        make_step(head, optimizer, inputs, labels)
rest.requires_grad_(False)
phase_1 = nn.Sequential(rest, head)
frozen_auc = auc_of(head, features, "validation")
print(f"Validation AUC {frozen_auc:.3f}")

# %% [markdown]
# **Interpret.** `zero_grad`, because `backward` *adds* to what is there: forget
# it, and each step follows the sum of all gradients so far. So: write these
# lines once, in a function, and never again.
#
# ## An optimizer holds what it was given
#
# An optimizer keeps **parameter groups**, each with its own rate: that is how
# PyTorch does discriminative learning rates. **Predict:** we unfreeze the backbone
# after phase 1, and train on with the optimizer of phase 1. What moves?

# %%
some = maps["train"][:16], cells["train"][1][:16]
model = copy.deepcopy(phase_1).eval()
optimizer = torch.optim.Adam(model[1].parameters(), lr=1e-3)
model.requires_grad_(True)
with course.watch(model) as evidence:
    make_step(model, optimizer, *some)
print(evidence)

# %% [markdown]
# Two arrays, and they are the head's. We add the backbone as a group:

# %%
optimizer.add_param_group({"params": model[0].parameters(), "lr": 1e-4})
with course.watch(model) as evidence:
    make_step(model, optimizer, *some)
print(evidence)

# %% [markdown]
# **Interpret.** The flags said that everything trains, and the optimizer
# trained what it held. The same happens to a head that is put on *after* the
# optimizer is made: it stays random for good. PyTorch says nothing in either
# case. So: set flags and heads, **then** make the optimizer; or add a group.
#
# **Exercise pt-02.** Make `my_optimizer` for `model`: an `AdamW` in which the
# head, `model[1]`, trains at `1e-3` and the backbone, `model[0]`, at `1e-4`.
# Weight decay is `1e-2` on all kernels, and none on the scales and shifts of
# batch normalization, which are the backbone's parameters of one dimension. (On
# the head's bias it is as you like.)

# %% tags=["exercise"]
# exercise: pt-02
my_optimizer = ...
### BEGIN SOLUTION
backbone, new_head = model
kernels = [p for p in backbone.parameters() if p.ndim > 1]
scales_and_shifts = [p for p in backbone.parameters() if p.ndim == 1]
my_optimizer = torch.optim.AdamW(
    [
        {"params": new_head.parameters(), "lr": 1e-3},
        {"params": kernels},
        {"params": scales_and_shifts, "weight_decay": 0.0},
    ],
    lr=1e-4,
    weight_decay=1e-2,
)
### END SOLUTION

# %% [markdown]
# The check looks up each parameter in the groups.

# %% tags=["check"]
course.exercise("pt-02").check(my_optimizer, model)

# %% [markdown]
# ## Phase 2, twice
#
# A widely copied recipe ends with `optim.Adam(model.parameters(), lr=1e-5)`.
# That is a rate for the backbone, and the head gets it as well, a hundred times
# lower than before. We compare it with a rate for each part. (The backbone's
# differs, too; the next section changes one thing at a time.) In both, a
# **scheduler** lowers the rates along a cosine, when we tell it that an epoch
# is over.
#
# Both loops keep the statistics of batch normalization, and a copy of the best weights
# so far, beginning with those of phase 1. **Predict:** after five epochs, how far has
# the head moved in each?


# %%
def fine_tune(model, optimizer, epochs=5):
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    curve, kept = [frozen_auc], copy.deepcopy(model.state_dict())
    for _ in range(epochs):
        model.eval()  # No dropout after `cut`: it only keeps statistics.
        for plain, mirrored, some_labels in loader:
            mirror = torch.rand(len(some_labels), 1, 1, 1) < 0.5
            inputs = torch.where(mirror, mirrored, plain)
            make_step(model, optimizer, inputs, some_labels)
        scheduler.step()
        curve.append(auc_of(model, maps, "validation"))
        if curve[-1] > max(curve[:-1]):
            kept = copy.deepcopy(model.state_dict())
    moved = (model[1].weight - head.weight).norm() / head.weight.norm()
    model.load_state_dict(kept)
    return curve, moved.item()


# %% [markdown]
# Five epochs each, from the same phase 1. (A group with the same rate for all is
# what `Adam(model.parameters(), lr=1e-5)` makes.)

# %%
recipes = {"all 1e-5": (1e-5, 1e-5), "by group": (1e-3, 1e-4)}
triples = TensorDataset(maps["train"], flipped, cells["train"][1])
loader = DataLoader(triples, batch_size=16, shuffle=True)
figure, ax = plt.subplots(figsize=(5, 3.2))
for name, (head_rate, rate) in recipes.items():
    model = copy.deepcopy(phase_1).requires_grad_(True)
    groups = [{"params": model[0].parameters(), "lr": rate}]
    groups += [{"params": model[1].parameters(), "lr": head_rate}]
    curve, moved = fine_tune(model, torch.optim.Adam(groups))
    ax.plot(curve, marker="o", label=name)
    test_auc, best_epoch = auc_of(model, maps, "test"), np.argmax(curve)
    print(f"{name}: test AUC {test_auc:.3f}, kept epoch {best_epoch};", end=" ")
    print(f"the head had moved by {moved:.1%}")
ax.set(xlabel="epochs of phase 2", ylabel="validation AUC")
ax.legend()
frozen_test = auc_of(head, features, "test")
print(f"phase 1:  test AUC {frozen_test:.3f}")

# %% [markdown]
# *The figure shows the AUC on the validation modules over the epochs of phase 2,
# beginning with phase 1, for both optimizers. What was kept is the best epoch.*
#
# **Interpret.** Adam moves a weight by hardly more than its rate in a step, so 125
# steps of at most `1e-5` leave the head nearly where it was, however wrong it
# is for features that change under it. A group of its own lets it follow. Whether the
# *result* gets better is another question. Epoch 0 may win, and the test modules need
# not confirm what a few validation modules chose. So: keep phase 1 among the
# candidates, and repeat on other draws before you promise a gain.
#
# ## Other draws, in both frameworks
#
# Such recipes, at constant rates, were run on other draws of modules, in Keras and in
# PyTorch (`python -m benchmarks.real_ground frameworks`). The last eight blocks are
# trained there, `block5` to `block7`, and Keras was run only with one rate for all
# weights. **Predict:** which differs more, the framework or the draw?

# %%
experiments.show("frameworks", gain=True)
rows = pd.read_csv(machine.data_dir() / "experiments" / "real_frameworks.csv")
auc = rows.pivot_table("auc", ["recipe", "seed"], "framework").dropna()
apart = (auc["PyTorch"] - auc["Keras"]).groupby("recipe")
spread = np.ptp(auc.groupby("seed").mean(), axis=0).mean()
print(apart.agg(["count", "mean", "min", "max"]).round(3).to_string())
print(f"From the hardest draw to the easiest: {spread:.3f}")

# %% [markdown]
# *The figure shows what other rates of phase 2 add to the AUC on new modules,
# above that of `1e-5` for all weights: means and 95 % intervals over draws. The
# table has PyTorch's AUC minus that of Keras on the same draw.*
#
# **Interpret.** Cells, batches and flips were the same; what still differs is the
# head's first weights, Adam's epsilon, rounding, and the scales and shifts of batch
# normalization, which only PyTorch trained. At `1e-4` that can pick another epoch, and
# move a score visibly; a draw of other modules moves it more. So: never choose a
# framework by one score, and take differences draw by draw.
#
# And a rate of the head's own? In the figure it gains nothing, perhaps because after
# phase 1 the head is trained; other seeds leave it open (`the-head-keeps-its-rate` in
# `docs/ledger.md`). So: train the head first. A group of its own makes most sense
# where the head is *new* in phase 2.
#
# **Exercise pt-03.** Fine-tune only the top, with evidence. In `my_model`, train the
# last block and what follows, `my_model[0][4:]`, at `1e-4`, and the head at `1e-3`. The
# earlier blocks and all statistics stay as they are. Run one epoch of `loader`, on
# `plain` alone if you like, inside `with course.watch(my_model) as my_evidence:`.

# %% tags=["exercise"]
# exercise: pt-03
my_model = copy.deepcopy(phase_1)
my_evidence = ...
### BEGIN SOLUTION
my_model.requires_grad_(False)
late = my_model[0][4:].requires_grad_(True)
my_model[1].requires_grad_(True)
groups = [{"params": late.parameters(), "lr": 1e-4}]
groups += [{"params": my_model[1].parameters(), "lr": 1e-3}]
optimizer = torch.optim.Adam(groups)
my_model.eval()
with course.watch(my_model) as my_evidence:
    for plain, _, some_labels in loader:
        make_step(my_model, optimizer, plain, some_labels)
### END SOLUTION

# %% [markdown]
# The check goes by what moved, and at which rates.

# %% tags=["check"]
course.exercise("pt-03").check(my_model, my_evidence)

# %% [markdown]
# ## Stop early, by hand
#
# **Exercise pt-04.** A colleague keeps the best weights with
# `best = model.state_dict()`, and at the end always gets the last ones. A state
# dict holds the tensors themselves, and training goes on writing into them: keep
# a `copy.deepcopy`.
#
# Do it better. `one_epoch()` trains `my_head` for an epoch, and returns its
# loss on the validation cells. Call it at most 60 times, and stop when the loss
# has had no new minimum for 5 epochs. Leave the best epoch's weights in
# `my_head`, and all losses, in their order, in `my_losses`.

# %% tags=["exercise"]
# exercise: pt-04
my_head = nn.Linear(1280, 2)
head_optimizer = torch.optim.Adam(my_head.parameters(), lr=1e-2)


def one_epoch():
    for inputs, some_labels in feature_loader:
        make_step(my_head, head_optimizer, inputs, some_labels)
    logits = through(my_head, features["validation"])
    loss = nn.functional.cross_entropy(logits, cells["validation"][1])
    return loss.item()


my_losses = ...
### BEGIN SOLUTION
my_losses = []
while len(my_losses) < 60:
    my_losses.append(one_epoch())
    best = int(np.argmin(my_losses))
    if best == len(my_losses) - 1:
        best_weights = copy.deepcopy(my_head.state_dict())
    if len(my_losses) - 1 - best == 5:
        break
my_head.load_state_dict(best_weights)
print(f"{len(my_losses)} epochs, the best of them is epoch {best + 1}.")
### END SOLUTION

# %% [markdown]
# The check asks your head for its loss.

# %% tags=["check"]
course.exercise("pt-04").check(
    my_losses, my_head, features["validation"], cells["validation"][1]
)

# %% [markdown]
# ## Save it, load it, use it
#
# What is saved is the state dict of the trained part; in use, the frozen part `first`
# comes before it. Neither code nor mode is in the file. A newly built network is in
# training mode, and loading weights does not change that: call `eval()`.

# %%
path = machine.work_dir() / "lesson_06.pt"
torch.save(model.state_dict(), path)
loaded = nn.Sequential(cut(imagenet_network())[1], nn.Linear(1280, 2)).eval()
loaded.load_state_dict(torch.load(path, weights_only=True))
with torch.inference_mode():
    pairs = [m(maps["test"][:16]) for m in (loaded, model)]
course.claim(torch.equal(*pairs), "what was loaded says what was saved.")

# %% [markdown]
# ## Other families
#
# **torchvision** has the networks that most texts name, each one call away.
# `weights="DEFAULT"` downloads ImageNet's; `weights=None` is random. Each set of
# weights has its own preprocessing: `get_model_weights(name).DEFAULT.transforms()`
# gives it, and leaving it out is lesson 01's mismatch again. The last linear layer is
# `fc` in a ResNet, `classifier[1]` in an EfficientNet, `heads.head` in a vision
# transformer; this finds it in all three.
#
# ```python
# import torchvision
# from torch import nn
#
#
# def with_new_head(name, num_classes, weights="DEFAULT"):
#     network = torchvision.models.get_model(name, weights=weights)
#     linear = [n for n, m in network.named_modules() if type(m) is nn.Linear]
#     last = network.get_submodule(linear[-1])
#     head = nn.Linear(last.in_features, num_classes)
#     network.set_submodule(linear[-1], head)
#     return network, head
#
#
# network, head = with_new_head("resnet50", num_classes=2)
# ```
#
# `cut` fits our network only; the rest of this lesson holds for them as it is.
# A vision transformer has no batch normalization, so it has one trap fewer. The
# mode still switches its dropout, whose rate is zero in torchvision by default.
#
# ## From a blank page
#
# **Exercise pt-05.** `their_model` was built in Keras. Make `my_module`, a PyTorch
# module ready for use, that takes the *same* input, a tensor of pictures
# `(n, 128, 128, 3)` from 0 to 255, and gives the same probabilities.

# %% tags=["exercise"]
# exercise: pt-05
keras_base = load_backbone("efficientnet_lite0", input_shape=(128, 128, 3))
average = keras.layers.GlobalAveragePooling2D()
dense = keras.layers.Dense(2, activation="softmax")
their_model = keras.Sequential([keras_base, average, dense])
my_module = ...
### BEGIN SOLUTION


class Ported(nn.Module):
    def __init__(self, kernel, bias):
        super().__init__()
        self.backbone = nn.Sequential(*cut(imagenet_network()))
        self.head = nn.Linear(*kernel.shape)
        weights = {"weight": torch.tensor(kernel.T), "bias": torch.tensor(bias)}
        self.head.load_state_dict(weights)

    def forward(self, images):
        scaled = (images.permute(0, 3, 1, 2).float() - 127) / 128
        return self.head(self.backbone(scaled)).softmax(dim=1)


my_module = Ported(*dense.get_weights()).eval()
### END SOLUTION

# %% [markdown]
# The check feeds both the same pictures.

# %% tags=["check"]
course.exercise("pt-05").check(my_module, their_model)

# %% [markdown]
# ## Questions

# %%
print(
    f"Concluded: in PyTorch a head on the frozen network also reaches a test "
    f"AUC of {frozen_test:.2f}. Phase 2, with a rate for each part, kept epoch "
    f"{best_epoch}, with {test_auc:.2f}."
)
quiz = course.quiz("06")
quiz

# %% [markdown]
# ## Take away
#
# - The same weights give **the same numbers** in both frameworks; demand it before
#   you compare anything else.
# - **Three switches**: `requires_grad`, `train()` or `eval()`, and
#   `inference_mode`. A frozen backbone needs the first two.
# - Flags and heads first, **then the optimizer**, with a group for each part.
# - `state_dict()` is **no copy**.
#
# **Next:** take your own pictures (lesson 05) through this loop. Lesson 07 goes
# beyond the recipe.
