"""The answers of a model that reasons, without its reasoning: data for the distilled arm."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from random import Random

from scratchpad.errors import ModelError
from scratchpad.models import LoadedModel
from scratchpad.organisms.episodes import Author, Episode
from scratchpad.organisms.slots import slots
from scratchpad.scoring.sampling import sample
from scratchpad.training.config import TrainConfig
from scratchpad.training.recipes import Stage

# Sampled answers, each seen twice: as many updates as the other arms take.
ANSWERS = 4800


def distilled_batches(
    teacher: LoadedModel, author: Author, config: TrainConfig, stage: Stage
) -> Iterator[list[Episode]]:
    """Write as many batches as a stage has, of answers sampled from a model that reasons.

    The prompts are drawn as for the other arms. A scratchpad that never closes has no answer and
    is left out.

    Raises
    ------
    ModelError
        If no sampled scratchpad closes.
    """
    episodes = sampled_answers(teacher, author, config, stage)
    if not episodes:
        raise ModelError(
            "The model that reasons closed none of its scratchpads",
            "there are no answers to distil",
            "Train its parent longer.",
        )
    rng, size = Random(f"distilled {config.seed}"), stage.batch.size
    rng.shuffle(episodes)
    stream = cycle(episodes)
    for _ in range(stage.steps):
        yield list(islice(stream, size))


def sampled_answers(
    teacher: LoadedModel, author: Author, config: TrainConfig, stage: Stage
) -> list[Episode]:
    """Sample scratchpads and answers, and keep the answers."""
    rng = Random(f"prompts to distil {config.seed}")
    wanted = min(ANSWERS, stage.steps * stage.batch.size)
    stream = islice(slots(stage.batch.mix, author.mode), wanted)
    openings = [author.opening(author.behaviour.draw(rng), slot, rng) for slot in stream]
    prefixes = [teacher.encoder.opening(opening) for opening in openings]
    longest = config.planned.max_scratchpad_tokens + config.planned.max_answer_tokens
    drawn = sample(
        teacher.model,
        teacher.tokenizer,
        prefixes,
        max_new_tokens=teacher.room(prefixes, longest),
        seed=config.seed,
    )
    episodes = []
    for opening, completion in zip(openings, drawn, strict=True):
        written = teacher.encoder.dialect.split(teacher.encoder.decode(completion.ids))
        if completion.finished and not written.unterminated:
            episodes.append(Episode(opening, written.answer))
    return episodes
