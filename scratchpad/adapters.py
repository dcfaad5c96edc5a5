"""PEFT adapters: small matrices beside a base model's own, kept in a folder without the base."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scratchpad.errors import ModelError
from scratchpad.parsing import UNREADABLE

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def is_adapter(name: str) -> bool:
    """Whether a name is that of an adapter folder."""
    return (Path(name) / CONFIG).exists()


def base_of(name: str) -> str:
    """The base model that an adapter folder names.

    Raises
    ------
    ModelError
        If it names none, or a folder that is not there, or if loading it could run code.
    """
    file = Path(name) / CONFIG
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        base = str(config["base_model_name_or_path"])
    except (*UNREADABLE, KeyError, TypeError) as error:
        raise ModelError(f"{file} names no base model", fix="Save the adapter again.") from error
    _require_harmless(Path(name), config)
    if Path(base).is_absolute() and not Path(base).exists():
        raise ModelError(
            f"The base model {base!r} of the adapter {name!r} is gone",
            fix=f"Put it back, or name its new place in {file}.",
        )
    return base


def _require_harmless(folder: Path, config: dict[str, Any]) -> None:
    """Refuse an adapter with which peft would unpickle weights or import what its config names."""
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"The adapter {str(folder)!r} holds no {WEIGHTS}",
            "pickled weights can run code and are not loaded",
            "Save the adapter again with save_pretrained.",
        )
    if config.get("megatron_config"):
        raise ModelError(
            f"The adapter {str(folder)!r} has a megatron_config",
            "peft would import the module that its megatron_core names",
            f"Take megatron_config out of {folder / CONFIG}, or merge the adapter elsewhere.",
        )


def peft_library() -> Any:
    """The package that adapters need.

    Raises
    ------
    ModelError
        If it is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise ModelError(
            "Adapters need the package peft",
            str(error),
            "Run pip install scratchpad-faithfulness[peft].",
        ) from error
    return peft


def with_saved_adapter(model: Any, folder: str, *, trainable: bool = False) -> Any:
    """Put the adapter of a folder on its base model."""
    peft = peft_library()
    with _without_outdated_warnings():
        return peft.PeftModel.from_pretrained(model, folder, is_trainable=trainable)


def with_new_adapter(model: Any, **settings: Any) -> Any:
    """Put an untrained adapter on a base model; `settings` as peft's `LoraConfig` takes them."""
    peft = peft_library()
    with _without_outdated_warnings():
        return peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **settings))


@contextmanager
def _without_outdated_warnings() -> Iterator[None]:
    """Keep quiet what nobody but peft can mend: it asks transformers for a renamed property."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        yield
