"""What a click began is ended by the kernel's interrupt."""

import pytest
from jupyter_client.manager import start_new_kernel

from course_utils.notebook import widget_main_thread

# A thread stands for that in which JupyterLab has clicks heard.
CODE = """
import threading, time
from course_utils.notebook import widget_main_thread

def job():
    try:
        # An interrupt may come before `print` returns.
        print("begun", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        {afterwards}

run = widget_main_thread.run_interruptibly
click = threading.Thread(target=run, args=[job])
click.start()
"""


@pytest.mark.parametrize("afterwards", ["pass", "time.sleep(2)", "raise"])
def test_an_interrupt_reaches_what_a_click_began(afterwards):
    manager, client = start_new_kernel()
    try:
        client.execute(CODE.format(afterwards=afterwards))
        for awaited in ("begun", "interrupted"):
            _wait_for_line(client, awaited)
            # The second one comes while the job is ending, or just afterwards.
            manager.interrupt_kernel()
        reply = client.execute_interactive("1 + 1", timeout=60)
        assert reply["content"]["status"] == "ok"
        assert manager.is_alive()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _wait_for_line(client, awaited):
    printed = ""
    while awaited not in printed:
        message = client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream":
            printed = message["content"]["text"]


def test_without_a_kernel_it_runs_at_once():
    ran = []
    widget_main_thread.run_interruptibly(lambda: ran.append(True))
    assert ran == [True]
