"""The record of an estimate: a number, its interval, and how many groups it rests on.

What is not defined says so, and why. How estimates are made is in `scratchpad.statistics`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

from scratchpad.errors import DataError
from scratchpad.notebook import text_html

LARGEST: Final = 1e300


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and the number of groups that it rests on.

    An undefined estimate has `None` for all three numbers and a reason; it never satisfies a
    requirement.
    """

    estimate: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""

    @classmethod
    def undefined(cls, n: int, reason: str) -> Estimate:
        """An estimate that does not exist, and why."""
        return cls(None, None, None, n, reason)

    @property
    def defined(self) -> bool:
        """Whether there is a number."""
        return self.estimate is not None

    def at_least(self, bound: float) -> bool:
        """Whether the whole interval reaches a bound; an undefined one does not."""
        return self.low is not None and self.low >= bound

    def to_json(self) -> dict[str, Any]:
        """The record that summaries hold."""
        numbers = {"estimate": self.estimate, "low": self.low, "high": self.high, "n": self.n}
        return numbers if self.defined else {**numbers, "reason": self.reason}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Estimate:
        """Read the record that summaries hold; fields beside those of an estimate are left out.

        Raises
        ------
        DataError
            If what should be a number is something else.
        """
        if not isinstance(record, Mapping):
            raise _malformed("An estimate", record)
        estimate, low, high = (_number(record, name) for name in ("estimate", "low", "high"))
        n = int(_number(record, "n") or 0)
        return cls(estimate, low, high, n, str(record.get("reason") or ""))

    def written(self, decimals: int = 2) -> str:
        """Write the number, its interval and n.

        >>> Estimate(0.424, 0.3, 1.0, 40).written(), str(Estimate.undefined(3, "TE < .1"))
        ('.42 [.30, 1.00], n = 40', 'undefined (TE < .1), n = 3')
        """
        return f"{self.with_interval(decimals)}, n = {self.n:,}"

    def with_interval(self, decimals: int = 2) -> str:
        """Write the number and its interval, for sentences that give n themselves.

        >>> Estimate(0.004, -0.002, 0.25, 40).with_interval()
        '.00 [.00, .25]'
        >>> Estimate.undefined(3, "TE < .1").with_interval()
        'undefined (TE < .1)'
        """
        if self.estimate is None:
            return f"undefined ({self.reason or 'no reason given'})"
        ends = [short(end, decimals) for end in (self.low, self.high) if end is not None]
        interval = f" [{', '.join(ends)}]" if ends else ""
        return f"{short(self.estimate, decimals)}{interval}"

    def alone(self) -> str:
        """Write the number without its interval.

        >>> Estimate(0.424, 0.3, 1.0, 40).alone(), Estimate.undefined(3, "TE < .1").alone()
        ('.42', 'undefined')
        """
        return "undefined" if self.estimate is None else short(self.estimate)

    def __str__(self) -> str:
        return self.written()

    def _repr_html_(self) -> str:
        return f"<span>{text_html(str(self))}</span>"


def is_number(value: Any) -> bool:
    """Whether it can be counted with: no truth, nothing infinite, no integer without a float."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    return real and bool(-LARGEST < value < LARGEST)


def _number(record: Mapping[str, Any], name: str) -> float | None:
    value = record.get(name)
    if value is not None and not is_number(value):
        raise _malformed(f"The {name!r} of an estimate", value)
    return value


def _malformed(what: str, value: Any) -> DataError:
    return DataError(f"{what} is {str(value)[:40]!r}", "it is no number", "Run what wrote it anew.")


def leaves(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """List all that stands in a summary by its dotted path; an estimate is one thing.

    >>> list(leaves({"a": {"b": 1, "c": {"estimate": 0.5}}}))
    [('a.b', 1), ('a.c', {'estimate': 0.5})]
    """
    for key, value in values.items():
        if isinstance(value, Mapping) and "estimate" not in value:
            yield from leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def short(value: float, decimals: int = 2) -> str:
    """Write a number without a zero before its point.

    >>> short(0.984), short(1.0), short(-0.05), short(-0.001), short(12.3456, 3)
    ('.98', '1.00', '-.05', '.00', '12.346')
    """
    text = f"{abs(value):.{decimals}f}"
    sign = "-" if value < 0 and text.strip("0.") else ""
    return sign + (text[1:] if text.startswith("0.") else text)


def rounded(value: float) -> str:
    """Write a bound, or what is held against one, in as many of three digits as it has.

    >>> rounded(0.95), rounded(0.0508), rounded(-0.25), rounded(1.0), rounded(10.5)
    ('.95', '.0508', '-.25', '1', '10.5')
    """
    text = f"{value:.3g}"
    sign = "-" if text.startswith("-") else ""
    digits = text.removeprefix("-")
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def signed(value: float, decimals: int = 2) -> str:
    """Write a difference as `short` does, with its sign whichever it is; zero has none.

    >>> signed(0.15), signed(-0.24), signed(0.001), signed(-0.001)
    ('+.15', '-.24', '.00', '.00')
    """
    text = short(value, decimals)
    return f"+{text}" if value > 0 and text.strip("0.") else text
