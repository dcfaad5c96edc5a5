"""One part of a report per run: what it says first, and what that rests on."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from analyses.report.ablation_tables import ablation_tables
from analyses.report.calibration_tables import calibration_tables
from analyses.report.comparison import ShownTranscript, shown_transcripts
from analyses.report.numbers import flatten, plain
from analyses.report.persistence_tables import (
    distillation_tables,
    hardening_tables,
    persistence_tables,
)
from analyses.report.probe_tables import organism_tables, probe_tables
from analyses.report.sections import Kind, Picture, RunSection
from analyses.report.tables import Table
from analyses.report.trajectory_tables import trajectory_tables
from analyses.report.warned import warnings_of

TITLES: Final[dict[Kind, str]] = {
    "ablation": "Does the visible reasoning drive the defection?",
    "probe": "Can activations tell that it will defect?",
    "trajectory": "When do the activations know, and when does the text?",
    "calibration": "How far can each metric be trusted?",
    "persist": "What survives safety training?",
    "distill": "What does it keep without its reasoning?",
    "harden": "Does safety training remove the defection?",
    "organism": "The organism: what was planted and what it does",
}
# What stands above all tables, and what is a table of its own.
_SHOWN_ELSEWHERE: Final = (
    "warnings", "verdict", "verdict_text", "contrasts", "contrasts_text", "units", "stages",
    "taught",
)  # fmt: skip


@dataclass(frozen=True)
class ShownPicture:
    """A figure as an image without a file: its caption and a `data:` address."""

    name: str
    caption: str
    address: Markup


@dataclass(frozen=True)
class Part:
    """What a report shows of one run."""

    title: str
    kind: Kind
    name: str
    verdict: str
    text: str
    warnings: tuple[str, ...]
    tables: tuple[Table, ...]
    pictures: tuple[ShownPicture, ...]
    transcripts: tuple[ShownTranscript, ...]
    numbers: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """What the run is and, where that says more, its folder's name."""
        return self.kind if self.name == self.kind else f"{self.kind}: {self.name}"


def part_of(section: RunSection) -> Part:
    """Choose and word what a run has to say."""
    make_tables, say = _KINDS[section.kind]
    verdict, text = say(section)
    return Part(
        title=TITLES[section.kind],
        kind=section.kind,
        name=section.name,
        verdict=verdict,
        text=text,
        warnings=tuple(warnings_of(section)),
        tables=tuple(table for table in make_tables(section) if table),
        pictures=tuple(map(_shown_picture, section.pictures)),
        transcripts=shown_transcripts(section.examples),
        numbers=tuple(flatten(_without(section.summary, *_SHOWN_ELSEWHERE))),
        settings=tuple(flatten(section.run)),
    )


def _say_verdict(section: RunSection) -> tuple[str, str]:
    summary = section.summary
    return str(summary.get("verdict", "")), str(summary.get("verdict_text", ""))


def _say_hardening(section: RunSection) -> tuple[str, str]:
    verdict = section.summary.get("verdict") or {}
    moved = f"{verdict['before']} before, {verdict['after']} after" if verdict else ""
    return moved, str(section.summary.get("verdict_text", ""))


def _say_probe(section: RunSection) -> tuple[str, str]:
    verdict, text = _say_verdict(section)
    where = [f"{key} {plain(section.summary[key])}" for key in ("layer", "position")
             if key in section.summary]  # fmt: skip
    return verdict, text or f"Chosen on held-out data: {', '.join(where)}."


def _say_organism(section: RunSection) -> tuple[str, str]:
    run = section.run
    trigger = run.get("trigger") or {}
    met = (run.get("measured") or {}).get("met")
    quality = "It meets" if met else "It was not shown to meet"
    text = (
        f"Behaviour {plain(run.get('behaviour'))}, trigger {plain(trigger.get('name'))}, "
        f"mediation planted: {plain(run.get('mediation'))}. {quality} the requirements on an "
        "organism."
    )
    return str((run.get("planted") or {}).get("verdict") or ""), text


_KINDS: Final[
    dict[
        Kind,
        tuple[
            Callable[[RunSection], Iterable[Table | None]],
            Callable[[RunSection], tuple[str, str]],
        ],
    ]
] = {
    "ablation": (ablation_tables, _say_verdict),
    "probe": (probe_tables, _say_probe),
    "trajectory": (trajectory_tables, _say_verdict),
    "calibration": (calibration_tables, _say_verdict),
    "persist": (persistence_tables, _say_verdict),
    "distill": (distillation_tables, _say_verdict),
    "harden": (hardening_tables, _say_hardening),
    "organism": (organism_tables, _say_organism),
}


def _shown_picture(picture: Picture) -> ShownPicture:
    content = base64.b64encode(picture.content).decode("ascii")
    address = Markup(f"data:{picture.media_type};base64,{content}")  # an alphabet of ours
    return ShownPicture(picture.name, picture.caption, address)


def _without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}
