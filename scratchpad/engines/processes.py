"""Several processes of this machine, each on one core."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

from scratchpad.engines.base import HERE, Done, Stage, Work
from scratchpad.engines.telling import Told, heard, telling
from scratchpad.errors import ScratchpadError


@dataclass(frozen=True)
class Processes:
    """Does pieces in processes of one core each.

    Parameters
    ----------
    count : int
        How many; one does all the work here.
    """

    count: int
    elsewhere = True

    def run(self, stage: Stage, arguments: Sequence[tuple[Any, ...]]) -> Iterator[Done]:
        """Do a stage with every tuple of arguments; gives each as it gets done.

        Raises
        ------
        ScratchpadError
            If a process was killed.
        """
        if self.count == 1:
            one_thread()
            yield from HERE.run(stage, arguments)
            return
        if not arguments:
            return
        with ProcessPoolExecutor(
            self.count, mp_context=get_context("spawn"), initializer=_begin, initargs=(stage,)
        ) as pool:
            waiting = {pool.submit(_do, one): place for place, one in enumerate(arguments)}
            try:
                for done in as_completed(waiting):
                    yield Done(waiting[done], heard(done.result()))
            except BrokenProcessPool as error:
                raise ScratchpadError(
                    "A process that shared the work was killed",
                    "memory may have run out",
                    "Run the same command again, with fewer --workers: what is finished is kept.",
                ) from error
            finally:  # of what failed the rest of the queue is not waited for
                pool.shutdown(cancel_futures=True)


def one_thread() -> None:
    """Keep a process to one core: sums, and so tables, do not hang on the number of workers."""
    import torch

    torch.set_num_threads(1)


_work: Work | None = None


def _begin(stage: Stage) -> None:
    global _work
    Thread(target=_end_with_parent, daemon=True).start()
    one_thread()
    _work = stage()


def _end_with_parent() -> None:
    """Wait for the end of who asked for the work: killed, it cannot tell its workers."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _do(arguments: tuple[Any, ...]) -> Told:
    assert _work is not None
    return telling(_work, arguments)
