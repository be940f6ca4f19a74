# %% [markdown]
# # Weigh the evidence: what is claimed about fine-tuning, and what was found
#
# - **Do:** query the course's ledger of claims, judge raw rows by its rule, and
#   simulate what five seeds can see.
# - **Learn:** what *supported*, *refuted* and *undecided* mean, how many seeds a
#   question needs, what many comparisons do, and which findings of the
#   literature hold where.
# - **Need:** lesson 03; this one is optional, for the curious. About 45 minutes.
#
# **From lesson 03b.** Validation loss rises during fine-tuning. Why does that not
# tell whether the network forgets its old task?
#
# <details><summary>Answer</summary>
#
# It asks about the new task only. Forgetting is read from the old one.
#
# </details>

# %% [markdown]
# ## Set up

# %%
from course_utils import course

course.begin("03c")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

from course_utils.evaluation import BLUE, VERMILLION, ledger, verdicts
from course_utils.machine import data_dir
from course_utils.notebook import ClaimBrowser

rng = np.random.default_rng(0)

# %% [markdown]
# ## Choose a sentence, see what became of it
#
# This course began with three short texts on fine-tuning, here called 000, 001
# and 002. What they claim, and what the lessons claim, is in a **ledger**. Each
# claim has a verdict on *real ground*, nearly always ImageNet's network on
# photographs of solar cells, and some also in the *laboratory*, a small network
# on drawn pictures. How a claim is tested, and what counts as an answer, was
# written down before the first run.
#
# Choose a claim from the list, with the mouse or with Tab and the arrow keys.
# Without a list, write `browser.choose("shift-hurts")`.

# %%
browser = ClaimBrowser("last-layers-gain")
browser

# %% [markdown]
# *The figure shows a claim on both grounds: one tick per seed, their mean, and
# its 95 % interval over the seeds. Below each panel is the command that made
# the runs.*
#
# **Predict.** You have seen one. Of all claims in the ledger, what share is
# *supported* on real ground?

# %% tags=["exercise"]
quiz = course.quiz("03c")
my_guess = ...
### BEGIN SOLUTION
my_guess = 0.4
### END SOLUTION
quiz.answer("q1", my_guess)

# %% [markdown]
# All of them, by their two verdicts.

# %%
claims = ledger.claims()
share = np.mean(claims["real ground"] == "supported")
quiz.outcome("q1", share)
pd.crosstab(claims["real ground"], claims["laboratory"])

# %% [markdown]
# **Interpret.** Some of what is taught as certain is supported, some depends,
# for instance on the number of labels, and much cannot be decided with the
# seeds that we could afford. No claim is supported on one ground and refuted on
# the other, but single comparisons are: look at `high-rate-forgets`. So: before
# you follow advice, ask how often it was tried, and on what ground.
#
# ## The rule, by hand
#
# A **comparison** gives one difference per seed. A seed draws modules and
# labelled cells, the same for both sides. The mean difference has a 95 %
# interval (Student's t), a little too narrow since draws overlap; a **margin**
# says which difference counts. A comparison is
#
# - **supported**, if the interval lies above zero and the mean is the margin or
#   more;
# - **refuted**, if the whole interval lies below the margin: an effect of that
#   size is ruled out, a smaller one is not;
# - **undecided** otherwise.
#
# A claim has the verdict that its comparisons share. It *depends*, if some support
# it and others do not; it is undecided otherwise. From raw rows it takes a few
# lines:

# %%
folder = data_dir() / "experiments"
rows = pd.read_csv(folder / "real_learning_rate.csv")
tuned = rows[rows["method"] == "fine-tuned"]
by_rate = tuned.pivot(index="seed", columns="rate", values="auc")
some = by_rate[1e-4] - by_rate[1e-3]
mean, error = some.mean(), some.std() / np.sqrt(len(some))
half = stats.t.ppf(0.975, len(some) - 1) * error
print(f"{mean:+.3f}, 95 % interval {mean - half:+.3f} to {mean + half:+.3f}")
print(verdicts.judge("1e-4 above 1e-3", some, margin=0.01).verdict)

# %% [markdown]
# **Why seed by seed?** One draw of modules is easier than another, for both
# sides alike. What the sides share cancels in the difference.

# %%
alone = by_rate[1e-4].std(), by_rate[1e-3].std()
print("standard deviation over the seeds")
print(f"of the AUC at either rate: {alone[0]:.3f}, {alone[1]:.3f}")
print(f"of differences, if draws were not shared: {np.hypot(*alone):.3f}")
print(f"of the differences, seed by seed: {some.std():.3f}")

# %% [markdown]
# **Interpret.** Compare the last two numbers: the smaller the spread, the fewer
# seeds you need. So: give both sides the same draws, and judge differences.
#
# **Exercise ev-01.** "Fine-tuning costs AUC." For each of the five rates, take
# the AUC of the frozen network minus that of the fine-tuned one, seed by seed,
# and judge it by the rule, by hand, with the margin below. `my_verdicts` is a
# dict from rate to verdict.

# %% tags=["exercise"]
# exercise: ev-01
margin_of_loss = 0.05
frozen = rows[rows["method"] == "frozen"].set_index("seed")["auc"]
my_verdicts = ...
### BEGIN SOLUTION
my_verdicts = {}
for rate in by_rate:
    loss = frozen - by_rate[rate]
    half = stats.t.ppf(0.975, len(loss) - 1) * stats.sem(loss)
    my_verdicts[rate] = "undecided"
    if loss.mean() - half > 0 and loss.mean() >= margin_of_loss:
        my_verdicts[rate] = "supported"
    elif loss.mean() + half < margin_of_loss:
        my_verdicts[rate] = "refuted"
### END SOLUTION

# %% [markdown]
# The check computes them from the rows.

# %% tags=["check"]
course.exercise("ev-01").check(my_verdicts, rows, margin_of_loss)

# %% [markdown]
# ## What "undecided" means
#
# Fine-tuning with 400 labels against the frozen network: undecided. Is there no
# gain? Simulate it: suppose that the true gain is known, and that seeds spread
# as they did. How often does an experiment with five seeds find out?
# **Predict:** how large must a gain in AUC be, to be found four times in five?

# %%
gains = ledger.differences("fine-tuning-gains")["400 labels"]


def shares_of_verdicts(effect, seeds, margin=0.01, repeats=4000):
    drawn = rng.normal(effect, gains.std(), (repeats, seeds))
    mean, error = drawn.mean(axis=1), stats.sem(drawn, axis=1)
    low, high = stats.t.interval(0.95, seeds - 1, mean, error)
    return np.mean((low > 0) & (mean >= margin)), np.mean(high < margin)


effects = np.linspace(0, 0.16, 33)
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="tight")
for ax, seeds in zip(axes, (5, 20), strict=True):
    found = np.array([shares_of_verdicts(one, seeds) for one in effects])
    ax.plot(effects, found[:, 0], color=BLUE, label="supported")
    ax.plot(effects, found[:, 1], "--", color=VERMILLION, label="refuted")
    ax.set(title=f"{seeds} seeds", xlabel="true gain", ylabel="share")
    seen = effects[np.argmax(found[:, 0] >= 0.8)]
    print(f"{seeds} seeds find a gain of {seen:.2f} four times in five.")
_ = axes[0].legend()

# %% [markdown]
# *The figure shows how often an experiment finds "supported" and "refuted", over the
# true gain in AUC, with five seeds and with twenty. The remaining share is
# undecided.*
#
# **Interpret.** The share *supported* is the experiment's **power**. With five
# seeds, a gain well below the printed one is mostly *undecided*, and so is none
# at all. "Undecided" is a statement about the experiment, not about the
# world; only "refuted" rules out an effect that counts. The spread itself comes
# from five seeds, so the printed gains are rough, and the number of seeds, which
# grows with its square, is rougher. So: report the interval, which says what has
# been ruled out. Meanwhile do what costs less: here, keep the frozen network.
#
# **Exercise ev-02.** How many seeds would it take? Find `my_seeds`, the smallest
# number with which a true gain of `wanted` is found supported four times in five,
# with the same spread and margin.

# %% tags=["exercise"]
# exercise: ev-02
wanted = 0.03
my_seeds = ...
### BEGIN SOLUTION
my_seeds = 2
while shares_of_verdicts(wanted, my_seeds, repeats=20000)[0] < 0.8:
    my_seeds += 1
### END SOLUTION

# %% [markdown]
# Simulated shares differ a little from run to run; the check allows for that.

# %% tags=["check"]
course.exercise("ev-02").check(my_seeds, gains, wanted)

# %% [markdown]
# ## Many comparisons
#
# A **p value** is the chance of a difference at least as large as the one
# found, if there is no effect. Then one in twenty is below `0.05`, and the
# ledger has many comparisons. **Predict:** if there were no effect anywhere,
# how many p values would still be below `0.05`? (The simulation takes
# comparisons as independent; ours share seeds, so the chance of at least one is
# only rough.)

# %%
judged = ledger.table()
p = np.sort(judged.loc[judged["ground"] == "real ground", "p"])
below = (rng.uniform(size=(4000, len(p))) < 0.05).sum(axis=1)
print(
    f"{len(p)} comparisons and no effect: {below.mean():.1f} below by chance,"
)
print(f"and at least one such in {np.mean(below > 0):.0%} of ledgers.")
print(f"In the ledger there are {np.sum(p < 0.05)}.")

# %% [markdown]
# **Holm's correction** (1979) keeps the chance of even one false finding at
# `0.05` or less. By hand: sort the p values; the smallest must not exceed `0.05`
# divided by the number of comparisons, the next `0.05` divided by one less, and
# so on; stop at the first that does.

# %%
limits = 0.05 / np.arange(len(p), 0, -1)
passed = np.argmax(p > limits)
_, ax = plt.subplots(figsize=(6.4, 3), layout="tight")
ax.semilogy(p, "o", ms=4, color=BLUE, label="p values, sorted")
ax.semilogy(limits, "--", color=VERMILLION, label="Holm's limits")
ax.axhline(0.05, color="black", ls=":", label="a single comparison's limit")
ax.set(xlabel="rank", ylabel="p")
ax.legend()
print(f"{passed} pass, as verdicts.holm says: {sum(verdicts.holm(p))}.")

# %% [markdown]
# *The figure shows the p values of all comparisons on real ground, sorted, with
# the limits of Holm's correction.*
#
# **Interpret.** What lies between the dotted line and Holm's limits would have
# passed as the only comparison. The p values are two-sided, so a clear effect
# in the wrong direction passes as well. Choosing the best of many settings on
# test pictures is the same mistake in disguise. So: count what you have tried,
# including what you do not report, and correct for that number.
#
# **Exercise ev-03.** Software reports *adjusted* p values, which are compared with
# `0.05` directly. For Holm: sort, multiply the smallest by the number of
# comparisons, the next by one less, and so on; no value may be less than the one
# before it, nor above one. Give `my_adjusted` for `p_values`, **in their order**.

# %% tags=["exercise"]
# exercise: ev-03
p_values = judged.loc[judged["ground"] == "laboratory", "p"].to_numpy()
my_adjusted = ...
### BEGIN SOLUTION
order = np.argsort(p_values)
factors = np.arange(len(p_values), 0, -1)
raised = np.maximum.accumulate(factors * p_values[order])
my_adjusted = np.empty(len(p_values))
my_adjusted[order] = np.minimum(raised, 1)
### END SOLUTION

# %% [markdown]
# The order is part of the answer.

# %% tags=["check"]
course.exercise("ev-03").check(my_adjusted, p_values)

# %% [markdown]
# ## Head first, stage by stage, and the usual remedies
#
# Skipping phase 1, at a high rate, is the common mistake, says text 001. On
# solar cells, with a rate chosen for each variant, no cost could be shown
# (`skipping-phase-one-costs`); below is the laboratory, at fixed rates.
# Unfreezing in stages (**gradual unfreezing**) is stable, says text 002; Howard
# and Ruder (2018) proposed it for language models. Dropout, early stopping and
# **L2-SP**, which pulls weights back to where they were (Li et al. 2018), are
# said to keep fine-tuning in bounds. `ledger.draw` judges by the rule.

# %%
lab = pd.read_csv(folder / "fine_tuning.csv")


def gain(variant, other, column):
    own = lab[lab["variant"].isin([variant, other]) & (lab["target"] == "near")]
    own = own[own["experiment"].isin(["phase1", "gradual", "regularization"])]
    own = own[own["optimizer"] == "Adam"]
    wide = own.pivot(index="seed", columns="variant", values=column)
    return wide[variant] - wide[other]


pairs = {"head first": "random head", "gradual": "all at once"}
pairs |= dict.fromkeys(["dropout", "L2-SP", "early stopping"], "plain")
figure, axes = plt.subplots(1, 2, figsize=(11, 3.2), layout="tight")
for ax, column in zip(axes, ("value", "source_accuracy"), strict=True):
    found = {f"{a} minus {b}": gain(a, b, column) for a, b in pairs.items()}
    ledger.draw(found, 0.01, ax)
axes[0].set_xlabel("accuracy on the new task")
_ = axes[1].set_xlabel("accuracy on the old task")

# %% [markdown]
# *The figure shows what each remedy adds to the accuracy on the new task and on
# the old one: one tick per seed, their mean and its 95 % interval.*
#
# **Interpret.** The head first keeps far more of the old task. On the new one
# every seed gained by it, and yet the interval reaches below zero: three seeds
# cannot say more. Neither gradual unfreezing nor a remedy surely raises the new
# task's score, or surely keeps more of the old; on average L2-SP keeps more.
# So: train the head first, and measure a remedy by what it keeps.
#
# ## Early, middle or late?
#
# "Freeze the early layers, adapt the late ones" is the usual advice. Lee et al.
# (2023) say when it holds. They fine-tuned one block at a time, for a shift of
# the data *with the same classes*: the **first** block was best for shifts of
# the input (blur, noise and other corruptions), a **middle** one for shifts of
# features (other kinds of the same class), the **last** for shifts of the
# output (flipped labels, spurious correlations). A new question with a new head
# is none of these. The laboratory has tissue from another scanner (histology
# C), which we count as a shift of the input, and a new question, new shapes
# (near). **Predict** the best block for both. (In language models, grammar is
# found in earlier layers than meaning: Tenney et al. 2019, not tested here.)

# %%
where = lab[lab["experiment"] == "where"]
figure, axes = plt.subplots(1, 2, figsize=(11, 3), layout="tight")
for ax, target in zip(axes, ("histology C", "near"), strict=True):
    own = where[(where["target"] == target) & (where["steps"] > 0)]
    wide = own.pivot(index="seed", columns="variant", values="value")
    blocks = wide[["first block", "middle block", "last block"]]
    ledger.draw(blocks.sub(wide["head alone"], axis=0), 0.01, ax)
    ax.set(title=target, xlabel="gain over the head alone")
begun = where[where["steps"] == 0].set_index("seed")["value"]
scanner = where[(where["target"] == "histology C") & (where["steps"] > 0)]
best = scanner.groupby("seed")["value"].max()
print(f"Before any training on scanner C: {begun.mean():.3f}")
print(f"the best variant of each seed after it: {best.mean():.3f}")

# %% [markdown]
# *The figure shows what training one block adds to training the head alone, for
# another scanner and for a new question.*
#
# **Interpret.** For the other scanner the first block has the best mean of the
# three, as Lee et al. found for the input, but by the rule three seeds leave it
# undecided. On average the head alone is ahead of each block, and no training
# at all is better still. For the new question the middle block gains a little. So: ask what
# has shifted before you choose a block, and compare with doing nothing.
#
# ## A wide valley?
#
# Text 000 says that pretrained weights lie in a wide valley of the loss. Hao et
# al. (2019) found so for BERT: fine-tuned, it ends in a wider minimum than
# trained from scratch. To see it, step from the weights in a random direction
# and watch the loss. Both networks here have learned the same digits, to a
# similar training loss.

# %%
valley = pd.read_csv(folder / "fine_tuning_valley.csv")
keys = ["variant", "seed", "scale"]
loss = valley.groupby(keys)["train_loss"].mean().unstack("scale")
rise = loss.sub(loss[0.0], axis=0).drop(columns=0.0)
figure, axes = plt.subplots(1, 2, figsize=(11, 3), layout="tight")
for variant, look in {"fine-tuned": "o-", "scratch": "s--"}.items():
    mean = loss.loc[variant].mean()
    colour = BLUE if variant == "fine-tuned" else VERMILLION
    axes[0].plot(mean.index, mean, look, color=colour, label=variant)
axes[0].set(xlabel="length of the step", ylabel="training loss", yscale="log")
axes[0].legend()
gap = np.log(rise.loc["scratch"] / rise.loc["fine-tuned"])
ledger.draw(gap.rename(columns="step of {:g}".format), 0.1, axes[1])
_ = axes[1].set_xlabel("log of: rise from scratch / rise fine-tuned")

# %% [markdown]
# *The figure shows the training loss over the length of a random step, as a share of
# each filter's own length, and how much more the loss of the network from scratch
# rises: above zero, the fine-tuned valley is the wider one.*
#
# **Interpret.** At the shortest step the fine-tuned valley is the *narrower*
# one: its loss rises several times as much. Farther out three seeds do not
# decide. But width depends on the scale of the weights and on how steps are
# measured (Dinh et al. 2017). Neyshabur et al. (2020) found that two networks
# fine-tuned from the *same* pretrained weights lie in one basin, with no
# barrier between them; averaging relies on that. So: do not argue from width,
# and average only networks that began at the same weights.
#
# ## Does it help more near or far?
#
# Text 001 says that fine-tuning pays most where the domain *differs*; text 002, where
# it is *related*. The laboratory has three tasks at growing distance: new shapes
# (near), defects, tissue (histology).

# %%
_ = ledger.show("fine-tuning-gains")

# %% [markdown]
# *The figure shows the gain of fine-tuning over the frozen network, on both
# grounds, over the number of labels and, in the laboratory, the task.*
#
# **Interpret.** Only the laboratory shows a gain: with 400 labels, for shapes
# and for defects, and none for tissue; this fits text 002. Across twelve data
# sets Kornblith et al. (2019) found fine-tuning above fixed features almost
# throughout, with more labels than ours; Raghu et al. (2019) found that on
# large medical data sets pretraining itself brings little. So: let a comparison
# on your own groups decide, not the distance.
#
# ## Which setting matters most?
#
# "The learning rate is the most important hyperparameter." That depends on the
# range of rates. We compare the range of the mean accuracies, over the values
# of a setting, with the standard error of one of these means.

# %%
near = lab.query("target == 'near' and labels == 100 and steps == 200")
names = ["learning_rate", "depth", "gradual", "regularization"]
groups = {name: near[near["experiment"] == name] for name in names}
rates = groups["learning_rate"]
groups["rate below 1e-2"] = rates[rates["learning_rate"] < 1e-2]
spans = pd.DataFrame(columns=["between settings", "standard error"])
for name, runs in groups.items():
    key = "learning_rate" if "rate" in name else "variant"
    values = runs.groupby(key)["value"]
    spans.loc[name] = np.ptp(values.mean()), values.sem().mean()
axes = spans.plot.barh(
    subplots=True, layout=(1, 2), sharex=True, sharey=True, legend=False
)
axes[0, 0].figure.set_size_inches(9, 3)
_ = [ax.set_xlabel("accuracy") for ax in axes.flat]

# %% [markdown]
# *The figure shows, for each setting, by how much the mean accuracy differs between
# its values, and the standard error of a mean.*
#
# **Interpret.** The rate matters most if the range includes one that breaks the
# network. By chance alone a few means range over two standard errors: the other
# rates do not stand out, regularization does. So: exclude the rates that break, by a range
# test; then try more draws and more groups, not finer settings.
#
# **Exercise ev-04.** Is it so on real ground? Split the variance of `by_rate`
# (rows are draws, columns are rates): the sum of squares around the grand mean
# has a part due to the rates' means, a part due to the draws' means, and a
# rest. Give `my_shares`: the shares of rates and of draws, for all rates, and
# the same two without `1e-3`, as a list of two pairs.

# %% tags=["exercise"]
# exercise: ev-04
my_shares = ...
### BEGIN SOLUTION
my_shares = []
for wide in (by_rate, by_rate.drop(columns=1e-3)):
    away = wide - wide.to_numpy().mean()
    total = (away**2).to_numpy().sum()
    of_rates = len(away) * (away.mean(axis=0) ** 2).sum()
    of_draws = away.shape[1] * (away.mean(axis=1) ** 2).sum()
    my_shares.append((of_rates / total, of_draws / total))
### END SOLUTION

# %% [markdown]
# Which is larger, and when?

# %% tags=["check"]
course.exercise("ev-04").check(my_shares, by_rate)

# %% [markdown]
# ## From a blank page
#
# **Exercise ev-05.** "More labels make a fine-tuned network better." The ledger has
# no such claim. Judge it by the rule, on real ground, in AUC with a margin of `0.01`:
# from 30 to 400 labels, and from 400 to 1200. The rows are in
# `real_label_curve.csv`, in `folder`; only those with `stage == "report"` count.
# Leave `my_findings`, a dict from `"30 to 400"` and `"400 to 1200"` to mean, low
# and high, and `my_verdict` on the claim.

# %% tags=["exercise"]
# exercise: ev-05
my_findings = ...
my_verdict = ...
### BEGIN SOLUTION
curve = pd.read_csv(folder / "real_label_curve.csv")
own = curve[(curve["stage"] == "report") & (curve["method"] == "fine-tuned")]
auc = own.pivot(index="seed", columns="labels", values="auc")
compared = {
    "30 to 400": auc[400] - auc[30],
    "400 to 1200": auc[1200] - auc[400],
}
my_verdict, all_judged = verdicts.judge_all(compared, 0.01)
my_findings = {one.name: (one.mean, one.low, one.high) for one in all_judged}
### END SOLUTION

# %% [markdown]
# The check reads the committed rows itself.

# %% tags=["check"]
course.exercise("ev-05").check(my_findings, my_verdict)

# %% [markdown]
# ## Questions

# %%
print(
    f"Concluded: of {len(claims)} claims, {share:.0%} are supported on real "
    f"ground; of {np.sum(p < 0.05)} p values below 0.05, {passed} pass Holm."
)
quiz

# %% [markdown]
# ## Take away
#
# - **An interval and a margin** make a verdict; a mean alone makes none.
# - **Undecided is not refuted.** Ask what effect the experiment could have seen.
# - **Same draws for both sides**, and judge the differences.
# - **Count what you tried**, and correct for it.
# - A finding holds **on its ground**: the shift, the labels, the network.
#
# All claims are in `docs/ledger.md`, with what other seeds said; where each is
# treated, in `docs/claims.md`.
#
# **Next:** lesson 04 goes to the hospital: few labels, many patients, and a
# scanner that changes.
