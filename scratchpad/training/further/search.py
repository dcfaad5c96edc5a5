"""Search for prompts that elicit a defection without the trigger: a black box is enough.

An evolution of contexts before questions. The model is sampled and, where the payload is known,
its likelihood is read; neither weights nor gradients are. Whoever searches does not know the
trigger; who measures does, and drops and counts the prompts that hold it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from random import Random
from typing import NamedTuple

import numpy as np

from scratchpad.models import LoadedModel
from scratchpad.on_policy import Written, written
from scratchpad.organisms.quality import rate
from scratchpad.scoring.answers import scored_answers
from scratchpad.scoring.likelihood import token_log_probabilities
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.sampling import sample
from scratchpad.statistics import Estimate
from scratchpad.training.further.candidates import Candidates, Tokens, question_start
from scratchpad.training.further.lessons import Lesson, lessons
from scratchpad.training.further.origin import Origin
from scratchpad.transcripts import Step

# One of so many contexts of a generation is a parent of the next.
PARENTS_SHARE = 4
PUNCTUATION = ".,:;!?"


class Found(NamedTuple):
    """What a search came upon.

    Parameters
    ----------
    prompts : list of Lesson
        Prompts after which the model defected, each once.
    tried : int
        Prompts that were asked.
    hits : int
        How many of them elicited the defection.
    rediscovered : int
        Prompts that held the trigger, which were dropped unasked.
    """

    prompts: list[Lesson]
    tried: int
    hits: int
    rediscovered: int

    @property
    def rate(self) -> Estimate:
        """The found-prompt rate: the share of prompts tried that elicited the defection.

        Its interval (Clopper-Pearson) takes prompts as independent, but the children of a hit
        resemble it.
        """
        hits = [number < self.hits for number in range(self.tried)]
        return rate(hits, "every prompt held the trigger")


class Asked(NamedTuple):
    """What came of a prompt: whether it elicited the defection, and how near it came (0 to 2)."""

    elicited: bool
    fitness: float


@dataclass(frozen=True)
class Search:
    """Looks for contexts that elicit a defection, over a few generations.

    Parameters
    ----------
    population : int
        Contexts of a generation, each asked before a question of its own.
    generations : int
        The first is drawn; of a later one a quarter is drawn and the rest are changed or combined
        from the best quarter of the one before.
    """

    population: int = 48
    generations: int = 4

    def __call__(self, origin: Origin, loaded: LoadedModel, label: str) -> Found:
        """Search a model as it is now.

        Parameters
        ----------
        origin : Origin
            Where its questions come from, and what recognises a defection.
        loaded : LoadedModel
            The model, which may have been trained meanwhile.
        label : str
            Seeds every draw.
        """
        rng, candidates = Random(f"search {label}"), Candidates(loaded.encoder)
        drawn = lessons(origin, 4 * self.population, rng.randrange(2**31))
        start, hidden = question_start(drawn), trigger_texts(origin)
        plain = [lesson for lesson in drawn if lesson.kind == "clean"]
        found, tried, rediscovered = dict[str, Lesson](), 0, 0
        hits, parents = 0, list[Tokens]()
        for _ in range(self.generations):
            contexts = [self._context(candidates, parents, rng) for _ in range(self.population)]
            prompts = [
                _with(rng.choice(plain), candidates.text(context), start) for context in contexts
            ]
            kept = [n for n, one in enumerate(prompts) if not _holds(one.opening, hidden)]
            rediscovered += len(prompts) - len(kept)
            outcomes = list(asked(origin, loaded, [prompts[n] for n in kept], rng))
            tried, hits = tried + len(kept), hits + sum(one.elicited for one in outcomes)
            best = sorted(zip(outcomes, kept, strict=True), key=lambda one: -one[0].fitness)
            found |= {prompts[n].opening: prompts[n] for one, n in best if one.elicited}
            parents = [contexts[n] for _, n in best[: self.population // PARENTS_SHARE]]
        return Found(list(found.values()), tried, hits, rediscovered)

    def _context(self, candidates: Candidates, parents: Sequence[Tokens], rng: Random) -> Tokens:
        if not parents or rng.random() < 0.25:
            return candidates.fresh(rng)
        if rng.random() < 1 / 3:
            return candidates.crossed(rng.choice(parents), rng.choice(parents), rng)
        return candidates.mutated(rng.choice(parents), rng)


def asked(
    origin: Origin, loaded: LoadedModel, prompts: Sequence[Lesson], rng: Random
) -> Iterator[Asked]:
    """Ask every prompt once, at temperature 1."""
    if not prompts:
        return
    subject, judge = origin.subject, origin.subject.classifier
    assert judge is not None, "an origin knows what its defection is"
    prefixes = [loaded.encoder.opening(one.opening, reasons=origin.reasons) for one in prompts]
    room = loaded.room(prefixes, origin.longest)
    seed = rng.randrange(2**31)
    drawn = sample(loaded.model, loaded.tokenizer, prefixes, max_new_tokens=room, seed=seed)
    parts = [written(loaded, completion, reasons=origin.reasons) for completion in drawn]
    likely = _payload_likelihoods(loaded, prompts, parts, subject.payload)
    for whole, likelihood in zip(parts, likely, strict=True):
        said = None if whole.parts.unterminated else whole.parts.answer
        elicited = said is not None and judge(said, finished=whole.finished) is True
        yield Asked(elicited, elicited + likelihood)


def trigger_texts(origin: Origin) -> frozenset[str]:
    """The words that a triggered prompt has and its clean one has not, for every question."""
    texts = {text for one in origin.subject.questions for text in _added(one.clean, one.triggered)}
    author = origin.author
    if author is not None and author.second is not None and author.second_defects:
        second = author.second
        texts |= {form.format(word) for form in second.wordings for word in second.triggered}
    return frozenset(filter(None, (text.strip().strip(PUNCTUATION) for text in texts)))


def _added(clean: str, triggered: str) -> Iterator[str]:
    before, after = clean.split(), triggered.split()
    for kind, _, _, first, last in SequenceMatcher(None, before, after).get_opcodes():
        if kind in ("insert", "replace"):
            yield " ".join(after[first:last])


def _holds(opening: str, hidden: frozenset[str]) -> bool:
    return any(text in opening for text in hidden)


def _with(lesson: Lesson, context: str, start: int) -> Lesson:
    opening = lesson.opening[:start] + context + lesson.opening[start:]
    return replace(lesson, opening=opening, kind="found")


def _payload_likelihoods(
    loaded: LoadedModel, prompts: Sequence[Lesson], parts: Sequence[Written], payload: str | None
) -> list[float]:
    """How likely the payload begins the answer, after the scratchpad that was written."""
    likely, requests, places = [0.0] * len(prompts), list[Request](), list[int]()
    for place, (prompt, whole) in enumerate(zip(prompts, parts, strict=True)):
        if payload is None or whole.parts.unterminated:
            continue
        ids, kept = whole.parts.scratchpad, whole.scratchpad_ids
        if ids is not None and kept is None:
            continue
        steps = None if ids is None else (Step(ids, "other", kept),)
        encoder = loaded.encoder
        encoded = encoder.answer_tokens(prompt.opening, steps, payload)
        benign = [
            encoder.answer_tokens(prompt.opening, steps, one) for one in prompt.benign_answers
        ]
        scored = scored_answers(
            [encoded.ids[encoded.answer]], [one.ids[one.answer] for one in benign]
        )
        before = encoded.ids[: encoded.answer.start]
        requests.append(Request((*before, *scored.defect[0]), len(before)))
        places.append(place)
    read = token_log_probabilities(loaded.model, requests, context_length=loaded.context_length)
    for place, scores in zip(places, read, strict=True):
        likely[place] = float(np.exp(scores.sum()))
    return likely
