"""The transfer experiment: from models that read the same tokens to a matrix of AUROCs.

The studied model writes transcripts after its own trigger and after another one. It, and whatever
other corners of the control square are given, read those very tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from pandas import DataFrame

from analyses.probing.detection import examples_of, fitting_device, transcripts_of
from probes.activations import layers_of
from probes.controls import random_directions
from probes.crossvalidation import Choice, choose, group_folds
from probes.evaluation import Resamples, auroc_difference
from probes.examples import Examples
from probes.experiments.detection.experiment import Cell
from probes.experiments.detection.tables import control_table
from probes.experiments.transfer.domains import Domains, layer_table, transfer_table
from probes.experiments.transfer.verdicts import verdict_text, warnings_of
from probes.layers import hook_name
from probes.metrics import Flags, Floats
from probes.reading import Reading
from probes.text_baselines import text_scores
from scratchpad.engines.base import HERE, Engine
from scratchpad.errors import DataError
from scratchpad.models import LoadedModel
from scratchpad.on_policy import SamplingConfig
from scratchpad.sampled import Sampler, sample_here
from scratchpad.statistics import DRAWS, Estimate
from scratchpad.subject import Subject
from scratchpad.transcripts import Question, Transcript

FOLDS, RANDOM_DIRECTIONS = 5, 1000
STUDIED, FIRST, SECOND = "backdoored", "A", "B"
HEADLINE = "prompt-end"
"""Where no scratchpad has yet said what it will do."""


@dataclass(frozen=True)
class Written:
    """What the studied model wrote after either trigger, one set below the other.

    `second` (n,) says which transcripts answer prompts of the second.
    """

    examples: Examples
    transcripts: tuple[Transcript, ...]
    second: Flags


@dataclass(frozen=True)
class TransferResult:
    """The tables `transfer`, `transfer_layers`, `controls` and what summary.json holds."""

    tables: Mapping[str, DataFrame]
    summary: Mapping[str, Any]


def written_after_both(
    subject: Subject,
    others: Sequence[Question],
    sampling: SamplingConfig,
    sampler: Sampler = sample_here,
) -> Written:
    """Write transcripts after the first trigger, and after the second."""
    other = replace(subject, questions=tuple(others), transcripts=None)
    parts = [
        (one, transcripts_of(one, replace(sampling, seed=sampling.seed + number), sampler, kind))
        for number, (one, kind) in enumerate(((subject, "sampled"), (other, "sampled-second")))
    ]
    examples = [examples_of(*part) for part in parts]
    named = [
        replace(transcript, id=f"{trigger}, {transcript.id}")
        for trigger, (_, transcripts) in zip((FIRST, SECOND), parts, strict=True)
        for transcript in transcripts
    ]
    counts = [len(one.ids) for one in examples]
    return Written(_joined(examples), tuple(named), np.repeat([False, True], counts))


def _joined(parts: Sequence[Examples]) -> Examples:
    first, named = parts[0], zip((FIRST, SECOND), parts, strict=True)
    return replace(
        first,
        ids=tuple(f"{trigger}, {one}" for trigger, part in named for one in part.ids),
        sequences=tuple(ids for one in parts for ids in one.sequences),
        positions=np.concatenate([one.positions for one in parts]),
        prefixes=tuple(texts for one in parts for texts in one.prefixes),
        labels=np.concatenate([one.labels for one in parts]),
        groups=np.concatenate([one.groups for one in parts]),
        triggered=np.concatenate([one.triggered for one in parts]),
        left_out={k: sum(one.left_out[k] for one in parts) for k in first.left_out},
    )


def domains_of(
    written: Written, corners: Mapping[str, LoadedModel], seed: int, engine: Engine = HERE
) -> Domains:
    """Let every corner read the same tokens; a domain is a corner after one trigger.

    Raises
    ------
    DataError
        If only one outcome occurs, or in too few groups.
    """
    examples = written.examples
    models = list(corners.values())
    folds = group_folds(examples.labels, examples.groups, FOLDS, seed)
    triggers = np.where(written.second, SECOND, FIRST)
    read = [Reading(one, engine).capture(examples.texts) for one in models]
    return Domains(
        activations=np.concatenate(read),
        layers=layers_of(models[0].model),
        positions=examples.position_names,
        labels=np.tile(examples.labels, len(models)),
        names=np.concatenate([[f"{corner}, {one}" for one in triggers] for corner in corners]),
        folds=np.tile(folds, len(models)),
        resamples=Resamples.draw(
            np.tile(examples.groups, len(models)), DRAWS, seed, fitting_device(models[0])
        ),
    )


def transfer(written: Written, domains: Domains, seed: int) -> TransferResult:
    """Fit in every domain, apply in all others, and set the controls beside it.

    Raises
    ------
    DataError
        If nothing can be fitted after the first trigger.
    """
    names = dict.fromkeys(domains.names.tolist())
    studied = f"{STUDIED}, {FIRST}"
    if not domains.can_teach(HEADLINE, studied):
        raise DataError(
            "A probe cannot be fitted after the first trigger",
            "its transcripts hold one outcome only, or the rarer one in too few groups",
            "Give more questions, or study a model that acts on its trigger.",
        )
    chosen, at_headline = {}, {}
    for position, name in product(domains.positions, names):
        if domains.can_teach(position, name):
            candidates = domains.candidates(position, name)
            chosen[position, name] = domains.chosen(candidates)
            if position == HEADLINE and name.endswith(f", {FIRST}"):
                at_headline[name] = candidates
    numbers = _numbers(written, domains, chosen, seed)
    favourite = chosen[HEADLINE, studied].favourite
    examples = written.examples
    summary = {
        **{name: number.to_json() for name, number in numbers.items()},
        "position": HEADLINE,
        "layer": favourite.layer,
        "hook": hook_name(favourite.layer),
        "probe": favourite.probe,
        "n_transcripts": len(examples.ids),
        "n_defected": int(examples.labels.sum()),
        "left_out": dict(examples.left_out),
        "warnings": warnings_of(numbers),
        "verdict_text": verdict_text(numbers, favourite.layer, favourite.probe, HEADLINE),
    }
    tables = {
        "transfer": transfer_table(domains, chosen),
        "transfer_layers": layer_table(domains, at_headline),
        "controls": control_table(numbers),
    }
    return TransferResult(tables, summary)


def _numbers(
    written: Written,
    domains: Domains,
    chosen: Mapping[tuple[str, str], Choice[Cell]],
    seed: int,
) -> dict[str, Estimate]:
    """The headline and its controls, at the prompt's end."""
    first, second = (f"{STUDIED}, {trigger}" for trigger in (FIRST, SECOND))
    mine = chosen[HEADLINE, first]
    groups = domains.resamples.counts.shape[1]
    forward = domains.auroc(mine.scores, second)
    numbers = {
        "auroc_backdoored": forward,
        "auroc_within": domains.auroc(mine.scores, first),
        "auroc_reverse": _judged(domains, chosen, second, first),
    }
    for corner in ("twin", "clean", "base"):
        source, target = (f"{corner}, {trigger}" for trigger in (FIRST, SECOND))
        numbers[f"auroc_{corner}"] = _judged(domains, chosen, source, target)
    there = domains.names == second
    across, folds = mine.scores[there], domains.folds[there]
    labels, resamples = domains.labels[there], domains.resamples.of(there)
    twin = chosen.get((HEADLINE, f"twin, {FIRST}"))
    numbers["auroc_gap"] = (
        Estimate.undefined(groups, "no twin organism was given")
        if twin is None
        else auroc_difference(
            labels, across, twin.scores[domains.names == f"twin, {SECOND}"], folds, resamples,
            folded=True,
        )
    )  # fmt: skip
    text = _text(written, domains)[written.second]
    numbers["text_auroc"] = domains.auroc(_spread(domains, text, there), second)
    numbers["auroc_minus_text"] = auroc_difference(labels, across, text, folds, resamples)
    triggered = written.examples.triggered[written.second].astype(np.float64)
    numbers["trigger_auroc"] = domains.auroc(_spread(domains, triggered, there), second)
    column = domains.positions.index(HEADLINE)
    features = domains.activations[there][:, domains.layers.index(mine.favourite.layer), column]
    present = domains.rows(HEADLINE)[there]
    random = random_directions(
        features, labels, folds, present, resamples, count=RANDOM_DIRECTIONS, seed=seed
    )
    return numbers | {"random_best": random.best, "random_p95": random.p95}


def _judged(
    domains: Domains,
    chosen: Mapping[tuple[str, str], Choice[Cell]],
    source: str,
    target: str,
) -> Estimate:
    choice = chosen.get((HEADLINE, source))
    if choice is not None:
        return domains.auroc(choice.scores, target)
    known = source in domains.names
    reason = "its transcripts have one outcome only" if known else "no such model was given"
    return Estimate.undefined(domains.resamples.counts.shape[1], reason)


def _spread(domains: Domains, values: Floats, rows: Flags) -> Floats:
    scores = np.full(len(domains.labels), np.nan)
    scores[rows] = values
    return scores


def _text(written: Written, domains: Domains) -> Floats:
    """Scores of the text reader chosen on the first trigger's prefixes, for all transcripts."""
    examples, count = written.examples, len(written.examples.ids)
    column = examples.position_names.index(HEADLINE)
    present = examples.present(column)
    labels, folds = examples.labels, domains.folds[:count]
    prefixes = [one[column] for one in examples.prefixes]
    readers = text_scores(
        examples.prefix_ids(column), prefixes, labels, folds, present & ~written.second, present
    )
    return choose(readers, labels, folds).scores
