"""Spread work over processes, on this machine or on a cluster of Dask."""

import concurrent.futures
import contextlib
import os
from collections.abc import Callable, Iterator

import psutil
from tqdm.auto import tqdm

from course_utils.machine.errors import CourseError

_BYTES_A_WORKER = 3 * 2**30


def spread(
    work: Callable[[dict], dict],
    tasks: list[dict],
    workers: int | None = None,
    scheduler: str | None = None,
) -> list[tuple[dict, dict | None]]:
    """Do all tasks, several at a time, behind a progress bar.

    A worker that dies is replaced, and what it was doing is done again.

    Args:
        work: Does one task. It keeps what it has made itself, since it may be
            called again.
        tasks: What to do.
        workers: Tasks at a time; None for as many as cores and memory allow.
        scheduler: Address of a Dask cluster to use.

    Returns:
        Each task with what came of it, in the order in which they ended;
        None where one has ended its worker several times.

    Raises:
        CourseError: If a cluster is named, and Dask is missing or the cluster
            does not answer.
    """
    if not tasks:
        return []
    return list(
        tqdm(
            _each(work, tasks, workers or _workers(), scheduler),
            "Grading",
            len(tasks),
            unit="submission",
        )
    )


def _each(work, tasks, workers, scheduler) -> Iterator:
    # Its warnings on workers that end late mean nothing to a teacher.
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "error")
    try:
        import distributed
    except ImportError:
        if scheduler:
            raise CourseError(
                "Dask is not installed: `pip install "
                "'transfer-learning-course[classroom]'` brings it."
            ) from None
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            yield from zip(tasks, pool.map(work, tasks), strict=True)
        return
    options = {"address": scheduler} if scheduler else {}
    if not scheduler:
        options = {"n_workers": min(workers, len(tasks))}
        # Any port: of a taken one Dask would warn.
        options |= {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    try:
        client = distributed.Client(**options)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"No Dask scheduler answers at {scheduler} ({error}): start one "
            "with `dask scheduler`, and name the address that it prints."
        ) from error
    try:
        futures = client.map(work, tasks, pure=False)
        by_key = dict(zip([f.key for f in futures], tasks, strict=True))
        for future in distributed.as_completed(futures):
            done = future.status == "finished"
            yield by_key[future.key], future.result() if done else None
    finally:
        # On a busy machine workers may take longer to end than Dask waits.
        with contextlib.suppress(TimeoutError):
            client.close()


def _workers():
    memory = psutil.virtual_memory().available // _BYTES_A_WORKER
    return max(1, min(os.cpu_count() or 1, memory))
