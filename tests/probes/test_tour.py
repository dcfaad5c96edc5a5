"""The package's tour names what there is, and loads it late."""

from __future__ import annotations

import subprocess
import sys

import pytest

import probes


@pytest.mark.parametrize("name", probes.__all__)
def test_every_name_of_the_tour_loads(name: str) -> None:
    assert callable(getattr(probes, name))
    assert f"`{name}`" in (probes.__doc__ or "")


def test_no_other_name_loads() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        probes.nothing  # noqa: B018


def test_the_tour_itself_is_light() -> None:
    code = "import sys, probes; print('torch' in sys.modules, 'sklearn' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
