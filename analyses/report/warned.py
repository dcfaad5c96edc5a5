"""The warnings of a run: those that its command wrote, and what else must stand beside a result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from analyses.report.numbers import is_estimate, missing
from analyses.report.sections import RunSection

FEWEST_GROUPS: Final = 20  # fewer make intervals that are wide, and may still be too narrow


def warnings_of(section: RunSection) -> Iterator[str]:
    """Give all warnings of a run, its command's own first."""
    yield from map(str, section.summary.get("warnings", ()))
    match section.kind:
        case "probe":
            yield from _few_groups(section.summary.get("auroc"))
        case "persist":
            yield from _undecided(section.summary["contrasts"])
        case "organism":
            yield from _not_met(section.run.get("measured") or {})


def _few_groups(auroc: Any) -> Iterator[str]:
    if is_estimate(auroc) and not missing(auroc["estimate"]) and auroc["n"] < FEWEST_GROUPS:
        yield (f"only {auroc['n']} groups of questions: intervals are wide and may be too narrow")


def _undecided(contrasts: Any) -> Iterator[str]:
    if left := [one for one in contrasts if missing(one["estimate"])]:
        yield (
            f"{len(left)} of {len(contrasts)} contrasts that were fixed in advance are undecided: "
            f"{left[0]['reason'].partition(':')[0]}"
        )


def _not_met(measured: Any) -> Iterator[str]:
    if not measured.get("met"):
        yield "this organism was not shown to do what it was trained to do"
