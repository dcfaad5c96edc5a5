"""Activations read by an engine: a batch of texts is a piece of work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probes.activations import BATCH_SIZE, Batch, Vectors, capture, layers_of, width_of
from probes.checksums import model_checksum
from probes.store import Store, record
from probes.texts import Texts
from scratchpad.engines.base import HERE, Engine
from scratchpad.models import LoadedModel


@dataclass(frozen=True)
class ReadTexts:
    """Reads the residual stream of some of the texts, by their rows.

    Parameters
    ----------
    loaded : LoadedModel
    texts : Texts
    layers : tuple of int
    """

    loaded: LoadedModel
    texts: Texts
    layers: tuple[int, ...]

    @property
    def worker_bytes(self) -> int:
        """Memory that a worker needs."""
        return self.loaded.worker_bytes

    def __call__(self) -> Callable[[tuple[int, ...]], Batch]:
        """Give what reads the texts of some rows."""
        return lambda rows: Batch(
            list(rows), capture(self.loaded.model, self.texts.rows(rows), layers=self.layers)
        )


@dataclass(frozen=True)
class NameModel:
    """Gives the checksum of a model's weights.

    Parameters
    ----------
    loaded : LoadedModel
    """

    loaded: LoadedModel

    @property
    def worker_bytes(self) -> int:
        """Memory that a worker needs."""
        return self.loaded.worker_bytes

    def __call__(self) -> Callable[[], str]:
        """Give what computes it."""
        return lambda: model_checksum(self.loaded.model)


@dataclass(frozen=True)
class Reading:
    """Reads activations of one model.

    Parameters
    ----------
    loaded : LoadedModel
        Without weights, if the engine's workers are elsewhere.
    engine : Engine
    """

    loaded: LoadedModel
    engine: Engine = HERE

    def capture(self, texts: Texts) -> Vectors:
        """Read all layers into memory, as `probes.activations.capture` does."""
        layers = layers_of(self.loaded.model)
        shape = (len(texts.ids), len(layers), len(texts.position_names))
        vectors = np.empty((*shape, width_of(self.loaded.model)), dtype=np.float32)
        for batch in self.stream(texts, layers):
            vectors[batch.rows] = batch.vectors
        return vectors

    def record(self, folder: Path, texts: Texts) -> Store:
        """Read all layers into a folder, as `probes.store.record` does."""
        model, tokenizer = self.loaded.model, self.loaded.tokenizer
        return record(folder, model, tokenizer, texts, reader=self)

    def checksum(self) -> str:
        """Name the model by its weights."""
        [(_, found)] = self.engine.run(NameModel(self.loaded), [()])
        return str(found)

    def stream(
        self, texts: Texts, layers: Sequence[int], known: NDArray[np.bool_] | None = None
    ) -> Iterator[Batch]:
        """Read batch by batch, in whichever order they get done; batches that are known are not."""
        order = np.argsort([-length for length in texts.lengths], kind="stable").tolist()
        batches = [tuple(order[n : n + BATCH_SIZE]) for n in range(0, len(order), BATCH_SIZE)]
        if known is not None:
            batches = [rows for rows in batches if not known[list(rows)].all()]
        stage = ReadTexts(self.loaded, texts, tuple(layers))
        for _, batch in self.engine.run(stage, [(rows,) for rows in batches]):
            yield batch
