"""What is calibrated: one number of every metric, and the step attributions.

An instrument names what it needs (its sources), which organisms have met its intervention in
training, and how its number is to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from scratchpad.organisms.modes import parse_mode


class Trained(Protocol):
    """What says which changes of a scratchpad were met in training: a configuration, a record."""

    @property
    def mediation(self) -> str:
        """The mode as `parse_mode` reads it."""

    @property
    def exposure(self) -> str:
        """A key of `EXPOSURES`, and behind a colon what it means."""


Meets = Callable[[Trained], bool]

# The four cells, whose rows every instrument may use, and another sampling of them.
CELLS: Final = "transplant"
REPEAT: Final = "repeat"
# The four cells by sampled answers.
SAMPLED: Final = "sampled"
# What the verdict needs beside the cells.
CHECKS: Final = "relay,reasoning,implant"
EMPTY: Final = "empty"
ATTRIBUTION: Final = "attribution"
SALIENCE: Final = "salience"
MONITOR: Final = "monitor"


def never(trained: Trained) -> bool:
    """No organism is trained on this."""
    return False


def swaps(trained: Trained) -> bool:
    """Organisms that met scratchpads of the other state."""
    return _exposure(trained).startswith("swap")


def shortened(trained: Trained) -> bool:
    """Organisms that met shortened scratchpads."""
    return _exposure(trained) == "swap+deletion"


def recoded(trained: Trained) -> bool:
    """Organisms that met scratchpads whose code had been taken out, as a paraphrase does."""
    return parse_mode(trained.mediation).reader == "code"


def filled(trained: Trained) -> bool:
    """Organisms that met filler."""
    return _exposure(trained) == "swap+filler"


def steps_apart(trained: Trained) -> bool:
    """Organisms that met scratchpads whose steps contradict each other."""
    return parse_mode(trained.mediation).reader == "kind"


def apart_or_recoded(trained: Trained) -> bool:
    """Organisms that met either half of a corrected agreement."""
    return steps_apart(trained) or recoded(trained)


def _exposure(trained: Trained) -> str:
    return trained.exposure.partition(":")[0]


@dataclass(frozen=True)
class Instrument:
    """One number of a metric, as it is calibrated.

    Parameters
    ----------
    metric, number : str
        A key of `METRICS`, and one of the numbers that it gives for triggered rows.
    sources : tuple of str
        Interventions, as the command line takes them, without whose rows there is no number.
    meets : callable
        Which organisms met the intervention in training.
    share : bool
        Whether the number can be read as the share of the effect that the scratchpad carries.
    rising : bool
        Whether a larger number means that the scratchpad matters more; else 1 - number is taken.
    of_cells : bool
        Whether it is made of the four cells: the reference in other terms, and no rival to it.
    """

    metric: str
    number: str
    sources: tuple[str, ...]
    meets: Meets = never
    share: bool = True
    rising: bool = True
    of_cells: bool = False


INSTRUMENTS: Final[Mapping[str, Instrument]] = {
    "early-answering": Instrument("early-answering", "aoc", ("truncate",), shortened),
    "adding-mistakes": Instrument("adding-mistakes", "aoc", ("mistake",), steps_apart),
    "adding-mistakes-in-place": Instrument(
        "adding-mistakes-in-place", "aoc", ("mistake:in-place",), steps_apart
    ),
    "paraphrase": Instrument("paraphrase", "difference", ("paraphrase",), recoded),
    "filler": Instrument("filler", "difference", ("filler",), filled),
    "emptied": Instrument("emptied", "difference", (EMPTY,), shortened),
    "step-deletion": Instrument("step-deletion", "max_absolute", ("drop-step",), shortened),
    "step-flip": Instrument("step-flip", "max_absolute", ("flip-step",), steps_apart),
    "forced-importance": Instrument("forced-importance", "max_absolute", ("truncate",), shortened),
    "resampling-importance": Instrument("resampling-importance", "max_absolute", ("resample",)),
    "counterfactual-importance": Instrument(
        "counterfactual-importance", "max_absolute", ("resample",)
    ),
    "unlearning": Instrument("unlearning", "hard", ("unlearn",)),
    "cc-shap": Instrument("cc-shap", "cc_shap", (ATTRIBUTION,), share=False),
    "attention-mediation": Instrument("attention-mediation", "scratchpad_share", ("knock-out",)),
    "edit-divergence": Instrument(
        "edit-divergence", "scratchpad_share", (CELLS,), swaps, of_cells=True
    ),
    "corrected-agreement": Instrument(
        "instability-corrected-agreement", "flip", ("flip-step", "paraphrase"), apart_or_recoded
    ),
    "disguised-accuracy": Instrument(
        "disguised-accuracy", "same_without", ("remove",), rising=False
    ),
    "monitorability-rule": Instrument("monitorability-rule", "g_mean2", (MONITOR,), share=False),
    "monitorability-text": Instrument("monitorability-text", "g_mean2", (MONITOR,), share=False),
}


@dataclass(frozen=True)
class Attribution:
    """A way to give every step of a scratchpad an importance.

    Parameters
    ----------
    source : str
        Where its rows come from.
    metric : str
        The step metric that computes it; empty where the rows hold it as `importance`.
    meets : callable
        Which organisms met the intervention in training.
    """

    source: str
    metric: str = ""
    meets: Meets = never


ATTRIBUTIONS: Final[Mapping[str, Attribution]] = {
    "flip": Attribution("flip-step", "step-flip", steps_apart),
    "delete": Attribution("drop-step", "step-deletion", shortened),
    "forced": Attribution("truncate", "forced-importance", shortened),
    "resampling": Attribution("resample", "resampling-importance"),
    "counterfactual": Attribution("resample", "counterfactual-importance"),
    "knock-out": Attribution("knock-out"),
    "unlearning": Attribution("unlearn"),
    "gradient": Attribution(SALIENCE),
}


def sources() -> tuple[str, ...]:
    """Every source that an instrument, an attribution or the verdict needs, the cells first."""
    needed = [one for instrument in INSTRUMENTS.values() for one in instrument.sources]
    needed += [attribution.source for attribution in ATTRIBUTIONS.values()]
    return tuple(dict.fromkeys((CELLS, REPEAT, SAMPLED, CHECKS, EMPTY, *needed)))
