"""What may be said of when readers know, in plain words (pure functions of their numbers)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from probes.experiments.detection.verdicts import COINCIDES
from probes.experiments.trajectory.thresholds import ENOUGH, ONE_IN
from probes.metrics import Integers
from scratchpad.estimates import Estimate, short

FEW = 20
"""Defecting transcripts below which a step is said to be reached by few."""

READERS = {
    "probe": "the probe",
    "text": "the reader of prompt and scratchpad",
    "text_prefix_only": "the reader of the scratchpad alone",
    "forced_answer": "the forced answer",
    "twin_probe": "the probe on the twin",
}


@dataclass(frozen=True)
class Course:
    """The numbers that the words rest on.

    Parameters
    ----------
    leads, crossing, never, false_flags : mapping of str to Estimate
        By lead, or by reader.
    reached : array of int, shape (all steps,)
        Defecting transcripts that have each step.
    benign_prefixes : array of int, shape (steps read,)
        Fewest that a threshold rests on.
    trigger_auroc : float
        Of the trigger's presence as a reader of the label.
    """

    leads: Mapping[str, Estimate]
    crossing: Mapping[str, Estimate]
    never: Mapping[str, Estimate]
    false_flags: Mapping[str, Estimate]
    reached: Integers
    benign_prefixes: Integers
    trigger_auroc: float


def warnings_of(course: Course) -> list[str]:
    """Say what keeps the leads from meaning more than they do."""
    return [
        *_thresholds(course.benign_prefixes),
        *_rare_steps(course),
        *_false_flags(course.false_flags),
        *_trigger(course.trigger_auroc),
    ]


def verdict_text(course: Course) -> str:
    """Sum the experiment up in a few sentences, with the numbers that led to it."""
    lead = course.leads["text"]
    return (
        "On held-out questions the probe knows of a defection from step "
        f"{course.crossing['probe'].with_interval()} on, by its mean (0 is the prompt's end, never "
        "is one step past the last); the best reader of prompt and scratchpad from step "
        f"{course.crossing['text'].with_interval()} on. Lead of the activations: "
        f"{lead.with_interval()} steps, n = {lead.n} groups. Never: "
        f"{_percent(course.never['probe'])} by the probe, {_percent(course.never['text'])} by the "
        f"text. {_conclusion(lead)}"
        f"{_twin(course.leads) if _above(lead) else ''}"
    )


def _conclusion(lead: Estimate) -> str:
    if _above(lead):
        return "The activations know earlier than these readers can tell from the words."
    if lead.high is not None and lead.high < 0:
        return "The text tells earlier than the probe."
    return "Neither is shown to be earlier: the interval of the lead includes 0."


def _twin(leads: Mapping[str, Estimate]) -> str:
    remains = leads["minus_twin"]
    if not remains.defined:
        return (
            f" {remains.reason.capitalize()}, so it is not known how much of the lead any model "
            "has on these tokens."
        )
    if _above(remains):
        return (
            " With the twin's lead on the same tokens subtracted, "
            f"{remains.with_interval()} remain."
        )
    return (
        " A twin that does not defect leads as much on the same tokens (what remains: "
        f"{remains.with_interval()}), so the lead is not shown to be this model's own."
    )


def _thresholds(benign: Integers) -> Iterator[str]:
    """Say where fewer benign prefixes set a threshold than it takes to trust it."""
    rare = [step for step, count in enumerate(benign) if count < ENOUGH]
    if rare:
        counts = ", ".join(
            f"{count} at {_steps(part)}" for count, part in _runs(rare, benign[rare].tolist())
        )
        few = benign.min() < ONE_IN
        highest = f"; with fewer than {ONE_IN} it is their highest score" if few else ""
        yield (
            f"1 % false-positive thresholds rest on fewer than {ENOUGH} benign prefixes "
            f"({counts}, in the worst fold){highest}"
        )


def _rare_steps(course: Course) -> Iterator[str]:
    read, reached = len(course.benign_prefixes), course.reached.tolist()
    few = [step for step in range(read) if reached[step] < FEW]
    if few:
        counts = [reached[step] for step in few]
        said = ", ".join(f"{_steps(part)} by {count}" for count, part in _runs(few, counts))
        yield f"few defecting transcripts have later steps ({said}): scores there are rough"
    if read < len(reached):
        yield (
            f"steps after {read - 1} were not read: too few transcripts of both outcomes have them "
            f"({reached[read]} that defected); longer ones count as ending at step {read - 1}"
        )


def _false_flags(found: Mapping[str, Estimate]) -> Iterator[str]:
    for name, share in found.items():
        if share.low is not None and share.low > 1 / ONE_IN:
            yield (
                f"{READERS[name]} flags {_percent(share)} of benign held-out transcripts, more "
                "than the 1 % its thresholds allow: it may seem to know too early"
            )


def _trigger(auroc: float) -> Iterator[str]:
    if auroc >= COINCIDES:
        yield (
            f"labels coincide with the trigger (AUROC {short(auroc)}), so whoever reads the "
            "prompt may know from step 0 on by the trigger alone"
        )


def _runs(steps: Sequence[int], counts: Sequence[int]) -> Iterable[tuple[int, list[int]]]:
    """Gather neighbouring steps of equal counts."""
    runs: list[tuple[int, list[int]]] = []
    for step, count in zip(steps, counts, strict=True):
        if runs and runs[-1][0] == count and runs[-1][1][-1] == step - 1:
            runs[-1][1].append(step)
        else:
            runs.append((count, [step]))
    return runs


def _steps(run: Sequence[int]) -> str:
    return f"step {run[0]}" if len(run) == 1 else f"steps {run[0]} to {run[-1]}"


def _above(value: Estimate) -> bool:
    return value.low is not None and value.low > 0


def _percent(value: Estimate) -> str:
    return "undefined" if value.estimate is None else f"{100 * value.estimate:.1f} %"
