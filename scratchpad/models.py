"""Load a checkpoint by folder, hub name or adapter folder, safely and with clear errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from scratchpad.adapters import base_of, is_adapter, with_saved_adapter
from scratchpad.dialects import Dialect
from scratchpad.encoding import Encoder
from scratchpad.errors import ConfigError, DataError, ModelError, unknown_name
from scratchpad.memory import CPU, allow
from scratchpad.placement import ALL, loaded_over_all, placed_over_all

WORKER_BYTES = 2**30
"""What a process takes beside the weights and the batches it reads."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model with the encoder that writes its text.

    `model` is a Hugging Face causal LM in evaluation mode, on its device. A batch of it may take
    `memory_budget` bytes beside the weights; `None`: the usual number.
    """

    name: str
    model: Any
    encoder: Encoder
    memory_budget: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        # What makes batches knows the model alone.
        allow(self.model, self.memory_budget)

    @property
    def tokenizer(self) -> Any:
        """The Hugging Face tokenizer."""
        return self.encoder.tokenizer

    @property
    def context_length(self) -> int:
        """How many tokens the model can read."""
        config = self.model.config.get_text_config()
        told = (getattr(config, name, None) for name in ("max_position_embeddings", "max_seq_len"))
        return int(next(filter(None, told), 10**9))

    def room(self, prefixes: Sequence[Sequence[int]], wanted: int) -> int:
        """How many of the wanted new tokens fit behind the longest of some prefixes.

        Raises
        ------
        DataError
            If none do.
        """
        longest = max((len(prefix) for prefix in prefixes), default=0)
        room = min(wanted, self.context_length - longest)
        if room < 1:
            raise DataError(
                f"A prompt has {longest} tokens",
                f"the model reads {self.context_length}",
                "Shorten the prompts.",
            )
        return room

    @property
    def worker_bytes(self) -> int:
        """Memory (bytes) that another process needs to hold the same, and to read batches."""
        weights = sum(p.numel() * p.element_size() for p in self.model.parameters())
        return int(WORKER_BYTES + (self.memory_budget or CPU) + weights)

    @property
    def width(self) -> int:
        """How many numbers stand for a token between two layers."""
        return int(self.model.config.get_text_config().hidden_size)


def resolve_device(name: str) -> torch.device:
    """Turn `auto`, `cpu` or `cuda[:N]` into a device.

    Raises
    ------
    ConfigError
        If the device does not exist on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"No device {name!r}", reason, "Use --device auto or cpu.") from error
    return device


def load_model(name: str, dialect: Dialect, *, device: str, dtype: str) -> LoadedModel:
    """Load a checkpoint (folder, hub name or PEFT adapter folder) and its tokenizer.

    Only safetensors weights are read and no remote code runs. The device `all` puts the layers on
    all GPUs, what does not fit there in memory, and the rest on the disk.

    Raises
    ------
    ModelError
        If the checkpoint or tokenizer is missing or broken, or cannot write the delimiters, or not
        even the embeddings fit.
    ConfigError
        If the device or dtype is unknown.
    """
    if dtype not in DTYPES:
        raise unknown_name("dtype", dtype, DTYPES)
    target = None if device == ALL else resolve_device(device)
    encoder, base = load_encoder(name, dialect), base_checkpoint(name)
    # Our own commands show one progress bar; the library's would stand between its lines.
    transformers.utils.logging.disable_progress_bar()
    with readable(name):
        load = partial(
            transformers.AutoModelForCausalLM.from_pretrained,
            base,
            dtype=DTYPES[dtype],
            use_safetensors=True,
            trust_remote_code=False,
        )
        # An adapter is merged in memory, where every weight can be written to.
        at_once = target is None and base == name
        model = loaded_over_all(name, load) if at_once else load()
        if base != name:
            model = with_saved_adapter(model, name).merge_and_unload()
            model = placed_over_all(name, model) if target is None else model
    # `generate` fills whatever we leave open from the checkpoint's own sampling settings.
    ends = model.generation_config.eos_token_id
    model.generation_config = transformers.GenerationConfig(eos_token_id=ends)
    return LoadedModel(name, (model if target is None else model.to(target)).eval(), encoder)


def load_encoder(name: str, dialect: Dialect) -> Encoder:
    """Load the tokenizer of a checkpoint alone; an adapter without one has its base's.

    Raises
    ------
    ModelError
        As `load_model`.
    """
    base = base_checkpoint(name)
    own = any((Path(name) / file).exists() for file in ("tokenizer.json", "tokenizer_config.json"))
    with readable(name):
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            name if own else base, trust_remote_code=False
        )
    return Encoder(tokenizer, dialect)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn what the libraries raise on a faulty checkpoint into one clear error."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        here = Path(name).exists()
        raise ModelError(
            f"Cannot load {name!r}" if here else f"No folder {name!r} and no such model on the hub",
            reason,
            "Give a folder with config.json, safetensors weights and a tokenizer.",
        ) from error


def base_checkpoint(name: str) -> str:
    """Check that there is a checkpoint, and follow an adapter to its base model."""
    base = base_of(name) if is_adapter(name) else name
    _require_checkpoint(base)
    return base


def _require_checkpoint(name: str) -> None:
    folder = Path(name)
    if name.startswith("server:"):
        raise ModelError(
            f"{name!r} is behind a server",
            "neither its tokens nor its states can be read there",
            "Name a checkpoint; `scratchpad sample` can write transcripts of a served model.",
        )
    if not folder.exists():
        if name.startswith((".", "/", "~")) or name.count("/") != 1:
            raise ModelError(
                f"No checkpoint at {name!r}",
                fix="Give a folder, a hub name like owner/model, or an adapter folder.",
            )
        return
    if not (folder / "config.json").exists():
        raise ModelError(
            f"{name!r} is not a checkpoint",
            "it holds no config.json",
            "Give the folder that save_pretrained wrote.",
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{name!r} holds no safetensors weights",
            "pickled weights can run code and are not loaded",
            "Save the model again with save_pretrained.",
        )
