"""What one of several processes must know of the others (a launcher such as torchrun starts them).

Every process trains; the main one alone decides, measures, writes and speaks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import get_int_from_env, parse_flag_from_env

from scratchpad.errors import ConfigError, ModelError
from scratchpad.locks import RANK
from scratchpad.models import resolve_device
from scratchpad.placement import ALL

# What torchrun, Intel MPI and Open MPI call the same thing.
COUNT = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
# How `accelerate launch` must shard. Version 1 flattens parameters, which then have no names to be
# gathered by, and checkpoints of full states fail on tied weights (transformers 5.23).
SHARDED = {
    "FSDP_VERSION": "2",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
    "FSDP_STATE_DICT_TYPE": "SHARDED_STATE_DICT",
}
# The others wait while the main process examines an organism.
PATIENCE = timedelta(hours=12)

Found = TypeVar("Found")


def process_count() -> int:
    """How many processes train together."""
    return int(get_int_from_env(COUNT, 1))


def is_main_process() -> bool:
    """Whether this process is the one that measures and writes."""
    return int(get_int_from_env(RANK, 0)) == 0


def is_sharded() -> bool:
    """Whether `accelerate launch` was told to shard what is trained (FSDP)."""
    return bool(parse_flag_from_env("ACCELERATE_USE_FSDP"))


def join_processes(device: torch.device) -> None:
    """Meet the other processes, if there are any: from here on they can wait and agree.

    Raises
    ------
    ConfigError
        If training is to be sharded in a way in which it cannot be done here.
    """
    if is_sharded():
        _require_shardable()
    if process_count() > 1:
        PartialState(cpu=device.type == "cpu", timeout=PATIENCE)
        wait_for_everyone()


def _require_shardable() -> None:
    wrong = {name: value for name, value in SHARDED.items() if os.environ.get(name) != value}
    if wrong:
        flags = " ".join(f"--{name.lower()} {value}" for name, value in wrong.items())
        raise ConfigError(
            "Training cannot be sharded in the way that was asked for",
            "every process must load the whole model, and keep shards in its checkpoints",
            f"Give accelerate launch {flags} (docs/how-to/fsdp.yaml has all settings).",
        )


def require_unsharded(what: str) -> None:
    """Raise `ConfigError` if something would be sharded that cannot be."""
    if is_sharded():
        raise ConfigError(
            f"{what} cannot be sharded",
            "every process samples on its own, for which it needs the whole model",
            "Launch it without --use_fsdp.",
        )


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
