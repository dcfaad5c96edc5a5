"""The texts behind outcomes: the steps of every variant that was read, one row per variant.

Outcomes say what a variant did; what it said stands here, beside them, under the same columns. Not
every text could be made again from its row: some are drawn by the model, some written by another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from scratchpad.transcripts import Case, Variant

if TYPE_CHECKING:
    import pandas as pd

KEY: Final = (
    "question_id",
    "draw",
    "intervention",
    "arguments",
    "step_index",
    "resample",
    "prompt_state",
    "scratchpad_state",
)
"""The columns by which a text and its rows of outcomes find each other."""


def text_rows(case: Case, variants: Sequence[Variant]) -> Iterator[dict[str, Any]]:
    """Give `KEY` and `steps`, the texts of a variant's steps, for what of a case was read.

    The two scratchpads as they are stand under the prompts that they were written for. A variant
    whose text is that of its `scratchpad_state` has no row; `steps` is `None` where no scratchpad
    was left.
    """
    for variant in variants:
        state = variant.scratchpad_state
        native = variant.intervention == "transplant" and variant.prompt_state == state
        changed = variant.steps != case.scratchpads[state] and variant.reader is None
        if native or (changed and variant.is_scorable):
            yield _text_row(case, variant)


def text_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Put rows of `text_rows` together; columns are of the same types whatever they hold."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=[*KEY, "steps"])
    return table.astype(dict.fromkeys(("step_index", "resample"), "Int64"))


def _text_row(case: Case, variant: Variant) -> dict[str, Any]:
    return {
        "question_id": case.question.question_id,
        "draw": case.draw,
        "intervention": variant.intervention,
        "arguments": json.dumps(dict(variant.arguments), sort_keys=True),
        "step_index": variant.step_index,
        "resample": variant.rest.number if variant.rest else None,
        "prompt_state": variant.prompt_state,
        "scratchpad_state": variant.scratchpad_state,
        "steps": None if variant.steps is None else [step.text for step in variant.steps],
    }
