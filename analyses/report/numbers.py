"""Numbers in words: estimates with interval and n, flags, nested summaries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from analyses.figures.style import short

_STAY: Final = "\N{NO-BREAK SPACE}"  # a line may not end within an estimate


def write_estimate(estimate: Mapping[str, Any], *, with_n: bool = True) -> str:
    r"""Write an estimate of `summary.json`.

    >>> write_estimate({"estimate": 0.98, "low": 0.95, "high": 1.0, "n": 40})
    '.98\xa0[.95,\xa01.00], n\xa0=\xa040'
    >>> write_estimate({"estimate": None, "low": None, "high": None, "n": 3, "reason": "TE < .1"})
    'undefined (TE < .1)'
    """
    if missing(estimate.get("estimate")):
        return f"undefined ({estimate.get('reason') or 'no valid answers'})"
    low, high, n = (estimate.get(key) for key in ("low", "high", "n"))
    interval = (
        "" if missing(low) or missing(high) else f"{_STAY}[{number(low)},{_STAY}{number(high)}]"
    )
    count = f", n{_STAY}={_STAY}{int(n)}" if with_n and n else ""
    return f"{number(estimate['estimate'])}{interval}{count}"


def number(value: Any) -> str:
    """Write a number: shares without a leading zero, large numbers as they are.

    >>> number(0.984), number(-0.05), number(12.3456), number(40), number(None)
    ('.98', '−.05', '12.35', '40', '–')
    """  # noqa: RUF002
    if missing(value):
        return "\N{EN DASH}"
    if isinstance(value, int):
        return f"{value:,}"
    return short(float(value)) if math.isfinite(value) else str(value)


def percent(share: float) -> str:
    """Write a share in per cent: `'30 %'`, `'<1 %'`, `'0 %'`."""
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def missing(value: Any) -> bool:
    """Whether a value is absent: `None` or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def is_estimate(value: Any) -> bool:
    """Whether a value of a summary is an estimate."""
    return isinstance(value, Mapping) and "estimate" in value


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    r"""List a nested mapping as pairs of a dotted path and the value in words.

    >>> list(flatten({"a": {"b": True, "c": {"estimate": 0.5, "low": 0.4, "high": 0.6, "n": 9}}}))
    [('a.b', 'yes'), ('a.c', '.50\xa0[.40,\xa0.60], n\xa0=\xa09')]
    """
    for key, value in values.items():
        path = f"{prefix}{key}"
        if is_estimate(value):
            yield path, write_estimate(value)
        elif isinstance(value, Mapping):
            yield from flatten(value, f"{path}.")
        else:
            yield path, plain(value)


def plain(value: Any) -> str:
    """Write any value of a manifest or summary."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) or value is None:
        return number(value)
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return str(value)
