"""Some transcripts before and after an intervention, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analyses.ablation import Ablation
from scratchpad.interventions import parse
from scratchpad.transcripts import Case, Variant

SHOWN = 6
INTERVENTIONS = ("transplant", "empty", "implant", "flip-step:all", "filler:dots", "shuffle")


def examples(cases: Sequence[Case], ablation: Ablation) -> list[dict[str, Any]]:
    """Show the first cases of different groups under the interventions that say most.

    Each entry holds the prompt, the original and the changed steps, and f before and after,
    scored anew so that what is shown is what was measured.
    """
    chosen = list({case.question.group: case for case in reversed(cases)}.values())[::-1][:SHOWN]
    return [entry for case in chosen for entry in _entries(case, ablation)]


def _entries(case: Case, ablation: Ablation) -> list[dict[str, Any]]:
    variants = [v for spec in INTERVENTIONS for made in parse(spec) for v in made(case, 0)]
    frame = pd.DataFrame(ablation.score(case, variants))
    frame = frame[frame["scorer"] == ablation.scorers.headline].reset_index(drop=True)
    values = [float(value) for value in frame["value"]]
    native = {
        variant.prompt_state: value
        for variant, value in zip(variants, values, strict=True)
        if _is_native(variant)
    }
    return [
        _entry(case, variant, value, native[variant.prompt_state])
        for variant, value in zip(variants, values, strict=True)
        if not variant.not_applicable and not _is_native(variant)
    ]


def _is_native(variant: Variant) -> bool:
    """Whether a variant is the case's own transcript, untouched."""
    same = variant.prompt_state == variant.scratchpad_state
    return variant.intervention == "transplant" and same


def _entry(case: Case, variant: Variant, value: float, native: float) -> dict[str, Any]:
    state = variant.prompt_state
    return {
        "question_id": case.question.question_id,
        "state": ("clean", "triggered")[state],
        "prompt": case.question.prompts[state],
        "original": [step.text for step in case.scratchpads[state]],
        "intervention": variant.intervention,
        "variant": None if variant.steps is None else [step.text for step in variant.steps],
        "p_defect_original": _number(native),
        "p_defect_variant": _number(value),
    }


def _number(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 6)
