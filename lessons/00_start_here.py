# %% [markdown]
# # Start here: teach a trained network something new
#
# - **Do:** let a network that knows a thousand things name a photograph, then
#   teach it one thing more: to find broken solar cells.
# - **Learn:** what *backbone*, *head* and *freezing* mean, and how a lesson of
#   this course works.
# - **Need:** Python, and to have seen a Keras model and `fit` once before. No
#   network, no graphics card. About 25 minutes.
#
# Run the cells from top to bottom with <kbd>Shift</kbd>+<kbd>Enter</kbd>.

# %% [markdown]
# ## Set up
#
# Every lesson begins with one cell like this. It loads Keras, which takes some
# seconds, and fixes the random seed, so that a second run gives the same
# numbers.

# %%
from course_utils import course

course.begin("00")

import keras
import numpy as np

from course_utils.backbones import load_backbone, top_classes
from course_utils.notebook import GuessWall, LiveTraining, NamedPhotograph
from course_utils.pictures import load_dataset, load_solar_cells
from course_utils.transfer import extract_features

# %% [markdown]
# ## A network that knows a thousand things
#
# EfficientNet-Lite0 was trained on ImageNet, more than a million photographs
# of a thousand kinds of things (Tan and Le 2019). What does it see here?

# %%
classifier = load_backbone("efficientnet_lite0", include_top=True)
photograph = NamedPhotograph(classifier)
photograph

# %% [markdown]
# *The figure shows a photograph, and the five classes that the network finds
# likeliest.* Now try one of your own: upload it with the button, or put it
# into the folder `work/` and run the cell again. It stays on your machine.
#
# By hand it is three lines. A picture is an array of numbers from 0 to 255, of
# height by width by three colours; this one is cut to the size that the network
# takes. Put it into a *batch* of one, and ask for the probabilities.

# %%
batch = photograph.picture[np.newaxis]
probabilities = classifier.predict(batch, verbose=0)
print(batch.shape, "->", top_classes(probabilities[0]))

# %% [markdown]
# ## Something it has never learned
#
# Solar cells glow in the infrared when a current is sent through them; cracked
# and dead parts stay dark. Whoever makes or mends solar modules photographs
# them so. Here are twenty such photographs, half of them of defective cells.
#
# They come from the ELPV data set (Buerhop-Lutz et al. 2018; Deitsch et al.
# 2019), 2,624 cells that experts have judged. **Its licence is CC BY-NC-SA: you
# may learn with it and share it, and not earn money.** For work, leave it out
# and use a folder of your own (lesson 05). We take twenty cells about which the
# experts were sure.

# %%
table = load_solar_cells()
sure = table["probability"].isin(["0.00", "1.00"])
cells = table[sure & (table["split"] == "validation")]
cells = cells.groupby("label").sample(10, random_state=0)
cells = cells.sample(frac=1, random_state=0)
load = keras.utils.load_img
wall_pictures = np.stack(
    [np.array(load(path, target_size=(160, 160))) for path in cells["image"]]
)
wall_labels = (cells["label"] == "defective").to_numpy().astype(int)

# %% [markdown]
# **Can you tell?** Press the button below each cell that you think is
# defective, then *That is my guess*. Scratches on the contacts and the grain
# of the silicon are no defects.

# %%
wall = GuessWall(wall_pictures, wall_labels, ("sound", "defective"))
wall

# %% [markdown]
# Without buttons, put the numbers of the defective cells in place of the dots,
# such as `[3, 8]`.

# %% tags=["exercise"]
my_numbers = ...
### BEGIN SOLUTION
my_numbers = [2, 5, 9, 11]
### END SOLUTION
wall.guess(my_numbers)

# %% [markdown]
# And the network? It has never seen a solar cell, and none of its thousand
# names fits.

# %%
large = keras.ops.image.resize(wall_pictures[:4], (224, 224))
for line in top_classes(classifier.predict(large, verbose=0), count=3):
    print(line)

# %% [markdown]
# ## Keep what it sees, replace what it says
#
# Its last layer is of no use for solar cells. All that comes before it is: it
# has learned to see edges, textures, cracks and shapes. That part is called
# the **backbone**, in code `base_model`. We load it without its last layer.
#
# Then we **freeze** it: training will leave its weights alone. To be able to
# prove that, we keep a copy of them.

# %%
base_model = load_backbone("efficientnet_lite0", input_shape=(160, 160, 3))
base_model.trainable = False
weights_before = base_model.get_weights()
print(f"{base_model.count_params():,} weights, learned before today")
print(f"from a picture {base_model.input_shape[1:]}")
print(f"to a grid of features {base_model.output_shape[1:]}")

# %% [markdown]
# The photographs lie in three parts: one to *train* on, one to *validate* on
# while we decide things, and one to *test* on, once, when all is decided. No
# solar module is in two of them, so that the network cannot recognize a module
# in place of a defect.

# %%
splits = load_dataset("solar_cells", image_size=(160, 160))
class_names = splits.class_names
num_classes = len(class_names)
print("Classes:", *class_names)

# %% [markdown]
# A frozen backbone computes the same features every time, so once is enough.
# We average each feature over the picture. That leaves 1,280 numbers a cell.
# `extract_features` computes them for all cells and keeps them on your disk:
# it takes up to a minute now, and no time at all when you come back. Lesson 02
# does it by hand.

# %%
extractor = keras.Sequential(
    [base_model, keras.layers.GlobalAveragePooling2D()]
)
train = extract_features(extractor, splits.train, cache=True)
validation = extract_features(extractor, splits.validation, cache=True)
test = extract_features(extractor, splits.test, cache=True)
print(f"{len(train[0])} cells to train on, each {train[0].shape[1]} features")

# %% [markdown]
# ## Put a new head on it
#
# The **head** turns features into an answer. Ours is one dense layer: it
# weighs the features, and `softmax` makes a probability for each class of the
# result.

# %%
head = keras.Sequential(
    [
        keras.Input((train[0].shape[1],)),
        keras.layers.Dense(num_classes, activation="softmax"),
    ]
)
head.compile(
    keras.optimizers.Adam(learning_rate=1e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
print(f"{head.count_params():,} weights to train")

# %% [markdown]
# **Predict.** Most cells are sound, so a model that calls every cell sound is
# right rather often. What share of the test cells will the trained model name
# rightly? Put your guess in place of the dots, for example `0.5`. It makes you
# look more closely at the answer.

# %% tags=["exercise"]
quiz = course.quiz("00")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.8
### END SOLUTION
quiz.answer("q1", my_guess)

# %% [markdown]
# **Run.** Twenty times through the training cells: twenty *epochs*. Watch the
# curves. The square button in the toolbar stops any cell.

# %%
history = head.fit(
    *train,
    validation_data=validation,
    epochs=20,
    verbose=0,
    callbacks=[LiveTraining("accuracy")],
)

# %% [markdown]
# *The figure shows the accuracy on training and on validation cells, epoch by
# epoch.* The validation cells come from other solar modules than the training
# cells, and no two modules are alike: that is why we look at both curves.
#
# All is decided now, so we use the test cells, and we use them once.

# %%
_, test_accuracy = head.evaluate(*test, verbose=0)
always_sound = np.mean(test[1] == class_names.index("sound"))
print(f"Test cells: right about {test_accuracy:.1%}")
print(f"Always 'sound' would be {always_sound:.1%}")
course.claim(
    test_accuracy > always_sound + 0.05,
    "the head finds defects that are in the pictures.",
)
quiz.outcome("q1", test_accuracy)

# %% [markdown]
# **Interpret.** Of all the weights, the head has trained less than one in a
# thousand, for some seconds. What it needed to know about pictures had been
# learned before, from cats, cars and castles. That is **transfer learning**.
# So: before you collect a hundred thousand pictures, put a head on a
# pretrained backbone and look how far a thousand take you.
#
# And the backbone? If freezing did what we said, not one weight has moved.

# %%
same = [
    np.array_equal(before, after)
    for before, after in zip(
        weights_before, base_model.get_weights(), strict=True
    )
]
course.claim(all(same), "no weight of the frozen backbone has moved.")

# %% [markdown]
# ## You against the model
#
# The same twenty cells. Did you beat it?

# %%
picked = head.predict(extractor.predict(wall_pictures, verbose=0), verbose=0)
numbers = np.flatnonzero(picked.argmax(axis=1) == 1) + 1
machine = GuessWall(wall_pictures, wall_labels, ("sound", "defective"))
print("The model:", machine.guess(numbers).describe())
print("You:", wall.describe())

# %% [markdown]
# ## How a lesson works
#
# You have met the rhythm: **predict, run, interpret**. Two things more come
# with every lesson: exercises and questions, both checked at once. In an
# exercise you replace the dots `...` with your own code, as often as you like.
# No later cell needs your answer.
#
# First, the true and the predicted class of every validation cell.

# %%
labels = validation[1]
predictions = head.predict(validation[0], verbose=0).argmax(axis=1)
defective = class_names.index("defective")
print("True:     ", labels[:20], "...")
print("Predicted:", predictions[:20], "...")

# %% [markdown]
# **Exercise sh-01.** Accuracy is an average over all cells. Whoever inspects
# modules cares about the defective ones: of all the cells that truly are
# defective, what share did the model call defective? That share is called the
# **recall** of the class. Compute it from `labels`, `predictions` and
# `defective`, the number of that class.

# %% tags=["exercise"]
# exercise: sh-01
recall = ...
### BEGIN SOLUTION
recall = np.mean(predictions[labels == defective] == defective)
### END SOLUTION

# %% [markdown]
# Check it. A check trains nothing and changes nothing, so a wrong answer costs
# nothing and tells you something.

# %% tags=["check"]
course.exercise("sh-01").check(recall, labels, predictions, defective)

# %% [markdown]
# Stuck? Each exercise has hints in steps, `.hint()`, `.hint(2)` and so on, and
# once you have tried, a solution, `.solution()`. Try
# `course.exercise("sh-01").hint()` in the cell above.
#
# **Exercise sh-02.** Now the whole game by yourself: a fresh backbone for
# pictures of 160 by 160, frozen, and on it a head of *two* dense layers, the
# first with 64 units and the activation `"relu"`. Train it for one epoch on
# `few_cells`, with your `fit` inside `with course.watch(my_model) as
# evidence:`. That looks at the weights before and after, so that the check can
# tell what your training did to them.

# %% tags=["exercise"]
# exercise: sh-02
few_cells = splits.train.take(8)
my_model = ...
evidence = ...
### BEGIN SOLUTION
my_base = load_backbone("efficientnet_lite0", input_shape=(160, 160, 3))
my_base.trainable = False
inputs = keras.Input(shape=(160, 160, 3))
x = keras.layers.GlobalAveragePooling2D()(my_base(inputs))
x = keras.layers.Dense(64, activation="relu")(x)
x = keras.layers.Dense(num_classes, activation="softmax")(x)
my_model = keras.Model(inputs, x)
my_model.compile("adam", loss="sparse_categorical_crossentropy")
with course.watch(my_model) as evidence:
    my_model.fit(few_cells, epochs=1, verbose=2)
### END SOLUTION

# %% [markdown]
# The check compares your backbone with the file on disk, and asks what moved.

# %% tags=["check"]
course.exercise("sh-02").check(my_model, evidence)

# %% [markdown]
# ## Questions
#
# Each lesson ends with some. Every wrong choice has an answer of its own, so
# the wrong ones are worth a look too. Answer in the cards, with the mouse or
# the keyboard alone. (Where you see plain text instead of cards, `quiz.ask()`
# asks one question at a time.)

# %%
quiz

# %% [markdown]
# All this is remembered in a file beside your notebooks, `progress.jsonl`, and
# nowhere else. You can stop at any time and come back.

# %%
course.progress()

# %% [markdown]
# ## Where do I start?
#
# Take the first question that you would answer with no, and begin there.
#
# 1. Can you say why a model that is right about nine pictures in ten may be
#    useless? If not, go on to **01 Pretrained models**.
# 2. Do you know when augmentation and cached features contradict each other?
#    If not: **02 Feature extraction**.
# 3. After you have set `trainable = True`, do you know what must follow, and
#    what batch normalization does then? If not: **03 Fine-tuning**.
# 4. Could you tell forgetting from overfitting by looking at curves? If not:
#    **03b Fine-tuning traps**.
# 5. Would you notice that pictures of one patient are in the training *and*
#    in the test part? If not: **04 Medical images**, then **04b**.
#
# Five times yes: **05 Your own images**. And whoever has three hours takes the
# short path: **00, 02, 03, 05**.

# %%
print(
    f"Concluded: a new head on a frozen backbone is right about "
    f"{test_accuracy:.0%} of the test cells (always 'sound': "
    f"{always_sound:.0%})."
)

# %% [markdown]
# ## Take away
#
# - A **backbone** turns pictures into features; a **head** turns features into
#   an answer. A backbone serves questions that it was never asked.
# - **Freezing** keeps what the backbone has learned. You proved it by its
#   weights, not by a setting.
# - A number means little without another to compare it with: always the
#   commonest class, or a person.
# - Look around on validation pictures. Test pictures are used once.
#
# **Next:** lesson 01 looks inside the backbone.
