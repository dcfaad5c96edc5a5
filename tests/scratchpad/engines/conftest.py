"""A cluster for the tests of engines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import staged
from scratchpad.engines.base import Engine
from scratchpad.engines.choosing import chosen_engine


@pytest.fixture(scope="package")
def ray() -> Iterator[Engine]:
    """A cluster of this machine with as many workers as it has cores."""
    with pytest.MonkeyPatch.context() as patch:
        # Workers have to find the stages.
        patch.setenv("PYTHONPATH", str(Path(staged.__file__).parent), prepend=os.pathsep)
        # A cluster of somebody else's: nothing answers there.
        patch.setenv("RAY_ADDRESS", "127.0.0.1:9")
        with chosen_engine("ray", None) as engine:
            yield engine
