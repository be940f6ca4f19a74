"""Run what a click asks for where an interrupt reaches it.

JupyterLab has a widget's messages heard in a thread of their own (a
*subshell*, ipykernel 7), so that clicks count while a cell is running. Python
interrupts the main thread only, and an idle kernel ignores interrupts.
"""

import contextlib
import signal
import threading


def run_interruptibly(job) -> None:
    """Run a function in the kernel's main thread, and let it be interrupted.

    Called from another thread it returns at once, and the job begins when no
    cell is running.

    Args:
        job: A function without arguments. It may handle `KeyboardInterrupt`,
            which it meets once at most.
    """
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    here = threading.current_thread() is threading.main_thread()
    if here or kernel is None:
        job()
    else:
        kernel.io_loop.add_callback(_run, job)


def _run(job):
    """An interrupt counts once, and never ends the kernel's own loop."""

    def interrupt(*_):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            job()
        finally:
            signal.signal(signal.SIGINT, before)
