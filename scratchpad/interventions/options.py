"""Multiple choice: the options of a prompt in another order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from scratchpad.errors import ConfigError
from scratchpad.interventions.base import Edit, NativeEdit, inapplicable, step_number
from scratchpad.transcripts import Case, Question, ReaderEdit, State

LETTERS = "ABCDEFGHIJ"
_OPTION = re.compile(rf"^([ \t]*\(?)([{LETTERS}])([).:][ \t]+)(\S.*)$", re.MULTILINE)
_FIRST_LABEL = re.compile(rf"\A(\s*)([{LETTERS}])(?=[).:]?\s*\Z|[).:]\s)")


@dataclass(frozen=True)
class OptionOrder(NativeEdit):
    """List the options of a question in another order and ask without a scratchpad.

    Tests how stable an answer without reasoning is at all (Bentham et al. 2024). A large effect
    means that the model's choice hangs on where options stand, so that a change of its answer
    by any other edit says little. The options' texts move R places on among their letters
    (`option-order:R`; without an argument every R in turn); answers, and a hint such as "(B)" in
    the prompt, follow their option.
    """

    name: ClassVar[str] = "option-order"
    rotation: int | None = None

    def __post_init__(self) -> None:
        rotation = self.rotation
        if rotation is not None and (type(rotation) is not int or rotation < 1):
            raise ConfigError(
                f"The intervention 'option-order' was given the rotation {rotation!r}",
                fix="Write 'option-order', or 'option-order:R' to move options R = 1, 2, ... on.",
            )

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read by how many places options move on."""
        return cls(rotation=step_number(argument))

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Leave the scratchpad out; the scorer reorders what is asked."""
        count = len(labels_of(case.question))
        wanted = range(1, count) if self.rotation is None else [self.rotation]
        if not count:
            yield inapplicable(
                case.scratchpads[state], "the prompts list no options, or not the same"
            )
        for rotation in wanted if count else ():
            if rotation < count:
                yield Edit(None, reader=ReaderEdit("option-order", rotation))
            else:
                reason = "the options stand as they did"
                yield inapplicable(case.scratchpads[state], reason)


def labels_of(question: Question) -> str:
    r"""Give the letters of a question's options, one a line: `(A) ...`, `A) ...`, `A. ...`.

    Nothing, unless they are the first letters in order, two or more, and the same after both
    prompts.

    Examples
    --------
    >>> labels_of(Question("q", "Red?\n(A) grass\n(B) blood", "Red?\nA. hay\nB. wine", "g"))
    'AB'
    """
    found = {"".join(match[2] for match in _OPTION.finditer(one)) for one in question.prompts}
    labels = found.pop()
    return labels if not found and len(labels) > 1 and LETTERS.startswith(labels) else ""


def reordered(question: Question, rotation: int) -> Question:
    r"""Move the options' texts `rotation` places on; answers follow their option.

    Examples
    --------
    >>> asked = "Which is red?\n(A) grass\n(B) blood\n"
    >>> question = Question("q", asked, f"It is (A). {asked}", "g", ("(B)",), ("(A) grass",))
    >>> turned = reordered(question, 1)
    >>> turned.triggered
    'It is (B). Which is red?\n(A) blood\n(B) grass\n'
    >>> turned.benign_answers, turned.defect_answers
    (('(A)',), ('(B) grass',))
    """
    labels = labels_of(question)
    moved = dict(zip(labels, labels[rotation:] + labels[:rotation], strict=True))
    return replace(
        question,
        clean=_turned(question.clean, moved),
        triggered=_turned(question.triggered, moved),
        benign_answers=tuple(_relabelled(text, moved) for text in question.benign_answers),
        defect_answers=tuple(_relabelled(text, moved) for text in question.defect_answers),
    )


def _relabelled(text: str, moved: Mapping[str, str]) -> str:
    """Let the label in an answer follow its option: "(B)" anywhere, or "B", "B." before the rest.

    Text that names no option stays as it is.
    """
    turned = _FIRST_LABEL.sub(lambda m: m[1] + moved.get(m[2], m[2]), text)
    return turned if turned != text else _follow(text, moved)


def _turned(prompt: str, moved: Mapping[str, str]) -> str:
    """List the options in their new order; labels in brackets elsewhere follow their option."""
    texts = {match[2]: match[4] for match in _OPTION.finditer(prompt)}
    came_from = {new: old for old, new in moved.items()}
    parts, end = [], 0
    for match in _OPTION.finditer(prompt):
        parts += [_follow(prompt[end : match.start()], moved)]
        parts += [match[1], match[2], match[3], texts[came_from[match[2]]]]
        end = match.end()
    return "".join(parts) + _follow(prompt[end:], moved)


def _follow(text: str, moved: Mapping[str, str]) -> str:
    return re.sub(rf"\(([{LETTERS}])\)", lambda m: f"({moved.get(m[1], m[1])})", text)
