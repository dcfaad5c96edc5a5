"""A scratchpad of which some tokens are made unreadable, its length kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from scratchpad.errors import ConfigError, DataError
from scratchpad.interventions.base import Edit, NativeEdit, edited, generator, inapplicable
from scratchpad.interventions.fillers import FILLERS, UNWRITABLE, tokens_of, unit
from scratchpad.transcripts import Case, State, Step, Tokenizer

# A stand-in must be a single token, and many tokenizers write a filler as space and sign.
STAND_INS = tuple(text for filler in FILLERS.values() for text in (filler, filler.strip()))


@dataclass(frozen=True)
class Mask(NativeEdit):
    """Put a neutral token in place of half the scratchpad's tokens, or a share (`mask:SHARE`).

    Tests how much of the text the answer can do without, wherever it stands. A large effect at a
    small share means that single words carry the answer; none at a large share, where `empty` has
    one, that the text says the same many times over. The tokens are drawn at random; the
    stand-in is the first built-in filler that is a single token. `mask:1` is one filler
    throughout.
    """

    name: ClassVar[str] = "mask"
    share: float = 0.5

    def __post_init__(self) -> None:
        share: Any = self.share
        is_number = isinstance(share, int | float) and not isinstance(share, bool)
        if not is_number or not 0 < share <= 1:
            raise _no_share(share)

    @property
    def label(self) -> str:
        """Shares other than the usual one are apart."""
        return self.name if self.share == type(self).share else f"{self.name}:{self.share:g}"

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read a share."""
        try:
            return cls(share=float(argument))
        except ValueError as error:
            raise _no_share(argument) from error

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Mask one draw of tokens."""
        steps = case.scratchpads[state]
        stand_in = neutral_token(case.tokenizer)
        if stand_in is None:
            yield inapplicable(steps, "the tokenizer has no neutral token")
            return
        try:
            tokens = tokens_of(steps, case.tokenizer)
        except DataError:
            yield inapplicable(steps, UNWRITABLE)
            return
        count = round(self.share * len(tokens))
        masked = set(generator(seed, case, state).sample(range(len(tokens)), count))
        new = tuple(stand_in if n in masked else token for n, token in enumerate(tokens))
        kept = new == tokens
        yield edited(steps, steps if kept else (Step(case.tokenizer.decode(new), "other", new),))


def _no_share(given: object) -> ConfigError:
    return ConfigError(
        f"The intervention 'mask' was given the share {given!r}",
        fix="Write 'mask:SHARE' with a share above 0 and at most 1, as in 'mask:0.5'.",
    )


def neutral_token(tokenizer: Tokenizer) -> int | None:
    """Find a neutral text that is one token."""
    units = (unit(tokenizer, text) for text in STAND_INS)
    return next((tokens[0] for tokens in units if len(tokens) == 1), None)
