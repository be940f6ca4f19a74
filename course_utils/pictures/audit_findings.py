"""What an audit of a folder finds, in sentences, and what it leaves out."""

import dataclasses
import html

import numpy as np
import pandas as pd

# Each class needs a picture in each of three parts.
LEAST = 3
# A fifth of so many is 100 test pictures: with these, Wilson's interval for
# the recall of a class is at most 0.2 wide, wherever the recall lies.
FEW = 500
# From here on a class is so much larger than another that the loss hardly
# hears the smaller one.
IMBALANCE = 3
# From this share of one class on, accuracy misleads.
MAJORITY = 0.6
# The file's mode or format names so many more pictures of a class, in the mean
# over the classes, than guessing does.
GIVEAWAY = 0.2


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that an audit has found.

    Attributes:
        found: What, in a sentence.
        done: What is done about it, or what to do, in a sentence.
    """

    found: str
    done: str


def findings_table(findings) -> str:
    """Returns findings as a table in HTML."""
    # Notebooks set tables flush right, which suits numbers and no sentences.
    left = 'style="text-align: left"'
    rows = "".join(
        f"<tr><td {left}>{html.escape(finding.found)}</td>"
        f"<td {left}>{html.escape(finding.done)}</td></tr>"
        for finding in findings
    )
    return (
        f'<table><thead><tr><th scope="col" {left}>found</th>'
        f'<th scope="col" {left}>what follows</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def judge_files(rows, size):
    """Says what was found in the files, one by one."""
    findings = []
    broken = rows[rows["left_out"] != ""]
    if len(broken):
        told = [
            f"{row.file!r} {row.left_out.rstrip('.')}"
            for row in broken.head(3).itertuples()
        ]
        findings.append(
            Finding(
                f"{counted(len(broken), 'file')} cannot be read: "
                f"{'; '.join(told)}{_more(len(broken) - 3)}.",
                "Left out.",
            )
        )
    rows = rows[rows["left_out"] == ""]
    modes = rows["mode"].value_counts()
    if list(modes.index) != ["RGB"]:
        told = ", ".join(f"{count} {mode}" for mode, count in modes.items())
        findings.append(
            Finding(
                f"Pictures are of the modes {told}.",
                "All are read as RGB; grey is repeated three times.",
            )
        )
    moving = rows[rows["frames"] > 1]
    if len(moving):
        findings.append(
            Finding(
                f"{counted(len(moving), 'picture')} with several frames "
                f"({some(moving['file'])}).",
                "The first frame is taken.",
            )
        )
    if rows["turned"].any():
        findings.append(
            Finding(
                f"{counted(rows['turned'].sum(), 'picture')} with a camera's "
                "note of how it was held (EXIF).",
                "Turned upright.",
            )
        )
    findings += _judge_sizes(rows, size)
    for attribute in ("mode", "format"):
        findings += _judge_giveaway(rows, attribute)
    return findings


def _judge_sizes(rows, size):
    height, width = size
    area = rows["height"] * rows["width"]
    low, high = rows.loc[area.idxmin()], rows.loc[area.idxmax()]
    found = f"Pictures are {low.width} x {low.height} pixels"
    if area.nunique() > 1:
        found += f" (the smallest) to {high.width} x {high.height}"
    scale = np.minimum(rows["height"] / height, rows["width"] / width)
    lost = 1 - height * width * scale**2 / area
    done = f"All become {width} x {height}"
    if (scale == 1).all() and area.nunique() == 1:
        done = "They are taken as they are"
    if lost.max() > 0.005:
        done += (
            f"; the middle is cut out, which loses up to {lost.max():.0%} of "
            "a picture: see that nothing of importance lies at the rim"
        )
    if (scale < 1).any():
        enlarged = (scale < 1).sum()
        done += f"; {enlarged} {'is' if enlarged == 1 else 'are'} enlarged, "
        done += "and will be blurred"
    return [Finding(f"{found}.", f"{done}.")]


def _judge_giveaway(rows, attribute):
    """Warns where an attribute of the files tells the class."""
    # Shares within each class: a class of six counts like one of 300, whose
    # files would outvote it otherwise.
    table = pd.crosstab(rows["label"], rows[attribute], normalize="index")
    told, guessed = table.max().sum() / len(table), 1 / len(table)
    if told < guessed + GIVEAWAY:
        return []
    return [
        Finding(
            f"The {attribute} of the files tells the class of {told:.0%} of "
            f"them, in the mean over the classes (guessing: {guessed:.0%}).",
            "A model may learn that instead of what the pictures show, and "
            "then fail on other files: take all pictures in the same way.",
        )
    ]


def leave_out_copies(rows, pictures, pixels_of):
    """Leaves out what is there twice, pixel by pixel, at full size."""
    findings = []
    readable = rows.index[rows["left_out"] == ""]
    key = pd.Series([pictures[i].tobytes() for i in readable], readable)
    # What is equal only since it was made small may differ in the file. (And
    # what differs here cannot be equal there, so that few are opened again.)
    for i in key.index[key.duplicated(keep=False)]:
        key[i] = pixels_of(rows.file[i])
    labels = rows.loc[readable, "label"]
    # The same key in two classes: somebody has to look.
    wrong = readable[labels.groupby(key).transform("nunique") > 1]
    if len(wrong):
        rows.loc[wrong, "left_out"] = "is the same picture in two classes."
        findings.append(
            Finding(
                f"{len(wrong)} files are pictures that lie in more than one "
                f"class ({some(rows.file[wrong])}).",
                "Left out: at least one label of each is wrong, or the "
                "classes overlap, and nobody but you can say which.",
            )
        )
    key = key.drop(wrong)
    copies = key.index[key.duplicated()]
    if len(copies):
        rows.loc[copies, "left_out"] = "is a copy of another file."
        findings.append(
            Finding(
                f"{counted(len(copies), 'exact copy', 'exact copies')} of "
                f"another picture of the class ({some(rows.file[copies])}).",
                "Left out; one of each is kept.",
            )
        )
    return findings


def leave_out_small_classes(rows):
    """Leaves out the classes that cannot be in all three parts."""
    used = rows[rows["left_out"] == ""]
    groups = used.groupby("label")["group"].nunique()
    small = groups[groups < LEAST]
    if not len(small):
        return []
    rows.loc[used.index[used["label"].isin(small.index)], "left_out"] = (
        "is of a class that is too small."
    )
    rows.loc[rows["left_out"] != "", "group"] = -1
    told = [
        f"{name!r} ({counted((used['label'] == name).sum(), 'picture')})"
        for name in small.index
    ]
    return [
        Finding(
            f"Too small to be in all three parts: {', '.join(told)}.",
            f"Left out: a class needs at least {LEAST} pictures that do not "
            "go together, and many more to be judged by.",
        )
    ]


def judge_groups(rows, group_of, near_bits):
    """Says which pictures go together."""
    used = rows[rows["left_out"] == ""]
    sizes = used["group"].value_counts()
    several = used[used["group"].map(sizes) > 1]
    if not len(several):
        return []
    largest = several["file"][several["group"] == sizes.idxmax()]
    what = "near-duplicates of each other"
    if group_of is not None:
        what = "of one group by group_of, or near-duplicates"
    found = (
        f"{len(several)} pictures in {several['group'].nunique()} groups are "
        f"{what} (the largest group has {len(largest)}: {some(largest)})"
    )
    across = several.groupby("group")["label"].nunique()
    done = "Each group is kept in one part, so that none is tested on what it "
    done += "was trained on."
    if (across > 1).any():
        found += f", {counted((across > 1).sum(), 'group')} across classes"
        done += (
            " Look across the classes for wrong labels, unless the classes "
            "overlap."
        )
    if near_bits >= 0:
        done += (
            " If pictures are grouped that do not belong together, take a "
            f"near_bits below {near_bits}."
        )
    return [Finding(f"{found}.", done)]


def judge_classes(rows):
    """Says what is wrong with the numbers of pictures by class."""
    findings = []
    counts = rows["label"][rows["left_out"] == ""].value_counts()
    if len(counts) < 2:
        return [
            Finding(
                f"There {'is one class' if len(counts) else 'is no class'} "
                "that can be used.",
                "There is nothing to tell apart, so split_folder will refuse "
                "it: add pictures of another class.",
            )
        ]
    few = counts[counts < FEW].sort_values(kind="stable")
    if len(few):
        told = [f"{name!r} ({count})" for name, count in few.head(3).items()]
        findings.append(
            Finding(
                f"Few pictures of {', '.join(told)}{_more(len(few) - 3)}.",
                f"They are used. But it takes {FEW // 5} test pictures of a "
                f"class, a fifth of {FEW}, until the interval of its recall is "
                "no wider than 0.2; here it will be wider.",
            )
        )
    most, least = counts.index[0], counts.index[-1]
    ratio, share = (
        counts.iloc[0] / counts.iloc[-1],
        counts.iloc[0] / sum(counts),
    )
    if ratio >= IMBALANCE or share >= MAJORITY:
        findings.append(
            Finding(
                f"{most!r} has {ratio:.1f} times as many pictures as "
                f"{least!r}.",
                f"Always saying {most!r} is right for {share:.0%}: judge by "
                "the recall of each class, not by the accuracy. To give the "
                "few more weight, pass class_weight to two_phase_fit, and "
                "compare the recalls.",
            )
        )
    return findings


def counted(number, thing, things=None):
    """Returns a number and its thing, in the plural if need be."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def some(names):
    """Returns up to three of the names, and how many there are besides."""
    names = list(names)
    return ", ".join(map(repr, names[:3])) + _more(len(names) - 3)


def _more(number):
    return f" and {number} more" if number > 0 else ""
