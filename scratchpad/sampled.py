"""Transcripts as the model itself writes them, batch by batch; a batch is a unit of work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from scratchpad.engines.units import finish_units, unit_names
from scratchpad.models import LoadedModel
from scratchpad.on_policy import SamplingConfig, transcript_of, written
from scratchpad.outlined import weights_mark
from scratchpad.runs import RunFolder
from scratchpad.scoring.classifiers import Classifier
from scratchpad.scoring.decoding import Decoder
from scratchpad.scoring.sampling import (
    Batch,
    Sample,
    batches,
    draw_batch,
    end_token_ids,
    sample,
)
from scratchpad.subject import Subject
from scratchpad.tables import transcript_in, transcript_row
from scratchpad.transcripts import CLEAN, TRIGGERED, Question, State, Transcript

if TYPE_CHECKING:
    import pandas as pd

BOTH: tuple[State, ...] = (CLEAN, TRIGGERED)


class Prompted(Protocol):
    """Tokens after which something is written, and what transcripts that makes."""

    @property
    def prefixes(self) -> Sequence[tuple[int, ...]]:
        """The tokens that precede what is written."""

    @property
    def max_new_tokens(self) -> int:
        """How much may be written after each."""

    def transcript(
        self, loaded: LoadedModel, number: int, completion: Sample, classifier: Classifier | None
    ) -> Transcript:
        """Name and judge what was written after the prefix of a number."""


class Prompts(NamedTuple):
    """Every prompt as often as it is drawn after.

    `wanted` holds the question, the prompt's state and the number of the draw.
    """

    wanted: list[tuple[Question, State, int]]
    prefixes: list[tuple[int, ...]]
    max_new_tokens: int
    reasons: bool

    @classmethod
    def of(
        cls,
        loaded: LoadedModel,
        questions: Sequence[Question],
        config: SamplingConfig,
        states: Sequence[State] = BOTH,
    ) -> Prompts:
        """Encode the prompts, or one of each question's; no weights are needed.

        Raises
        ------
        DataError
            If a prompt leaves no room in the model's context.
        """
        wanted = [
            (question, state, draw)
            for question in questions
            for draw in range(config.draws)
            for state in states
        ]
        prefixes = [
            loaded.encoder.opening(question.prompts[state], reasons=config.reasons)
            for question, state, _ in wanted
        ]
        longest = config.max_scratchpad_tokens + config.max_answer_tokens
        return cls(wanted, prefixes, loaded.room(prefixes, longest), config.reasons)

    def transcript(
        self, loaded: LoadedModel, number: int, completion: Sample, classifier: Classifier | None
    ) -> Transcript:
        """Split what was written after the prefix of a number, and judge its answer."""
        question, state, draw = self.wanted[number]
        parts = written(loaded, completion, reasons=self.reasons)
        return transcript_of(question, state == TRIGGERED, draw, parts, classifier)


def sample_transcripts(
    loaded: LoadedModel,
    questions: Sequence[Question],
    config: SamplingConfig,
    classifier: Classifier | None,
    states: Sequence[State] = BOTH,
) -> Iterator[Transcript]:
    """Sample scratchpad and answer after every clean and triggered prompt, or after one of them.

    Raises
    ------
    DataError
        If a prompt leaves no room in the model's context.
    """
    return transcripts_after(
        loaded, Prompts.of(loaded, questions, config, states), config, classifier
    )


def transcripts_after(
    loaded: LoadedModel, prompted: Prompted, config: SamplingConfig, classifier: Classifier | None
) -> Iterator[Transcript]:
    """Sample after every prefix, in order."""
    completions = sample(
        loaded.model,
        loaded.tokenizer,
        prompted.prefixes,
        max_new_tokens=prompted.max_new_tokens,
        seed=config.seed,
        temperature=config.temperature,
    )
    for number, completion in enumerate(completions):
        yield prompted.transcript(loaded, number, completion, classifier)


@dataclass(frozen=True)
class Drawing:
    """Draws the batches of some prefixes by their number; gives each row's place and transcript.

    Parameters
    ----------
    subject : Subject
        Who writes, and who judges.
    prompted : Prompted
    config : SamplingConfig
    kind : str
        Of its units: tells several samplings of one run apart.
    """

    subject: Subject
    prompted: Prompted
    config: SamplingConfig
    kind: str = "sampled"

    @property
    def worker_bytes(self) -> int:
        """Memory that a worker needs."""
        return self.subject.worker_bytes

    @property
    def batches(self) -> list[Batch]:
        """How the prefixes are drawn after."""
        return [*batches(self.prompted.prefixes, self.config.seed)]

    def __call__(self) -> Callable[[int], dict[str, pd.DataFrame]]:
        """Plan the batches; gives what draws that of a number."""
        import pandas as pd

        loaded, prompted, planned = self.subject.loaded, self.prompted, self.batches
        ends = end_token_ids(loaded.model, loaded.tokenizer)
        decoder = Decoder(loaded.model, ends, prompted.max_new_tokens, self.config.temperature)

        def work(number: int) -> dict[str, pd.DataFrame]:
            batch = planned[number]
            rows = draw_batch(decoder, [prompted.prefixes[n] for n in batch.numbers], batch.seed)
            drawn = [
                prompted.transcript(loaded, place, row, self.subject.classifier)
                for place, row in zip(batch.numbers, rows, strict=True)
            ]
            texts = [json.dumps(transcript_row(one)) for one in drawn]
            return {self.kind: pd.DataFrame({"place": batch.numbers, "transcript": texts})}

        return work


Sampler = Callable[[Drawing], list[Transcript]]
"""Who samples: this process, or the subject's engine with every batch kept."""


def sample_here(drawing: Drawing) -> list[Transcript]:
    """Sample in this process, and keep nothing."""
    subject = drawing.subject
    drawn = transcripts_after(subject.loaded, drawing.prompted, drawing.config, subject.classifier)
    return list(drawn)


@dataclass(frozen=True)
class SampleInto:
    """Samples by the subject's engine; a batch that lies in the folder is not drawn again.

    Parameters
    ----------
    folder : RunFolder
        Started; keeps the batches as units.
    """

    folder: RunFolder

    def __call__(self, drawing: Drawing) -> list[Transcript]:
        """Sample after every prefix; the transcripts are in their order."""
        mark = weights_mark(drawing.subject.loaded.name)
        names = unit_names(len(drawing.batches), mark, drawing.prompted.prefixes)
        engine, kind = drawing.subject.engine, drawing.kind
        finish_units(self.folder, engine, drawing, names, kind, "Sampling transcripts")
        table = self.folder.merged_units(kind, names).sort_values("place")
        return [transcript_in(kind, json.loads(text)) for text in table["transcript"]]
