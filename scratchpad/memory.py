"""Bytes that a batch may take beside the weights, and what happens where they are not there.

Batches are cut by estimates of what they take, so that they depend on the configuration alone.
Where memory runs out all the same, the batch is halved and so are all that follow: `splits` counts
how often, since what was read in other batches is equal to rounding only.
"""

from __future__ import annotations

import difflib
import gc
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from scratchpad.errors import ConfigError, ModelError

UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
CPU, GPU = 2**30, 4 * 2**30
"""The budgets where none is told."""

_OUT_OF_MEMORY = re.compile(
    "out of memory|can't allocate memory|not enough memory|bad_alloc|_ALLOC_FAILED", re.IGNORECASE
)
_log = logging.getLogger(__name__)
# Budgets that were told, and those that are left of them where memory ran out.
_told: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
_left: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
_counted = {"splits": 0}

Item = TypeVar("Item")
Result = TypeVar("Result")


def parse_size(text: str) -> int:
    """Read a number of bytes, with a unit or without.

    Raises
    ------
    ConfigError
        If it is no size of at least a byte, or its unit is unknown.

    >>> parse_size("512MiB"), parse_size("1.5 GiB"), parse_size("4096")
    (536870912, 1610612736, 4096)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Za-z]*)", text.strip())
    units = {unit.casefold(): size for unit, size in UNITS.items()}
    if found and (size := units.get((found[2] or "B").casefold())):
        if (told := int(float(found[1]) * size)) > 0:
            return told
    elif found:
        near = difflib.get_close_matches(found[2].casefold(), units, n=1, cutoff=0.5)
        hint = f"Did you mean {_named(near[0])!r}? " if near else ""
        raise ConfigError(
            f"--memory-budget {text!r} has the unknown unit {found[2]!r}",
            fix=f"{hint}Known: {', '.join(UNITS)}.",
        )
    raise ConfigError(
        f"--memory-budget {text!r} is no size", "it is a number of bytes", "Write 2GiB or 512MiB."
    )


def _named(unit: str) -> str:
    return next(name for name in UNITS if name.casefold() == unit)


def allow(model: Any, budget: int | None) -> None:
    """Say how many bytes a batch of this model may take; `None`: the usual number."""
    if budget is not None:
        _told[model] = budget


def budget_of(model: Any, told: int | None = None) -> int:
    """Bytes that a batch of this model may take beside the weights, from now on.

    Parameters
    ----------
    model
        A Hugging Face causal LM.
    told : int, optional
        What stands for the budget that the model was allowed.
    """
    usual = CPU if model.device.type == "cpu" else GPU
    return min(told or _told.get(model) or usual, _left.get(model, 2**62))


def splits() -> int:
    """How often this process has halved a batch because memory ran out."""
    return _counted["splits"]


def add_splits(count: int) -> None:
    """Count what other processes have told of theirs."""
    _counted["splits"] += count


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on a CPU or a GPU."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and bool(_OUT_OF_MEMORY.search(str(error)))
    )


def no_room(reason: object) -> ModelError:
    """Build the error for what cannot be read in any smaller batch."""
    return ModelError(
        "Memory ran out",
        " ".join(str(reason).split())[:160] or "no more could be had",
        "Give a smaller --memory-budget, --dtype bfloat16 or shorter texts, or free memory.",
    )


def batches(
    model: Any, items: Sequence[Item], most: int, size: Callable[[Sequence[Item]], int]
) -> Iterator[Sequence[Item]]:
    """Neighbouring items that the model's budget has room for, at most so many; at least one.

    Each batch is cut when it is asked for: memory that ran out makes those that follow smaller.
    """
    start = 0
    while start < len(items):
        part = items[start : start + most]
        while len(part) > 1 and size(part) > budget_of(model):
            part = part[: -(-len(part) // 2)]
        yield part
        start += len(part)


def halving(
    model: Any,
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Result],
    size: Callable[[Sequence[Item]], int],
) -> list[Result]:
    """Work on all items at once or, where memory runs out, on one half after the other.

    Parameters
    ----------
    model
        Whose budget is lowered to half of what was too much.
    items
        A batch.
    work
        Called with the items, or parts of them in order; what a part had begun must not matter.
    size
        Bytes that `work` takes on items under the budget as it then is; where a smaller budget
        makes it less for a single item, that is tried again.

    Returns
    -------
    list
        What `work` made of each part.

    Raises
    ------
    ModelError
        If there is no room for a single item.
    """
    waiting, done, before = [items], list[Result](), splits()
    while waiting:
        part = waiting.pop()
        if len(part) > 1 and splits() > before and size(part) > budget_of(model):
            waiting += _halves(part)
            continue
        try:
            done.append(work(part))
            continue
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error)
        # Out here nothing holds the tensors of the attempt any more.
        taken = size(part)
        _lower(model, taken // 2, reason)
        if len(part) > 1:
            waiting += _halves(part)
        elif size(part) < taken:
            waiting.append(part)
        else:
            raise no_room(reason)
    return done


def _halves(part: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """The second half, and the first, which is to be taken first."""
    middle = len(part) // 2
    return part[middle:], part[:middle]


def _lower(model: Any, budget: int, reason: str) -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    _left[model] = max(min(budget, budget_of(model)), 1)
    if not splits():
        _log.warning(
            "Memory ran out (%s): batches are halved. Results stay equal to rounding; "
            "a smaller --memory-budget avoids it.",
            " ".join(reason.split())[:120],
        )
    add_splits(1)
