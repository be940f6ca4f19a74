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
# Every lesson begins with one cell like this. It loads Keras, which takes a few
# seconds, and fixes the random seed, so a second run of the whole notebook on
# your machine gives nearly the same numbers.

# %%
from course_utils import course

course.begin("00")

import keras
import numpy as np

from course_utils.backbones import load_backbone, top_classes
from course_utils.evaluation import plot_images
from course_utils.notebook import GuessWall, LiveTraining, NamedPhotograph
from course_utils.pictures import load_dataset, load_solar_cells, read_picture
from course_utils.transfer import extract_features

# %% [markdown]
# ## A network that knows a thousand things
#
# EfficientNet-Lite0 is a mobile version of EfficientNet (Tan and Le 2019). It was
# trained on ImageNet, more than a million photographs of a thousand kinds of
# things (Russakovsky et al. 2015). What does it see here?

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
# and dead parts stay dark. Manufacturers and inspectors photograph modules this
# way. The photographs here are from the ELPV data set (Buerhop-Lutz et al. 2018;
# Deitsch et al. 2019): 2,624 cells, judged by experts. **Its licence is CC
# BY-NC-SA: you may use and share it with attribution, under the same licence,
# but not commercially.** For work, leave it out and use a folder of your own
# (lesson 05).
#
# Here are six cells about which the experts were sure.


# %%
table = load_solar_cells()


def sure_cells(split, each):
    sure = table["probability"].isin(["0.00", "1.00"])
    cells = table[sure & (table["split"] == split)]
    cells = cells.groupby("label").sample(each, random_state=0)
    cells = cells.sample(frac=1, random_state=0)
    pictures = [read_picture(path, (160, 160)) for path in cells["image"]]
    return np.stack(pictures), (cells["label"] == "defective").astype(int)


examples = plot_images(*sure_cells("train", 3), ["sound", "defective"])
print(examples.description)

# %% [markdown]
# *The figure shows six cells, and what the experts said.* Stains of the silicon
# and scratches on the contacts are no defects.
#
# **Can you tell?** Half of the next twenty are defective. Tick each cell that you
# think is defective, then press *That is my guess*.

# %%
wall_pictures, wall_labels = sure_cells("validation", 10)
wall = GuessWall(wall_pictures, wall_labels, ("sound", "defective"))
wall

# %% [markdown]
# Without boxes, put the numbers of the defective cells in place of the dots,
# such as `[3, 8]`.

# %% tags=["exercise"]
my_numbers = ...
### BEGIN SOLUTION
my_numbers = [2, 5, 9, 11]
### END SOLUTION
wall.guess(my_numbers)

# %% [markdown]
# And the network? It was never taught solar cells, and none of its thousand
# names fits.

# %%
large = keras.ops.image.resize(wall_pictures[:4], (224, 224))
for line in top_classes(classifier.predict(large, verbose=0), count=3):
    print(line)

# %% [markdown]
# ## Keep what it sees, replace what it says
#
# Its last layer is of no use for solar cells, but everything before it is:
# those layers have learned to see edges, textures and shapes. That part is
# called the **backbone**, in code `base_model`. Its convolutions take pictures
# of other sizes, and at 160 by 160 pixels it computes about half as much as at
# 224 by 224.
#
# Then we **freeze** it: training will leave its weights alone.

# %%
base_model = load_backbone("efficientnet_lite0", input_shape=(160, 160, 3))
base_model.trainable = False
print(f"{base_model.count_params():,} weights, learned before today")
print(f"from a picture {base_model.input_shape[1:]}")
print(f"to a grid of features {base_model.output_shape[1:]}")

# %% [markdown]
# The photographs come in three parts: one to *train* on, one to *validate* on
# while we decide things, and one to *test* on, once, when all is decided. As
# far as the order of the files tells, no module appears in two of them, so the
# network cannot score by recognizing the module instead of the defect. Doubtful
# cells are included, each in the class that the experts found likelier.

# %%
splits = load_dataset("solar_cells", image_size=(160, 160))
class_names = splits.class_names
num_classes = len(class_names)
print("Classes:", *class_names)

# %% [markdown]
# A frozen backbone computes the same features every time, so once is enough. We
# average each feature over the picture. That leaves 1,280 numbers per cell.
# `extract_features` computes them for all cells and keeps them on your disk: it
# takes up to a minute now, and no time at all when you come back. Lesson 02
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
# The **head** turns features into an answer. Ours is one dense layer: it weighs
# the features, and `softmax` turns the result into a probability for each
# class.

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
# right rather often. What share of the test cells will the trained model get
# right? Put your guess in place of the dots, for example `0.5`.

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
# epoch.* All is decided now, so we use the test cells, once. The number to beat
# is that of a model that calls every cell sound.

# %%
accuracy, always_sound = {}, {}
for part, (x, y) in {"validation": validation, "test": test}.items():
    _, accuracy[part] = head.evaluate(x, y, verbose=0)
    always_sound[part] = np.mean(y == class_names.index("sound"))
    print(f"{part:<10} head {accuracy[part]:.1%}", end="  ")
    print(f"always 'sound' {always_sound[part]:.1%}")
course.claim(
    accuracy["test"] > always_sound["test"] + 0.05,
    "on the test modules the head finds defects.",
)
quiz.outcome("q1", accuracy["test"])

# %% [markdown]
# **Interpret.** Training the head took seconds, and changed fewer than one
# weight in a thousand. Its features were learned before, from cats, cars and
# castles. Using them for another task is **transfer learning**; how much of the
# gain they account for, lesson 02 asks with random weights. On modules
# that it never saw, the head beats calling every cell sound. But other modules
# would give other numbers, and accuracy hides what was found and what was
# missed. So: put a head on a pretrained backbone before you collect a hundred
# thousand pictures, and do not trust a single number of a single split.

# %% [markdown]
# ## You against the model
#
# The same twenty cells. Did you beat it? (All are clear cases, half of them
# defective: in a real module, most cells are sound and some are doubtful.)

# %%
picked = head.predict(extractor.predict(wall_pictures, verbose=0), verbose=0)
numbers = np.flatnonzero(picked.argmax(axis=1) == 1) + 1
machine = GuessWall(wall_pictures, wall_labels, ("sound", "defective"))
print(machine.guess(numbers).describe("The model"))
print(wall.describe())

# %% [markdown]
# ## How a lesson works
#
# You have met the rhythm: **predict, run, interpret**. Two more things come
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
# **Exercise sh-01.** Accuracy is an average over all cells. Anyone who inspects
# modules cares about the defective ones: of all the cells that truly are
# defective, what share did the model call defective? That share is called the
# **recall** of the class. Compute it from `labels`, `predictions` and
# `defective`, the index of that class.

# %% tags=["exercise"]
# exercise: sh-01
recall = ...
### BEGIN SOLUTION
recall = np.mean(predictions[labels == defective] == defective)
### END SOLUTION

# %% [markdown]
# Check it. A check trains nothing and changes nothing, so a wrong answer costs
# nothing. Of the defective cells, how many would this model miss?

# %% tags=["check"]
course.exercise("sh-01").check(recall, labels, predictions, defective)

# %% [markdown]
# Stuck? Each exercise has hints in steps, `.hint()`, `.hint(2)` and so on, and
# once you have tried, a solution, `.solution()`. Try
# `course.exercise("sh-01").hint()` in the cell above.
#
# **Exercise sh-02.** Now do it all yourself, in one model: a fresh backbone for
# pictures of 160 by 160, frozen, a pooling such as the averaging of `extractor`,
# and a head of *two* dense layers, the first with 64 units and an activation such
# as `"relu"`.
# Compile it with the loss of `head`, and train it for one epoch on `few_cells`,
# with your `fit` inside `with course.watch(my_model) as evidence:`, which
# records the weights before and after. Here the backbone is part of the model
# that is trained, so freezing has to prove itself.

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
# Each lesson ends with some. Every wrong choice has an answer of its own, and
# is worth a look. Answer in the cards, with the mouse or the keyboard alone.
# (Where you see plain text instead of cards, `quiz.ask()` asks one question at
# a time.)

# %%
quiz

# %% [markdown]
# All this is remembered in a file next to your notebooks, `progress.jsonl`, and
# nowhere else. You can stop at any time and come back. After the
# kernel was restarted, run all cells again: what was shown needs it.

# %%
course.progress()

# %% [markdown]
# ## Where do I start?
#
# Take the first question that you would answer with no, and begin there.
#
# 1. Do you know what a wrong scale of its input does to a pretrained network, and
#    how you would notice? If not, go on to **01 Pretrained models**.
# 2. Do you know when augmentation and cached features contradict each other?
#    If not: **02 Feature extraction**.
# 3. After you have set `trainable = True`, do you know what must follow, and
#    what batch normalization does then? If not: **03 Fine-tuning**.
# 4. Could you tell forgetting from overfitting by looking at curves? If not:
#    **03b Fine-tuning traps**.
# 5. Would you notice that pictures of one patient are in the training *and*
#    in the test part? If not: **04 Domain adaptation**, then **04b**.
#
# Yes to all five? Go to **05 Your own images**, **07 Beyond the recipe**, or the
# **08 Challenge**. Short of time? In three hours: **00, 02, 03, 05**.

# %%
print(
    f"Concluded: a new head on a frozen backbone is right about "
    f"{accuracy['test']:.0%} of the test cells (always 'sound': "
    f"{always_sound['test']:.0%}), and about {accuracy['validation']:.0%} of "
    f"the validation cells ({always_sound['validation']:.0%})."
)

# %% [markdown]
# ## Take away
#
# - A **backbone** turns pictures into features; a **head** turns features into
#   an answer. A backbone serves questions that it was never asked.
# - **Freezing** keeps what the backbone has learned. Exercise sh-02 proves it by
#   the weights, not by a setting.
# - A number means little without another to compare it with: the commonest class,
#   say, or a person.
# - Look around on validation pictures. Test pictures are used once.
#
# **Next:** lesson 01 looks inside the backbone.
