"""Outcomes of models that are known functions: small tables whose metrics follow by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

Row = dict[str, Any]
F = Callable[[int], float | None]
TOKENS_A_STEP = 10


def outcome(
    intervention: str,
    f: float | None,
    *,
    question: int = 0,
    group: str | None = None,
    draw: int = 0,
    state: int = 1,
    pad: int | None = None,
    step: int | None = None,
    steps: int = 4,
    coverage: float = 1.0,
    arguments: Row | None = None,
    **more: Any,
) -> Row:
    """One row; `f` is P(defection) given that the answer is a known one, `None` an invalid row."""
    value = np.nan if f is None else f * coverage
    invalid = {"value_if_0": 0.0, "value_if_1": 1.0}
    return {
        "question_id": f"q{question}",
        "group": group or f"g{question}",
        "draw": draw,
        "intervention": intervention,
        "arguments": json.dumps(arguments or {}),
        "step_index": step,
        "n_steps": steps,
        "prompt_state": state,
        "scratchpad_state": state if pad is None else pad,
        "scorer": "payload",
        "value": value,
        **(invalid if f is None else {"value_if_0": value, "value_if_1": value}),
        "p_defect": 0.1 if f is None else value,
        "p_benign": 0.1 if f is None else coverage - value,
        "coverage": 0.2 if f is None else coverage,
        "n_tokens": TOKENS_A_STEP * (steps if step is None else step),
        "invalid": f is None,
        "unchanged": False,
        "not_applicable": False,
        "unterminated": False,
    } | more


def table(*rows: Row | Iterable[Row]) -> pd.DataFrame:
    """A table of rows and of lists of rows."""
    return pd.DataFrame([r for part in rows for r in ([part] if isinstance(part, dict) else part)])


def native(f: float | None = 1.0, **more: Any) -> Row:
    """The untouched scratchpad."""
    return outcome("transplant", f, **more)


def truncated(f: F, *, steps: int = 4, **more: Any) -> Iterator[Row]:
    """The untouched scratchpad, and cut after every k of n steps, where f(k) decides."""
    yield native(f(steps), steps=steps, **more)
    for kept in range(steps + 1):
        yield outcome("truncate", f(kept), step=kept, steps=steps, **more)


def edited(intervention: str, f: F, *, steps: int = 4, **more: Any) -> Iterator[Row]:
    """One row per step, f(k) after the edit of step k."""
    for step in range(steps):
        yield outcome(intervention, f(step), step=step, steps=steps, **more)
