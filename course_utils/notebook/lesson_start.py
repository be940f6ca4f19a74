"""Start a lesson calmly: no start-up log, one sentence where it stops.

TensorFlow 2.21 writes some ten lines about graphics cards and rounding
straight to the process's error stream, whatever its log level, and a notebook
shows them in red above the first result.
"""

import contextlib
import logging
import re
import sys
import warnings

from course_utils.machine.muted_stderr import stderr_held_back

_PYTORCH = ("torch", "efficientnet_lite_pytorch")


def import_keras_quietly() -> None:
    """Import Keras on TensorFlow, and let TensorFlow look for devices.

    Raises:
        ImportError: If TensorFlow or Keras cannot be imported; what they had
            written is then shown.
    """
    with stderr_held_back():
        load_triton_first()
        import keras  # noqa: F401
        import tensorflow

        tensorflow.config.list_physical_devices()
    # A lesson asks many small models on purpose.
    tensorflow.get_logger().addFilter(_is_no_retracing)
    # Keras 3.15.1 warns at every `fit` on a tf.data.Dataset that it ignores
    # `shuffle=True`, its own default.
    warnings.filterwarnings("ignore", message="`shuffle=True` was passed")


def load_triton_first() -> None:
    """Load Triton before TensorFlow, where it is installed.

    PyTorch for graphics cards brings Triton, and loads it at the first
    optimizer. After TensorFlow 2.20 or later that ends Python: both have an
    LLVM, and TensorFlow's is loaded with global names
    (tensorflow/tensorflow#124205).
    """
    if "tensorflow" not in sys.modules:
        with contextlib.suppress(ImportError):
            import triton  # noqa: F401


def _is_no_retracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()


def explain_stops() -> None:
    """Show one sentence, and no traceback, where a cell is stopped.

    That is where a learner interrupts it, where a backbone is fed with pictures
    of a wrong scale, where PyTorch is missing, and where an older copy of a
    lesson asks the package for what has moved. Does nothing outside a notebook.
    """
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        import tensorflow

        stops = (
            KeyboardInterrupt,
            ImportError,
            AttributeError,
            tensorflow.errors.InvalidArgumentError,
        )
        shell.set_custom_exc(stops, _explain_stop)


def _explain_stop(shell, kind, error, traceback, tb_offset=None) -> None:
    if isinstance(error, KeyboardInterrupt):
        print(
            "Interrupted. What was learned so far is kept. The cells below "
            "may need this one to end: run it again to go on."
        )
        return
    from course_utils.backbones.preprocessing import RANGE_SENTENCE

    # TensorFlow and Keras put brackets, quotes or line breaks around it.
    said = re.search(rf"{RANGE_SENTENCE}.*?\.(?=[\]'\s])", str(error))
    if said:
        lines = [f"CourseError: {said[0]}"]
    elif missing := _missing_name(error):
        lines = [
            f"CourseError: {missing} is not in this version of the course: if "
            "this is an older copy of a lesson, rename it and run `make lab` "
            "(or `course lab`), which brings the new one; else correct the "
            "name."
        ]
    elif getattr(error, "name", None) in _PYTORCH:
        lines = [
            f"CourseError: {error.name} is not installed: `%pip install torch "
            "efficientnet-lite-pytorch==0.1.0` brings what the lesson on "
            "PyTorch needs; then run this cell again."
        ]
    else:
        lines = shell.InteractiveTB.structured_traceback(
            kind, error, traceback, tb_offset=tb_offset
        )
    # IPython leaves showing to whoever explains.
    shell._showtraceback(kind, error, lines)


def _missing_name(error) -> str:
    """Return what was asked of the package and is not in it, or no text."""
    module = getattr(error, "name", None) or ""
    if isinstance(error, AttributeError):
        asked, module = module, getattr(error.obj, "__name__", "")
        module = f"{module}.{asked}" if isinstance(module, str) else ""
    elif isinstance(error, ModuleNotFoundError):
        pass
    elif isinstance(error, ImportError):
        # From Python 3.12 on, `error.name_from` has it too.
        asked = re.match(r"cannot import name '(\w+)'", str(error))
        module = f"{module}.{asked[1]}" if asked else module
    else:
        return ""
    return module if module.startswith("course_utils.") else ""
