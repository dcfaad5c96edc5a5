"""Independent pieces of work, done here or in several processes of one core each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import torch


def spread(
    task: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[tuple[int, Any]]:
    """Do a task with every tuple of arguments; gives the place of each as it gets done.

    Parameters
    ----------
    task : callable
        Can be pickled, as its arguments and results can.
    arguments : sequence of tuple
    workers : int
        Processes; one does all the work here.
    """
    if workers == 1:
        one_thread()
        yield from ((place, task(*one)) for place, one in enumerate(arguments))
        return
    if not arguments:
        return
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=one_thread
    ) as pool:
        waiting = {pool.submit(task, *one): place for place, one in enumerate(arguments)}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:  # of what failed the rest of the queue is not waited for
            pool.shutdown(cancel_futures=True)


def one_thread() -> None:
    """Keep a process to one core: sums, and so tables, do not hang on the number of workers."""
    torch.set_num_threads(1)
