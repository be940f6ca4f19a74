# %% [markdown]
# # Start here: train your first model on a pretrained backbone
#
# - **Do:** take a network that has learned from other pictures, put a new
#   head on it, train the head on pictures of metal surfaces, and let it
#   name the defect in a picture that it has never seen.
# - **Learn:** what *backbone*, *head* and *freezing* mean, how a lesson of this
#   course works, and where its weights and pictures come from.
# - **Need:** Python, and to have seen a Keras model, a layer and `fit` once
#   before. No network, no graphics card. About 10 minutes, of which the
#   computer takes about one.
#
# Run the cells from top to bottom with <kbd>Shift</kbd>+<kbd>Enter</kbd>.

# %% [markdown]
# ## Set up
#
# Every lesson begins with one cell like this. `course.begin` loads Keras and
# TensorFlow (some seconds), fixes the random seed, so that running the lesson
# again on your machine gives the same numbers, and prints the versions in use.

# %%
from course_utils import course

course.begin("00")

import textwrap

import keras
import matplotlib.pyplot as plt
import numpy as np

from course_utils.backbones import load_backbone
from course_utils.machine import card
from course_utils.pictures import dataset_folder

# %% [markdown]
# ## Look at the pictures
#
# A rolling mill wants to know which defect a camera has seen on its steel.
# There are six kinds. (These pictures are drawn by a program; more on that
# below.) They lie in folders on your disk, one folder a class, as you would
# sort your own.

# %%
folder = dataset_folder("defects")
for class_folder in sorted((folder / "train").iterdir()):
    counts = [
        f"{len(list((folder / part / class_folder.name).iterdir()))} {part}"
        for part in ("train", "validation", "test")
    ]
    print(f"{class_folder.name:<16} {', '.join(counts)}")

# %% [markdown]
# Keras reads such folders. There are three parts: one to *train* on, one to
# *validate* on while we look around and decide things, and one to *test* on,
# once, when all is decided. The pictures are grey; we load them in three equal
# channels, since the backbone expects colour.

# %%
options = {"image_size": (64, 64), "batch_size": 32, "verbose": False}
load_folder = keras.utils.image_dataset_from_directory
train_ds = load_folder(folder / "train", seed=0, **options)
validation_ds = load_folder(folder / "validation", shuffle=False, **options)
test_ds = load_folder(folder / "test", shuffle=False, **options)
class_names = train_ds.class_names
num_classes = len(class_names)

# %% [markdown]
# A picture is an array of height by width by channels, with numbers from 0
# (black) to 255 (white). Always look at some before you train.

# %%
figure, axes = plt.subplots(num_classes, 6, figsize=(7, 7.4))
for row, name in zip(axes, class_names, strict=True):
    paths = sorted((folder / "train" / name).glob("*.jpg"))
    for ax, path in zip(row, paths, strict=False):
        ax.imshow(plt.imread(path), cmap="gray", vmin=0, vmax=255)
        ax.set(xticks=[], yticks=[])
    label = name.replace("_", "\n")
    row[0].set_ylabel(label, rotation=0, ha="right", va="center")
figure.suptitle("Six pictures of each kind of defect")
figure.tight_layout()

# %% [markdown]
# *The figure shows a row for each kind of defect. Some kinds differ at a
# glance; others are easily mistaken for each other.* Two things make it hard:
# some defects are so faint that you may not see them, and some pictures carry
# a faint mark of a second kind. The label names the stronger one.

# %% [markdown]
# ## Load a backbone
#
# With few pictures it is hard to learn to see from nothing. So we start from a
# network that has already learned to see, from very many *other* pictures. Its
# part that turns a picture into features is called the **backbone**, in code
# `base_model`. This one is a residual network (He et al. 2016). (Is it really
# better than starting from nothing? Lesson 02 puts that to the test.)

# %%
base_model = load_backbone("residual")
print(f"{base_model.count_params():,} numbers were learned before today.")
print(f"A picture (height, width, channels) {base_model.input_shape[1:]}")
print(f"becomes a grid of features          {base_model.output_shape[1:]}")

# %% [markdown]
# Where are the numbers from 0 to 255 scaled to what the network wants? Inside:
# that is the backbone's first layer. (Other backbones leave it to you, a
# famous source of trouble, and a topic of lesson 01.)
#
# We want to use what the backbone knows. But the head will start with random
# weights, and while it is still wrong about everything, its corrections could
# spoil weights that are already good (lesson 03b measures when they do). So we
# **freeze** the backbone: training will leave its weights alone. To be able to
# prove that, we keep a copy.

# %%
base_model.trainable = False
weights_before = base_model.get_weights()

# %% [markdown]
# ## Put a head on it
#
# The **head** is new: it turns the backbone's features into one probability
# for each of our classes. Ours is as small as can be. It averages each feature
# over the picture, and weighs the averages with one dense layer; `softmax`
# makes probabilities of the result. The loss compares them with the true
# class; the optimizer Adam takes steps that make the loss smaller.


# %%
def put_head_on(base_model):
    inputs = keras.Input(shape=(64, 64, 3))
    features = base_model(inputs)
    averages = keras.layers.GlobalAveragePooling2D()(features)
    outputs = keras.layers.Dense(num_classes, activation="softmax")(averages)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-2),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


model = put_head_on(base_model)

# %% [markdown]
# ## Predict, then run
#
# **Predict.** With six classes of equal size, a model that guesses is right
# once in six. What share of the test pictures will the trained model name
# rightly? Put your guess in place of the dots, for example `0.5`. It makes you
# look more closely at the answer.

# %% tags=["exercise"]
quiz = course.quiz("00")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.75
### END SOLUTION
quiz.answer("q1", my_guess)

# %% [markdown]
# **Run.** Ten times through the training pictures (ten *epochs*). Keras prints
# the accuracy on the pictures that it trains on, and after each epoch the
# accuracy on validation pictures (`val_accuracy`). You can stop any cell with
# the square button above. If you run this one again, training goes on from
# where it is; to start afresh, run the cell above that makes the model first.

# %%
history = model.fit(
    train_ds, validation_data=validation_ds, epochs=10, verbose=2
)

# %% [markdown]
# Ten lines of numbers say less than one picture of them.

# %%
epochs = np.array(history.epoch) + 1
figure, ax = plt.subplots(figsize=(6, 3.2))
ax.plot(epochs, history.history["accuracy"], "o-", label="training")
ax.plot(epochs, history.history["val_accuracy"], "s--", label="validation")
ax.axhline(1 / num_classes, color="gray", linestyle=":", label="guessing")
ax.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
ax.legend(loc="lower right")
figure.tight_layout()

# %% [markdown]
# *The figure shows the accuracy on training and on validation pictures, epoch
# by epoch, and where guessing would be.*
#
# **Interpret.** Most is learned in the first epochs; then the curves flatten:
# so small a head has soon learned what there is for it to learn. In the first
# epochs validation may lie above training. That is no magic: the training
# accuracy is averaged *during* the epoch, while the head is still poor, and
# validation is measured at its end.
#
# All is decided now. So we use the test pictures, which nothing has seen so
# far, and we use them once.

# %%
_, test_accuracy = model.evaluate(test_ds, verbose=0)
print(f"Accuracy on test pictures: {test_accuracy:.3f}")
course.claim(
    test_accuracy > 2 / num_classes,
    "the model is right more than twice as often as guessing.",
)
quiz.outcome("q1", test_accuracy)

# %% [markdown]
# And the backbone? If freezing did what we said, not one of its numbers has
# moved, and only the head has learned.

# %%
weights_after = base_model.get_weights()
same = [
    np.array_equal(before, after)
    for before, after in zip(weights_before, weights_after, strict=True)
]
course.claim(all(same), "no weight of the frozen backbone has moved.")
trained = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
print(f"{trained:,} of {model.count_params():,} numbers were trained.")

# %% [markdown]
# ## Was it the pretraining?
#
# Perhaps the head would have done as well without. So we take away just one
# thing: the same backbone with random weights (`weights=None`), frozen, under
# the same head. **Predict** before you run: will it be as good, worse, or no
# better than guessing?

# %%
untaught = load_backbone("residual", weights=None)
untaught.trainable = False
control = put_head_on(untaught)
control.fit(train_ds, epochs=10, verbose=2)
_, with_pretraining = model.evaluate(validation_ds, verbose=0)
_, without = control.evaluate(validation_ds, verbose=0)
print(f"Validation accuracy with pretraining {with_pretraining:.3f}")
print(f"                    without          {without:.3f}")
course.claim(
    with_pretraining > without + 0.1,
    "the pretrained features are better than random ones, by far.",
)

# %% [markdown]
# What was learned on one task serves another: that is **transfer learning**.
# A backbone with random weights is a weak opponent, though. Training the whole
# network from nothing on the same pictures is a stronger one; lesson 02 lets
# them compete.

# %% [markdown]
# ## Name the defect in one picture
#
# A model is for using. We take one picture that it was not trained on, and ask
# for the probability of each class. The model expects a *batch*, so one
# picture becomes a batch of one.

# %%
true_class, number = "scratches", 7
path = sorted((folder / "validation" / true_class).glob("*.jpg"))[number]
picture = keras.utils.load_img(path, color_mode="rgb")
batch = keras.utils.img_to_array(picture)[np.newaxis]
probabilities = model.predict(batch, verbose=0)[0]
print(f"The model says: {class_names[probabilities.argmax()]}")

# %% [markdown]
# The largest probability is the answer; the others say what else it could be.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6))
left.imshow(picture)
left.set(xticks=[], yticks=[], title=f"truly: {true_class}")
right.barh(class_names, probabilities)
right.set(xlim=(0, 1), xlabel="probability")
right.invert_yaxis()
figure.tight_layout()

# %% [markdown]
# *The figure shows the picture on the left, and on the right the probability
# that the model gives to each class.*
#
# Try another: change `"scratches"` to a different class, or `7` to another
# number from 0 to 49, and run the two cells again.

# %% [markdown]
# ## Where the weights and the pictures come from
#
# Most courses download a backbone that was pretrained on ImageNet, more than a
# million photographs. This one can do that too, in a later lesson. By default
# it uses **embedded** files, which come with the course in its folder `data/`:
# the same on every machine, no network, no account, minutes instead of hours.
#
# Both the embedded weights and the embedded pictures are *generated*. The
# backbone was pretrained on drawn scenes and drawn materials, in the spirit of
# published work on drawn pretraining (Kataoka et al. 2020, 2022). It is small,
# and does not stand for ImageNet. The metal surfaces, too, are drawn by a program. The
# steps that you learn carry over to photographs; the accuracies are those of
# these pictures and no others.
#
# Each file has a card that says how it was made and what its limits are. A
# file that differs from its card is never used.

# %%
for kind, name in (("backbones", "residual"), ("datasets", "defects")):
    facts = card(kind, name)
    print(f"{facts['title']}. Licence: {facts['licence']}.")
    print(f"Made by: {facts['made_by']}")
    for limit in facts["known_limits"]:
        print(textwrap.fill(limit, 76, initial_indent="- "))
    print()

# %% [markdown]
# ## How a lesson works
#
# You have met the rhythm: **predict, run, interpret**. Two things more come
# with every lesson: exercises and questions, both checked at once.
#
# In an exercise you replace the dots `...` with your own code, as often as you
# like. No later cell needs your answer, so you can leave an exercise and come
# back.
#
# First, the true and the predicted class of every validation picture.

# %%
labels = np.concatenate([batch_labels for _, batch_labels in validation_ds])
predictions = model.predict(validation_ds, verbose=0).argmax(axis=1)
inclusion = class_names.index("inclusion")
print(f"True:      {labels[:4]} ... {labels[-4:]}")
print(f"Predicted: {predictions[:4]} ... {predictions[-4:]}")

# %% [markdown]
# Counted, they make a *confusion matrix*: which kind is taken for which.

# %%
confusion = np.zeros((num_classes, num_classes), int)
np.add.at(confusion, (labels, predictions), 1)
figure, ax = plt.subplots(figsize=(5, 4))
ax.imshow(confusion, cmap="Blues")
for (row, column), count in np.ndenumerate(confusion):
    dark = count > confusion.max() / 2
    color = "white" if dark else "black"
    ax.text(column, row, count, ha="center", va="center", color=color)
ax.set_xticks(range(num_classes), class_names, rotation=45, ha="right")
ax.set_yticks(range(num_classes), class_names)
ax.set(xlabel="predicted", ylabel="true")
figure.tight_layout()

# %% [markdown]
# *The figure shows, for each true kind (row), how many validation pictures
# were given each name (column); right answers lie on the diagonal.*

# %% [markdown]
# **Exercise sh-01.** Accuracy is an average over all classes. The mill cares
# about one kind of defect: of all the pictures that truly show `inclusion`,
# what share did the model call `inclusion`? That share is called the
# **recall** of the class. Compute it from `labels`, `predictions` and
# `inclusion`, the number of that class.

# %% tags=["exercise"]
# exercise: sh-01
recall = ...
### BEGIN SOLUTION
recall = np.mean(predictions[labels == inclusion] == inclusion)
### END SOLUTION

# %% [markdown]
# Check it. A check trains nothing and changes nothing, so a wrong answer costs
# nothing and tells you something.

# %% tags=["check"]
course.exercise("sh-01").check(recall, labels, predictions, inclusion)

# %% [markdown]
# Stuck? Each exercise has hints in steps, `.hint()`, `.hint(2)` and so on, and
# once you have tried, a solution, `.solution()`.

# %%
course.exercise("sh-01").hint()

# %% [markdown]
# **Exercise sh-02.** Now the whole game by yourself: a fresh backbone, frozen,
# with a head of *two* dense layers, the first with 64 units and the activation
# `"relu"`. Train it for one epoch, with your `fit` inside
# `with course.watch(my_model) as evidence:`. That looks at the weights before
# and after, so that the check can tell what your training did to them.

# %% tags=["exercise"]
# exercise: sh-02
my_model = ...
evidence = ...
### BEGIN SOLUTION
my_base = load_backbone("residual")
my_base.trainable = False
inputs = keras.Input(shape=(64, 64, 3))
x = keras.layers.GlobalAveragePooling2D()(my_base(inputs))
x = keras.layers.Dense(64, activation="relu")(x)
x = keras.layers.Dense(num_classes, activation="softmax")(x)
my_model = keras.Model(inputs, x)
my_model.compile("adam", loss="sparse_categorical_crossentropy")
with course.watch(my_model) as evidence:
    my_model.fit(train_ds, epochs=1, verbose=2)
### END SOLUTION

# %% [markdown]
# The check compares your backbone with the file on disk, and asks what moved.

# %% tags=["check"]
course.exercise("sh-02").check(my_model, evidence)

# %% [markdown]
# ## Questions
#
# Each lesson ends with some. Every wrong choice has an answer of its own, so
# the wrong ones are worth a look too. The first one you have met above. Answer
# in the cards, with the mouse or the keyboard alone. (Where you see plain text
# instead of cards, `quiz.ask()` asks one question at a time.)

# %%
quiz

# %% [markdown]
# All this is remembered in a file beside your notebooks, `progress.jsonl`, and
# nowhere else. You can stop at any time and come back.

# %%
course.progress()

# %% [markdown]
# ## The map of the course
#
# | lesson | afterwards you can |
# | --- | --- |
# | **00 Start here** | put a head on a pretrained backbone, and have an answer checked |
# | 01 Pretrained models | choose a backbone, load it and look inside |
# | 02 Feature extraction | freeze correctly, cache features, tell when frozen features are not enough |
# | 03 Fine-tuning | unfreeze so that it trains, choose a learning rate and a depth |
# | 03b Fine-tuning traps | stop in time, tell forgetting from overfitting |
# | 04 Domain adaptation | judge a model with scarce medical labels |
# | 04b Another hospital | tell what breaks at another scanner, and what repairs it |
# | 05 Your own images | do all of it on a folder of your own |
#
# They lie in the list on the left of JupyterLab.

# %%
print(
    f"Concluded: a new head on a frozen backbone is right on "
    f"{test_accuracy:.0%} of the test pictures (guessing: 1 in {num_classes})."
)

# %% [markdown]
# ## Take away
#
# - A **backbone** turns pictures into features; a **head** turns features into
#   an answer.
# - **Freezing** keeps what the backbone has learned. You proved it by its
#   weights, not by a setting.
# - A number means little without another to compare it with: guessing, or the
#   same without pretraining.
# - Look around on validation pictures. Test pictures are used once, when all
#   is decided.
#
# **Next:** lesson 01 looks inside the backbone.
