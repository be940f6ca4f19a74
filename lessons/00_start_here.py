# %% [markdown]
# # Start here: train your first model on a pretrained backbone
#
# - **Do:** take a network that has learned from other pictures, put a new
#   head on it, train the head on pictures of metal surfaces, and let it
#   name the defect in a picture that it has never seen.
# - **Learn:** what *backbone*, *head* and *freezing* mean, how a lesson of this
#   course works, and where its weights and pictures come from.
# - **Need:** some Python. No network, no graphics card. About 10 minutes, of
#   which the computer takes less than one.
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

import keras
import matplotlib.pyplot as plt
import numpy as np

from course_utils.backbones import load_backbone
from course_utils.datasets import dataset_folder
from course_utils.embedded import card

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
    pictures = sorted(class_folder.glob("*.jpg"))
    print(f"{class_folder.name:<16} {len(pictures)} pictures to train on")

# %% [markdown]
# Keras reads such folders. There are three parts: one to *train* on, one to
# *validate* on while we decide things, and one to *test* on, once, at the end.
# The pictures are grey; we load them in three equal channels, since the
# backbone expects colour.

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
# glance; others are easily mistaken for each other.*

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
print(f"A picture  {base_model.input_shape[1:]}")
print(f"becomes    {base_model.output_shape[1:]} features.")

# %% [markdown]
# We want to use what it knows and not to change it. So we **freeze** it:
# training will leave its weights alone. To be able to prove that, we keep a
# copy of them.

# %%
base_model.trainable = False
weights_before = base_model.get_weights()

# %% [markdown]
# ## Put a head on it
#
# The **head** is new: it turns the backbone's features into one probability
# for each of our classes. Ours is as small as can be. It averages each feature
# over the picture, and weighs the averages with one dense layer.

# %%
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

# %% [markdown]
# ## Predict, then run
#
# **Predict.** With six classes of equal size, a model that guesses is right
# once in six. What share of the test pictures will the trained model name
# rightly? Put your guess in place of the dots, for example `0.5`. It is not
# judged; it only makes you look more closely at the answer.

# %%
my_guess = ...

# %% [markdown]
# **Run.** Ten times through the training pictures (ten *epochs*). After each,
# Keras prints how well the model does on the pictures that it trains on
# (`accuracy`) and on those that it does not (`val_accuracy`). You can stop any
# cell with the square button above, and run it again.

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
# *The figure shows accuracy after each epoch, on training and on validation
# pictures, and where guessing would be.*
#
# **Interpret.** Now the test pictures, which nothing has seen so far. This is
# the number that counts.

# %%
_, test_accuracy = model.evaluate(test_ds, verbose=0)
print(f"Accuracy on test pictures: {test_accuracy:.3f}")
if my_guess is not ...:
    print(f"Your guess was:            {my_guess}")
course.claim(
    test_accuracy > 2 / num_classes,
    "the model is right more than twice as often as guessing.",
)

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
# You have just done **transfer learning**: what was learned on one task serves
# another.

# %% [markdown]
# ## Name the defect in one picture
#
# A model is for using. We take one test picture, with scratches that we can see
# ourselves, and ask for the probability of each class. The model expects a
# *batch*, so one picture becomes a batch of one.

# %%
true_class, number = "scratches", 13
path = sorted((folder / "test" / true_class).glob("*.jpg"))[number]
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
# Try another: change `"scratches"` to a different class, or `13` to another
# number, and run the two cells again.

# %% [markdown]
# ## How a lesson works
#
# You have met the rhythm: **predict, run, interpret**. Two things more come
# with every lesson: exercises, which are checked at once, and questions.
#
# In an exercise you replace the dots `...` with your own code, as often as you
# like. No later cell needs your answer, so you can leave an exercise and come
# back.
#
# First, the true and the predicted class of every test picture.

# %%
labels = np.concatenate([batch_labels for _, batch_labels in test_ds])
predictions = model.predict(test_ds, verbose=0).argmax(axis=1)
print(f"True:      {labels[:4]} ... {labels[-4:]}")
print(f"Predicted: {predictions[:4]} ... {predictions[-4:]}")

# %% [markdown]
# **Exercise sh-01.** Accuracy is an average over all classes. The mill cares
# about one kind of defect: of all the pictures that truly show `inclusion`,
# what share did the model call `inclusion`? That share is called the
# **recall** of the class. Compute it from `labels` and `predictions`.

# %% tags=["exercise"]
# exercise: sh-01
inclusion = class_names.index("inclusion")
recall = ...
### BEGIN SOLUTION
recall = np.mean(predictions[labels == inclusion] == inclusion)
### END SOLUTION

# %% [markdown]
# Check it. A check changes nothing, so a wrong answer costs nothing and tells
# you something.

# %% tags=["check"]
course.exercise("sh-01").check(recall, labels, predictions, inclusion)

# %% [markdown]
# **Question.** Each lesson ends with some; here is a first one.

# %%
quiz = course.quiz("00")
quiz

# %% [markdown]
# Put the letter of your answer in place of the dots, for example `"a"`. Every
# choice has an answer of its own, so the wrong ones are worth a look too.

# %% tags=["exercise"]
choice = ...
### BEGIN SOLUTION
choice = "c"
### END SOLUTION
quiz.answer("q1", choice)

# %% [markdown]
# ## Where the weights and the pictures come from
#
# Most courses download a backbone that was pretrained on ImageNet, millions of
# photographs. This one can do that too, in a later lesson. By default it uses
# **embedded** files, which come with the course in its folder `data/`: the
# same on every machine, no network, no account, minutes instead of hours.
#
# Both the embedded weights and the embedded pictures are *generated*. The
# backbone was pretrained on drawn scenes, a published method (Kataoka et al.
# 2020, 2022); it is small, and does not stand for ImageNet. The metal
# surfaces, too, are drawn by a program. What you learn about training carries
# over; the accuracies are those of these pictures and no others.
#
# Each file has a card that says how it was made. A file that differs from its
# card is never used.

# %%
for kind, name in (("backbones", "residual"), ("datasets", "defects")):
    facts = card(kind, name)
    print(f"{facts['title']}\n  {facts['origin']}")
    print(f"  licence {facts['licence']}, made by: {facts['made_by']}")
    print(f"  sha256 {facts['file']['sha256'][:16]}... checked when loaded\n")

# %% [markdown]
# ## The map of the course
#
# | lesson | afterwards you can |
# | --- | --- |
# | **00 Start here** | put a head on a pretrained backbone, and have an answer checked |
# | 01 Pretrained models | choose a backbone, load it and look inside |
# | 02 Feature extraction | freeze correctly, cache features, tell when frozen features are not enough |
# | 03 Fine-tuning | unfreeze, recompile, choose a learning rate, stop in time |
# | 04 Domain adaptation | train with scarce medical labels, and survive another scanner |
# | 05 Your own images | do all of it on a folder of your own |
#
# The list on the left of JupyterLab shows the lessons that your copy of the
# course has; the others are being written.

# %%
print(
    f"Concluded: a new head on a frozen backbone names {test_accuracy:.0%} of "
    f"the test pictures rightly; guessing would name {1 / num_classes:.0%}."
)

# %% [markdown]
# ## Take away
#
# - A **backbone** turns pictures into features; a **head** turns features into
#   an answer.
# - **Freezing** keeps what the backbone has learned. You proved it by its
#   weights, not by a setting.
# - Test pictures are used once, at the end.
#
# **Next:** lesson 01 looks inside the backbone.
