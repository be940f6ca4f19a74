"""Lesson 00 in a real JupyterLab, in a real browser, from the first click."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.conftest import TOP

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREENSHOTS = TOP / "build" / "screenshots"
pytestmark = [
    pytest.mark.newest,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="no Chromium here: install the package chromium",
    ),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab that `course lab` has started."""
    work = tmp_path_factory.mktemp("learner") / "work"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log_path = work.parent / "lab.log"
    command = [sys.executable, "-m", "course_utils.cli", "lab", "--no-browser"]
    command += ["--", f"--port={port}", "--IdentityProvider.token=secret"]
    environment = {**os.environ, "COURSE_WORK": str(work)}
    environment.pop("COURSE_SMOKE", None)
    with log_path.open("wb") as log:
        server = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5).read()
                break
            except OSError:
                assert server.poll() is None, log_path.read_text()
                time.sleep(0.5)
        else:
            pytest.fail(f"JupyterLab did not answer:\n{log_path.read_text()}")
        yield f"{address}/?token=secret"
    finally:
        if server.poll() is None:
            os.killpg(server.pid, 15)
        server.wait(30)


@pytest.fixture
def page(lab):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(lab)
        page.get_by_role("heading", name="Start here").wait_for(timeout=60_000)
        # What is clicked before the kernel is there may be lost.
        page.get_by_text("| Idle").wait_for(timeout=120_000)
        yield page
        page.screenshot(path=SCREENSHOTS / "00_last.png")
        browser.close()


def output_below(page, text):
    """The outputs of the code cell that contains ``text``."""
    cell = page.locator(".jp-CodeCell").filter(has_text=text)
    return cell.locator(".jp-OutputArea-output")


def test_a_learner_works_through_lesson_00(page):
    page.screenshot(path=SCREENSHOTS / "00_opened.png")
    assert page.locator(".jp-Dialog").count() == 0, "no question stands before"

    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
    conclusion = output_below(page, '"Concluded: ')
    # (Cells off the screen are not rendered: ask for text, not visibility.)
    reached = re.compile(r"is right on \d+% of the test pictures")
    expect(conclusion).to_have_text(reached, timeout=180_000)
    errors = page.locator(
        "[data-mime-type='application/vnd.jupyter.stderr'],"
        "[data-mime-type='application/vnd.jupyter.error']"
    )
    assert errors.all_text_contents() == []

    grid = output_below(page, "Six pictures of each kind").locator("img")
    grid.scroll_into_view_if_needed()
    assert grid.bounding_box()["height"] > 300
    page.screenshot(path=SCREENSHOTS / "00_pictures.png")
    bars = output_below(page, "right.barh").locator("img")
    bars.scroll_into_view_if_needed()
    page.screenshot(path=SCREENSHOTS / "00_prediction.png")

    check = output_below(page, '"sh-01").check')
    check.scroll_into_view_if_needed()
    expect(check).to_contain_text("not attempted")
    answer(page, "np.mean(predictions == inclusion)")
    expect(check).to_contain_text("failed")
    answer(page, "np.mean(predictions[labels == inclusion] == inclusion)")
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
