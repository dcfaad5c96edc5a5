"""Checksums that tell whether activations are of the model, tokenizer and texts at hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from probes.texts import Texts
from scratchpad.placement import whole_state

SAMPLED = 2**16
"""About how many values of each parameter a model's checksum reads."""


_PLACE = ("_name_or_path", "transformers_version")


def model_checksum(model: Any) -> str:
    """Name a model by its configuration and its parameters: evenly spaced values of each.

    Not every value is read; training, merging an adapter or another precision change nearly all.
    Where the checkpoint lies, and which library version wrote it, is left out.
    """
    settings = {k: v for k, v in model.config.to_dict().items() if k not in _PLACE}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, values in whole_state(model):
        digest.update(f"{name} {tuple(values.shape)} {values.dtype}\n".encode())
        # An odd stride meets every column of a matrix whose width is a power of two.
        stride = (values.numel() // SAMPLED) | 1
        digest.update(values.reshape(-1)[::stride].cpu().double().numpy().tobytes())
    return digest.hexdigest()


def tokenizer_checksum(tokenizer: Any) -> str:
    """Name a fast tokenizer by how it makes tokens of text."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    # These are set anew by whoever called it last.
    kept = {key: value for key, value in state.items() if key not in ("padding", "truncation")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def texts_checksum(texts: Texts) -> str:
    """Name texts by their token ids and places."""
    digest = hashlib.sha256()
    for ids, places in zip(texts.sequences, texts.places, strict=True):
        digest.update(json.dumps([ids, places]).encode())
    return digest.hexdigest()


def file_checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
