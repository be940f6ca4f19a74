"""How long does the first card take, in a real JupyterLab?

    python -m benchmarks.card_time

Restarts the kernel, and takes the time from the keys that run the cell
(`from course_utils import course; course.quiz("03")`) to the first card on
screen; then from a key that answers to the verdict. Prints medians, and the
longest. Needs Chromium.
"""

import statistics
import tempfile
import time
from pathlib import Path

from tests.browser import open_browser, open_page, restart_kernel, start_lab

REPEATS = 9
CELL = "from course_utils import course\ncourse.quiz('03')"


def first_card(page: object) -> float:
    """Return the seconds to the first card of a fresh kernel."""
    page.keyboard.press("Escape")
    page.locator(".jp-InputArea-prompt").first.click()
    restart_kernel(page)
    page.locator(".jp-CodeCell .jp-InputArea-prompt").first.click()
    page.keyboard.press("Escape")
    page.locator(".course-quiz").evaluate_all(
        "nodes => nodes.forEach(node => node.remove())"
    )
    start = time.perf_counter()
    page.keyboard.press("Control+Enter")
    page.locator(".course-quiz-question").first.wait_for()
    return time.perf_counter() - start


def verdict(page: object, turn: int) -> float:
    """Return the seconds from an answer to its verdict."""
    card = page.locator(".course-quiz-question").nth(1)
    choices = card.get_by_role("radio")
    choices.nth(turn % choices.count()).check()
    shown = card.locator(".course-quiz-verdict")
    letter = "abcd"[turn % choices.count()]
    start = time.perf_counter()
    page.keyboard.press("Enter")
    shown.get_by_text(f"You chose {letter}.").wait_for()
    return time.perf_counter() - start


def main() -> None:
    """Print one line a measurement."""
    with tempfile.TemporaryDirectory() as folder:
        with (
            start_lab(Path(folder) / "work") as lab,
            open_browser() as browser,
        ):
            lab.write_notebook("cards.ipynb", [CELL])
            page = open_page(browser, lab.url("cards.ipynb"))
            cards = [first_card(page) for _ in range(REPEATS)]
            verdicts = [verdict(page, turn) for turn in range(REPEATS)]
    for seconds, what in (
        (cards, "from a fresh kernel to the first card"),
        (verdicts, "from an answer to its verdict"),
    ):
        median = statistics.median(seconds)
        print(f"{median:6.2f} s (longest {max(seconds):.2f})  {what}")


if __name__ == "__main__":
    main()
