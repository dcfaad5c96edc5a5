"""Take values out of a row, refusing what is not there or of another kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scratchpad.importers.reasons import NOT_UNICODE, Reason, RowError

Row = Mapping[str, Any]

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NAMED = 8


def text_in(row: Row, column: str) -> str:
    """The text in a column.

    Raises
    ------
    RowError
        If there is none, it is not text, or no file could hold it.
    """
    return checked_text(value_in(row, column), column)


def checked_text(value: Any, column: str) -> str:
    """Pass on text that a file can hold; a lone surrogate, as JSON may write it, is refused."""
    if not isinstance(value, str):
        raise RowError(Reason(f"{column!r} is not text", f"Write text in {column!r}."))
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RowError(NOT_UNICODE, column) from error
    return value


def truth_in(row: Row, column: str) -> bool:
    """The truth in a column: true or false, 1 or 0, yes or no, as text or not."""
    value = value_in(row, column)
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in _TRUTH:
        return _TRUTH[value.strip().lower()]
    raise RowError(Reason(f"{column!r} is neither true nor false", "Write true or false."))


def label_in(row: Row, column: str) -> str:
    """The name in a column: text that is not blank, or a whole number."""
    value = value_in(row, column)
    if isinstance(value, int) and not isinstance(value, bool):
        # Longer numbers have no decimal text in Python, and name nothing.
        value = str(value) if abs(value) < 10**18 else None
    text = checked_text(value, column)
    if not text.strip():
        raise RowError(_missing(row, column))
    return text


def value_in(row: Row, column: str) -> Any:
    """Whatever is in a column; raises `RowError` if there is nothing."""
    value = row.get(column)
    if value is None:
        raise RowError(_missing(row, column))
    return value


def _missing(row: Row, column: str) -> Reason:
    known = ", ".join(ascii(name)[:40] for name in list(row)[:_NAMED])
    return Reason(
        f"no {column!r}", f"Name the column by its flag; the row has {known or 'no columns'}."
    )
