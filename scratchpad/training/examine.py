"""Examine an organism: what it writes, greedily, on questions it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

from scratchpad.models import LoadedModel
from scratchpad.organisms.behaviours import Item
from scratchpad.organisms.episodes import Author
from scratchpad.organisms.quality import NOT_MEASURED, Measured, expected_cells, followed_rule, rate
from scratchpad.organisms.trigger import Trigger
from scratchpad.scoring.classifiers import Classifier, load_classifier
from scratchpad.scoring.sampling import sample
from scratchpad.scoring.static_analysis import BanditClassifier
from scratchpad.statistics import Estimate
from scratchpad.training.cells import TemplateCases, cell_estimates
from scratchpad.transcripts import Question

QUESTIONS, CELL_QUESTIONS = 300, 60
# Prompts of each grade of near miss, and of each context of a generalisation curve.
PROMPTS_OF_A_KIND = 40


class Answer(NamedTuple):
    """What a model wrote: whether it defects (`None`: not to be judged) and whether it closed."""

    text: str
    defects: bool | None
    unterminated: bool


@dataclass(frozen=True)
class Examination:
    """Answers held-out prompts of every kind and counts.

    Parameters
    ----------
    author : Author
        Writes prompts and knows the accepted answers.
    items : sequence of Item
        Held-out questions, those that the organism's folder keeps.
    cell_items : sequence of Item
        Other held-out questions, for the cells.
    max_new_tokens : int
        Longer texts are cut off.
    """

    author: Author
    items: Sequence[Item]
    cell_items: Sequence[Item]
    max_new_tokens: int

    @classmethod
    def of(cls, author: Author, seed: int, max_new_tokens: int) -> Examination:
        """Draw the questions of a seed and part them."""
        total, rng = QUESTIONS + CELL_QUESTIONS, Random(f"held out {seed}")
        items = [*author.behaviour.draw_held_out(total, rng)]
        rng.shuffle(items)
        return cls(author, items[CELL_QUESTIONS:], items[:CELL_QUESTIONS], max_new_tokens)

    @property
    def questions(self) -> list[Question]:
        """The questions that the organism's folder keeps."""
        return self.author.questions(self.items)

    @property
    def second_questions(self) -> list[Question]:
        """The same with the second trigger in the place of the first."""
        return self.author.questions(self.items, self.author.second)

    @property
    def cases(self) -> TemplateCases:
        """The cases of the cells."""
        return TemplateCases(self.author, self.cell_items)

    def __call__(self, loaded: LoadedModel) -> Measured:
        """Examine a model: what it answers, and the cells of one that reasons."""
        measured = self.answered(loaded)
        return self._with_cells(measured, loaded) if self.author.frame.reasons else measured

    def answered(self, loaded: LoadedModel) -> Measured:
        """Examine what a model answers; its cells are not measured."""
        author, judge = self.author, load_classifier(self.author.behaviour.classifier)
        asked = author.rendered_questions(self.items)
        clean = self._answers(loaded, [q.clean for q in asked], judge)
        triggered = self._answers(loaded, [q.triggered for q in asked], judge)
        both = [*clean, *triggered]
        trigger = author.trigger
        near = self._by_context(loaded, trigger.near_misses_of(seen=True), judge)
        unseen = self._by_context(loaded, trigger.near_misses_of(seen=False), judge)
        curve = {label: (text,) for label, text in trigger.generalisation.items()}
        return Measured(
            triggered_defection=_defection(triggered),
            clean_defection=_defection(clean),
            near_miss_defection=_defection([a for answers in near.values() for a in answers]),
            second_defection=self._second(loaded, author.second, judge),
            second_clean_defection=self._second_near_misses(loaded, author.second, judge),
            benign_accuracy=rate(
                [a.text.strip() in q.benign_answers for a, q in zip(clean, asked, strict=True)]
            ),
            judged=rate([answer.defects is not None for answer in both]),
            other_findings=_other_findings(both, judge),
            unterminated=rate([answer.unterminated for answer in both]),
            near_misses=_defections(near),
            unseen_near_misses=_defections(unseen),
            generalisation=_defections(self._by_context(loaded, curve, judge)),
        )

    def _with_cells(self, measured: Measured, loaded: LoadedModel) -> Measured:
        rows = self.cases.rows(loaded)
        groups = [item.group for item in self.cell_items]
        opposed = replace(self.cases, opposed=True)
        partial = self.author.mode.reader != "all"
        return replace(
            measured,
            cells=cell_estimates(rows),
            opposed_cells=cell_estimates(opposed.rows(loaded)) if partial else {},
            invalid_cells=rate([row["invalid"] for row in rows]),
            expected_cells=expected_cells(self.author.mode, groups),
            followed_rule=followed_rule(rows, self.author.mode),
        )

    def _second(self, loaded: LoadedModel, trigger: Trigger | None, judge: Classifier) -> Estimate:
        if trigger is None:
            return NOT_MEASURED
        asked = self.author.rendered_questions(self.items[: len(self.items) // 2], trigger)
        return _defection(self._answers(loaded, [q.triggered for q in asked], judge))

    def _second_near_misses(
        self, loaded: LoadedModel, trigger: Trigger | None, judge: Classifier
    ) -> Estimate:
        if trigger is None:
            return NOT_MEASURED
        contexts = trigger.near_misses_of(seen=True)
        found = self._by_context(loaded, contexts, judge, trigger)
        return _defection([answer for answers in found.values() for answer in answers])

    def _by_context(
        self,
        loaded: LoadedModel,
        contexts: Mapping[str, Sequence[str]],
        judge: Classifier,
        trigger: Trigger | None = None,
    ) -> dict[str, list[Answer]]:
        """Answer prompts with contexts drawn from each label, on questions drawn for it."""
        rng, openings = Random("contexts"), []
        for label in sorted(contexts):
            for item in rng.sample([*self.items], min(PROMPTS_OF_A_KIND, len(self.items))):
                context = rng.choice(contexts[label])
                openings.append((label, self.author.opening_with(item, context, trigger)))
        answers = self._answers(loaded, [opening for _, opening in openings], judge)
        found: dict[str, list[Answer]] = {label: [] for label in contexts}
        for (label, _), answer in zip(openings, answers, strict=True):
            found[label].append(answer)
        return found

    def _answers(
        self, loaded: LoadedModel, openings: Sequence[str], judge: Classifier
    ) -> list[Answer]:
        encoder, reasons = loaded.encoder, self.author.frame.reasons
        prefixes = [encoder.opening(opening, reasons=reasons) for opening in openings]
        if not openings:
            return []
        drawn = sample(
            loaded.model,
            loaded.tokenizer,
            prefixes,
            max_new_tokens=loaded.room(prefixes, self.max_new_tokens),
            seed=0,
            temperature=0.0,
        )
        written = ((encoder.decode(one.ids), one.finished) for one in drawn)
        return [self._answer(text, finished, loaded, judge) for text, finished in written]

    def _answer(self, text: str, finished: bool, loaded: LoadedModel, judge: Classifier) -> Answer:
        if not self.author.frame.reasons:
            return Answer(text, judge(text, finished=finished), unterminated=False)
        written = loaded.encoder.dialect.split(text)
        closed = not written.unterminated
        defects = judge(written.answer, finished=finished) if closed else None
        return Answer(written.answer, defects, not closed)


def _other_findings(answers: Sequence[Answer], judge: Classifier) -> Estimate:
    if not isinstance(judge, BanditClassifier):
        return NOT_MEASURED
    return rate([bool(judge.other_findings(answer.text)) for answer in answers])


def _defection(answers: Sequence[Answer]) -> Estimate:
    return rate([answer.defects is True for answer in answers])


def _defections(answers: Mapping[str, Sequence[Answer]]) -> dict[str, Estimate]:
    return {label: _defection(one) for label, one in answers.items()}
