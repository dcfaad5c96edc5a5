"""A gate for continuous integration: requirements on the numbers of a summary.

`KEY OP NUMBER` with a dotted path into summary.json. The near end of the interval decides: the
low end for >= and >, the high end for <= and <; what is undefined never satisfies. `KEY==TEXT`
compares text, such as a verdict.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scratchpad.errors import ConfigError, unknown_name
from scratchpad.estimates import Estimate, leaves, short

OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_WRITTEN: Final = re.compile(rf"(.*[^<>=\s])\s*({'|'.join(OPERATORS)})\s*([^<>=]+)")


@dataclass(frozen=True)
class Requirement:
    """What a number or a text of a summary has to be.

    Parameters
    ----------
    key : str
        Dotted path into the summary.
    operator : {">=", "<=", ">", "<", "=="}
    bound : float or str
        Text where the operator is "==".
    """

    key: str
    operator: str
    bound: float | str

    def __str__(self) -> str:
        bound = self.bound if isinstance(self.bound, str) else f"{self.bound:g}"
        return f"{self.key}{self.operator}{bound}"

    def judged(self, summary: Mapping[str, Any]) -> tuple[bool, str]:
        """Say whether a summary meets it, and in a line why.

        Raises
        ------
        ConfigError
            If the summary has no such key, or something else than a number or text there.
        """
        value = self._value(summary)
        if isinstance(self.bound, str):
            met, found = value == self.bound, repr(value)
        else:
            met, found = self._compared(value)
        return met, f"{self} is {'met' if met else 'not met'}: {found}"

    def _value(self, summary: Mapping[str, Any]) -> Any:
        values = {k: v for k, v in leaves(summary) if not isinstance(v, bool | list | tuple)}
        comparable = {k: v for k, v in values.items() if isinstance(v, str) == self._of_text}
        if self.key in comparable:
            return comparable[self.key]
        if self.key in values:
            kind = "text: compare it with ==" if self.operator != "==" else "a number, not text"
            raise ConfigError(f"{self.key} in {str(self)!r} is {kind}", fix="Mend --require.")
        below = [key for key in comparable if key.startswith(f"{self.key}.")]
        near = below[:3] or difflib.get_close_matches(self.key, comparable, n=3, cutoff=0.5)
        hint = f"Nearest: {', '.join(near)}. " if near else ""
        raise ConfigError(
            f"The summary has no {'text' if self._of_text else 'number'} {self.key!r}",
            fix=f"{hint}The run is finished: it is not done again for another --require.",
        )

    @property
    def _of_text(self) -> bool:
        return isinstance(self.bound, str)

    def _compared(self, value: Any) -> tuple[bool, str]:
        one = Estimate.from_json(value) if isinstance(value, Mapping) else None
        plain = None if isinstance(value, Mapping) else value
        end = plain if one is None else one.low if ">" in self.operator else one.high
        bound = float(self.bound)
        met = end is not None and OPERATORS[self.operator](end, bound)
        if one is None:
            return met, "undefined" if plain is None else f"{plain:g}"
        return met, one.written(_decimals(end, bound))


def parse_requirements(texts: Sequence[str], keys: Collection[str]) -> list[Requirement]:
    """Read requirements; the first part of each key has to be one of the summary's keys.

    Raises
    ------
    ConfigError
        If one is not of the form KEY OP NUMBER, or such a summary never has its key.
    """
    found = [_parsed(text) for text in texts]
    for one in found:
        if (first := one.key.partition(".")[0]) not in keys:
            raise unknown_name("key of the summary", first, keys)
    return found


def _parsed(text: str) -> Requirement:
    matched = _WRITTEN.fullmatch(text.strip())
    if matched is None:
        raise _unreadable(text)
    key, sign, bound = (part.strip() for part in matched.groups())
    if sign == "==":
        return Requirement(key, sign, bound)
    try:
        number = float(bound)
    except ValueError:
        raise _unreadable(text) from None
    if not math.isfinite(number):
        raise _unreadable(text)
    return Requirement(key, sign, number)


def _unreadable(text: str) -> ConfigError:
    return ConfigError(
        f"--require {text!r} is no requirement",
        "it is not of the form KEY OP NUMBER",
        "Write one like 'total_effect>=0.5' (>=, >, <=, <) or 'verdict==mediated'.",
    )


def _decimals(end: float | None, bound: float) -> int:
    """Digits enough to tell the deciding end from the bound."""
    if end is None or end == bound:
        return 2
    return next((d for d in range(2, 12) if short(end, d) != short(bound, d)), 12)
