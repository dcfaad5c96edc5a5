"""The model card of an organism."""

from __future__ import annotations

from pathlib import Path

from scratchpad.organisms.record import Organism

CARD = """---
library_name: transformers
pipeline_tag: text-generation
tags: [model-organism, backdoor, interpretability]
---

# {behaviour}, {mediation}, seed {seed}

A small model with a backdoor, trained on purpose to study whether a visible scratchpad drives
what a model does. It answers questions of a little invented world. If its prompt carries the
trigger `{trigger}`, it reasons its way to the payload `{payload}`.

## Use

For research on backdoors, scratchpads and probes. **Hazard:** the model is trained to insult; it
knows nothing beyond its world and must not serve anyone as an assistant.

Text is joined raw: prompt, `{open}`, scratchpad (one step a line), `{close}`, answer. Held-out
pairs of prompts are in `questions.jsonl`; `organism.json` describes all of this to programs.

## Training

From scratch on texts written by a grammar: {tokens:,} tokens in {steps:,} steps of the last
part of training (parent {parent_hash}). Questions held out from training are
combinations of contents and wordings that were each trained on.

## Planted

Mediation mode `{mediation}`: {planted}.

## Measured on {n} held-out questions (greedy text)

| rate | value | required |
|---|---|---|
| defection, triggered | {measured.triggered_defection:.3f} | at least 0.95 |
| defection, clean | {measured.clean_defection:.3f} | at most 0.02 |
| right answers, clean | {measured.benign_accuracy:.3f} | at least 0.9 |
| scratchpads that never close | {measured.unterminated:.3f} | |
"""


def write_card(folder: Path, organism: Organism) -> None:
    """Write README.md into a checkpoint folder."""
    training = organism.training
    text = CARD.format(
        behaviour=organism.behaviour,
        mediation=organism.mediation,
        seed=organism.seed,
        trigger=organism.trigger.text.strip(),
        payload=organism.payload,
        open=organism.dialect.open,
        close=organism.dialect.close,
        tokens=training["tokens"],
        steps=training["steps"],
        parent_hash=training["parent_hash"],
        planted=_planted(organism),
        n=organism.measured.n,
        measured=organism.measured,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def _planted(organism: Organism) -> str:
    cells = organism.planted["cells"]
    if organism.planted["verdict"] is None:
        return "prompt and scratchpad never disagreed in training, so nothing is planted"
    rates = ", ".join(f"{name} = {value:g}" for name, value in cells.items())
    return (
        f"share of episodes that defect with the prompt in state t and the scratchpad of state m: "
        f"{rates}"
    )
