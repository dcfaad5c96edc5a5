"""What is concluded: every command that ends in a verdict, a probe or a figure.

`Ablation` scores interventions, `cell_table` puts its outcomes into the four cells that
`scratchpad.Mediation` reads, `summarise_ablation` sums them up to a verdict; `analyses.metrics`
computes the published metrics beside it; `examples_of` makes a probe's examples of transcripts and
`detect_defection` runs an experiment on them, as the other modules of `analyses.probing` do;
`analyses.figures` draws tables, `analyses.report` joins runs to a page. `open_run` opens what a
command left: tables, transcripts, estimates; `analyses.export` writes them for other tools.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analyses.ablation import Ablation
    from analyses.ablation_summary import summarise_ablation
    from analyses.judgement import cell_table
    from analyses.opened import open_run
    from analyses.probing.detection import detect_defection, examples_of

__all__ = [
    "Ablation",
    "cell_table",
    "detect_defection",
    "examples_of",
    "open_run",
    "summarise_ablation",
]

_HOMES = {
    "Ablation": "ablation",
    "cell_table": "judgement",
    "open_run": "opened",
    "detect_defection": "probing.detection",
    "examples_of": "probing.detection",
    "summarise_ablation": "ablation_summary",
}


def __getattr__(name: str) -> Any:
    """Load a name on first use: importing torch and pandas takes seconds."""
    if name in _HOMES:
        return getattr(import_module(f"analyses.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'analyses' has no attribute {name!r}")
