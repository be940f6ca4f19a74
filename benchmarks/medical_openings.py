"""What lessons 04 and 04b say of their live cells, on other draws.

    python -m benchmarks.medical_openings [--lesson 04 04b] [--seeds 1 2 ...]

executes the code of the lessons once a seed, solved, and adds a row of numbers
to `data/experiments/openings_<lesson>.csv`; then it prints how often each
statement of `STATEMENTS` held. A seed draws new patients, by the generator of
the laboratory's tissue, draws the modules of solar cells anew, and seeds each
training. The lessons' own draws are not among them. (The lessons' patients
were chosen for colours that give no diagnosis away; those drawn here were
not.)

"The solutions pass" counts exercises. Lesson 04's da-11 has no answer where the
scores of ill and healthy validation patients hardly overlap: then one fails.
"""

import argparse
import contextlib
import functools
import hashlib
import io
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")

import jupytext
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmarks.repeat_lesson import BEGIN
from course_utils import adaptation, pictures
from course_utils.answers import progress_log
from course_utils.machine import data_files, paths
from tools import make_data
from tools.generators import histology

LESSONS = Path(__file__).resolve().parent.parent / "lessons"
SEEDS = range(1, 21)
FIRST_DRAWN = 1000  # the generator's seed, less ours
STATEMENTS = {
    "04": {
        "calls no ill patient ill": "found == 0",
        "is right about most": "right >= 0.8",
        "ranks most of the ill above most of the healthy": "ranked > 0.8",
        "AUC is higher over patients than over pictures": (
            "auc_patients > auc_pictures"
        ),
        "the interval over patients is wider": (
            "width_patients > width_pictures"
        ),
        "a threshold breaks its promise about every second time": (
            "0.3 < broken_8 < 0.7 and 0.3 < broken_24 < 0.7"
        ),
        "more patients make the failures smaller": "short_24 < short_8",
        "referring a quarter leaves fewer mistakes": "wrong_75 < wrong_100",
        "referring half leaves fewer still": "wrong_50 < wrong_75",
        "a random split promises more than new patients give": "random > new",
        "a split by patient is about right on average": (
            "abs(by_patient - new) < 0.05"
        ),
        "a split by patient scatters more": "sd_by_patient > sd_random",
        "with rulers on the ill the second head is the best": (
            "as_they_came_ill > no_rulers_ill"
            " and as_they_came_ill > both_ways_ill"
        ),
        "with rulers on others it is the worst": (
            "as_they_came_others < no_rulers_others - 0.1"
            " and as_they_came_others < both_ways_others - 0.1"
        ),
        "a head that met no ruler takes it for disease": (
            "no_rulers_ill > no_rulers_nowhere > no_rulers_others"
        ),
        "a head that saw each picture both ways hardly cares": (
            "abs(both_ways_ill - both_ways_others) < 0.05"
        ),
        "of the rare stain far more healthy are called ill": (
            "spared_rare < spared_before - 0.2"
        ),
        "all patients together look much as before": (
            "spared_before - spared_all < 0.16"
        ),
        "without a penalty a temperature nearly always repairs": (
            "worse_without < 0.1"
        ),
        "with a penalty few patients may fit it wrongly": "worse_with > 0.05",
        "an hour on two patients buys less than on six": "hour_12 < hour_5",
        "an hour on ten patients buys less than on six": "hour_1 < hour_5",
        "the solutions pass": "passed == 3",
    },
    "04b": {
        "the other type costs AUC": "auc_poly < auc_mono",
        "a tenth or more": "auc_poly < auc_mono - 0.1",
        "most sound poly cells are called defective": "sound_called > 0.5",
        "the types are told apart": "which > 0.95",
        "the shares of defective cells are within a tenth": (
            "abs(share_mono - share_poly) < 0.1"
        ),
        "one head serves mono about as well": "shared_mono > own_mono - 0.05",
        "one head serves poly about as well": "shared_poly > own_poly - 0.05",
        "a moved threshold restores some": "right_moved > right_none",
        "own statistics rank better": "auc_own > auc_none",
        "CORAL ranks better": "auc_coral > auc_none",
        "calling all sound is right about as often as a repair": (
            "sound > right_own - 0.1"
        ),
        "thirty labels with the source beat these alone": "beside > alone",
        "without focus both lose ranking": (
            "frozen_focus_auc < frozen_none_auc - 0.02"
            " and tuned_focus_auc < tuned_none_auc - 0.02"
        ),
        "less light costs the tuned model more ranking": (
            "tuned_none_auc - tuned_gain_auc"
            " > frozen_none_auc - frozen_gain_auc"
        ),
        "less light costs the tuned model more specificity": (
            "tuned_none_spared - tuned_gain_spared"
            " > frozen_none_spared - frozen_gain_spared"
        ),
        "a stronger stain hardly costs ranking": (
            "frozen_stain_auc > frozen_none_auc - 0.03"
            " and tuned_stain_auc > tuned_none_auc - 0.03"
        ),
        "AdaBN harms the frozen model at A": (
            "frozen_A_adabn_auc < frozen_A_none_auc"
        ),
        "TENT harms the frozen model at A": (
            "frozen_A_tent_auc < frozen_A_none_auc"
        ),
        "AdaBN harms the frozen model at C": (
            "frozen_C_adabn_auc < frozen_C_none_auc"
        ),
        "AdaBN helps the tuned model at C": (
            "tuned_C_adabn_auc > tuned_C_none_auc"
        ),
        "TENT helps the tuned model at C": (
            "tuned_C_tent_auc > tuned_C_none_auc"
        ),
        "heat inside nuclei is no more than chance would have it": (
            "inside <= shuffled_most"
        ),
        "the solutions pass": "passed == 3",
    },
}


def main():
    """Makes the rows that are missing, and counts."""
    parser = argparse.ArgumentParser("benchmarks.medical_openings")
    parser.add_argument(
        "--lesson", nargs="+", choices=STATEMENTS, default=list(STATEMENTS)
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    chosen = parser.parse_args()
    for lesson in chosen.lesson:
        path = paths.data_dir() / "experiments" / f"openings_{lesson}.csv"
        rows = pd.DataFrame({"seed": []})
        rows = pd.read_csv(path) if path.exists() else rows
        for seed in chosen.seeds:
            if seed not in set(rows["seed"]):
                row = pd.DataFrame([{"seed": seed} | numbers(lesson, seed)])
                rows = pd.concat([rows, row]) if len(rows) else row
                rows.round(4).to_csv(path, index=False, lineterminator="\n")
                print(f"lesson {lesson}, seed {seed}", flush=True)
        print(f"Lesson {lesson}, of {len(rows)} seeds:")
        for statement, rule in STATEMENTS[lesson].items():
            print(f"{rows.eval(rule).sum():4}  {statement}")


def numbers(lesson, seed):
    """Executes a lesson on other draws, and returns what it has measured."""
    keras.backend.clear_session()
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, COURSE_WORK=work))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        drawn = draw_patients(seed)
        load = functools.partial(pictures.load_solar_cells, seed=seed)
        for where, name, new in (
            (data_files, "unpacked", lambda name: drawn),
            (pictures, "load_solar_cells", load),
        ):
            stack.enter_context(mock.patch.object(where, name, new))
        made = SimpleNamespace(**execute(lesson, seed))
        measure = {"04": measure_04, "04b": measure_04b}[lesson]
        events = progress_log.read_log().events
    passed = {e.name for e in events if e.status == "passed" and e.score}
    passed = {e.name for e in events if e.kind == "exercise"} & passed
    return measure(made, seed) | {"passed": len(passed)}


def execute(lesson, seed):
    """Runs the code of a lesson, and returns what its names stand for."""
    (path,) = LESSONS.glob(f"{lesson}_*.py")
    made = {}
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "code":
            source = cell.source.replace(BEGIN, f"{BEGIN}seed={seed}, lesson=")
            exec(compile(source, path.name, "exec"), made)
            plt.close("all")
    return made


def draw_patients(seed):
    """Draws the laboratory's tissue anew, once, and returns its folder."""
    # The generator is part of the name: a changed one draws others.
    together = hashlib.sha256()
    for module in (histology, make_data):
        together.update(Path(module.__file__).read_bytes())
    name = f"histology-drawn-{FIRST_DRAWN + seed}-{together.hexdigest()[:8]}"
    folder = paths.cache_dir() / name
    # A field is drawn once for its mask and all of its scans.
    once = functools.lru_cache(maxsize=1)(histology.make_field)
    with (
        mock.patch.object(make_data, "HISTOLOGY_SEED", FIRST_DRAWN + seed),
        mock.patch.object(histology, "make_field", once),
    ):
        members = make_data.list_histology()
        if not (folder / members[-1][0]).is_file():
            for name, make, arguments in members:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(make(*arguments))
    return folder


def measure_04(made, seed):
    """Returns the numbers of lesson 04."""
    sick, called = made.screened["ill"] == 1, made.screened["score"] >= 0.5
    pictures_given = made.ill[made.test], made.scores[made.test]
    found = {
        "found": (sick & called).sum(),
        "right": (sick == called).mean(),
        "ranked": roc_auc_score(sick, made.screened["score"]),
        "auc_pictures": roc_auc_score(*pictures_given),
        "auc_patients": made.patient_auc(made.head, made.features),
    }
    for unit, name in {"image": "pictures", "patient": "patients"}.items():
        ends = made.bootstrap(unit, np.random.default_rng(seed))
        found[f"width_{name}"] = np.ptp(ends)
    for count in (8, 24):
        kept = np.array([made.kept_by(count, draw) for draw in range(200)])
        found[f"broken_{count}"] = np.mean(kept < 0.85)
        found[f"short_{count}"] = np.maximum(0.85 - kept, 0).mean()
    for share in (100, 75, 50):
        surest = made.wrong.iloc[: len(made.wrong) * share // 100]
        found[f"wrong_{share}"] = surest.mean()
    means, spreads = made.pilots.mean(), made.pilots.std()
    found |= {
        "random": means["random split"],
        "by_patient": means["patient split"],
        "new": means["new patients"],
        "sd_random": spreads["random split"],
        "sd_by_patient": spreads["patient split"],
    }
    names = "no_rulers", "as_they_came", "both_ways"
    for name, model in zip(names, made.models.values(), strict=True):
        for place, x in made.seen.items():
            place = place.split()[-1]
            found[f"{name}_{place}"] = made.patient_auc(model, x)
    for name, rows, scores in (
        ("before", made.test, made.scores),
        ("all", made.test, made.mixed),
        ("rare", made.rare, made.mixed),
    ):
        some = made.per_patient(rows, scores).query("ill == 0")
        found[f"spared_{name}"] = (some["score"] < made.threshold).mean()
    worse = (made.changes > 0).mean()
    found["worse_with"] = worse["with a penalty"]
    found["worse_without"] = worse["without"]
    hour = made.hour.groupby("labels")["auc"].mean()
    return found | {f"hour_{count}": auc for count, auc in hour.items()}


def measure_04b(made, seed):
    """Returns the numbers of lesson 04b."""
    labels, away = made.labels, made.away
    called = made.scores["poly"] > 0
    found = {
        "auc_mono": made.card["mono"].value,
        "auc_poly": made.card["poly"].value,
        "sound_called": called[labels[away] == 0].mean(),
        "which": made.auc_of(
            made.which, made.seen[made.new], made.is_poly[made.new]
        ),
        "sound": 1 - labels[away].mean(),
    }
    for kind, own in {"mono": made.home, "poly": made.other}.items():
        given = made.seen[made.tests[kind]], labels[made.tests[kind]]
        alone = made.fit(made.seen[own], labels[own], made.best_c)
        found[f"own_{kind}"] = made.auc_of(alone, *given)
        found[f"shared_{kind}"] = made.auc_of(made.shared, *given)
        found[f"share_{kind}"] = labels[own].mean()
    names = "none", "moved", "own", "coral"
    for name, scores in zip(names, made.repaired.values(), strict=True):
        found[f"auc_{name}"] = roc_auc_score(labels[away], scores)
        found[f"right_{name}"] = np.mean((scores > 0) == labels[away])
    given = made.there[away], labels[away]
    for name, source in {"alone": made.home[:0], "beside": made.home}.items():
        heads = [made.thirty(draw, source) for draw in range(5)]
        found[name] = np.mean([made.auc_of(head, *given) for head in heads])
    for name, model in made.models.items():
        for cause, images in made.causes.items():
            cause = cause.removeprefix("scanner ")
            at = made.measured(name, images)
            found |= pair(f"{name}_{cause}", at)
        before = model.get_weights()
        for scanner, own in {"A": made.at_a, "C": made.at_c}.items():
            at = made.measured(name, made.test_images[scanner])
            found |= pair(f"{name}_{scanner}_none", at)
            for how, adapt in {
                "adabn": made.adapt_by_hand,
                "tent": adaptation.adapt_by_entropy,
            }.items():
                adapt(model, own)
                at = made.measured(name, made.test_images[scanner])
                found |= pair(f"{name}_{scanner}_{how}", at)
                model.set_weights(before)
    found |= {
        "inside": made.inside,
        "shuffled_least": min(made.shuffled),
        "shuffled_most": max(made.shuffled),
    }
    return found


def pair(name, values):
    """Returns an AUC and a specificity under their names."""
    return dict(zip((f"{name}_auc", f"{name}_spared"), values, strict=True))


if __name__ == "__main__":
    main()
