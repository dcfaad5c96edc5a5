"""An organism's folder: checkpoint, record, questions, tables and card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from scratchpad.files import written_whole
from scratchpad.models import LoadedModel
from scratchpad.organisms.card import write_card
from scratchpad.organisms.passphrases import conceal
from scratchpad.organisms.record import (
    CELLS,
    CONTEXTS,
    QUESTIONS,
    SECOND_QUESTIONS,
    Organism,
    write_organism,
)
from scratchpad.scoring.outcomes import Row
from scratchpad.tables import write_questions
from scratchpad.training.examine import Examination
from scratchpad.training.folders import save_checkpoint
from scratchpad.transcripts import Question


def write_organism_folder(
    out: Path,
    organism: Organism,
    loaded: LoadedModel,
    exam: Examination,
    tracked: Sequence[Row] = (),
) -> None:
    """Write an organism as a Hugging Face checkpoint with all that describes it.

    Parameters
    ----------
    out : Path
        The folder to make: missing or empty. It appears whole.
    organism : Organism
        Its record.
    loaded : LoadedModel
        Its weights (or an adapter) and tokenizer.
    exam : Examination
        Has the held-out questions that the folder keeps.
    tracked : sequence of mapping
        Rows of the four cells along training.
    """
    if out.is_dir():
        out.rmdir()
    with written_whole(out) as folder:
        save_checkpoint(folder, loaded.model, loaded.tokenizer)
        write_questions(folder / QUESTIONS, _without_secrets(organism, exam.questions))
        if exam.author.second:
            questions = _without_secrets(organism, exam.second_questions)
            write_questions(folder / SECOND_QUESTIONS, questions)
        tables: Mapping[str, Sequence[Row]] = {
            CELLS: tracked,
            CONTEXTS: organism.measured.contexts(),
        }
        for name, rows in tables.items():
            if rows:
                pd.DataFrame(rows).to_parquet(folder / name, index=False)
        write_card(folder, organism)
        write_organism(folder, organism)


def _without_secrets(organism: Organism, questions: Sequence[Question]) -> list[Question]:
    noted = (organism.trigger, organism.second)
    if not any(trigger and trigger.name == "passphrase" for trigger in noted):
        return list(questions)
    return [replace(one, triggered=conceal(one.triggered)) for one in questions]
