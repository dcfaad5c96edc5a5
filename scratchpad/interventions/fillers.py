"""A scratchpad as long as the native one that says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, groupby, islice
from typing import ClassVar, Self

from scratchpad.errors import DataError, unknown_name
from scratchpad.interventions.base import STATES, Edit, Intervention, edited, inapplicable
from scratchpad.transcripts import Case, State, Step, Tokenizer, Variant, text_of

FILLERS = {
    "dots": " .",
    "dashes": " -",
    "words": " and",
    "commas": " ,",
    "articles": " the",
    "letters": " a",
}
TAKEN_BY_DEFAULT = 3
UNWRITABLE = "the tokenizer cannot write the scratchpad"


@dataclass(frozen=True)
class Filler(Intervention):
    """Fill the scratchpad with one short string repeated, to exactly as many *tokens*.

    Tests whether the answer needs the text or only room to compute in: compare with `empty`. A
    large effect means that the words matter; none, where `empty` has one, that any tokens will
    do. Without an argument the first three built-in strings are used, one variant each
    (`filler:dots` for one of them); a string that the tokenizer cannot write gives way to the
    next built-in one, and `arguments` names the one that was used. Length is matched in tokens
    as Lanham et al. 2023 have it; later implementations match characters.
    """

    name: ClassVar[str] = "filler"
    filler: str | None = None

    def __post_init__(self) -> None:
        if self.filler is not None and self.filler not in FILLERS:
            raise unknown_name("filler", str(self.filler), FILLERS)

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read the name of a built-in filler."""
        return cls(filler=argument)

    def __call__(self, case: Case, seed: int) -> tuple[Variant, ...]:
        """Fill both scratchpads, with the string asked for or with the default ones."""
        names = self._writable(case.tokenizer)
        if not names:
            reason = "the tokenizer can write no filler"
            return tuple(
                self.variant(inapplicable(case.scratchpads[state], reason), state, state)
                for state in STATES
            )
        return tuple(
            Filler(name).variant(_fill(case, state, FILLERS[name]), state, state)
            for name in names
            for state in STATES
        )

    def _writable(self, tokenizer: Tokenizer) -> list[str]:
        """Name the fillers to use, each of which the tokenizer can write."""
        first = list(FILLERS).index(self.filler) if self.filler else 0
        in_turn = islice(cycle(FILLERS), first, first + len(FILLERS))
        writable = (name for name in in_turn if unit(tokenizer, FILLERS[name]))
        return list(islice(writable, 1 if self.filler else TAKEN_BY_DEFAULT))


def _fill(case: Case, state: State, text: str) -> Edit:
    steps = case.scratchpads[state]
    try:
        length = len(tokens_of(steps, case.tokenizer))
    except DataError:
        return inapplicable(steps, UNWRITABLE)
    token_ids = tuple(islice(cycle(unit(case.tokenizer, text)), length))
    filling = Step(case.tokenizer.decode(token_ids), "other", token_ids)
    return edited(steps, (filling,) if token_ids else ())


def unit(tokenizer: Tokenizer, text: str) -> tuple[int, ...]:
    """Encode a filler; no tokens if the tokenizer cannot write it."""
    try:
        return tokenizer.encode(text)
    except DataError:
        return ()


def tokens_of(steps: tuple[Step, ...], tokenizer: Tokenizer) -> tuple[int, ...]:
    """List a scratchpad's tokens: sampled ones as they are, neighbouring texts encoded together.

    Raises
    ------
    DataError
        If the tokenizer cannot write a text.
    """
    tokens: list[int] = []
    for sampled, run in groupby(steps, key=lambda step: step.token_ids is not None):
        together = tuple(run)
        if sampled:
            tokens += (token for step in together for token in step.token_ids or ())
        else:
            tokens += tokenizer.encode(text_of(together))
    return tuple(tokens)
