"""The ledger's claims, chosen from a list."""

import pytest

from course_utils.evaluation import ledger
from course_utils.machine.errors import CourseError
from course_utils.notebook import ClaimBrowser


@pytest.fixture(autouse=True)
def front_end(monkeypatch):
    for name in ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_RELEASE_TAG"):
        monkeypatch.delenv(name, raising=False)


def test_without_widgets_there_is_a_figure_and_its_words():
    shown = ClaimBrowser("shift-hurts")
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert "benchmarks.real_ground shift" in bundle["text/html"]
    assert "not tried" in bundle["text/plain"]
    assert "choose(id)" in repr(shown) and "early-stopping" in repr(shown)


def test_another_claim_can_be_chosen():
    shown = ClaimBrowser()
    before = shown._repr_mimebundle_()["image/png"]
    assert shown.choose("modules-show") is shown
    assert "which module" in repr(shown)
    assert shown._repr_mimebundle_()["image/png"] != before
    with pytest.raises(CourseError, match="did you mean 'modules-show'"):
        shown.choose("module-show")
    assert shown.claim == "modules-show" and "which module" in repr(shown)


def test_the_list_has_all_claims_and_answers(monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "1")
    shown = ClaimBrowser()
    assert "application/vnd.jupyter.widget-view+json" in (
        shown._repr_mimebundle_()
    )
    view = shown._view
    assert [name for name, _ in view.options] == list(ledger.claims().index)
    before = view.picture
    view.chosen = "shift-hurts"
    assert shown.claim == "shift-hurts" and "poly" in view.description
    assert view.picture != before
    shown.choose("early-stopping")
    assert view.chosen == "early-stopping" and "poly" not in view.description
