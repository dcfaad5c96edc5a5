"""A run's activations on disk, captured straight into place.

A folder holds `activations.safetensors`, one tensor a layer under its hook's name, and
`activations.json`, which says what is in it. While it is filled, `rows.written` has one byte a
transcript, set when its batch is on the disk: a capture that was killed goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from probes.activations import BATCH_SIZE, Batch, chosen_layers, stream
from probes.checksums import file_checksum, model_checksum
from probes.manifest import Manifest
from probes.tensor_file import TYPES, TensorFile
from probes.texts import Texts
from scratchpad.errors import DataError, unknown_name
from scratchpad.files import atomic_write
from scratchpad.models import DTYPES

TENSORS, MANIFEST, WRITTEN = "activations.safetensors", "activations.json", "rows.written"


@dataclass(frozen=True)
class Store:
    """A folder of activations.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
        What it holds; finished if it has a checksum.
    """

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open finished activations; the whole file is read once, to compare its checksum.

        Raises
        ------
        DataError
            If they are not finished, or are truncated or altered.
        """
        store = cls(folder, Manifest.read(folder / MANIFEST))
        if store.manifest.sha256 is None:
            raise DataError(
                f"The activations in {folder} are not finished",
                fix="Capture into the same folder again: it goes on where it was.",
            )
        store._require_whole()
        store._require_same()
        return store

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers that were captured."""
        return self.manifest.layers

    @property
    def file(self) -> TensorFile:
        """The tensors."""
        manifest = self.manifest
        return TensorFile(self.folder / TENSORS, manifest.hooks, manifest.shape, manifest.dtype)

    def layer(self, layer: int) -> NDArray[np.float32]:
        """One layer, shape (transcripts, positions, width); NaN where a place is absent.

        The other layers stay on the disk.

        Raises
        ------
        DataError
            If the layer was not captured.
        """
        manifest = self.manifest
        if layer not in manifest.layers:
            raise DataError(
                f"Layer {layer} is not in {self.folder}",
                f"it holds {', '.join(map(str, manifest.layers))}",
                "Capture it into another folder.",
            )
        return self.file.read(manifest.hooks[manifest.layers.index(layer)])

    def vectors(self) -> NDArray[np.float32]:
        """All layers as `capture` gives them, shape (transcripts, layers, positions, width)."""
        return np.stack([self.layer(layer) for layer in self.manifest.layers], axis=1)

    def _require_same(self) -> None:
        if file_checksum(self.file.path) != self.manifest.sha256:
            raise _spoilt(self.file.path, "its checksum is not the one it was finished with")

    def _require_whole(self) -> None:
        if not self.file.is_whole():
            raise _spoilt(self.file.path, "its header or its length is not what it was laid out as")


class Reader(Protocol):
    """Who reads activations, and of what; `probes.reading.Reading` is one."""

    def checksum(self) -> str:
        """Name the model by its weights."""

    def stream(
        self, texts: Texts, layers: Sequence[int], known: NDArray[np.bool_]
    ) -> Iterator[Batch]:
        """Read batch by batch; batches that are known are left out."""


class _Here(NamedTuple):
    model: Any
    batch_size: int

    def checksum(self) -> str:
        return model_checksum(self.model)

    def stream(
        self, texts: Texts, layers: Sequence[int], known: NDArray[np.bool_]
    ) -> Iterator[Batch]:
        return stream(self.model, texts, layers=layers, batch_size=self.batch_size, known=known)


def record(
    folder: Path,
    model: Any,
    tokenizer: Any,
    texts: Texts,
    *,
    layers: Sequence[int] | None = None,
    dtype: str = "float32",
    batch_size: int = BATCH_SIZE,
    reader: Reader | None = None,
) -> Store:
    """Capture activations into a folder, or what is missing there; finished ones are opened.

    No more than a batch is in memory. Killed at any time, the same call goes on and ends with the
    same bytes; with another batch size they are equal to rounding.

    Parameters
    ----------
    folder : Path
    model, texts, layers, batch_size
        As `probes.activations.capture` takes them.
    tokenizer
        The fast tokenizer that made the texts.
    dtype : str
        How they are kept: `float32`, `float16` or `bfloat16`.
    reader : Reader, optional
        Who reads; this process, with the model, if nobody else is told.

    Raises
    ------
    ConfigError
        If the dtype is unknown.
    DataError
        If the folder holds activations of another model, tokenizer or of other texts, or broken
        ones; if an activation is not finite, or not in this dtype; if there is nothing to read.
    RunFolderError
        If the folder cannot be written to or has no room.
    """
    if dtype not in TYPES:
        raise unknown_name("dtype", dtype, TYPES)
    if not texts.ids or not texts.position_names:
        raise DataError("There is nothing to capture", fix="Give transcripts and positions.")
    chosen = tuple(dict.fromkeys(chosen_layers(model, layers)))
    reader = reader or _Here(model, batch_size)
    wanted = Manifest.of(model, tokenizer, texts, chosen, dtype, reader.checksum())
    store = _begun(folder, wanted)
    if store.manifest.sha256 is not None:
        store._require_same()
        return store
    written = np.fromfile(folder / WRITTEN, dtype=np.bool_)
    for batch in reader.stream(texts, chosen, written):
        store.file.write(batch.rows, _rounded(batch, wanted))
        _mark(folder / WRITTEN, batch.rows)
    return _finished(store)


def _begun(folder: Path, wanted: Manifest) -> Store:
    """The folder as it is if it is ours; laid out if nothing is there yet."""
    if (folder / MANIFEST).exists():
        found = Manifest.read(folder / MANIFEST)
        found.require_same(wanted, folder)
        # The same as what was found, but for places that are in memory already.
        store = Store(folder, replace(wanted, sha256=found.sha256))
    elif (folder / TENSORS).exists():
        raise DataError(
            f"{folder / TENSORS} is there without {MANIFEST}",
            "nobody knows what it holds",
            "Choose another folder.",
        )
    else:
        wanted.write(folder / MANIFEST)
        store = Store(folder, wanted)
    written = folder / WRITTEN
    if store.manifest.sha256 is not None:
        # Killed between the last two steps, a capture leaves this behind.
        written.unlink(missing_ok=True)
    elif not (written.exists() and store.file.path.exists()):
        atomic_write(written, bytes(len(wanted.transcripts)))
        store.file.create()
    store._require_whole()
    return store


def _rounded(batch: Batch, manifest: Manifest) -> torch.Tensor:
    # What another process has read may lie in memory that is not to be written to.
    vectors = np.require(batch.vectors, requirements="W")
    values = torch.from_numpy(vectors).to(DTYPES[manifest.dtype])
    if values.isinf().any():
        row, layer = (int(index) for index in values.isinf().nonzero()[0, :2])
        raise DataError(
            f"The activations of transcript {manifest.transcripts[batch.rows[row]]} at layer "
            f"{manifest.layers[layer]} do not fit into {manifest.dtype}",
            "they are larger than its largest number",
            "Keep them as bfloat16 or float32, in another folder.",
        )
    return values


def _mark(path: Path, rows: Sequence[int]) -> None:
    with path.open("r+b") as file:
        for row in rows:
            file.seek(row)
            file.write(b"\1")
        file.flush()
        os.fsync(file.fileno())


def _finished(store: Store) -> Store:
    manifest = replace(store.manifest, sha256=file_checksum(store.file.path))
    manifest.write(store.folder / MANIFEST)
    (store.folder / WRITTEN).unlink()
    return Store(store.folder, manifest)


def _spoilt(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} was truncated or altered", reason, "Remove its folder and capture anew."
    )
