# %% [markdown]
# # Use your own images: from a folder of photographs to a model that runs elsewhere
#
# - **Do:** audit a folder, split it, choose a size and a model, look at the
#   mistakes, write a model card, and export a file that runs without Keras.
# - **Learn:** what a folder hides, what a larger picture costs and brings, how to
#   find wrong labels, what Grad-CAM shows, what goes wrong between a model and its
#   users.
# - **Need:** lesson 02; the one cell that needs lesson 03 can be skipped. About 45
#   minutes.
#
# **From lesson 02.** You repeat a paper's split by single pictures, and get a fine
# number. A buyer asks what it promises for *their* modules. What do you say?
#
# <details><summary>Answer</summary>
#
# Little: pictures of one module are on both sides. To promise something about new
# modules, hold out whole modules.
#
# </details>

# %% [markdown]
# ## Set up

# %%
from course_utils import course

course.begin("05")

import subprocess
import sys
import timeit
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import StratifiedGroupKFold

from course_utils import evaluation, machine, pictures
from course_utils.backbones import load_backbone
from course_utils.notebook import LiveTraining
from course_utils.transfer import extract_features, two_phase_fit

# %% [markdown]
# ## What is in this folder?
#
# Go through the lesson once with the course's sample: nearly a thousand photographs of
# solar cells (CC BY-NC-SA, as in lesson 00) in two folders, `sound` and `defective`,
# **with faults planted among them**. Then put the path of a folder of your own in place
# of `None`, with one subfolder per class, and run all cells again. Nothing in it is
# changed.
#
# How many faults can you think of, before the computer finds some in seconds?

# %%
my_folder = None  # or for example r"C:\Users\me\mushrooms"
backbone, side, opened = "efficientnet_lite0", 160, "block6"
group_of = None if my_folder else lambda path: path.name[:7]
folder = Path(my_folder or pictures.sample_folder()).expanduser()
near_bits = 40 if my_folder else 12  # Solar cells look alike: be stricter.
audit = pictures.audit_folder(folder, (side, side), near_bits=near_bits)
audit

# %% [markdown]
# What was planted, and what did the audit see of it? One file of each kind. (For your
# own folder nobody knows, and the table is empty.)

# %%
planted = audit.rows["file"].map(pictures.planted_faults(folder))
together = audit.rows["group"].map(audit.used["group"].value_counts())
together = [f"{count:.0f}" if count > 0 else "-" for count in together]
rows = audit.rows.assign(planted=planted, together=together)
rows["left_out"] = rows["left_out"].str.split("[:,(]").str[0]
found = rows.dropna(subset="planted").drop_duplicates("planted")
found.set_index("planted")[["left_out", "turned", "width", "mode", "together"]]

# %% [markdown]
# **Interpret.** Some files are left out by rules: what cannot be read, exact
# copies, and a picture that lies in both folders, since no program can say
# which label is right. A picture taken on its side is turned upright, by the
# camera's own note (*EXIF*). A brightened copy is recognized by its
# **perceptual hash**, 256 bits for what is coarse in a picture: near-duplicates
# differ in at most `near_bits`, and are kept together (`together` counts them).
# And three kinds pass unseen: the black picture, the white one, and the wrong
# labels. So: let a program find what can be counted; then write the rule that
# only you can know.
#
# **Exercise yo-06.** A photograph without contrast shows nothing. The contrast
# of a picture is the standard deviation of its values. `my_flat` is the list of
# those *used* files whose contrast is below a third of the median of all used
# ones. The index of `audit.used` numbers the pictures in `audit.pictures`.

# %% tags=["exercise"]
# exercise: yo-06
my_flat = ...
### BEGIN SOLUTION
used = audit.used
contrast = np.array([audit.pictures[number].std() for number in used.index])
my_flat = used["file"][contrast < np.median(contrast) / 3].to_list()
### END SOLUTION

# %% [markdown]
# The check measures it, too.

# %% tags=["check"]
course.exercise("yo-06").check(my_flat, audit)

# %% [markdown]
# ## What belongs together stays together
#
# The name of a sample file begins with its module, such as `mono-03`. Here are
# near-duplicates whose modules *differ*. Nobody planted these.

# %%
used = audit.used
module = used["file"].str.split("/").str[-1].str[:7]
twins = used[module.groupby(used["group"]).transform("nunique") > 1]
twins = twins.sort_values("group", kind="stable")[:12]
if len(twins):
    print(*twins["file"][:4], sep="\n")
    evaluation.plot_images(audit.pictures[twins.index], columns=6)

# %% [markdown]
# *The figure shows pictures of the sample that are near-duplicates of each other,
# side by side, from what are called two modules.*
#
# **Interpret.** These are the same cells, photographed twice: sharp, and out of
# focus. Look at their folders: some got both labels, so a label is an opinion.
# They are in a data set that many papers use, and a split by modules may part
# them. No hash sees what else belongs together, such as all pictures of a
# patient, a bird or a day. So: tell the split by `group_of`, set beside
# `my_folder`: it gets a path and returns its group. Near-duplicates join
# groups.

# %%
audit = pictures.audit_folder(folder, (side, side), group_of, near_bits)
splits = pictures.split_folder(audit)
class_names = splits.class_names
parts = {name: rows for name, rows in splits.table.groupby("split")}
counts = parts["train"]["label"].value_counts().reindex(class_names)
class_weight = {i: counts.mean() / n for i, n in enumerate(counts)}
splits.table.value_counts(["label", "split"]).unstack(fill_value=0)

# %% [markdown]
# ## How large should the pictures be?
#
# First say which number will be reported; then choose everything by that number. Ours
# is the **mean recall**: of each class, the share that was found, averaged over the
# classes (*balanced accuracy*). A model that always names the commonest class does no
# better by it than chance. The training weighs the classes accordingly, by
# `class_weight`.
#
# **Predict.** The photographs are 300 pixels wide. Fine cracks need pixels, and pixels
# cost time: what do 96, 160 and 224 give on the validation pictures?


# %%
def read(part, side):
    files = [folder / file for file in parts[part]["file"]]
    found = (pictures.read_picture(file, (side, side)) for file in files)
    return np.stack([np.rint(one).astype("uint8") for one in found])


def new_model(side, **weights):
    base = load_backbone(backbone, input_shape=(side, side, 3), **weights)
    pool = keras.layers.GlobalAveragePooling2D()
    units = keras.layers.Dense(len(class_names), activation="softmax")
    model = keras.Sequential([base, pool, units])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(1e-3), loss)
    return model


def labels_of(part):
    return parts[part]["label"].map(class_names.index).to_numpy()


# %% [markdown]
# A head for each size, on features that are computed once. Each stops when the
# validation loss stops falling.

# %%
models, features, named, cost = {}, {}, {}, {}
y, truth = labels_of("train"), labels_of("validation")
stop = keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True)
for size in sorted({96, 160, 224, side}):
    models[size] = new_model(size)
    extractor = keras.Sequential(models[size].layers[:2])
    head = keras.Sequential(models[size].layers[2:])
    head.compile(keras.optimizers.Adam(1e-3), models[size].loss)
    given = {p: (read(p, size), labels_of(p)) for p in parts}
    x = {p: extract_features(extractor, given[p])[0] for p in parts}
    held = {"validation_data": (x["validation"], truth), "callbacks": [stop]}
    options = {"epochs": 40, "class_weight": class_weight, "verbose": 0}
    head.fit(x["train"], y, **held, **options)
    named[size] = head.predict(x["validation"], verbose=0).argmax(axis=1)
    features[size], some = x, np.zeros((16, size, size, 3), "float32")
    asking = "extractor.predict_on_batch(some)"
    took = timeit.repeat(asking, globals=globals(), number=1)
    cost[size] = min(took) / len(some)
candidates = {"head alone": models[side]}

# %% [markdown]
# The mean recall against the milliseconds per picture:

# %%
recall = {s: recall_score(truth, named[s], average="macro") for s in named}
figure, ax = plt.subplots(figsize=(5, 3), layout="tight")
for size, value in recall.items():
    look = {"ms": size / 16, "label": f"{size} pixels"}
    ax.plot(1000 * cost[size], value, "o", **look)
ax.set(xlabel="milliseconds per picture", ylabel="mean recall")
_ = ax.legend()

# %% [markdown]
# *The figure shows the mean recall on the validation pictures against the time that a
# picture takes, for three sizes.*
#
# **Interpret.** The cost is clear: it grows roughly with the area. The gain is not: so
# few validation pictures leave the mean recall uncertain by some points, and each
# further size that you try is another chance to be fooled. The **one-standard-error
# rule** (Breiman et al. 1984) is a convention for this: take the cheapest whose number
# lies within one standard error of the best. So: buy pixels only if they pay.
#
# **Exercise yo-07.** Follow the rule. The standard error of a share `r` of `n` pictures
# is the root of `r (1 - r) / n`; that of a mean over `C` classes is the root of the sum
# of their squares, divided by `C`. `my_error` is the standard error of the best size's
# mean recall; `my_size` is your choice. `named[size]` holds the predicted classes,
# `truth` the true ones, `cost[size]` the seconds per picture. (Where every share is
# one, the formula gives zero, and fails.)

# %% tags=["exercise"]
# exercise: yo-07
my_error = ...
my_size = ...
### BEGIN SOLUTION
best = max(recall, key=recall.get)
r = recall_score(truth, named[best], average=None)
my_error = np.sqrt(np.sum(r * (1 - r) / np.bincount(truth))) / len(r)
near = [s for s in recall if recall[s] >= recall[best] - my_error]
my_size = min(near, key=cost.get)
### END SOLUTION

# %% [markdown]
# The lesson goes on with `side`. To use your size, set it beside `my_folder`.

# %% tags=["check"]
course.exercise("yo-07").check(my_error, my_size, named, truth, cost)

# %% [markdown]
# ## Two candidates, and flips at the end
#
# One candidate is the head alone. The other is fine-tuned by the recipe of lesson 03,
# which trains the head, then the last blocks (from `opened` on), and keeps the best
# weights of both. **If you come straight from lesson 02, skip this cell**: all that
# follows works with one candidate, too.

# %%
tuned = new_model(side)
_ = two_phase_fit(
    tuned,
    tuned.layers[0],
    splits.train,
    splits.validation,
    head_epochs=10,
    fine_tune_epochs=4,
    from_layer=opened,
    class_weight=class_weight,
    callbacks=[LiveTraining()],
    verbose=0,
)
candidates["fine-tuned"] = tuned

# %% [markdown]
# *The figure shows the loss over the epochs of both phases; the star marks the weights
# that were kept.*
#
# **Test-time augmentation** shows a model each picture in several ways, and averages
# what it says. A cell has no left and no top; if your pictures have (letters, hearts),
# leave the flips out. **Predict:** which candidate will have the highest mean recall,
# with or without flips?

# %%
flips = (), 1, 2, (1, 2)
held_out, scores = read("validation", side), {}
print("Asking each candidate in four ways: some seconds ...")
for name, model in candidates.items():
    says = [model.predict(np.flip(held_out, a), verbose=0) for a in flips]
    for how, views in {"": says[:1], ", four flips": says}.items():
        given = np.mean(views, axis=0).argmax(axis=1)
        scores[name + how] = recall_score(truth, given, average="macro")
        print(f"{name + how:<24} mean recall {scores[name + how]:.3f}")
chosen = max(candidates, key=scores.get)
model = candidates[chosen]
print(f"Chosen, without flips: {chosen}")

# %% [markdown]
# **Interpret.** Four views cost four times as much. The two candidates cost the
# same, so the higher number decides; to *claim* a gain takes the standard error
# of the difference. So: choose by the number that you will report, and note how
# many ways you tried.
#
# There is no rival from scratch here. On six hundred pictures, training one
# until it has learned takes minutes on two cores; with fewer steps it would be
# a straw man. In lesson 02 it was trained to the end, with up to twelve hundred
# cells, and its mean AUC stayed below those of the probe and of fine-tuning.
#
# Everything is chosen. **Predict:** what will the mean recall on the *test* pictures be?

# %% tags=["exercise"]
quiz = course.quiz("05")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.8
### END SOLUTION
quiz.answer("q11", my_guess)

# %% [markdown]
# ## How good is it, and where does it fail?
#
# Now the test pictures, once. Each recall comes with its 95 % interval (Wilson 1927).

# %%
asked = evaluation.ask_model(model, splits.test)
table = evaluation.class_table(asked.labels, asked.predictions, class_names)
print(f"Mean recall on the test pictures: {table['recall'].mean():.3f}")
quiz.outcome("q11", table["recall"].mean())
worst = asked.probabilities[np.arange(len(asked.labels)), asked.labels]
worst = worst.argsort(kind="stable")[:12]
shown = asked.pictures[worst], asked.labels[worst]
print(
    evaluation.plot_images(
        *shown, class_names, asked.predictions[worst]
    ).description
)
table[["class", "pictures", "recall", "recall_low", "recall_high"]].round(2)

# %% [markdown]
# *The figure shows the test pictures whose true class got the least
# probability; the upper name is that class, the lower the model's answer.*
#
# **Interpret.** Read the intervals, not the shares. They take pictures as independent;
# those of one module are not, so the intervals are too narrow (lesson 04 draws whole
# patients). The report adds the **precision**: of what was given a class, the share
# that truly belongs to it. Then look at the worst mistakes. Some are the model's; some
# may be the folder's, for **wrong labels gather there**. So: before you collect more
# pictures, look at these.
#
# **Exercise yo-08.** An expert has an hour, enough for a twentieth of the labels.
# Which? Consider *all* used pictures, and let no model judge what it was trained on: by
# cross-validation on `x_all`, give each picture its probabilities from a model that has
# not seen its *group*. `my_suspects` lists the `count` files whose own label got the
# lowest probability. (The idea is that of *confident learning*, Northcutt et al. 2021.)

# %% tags=["exercise"]
# exercise: yo-08
x_all = np.concatenate([features[side][part] for part in parts])
y_all = np.concatenate([labels_of(part) for part in parts])
files = [file for rows in parts.values() for file in rows["file"]]
groups = audit.used.set_index("file")["group"].reindex(files).to_numpy()
count = -(-len(files) // 20)
my_suspects = ...
### BEGIN SOLUTION
share = np.zeros(len(files))
turns = StratifiedGroupKFold(3, shuffle=True, random_state=0)
for seen, new in turns.split(x_all, y_all, groups):
    mean, scale = x_all[seen].mean(axis=0), x_all[seen].std(axis=0) + 1e-6
    probe = LogisticRegression(C=1e-3, max_iter=1000, class_weight="balanced")
    probe.fit((x_all[seen] - mean) / scale, y_all[seen])
    own = np.searchsorted(probe.classes_, y_all[new])
    says = probe.predict_proba((x_all[new] - mean) / scale)
    share[new] = says[np.arange(len(new)), own]
my_suspects = [files[i] for i in share.argsort(kind="stable")[:count]]
### END SOLUTION

# %% [markdown]
# The check asks models of its own, and knows what was planted. Files drawn at random
# would hold a twentieth of the wrong labels.

# %% tags=["check"]
course.exercise("yo-08").check(
    my_suspects, files, x_all, y_all, groups, pictures.planted_faults(folder)
)

# %% [markdown]
# A person decides, by looking; then correct the folder in *all* parts, audit again, and
# get fresh test pictures: these have been looked at.
#
# ## Where does it look?
#
# **Grad-CAM** (Selvaraju et al. 2017) weights each channel of the last feature
# map by how much the score of a class, before the softmax, rises with it, sums the
# channels, and drops what is negative. Under an average and one dense layer, these are the
# weights of the dense layer, up to a factor. `grad_cam` does it for other
# networks, too. Then the test of Adebayo et al. (2018): does a network with
# *random* weights give another map?

# %%
base, units = model.layers[0], model.layers[-1]
seen = asked.pictures[worst[:6]].astype("float32")
says = asked.predictions[worst[:6]]
weights = units.kernel.numpy()[:, says].T[:, np.newaxis, np.newaxis]
by_hand = (base.predict(seen, verbose=0) * weights).sum(axis=-1, keepdims=True)
by_hand = keras.ops.image.resize(np.maximum(by_hand, 0), (side, side))[..., 0]
highest = np.max(by_hand, axis=(1, 2), keepdims=True) + 1e-9
heat = evaluation.grad_cam(model, seen, says)
agree = np.allclose(by_hand / highest, heat, atol=0.01)
course.claim(agree, "the map by hand is that of grad_cam.")
random_heat = evaluation.grad_cam(new_model(side, weights=None), seen, says)
overlaid = [evaluation.overlay(seen, h) for h in (heat, random_heat)]
ax = evaluation.plot_images(np.concatenate([seen, *overlaid]))

# %% [markdown]
# *The figure shows six test pictures; below, bright, the evidence for its answer;
# and below that what speaks for the same class in a network with random weights.*
#
# **Interpret.** Where the rows agree, the map shows what even an untrained network
# responds to, and not what was learned. Heat on the defect proves nothing; heat on the
# rim, a logo or a date in the corner is a reason to worry. The map has few cells:
# enlarging makes its smooth outline. So: use it to find suspects, and test a suspicion
# by changing the picture there.
#
# ## A card, and a model to train further
#
# A **model card** (Mitchell et al. 2019) says what a model is for, what it was trained
# on, how good it is *for each class*, and where not to rely on it. Nobody can compute
# the first and the last: write them in place of the dots, or the card says that nobody
# did. The comparison with the other candidate counts only the pictures that just one of
# the two classifies correctly: if both were equally good, each would be the toss of a coin
# (McNemar 1947).

# %%
use, limits = ..., ...
if my_folder is None:
    use = "To practise. Not for inspection."
    limits = "Forty-odd modules, one laboratory, labels with planted faults."
print("Writing the card: a few seconds ...")
report = evaluation.write_report(
    machine.work_dir() / "reports" / audit.folder.name,
    model,
    splits,
    title=f"Pictures of {audit.folder.name}: {chosen}, {side} pixels",
    intended_use=use,
    limits=limits,
    compared_with={repr(k): m for k, m in candidates.items() if k != chosen},
    audit=audit,
    overwrite=True,
)
report

# %% [markdown]
# The page works offline and can be passed on; but it shows test pictures. Beside it
# lies `model.keras`, which can be loaded and trained further, with Keras and this
# course's layer for the scale of pictures. (After fine-tuning it holds the optimizer's
# state, too, and is more than twice as large.)
#
# ## A file that runs elsewhere
#
# A phone, a server or a camera has neither Keras nor this course. **LiteRT** (formerly
# TensorFlow Lite) is a format for them: one file and a small interpreter. In current
# Keras the export is `model.export("model.tflite", format="litert")`; `export_litert`
# does the same with older versions. Does the file give the same answers? We ask in a
# fresh process in which `import keras` fails. It takes the interpreter of the package
# `ai-edge-litert` (`pip install ai-edge-litert`), or, where that is missing,
# TensorFlow's own, which brings all of TensorFlow along and is deprecated.

# %%
print("Exporting: a few seconds ...")
lite = evaluation.export_litert(model, report.path.with_name("model.tflite"))
np.save(lite.with_name("pictures.npy"), asked.pictures.astype("float32"))
script = """
import sys, time
import numpy as np
sys.modules["keras"] = sys.modules["course_utils"] = None
try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    import tensorflow
    Interpreter = tensorflow.lite.Interpreter
model = Interpreter("model.tflite")
model.allocate_tensors()
take, give = model.get_input_details()[0], model.get_output_details()[0]
def ask(picture):
    model.set_tensor(take["index"], picture[np.newaxis])
    model.invoke()
    return model.get_tensor(give["index"])[0]
"""

# %% [markdown]
# The rest of the script asks about all test pictures, and measures the time.

# %%
script += """
pictures, start = np.load("pictures.npy"), time.perf_counter()
np.save("answers.npy", [ask(picture) for picture in pictures])
print((time.perf_counter() - start) / len(pictures), Interpreter.__module__)
"""
print("Asking the file about all test pictures ...")
run = {"capture_output": True, "text": True, "check": True, "cwd": lite.parent}
told = subprocess.run([sys.executable, "-c", script], **run).stdout.split()
answers = np.load(lite.with_name("answers.npy"))
one = asked.pictures[:1].astype("float32")
asking = "model.predict_on_batch(one)"
took = timeit.repeat(asking, globals=globals(), number=10, repeat=2)
same = np.mean(answers.argmax(axis=1) == asked.predictions)
far = np.abs(answers - asked.probabilities).max()
seconds = {report.model_path: took[-1] / 10, lite: float(told[0])}
for path, second in seconds.items():
    size = path.stat().st_size / 1e6
    print(f"{path.name:<13} {size:.1f} MB, {1000 * second:.1f} ms per picture")
print(f"The same class for {same:.1%}, at most {far:.1e} apart ({told[1]})")

# %% [markdown]
# **Interpret.** Compare the answers after every export, on real pictures; and once more
# if you quantize the weights to eight bits, which makes the file about a quarter as
# large. What is *not* in the file: how a photograph is turned, cut and resized, and
# what the classes are called. So: when a delivered model fails, look there first.
#
# ## From a blank page
#
# **Exercise yo-09.** Write `my_script`, a Python program as text, for a machine
# without Keras and without this course. It gets paths of pictures as arguments
# (`sys.argv[1:]`), finds `model.tflite` and `class_names.json` in the folder
# where it runs, and prints one line for each picture: the probability of the
# likeliest class, a space, its name. Pictures come as cameras write them: on
# their side, wide, grey. Prepare them as in training: upright, RGB, the largest
# square from the middle, resized bilinearly to the model's input (Pillow's
# `ImageOps` helps), values from 0 to 255.

# %% tags=["exercise"]
# exercise: yo-09
my_script = ...
### BEGIN SOLUTION
my_script = (
    script.split("pictures, start")[0]
    + """
import json
from PIL import Image, ImageOps
names = json.load(open("class_names.json", encoding="utf-8"))
height, width = take["shape"][1:3]
for path in sys.argv[1:]:
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    shares = ask(np.asarray(image, "float32"))
    print(f"{shares.max():.3f} {names[shares.argmax()]}")
"""
)
### END SOLUTION

# %% [markdown]
# The check runs it in a fresh process, on test pictures that it has turned and widened.

# %% tags=["check"]
new = [folder / file for file in parts["test"]["file"][:8]]
course.exercise("yo-09").check(my_script, new, report.model_path)

# %% [markdown]
# ## Questions

# %%
print(f"Concluded: {len(audit.used)} files used; {chosen}. {report.summary()}")
quiz

# %% [markdown]
# ## Take away
#
# - **Audit first**, and write the rule that only you know. What belongs together stays
#   in one part.
# - **Name the number that you will report, and choose by it**; between what you cannot
#   tell apart, take the cheapest.
# - **Wrong labels** gather among the worst mistakes of models that have not seen them.
# - Grad-CAM shows where, coarsely; not why.
# - A model travels with its **card**, its classes and its preprocessing.
#
# What this lesson could not measure: other cameras and other laboratories (lesson 04b
# begins there), other seeds of its own training, and the speed on a phone.
#
# **Next:** your own folder. After that, more pictures of the class whose interval was
# the widest.
