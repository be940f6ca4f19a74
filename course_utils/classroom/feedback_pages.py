"""Fill in the pages of a report, so that nothing in them is taken for markup.

What a student wrote stands in these pages, in HTML and in Markdown.
"""

import functools
import re

import jinja2
import markupsafe

from course_utils.answers import answer_verdicts
from course_utils.classroom import feedback_wording

_SIGNS = {
    "passed": "\N{CHECK MARK}",
    "partial": "\N{CIRCLE WITH LEFT HALF BLACK}",
    "failed": "\N{MULTIPLICATION SIGN}",
    "not attempted": "\N{HORIZONTAL ELLIPSIS}",
    "error": "!",
}


def fill(template: str, **content: object) -> str:
    """Return a page.

    Args:
        template: Name of its file in `templates/`.
        **content: What the template names.
    """
    return _environment().get_template(template).render(**content)


def code_in_html(text: object) -> markupsafe.Markup:
    """Return text for HTML, with what stands in backticks as code."""
    return markupsafe.Markup(answer_verdicts.as_html(str(text)))


def plain_markdown(text: object) -> str:
    """Return text in one line that Markdown shows as it is, HTML included."""
    text = " ".join(str(text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]#|~!>])", r"\\\1", text)


@functools.cache
def _environment():
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("course_utils.classroom"),
        autoescape=lambda name: name.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain_markdown
    environment.filters["code"] = code_in_html
    environment.filters["date"] = "{0:%A, %d %B %Y, %H:%M}{0:%Z}".format
    environment.globals |= {
        "signs": _SIGNS,
        "asked": feedback_wording.asked,
        "answered": feedback_wording.answered,
    }
    return environment
