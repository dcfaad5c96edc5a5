"""Training whose weights, gradients and optimiser are sharded over processes (FSDP).

A copy of the model is sharded. The model itself stays whole beside it, in memory while the copy
trains, and takes over the copy's weights to be measured, saved or trained further: whatever reads
it need not know.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from scratchpad.errors import ConfigError
from scratchpad.training.processes import is_main_process, wait_for_everyone


class Whole(TrainerCallback):  # type: ignore[misc]  # the base class is untyped
    """The whole of a model whose copy is trained in shards.

    Parameters
    ----------
    model : torch.nn.Module
    device : torch.device
        Where the model is measured and read.
    """

    def __init__(self, model: Any, device: torch.device) -> None:
        self.model, self.device = model, device
        own = [*model.parameters(), *model.buffers()]
        self.trainee = copy.deepcopy(model, {id(one): one for one in own})

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave the device to the shards, which are there by now.

        Raises
        ------
        ConfigError
            If the library has not sharded what it was told to shard.
        """
        if not all(isinstance(part, DTensor) for part in self.trainee.parameters()):
            raise ConfigError(
                f"Nothing is sharded on {self.device.type}",
                "accelerate shards over GPUs alone",
                "Launch it without --use_fsdp.",
            )
        self.model.to("cpu")

    def take_over(self) -> None:
        """Take over the weights from the shards of all processes, each of which must call this."""
        whole = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, part in self.trainee.named_parameters():
                # What is wrapped to save memory has a longer name.
                own = name.replace("_checkpoint_wrapped_module.", "")
                # Shards that are kept in memory meet on the device.
                whole[own].copy_(part.to(self.device).full_tensor())

    @contextmanager
    def gathered(self) -> Iterator[Any]:
        """Give the model with the weights of the moment, on the main process's device."""
        self.take_over()
        if is_main_process():
            self.model.to(self.device)
        yield self.model
        self.model.to("cpu")
        wait_for_everyone()
