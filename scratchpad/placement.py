"""Models larger than one device: layers on all GPUs, then in memory, then on the disk.

accelerate moves what a layer reads to where it is, and fetches weights that are not on a device for
as long as their layer runs.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

from scratchpad.errors import ModelError

ALL: Final = "all"

# Where the layers of each placed model of this process are, for the manifest of a run.
_places: dict[str, list[str]] = {}


def loaded_over_all(name: str, load: Callable[..., Any]) -> Any:
    """Load a model straight to where its layers belong.

    Parameters
    ----------
    name : str
        What the model is called in a run's manifest.
    load : callable
        Loads it, given `device_map` and `offload_folder` as `from_pretrained` takes them.

    Raises
    ------
    ModelError
        If not even its embeddings fit.
    """
    with _folder() as folder:
        model = load(device_map="auto", offload_folder=folder)
    return _noted(name, model, folder)


def placed_over_all(name: str, model: Any) -> Any:
    """Place a model that is in memory; raises as `loaded_over_all`."""
    from accelerate import dispatch_model, infer_auto_device_map
    from accelerate.utils import get_balanced_memory

    whole = {"no_split_module_classes": model._no_split_modules}
    places = infer_auto_device_map(model, get_balanced_memory(model, **whole), **whole)
    with _folder() as folder:
        skipped = model._skip_keys_device_placement
        dispatch_model(model, places, offload_dir=folder, skip_keys=skipped)
    model.hf_device_map = places
    return _noted(name, model, folder)


def is_placed(model: Any) -> bool:
    """Whether a model's layers are in several places, or not on a device."""
    places = set(getattr(model, "hf_device_map", {}).values())
    return len(places) > 1 or "disk" in places


def device_name(model: Any) -> str:
    """The `--device` that puts another model where this one is."""
    return ALL if is_placed(model) else str(model.device)


def places() -> dict[str, list[str]]:
    """Where the layers of the placed models of this process are, by the model's name."""
    return dict(_places)


def note_places(told: dict[str, list[str]]) -> None:
    """Take over where another process's models are."""
    _places.update(told)


def whole_state(model: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of every tensor of a model's state, one at a time, wherever it is kept."""
    from accelerate.utils import align_module_device

    for name, kept in sorted(model.state_dict().items()):
        if not kept.is_meta:
            yield name, kept
            continue
        inside, _, own = name.rpartition(".")
        module = model.get_submodule(inside)
        with align_module_device(module, "cpu"):
            yield name, getattr(module, own).detach()


@contextmanager
def _folder() -> Iterator[str]:
    """A temporary folder for weights; removed at once if loading fails."""
    folder = tempfile.mkdtemp(prefix="scratchpad-weights-")
    with _without_warnings():
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep accelerate from saying in its words what the manifest says."""
    logger = logging.getLogger("accelerate.big_modeling")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _noted(name: str, model: Any, folder: str) -> Any:
    """Note where a model's layers are, and remove the folder of its weights when it goes."""
    weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)
    if model.device.type == "meta":
        raise ModelError(
            f"{name!r} does not fit in memory",
            "not even its embeddings do",
            "Use a machine with more memory, or --dtype bfloat16.",
        )
    if is_placed(model):
        _places[name] = [
            f"{device}: {parts[0]} ... {parts[-1]}" if len(parts) > 1 else f"{device}: {parts[0]}"
            for device, group in groupby(model.hf_device_map.items(), key=lambda item: item[1])
            if (parts := [part for part, _ in group])
        ]
    return model
