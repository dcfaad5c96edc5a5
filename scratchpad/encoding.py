"""From prompt, steps and answer to token ids, with the span of every part.

Sampled tokens stay as they were sampled. Everything else is text, and neighbouring text is
encoded jointly, as training did: an untouched text transcript therefore has exactly the tokens of
its joint text, and an edit re-encodes the edited span alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from scratchpad.dialects import Dialect
from scratchpad.errors import DataError, ModelError
from scratchpad.steps import split
from scratchpad.transcripts import Step, StepKind


class Encoded(NamedTuple):
    """Token ids of one joined text and where its parts lie.

    The slices index `ids` and partition it: prompt (with the opening delimiter), each step, the
    closing delimiter, the answer. Without a scratchpad `steps` is empty and `close` has length 0.
    `retokenised` says that some scratchpad token was made by encoding text rather than sampled;
    `unknown` that some token is the tokenizer's unknown token.
    """

    ids: tuple[int, ...]
    prompt: slice
    steps: tuple[slice, ...]
    close: slice
    answer: slice
    retokenised: bool
    unknown: bool


class _Piece(NamedTuple):
    text: str
    token_ids: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Encoder:
    """Encodes text and steps for one tokenizer and dialect; also an intervention's `Tokenizer`."""

    tokenizer: Any
    dialect: Dialect

    def __post_init__(self) -> None:
        if not self.tokenizer.is_fast:
            raise ModelError(
                f"The tokenizer {type(self.tokenizer).__name__} gives no character offsets",
                fix="Save it as a fast tokenizer (tokenizer.json).",
            )
        for tag in (self.dialect.open, self.dialect.close):
            self._require_writable(tag)

    def sequence(self, prompt: str, steps: Sequence[Step] | None, answer: str = "") -> Encoded:
        """Encode a prompt, a scratchpad (`None`: no delimiters) and an answer as one text."""
        if steps is None:
            pieces = [_Piece(prompt), _Piece(""), _Piece(answer)]
        else:
            written = (step.text for step in steps if step.token_ids is None)
            self.dialect.require_no_delimiter("".join(written))
            pieces = [
                _Piece(prompt + self.dialect.open),
                *(_Piece(step.text, step.token_ids) for step in steps),
                _Piece(self.dialect.close),
                _Piece(answer),
            ]
        spans = self._encode(pieces)
        ids = tuple(token for span in spans for token in span)
        bounds = [0]
        for span in spans:
            bounds.append(bounds[-1] + len(span))
        slices = [slice(a, b) for a, b in pairwise(bounds)]
        return Encoded(
            ids=ids,
            prompt=slices[0],
            steps=tuple(slices[1:-2]),
            close=slices[-2],
            answer=slices[-1],
            retokenised=any(step.token_ids is None for step in steps or ()),
            unknown=self._has_unknown(ids),
        )

    def opening(self, prompt: str, *, reasons: bool = True) -> tuple[int, ...]:
        """The tokens after which a model writes its scratchpad, or its answer if it has none.

        White space at a prompt's end joins the answer's first word in many tokenizers, so that the
        model is left to write it.
        """
        encoded = self.sequence(prompt, ()) if reasons else self.sequence(prompt.rstrip(), None)
        return encoded.ids[encoded.prompt]

    def _has_unknown(self, ids: Sequence[int]) -> bool:
        """Whether text became unknown tokens; a beginning of text may share their id."""
        begun = bool(ids) and ids[0] == self.tokenizer.bos_token_id
        unknown = self.tokenizer.unk_token_id
        return unknown is not None and unknown in ids[begun:]

    def answer_tokens(self, prompt: str, steps: Sequence[Step] | None, answer: str) -> Encoded:
        """Encode like `sequence`, refusing an answer that the tokenizer cannot write."""
        encoded = self.sequence(prompt, steps, answer)
        if self.tokenizer.unk_token_id in encoded.ids[encoded.answer] or not self._decodes(
            encoded.ids[encoded.answer], answer
        ):
            raise _unwritable(answer)
        return encoded

    def sampled_steps(
        self, token_ids: Sequence[int], kind: Callable[[str], StepKind]
    ) -> tuple[Step, ...]:
        """Split sampled scratchpad tokens into steps, each boundary at a token boundary."""
        ends = self.character_ends(token_ids)
        pieces = split(self.decode(token_ids))
        steps, first, limit = [], 0, 0
        for number, piece in enumerate(pieces, start=1):
            limit += len(piece)
            last = first
            while last < len(ends) and (ends[last] <= limit or number == len(pieces)):
                last += 1
            chunk = tuple(token_ids[first:last])
            if chunk:
                text = self.decode(chunk)
                steps.append(Step(text, kind(text), chunk))
            first = last
        return tuple(steps)

    def encode(self, text: str) -> tuple[int, ...]:
        """Encode text on its own; raises `DataError` on text the tokenizer cannot write."""
        ids = self._ids(text)
        if self.tokenizer.unk_token_id in ids or not self._decodes(ids, text):
            raise _unwritable(text)
        return ids

    def decode(self, token_ids: Sequence[int]) -> str:
        """Turn tokens back into text, special tokens and white space kept."""
        return str(
            self.tokenizer.decode(
                list(token_ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )

    def _encode(self, pieces: Sequence[_Piece]) -> list[tuple[int, ...]]:
        spans: list[tuple[int, ...]] = []
        before = ""
        for is_text, group in groupby(pieces, key=lambda piece: piece.token_ids is None):
            run = list(group)
            if is_text:
                spans += self._encode_texts(before, [piece.text for piece in run])
            else:
                spans += [piece.token_ids or () for piece in run]
            before += "".join(piece.text for piece in run)
        return spans

    def _encode_texts(self, before: str, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Encode neighbouring texts in the context of what stands before them."""
        joined = "".join(texts)
        # A chat template has written the special tokens already; raw text gets them here.
        special = self.dialect.template == "raw"
        encoding = self.tokenizer(
            before + joined, add_special_tokens=special, return_offsets_mapping=True
        )
        ids, offsets = encoding["input_ids"], encoding["offset_mapping"]
        while offsets and offsets[-1] == (0, 0) and ids[-1] in self.tokenizer.all_special_ids:
            ids, offsets = ids[:-1], offsets[:-1]
        text, context = before + joined, len(before)
        if before and any(start < context < end for start, end in offsets):
            text, context = joined, 0
            ids, offsets = self._ids(joined), self._offsets(joined)
        starts = [_first_character(text, start, end) for start, end in offsets]
        bounds = [context]
        for part in texts:
            bounds.append(bounds[-1] + len(part))
        first = [bisect_left(starts, context)] if before else [0]
        first += [bisect_left(starts, bound) for bound in bounds[1:-1]]
        return [tuple(ids[a:b]) for a, b in zip(first, [*first[1:], len(ids)], strict=True)]

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        encoding = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [tuple(offset) for offset in encoding["offset_mapping"]]

    def character_ends(self, token_ids: Sequence[int]) -> list[int]:
        """Where each token ends in the decoded text, in characters: shape `(len(token_ids),)`."""
        text = self.decode(token_ids)
        if self._ids(text) == tuple(token_ids):
            return [end for _, end in self._offsets(text)]
        return [len(self.decode(token_ids[: k + 1])) for k in range(len(token_ids))]

    def _decodes(self, token_ids: Sequence[int], text: str) -> bool:
        return "".join(self.decode(token_ids).split()) == "".join(text.split())

    def _require_writable(self, tag: str) -> None:
        try:
            self.encode(tag)
        except DataError as error:
            raise ModelError(
                f"The tokenizer cannot write the delimiter {tag!r}",
                f"dialect {self.dialect.name!r} needs it",
                "Choose the --dialect the model was trained with (a TOML file for other tags).",
            ) from error


def _unwritable(text: str) -> DataError:
    return DataError(
        f"The tokenizer cannot write {text[:40]!r}",
        "it has unknown tokens or does not come back as the same text",
        "Give text made of characters this model was trained on.",
    )


def _first_character(text: str, start: int, end: int) -> int:
    """Where a token belongs: at its first character that is not white space, if it has one."""
    if start < end and not text[start].isspace():
        return start
    token = text[start:end]
    return start + len(token) - len(token.lstrip()) if token.strip() else start
