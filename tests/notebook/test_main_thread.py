"""What a click began is ended by the kernel's interrupt."""

from jupyter_client.manager import start_new_kernel

from course_utils.notebook import main_thread

# A thread stands for that in which JupyterLab has clicks heard.
CODE = """
import threading, time
from course_utils.notebook import main_thread

def job():
    print("begun", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)

click = threading.Thread(target=main_thread.run_interruptibly, args=[job])
click.start()
"""


def test_an_interrupt_reaches_what_a_click_began():
    manager, client = start_new_kernel()
    try:
        client.execute(CODE)
        for awaited in ("begun", "interrupted"):
            while awaited not in str(client.get_iopub_msg(timeout=30)):
                pass
            manager.interrupt_kernel()
        # The kernel lives, and ignores what comes when nothing is running.
        reply = client.execute_interactive("1 + 1", timeout=30)
        assert reply["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_without_a_kernel_it_runs_at_once():
    ran = []
    main_thread.run_interruptibly(lambda: ran.append(True))
    assert ran == [True]
