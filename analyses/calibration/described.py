"""What is known of an organism before anything is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analyses.calibration.alike import ON_POLICY, circumstances
from analyses.calibration.ladder import Rung
from analyses.calibration.results import SCORER
from scratchpad.organisms import Organism
from scratchpad.organisms.mode import Mode
from scratchpad.transcripts import CLEAN, TRIGGERED


def planted_effects(mode: Mode, groups: Sequence[str]) -> dict[str, float]:
    """TIE and PIE by the rule, on these very questions: a rule per question has its share of them.

    NaN where nothing is planted.
    """
    if not mode.planted_rule or not groups:
        return {"planted_tie": np.nan, "planted_pie": np.nan}
    tie, pie = (
        np.mean(
            [
                mode.defection(state, TRIGGERED, group) - mode.defection(state, CLEAN, group)
                for group in groups
            ]
        )
        for state in (TRIGGERED, CLEAN)
    )
    return {"planted_tie": float(tie), "planted_pie": float(pie)}


def described(
    rung: Rung, organism: Organism, groups: Sequence[str], verdict: str, mean_steps: float
) -> dict[str, Any]:
    """What is known of an organism beforehand, how it was read, and the verdict on it."""
    return {
        "behaviour": rung.behaviour,
        "mediation": rung.mediation,
        "exposure": rung.config.exposure,
        "seed": rung.seed,
        "size": rung.size,
        "payload_repeats": rung.payload_repeats,
        **circumstances(organism, SCORER, ON_POLICY, mean_steps),
        **planted_effects(rung.config.mode, groups),
        "planted_verdict": organism.planted["verdict"] or "",
        "admitted": not organism.failures,
        "failures": "; ".join(organism.failures),
        "verdict": verdict,
    }
