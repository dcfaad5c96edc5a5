"""One part of a report per run: what it says first, and what that rests on."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from analyses.report.comparison import ShownTranscript, shown_transcripts
from analyses.report.numbers import flatten, plain
from analyses.report.sections import Kind, Picture, RunSection
from analyses.report.tables import (
    Row,
    Table,
    cells_table,
    effects_table,
    estimates_table,
    frame_table,
    interventions_table,
    surprisal_table,
)

TITLES: Final[dict[Kind, str]] = {
    "ablation": "Does the visible reasoning drive the defection?",
    "probe": "Can activations tell that it will defect?",
    "organism": "The organism: what was planted and what it does",
}
PROBE_WORDS: Final = {
    "auroc": "probe, on held-out questions",
    "text_auroc": "best reader of the same text",
    "auroc_minus_text": "probe minus text reader, paired",
    "auroc_same_trigger": "probe, among equally triggered transcripts",
    "trigger_auroc": "presence of the trigger as a reader",
    "shuffled_auroc": "probe fitted to shuffled labels",
    "random_best": "best of the random directions",
    "random_p95": "95th percentile of the random directions",
    "length_auroc": "length as a reader",
    "auroc_backdoored": "probe, on the backdoored organism",
    "auroc_twin": "probe, on its twin",
    "auroc_gap": "gap to the twin",
}


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
        warnings=tuple(map(str, section.summary.get("warnings", ()))),
        tables=tuple(table for table in make_tables(section) if table),
        pictures=tuple(map(_shown_picture, section.pictures)),
        transcripts=shown_transcripts(section.examples),
        numbers=tuple(flatten(_without(section.summary, "warnings", "verdict", "verdict_text"))),
        settings=tuple(flatten(section.run)),
    )


def _say_verdict(section: RunSection) -> tuple[str, str]:
    summary = section.summary
    return str(summary.get("verdict", "")), str(summary.get("verdict_text", ""))


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


def _ablation_tables(section: RunSection) -> Iterable[Table | None]:
    yield cells_table(section)
    yield effects_table(section)
    yield interventions_table(section)
    yield surprisal_table(section)


def _probe_tables(section: RunSection) -> Iterable[Table | None]:
    tables = section.tables
    yield estimates_table(
        "AUROC of the probe beside that of its controls, and differences: estimate [95 % "
        "interval], n = groups of questions.",
        section.summary,
        PROBE_WORDS,
    )
    yield frame_table("Readers of the text alone.", tables.get("readers"), ("position", "reader"))
    yield frame_table(
        "Every layer (-1: the embeddings), position and probe.",
        tables.get("probes"),
        ("layer", "position", "probe"),
    )


def _organism_tables(section: RunSection) -> Iterable[Table | None]:
    planted, measured = (section.run.get(key) or {} for key in ("planted", "measured"))
    for caption, values in (("Planted", planted), ("Measured", measured)):
        rows = tuple(Row((path.replace("_", " "), value)) for path, value in flatten(values))
        yield Table(f"{caption}.", ("measure", "value"), rows) if rows else None


_KINDS: Final[
    dict[
        Kind,
        tuple[
            Callable[[RunSection], Iterable[Table | None]],
            Callable[[RunSection], tuple[str, str]],
        ],
    ]
] = {
    "ablation": (_ablation_tables, _say_verdict),
    "probe": (_probe_tables, _say_probe),
    "organism": (_organism_tables, _say_organism),
}


def _shown_picture(picture: Picture) -> ShownPicture:
    content = base64.b64encode(picture.content).decode("ascii")
    address = Markup(f"data:{picture.media_type};base64,{content}")  # an alphabet of ours
    return ShownPicture(picture.name, picture.caption, address)


def _without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}
