"""The report: true counts, an escaped page, a model that can be loaded."""

import base64
import html.parser
import io
import json
import shutil
import types
from dataclasses import replace

import keras
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image
from scipy import stats

from course_utils.evaluation.classification_scores import class_table, compare
from course_utils.evaluation.heat_maps import grad_cam, overlay
from course_utils.evaluation.intervals import wilson_interval
from course_utils.evaluation.model_report import PARTS, write_report
from course_utils.evaluation.model_report_saving import export_litert
from course_utils.evaluation.predictions import ask_model
from course_utils.machine.errors import CourseError
from course_utils.pictures.datasets import Splits
from course_utils.pictures.folder_audit import FolderSplits
from tests.tiny_models import base, functional

NAMES = ["rust & <script>alert(1)</script>", 'pit "é" $x', "crack"]


def batches(counts, seed=0):
    """Pictures that are redder, greener or bluer by class."""
    labels = np.repeat(np.arange(len(counts)), counts).astype("int32")
    noise = np.random.default_rng(seed).uniform(0, 90, (len(labels), 8, 8, 3))
    images = noise + 150 * np.eye(3)[labels][:, np.newaxis, np.newaxis]
    return tf.data.Dataset.from_tensor_slices(
        (images.astype("float32"), labels)
    ).batch(4)


def splits(names=NAMES):
    count = len(names)
    parts = [batches([n] * count, n) for n in (6, 2, 4)]
    return Splits(*parts, class_names=names)


def colour_model(order, activation="softmax", scale=10.0):
    """Names the pictures by their colour, in an order of classes."""
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(3, 1, name="conv", use_bias=False)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    head = keras.layers.Dense(
        len(order), activation, use_bias=False, name="head"
    )
    model = keras.Model(inputs, head(x))
    kernel = np.eye(3)[:, list(order)] * scale / 255
    model.set_weights([np.eye(3)[np.newaxis, np.newaxis], kernel])
    return model


RIGHT, SWAPPED = (0, 1, 2), (1, 0, 2)


def history(**curves):
    length = len(next(iter(curves.values())))
    return types.SimpleNamespace(history=curves, epoch=list(range(length)))


class Page(html.parser.HTMLParser):
    """What is in a page, and whether each tag is closed."""

    EMPTY = frozenset({"meta", "img", "br", "hr", "link", "input"})

    def __init__(self, path):
        super().__init__()
        self.images, self.tags, self.links, self.text = [], [], [], ""
        self.open = []
        self.feed(path.read_text("utf-8"))
        self.close()
        assert self.open == [], "each tag is closed"

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        if tag == "img":
            self.images.append(attributes)
        self.links += [
            attributes[k] for k in ("src", "href") if k in attributes
        ]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += " ".join(data.split()) + " "


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A report on a model that takes one class for another."""
    data = splits()
    table = [
        # (A name in bytes that are no text: other systems may have made it.)
        {"file": f"{i}/<{j}>.png\udcff", "label": NAMES[i], "split": "test"}
        for i in range(3)
        for j in range(4)
    ]
    train = {"file": "0/train.png", "label": NAMES[0], "split": "train"}
    data = FolderSplits(**vars(data), table=pd.DataFrame([train, *table]))
    folder = tmp_path_factory.mktemp("reports") / "new" / "my report"
    audit = types.SimpleNamespace(
        findings=[types.SimpleNamespace(found="<b>One", done="Left out.")]
    )
    report = write_report(
        folder,
        colour_model(SWAPPED),
        data,
        history(loss=[1.0, 0.5], val_loss=[1.5, 0.75], learning_rate=[1, 1]),
        title="Steel <b>1</b>",
        intended_use="For the <i>mill</i>.",
        limits=...,
        compared_with={"a right one": colour_model(RIGHT)},
        audit=audit,
    )
    yield report
    assert plt.get_fignums() == [], "no figure is left open"


def test_what_was_found_is_true(written):
    assert written.table["right"].to_list() == [0, 0, 4]
    assert written.accuracy == written.balanced_accuracy == 4 / 12
    other = written.comparisons["a right one"]
    assert (other.verdict, other.only_first, other.only_other) == (
        "worse",
        0,
        8,
    )
    always = written.comparisons[f"always saying {NAMES[0]!r}"]
    assert (always.right, always.other_right) == (4, 4)
    assert always.verdict == "undecided"
    assert "did worse than a right one: 4 against 12 right of 12" in repr(
        written
    )
    assert "Of 12 test pictures, 4 were named rightly: 33.3%" in repr(written)
    shown = written._repr_html_()
    assert "my%20report/report.html" in shown and "<script>" not in shown


def test_the_page_is_whole_escaped_and_needs_no_network(written):
    page = Page(written.path)
    assert "script" not in page.tags and "b" not in page.tags
    assert page.tags.count("main") == page.tags.count("h1") == 1
    assert all(link.startswith("data:image/png;") for link in page.links)
    assert "http" not in written.path.read_text("utf-8").replace(
        "http-equiv", ""
    )
    assert all(len(image["alt"]) > 10 for image in page.images)
    # The confusion, a curve, and eight mistakes with their heat.
    assert len(page.images) == 2 + 2 * 8
    for told in (
        "Steel <b>1</b>",
        "For the <i>mill</i>.",
        "Not stated by whoever made this model.",
        NAMES[0],
        "<b>One",
        "0% (0% to 49%)",
        "0/<0>.png\\udcff: truly rust",
        "worse than a right one",
        "2 epochs ran.",
        "validation from 1.5 to 0.75",
        f"keras {keras.__version__}",
    ):
        assert told in page.text, told
    assert "train.png" not in page.text


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A report on unequal classes, and a model that errs in one direction."""
    images = np.concatenate([x for x, _ in batches([5, 2, 1])])
    labels = np.int32([0, 0, 0, 0, 1, 1, 1, 2])
    test = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
    parts = batches([2, 6, 3]), batches([1, 1, 2]), test
    data = Splits(*parts, class_names=["rust", "pit", "crack"])
    return data, write_report(
        tmp_path_factory.mktemp("uneven"),
        colour_model(RIGHT),
        data,
        title="Uneven",
        intended_use="For flat steel.",
        limits="Not for pipes.",
    )


def test_accuracy_counts_pictures_and_its_mean_counts_classes(uneven):
    _, report = uneven
    assert report.accuracy == 7 / 8
    np.testing.assert_allclose(report.balanced_accuracy, (1 + 2 / 3 + 1) / 3)
    assert "87.5% (interval" in report.summary()
    assert "over the classes is 88.9%" in report.summary()


def test_always_the_commonest_is_of_the_training_pictures(uneven):
    _, report = uneven
    assert list(report.comparisons) == ["always saying 'pit'"]
    assert report.comparisons["always saying 'pit'"].other_right == 3


def test_each_number_and_sentence_stands_in_its_place(uneven):
    _, report = uneven
    text = " ".join(Page(report.path).text.split())
    assert "Intended use For flat steel. Limits Not for pipes. " in text
    assert (
        "class train validation test rust 2 1 4 pit 6 1 3 crack 3 2 1 " in text
    )
    assert "rust 4 100% (51% to 100%) 5 80% (38% to 96%) " in text
    assert "pit 3 67% (21% to 94%) 2 100% (34% to 100%) " in text
    assert "mistaken, 1 time, was pit for rust." in text


def test_the_heat_of_a_mistake_is_that_of_the_name_it_was_given(uneven):
    data, report = uneven
    answers = ask_model(colour_model(RIGHT), data.test)
    (worst,) = answers.worst()
    pictures = answers.pictures[[worst]]
    heat, other = (
        overlay(
            pictures,
            grad_cam(colour_model(RIGHT), pictures.astype("float32"), [name]),
        )[0]
        for name in (0, 1)
    )
    (source,) = (
        image["src"]
        for image in Page(report.path).images
        if image["alt"] == "The same picture, bright where it speaks for rust"
    )
    shown = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    shown = np.asarray(Image.open(io.BytesIO(shown)))
    np.testing.assert_array_equal(shown, heat)
    assert (shown != other).any()


def test_the_model_is_loaded_back_with_the_names_of_its_classes(written):
    folder = written.model_path.parent
    files = {path.name for path in folder.iterdir()}
    assert files == {"model.keras", "class_names.json", "report.html"}
    assert json.loads((folder / "class_names.json").read_text("utf-8")) == NAMES
    loaded = keras.saving.load_model(written.model_path)
    model = colour_model(SWAPPED)
    for images, _ in splits().test:
        np.testing.assert_allclose(loaded(images), model(images), atol=1e-6)


def test_the_example_in_the_page_runs(written, monkeypatch, capsys):
    page = Page(written.path)
    code = (
        written.path.read_text("utf-8").split("<code>")[1].split("</code>")[0]
    )
    monkeypatch.chdir(written.path.parent)
    image = np.zeros((20, 20, 3), "uint8")
    image[..., 2] = 200
    keras.utils.save_img("new_picture.jpg", image, scale=False)
    exec(html.unescape(code).replace("predict(", "predict_on_batch("), {})
    (written.path.parent / "new_picture.jpg").unlink()
    assert capsys.readouterr().out.splitlines()[-1] == "crack"
    assert page.text.count("model = keras.saving") == 1


@pytest.mark.newest
@pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")),
    reason="no Chromium here: install the package chromium",
)
def test_it_opens_in_a_browser_offline_light_and_dark(written):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    shades = {}
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme)
            problems = []
            page.on("console", lambda m, p=problems: p.append(m.text))
            page.goto(written.path.absolute().as_uri())
            assert problems == []
            assert page.evaluate(
                "[...document.images].every(image => image.naturalWidth > 0)"
            )
            style = "getComputedStyle(document.body)"
            shades[scheme] = page.evaluate(
                f"[{style}.color, {style}.backgroundColor]"
            )
        browser.close()
    assert shades["light"] != shades["dark"]


def test_an_earlier_report_is_kept_unless_told(tmp_path):
    data, model = splits(), colour_model(RIGHT)
    (tmp_path / "mine.txt").write_text("kept")
    write_report(tmp_path, model, data, title="one")
    before = (tmp_path / "report.html").read_text("utf-8")
    assert "No test picture was named wrongly." in before
    assert "No other model was tested" in before
    assert "How it was trained was not recorded." in before
    with pytest.raises(CourseError, match="already: name another folder"):
        write_report(tmp_path, model, data, title="two")
    assert (tmp_path / "report.html").read_text("utf-8") == before
    broken = Forgetful()
    broken(np.zeros((1, 8, 8, 3)))
    with pytest.raises(CourseError, match="other answers|loaded back"):
        write_report(tmp_path, broken, data, title="two", overwrite=True)
    assert (tmp_path / "report.html").read_text("utf-8") == before
    write_report(tmp_path, model, data, title="three", overwrite=True)
    assert "<h1>three</h1>" in (tmp_path / "report.html").read_text("utf-8")
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 4, "nothing unfinished stays"


class Forgetful(keras.Model):
    """A model that cannot be made again from its file."""

    def __init__(self):
        super().__init__()
        self.pool = keras.layers.GlobalAveragePooling2D()

    def call(self, x):
        return self.pool(x)


@keras.saving.register_keras_serializable("tests")
class Drawn(keras.layers.Layer):
    """A layer that keeps something that is no weight."""

    def build(self, shape):
        self.drawn = np.random.uniform(1, 9, 3).astype("float32")

    def call(self, x):
        return x * self.drawn


def test_a_model_with_other_answers_once_loaded_is_not_saved(tmp_path):
    model = keras.Sequential([colour_model(RIGHT), Drawn()])
    with pytest.raises(CourseError, match="gives other answers after it was"):
        write_report(tmp_path, model, splits(), title="drawn", from_logits=True)
    assert not any(tmp_path.iterdir())


def test_a_model_without_a_map_has_a_report_without_heat(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False)(x))
    model.set_weights([-np.eye(3)])
    report = write_report(tmp_path, model, splits(), title="flat")
    page = Page(report.path)
    assert "There is no Grad-CAM: This model has no feature map" in page.text
    assert len(page.images) == 1 + 12


@pytest.mark.parametrize(("activation", "limit"), [("sigmoid", 0.5), (None, 0)])
def test_one_output_for_two_classes(tmp_path, activation, limit):
    model = colour_model((0,), activation)
    model.get_layer("head").set_weights([np.array([[-0.1], [0.1], [0]])])
    report = write_report(tmp_path, model, splits(["red", "green"]), title="1")
    assert report.accuracy == 1
    page = report.path.read_text("utf-8")
    assert f"class_names[int(outputs[0] &gt; {limit})]" in page


# Answers.


@pytest.mark.parametrize("activation", ["softmax", None])
def test_probabilities_of_scores_and_of_probabilities(activation):
    answers = ask_model(colour_model(RIGHT, activation, 2.0), splits().test)
    probable = ask_model(colour_model(RIGHT, "softmax", 2.0), splits().test)
    np.testing.assert_allclose(
        answers.probabilities, probable.probabilities, atol=1e-6
    )
    assert (answers.predictions == answers.labels).all()
    assert len(answers.worst()) == 0


def test_the_worst_are_the_surest():
    answers = ask_model(colour_model(SWAPPED), splits().test)
    worst = answers.worst()[:5]
    assert set(answers.labels[worst]) <= {0, 1} and len(worst) == 5
    given = answers.probabilities[worst, answers.labels[worst]]
    assert (np.diff(given) >= 0).all()
    wrong = answers.predictions != answers.labels
    everything = answers.probabilities[np.arange(12), answers.labels][wrong]
    assert given[0] == everything.min()


# Scores.


@pytest.mark.parametrize(("right", "count"), [(0, 4), (4, 4), (7, 20), (1, 1)])
def test_wilsons_interval_by_its_formula(right, count):
    z = stats.norm.ppf(0.975)
    share = right / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = (
        z
        * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
        / (1 + z**2 / count)
    )
    low, high = wilson_interval(right, count)
    np.testing.assert_allclose([low, high], [middle - half, middle + half])


def test_a_class_table_by_hand():
    table = class_table([0, 0, 1, 1, 1], [0, 1, 1, 1, 0], ["a", "b", "none"])
    assert table["pictures"].to_list() == [2, 3, 0]
    assert table["right"].to_list() == [1, 2, 0]
    assert table["recall"][:2].to_list() == [0.5, 2 / 3]
    assert table["precision"][:2].to_list() == [0.5, 2 / 3]
    assert table.loc[2, ["recall", "recall_low", "precision"]].isna().all()
    assert (table["recall_low"] < table["recall"])[:2].all()


def test_a_comparison_by_hand():
    labels = np.zeros(20, int)
    first, other = np.zeros(20, int), np.ones(20, int)
    other[:4] = 0
    found = compare(labels, first, other)
    assert (found.right, found.other_right) == (20, 4)
    assert (found.only_first, found.only_other) == (16, 0)
    np.testing.assert_allclose(found.p_value, 2 * 0.5**16)
    assert found.verdict == "better" and "p < 0.001" in found.sentence()
    assert compare(labels, other, first).verdict == "worse"
    same = compare(labels, other, other)
    assert (same.p_value, same.verdict) == (1, "undecided")
    assert "not shown to be better" in same.sentence()


# What does not fit is a sentence.


def of_any_size():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Softmax()(x))


def two_sizes():
    def draw():
        for side in (4, 6):
            yield np.zeros((1, side, side, 3)), [0]

    specs = (
        tf.TensorSpec((None, None, None, 3)),
        tf.TensorSpec((None,), "int32"),
    )
    return tf.data.Dataset.from_generator(draw, output_signature=specs)


def mapped(function):
    parts = {part: getattr(splits(), part).map(function) for part in PARTS}
    return replace(splits(), **parts)


def test_pictures_in_grey_names_as_numbers_and_a_part_of_the_test(tmp_path):
    grey = mapped(lambda x, y: (x[..., :1], y))
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    numbers = replace(grey, class_names=list(np.arange(3)))
    report = write_report(tmp_path, model, numbers, title="grey")
    assert len(Page(report.path).images) > 1
    part = replace(splits(), test=splits().test.take(1))
    part = types.SimpleNamespace(
        **vars(part),
        table=pd.DataFrame({"file": ["a.png"] * 99, "split": ["test"] * 99}),
    )
    report = write_report(
        tmp_path, colour_model(SWAPPED), part, title="part", overwrite=True
    )
    assert "a.png" not in Page(report.path).text


def no_labels():
    return types.SimpleNamespace(class_names=["a"], train=1, test=None)


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda f: write(f, data=no_labels()), "pictures to train and to test"),
        (lambda f: write(f, data=None), "pictures to train and to test"),
        (
            lambda f: write(f, data=replace(splits(), train=([1], [0]))),
            "pictures to train and to test",
        ),
        (
            lambda f: write(f, data=mapped(lambda x, y: (x / 255, y))),
            "leave out `/ 255`",
        ),
        (lambda f: write(f / ("x" * 300)), "Nothing can be looked up at"),
        (lambda f: write(f, history={"loss": [1]}), "a history, not dict"),
        (lambda f: write(f, model="model"), "Expected a Keras model, not str"),
        (
            lambda f: write(f, model=functional(base())),
            "2 classes apart, .*up to 2",
        ),
        (lambda f: write(f, model=base()), "expected is one number per class"),
        (lambda f: write(f, compared_with={"x": None}), "not NoneType"),
        (lambda f: write(f / "file" / "x"), "could not be written to"),
        (lambda f: ask_model(colour_model(RIGHT), None), "tf.data.Dataset"),
        (
            lambda f: ask_model(colour_model(RIGHT), splits().test.take(0)),
            "no pictures",
        ),
        (
            lambda f: ask_model(
                colour_model(RIGHT), batches([2]).map(lambda x, y: (x[:, 0], y))
            ),
            "does not take these data",
        ),
        *(
            (lambda f, wrong=wrong: ask_model(colour_model(RIGHT), wrong), said)
            for wrong, said in (
                (batches([2]).map(lambda x, y: (x, y[:1])), "2 pictures and 1"),
                (batches([2]).map(lambda x, y: ((x, x), y)), "Expected a tf"),
                (batches([2]).map(lambda x, y: ({"x": x}, y)), "Expected a tf"),
                (
                    batches([2]).map(lambda x, y: (tf.as_string(x), y)),
                    "Expected a tf",
                ),
            )
        ),
        (lambda f: ask_model(of_any_size(), two_sizes()), "differ in size"),
        (
            lambda f: wilson_interval(3, 2),
            "right is 3, and a whole number from 0 to 2",
        ),
        (lambda f: wilson_interval(-1, 2), "right is -1"),
        (lambda f: class_table([0], [1], ["a"]), "predictions hold 1"),
        (lambda f: class_table([], [], ["a"]), "one class for each"),
        (lambda f: compare([0], [0], [0, 1]), "1 labels and 2"),
    ],
)
def test_what_does_not_fit_is_a_sentence(tmp_path, attempt, said):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CourseError, match=said):
        attempt(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def write(folder, model=None, data=..., **options):
    model = colour_model(RIGHT) if model is None else model
    data = splits() if data is ... else data
    write_report(folder, model, data, title="title", **options)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 1_000_000)
    with pytest.raises(CourseError, match="could not be written.*room"):
        write(small_disk / "report")
    left = [path for path in small_disk.rglob("*") if path.is_file()]
    assert left == [filler]


# LiteRT: the exported file answers as the model does.


def test_an_exported_model_answers_alike(tmp_path, capfd):
    model = colour_model(RIGHT)
    path = export_litert(model, tmp_path / "model.tflite")
    assert path == tmp_path / "model.tflite"
    noise = capfd.readouterr()
    assert not noise.out and not noise.err
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter  # noqa: N806
    exported = Interpreter(str(path))
    exported.allocate_tensors()
    (given,), (got,) = (
        exported.get_input_details(),
        exported.get_output_details(),
    )
    for images, _ in splits().test.take(2):
        for image in images[:, tf.newaxis]:
            exported.set_tensor(given["index"], image.numpy())
            exported.invoke()
            np.testing.assert_allclose(
                exported.get_tensor(got["index"]), model(image), atol=1e-4
            )


def test_an_export_that_cannot_be_is_a_sentence(tmp_path):
    model = colour_model(RIGHT)
    for given, name, problem in (
        (model, "model.lite", "name it model.tflite"),
        (model, "nowhere/model.tflite", "could not be written"),
        ("model", "model.tflite", "Expected a Keras model, not str"),
    ):
        with pytest.raises(CourseError, match=problem):
            export_litert(given, tmp_path / name)
    assert not any(tmp_path.iterdir())


def test_an_operation_that_litert_lacks_is_a_sentence(tmp_path):
    class Solve(keras.layers.Layer):
        def call(self, x):
            return tf.linalg.logdet(x @ tf.transpose(x, (0, 2, 1)))

        def compute_output_shape(self, shape):
            return shape[:1]

    inputs = keras.Input((3, 3))
    model = keras.Model(inputs, Solve()(inputs))
    with pytest.raises(CourseError, match="cannot be exported to LiteRT"):
        export_litert(model, tmp_path / "model.tflite")


@pytest.mark.parametrize("channel", [(1,), ()])
def test_the_example_runs_for_grey_pictures(
    tmp_path, monkeypatch, capsys, channel
):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, *channel))
    x = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    parts = [
        batches([4] * 3).map(
            lambda x, y: (x[..., :1] if channel else x[..., 0], y)
        )
        for _ in range(3)
    ]
    names = ["a", "b", "c"]
    written = write_report(
        tmp_path / "report",
        model,
        Splits(*parts, class_names=names),
        title="Grey",
    )
    code = written.path.read_text("utf-8").split("<code>")[1]
    monkeypatch.chdir(written.path.parent)
    image = np.zeros((20, 20, 3), "uint8")
    keras.utils.save_img("new_picture.jpg", image, scale=False)
    exec(html.unescape(code.split("</code>")[0]), {})
    assert capsys.readouterr().out.splitlines()[-1] in names


def test_a_layer_that_cannot_be_saved_is_a_sentence(tmp_path):
    class Mine(keras.layers.Layer):
        def call(self, x):
            return x

        def get_config(self):
            raise NotImplementedError

    model = colour_model(RIGHT)
    model = keras.Sequential([model, Mine()])
    with pytest.raises(CourseError, match=r"loaded back \(NotImplemented"):
        write_report(tmp_path / "report", model, splits(), title="Mine")
