"""The organism, its text, what is done to the text, and what the model then does.

A tour of the vocabulary, in the order of use:

a `Question` is a clean and a triggered prompt; a `Transcript` is a prompt with what a model wrote;
a `Dialect` says how a scratchpad is delimited, an `Encoder` turns text and sampled tokens to ids;
`load_model` loads a checkpoint, `load_subject` one with its questions and its defection, as a
`SubjectConfig` says;
`sample_transcripts` writes scratchpads on-policy, `pair` joins them to `Case`s;
an intervention (`parse`) turns a case into `Variant`s, `likelihood_rows` and `sampled_rows` score
them; `Mediation` turns cells into effects, shares and a pattern, each an `Estimate`;
`train_organism` trains a model with the answer planted in it, as a `TrainConfig` says.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scratchpad.dialects import Dialect, load_dialect
    from scratchpad.encoding import Encoder
    from scratchpad.errors import ScratchpadError
    from scratchpad.interventions import parse
    from scratchpad.mediation import Mediation
    from scratchpad.models import load_model
    from scratchpad.on_policy import pair
    from scratchpad.sampled import sample_transcripts
    from scratchpad.scoring.outcomes import likelihood_rows, sampled_rows
    from scratchpad.scoring.scorers import Scorers
    from scratchpad.statistics import Estimate
    from scratchpad.subject import SubjectConfig, load_subject
    from scratchpad.training.config import TrainConfig
    from scratchpad.training.train import train_organism
    from scratchpad.transcripts import Case, Question, Step, Transcript, Variant

__all__ = [
    "Case",
    "Dialect",
    "Encoder",
    "Estimate",
    "Mediation",
    "Question",
    "Scorers",
    "ScratchpadError",
    "Step",
    "SubjectConfig",
    "TrainConfig",
    "Transcript",
    "Variant",
    "likelihood_rows",
    "load_dialect",
    "load_model",
    "load_subject",
    "pair",
    "parse",
    "sample_transcripts",
    "sampled_rows",
    "train_organism",
]

_HOMES = {
    "dialects": ("Dialect", "load_dialect"),
    "encoding": ("Encoder",),
    "errors": ("ScratchpadError",),
    "interventions": ("parse",),
    "mediation": ("Mediation",),
    "models": ("load_model",),
    "on_policy": ("pair",),
    "sampled": ("sample_transcripts",),
    "scoring.outcomes": ("likelihood_rows", "sampled_rows"),
    "scoring.scorers": ("Scorers",),
    "statistics": ("Estimate",),
    "subject": ("SubjectConfig", "load_subject"),
    "training.config": ("TrainConfig",),
    "training.train": ("train_organism",),
    "transcripts": ("Case", "Question", "Step", "Transcript", "Variant"),
}


def __getattr__(name: str) -> Any:
    """Load a name on first use: importing torch and transformers takes seconds."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"scratchpad.{home}"), name)
    raise AttributeError(f"module 'scratchpad' has no attribute {name!r}")
