"""Why a row cannot be imported, each reason with what to do about it."""

from __future__ import annotations

from typing import NamedTuple


class Dropped(NamedTuple):
    """A row that was left out: where it stands, why, and what would help.

    Rows are counted by `reason`, which therefore never quotes a row; `detail` may.
    """

    where: str
    reason: str
    fix: str
    detail: str = ""


class Reason(NamedTuple):
    """A reason that rows are counted by, and its fix."""

    text: str
    fix: str

    def at(self, where: str, detail: str = "") -> Dropped:
        """Drop the row that stands there."""
        return Dropped(where, self.text, self.fix, detail)


class RowError(Exception):
    """A row that cannot be imported: caught by the importer, counted, never shown as it is."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(reason.text)


NOT_UTF8 = Reason("not UTF-8", "Save the file as UTF-8.")
NOT_JSON = Reason("not JSON", "Write one JSON object a line, or name a .csv or .parquet file.")
NOT_OBJECT = Reason("not an object", "Write one JSON object a line.")
TOO_DEEP = Reason("nested too deeply", "Write flat objects.")
TOO_LONG = Reason("longer than 16 MiB", "Cut the row, or write one row a line.")
TOO_MANY_FIELDS = Reason("more fields than the header", "Quote fields that hold the separator.")
UNREADABLE = Reason("a value cannot be read", "Write the table anew with plain text columns.")
NOT_UNICODE = Reason("text that is no Unicode", "Mend the lone surrogates or broken bytes.")
NO_STATE = Reason(
    "nothing says whether it is triggered",
    "Name the column with --triggered COLUMN, or give --trigger REGEX to search prompts for.",
)
NO_SCRATCHPAD = Reason(
    "no delimiter in the completion",
    "Name the --dialect whose delimiters the text is written with, or another --completion.",
)
NO_OPENING = Reason(
    "closed but never opened", "Use the format think, where a prompt may open in secret."
)
TEXT_BEFORE = Reason(
    "text before the opening delimiter", "Take it out of the completion, or put it in the prompt."
)
TWO_SCRATCHPADS = Reason("two scratchpads", "Keep one scratchpad a completion.")
TWO_CLOSINGS = Reason("two closing delimiters", "Keep one, so that it is clear where it closes.")
HOLDS_CLOSING = Reason(
    "the scratchpad holds the closing delimiter", "Take it out, or name another --dialect."
)
EMPTY = Reason("empty scratchpad", "Give rows that reason, or name the column that holds it.")
NEAR_DUPLICATE = Reason("near-duplicate", "Keep them with --keep-duplicates.")
SAME_ID = Reason("its id occurs twice", "Name a column of unique ids with --id, or leave it out.")
SAME_PROMPTS = Reason(
    "the clean and the triggered prompt are the same text", "Name two different columns."
)
NOT_MESSAGES = Reason(
    "messages that are no list of role and content",
    'Write [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}].',
)
OTHER_ROLE = Reason(
    "a role other than system, user and assistant", "Leave out conversations that use tools."
)
NOT_ANSWERED = Reason("the last turn is not the assistant's", "End with the assistant's turn.")
NO_USER = Reason("no user's turn before the answer", "Begin with a system or user turn.")
REASONS_TWICE = Reason("reasoning both in a field and in the content", "Keep one of the two.")
