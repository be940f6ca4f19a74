"""A real JupyterLab and a real browser, for the tests and benchmarks."""

import contextlib
import dataclasses
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from tests.conftest import TOP

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREENSHOTS = TOP / "build" / "screenshots"
NEEDS_CHROMIUM = [
    pytest.mark.newest,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="no Chromium here: install the package chromium",
    ),
]


@dataclasses.dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs."""

    address: str
    work: Path

    def url(self, notebook):
        """The address of one notebook in it, with no other open."""
        space = Path(notebook).stem
        return (
            f"{self.address}/lab/workspaces/{space}/tree/{notebook}"
            "?token=secret"
        )

    def write_notebook(self, name, cells):
        """Put a notebook of code cells into its folder."""
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.work / name)


@contextlib.contextmanager
def start_lab(work):
    """Start JupyterLab as `course lab` does, in an empty folder."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
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
                if server.poll() is not None:
                    raise RuntimeError(log_path.read_text()) from None
                time.sleep(0.5)
        else:
            raise RuntimeError(f"No answer:\n{log_path.read_text()}")
        yield Lab(address, work)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, 15)
        server.wait(30)


@contextlib.contextmanager
def open_browser():
    """Start Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        yield browser
        browser.close()


def open_page(browser, address):
    """Open an address of JupyterLab, and wait until its kernel is there."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(address)
    # What is clicked before the kernel is there may be lost.
    page.get_by_text("| Idle").wait_for(timeout=120_000)
    return page


def click_menu(page, *names):
    """Click through a menu of JupyterLab; each name is a pattern."""
    for name in names:
        items = page.locator(".lm-MenuBar-itemLabel, .lm-Menu-itemLabel")
        items.filter(has_text=re.compile(name)).first.click()


def run_cell(page, number):
    """Run a code cell that shows something, and wait for what it shows."""
    cell = page.locator(".jp-CodeCell").nth(number)
    cell.locator(".jp-InputArea-prompt").first.click()
    page.keyboard.press("Escape")
    # The number of the run may be the same as before a restart.
    cell.locator(".jp-OutputArea-child").evaluate_all(
        "nodes => nodes.forEach(node => node.dataset.old = true)"
    )
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        "cell => cell.querySelector('.jp-OutputArea-child')"
        " && !cell.querySelector('[data-old]')"
        " && /\\d/.test(cell.querySelector('.jp-InputPrompt').textContent)",
        arg=cell.element_handle(),
        timeout=30_000,
    )
    return cell


def errors_in(page):
    """What stands in red in a notebook."""
    errors = page.locator(
        "[data-mime-type='application/vnd.jupyter.stderr'],"
        "[data-mime-type='application/vnd.jupyter.error']"
    )
    return errors.all_text_contents()


def texts_for_pictures(page):
    """The alternative text of each picture below a code cell, in order."""
    return page.locator(".jp-OutputArea-output img").evaluate_all(
        "images => images.map(image => image.getAttribute('alt') || '')"
    )


def change_theme(page, theme):
    """Change the theme, to "Light" or "Dark"."""
    click_menu(page, "^Settings$", "^Theme$", f"^JupyterLab {theme}$")
    light = "true" if theme == "Light" else "false"
    body = page.locator(f"body[data-jp-theme-light={light}]")
    body.wait_for(state="attached")  # Playwright takes it for hidden.


def axe_problems(page, part):
    """What axe-core finds wrong, or cannot decide, in a part of a page."""
    package = pytest.importorskip("axe_playwright_python")
    source = Path(package.__file__).parent / "axe.min.js"
    page.evaluate(source.read_text("utf-8"))
    found = page.evaluate("part => axe.run(part)", part)
    assert len(found["passes"]) > 3
    problems = found["violations"] + found["incomplete"]
    return [(p["id"], p["nodes"][0]["html"]) for p in problems]


def restart_kernel(page):
    """Restart the kernel from the menu."""
    click_menu(page, "^Kernel$", "^Restart Kernel…")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.locator(".jp-Dialog").wait_for(state="detached")
    page.get_by_text("| Idle").wait_for(timeout=60_000)
