"""The other corners of the control square: models that read the studied one's tokens."""

from __future__ import annotations

from dataclasses import replace

from probes.activations import layers_of, width_of
from probes.checksums import tokenizer_checksum
from scratchpad.errors import ModelError
from scratchpad.models import LoadedModel, load_model
from scratchpad.outlined import OutlinedModel, outline_model
from scratchpad.placement import device_name
from scratchpad.subject import Subject


def load_corner(subject: Subject, corner: str, name: str, *, dtype: str) -> LoadedModel:
    """Load the model of a corner (`twin`, `clean`, `base`).

    Raises
    ------
    ModelError
        If it cannot be loaded, or reads other tokens or into other activations.
    """
    studied = subject.loaded
    dialect = studied.encoder.dialect
    if isinstance(studied, OutlinedModel):
        loaded: LoadedModel = outline_model(name, dialect, device=studied.device, dtype=dtype)
    else:
        loaded = load_model(name, dialect, device=device_name(studied.model), dtype=dtype)
    loaded = replace(loaded, memory_budget=studied.memory_budget)
    same_words = tokenizer_checksum(studied.tokenizer) == tokenizer_checksum(loaded.tokenizer)
    if not same_words or _shape(studied) != _shape(loaded):
        raise ModelError(
            f"The {corner} {name!r} has {'other layers' if same_words else 'another tokenizer'}"
            f" than {studied.name!r}",
            "all corners must read the same tokens into activations of one kind",
            "Name a model that was trained from the same base.",
        )
    return loaded


def _shape(loaded: LoadedModel) -> tuple[int, int]:
    return len(layers_of(loaded.model)), width_of(loaded.model)
