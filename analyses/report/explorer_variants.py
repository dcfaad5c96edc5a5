"""What the explorer shows of the variants of one transcript."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd
from pandas import DataFrame, Series

from analyses.figures.surprisal import WARNING_SURPRISAL
from analyses.figures.tables import headline_rows, records
from analyses.labels import labels
from analyses.report.comparison import MOST_STEPS, aligned
from analyses.report.numbers import missing, number
from scratchpad.hostile import visible
from scratchpad.scoring.variant_texts import KEY

TRUNCATION: Final = "truncate"  # shown as a curve: its texts are beginnings of the original
Place = tuple[str, int, int]
Key = tuple[Any, ...]
_UNKNOWN: Final = object()


class Variants:
    """The variants of a run, found by question, draw and state of the prompt.

    Parameters
    ----------
    outcomes : DataFrame
        Outcomes; those of the headline's scorer are shown.
    texts : DataFrame or None
        The run's `variants` table; an older run has none.
    """

    def __init__(self, outcomes: DataFrame, texts: DataFrame | None) -> None:
        self._texts = {} if texts is None else _texts(texts)
        rows = headline_rows(outcomes)
        rows = rows.assign(label=_labels(rows)) if len(rows) else rows
        self._rows: dict[Place, list[dict[str, Any]]] = {}
        for row in records(rows):
            place = (str(row["question_id"]), int(row["draw"]), int(row["prompt_state"]))
            self._rows.setdefault(place, []).append(row)

    def original(self, place: Place) -> list[str] | None:
        """The steps of the scratchpad as it was scored, if they are known."""
        found = self._texts.get(_native_key(place))
        return None if found is None else list(found)

    def native(self, place: Place) -> float | None:
        """P(defection) after the scratchpad as it is."""
        own = (row for row in self._rows.get(place, ()) if _is_native(row))
        return _rounded(next(own, {}).get("value"))

    def curve(self, place: Place) -> list[float | None]:
        """P(defection) when the scratchpad is closed after step 0, 1, ...; empty if unknown."""
        rows = [row for row in self._rows.get(place, ()) if row["intervention"] == TRUNCATION]
        kept = {int(row["step_index"]): row["value"] for row in rows if _own_text(row)}
        return [_rounded(kept.get(step)) for step in range(max(kept, default=-1) + 1)]

    def shown(self, place: Place, original: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Give each variant as the page reads it: label, detail, changes, value, warnings."""
        for row in self._rows.get(place, ()):
            if row["intervention"] == TRUNCATION or _is_native(row) or _left_out(row):
                continue
            shown = {"i": visible(row["label"]), "l": _detail(row), "f": _rounded(row["value"])}
            steps = self._steps(row)
            changes = {} if steps is _UNKNOWN else {"x": _changes(original, steps)}
            yield shown | changes | {"w": list(_warnings(row))}

    def not_made(self, place: Place) -> list[str]:
        """What could not be made of a transcript, and why."""
        rows = [row for row in self._rows.get(place, ()) if row.get("not_applicable") is True]
        return list(dict.fromkeys(visible(f"{row['label']}: {row['reason']}") for row in rows))

    def _steps(self, row: Mapping[str, Any]) -> Any:
        """The steps of a variant: its own, else those of the scratchpad that it took as it was."""
        if (key := _key(row)) in self._texts:
            return self._texts[key]
        source = str(row["question_id"]), int(row["draw"]), int(row["scratchpad_state"])
        return self._texts.get(_native_key(source), _UNKNOWN)


def changes(original: Sequence[str], variant: Sequence[str]) -> list[Any]:
    """Write a variant as what became of the original's steps.

    A number from 0 is the step of the original that is kept, [number, text] one that reads
    otherwise, -1 - number one that is gone, a text alone one that was added.

    >>> changes(["a", "b", "c"], ["a", "x", "d", "c"]), changes(["a", "b"], ["b"])
    ([0, [1, 'x'], 'd', 2], [-1, 1])
    """
    written: list[Any] = []
    for place, other, change in aligned(original, variant):
        if place is None:
            written.append(variant[other or 0])
        elif change == "changed":
            written.append([place, variant[other or 0]])
        else:
            written.append(-1 - place if change == "removed" else place)
    return written


def shown_steps(steps: Sequence[str]) -> list[str]:
    """Make steps visible; what is beyond the most that are shown is counted."""
    more = len(steps) - MOST_STEPS
    left_out = [f"[... {more:,} more steps]"] if more > 0 else []
    return [visible(step) for step in steps[:MOST_STEPS]] + left_out


def _changes(original: Sequence[str], steps: Sequence[str] | None) -> list[Any] | None:
    return None if steps is None else changes(original, shown_steps(steps))


def _texts(table: DataFrame) -> dict[Key, Any]:
    return {_key(row): _listed(row["steps"]) for row in records(table)}


def _listed(steps: Any) -> list[str] | None:
    return None if steps is None else [str(step) for step in steps]


def _key(row: Mapping[str, Any]) -> Key:
    return tuple(_plain(row.get(name)) for name in KEY)


def _plain(value: Any) -> Any:
    if value is None or pd.isna(value):
        return None
    return value if isinstance(value, str) else int(value)


def _native_key(place: Place) -> Key:
    question, draw, state = place
    return question, draw, "transplant", "{}", None, None, state, state


def _is_native(row: Mapping[str, Any]) -> bool:
    return row["intervention"] == "transplant" and _own_text(row)


def _own_text(row: Mapping[str, Any]) -> bool:
    return bool(row["prompt_state"] == row["scratchpad_state"])


def _left_out(row: Mapping[str, Any]) -> bool:
    return row.get("not_applicable") is True or row.get("unterminated") is True


def _labels(rows: DataFrame) -> Series[str]:
    """Labels that tell apart what differs in more than its step."""
    found = labels(rows)
    several = rows.groupby(found)["arguments"].transform("nunique") > 1
    told = rows["arguments"].map(lambda text: ", ".join(map(str, json.loads(text).values())))
    found = found.where(~several | (told == ""), found + " (" + told + ")")
    crossed, own = found == "cross-prompt", rows["prompt_state"] == rows["scratchpad_state"]
    return found.mask(crossed & own, "cross-prompt, own text").mask(
        crossed & ~own, "cross-prompt, other text"
    )


def _detail(row: Mapping[str, Any]) -> str:
    step, rest = _plain(row.get("step_index")), _plain(row.get("resample"))
    counts = row["intervention"] == "prefix"  # there it is how many steps were taken
    told = [] if step is None else [f"{step} steps" if counts else f"step {step + 1}"]
    told += [] if rest is None else [f"rest {rest + 1}"]
    return ", ".join(told)


def _warnings(row: Mapping[str, Any]) -> Iterator[str]:
    rise = row["surprisal"] - row["native_surprisal"]
    if rise > WARNING_SURPRISAL:
        yield f"off-distribution: {number(float(rise))} nats/token above the model's own text"
    if row.get("invalid") is True:
        yield "no valid answer: the accepted answers cover less than .9, or none could be judged"
    if row.get("unknown") is True:
        yield "the text holds characters that the tokenizer does not know"
    if row.get("unchanged") is True:
        yield "the intervention left the text as it was"


def _rounded(value: Any) -> float | None:
    return None if missing(value) else round(float(value), 4)
