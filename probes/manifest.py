"""What stands beside captured activations: of what, where and how they were read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from probes.activations import width_of
from probes.checksums import texts_checksum, tokenizer_checksum
from probes.layers import hook_name
from probes.positions import Place
from probes.texts import Texts
from scratchpad.errors import DataError
from scratchpad.files import atomic_write
from scratchpad.parsing import UNREADABLE

DIFFERENCES = {
    "model": "another model",
    "tokenizer": "another tokenizer",
    "transcripts": "other transcripts",
    "texts": "other token ids or places",
    "positions": "other positions",
    "layers": "other layers",
    "dtype": "another dtype",
}
"""What must be the same -> what to call it where it is not."""


@dataclass(frozen=True)
class Manifest:
    """What a folder of activations holds.

    Parameters
    ----------
    transcripts : tuple of str
        Their ids, in the order of the rows.
    positions : tuple of str
        Names of the positions, in the order of the second axis.
    places : tuple of tuple of Place
        Where each position is in each transcript.
    layers : tuple of int
        The layers, in the order of the file.
    width : int
    dtype : str
    model, tokenizer, texts : str
        Checksums of what they were read with and of.
    sha256 : str or None
        The file's; `None` until it is finished.
    """

    transcripts: tuple[str, ...]
    positions: tuple[str, ...]
    places: tuple[tuple[Place, ...], ...]
    layers: tuple[int, ...]
    width: int
    dtype: str
    model: str
    tokenizer: str
    texts: str
    sha256: str | None = None

    @classmethod
    def of(
        cls,
        model: Any,
        tokenizer: Any,
        texts: Texts,
        layers: Sequence[int],
        dtype: str,
        checksum: str,
    ) -> Self:
        """Describe what is about to be captured; the checksum is of the model's weights."""
        return cls(
            transcripts=texts.ids,
            positions=texts.position_names,
            places=texts.places,
            layers=tuple(layers),
            width=width_of(model),
            dtype=dtype,
            model=checksum,
            tokenizer=tokenizer_checksum(tokenizer),
            texts=texts_checksum(texts),
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a manifest; raises `DataError` if it cannot be read."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["places"] = tuple(
                tuple(Place(*place) for place in row) for row in content["places"]
            )
            for name in ("transcripts", "positions", "layers"):
                content[name] = tuple(content[name])
            del content["hooks"]
            return cls(**content)
        except (*UNREADABLE, TypeError, KeyError) as error:
            raise DataError(
                f"Cannot read {path}", str(error), "Remove the folder and capture anew."
            ) from error

    def write(self, path: Path) -> None:
        """Write it whole or not at all."""
        content = vars(self) | {"hooks": self.hooks}
        atomic_write(path, (json.dumps(content) + "\n").encode())

    @property
    def hooks(self) -> tuple[str, ...]:
        """Names of the tensors."""
        return tuple(hook_name(layer) for layer in self.layers)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of each tensor: (transcripts, positions, width)."""
        return len(self.transcripts), len(self.positions), self.width

    def require_same(self, wanted: Self, folder: Path) -> None:
        """Refuse activations of anything else than what is wanted.

        Raises
        ------
        DataError
            Naming what differs.
        """
        differ = [
            words for name, words in DIFFERENCES.items()
            if getattr(self, name) != getattr(wanted, name)
        ]  # fmt: skip
        if differ:
            raise DataError(
                f"The activations in {folder} are not those asked for",
                f"they were read with {', '.join(differ)}",
                "Ask for the same, or choose another folder to capture anew.",
            )
