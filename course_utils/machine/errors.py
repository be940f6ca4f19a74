"""The one error that learners meet: a sentence, not a traceback."""

import errno
import re

FULL = (errno.ENOSPC, errno.EDQUOT)


class CourseError(Exception):
    """Something the learner can put right, said in one sentence.

    The sentence names what was wrong, what was expected and what to do.
    In a notebook only that sentence is shown; elsewhere the error behaves
    like any other.
    """

    # Else Keras writes the arguments of its layers below the sentence.
    _keras_call_info_injected = True

    def _render_traceback_(self) -> list[str]:
        # IPython calls this in place of printing the whole stack.
        return [f"{type(self).__name__}: {self}"]


def os_reason(error: OSError) -> str:
    """Return why a file or folder could not be used, in a few words.

    Args:
        error: What the system has raised.
    """
    if error.errno in FULL:
        return "the disk is full"
    return (error.strerror or str(error)).lower()


def reason(error: BaseException) -> str:
    """Return the kind of an exception, and the line that says most.

    Args:
        error: What a framework, or a learner's own code, has raised.
    """
    text = re.sub(r"\x1b\[\d*m|\{\{.*?\}\}", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered"):
        del lines[0]
    said = f": {lines[0][:150]}" if lines else ""
    return f"{type(error).__name__}{said}"
