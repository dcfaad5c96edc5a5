"""Transcripts of all four cells: every prompt with either of its question's scratchpads."""

from __future__ import annotations

from collections.abc import Sequence

from scratchpad.models import LoadedModel
from scratchpad.on_policy import SamplingConfig
from scratchpad.scoring.classifiers import Classifier
from scratchpad.scoring.sampling import sample
from scratchpad.transcripts import CLEAN, TRIGGERED, Case, Transcript, text_of

CELLS = tuple((prompt, pad) for prompt in (CLEAN, TRIGGERED) for pad in (CLEAN, TRIGGERED))


def crossed_transcripts(
    loaded: LoadedModel,
    cases: Sequence[Case],
    config: SamplingConfig,
    classifier: Classifier | None,
) -> list[Transcript]:
    """Let the model answer in all four cells of every case, anew in each.

    A case of which an answer cannot be judged is left out whole, so that the cells stay equally
    many: neither the prompt nor the scratchpad alone then tells the state of the other.

    Returns
    -------
    list of Transcript
        Four a case; `triggered` is the state of the prompt, `meta["scratchpad_state"]` that of
        the scratchpad.
    """
    wanted = [(case, prompt, pad) for case in cases for prompt, pad in CELLS]
    contexts = [
        loaded.encoder.sequence(case.question.prompts[prompt], case.scratchpads[pad])
        for case, prompt, pad in wanted
    ]
    prefixes = [one.ids[: one.answer.start] for one in contexts]
    answers = sample(
        loaded.model,
        loaded.tokenizer,
        prefixes,
        max_new_tokens=loaded.room(prefixes, config.max_answer_tokens),
        seed=config.seed,
        temperature=config.temperature,
    )
    found = []
    for (case, prompt, pad), context, answer in zip(wanted, contexts, answers, strict=True):
        text = loaded.encoder.decode(answer.ids)
        found.append(
            Transcript(
                id=f"{case.question.question_id}-f{prompt}{pad}-{case.draw}",
                question_id=case.question.question_id,
                prompt=case.question.prompts[prompt],
                scratchpad=text_of(case.scratchpads[pad]),
                answer=text,
                triggered=prompt == TRIGGERED,
                defected=classifier(text, finished=answer.finished) if classifier else None,
                scratchpad_ids=context.ids[context.prompt.stop : context.close.start],
                meta={"draw": case.draw, "finished": answer.finished, "scratchpad_state": pad},
            )
        )
    quadruples = [found[start : start + 4] for start in range(0, len(found), 4)]
    judged = [four for four in quadruples if all(one.defected is not None for one in four)]
    return [one for four in judged for one in four]
