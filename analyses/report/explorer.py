"""The transcript explorer: what the page's script reads, as one block of JSON.

The block is data to the browser until our script has parsed it, and text when it is shown. No model
text can end it: `<`, `>` and `&` are written as escapes of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from pandas import DataFrame

from analyses.figures.tables import records
from analyses.report.explorer_variants import Place, Variants, shown_steps
from analyses.report.numbers import missing
from analyses.report.sections import RunSection
from analyses.report.trajectory_tables import READERS
from scratchpad.hostile import visible
from scratchpad.steps import make_steps

MOST_TRANSCRIPTS: Final = 2000
MOST_CHARACTERS: Final = 24_000_000  # of the block: a page has to open
STRIPS: Final = ("probe", "twin_probe", "text")
_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_NO_OUTCOMES: Final = DataFrame({"scorer": []})
Strips = dict[str, dict[str, list[tuple[int, float, bool]]]]


@dataclass(frozen=True)
class Explorer:
    """What the page needs to show transcripts.

    Parameters
    ----------
    data : Markup
        JSON, safe inside a script element.
    notes : tuple of str
        What is not shown, run by run.
    """

    data: Markup
    notes: tuple[str, ...]


def explorer_of(sections: Sequence[tuple[str, RunSection]]) -> Explorer | None:
    """Gather the transcripts of all runs that have any, by the name of the run.

    Runs share what may be shown equally; within a run the first transcripts are shown.
    """
    having = [(name, one) for name, one in sections if "transcripts" in one.tables]
    if not having:
        return None
    strips = _by_text([one for _, one in having])
    counts, transcripts, notes = MOST_TRANSCRIPTS // len(having), [], []
    room = MOST_CHARACTERS // len(having)
    for number, (name, section) in enumerate(having):
        table = section.tables["transcripts"]
        shown = _fitting(_transcripts(section, counts, strips), room)
        transcripts += [{"r": number, **one} for one in shown]
        if len(shown) < len(table):
            notes.append(f"{name}: {len(shown):,} of {len(table):,} transcripts are shown.")
    readers = {name: READERS[name] for name in STRIPS}
    runs = [visible(name) for name, _ in having]
    return Explorer(
        embedded({"runs": runs, "readers": readers, "transcripts": transcripts}), tuple(notes)
    )


def embedded(data: Any) -> Markup:
    r"""Write JSON that cannot end the script element that it stands in.

    >>> print(embedded(["</script><!--"]))
    ["\u003c/script\u003e\u003c!--"]
    """
    written = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        written = written.replace(character, escape)
    return Markup(written)  # ASCII without a character of markup


def _fitting(transcripts: Iterator[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """Take transcripts while there is room."""
    taken: list[dict[str, Any]] = []
    for one in transcripts:
        room -= len(json.dumps(one))
        if room < 0 and taken:
            break
        taken.append(one)
    return taken


def _transcripts(section: RunSection, most: int, strips: Strips) -> Iterator[dict[str, Any]]:
    table, tables = section.tables["transcripts"], section.tables
    draws = table.groupby(["question_id", "triggered"], sort=False).cumcount()
    scored = "outcomes" in tables
    variants = Variants(tables.get("outcomes", _NO_OUTCOMES), tables.get("variants"))
    # Outcomes know a transcript by question and draw; elsewhere domains may share a question.
    for row in records(table.assign(draw=draws if scored else 0).head(most)):
        name = row["question_id"] if scored else row["id"]
        shown = _transcript(row, variants, strips.get(_text_key(row), {}))
        yield {"q": visible(str(name)), **shown}


def _transcript(
    row: Mapping[str, Any], variants: Variants, strips: Mapping[str, list[tuple[int, float, bool]]]
) -> dict[str, Any]:
    place: Place = str(row["question_id"]), int(row["draw"]), int(row["triggered"])
    scored = variants.original(place)
    written = "" if missing(row["scratchpad"]) else str(row["scratchpad"])
    split = [step.text for step in make_steps(written)] if scored is None else scored
    original = shown_steps(split)
    return {
        "t": place[2],
        "d": place[1],
        "o": _outcome(row),
        "p": visible(str(row["prompt"])),
        "s": original,
        "a": visible(str(row["answer"])),
        "f": variants.native(place),
        "c": variants.curve(place) or _forced(strips),
        "h": {name: strips[name] for name in STRIPS if name in strips},
        "v": list(variants.shown(place, original)),
        "n": variants.not_made(place),
    }


def _outcome(row: Mapping[str, Any]) -> str:
    if row.get("unterminated") is True:
        return "unterminated"
    if missing(row.get("defected")):
        return "invalid"
    return "defected" if row["defected"] else "benign"


def _text_key(row: Mapping[str, Any]) -> str:
    return json.dumps([row["prompt"], row["scratchpad"], row["answer"]])


def _by_text(sections: Sequence[RunSection]) -> Strips:
    """What readers made of every step, by the transcript's text: runs may share transcripts."""
    found: Strips = {}
    for section in sections:
        if (readings := section.tables.get("readings")) is None:
            continue
        keys = {row["id"]: _text_key(row) for row in records(section.tables["transcripts"])}
        for (name, reader), rows in readings.groupby(["id", "reader"], sort=False):
            if name in keys:
                found.setdefault(keys[name], {})[str(reader)] = _strip(str(reader), rows)
    return found


def _strip(reader: str, rows: DataFrame) -> list[tuple[int, float, bool]]:
    value = "p_defect" if reader == "forced_answer" else "above_benign"
    columns = (rows[name].tolist() for name in ("step", value, "passed"))
    return [
        (int(step), round(float(score), 4), bool(passed))
        for step, score, passed in zip(*columns, strict=True)
    ]


def _forced(strips: Mapping[str, list[tuple[int, float, bool]]]) -> list[float | None]:
    return [value for _, value, _ in strips.get("forced_answer", ())]
