"""Chat conversations: lists of role and content, reasoning inside the last turn or beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from scratchpad.dialects import DIALECTS, Dialect
from scratchpad.importers.base import Importer
from scratchpad.importers.layout import Laid, apart, lay_out
from scratchpad.importers.reasons import (
    NO_USER,
    NOT_ANSWERED,
    NOT_MESSAGES,
    OTHER_ROLE,
    REASONS_TWICE,
    RowError,
)
from scratchpad.importers.values import Row, checked_text, value_in

ROLES = {"system": "System", "developer": "System", "user": "User", "assistant": "Assistant"}
REASONING_FIELDS = ("reasoning_content", "reasoning")


class _Turn(NamedTuple):
    role: str
    content: str
    reasoning: str | None


@dataclass(frozen=True)
class Messages(Importer):
    """Chat `messages`: the turns before the assistant's last one are the prompt.

    System texts and a single user's text are joined with a blank line between them, without role
    names. In a longer conversation every turn but the system's begins with its role (`User: `,
    `Assistant: `), again with blank lines between; earlier reasoning stays as it was written.

    Parameters
    ----------
    messages : str
        The column of turns. The last one holds its reasoning between the dialect's delimiters, or
        in a field `reasoning_content` or `reasoning`; one with reasoning and no content was cut
        off before it answered.
    """

    dialect: Dialect = DIALECTS["think"]
    messages: str = "messages"

    def lay_out(self, row: Row) -> Laid:
        """Join the earlier turns, and find the last one's reasoning."""
        turns = _turns(value_in(row, self.messages))
        if turns[-1].role != "Assistant":
            raise RowError(NOT_ANSWERED)
        prompt, last = joined(turns[:-1]), turns[-1]
        if last.reasoning is None:
            return lay_out(prompt, last.content, self.dialect, implicit=True)
        if self.dialect.close.strip() in last.content:
            raise RowError(REASONS_TWICE)
        laid = apart(prompt, last.reasoning, last.content, self.dialect)
        return laid._replace(unterminated=not last.content)


def joined(turns: Sequence[_Turn]) -> str:
    """Join the turns before the answer to the text of one prompt."""
    spoken = [turn for turn in turns if turn.role != "System"]
    if not any(turn.role == "User" for turn in spoken):
        raise RowError(NO_USER)
    if len(spoken) == 1:
        return "\n\n".join(turn.content for turn in turns)
    return "\n\n".join(
        turn.content if turn.role == "System" else f"{turn.role}: {turn.content}" for turn in turns
    )


def _turns(value: Any) -> list[_Turn]:
    if not isinstance(value, list) or not value:
        raise RowError(NOT_MESSAGES)
    return [_turn(item) for item in value]


def _turn(item: Any) -> _Turn:
    if not isinstance(item, dict) or not isinstance(item.get("role"), str):
        raise RowError(NOT_MESSAGES)
    if item["role"] not in ROLES:
        raise RowError(OTHER_ROLE, ascii(item["role"])[:40])
    reasoning = next((item[name] for name in REASONING_FIELDS if item.get(name)), None)
    if reasoning is not None:
        reasoning = checked_text(reasoning, "reasoning")
    content = item.get("content")
    if content is None and reasoning is not None:
        content = ""
    return _Turn(ROLES[item["role"]], _content(content), reasoning)


def _content(content: Any) -> str:
    """A turn's text, which may come as a list of parts of type `text`."""
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "".join(checked_text(part, "content") for part in parts)
    return checked_text(content, "content")
