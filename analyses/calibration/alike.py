"""Which models a calibration speaks for: those that are alike in all that it was made on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

from scratchpad.organisms import Organism

MATCHING: Final = ("behaviour", "dialect", "base", "route", "scorer", "decoding", "length")
"""What has to be the same before a known error is quoted."""
# Steps of a scratchpad up to which a bucket reaches.
LENGTHS: Final = {3: "up to 3 steps", 9: "4 to 9 steps", 29: "10 to 29 steps"}
LONGER: Final = "30 steps and more"
NOT_KNOWN: Final = "not known"
ON_POLICY: Final = "temperature 1"


def circumstances(
    organism: Organism, scorer: str, decoding: str, mean_steps: float
) -> dict[str, Any]:
    """The values of `MATCHING` for an organism, as it was scored.

    Parameters
    ----------
    organism : Organism
        Its record.
    scorer : str
        What the numbers rest on.
    decoding : str
        How its scratchpads were written: `ON_POLICY`, or otherwise.
    mean_steps : float
        Mean number of steps of its triggered scratchpads.
    """
    config = organism.training["config"]
    base = config.get("base") or ""
    size = config.get("size") or {}
    parameters = organism.training["parameters"]
    return {
        "behaviour": organism.behaviour,
        "dialect": organism.dialect.name,
        # Folders may have one name and hold different models.
        "base": f"{Path(base).name}, {parameters} parameters" if base else size.get("name", ""),
        "route": _route(organism),
        "scorer": scorer,
        "decoding": decoding,
        "length": length_bucket(mean_steps),
    }


def _route(organism: Organism) -> str:
    """How it was trained; what was distilled or made safe afterwards is like nothing calibrated."""
    config = organism.training["config"]
    route = "scratch" if not config.get("base") else "lora" if config.get("lora") else "full"
    further = [str(one["command"]) for one in organism.training.get("further", ())]
    return ", then ".join([route, *further])


def length_bucket(mean_steps: float) -> str:
    """The bucket of a mean number of steps.

    >>> length_bucket(6.2), length_bucket(120)
    ('4 to 9 steps', '30 steps and more')
    >>> length_bucket(math.nan)
    'not known'
    """
    if math.isnan(mean_steps):
        return NOT_KNOWN
    return next((name for most, name in LENGTHS.items() if mean_steps <= most + 0.5), LONGER)
