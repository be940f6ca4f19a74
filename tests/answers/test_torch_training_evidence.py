"""What training did to a PyTorch module, told by its weights."""

import copy

import numpy as np
import pytest

from course_utils import course
from course_utils.answers.checks import torch_weight_evidence, weight_evidence
from course_utils.machine.errors import CourseError

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


@pytest.fixture
def model():
    torch.manual_seed(0)
    base = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(base, pool, nn.Linear(4, 2))


PICTURES = np.random.default_rng(0).normal(size=(8, 3, 6, 6)).astype("float32")
PICTURES.setflags(write=False)


def train(model, optimizer, steps=2, **zero):
    model.train()
    for _ in range(steps):
        optimizer.zero_grad(**zero)
        outputs = model(torch.tensor(PICTURES))
        labels = torch.tensor([0, 1] * 4)
        nn.functional.cross_entropy(outputs, labels).backward()
        optimizer.step()


def paths(changes):
    return {change.path for change in changes}


def test_what_moves_is_told_by_name(model):
    model[0].requires_grad_(False)
    with course.watch(model) as evidence:
        train(model, torch.optim.Adam(model[2].parameters()))
    assert paths(weight_evidence.moved(evidence)) == {"2.weight", "2.bias"}
    assert weight_evidence.moved(evidence, model[0]) == []
    # Batch normalization moves, whatever requires_grad says.
    assert paths(weight_evidence.batch_norm_moved(evidence, model[0])) == {
        "0.1.running_mean",
        "0.1.running_var",
        "0.1.num_batches_tracked",
    }
    assert weight_evidence.learning_problem(evidence) == ""
    assert torch_weight_evidence.stale_optimizer(evidence) == ""
    assert repr(evidence) == (
        "Evidence: 5 of 9 arrays of weights moved, in 2 steps."
    )


def test_each_group_has_its_rates(model):
    groups = [
        {"params": model[0].parameters(), "lr": 1e-3},
        {"params": model[2].parameters(), "lr": 1e-2},
    ]
    optimizer = torch.optim.SGD(groups)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    with course.watch(model) as evidence:
        train(model, optimizer, 1)
        schedule.step()
        train(model, optimizer, 3)
    assert evidence.steps == 4
    assert np.isnan(evidence.after.learning_rate)
    assert torch_weight_evidence.rates(evidence, model[0]) == {(1e-3, 5e-4)}
    assert torch_weight_evidence.rates(evidence, model[2]) == {(1e-2, 5e-3)}


def test_one_rate_is_told_as_of_keras(model):
    with course.watch(model) as evidence:
        train(model, torch.optim.AdamW(model.parameters(), lr=0.25))
    assert evidence.after.learning_rate == 0.25


def test_an_optimizer_from_before_the_unfreezing_is_told(model):
    model[0].requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained)
    model[0].requires_grad_(True)
    with course.watch(model) as evidence:
        train(model, optimizer)
    told = torch_weight_evidence.stale_optimizer(evidence)
    assert "4 arrays (0.0.weight among them)" in told
    assert "make a new optimizer after unfreezing" in told


def test_a_head_that_came_after_the_optimizer_is_told(model):
    optimizer = torch.optim.Adam(model.parameters())
    model[2] = nn.Linear(4, 2)
    with course.watch(model) as evidence:
        train(model, optimizer)
    assert "2.weight among them" in torch_weight_evidence.stale_optimizer(
        evidence
    )


def test_what_no_gradient_reaches_is_told(model):
    model.append(nn.Identity())
    model[3].unused = nn.Linear(4, 4)
    with course.watch(model) as evidence:
        train(model, torch.optim.Adam(model.parameters()))
    told = torch_weight_evidence.stale_optimizer(evidence)
    assert "no gradient reached" in told and "3.unused.weight" in told


def test_momentum_moves_what_is_frozen_where_gradients_are_kept(model):
    optimizer = torch.optim.Adam(model.parameters())
    train(model, optimizer)
    model[0].requires_grad_(False)
    with course.watch(model) as evidence:
        train(model, optimizer, set_to_none=False)
    told = torch_weight_evidence.stale_optimizer(evidence)
    assert "requires_grad is False, but" in told


def test_nothing_run_is_nothing_moved(model):
    before = copy.deepcopy(model.state_dict())
    with course.watch(model) as evidence:
        pass
    assert weight_evidence.moved(evidence) == [] and evidence.steps == 0
    assert "no weight moved inside" in weight_evidence.learning_problem(
        evidence
    )
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_another_modules_optimizer_is_not_counted(model):
    other = copy.deepcopy(model)
    with course.watch(model) as evidence:
        train(other, torch.optim.Adam(other.parameters()))
    assert evidence.steps == 0 and evidence.rates == {}


def test_an_error_ends_the_watching(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ZeroDivisionError):
        with course.watch(model) as evidence:
            train(model, optimizer, 1)
            raise ZeroDivisionError
    assert evidence.stopped_by == "ZeroDivisionError" and evidence.finished
    train(model, optimizer, 1)
    assert evidence.steps == 1


def test_a_new_head_inside_the_block_is_told(model):
    with course.watch(model) as evidence:
        model[2] = nn.Linear(4, 3)
    assert set(evidence.added) == {"2.weight", "2.bias"}


def test_half_precision_is_read(model):
    model = model.to(torch.bfloat16)
    with course.watch(model) as evidence:
        with torch.no_grad():
            model[2].bias += 1
    assert paths(weight_evidence.moved(evidence)) == {"2.bias"}


def test_what_is_no_model_is_a_sentence():
    with pytest.raises(CourseError, match="or a PyTorch module, not Tensor"):
        course.watch(torch.zeros(2))
    with pytest.raises(CourseError, match="no weights yet"):
        course.watch(nn.ReLU())
