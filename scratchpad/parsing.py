"""Reading files that anyone may have written: whatever is wrong with one is a clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, TypeVar

from scratchpad.errors import ConfigError, DataError

Kind = TypeVar("Kind", dict[str, Any], list[Any])

UNREADABLE: Final = (OSError, ValueError, RecursionError)
"""What reading text, JSON or TOML may raise: no file, a name no file can have, bytes that are
not UTF-8, a number of thousands of digits, brackets in brackets beyond any depth."""

_JUDGES: Final = ("regex", "bandit")
"""Classifiers that judge an answer without code of someone else's."""


def parsed_json(text: str) -> Any:
    """Read JSON, all of whose texts a file can hold.

    Raises
    ------
    ValueError
        If it is not JSON, or writes half of a pair of surrogates, which is no character.
    RecursionError
        If it is nested too deeply.
    """
    value = json.loads(text)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def read_json(path: Path, default: Kind) -> Kind:
    """Read a file that a command wrote; the default is what stands for one that is not there.

    Raises
    ------
    DataError
        If it cannot be read, or holds another kind of thing than the default is.
    """
    if not path.is_file():
        return default
    try:
        content = parsed_json(path.read_text(encoding="utf-8"))
    except UNREADABLE as error:
        raise DataError(f"Cannot read {path}", str(error), "Run the command anew.") from error
    if not isinstance(content, type(default)):
        raise DataError(
            f"Cannot read {path}",
            f"it holds a {type(content).__name__} where a {type(default).__name__} belongs",
            "Run the command anew.",
        )
    return content


def require_no_code(flag: str, value: Any, source: object, fix: str = "") -> None:
    """Refuse what names code to run, as a file must not: it may come from anyone.

    Parameters
    ----------
    flag : str
        What it is the value of, as a flag is called.
    value
        As the file has it.
    source
        The file.
    fix : str
        What to do, if not to take the line out of the file and to give the flag beside it.

    Raises
    ------
    ConfigError
        If it names a `module:function`.
    """
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and _names_code(flag, text):
            raise ConfigError(
                f"{source} names code to run, {flag} {text[:80]!r}",
                "code runs only if it is named on the command line",
                fix or f"Read that code, take the line out, and give --{flag} yourself.",
            )


def _names_code(flag: str, text: str) -> bool:
    if flag == "classifier":
        return text.partition(":")[0] not in _JUDGES
    parts = (part.strip() for part in text.replace(",", ":").split(":"))
    return flag == "with" and "function" in parts
