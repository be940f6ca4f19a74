"""Take the pictures of the teacher's guide from a class that was reported.

course class example try && course class collect try
course class grade try
course class report try --roster try/roster_moodle.csv
python -m tools.draw_guide try
"""

import argparse
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tools.build_notebooks import TOP

PICTURES = {
    "guide_dashboard.png": ("dashboard.html", 1810),
    "guide_feedback.png": ("feedback/Student 04.html", 760),
}


def main(arguments: list[str] | None = None) -> int:
    """Take the pictures, and write them into `docs/`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder of the class")
    report = parser.parse_args(arguments).folder.absolute() / "report"
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox"]
        )
        for name, (page_name, height) in PICTURES.items():
            page = chromium.new_page(viewport={"width": 900, "height": height})
            page.goto((report / page_name).as_uri())
            path = TOP / "docs" / name
            page.screenshot(path=path)
            # Few colours make a small file.
            Image.open(path).convert("P", palette=Image.ADAPTIVE).save(
                path, optimize=True
            )
        chromium.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
