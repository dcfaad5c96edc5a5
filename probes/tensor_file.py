"""A safetensors file that is laid out first and filled in row by row.

The format is eight bytes with the header's length (little-endian), a JSON header with type, shape
and offsets of every tensor, and the tensors one after another: https://github.com/huggingface/
safetensors#format. Rows can therefore be written where they belong, in any order.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from scratchpad.errors import RunFolderError
from scratchpad.files import sync_folder
from scratchpad.models import DTYPES

TYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
"""The types that can be written -> their names in the file."""


@dataclass(frozen=True)
class TensorFile:
    """Tensors of one shape and type in one file.

    Parameters
    ----------
    path : Path
    names : tuple of str
        The tensors, in the order of the file.
    shape : tuple of int
        (rows, ...), of each of them.
    dtype : str
        One of `TYPES`.
    """

    path: Path
    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str

    @property
    def header(self) -> bytes:
        """How the file begins."""
        size = math.prod(self.shape) * DTYPES[self.dtype].itemsize
        entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
        for number, name in enumerate(self.names):
            offsets = [number * size, (number + 1) * size]
            kind = TYPES[self.dtype]
            entries[name] = {"dtype": kind, "shape": self.shape, "data_offsets": offsets}
        text = json.dumps(entries, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        values = len(self.names) * math.prod(self.shape)
        return len(self.header) + values * DTYPES[self.dtype].itemsize

    def create(self) -> None:
        """Lay the file out with zeros, whole or not at all.

        Raises
        ------
        RunFolderError
            If the folder cannot be written to or has no room for it.
        """
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(self.header)
                file.truncate(self.size)
                # A disk that is full later on would end the process without a word.
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, self.size)
                os.fsync(file.fileno())
            part.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise RunFolderError(
                f"Cannot lay out {self.path} of {self.size / 1e9:.2g} GB",
                str(error),
                "Give a folder with room that you may write to, or fewer layers or positions.",
            ) from error

    def is_whole(self) -> bool:
        """Whether the file has its header and its length."""
        if not self.path.is_file() or self.path.stat().st_size != self.size:
            return False
        with self.path.open("rb") as file:
            return file.read(len(self.header)) == self.header

    def write(self, rows: Sequence[int], values: torch.Tensor) -> None:
        """Put rows of all tensors onto the disk.

        Parameters
        ----------
        rows : sequence of int
        values : tensor of the file's dtype, shape (rows, tensors, ...)
        """
        bits = torch.int32 if self.dtype == "float32" else torch.int16
        # Mapped for one batch at a time: pages of earlier ones would count as memory.
        mapped = np.memmap(
            self.path, np.dtype(f"<i{bits.itemsize}"), "r+", len(self.header),
            (len(self.names), *self.shape),
        )  # fmt: skip
        mapped[:, list(rows)] = values.view(bits).numpy().swapaxes(0, 1)
        mapped.flush()

    def read(self, name: str) -> NDArray[np.float32]:
        """One tensor; the others stay on the disk."""
        with safe_open(self.path, framework="pt") as file:
            found: NDArray[np.float32] = file.get_tensor(name).float().numpy()
        return found
