"""What one of several processes must know of the others (a launcher such as torchrun starts them).

Every process trains; the main one alone decides, measures, writes and speaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import get_int_from_env

from scratchpad.errors import ConfigError, ModelError
from scratchpad.models import resolve_device
from scratchpad.placement import ALL

# What torchrun, Intel MPI and Open MPI call the same thing.
RANK = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK")
COUNT = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
# The others wait while the main process examines an organism.
PATIENCE = timedelta(hours=12)

Found = TypeVar("Found")


def process_count() -> int:
    """How many processes train together."""
    return int(get_int_from_env(COUNT, 1))


def is_main_process() -> bool:
    """Whether this process is the one that measures and writes."""
    return int(get_int_from_env(RANK, 0)) == 0


def join_processes(device: torch.device) -> None:
    """Meet the other processes, if there are any: from here on they can wait and agree."""
    if process_count() > 1:
        PartialState(cpu=device.type == "cpu", timeout=PATIENCE)
        wait_for_everyone()


def wait_for_everyone() -> None:
    """Wait until every process has come this far."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


def from_main(found: Found) -> Found:
    """What the main process found, in every process, so that all go the same way."""
    if process_count() == 1:
        return found
    shared = [found]
    torch.distributed.broadcast_object_list(shared, src=0)
    return shared[0]


def training_device(name: str) -> torch.device:
    """The device to train on.

    Raises
    ------
    ConfigError
        If it does not exist on this machine, or is one that the library cannot be told to use.
    """
    if name == ALL:
        raise ConfigError(
            "Training cannot be put on 'all'",
            "layers on several devices can be read, but not trained",
            "Shard it over the GPUs: accelerate launch with FSDP (docs/scale.md).",
        )
    device = resolve_device(name)
    if device.index:
        raise ConfigError(
            f"Training cannot be put on {name!r}",
            "it takes the first GPU that it sees",
            f"Set CUDA_VISIBLE_DEVICES={device.index} and give --device cuda.",
        )
    return device


def require_even(batches: Iterable[int]) -> None:
    """Raise `ModelError` if batches of some size cannot be split evenly over the processes."""
    count = process_count()
    for size in batches:
        if size % count:
            raise ModelError(
                f"A batch of {size} cannot be split over {count} processes",
                fix="Launch as many processes as divide it.",
            )
