"""What is concluded: every command that ends in a verdict, a probe or a figure.

`Ablation` scores interventions, `summarise_ablation` sums them up to a verdict; `analyses.metrics`
computes the published metrics beside it; `detect_defection` runs a probe experiment, as the other
modules of `analyses.probing` do; `analyses.figures` draws tables, `analyses.report` joins runs to a
page.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analyses.ablation import Ablation
    from analyses.ablation_summary import summarise_ablation
    from analyses.probing.detection import detect_defection

__all__ = ["Ablation", "detect_defection", "summarise_ablation"]

_HOMES = {
    "Ablation": "ablation",
    "detect_defection": "probing.detection",
    "summarise_ablation": "ablation_summary",
}


def __getattr__(name: str) -> Any:
    """Load a name on first use: importing torch and pandas takes seconds."""
    if name in _HOMES:
        return getattr(import_module(f"analyses.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'analyses' has no attribute {name!r}")
