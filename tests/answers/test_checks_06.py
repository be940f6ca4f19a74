"""Lesson 06's checks: solution, stub, misconceptions, right in another way."""

import copy

import keras
import numpy as np
import pytest

from course_utils import course
from tests.answers.checking import check

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


@pytest.mark.parametrize(
    ("name", "asked"),
    [("pt-01", 4), ("pt-03", 2), ("pt-04", 4), ("pt-05", 2)],
)
def test_what_is_no_module_is_named(work, name, asked):
    given = [keras.Sequential()] * asked
    if name == "pt-04":
        given[0] = [0.5, 0.4]
    status, message = check(name, *given)
    assert status == "failed" and "should be a PyTorch module" in message


# pt-01: a backbone that stays in evaluation mode.

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.manual_seed(0))


class Plain(nn.Module):
    """What PyTorch does by itself."""

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, images):
        return self.head(self.backbone(images))


class OnFrozen(Plain):
    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self


class HeadRests(Plain):
    def train(self, mode=True):
        super().train(False)
        return self


class HeadNeverRests(Plain):
    def train(self, mode=True):
        super().train(True)
        self.backbone.eval()
        return self


class SaysNothing(OnFrozen):
    def train(self, mode=True):
        super().train(mode)


class OtherAnswer(OnFrozen):
    def forward(self, images):
        return super().forward(images) + 1


class Resting(nn.Module):
    """The same by a wrapper of the backbone alone."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def train(self, mode=True):
        super().train(False)
        return self

    def forward(self, images):
        return self.module(images)


def wrapped(backbone, head):
    return nn.Sequential(Resting(backbone), head)


def parts():
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    head = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, 2))
    return backbone, head


@pytest.mark.parametrize("build", [OnFrozen, wrapped])
@pytest.mark.parametrize("mode", [True, False])
def test_a_backbone_that_rests_passes_and_keeps_its_mode(work, build, mode):
    backbone, head = parts()
    model = build(backbone, head).train(mode)
    before = copy.deepcopy(model.state_dict())
    status, message = check("pt-01", model, backbone, head, IMAGES)
    assert status == "passed" and "dropout follows the mode" in message
    assert head.training == mode and not backbone.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (Plain, "3 modules of the backbone are in training mode"),
        (HeadRests, "super().train(mode)` first"),
        (HeadNeverRests, "pass `mode` on"),
        (OtherAnswer, "look at `forward`"),
        (lambda body, head: OnFrozen(copy.deepcopy(body), head), "keep it"),
        (lambda body, head: OnFrozen(body, nn.Flatten()), "`their_head` is"),
    ],
)
def test_each_mistaken_mode_is_named(work, build, named):
    backbone, head = parts()
    model = build(backbone, head)
    status, message = check("pt-01", model, backbone, head, IMAGES)
    assert status == "failed" and named in message


def test_a_train_that_returns_nothing_is_half_right(work):
    backbone, head = parts()
    model = SaysNothing(backbone, head)
    status, message = check("pt-01", model, backbone, head, IMAGES)
    assert status == "partial" and "return `self`" in message


# pt-02: an optimizer with groups.


@pytest.fixture
def model():
    torch.manual_seed(0)
    blocks = [
        nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm2d(3))
        for _ in range(5)
    ]
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(nn.Sequential(*blocks, *pool), nn.Linear(3, 2))


def groups_of(model, head_rate=1e-3, rate=1e-4, decay=1e-2, of_norms=0.0):
    backbone = list(model[0].parameters())
    norms = [p for p in backbone if p.ndim == 1]
    kernels = [p for p in backbone if p.ndim > 1]
    head = list(model[1].parameters())
    return [
        {"params": head, "lr": head_rate, "weight_decay": decay},
        {"params": kernels, "lr": rate, "weight_decay": decay},
        {"params": norms, "lr": rate, "weight_decay": of_norms},
    ]


def test_groups_that_are_right_pass(work, model):
    optimizer = torch.optim.AdamW(groups_of(model), lr=1.0)
    status, message = check("pt-02", optimizer, model)
    assert status == "passed" and "5 kernels at 0.0001" in message


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_an_optimizer_of_another_kind_is_named(work, model, kind):
    status, message = check("pt-02", kind(groups_of(model), lr=1.0), model)
    assert status == "failed" and kind.__name__ in message


def test_a_group_for_each_array_passes(work, model):
    whole = torch.optim.AdamW(groups_of(model))
    singly = [
        {**group, "params": [parameter]}
        for group in whole.param_groups
        for parameter in group["params"]
    ]
    assert check("pt-02", torch.optim.AdamW(singly), model)[0] == "passed"


@pytest.mark.parametrize(
    ("groups", "status", "named"),
    [
        (lambda m: groups_of(m, 1e-5, 1e-5), "failed", "one rate, 1e-05"),
        (lambda m: groups_of(m, 1e-4, 1e-3), "failed", "swapped"),
        (lambda m: groups_of(m, rate=1e-5), "failed", "and not 0.0001"),
        (lambda m: groups_of(m)[1:], "failed", "2 of the 2 arrays of the head"),
        (lambda m: groups_of(m)[:2], "failed", "never moves"),
        (lambda m: groups_of(copy.deepcopy(m)), "failed", "not of a copy"),
        (lambda m: groups_of(m, of_norms=1e-2), "partial", "10 scales"),
        (lambda m: groups_of(m, decay=0.1), "partial", "decay by 0.1"),
    ],
)
def test_each_mistaken_group_is_named(work, model, groups, status, named):
    found, message = check("pt-02", torch.optim.AdamW(groups(model)), model)
    assert (found, named in message) == (status, True), message


def test_what_is_no_optimizer_is_named(work, model):
    status, message = check("pt-02", keras.optimizers.Adam(), model)
    assert status == "failed" and "`torch.optim`" in message


# pt-03: the last block and the head.


def train(model, optimizer, mode=False):
    model.train(mode)
    for _ in range(3):
        optimizer.zero_grad()
        labels = torch.tensor([0, 1, 0, 1])
        nn.functional.cross_entropy(model(IMAGES), labels).backward()
        optimizer.step()


def late_groups(model, head_rate=1e-3, rate=1e-4):
    return [
        {"params": model[0][4:].parameters(), "lr": rate},
        {"params": model[1].parameters(), "lr": head_rate},
    ]


def freeze_early(model):
    model[0][:4].requires_grad_(False)


def watched(model, prepare=freeze_early, groups=late_groups, mode=False):
    prepare(model)
    with course.watch(model) as evidence:
        train(model, torch.optim.Adam(groups(model)), mode)
    return check("pt-03", model, evidence)


def test_a_training_of_the_last_block_passes(work, model):
    status, message = watched(model)
    assert status == "passed" and "In 3 steps" in message


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"mode": True}, "failed", "15 statistics"),
        (
            {"groups": lambda m: m.parameters(), "prepare": lambda m: None},
            "failed",
            "earlier blocks moved",
        ),
        ({"prepare": lambda m: None}, "partial", "are not frozen"),
        (
            {"groups": lambda m: late_groups(m)[1:]},
            "failed",
            "make a new optimizer",
        ),
        (
            {"groups": lambda m: late_groups(m, 1e-5, 1e-5)},
            "failed",
            "The last block was trained at 1e-05",
        ),
        (
            {"groups": lambda m: late_groups(m, 1e-4)},
            "failed",
            "The head was trained at 0.0001",
        ),
    ],
)
def test_each_mistaken_training_is_named(work, model, changes, status, named):
    found, message = watched(model, **changes)
    assert (found, named in message) == (status, True), message


def test_evidence_that_tells_nothing_is_named(work, model):
    with course.watch(model) as nothing:
        status, message = check("pt-03", model, nothing)
        assert status == "failed" and "not over" in message
    status, message = check("pt-03", model, nothing)
    assert status == "failed" and "no weight moved" in message
    status, message = check("pt-03", copy.deepcopy(model), nothing)
    assert status == "failed" and "not about this model" in message


# pt-04: early stopping.

FEATURES = torch.eye(2)
LABELS = torch.tensor([0, 1])
LOSSES = [0.9, 0.7, 0.5, 0.6, 0.55, 0.5, 0.8, 0.7]


def head_with(loss):
    """A head with this loss on the features, each as likely."""
    head = nn.Linear(2, 2)
    margin = -np.log(np.expm1(loss))
    with torch.no_grad():
        head.weight.copy_(torch.eye(2) * margin)
        head.bias.zero_()
    return head


def stopped(losses, kept):
    return check("pt-04", losses, head_with(kept), FEATURES, LABELS)


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        (LOSSES, 0.5),
        (np.array(LOSSES), 0.5),
        (list(np.linspace(0.9, 0.3, 60)), 0.3),
    ],
)
def test_a_training_that_stopped_in_time_passes(work, losses, kept):
    status, message = stopped(losses, kept)
    assert status == "passed" and "with the lowest loss" in message


@pytest.mark.parametrize(
    ("losses", "kept", "named"),
    [
        (LOSSES, 0.7, "copy.deepcopy"),
        (LOSSES, 0.65, "load the weights of that epoch"),
        ([*LOSSES, 0.9], 0.5, "stop there"),
        (LOSSES[:6], 0.5, "wait for 5"),
        (list(np.linspace(0.9, 0.3, 61)), 0.3, "stop at 60"),
        ([0.5], 0.5, "a list of finite numbers"),
        (["a", "b"], 0.5, "a list of finite numbers"),
        ([0.5, np.nan, 0.4], 0.4, "a list of finite numbers"),
    ],
)
def test_each_mistaken_stop_is_named(work, losses, kept, named):
    status, message = stopped(losses, kept)
    assert status == "failed" and named in message


# pt-05: a port.


@pytest.fixture(scope="module")
def keras_model():
    keras.utils.set_random_seed(1)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Rescaling(1 / 128, -127 / 128),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )


class Port(nn.Module):
    def __init__(self, keras_model, scale=128, softmax=True, permute=True):
        super().__init__()
        kernel, bias = map(torch.tensor, keras_model.layers[-1].get_weights())
        self.head = nn.Linear(3, 2)
        self.head.load_state_dict({"weight": kernel.T, "bias": bias})
        self.scale, self.softmax, self.permute = scale, softmax, permute

    def forward(self, images):
        if self.permute:
            images = images.permute(0, 3, 1, 2)
        logits = self.head(((images - 127) / self.scale).mean((2, 3)))
        return logits.softmax(dim=1) if self.softmax else logits


class Turned(Port):
    def forward(self, images):
        return super().forward(images).flip(1)


class Labels(Port):
    def forward(self, images):
        return super().forward(images).argmax(dim=1)


def test_a_port_passes(work, keras_model):
    status, message = check("pt-05", Port(keras_model).eval(), keras_model)
    assert status == "passed" and "The same probabilities" in message


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda m: Port(m), "call `eval()`"),
        (lambda m: Port(m, softmax=False).eval(), "end in `softmax(dim=1)`"),
        (lambda m: Port(m, scale=255).eval(), "Compare step by step"),
        (lambda m: Port(m, permute=False).eval(), "RuntimeError"),
        (lambda m: Turned(m).eval(), "in another order"),
        (lambda m: Labels(m).eval(), "array of shape (4, 2)"),
    ],
)
def test_each_mistaken_port_is_named(work, keras_model, build, named):
    status, message = check("pt-05", build(keras_model), keras_model)
    assert status == "failed" and named in message
