"""Edits by hand: the case each belongs to, and its score beside that of its original."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scratchpad.edit_file import EditFile, Entry
from scratchpad.errors import DataError
from scratchpad.transcripts import Case, Step, Variant, text_of

if TYPE_CHECKING:
    import pandas as pd

    from scratchpad.on_policy import Tagger
    from scratchpad.scoring.scorers import Scorers
    from scratchpad.subject import Subject

NATIVE, EDIT, OUTCOMES = "transplant", "edit", "outcomes"


class Edited(NamedTuple):
    """An entry of an edited file with the case it belongs to."""

    entry: Entry
    case: Case
    steps: tuple[Step, ...]

    @property
    def original(self) -> tuple[Step, ...]:
        """The scratchpad as it was."""
        return self.case.scratchpads[self.entry.state]

    @property
    def changed(self) -> bool:
        """Whether the text is another one."""
        return self.entry.text != text_of(self.original)

    def variants(self) -> tuple[Variant, Variant]:
        """The original and the edited scratchpad, under the prompt that both belong to."""
        state = self.entry.state
        return (
            Variant(NATIVE, {}, state, state, self.original),
            Variant(EDIT, {}, state, state, self.steps),
        )


def match(path: Path, file: EditFile, cases: Sequence[Case], kind: Tagger) -> list[Edited]:
    """Find the case of every entry; steps that were not edited keep their tokens.

    Raises
    ------
    DataError
        If there is no such case, or nothing was edited.
    """
    from scratchpad.interventions.layout import rewritten

    known = {(case.question.question_id, case.draw): case for case in cases}
    found = []
    for entry in file.entries:
        case = _case_of(path, entry, known)
        steps = rewritten(case.scratchpads[entry.state], entry.text, kind)
        found.append(Edited(entry, case, steps))
    if not any(edit.changed for edit in found):
        raise DataError(
            f"{path} holds no edits",
            "every scratchpad is as it was exported",
            "Change a text and save the file.",
        )
    return found


def _case_of(path: Path, entry: Entry, known: Mapping[tuple[str, int], Case]) -> Case:
    question = entry.question_id
    if (question, entry.draw) in known:
        return known[question, entry.draw]
    if any(question == name for name, _ in known):
        raise DataError(
            f"{path}: question {question!r} has no draw {entry.draw}",
            fix="Leave draw as exported.",
        )
    raise DataError(
        f"{path}: no question {question!r} in the transcripts", fix="Leave question_id as exported."
    )


def require_no_delimiters(path: Path, edits: Sequence[Edited], subject: Subject) -> None:
    """Raise `DataError` if an edited text would end or open its scratchpad at the wrong place."""
    for edit in edits:
        written = text_of(step for step in edit.steps if step.token_ids is None)
        try:
            subject.loaded.encoder.dialect.require_no_delimiter(written)
        except DataError as error:
            where = f"{path}, {edit.entry}: {error.symptom}"
            raise DataError(where, error.cause, error.fix) from error


@dataclass(frozen=True)
class ScoreEdits:
    """Scores the edits of the question of a number.

    Parameters
    ----------
    subject : Subject
    scorers : Scorers
    units : tuple of sequence of Edited
        The edits, question by question.
    seed : int
        Seeds every sampled answer.
    """

    subject: Subject
    scorers: Scorers
    units: tuple[Sequence[Edited], ...]
    seed: int

    def __call__(self) -> Callable[[int], dict[str, pd.DataFrame]]:
        """Give what scores those of a number."""
        return lambda number: {
            OUTCOMES: score(
                self.subject,
                self.scorers,
                self.units[number],
                self.seed * 1_000_003 + number * 101,
            )
        }


def score(subject: Subject, scorers: Scorers, edits: Sequence[Edited], seed: int) -> pd.DataFrame:
    """Score the edits of one question, originals beside them, by every scorer."""
    import pandas as pd

    from scratchpad.scoring.outcomes import likelihood_rows, sampled_rows

    rows = []
    for edit in edits:
        variants, case = edit.variants(), edit.case
        rows += likelihood_rows(subject.loaded, case, variants, scorers)
        if scorers.samples and scorers.classifier is not None:
            own = seed + 2 * case.draw + edit.entry.state
            rows += sampled_rows(subject.loaded, case, variants, scorers, own)
    return pd.DataFrame(rows)


def edit_table(edits: Sequence[Edited]) -> pd.DataFrame:
    """Every entry with its text before and after."""
    import pandas as pd

    rows = [
        {
            "question_id": edit.entry.question_id,
            "draw": edit.entry.draw,
            "prompt_state": edit.entry.state,
            "original": text_of(edit.original),
            "edited": edit.entry.text,
            "unchanged": not edit.changed,
        }
        for edit in edits
    ]
    return pd.DataFrame(rows)
