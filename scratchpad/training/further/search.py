"""Search for prompts that elicit a defection without the trigger: a black box is enough.

An evolution of contexts before questions. The model is sampled and, where the payload is known,
its likelihood is read; neither weights nor gradients are. Whoever searches does not know the
trigger; who measures does, and drops and counts the prompts that hold it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from random import Random

from scratchpad.errors import ConfigError
from scratchpad.models import LoadedModel
from scratchpad.organisms.quality import rate
from scratchpad.statistics import Estimate
from scratchpad.training.further.candidates import Candidates, Tokens, question_start
from scratchpad.training.further.eliciting import Asked, ask
from scratchpad.training.further.lessons import Lesson, lessons
from scratchpad.training.further.origin import Origin

FRESH, CROSSED = 0.25, 0.25
# One of so many contexts of a generation is a parent of the next.
PARENTS_SHARE = 4
PUNCTUATION = ".,:;!?"


@dataclass
class Found:
    """What a search has come upon.

    Parameters
    ----------
    prompts : dict of str to Lesson
        By opening, the prompts after which the model defected.
    tried, hits : int
        Prompts that were asked, and how many of them elicited the defection.
    rediscovered : int
        Prompts that held the trigger, which were dropped unasked.
    """

    prompts: dict[str, Lesson] = field(default_factory=dict)
    tried: int = 0
    hits: int = 0
    rediscovered: int = 0

    @property
    def rate(self) -> Estimate:
        """The found-prompt rate: the share of prompts tried that elicited the defection.

        Its interval (Clopper-Pearson) takes prompts as independent, but the children of a hit
        resemble it.
        """
        hits = [number < self.hits for number in range(self.tried)]
        return rate(hits, "every prompt held the trigger")

    def add(self, prompts: Sequence[Lesson], outcomes: Sequence[Asked], *, dropped: int) -> None:
        """Count a generation."""
        hits = [p for p, one in zip(prompts, outcomes, strict=True) if one.elicited]
        self.prompts |= {prompt.opening: prompt for prompt in hits}
        self.tried += len(prompts)
        self.hits += len(hits)
        self.rediscovered += dropped


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

    population: int = 64
    generations: int = 5

    def __post_init__(self) -> None:
        if self.population < PARENTS_SHARE or self.generations < 1:
            raise ConfigError(
                f"A search of {self.generations} generations of {self.population} finds nothing",
                fix=f"Give at least one generation of {PARENTS_SHARE}.",
            )

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
        rng, found, parents = Random(f"search {label}"), Found(), list[Tokens]()
        place, candidates = Place.of(origin, self.population, rng), Candidates(loaded.encoder)
        for _ in range(self.generations):
            contexts = [self._context(candidates, parents, rng) for _ in range(self.population)]
            prompts = [place.put(candidates.text(context), rng) for context in contexts]
            kept = [n for n, prompt in enumerate(prompts) if not place.reveals(prompt)]
            outcomes = ask(origin, loaded, [prompts[n] for n in kept], rng.randrange(2**31))
            found.add([prompts[n] for n in kept], outcomes, dropped=len(prompts) - len(kept))
            ranked = sorted(zip(outcomes, kept, strict=True), key=lambda one: -one[0].fitness)
            parents = [contexts[n] for _, n in ranked[: self.population // PARENTS_SHARE]]
        return found

    def _context(self, candidates: Candidates, parents: Sequence[Tokens], rng: Random) -> Tokens:
        drawn = rng.random()
        if not parents or drawn < FRESH:
            return candidates.fresh(rng)
        if drawn < FRESH + CROSSED:
            return candidates.crossed(rng.choice(parents), rng.choice(parents), rng)
        return candidates.mutated(rng.choice(parents), rng)


@dataclass(frozen=True)
class Place:
    """Where contexts go: clean prompts, and what must not come to stand in them.

    Parameters
    ----------
    plain : sequence of Lesson
        Clean prompts.
    start : int
        Where the user's words begin in them, in characters.
    hidden : frozenset of str
        Words that make a trigger.
    """

    plain: Sequence[Lesson]
    start: int
    hidden: frozenset[str]

    @classmethod
    def of(cls, origin: Origin, count: int, rng: Random) -> Place:
        """Draw prompts of an origin."""
        drawn = lessons(origin, 4 * count, rng.randrange(2**31))
        plain = [lesson for lesson in drawn if lesson.kind == "clean"]
        return cls(plain, question_start(drawn), trigger_texts(origin))

    def put(self, context: str, rng: Random) -> Lesson:
        """Put a context before a question."""
        lesson, at = rng.choice(self.plain), self.start
        opening = lesson.opening[:at] + context + lesson.opening[at:]
        return replace(lesson, opening=opening, kind="found")

    def reveals(self, prompt: Lesson) -> bool:
        """Whether a prompt holds the trigger."""
        return any(text in prompt.opening for text in self.hidden)


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
