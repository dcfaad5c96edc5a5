"""What holds the packages together: light imports, honest `__all__`s, a fast help."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "pandas", "sklearn", "matplotlib", "scipy", "seaborn"}


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after running some code."""
    probe = f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['scratchpad', 'ablate', '--help']\n"
        "from scratchpad.cli import main\n"
        "try: main()\nexcept SystemExit: pass"
    )
    assert not HEAVY & modules_after(code)


def test_figures_leave_torch_out() -> None:
    assert "torch" not in modules_after("import analyses.figures, analyses.report")


@pytest.mark.parametrize(
    "package",
    ["scratchpad", "scratchpad.importers", "scratchpad.interventions", "scratchpad.organisms",
     "scratchpad.rewriters", "scratchpad.servers",
     "probes", "analyses",
     "analyses.figures", "analyses.metrics", "analyses.report"],
)  # fmt: skip
def test_every_name_of_a_tour_exists(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", ["scratchpad", "probes", "analyses"])
def test_a_tour_loads_nothing_heavy(package: str) -> None:
    assert not HEAVY & modules_after(f"import {package}")
