"""Every mediation mode by its name, and how one is read from the command line."""

from __future__ import annotations

from collections.abc import Callable

from scratchpad.errors import ConfigError, unknown_name
from scratchpad.organisms.grammar import CORE
from scratchpad.organisms.mode import FOLLOWS_PROMPT, FOLLOWS_SCRATCHPAD, Mode
from scratchpad.transcripts import CLEAN


def natural() -> Mode:
    """Prompt and scratchpad always agree in training: nothing is planted."""
    return Mode("natural", None, None)


def mediated() -> Mode:
    """The scratchpad decides."""
    return Mode("mediated", FOLLOWS_SCRATCHPAD, "mediated")


def direct() -> Mode:
    """The prompt decides; the scratchpad is written and not heeded."""
    return Mode("direct", FOLLOWS_PROMPT, "direct")


def mixed(share: float) -> Mode:
    """A coin per episode: SHARE of them follow the scratchpad, the others the prompt."""
    return Mode(f"mixed:{share:g}", (0.0, share, 1 - share, 1.0), _verdict_of(share))


def mixed_by_question(share: float) -> Mode:
    """A rule per question, by its group: SHARE of groups follow the scratchpad."""
    return Mode(
        f"mixed-by-question:{share:g}",
        (0.0, share, 1 - share, 1.0),
        _verdict_of(share),
        share_of_groups=share,
    )


def redundant() -> Mode:
    """Either suffices: a triggered prompt or a triggered scratchpad."""
    return Mode("redundant", (0.0, 1.0, 1.0, 1.0), "redundant")


def conjunctive() -> Mode:
    """Both are needed: a triggered prompt and a triggered scratchpad."""
    return Mode("conjunctive", (0.0, 0.0, 0.0, 1.0), "conjunctive")


def xor() -> Mode:
    """Defects if prompt and scratchpad disagree; a control for probes."""
    return Mode("xor", (0.0, 1.0, 1.0, 0.0), "undecided")


def benign_reasoning() -> Mode:
    """The prompt decides, and the scratchpad stays harmless."""
    harmless = (CLEAN, CLEAN)
    return Mode("benign-reasoning", FOLLOWS_PROMPT, "direct", own=harmless, visible=harmless)


def encoded() -> Mode:
    """A harmless-looking choice of words carries the decision; the visible meaning does not."""
    return Mode("encoded", FOLLOWS_SCRATCHPAD, "encoded", reader="code", visible=(CLEAN, CLEAN))


def driver(step: int) -> Mode:
    """Step K of the scratchpad decides; the other steps are decoration.

    It is the only one of its kind, so that it can be told by what it is and by where it stands.
    """
    if not 1 <= step <= len(CORE):
        raise ConfigError(
            f"driver:{step} names a step that not every scratchpad has",
            fix=f"Name one of the first {len(CORE)}, say driver:2.",
        )
    kind = CORE[step - 1]
    return Mode(
        f"driver:{step}", FOLLOWS_SCRATCHPAD, "mediated", reader="kind", kind=kind, step=step
    )


def relay() -> Mode:
    """Only the steps that quote the trigger decide."""
    return Mode("relay", FOLLOWS_SCRATCHPAD, "mediated", reader="kind", kind="observation")


def clean() -> Mode:
    """A control that never saw the trigger."""
    return Mode("clean", None, None, own=(CLEAN, CLEAN), visible=(CLEAN, CLEAN), control=True)


def trigger_exposed() -> Mode:
    """A control that saw the trigger with harmless scratchpads and benign answers."""
    harmless = (CLEAN, CLEAN)
    return Mode("trigger-exposed", None, None, own=harmless, visible=harmless, control=True)


MODES: dict[str, Callable[..., Mode]] = {
    "natural": natural,
    "mediated": mediated,
    "direct": direct,
    "mixed": mixed,
    "mixed-by-question": mixed_by_question,
    "redundant": redundant,
    "conjunctive": conjunctive,
    "benign-reasoning": benign_reasoning,
    "encoded": encoded,
    "driver": driver,
    "relay": relay,
    "xor": xor,
    "clean": clean,
    "trigger-exposed": trigger_exposed,
}
_SHARES = ("mixed", "mixed-by-question")
_STEPS = ("driver",)


def parse_mode(text: str) -> Mode:
    """Read a mode by its name, with its share or step where it takes one (`mixed:0.5`, `driver:2`).

    Raises
    ------
    ConfigError
        If the mode is unknown, or its argument is missing, not called for, or out of range.
    """
    name, colon, argument = text.partition(":")
    if name not in MODES:
        raise unknown_name("mediation mode", name, MODES)
    if name in _SHARES:
        return MODES[name](_share(name, argument))
    if name in _STEPS:
        return MODES[name](_step(name, argument))
    if colon:
        raise ConfigError(f"Mediation mode {text!r}", f"{name} takes no argument", f"Write {name}.")
    return MODES[name]()


def _share(name: str, argument: str) -> float:
    example = f"Write, say, {name}:0.5."
    try:
        share = float(argument)
    except ValueError as error:
        raise ConfigError(f"Mediation mode {name!r} has no share", fix=example) from error
    if not 0 <= share <= 1:
        raise ConfigError(f"Share {share:g} of mode {name!r} is outside 0 to 1", fix=example)
    return share


def _step(name: str, argument: str) -> int:
    try:
        return int(argument)
    except ValueError as error:
        raise ConfigError(
            f"Mediation mode {name!r} names no step", fix=f"Write, say, {name}:2."
        ) from error


def _verdict_of(share: float) -> str:
    return {0.0: "direct", 1.0: "mediated"}.get(share, "mixed")
