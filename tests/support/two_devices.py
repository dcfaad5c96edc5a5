"""A model on two devices that a machine without GPUs makes believe that it has.

A tensor that is `Elsewhere` holds its numbers on the CPU and says that it is on another device. As
on GPUs, whatever mixes tensors of several devices fails, but for copies and for indices on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from accelerate import dispatch_model
from torch.nn import Parameter
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

# Numbered CPUs, to which PyTorch lends its ears without a driver; "cpu" is the host.
FIRST, SECOND = "cpu:1", "cpu:2"
COPIES = ("copy_", "_to_copy", "to")


class MixedDevicesError(AssertionError):
    """An operation on tensors of several devices."""


class Elsewhere(torch.Tensor):
    """A tensor that says it is on a device; `held` has its numbers."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, real: torch.Tensor, device: torch.device) -> Any:
        made = torch.Tensor._make_wrapper_subclass(
            cls, real.shape, strides=real.stride(), storage_offset=real.storage_offset(),
            dtype=real.dtype, device=device, requires_grad=real.requires_grad,
        )  # fmt: skip
        made.held = real
        return made

    def __init__(self, *_: Any) -> None:
        """Everything is there already."""

    def tolist(self) -> Any:
        """Read the numbers, as `tolist` does of a GPU's."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Placing(TorchDispatchMode):
    """Makes tensors where they are asked for."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self:
            made = func.decompose(*args, **(kwargs or {}))
        return _run(func, args, kwargs or {}) if made is NotImplemented else made


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
    name, host = func.__name__.partition(".")[0], torch.device("cpu")
    # A number may be on the host, and so may indices.
    places = {one.device for one in given if one.dim() and one.numel()}
    if len(places - ({host} if name.startswith("index") else set())) > 1 and name not in COPIES:
        raise MixedDevicesError(f"{name} of tensors on {', '.join(sorted(map(str, places)))}")
    wanted = kwargs.get("device")
    moved = kwargs if wanted is None else kwargs | {"device": host}
    found = func(*tree_map(_real, args), **tree_map(_real, moved))
    own = next((one.device for one in given if isinstance(one, Elsewhere)), host)
    place = torch.device(wanted) if wanted is not None else own
    if place == host:
        return found
    wrapped = tree_map(lambda one: _placed(one, place), found)
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _real(one: Any) -> Any:
    return one.held if isinstance(one, Elsewhere) else one


def _placed(one: Any, place: torch.device) -> Any:
    if not isinstance(one, torch.Tensor):
        return one
    # A view of what was made outside of inference is not an inference tensor.
    with torch.inference_mode(one.is_inference()):
        return Elsewhere(one, place)


def _made(make: Any, data: Any, *, device: Any = None, **settings: Any) -> torch.Tensor:
    """Make a tensor where it is to be; by itself, a CPU forgets its number."""
    made = make(data, **settings)
    return made if device is None else made.to(device)


def _move(module: torch.nn.Module, place: str) -> None:
    for part in module.modules():
        for name, one in part.named_parameters(recurse=False):
            part._parameters[name] = Parameter(one.detach().to(place))
        for name, one in part.named_buffers(recurse=False):
            part._buffers[name] = one.to(place)


@contextmanager
def two_devices(model: Any, first_on_second: int) -> Iterator[Any]:
    """Put a model of Llama's build on two devices, from a layer on and with the head."""
    layers = [f"model.layers.{number}" for number in range(len(model.model.layers))]
    places = dict.fromkeys(("model.embed_tokens", "model.rotary_emb"), FIRST)
    places |= {name: SECOND if n >= first_on_second else FIRST for n, name in enumerate(layers)}
    places |= dict.fromkeys(("model.norm", "lm_head"), SECOND)
    with (
        patch("torch.tensor", partial(_made, torch.tensor)),
        patch("torch.as_tensor", partial(_made, torch.as_tensor)),
        _Placing(),
    ):
        for name, place in places.items():
            _move(model.get_submodule(name), place)
        # The weights are there already, and accelerate would look where they are kept.
        with patch("accelerate.hooks.set_module_tensor_to_device"):
            dispatch_model(model, places, FIRST, skip_keys=model._skip_keys_device_placement)
        yield model
