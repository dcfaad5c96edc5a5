"""A run as tidy, typed tables: transcripts, outcomes and estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyses.opened import TRANSCRIPTS, Run
from scratchpad.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas import DataFrame

OUTCOMES: Final = ("outcomes", "greedy_outcomes")
ESTIMATES: Final = "estimates"
_TYPES: Final = {
    "string": "id question_id prompt scratchpad answer meta group intervention arguments reason"
    " scorer key",
    "bool": "triggered defected unterminated retokenised unknown unchanged not_applicable invalid",
    "int64": "draw step_index n_steps prompt_state scratchpad_state n_tokens resample tries"
    " accepted k defections invalid_answers layer n",
    "float64": "surprisal native_surprisal similarity value value_if_0 value_if_1 value_before"
    " p_defect p_benign coverage coverage_before kl efficacy specificity estimate low high",
}
_OF: Final = {column: kind for kind, columns in _TYPES.items() for column in columns.split()}


def tidy_tables(run: Run) -> dict[str, pa.Table]:
    """Give what can be exported of a run, by name; the types of columns do not hang on values.

    Transcripts have a row each; outcomes a row per variant and scorer, joined to transcripts by
    `question_id`, `draw` (the transcript's number among those of its prompt) and
    `scratchpad_state`; estimates a row per estimate of the summary. What is missing is null.

    Raises
    ------
    DataError
        If the run holds neither transcripts nor outcomes.
    """
    kept = [name for name in (TRANSCRIPTS, *OUTCOMES) if name in run.tables]
    if not kept:
        raise DataError(
            f"{run.folder} holds neither transcripts nor outcomes",
            f"it is a run of {run.command!r}",
            "Name a folder of `scratchpad sample`, `ablate`, `import` or `probe`.",
        )
    return {name: typed(run.table(name)) for name in kept} | {ESTIMATES: typed(_estimates(run))}


def typed(table: DataFrame) -> pa.Table:
    """Give every known column its type; others keep what they hold."""
    import pyarrow as pa

    columns = {}
    for name in table.columns:
        kind = pa.list_(pa.int64()) if name == "scratchpad_ids" else None
        if name in _OF:
            kind = pa.type_for_alias(_OF[name])
        columns[name] = pa.Array.from_pandas(table[name], type=kind)
    return pa.table(columns)


def _estimates(run: Run) -> DataFrame:
    from pandas import DataFrame

    rows = [
        {"key": key, **one.to_json(), "reason": one.reason} for key, one in run.estimates().items()
    ]
    return DataFrame(rows, columns=["key", "estimate", "low", "high", "n", "reason"])
