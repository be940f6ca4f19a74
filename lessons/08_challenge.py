# %% [markdown]
# # Take the challenge: rank cells that nobody labels for you
#
# - **Do:** learn from 400 labelled solar cells, rank the cells of other modules,
#   submit, watch a leaderboard, and choose one entry before the last scores are
#   revealed.
# - **Learn:** what a place on a leaderboard is worth, how to choose without it, how
#   somebody who knows nothing can climb one, and what a good report says.
# - **Need:** lessons 02 to 04. About 30 minutes, and as many more as you like.
#
# **From lesson 02.** You have tried four penalties for a head. Which cells may
# choose between them, and why not the test cells?
#
# <details><summary>Answer</summary>
#
# Labelled cells, each scored while its module is held out. Test cells that have
# chosen no longer tell what to expect.
#
# </details>

# %% [markdown]
# ## Set up

# %%
from course_utils import course

course.begin("08")

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_utils.backbones import load_backbone
from course_utils.evaluation import bootstrap_over_patients
from course_utils.machine import CourseError, data_dir
from course_utils.pictures import from_table
from course_utils.transfer import extract_features

# %% [markdown]
# ## The board
#
# You get 400 labelled cells, and cells of other modules without labels. A third
# of those hidden modules are the **public part**: what you submit is scored on
# it at once, and ranked on the **leaderboard**. The rest are the **private
# part**. Its scores stay closed until you send in one of your submissions, at
# the end. Three entries of ours are on the board already
# (`python -m benchmarks.challenge`).

# %%
challenge = course.challenge("solar-cells")
challenge

# %% [markdown]
# Whole modules are public or private. If a module had cells in both parts, a
# public score would foretell the private one, and neither would speak for new
# modules.
#
# The photographs are public (ELPV, CC BY-NC-SA, as in lesson 00), and so are their
# labels. We hide the labels by courtesy only, like the keys of the quizzes. Another
# `seed` is another challenge, with a board of its own.
#
# ## Submit
#
# A submission is one number for each row of `challenge.unlabelled`, in its
# order: the probability that the cell is defective. **Predict:** what AUC and
# what accuracy does an entry get that gives all cells the same number?

# %%
labels = (challenge.labelled["label"] == "defective").to_numpy(int)
same_for_all = np.full(len(challenge.unlabelled), labels.mean())
challenge.submit(same_for_all, note="the same for all")

# %% [markdown]
# It cannot rank, yet it is right about every sound cell: accuracy flatters, as
# in lesson 00. The board ranks by AUC.
#
# Now a real one: frozen features, which take up to half a minute the first
# time, and a head on them.


# %%
def features_of(table, side=160):
    shape = (side, side, 3)
    base_model = load_backbone("efficientnet_lite0", input_shape=shape)
    average = keras.layers.GlobalAveragePooling2D()
    extractor = keras.Sequential([base_model, average])
    cells = from_table(table, image_size=(side, side))
    return extract_features(extractor, cells, cache=True)[0]


known = features_of(challenge.labelled)
hidden = features_of(challenge.unlabelled)

# %% [markdown]
# The head has a penalty, and its `C` must be chosen. We begin with a guess.


# %%
def new_head(c):
    dense = LogisticRegression(C=c, max_iter=1000)
    return make_pipeline(StandardScaler(), dense)


model = new_head(0.1).fit(known, labels)
guess = model.predict_proba(hidden)[:, 1]
challenge.submit(guess, note="frozen features, C=0.1, a guess")

# %% [markdown]
# **Interpret.** You are on the board, and stay there: each submission is kept
# beside your progress, with its note. The same numbers again are no new entry.
# The intervals are over modules, and the public part has few: other modules
# might order the entries differently. So: on a board, read the intervals first
# and the ranks second.
#
# What has the wrong form is refused, with the reason, and does not count:

# %%
logits = model.decision_function(hidden)
for faulty in (guess[:400], guess > 0.5, logits):
    try:
        challenge.submit(faulty)
    except CourseError as error:
        print(error)

# %% [markdown]
# ## A board of your own
#
# The board is not the only place to look. Hold out the labelled modules in turn, as in
# lesson 02: no hidden cell takes part, nothing is submitted, and you have nearly three
# times as many modules as the public part. Scores of five heads share one AUC, so we
# subtract each head's intercept: it depends on how many defects its modules have, and
# would push the AUC down, most for strong penalties.


# %%
modules = challenge.labelled["inferred_module"].to_numpy()


def held_out(c, x=known):
    scores = np.empty(len(labels))
    for train, test in GroupKFold(5).split(x, labels, modules):
        head = new_head(c).fit(x[train], labels[train])
        scores[test] = head.decision_function(x[test]) - head[-1].intercept_
    return scores


candidates = {c: held_out(c) for c in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)}

# %% [markdown]
# `bootstrap_over_patients` (lesson 04) gives the 95 % interval: it draws
# modules with replacement, each with all of its cells, measures again, and does
# so 300 times. **Predict:** where does the guess, `C=0.1`, stand among the
# five?

# %%
found = {
    c: bootstrap_over_patients(roc_auc_score, labels, scores, modules, 300)
    for c, scores in candidates.items()
}
best_c = max(found, key=found.get)
figure, ax = plt.subplots(figsize=(5, 3), layout="tight")
value, low, high = np.array(list(found.values())).T
ax.errorbar(list(found), value, (value - low, high - value), fmt="o")
ax.set(xscale="log", xlabel="C (stronger penalty to the left)", ylabel="AUC")
print(f"Best on held-out modules: C={best_c:g}, {found[best_c]}")

# %% [markdown]
# *The figure shows the AUC on labelled modules that were held out, for five
# penalties, with 95 % intervals over modules.*
#
# **Interpret.** Each interval is wide, since modules differ. But all candidates
# are judged on the *same* modules: what is hard for all cancels in a
# difference. So: choose on your own held-out modules, and compare in pairs.
#
# **Exercise ch-01.** How does `C=0.001` compare with the guess, `C=0.1`?
# `my_difference` is what `bootstrap_over_patients` gives, over modules, for the
# AUC of `first` minus that of `second` on the same cells: value, low, high.
# `my_verdict` says what follows for `first`: `"better"`, `"worse"` or
# `"cannot be distinguished"`.

# %% tags=["exercise"]
# exercise: ch-01
first, second = candidates[1e-3], candidates[1e-1]
my_difference = ...
my_verdict = ...
### BEGIN SOLUTION
pair = np.stack([first, second], axis=1)


def difference(y, pair):
    return roc_auc_score(y, pair[:, 0]) - roc_auc_score(y, pair[:, 1])


my_difference = bootstrap_over_patients(difference, labels, pair, modules)
my_verdict = "cannot be distinguished"
if my_difference.low > 0:
    my_verdict = "better"
elif my_difference.high < 0:
    my_verdict = "worse"
### END SOLUTION

# %% [markdown]
# The check draws modules too, so the ends of your interval may differ a little.

# %% tags=["check"]
course.exercise("ch-01").check(
    my_difference, my_verdict, first, second, labels, modules
)

# %% [markdown]
# ## What choosing by a board does
#
# A team submits a hundred entries that differ only by noise, half as large as the
# spread of the scores: none is better than another. We play it with the labelled cells:
# eight modules are public, as on the board, and the others private; the team keeps the
# entry that leads. **Predict:** how far will the best of a hundred stand *above their
# average* on the public part?

# %% tags=["exercise"]
quiz = course.quiz("08")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.11
### END SOLUTION
quiz.answer("q1", my_guess)


# %% [markdown]
# Forty such games, each with other public modules. What did the leader promise,
# and what did it keep on the private part?


# %%
def play(seed, count=100):
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(np.unique(modules))[:8]
    public = np.isin(modules, drawn)
    noisy = signal + rng.normal(0, noise, (count, len(signal)))
    gains = []
    for own in (public, ~public):
        areas = np.array([roc_auc_score(labels[own], s[own]) for s in noisy])
        gains.append(areas - areas.mean())
    leads = [gains[0][: n + 1].argmax() for n in range(count)]
    return [gain[leads] for gain in gains]


signal = candidates[best_c]
noise = 0.5 * signal.std()
promised, kept = np.mean([play(seed) for seed in range(40)], axis=0)

# %% [markdown]
# The horizontal axis counts the submissions made so far.

# %%
figure, ax = plt.subplots(figsize=(6, 3), layout="tight")
tries = np.arange(1, len(promised) + 1)
ax.semilogx(tries, promised, label="promised by the board")
ax.semilogx(tries, kept, "--", label="kept on the private part")
ax.set(xlabel="submissions", ylabel="AUC above the average entry")
ax.legend()
quiz.outcome("q1", promised[-1])
print(f"Promised {promised[-1]:+.3f}, kept {kept[-1]:+.3f}.")

# %% [markdown]
# *The figure shows, over the number of submissions, how far the leader of the board
# stands above the average entry on the public part, and the same entry on the private
# part: means over forty games.*
#
# **Interpret.** The board's promise grows with each submission, though nothing
# gets better; the private part keeps none of it. That is the **winner's
# curse**: of many noisy numbers, the largest is too large. It is the same with
# any validation set that is asked often, yours included. In over a hundred
# Kaggle contests little of it was found (Roelofs et al. 2019); it grows as the
# public part shrinks. So: submit what you have chosen elsewhere, count your
# submissions, and report the count.
#
# **Exercise ch-02.** Climb a board without knowing anything. `scores` holds one number
# for each of the 400 cells; `ask(scores)` gives its public AUC. From random numbers and
# the answers of `ask` alone, make `my_climber`, with a public AUC of at least `0.9`.
# Then use `labels` to see what it is worth: `my_pair` is its AUC on the public cells
# and on the private ones, `~public`.

# %% tags=["exercise"]
# exercise: ch-02
rng = np.random.default_rng(8)
public = np.isin(modules, rng.permutation(np.unique(modules))[:8])


def ask(scores):
    return roc_auc_score(labels[public], scores[public])


my_climber = ...
my_pair = ...
### BEGIN SOLUTION
guesses = rng.random((300, len(labels)))
answers = np.array([ask(one) for one in guesses])
my_climber = (answers - 0.5) @ guesses
on_private = roc_auc_score(labels[~public], my_climber[~public])
my_pair = ask(my_climber), on_private
### END SOLUTION

# %% [markdown]
# The check looks at both parts.

# %% tags=["check"]
course.exercise("ch-02").check(my_climber, my_pair, labels, public)

# %% [markdown]
# That is why contests limit the submissions per day, and why Blum and Hardt
# (2015) propose a board that moves only for a gain that is larger than chance.
#
# And honest entries? Here are two of ours on ten draws of this challenge: what
# fine-tuning gained over frozen features, on the public part and on the private
# one.

# %%
rows = pd.read_csv(data_dir() / "experiments" / "challenge.csv")
areas = rows.pivot_table("auc", ["seed", "part"], "entry")
gains = areas["recipe of lesson 03"] - areas["frozen features"]
gains = gains.unstack("part")
agree = np.mean(np.sign(gains["public"]) == np.sign(gains["private"]))
figure, ax = plt.subplots(figsize=(4.5, 3.2), layout="tight")
ax.plot(gains["public"], gains["private"], "o", label="draws")
ax.axhline(0, color="black", lw=0.8)
ax.axvline(0, color="black", lw=0.8)
ax.set(xlabel="gain on the public part", ylabel="gain on the private part")
print(f"Both parts named the same entry in {agree:.0%} of {len(gains)} draws.")

# %% [markdown]
# *The figure shows, for each draw, the AUC of the fine-tuned network minus that
# of frozen features: on the private part against the public one.*
#
# **Interpret.** In the upper left and lower right quarters, the two parts disagree. So:
# where a few modules cannot distinguish two good entries, let the cost decide, or get
# more modules.
#
# ## Before you send it in
#
# Write the report *before* the reveal, with what you know by then. A reader looks for:
#
# | part | what it says |
# | --- | --- |
# | what was tried | everything, with the number of submissions, not only the best |
# | on what it was chosen | which cells and which metric, fixed before the board was seen |
# | how sure | the number on held-out modules, its 95 % interval and unit, and whether the same modules chose |
# | what failed | what did not help, and by how much |
# | what it is for | which cells it may rank, and which it has never seen |
#
# As context: Deitsch et al. (2019) report an accuracy of `88.42 %` for a
# fine-tuned VGG-19, from nearly two thousand labels, on a split by cells.
# Compare yours with our entries, which had your labels and your modules, not
# with that.
#
# ## From a blank page
#
# **Exercise ch-03.** Beat frozen features of `160` pixels on your own held-out modules.
# Submit two entries or more: another size, flips, a fine-tuning. `my_held_out` is a
# dict. Its keys are the numbers of your submissions: `submit` returns a board, and
# `board.newest` is the number. Its values are scores of the 400 labelled cells, by
# models that have not seen the cell's module, as `held_out` gives them; a fine-tuning
# takes one training per fold. `my_choice` is the number of the submission with the
# highest AUC in `my_held_out`, whatever the board says. If nothing beats frozen
# features, submit and choose those.

# %% tags=["exercise"]
# exercise: ch-03
my_held_out = ...
my_choice = ...
### BEGIN SOLUTION
tables, small = (challenge.labelled, challenge.unlabelled), (known, hidden)
large = [features_of(table, side=224) for table in tables]
both = [np.hstack(pair) for pair in zip(small, large, strict=True)]
ideas = {"160 pixels": small, "224 pixels": large, "both sizes": both}
my_held_out = {}
for name, (x, new) in ideas.items():
    fitted = new_head(best_c).fit(x, labels).predict_proba(new)[:, 1]
    board = challenge.submit(fitted, note=f"frozen, {name}, C={best_c:g}")
    my_held_out[board.newest] = held_out(best_c, x)
areas = {n: roc_auc_score(labels, s) for n, s in my_held_out.items()}
my_choice = max(areas, key=areas.get)
### END SOLUTION

# %% [markdown]
# The check compares your entries with each other and with frozen features, on the
# held-out modules.

# %% tags=["check"]
course.exercise("ch-03").check(
    my_held_out, my_choice, challenge, labels, known, modules
)

# %% [markdown]
# ## The reveal
#
# It happens once. What you submit afterwards is scored as before, and marked.
# Run it when your report is written; as long as `my_choice` is dots, it only
# says what it would do.

# %%
challenge.reveal(my_choice)

# %% [markdown]
# *The figure shows the AUC of each entry on the public and on the private part; the
# bar is the 95 % interval of what was sent in.*
#
# **Interpret.** All lines may rise or fall together: the private modules are others,
# easier or harder. What counts is whether lines *cross*, and how far the private AUC
# lies from the one in your report, beside both intervals. So: if the intervals do not
# overlap, the report was too sure; if they do, look at the interval of the difference.
#
# ## Questions

# %%
print(
    f"Concluded: of a hundred entries that differ by noise alone, the leader "
    f"promises {promised[-1]:+.3f} of AUC and keeps {kept[-1]:+.3f}; between two "
    f"honest entries both parts agreed in {agree:.0%} of {len(gains)} draws."
)
quiz

# %% [markdown]
# ## Take away
#
# - A **rank** needs an interval, and over few modules it is wide.
# - **Choose on your own held-out groups.** The board is a check, not a judge.
# - The **leader is overrated**, the more so the more often the board is asked.
# - A board that always answers can be climbed **without any knowledge**.
# - A report says **everything** that was tried, on what it was chosen, how sure it
#   is, and what failed.
#
# **Next:** a folder of your own (lesson 05), and somebody who will use the model.
