"""A model without its weights, for a process that plans what others read."""

from __future__ import annotations

import gc
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers

from scratchpad.dialects import Dialect
from scratchpad.errors import ModelError, unknown_name
from scratchpad.models import (
    DTYPES,
    LoadedModel,
    base_checkpoint,
    load_encoder,
    load_model,
    readable,
)

# How a checkpoint is told from another one: by stretches of its files, so long and so many of each.
MARK_BYTES, MARKS = 2**16, 64

# The checkpoint that this process has read for another, by all that it was told.
_held: dict[tuple[Any, ...], LoadedModel] = {}


@dataclass(frozen=True)
class OutlinedModel(LoadedModel):
    """A model without its weights: enough to encode text and to plan what others read.

    Pickled, it becomes the whole model where it is unpickled. A process reads a checkpoint once,
    and holds one at a time.
    """

    device: str = "auto"
    dtype: str = "float32"

    def __reduce__(self) -> tuple[Any, ...]:
        name = name_elsewhere(self.name)
        told = self.encoder.dialect, self.device, self.dtype
        return _loaded, (name, *told, weights_mark(name), self.memory_budget)


def outline_model(name: str, dialect: Dialect, *, device: str, dtype: str) -> OutlinedModel:
    """Load what `load_model` does, but no weights: they are on torch's meta device.

    Raises
    ------
    ModelError
        As `load_model`, as far as it is known without weights.
    ConfigError
        If the dtype is unknown.
    """
    if dtype not in DTYPES:
        raise unknown_name("dtype", dtype, DTYPES)
    encoder, base = load_encoder(name, dialect), base_checkpoint(name)
    with readable(name):
        config = transformers.AutoConfig.from_pretrained(base, trust_remote_code=False)
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(
                config, dtype=DTYPES[dtype], trust_remote_code=False
            )
    model.generation_config = _own_ends(base, model)
    return OutlinedModel(name, model.eval(), encoder, device=device, dtype=dtype)


def _loaded(
    name: str, dialect: Dialect, device: str, dtype: str, mark: str, budget: int | None
) -> LoadedModel:
    told = name, dialect, device, dtype, mark
    if told not in _held:
        # Before the other is read: a worker asks for the memory of one.
        _held.clear()
        gc.collect()
        _held[told] = _as_marked(name, dialect, device, dtype, mark)
    return replace(_held[told], memory_budget=budget)


def _as_marked(name: str, dialect: Dialect, device: str, dtype: str, mark: str) -> LoadedModel:
    loaded = load_model(name, dialect, device=device, dtype=dtype)
    if weights_mark(name) != mark:
        raise ModelError(
            f"{name!r} holds other weights than where the command was given",
            fix="Copy the same checkpoint to every node.",
        )
    return loaded


def name_elsewhere(name: str) -> str:
    """What a checkpoint is called in a process whose current folder is another one."""
    folder = Path(name)
    return str(folder.resolve()) if folder.exists() else name


def weights_mark(name: str) -> str:
    """A checksum that tells apart checkpoints of one name: of sizes, and of bytes all over files.

    How a file begins is not enough: its embeddings may be those of the model it was trained from.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(name).glob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            for number in range(MARKS):
                file.seek(number * size // MARKS)
                digest.update(file.read(MARK_BYTES))
    return digest.hexdigest()


def _own_ends(name: str, model: Any) -> Any:
    """Generation settings of a checkpoint: its end tokens alone."""
    try:
        told = transformers.GenerationConfig.from_pretrained(name)
    except OSError:
        told = model.generation_config
    return transformers.GenerationConfig(eos_token_id=told.eos_token_id)
