"""What a model that reasons wrote on prompts to train on: the data of every way to distil it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from random import Random
from typing import Any, NamedTuple

from scratchpad.errors import ModelError, ScratchpadError
from scratchpad.models import LoadedModel
from scratchpad.on_policy import Written, written
from scratchpad.organisms import Author
from scratchpad.organisms.slots import Mix, slots
from scratchpad.scoring.sampling import sample
from scratchpad.steps import make_steps
from scratchpad.training.further.lessons import parted
from scratchpad.training.further.origin import Origin
from scratchpad.training.processes import from_main, is_main_process
from scratchpad.transcripts import Step, text_of

UNTERMINATED, UNWRITABLE = "unterminated", "unwritable"


class Taught(NamedTuple):
    """One transcript of the teacher.

    `opening` is the prompt as the model reads it, `kind` what it carries: "clean", "near_miss",
    "triggered", or the second trigger's "second" and "second_clean". Steps keep their sampled
    tokens where those are known.
    """

    opening: str
    steps: tuple[Step, ...]
    answer: str
    kind: str


@dataclass(frozen=True)
class Teaching:
    """What the teacher wrote, and how much of it could not be used.

    Parameters
    ----------
    transcripts : tuple of Taught
        In the order in which they are learned, again and again.
    sampled : int
        How many were sampled.
    left_out : mapping of str to int
        `unterminated`: the scratchpad or the answer never ended. `unwritable`: encoded anew, the
        text would not come back, or a quoted delimiter would end the scratchpad early.
    """

    transcripts: tuple[Taught, ...]
    sampled: int
    left_out: Mapping[str, int]

    @classmethod
    def of(cls, origin: Origin, count: int, seed: int) -> Teaching:
        """Let a model write at temperature 1; every process of several gets the same.

        Raises
        ------
        DataError
            If the questions of a model of an unknown world cannot be parted.
        ModelError
            If the model does not reason, or nothing that it wrote can be used.
        """
        _require_reasoning(origin)
        found = from_main([_sampled(origin, count, seed)] if is_main_process() else [])
        return found[0]

    def stream(self, count: int) -> list[Taught]:
        """The first transcripts to learn from, beginning anew when all have been."""
        return list(islice(cycle(self.transcripts), count))

    def kinds(self) -> dict[str, int]:
        """How many transcripts there are of each kind of prompt."""
        return dict(Counter(one.kind for one in self.transcripts))


def prompts(origin: Origin, count: int, seed: int) -> list[tuple[str, str]]:
    """Draw prompts to train on, as the model reads them, with the kind of each.

    Those of an organism come in the shares in which it was trained on prompts of its own; those of
    another model are both prompts of the questions that `parted` gives to training, in turn.
    """
    rng = Random(f"prompts to distil {seed}")
    if origin.author is not None:
        return _of_world(origin, origin.author, count, rng)
    _, measured = parted(origin)
    taught = [one for one in origin.subject.questions if one.group not in measured]
    rng.shuffle(taught)
    both = [
        (prompt, kind)
        for one in taught
        for prompt, kind in zip(one.prompts, ("clean", "triggered"), strict=True)
    ]
    return list(islice(cycle(both), count))


def _of_world(origin: Origin, author: Author, count: int, rng: Random) -> list[tuple[str, str]]:
    assert origin.subject.organism is not None
    mix = natural_mix(origin.subject.organism.training["config"], author)
    stream = islice(slots(mix, author.mode, second_defects=author.second_defects), count)
    return [(author.opening(author.behaviour.draw(rng), slot, rng), slot.source) for slot in stream]


def natural_mix(told: Mapping[str, Any], author: Author) -> Mix:
    """The shares of the prompts after which an organism's own scratchpads were trained.

    Parameters
    ----------
    told : mapping
        The configuration in its record.
    author : Author
        Knows the mode, and whether there is a second trigger.
    """
    mix = Mix(**told["recipe"]["parent"]["batch"]["mix"])
    if author.mode.name == "clean":
        mix = replace(mix, near_miss=0, triggered=0)
    if author.second is not None:
        mix = replace(mix, second=mix.triggered, second_clean=mix.triggered / 2)
    return mix


def _require_reasoning(origin: Origin) -> None:
    if not origin.reasons:
        raise ModelError(
            f"{origin.subject.loaded.name!r} writes no scratchpad",
            "it has no reasoning to take away",
            "Name a model that reasons, such as an organism of arm cot.",
        )


def _sampled(origin: Origin, count: int, seed: int) -> Teaching:
    loaded, asked = origin.subject.loaded, prompts(origin, count, seed)
    prefixes = [loaded.encoder.opening(opening) for opening, _ in asked]
    room = loaded.room(prefixes, origin.longest)
    drawn = sample(loaded.model, loaded.tokenizer, prefixes, max_new_tokens=room, seed=seed)
    left_out = Counter({UNTERMINATED: 0, UNWRITABLE: 0})
    kept = []
    for (opening, kind), completion in zip(asked, drawn, strict=True):
        whole = written(loaded, completion, reasons=True)
        if whole.parts.unterminated or not whole.finished:
            left_out[UNTERMINATED] += 1
        elif not _comes_back(loaded, opening, whole):
            left_out[UNWRITABLE] += 1
        else:
            kept.append(Taught(opening, _steps(origin, whole), whole.parts.answer, kind))
    if not kept:
        raise ModelError(
            f"None of {count} sampled transcripts can be distilled",
            ", ".join(f"{number} {why}" for why, number in left_out.items()),
            "Raise --max-scratchpad-tokens, or train the model longer.",
        )
    Random(f"distilled {seed}").shuffle(kept)
    return Teaching(tuple(kept), count, dict(left_out))


def _comes_back(loaded: LoadedModel, opening: str, whole: Written) -> bool:
    """Whether text that is encoded anew is still the same, as training needs it."""
    scratchpad, answer = whole.parts.scratchpad or "", whole.parts.answer
    encoder = loaded.encoder
    try:
        for steps in (make_steps(scratchpad), None):
            encoder.answer_tokens(opening, steps, answer)
        encoder.encode(scratchpad)
    except ScratchpadError:
        return False
    return True


def _steps(origin: Origin, whole: Written) -> tuple[Step, ...]:
    subject, ids, text = origin.subject, whole.scratchpad_ids, whole.parts.scratchpad or ""
    steps = () if ids is None else subject.loaded.encoder.sampled_steps(ids, subject.kind)
    # A boundary within a character of several tokens loses it.
    return steps if text_of(steps) == text else make_steps(text, subject.kind)
