"""What further training ends in: a folder like the one that it began from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from scratchpad.errors import RunFolderError
from scratchpad.files import written_whole
from scratchpad.models import LoadedModel
from scratchpad.organisms import Author
from scratchpad.organisms.record import QUESTIONS
from scratchpad.tables import write_questions
from scratchpad.training.examine import Examination
from scratchpad.training.folders import save_checkpoint
from scratchpad.training.further.origin import Origin
from scratchpad.training.organism_folder import write_organism_folder


def write_trained_further(
    out: Path, origin: Origin, loaded: LoadedModel, told: Mapping[str, Any], *, arm: str = ""
) -> None:
    """Examine a model that was trained further, and write its folder.

    Parameters
    ----------
    out : Path
        The folder to make: missing or empty.
    origin : Origin
        What training began from.
    loaded : LoadedModel
        What came out.
    told : mapping
        How it was trained: the origin's name, the command and its settings, as the record's
        `training["further"]`.
    arm : str
        How it reasons now; empty: as before.

    Raises
    ------
    RunFolderError
        If the folder holds anything.
    """
    if out.exists() and any(out.iterdir()):
        raise RunFolderError(f"{out} is not empty", fix="Choose another --out.")
    loaded.model.eval()
    if origin.author is None:
        _write_checkpoint(out, origin, loaded)
        return
    organism = origin.subject.organism
    assert organism is not None
    author = _reasoning(origin.author, arm or organism.arm)
    exam = Examination.of(author, organism.seed, origin.longest)
    history = [*organism.training.get("further", ()), dict(told)]
    written = replace(
        organism,
        arm=arm or organism.arm,
        measured=exam(loaded),
        training={**organism.training, "further": history},
    )
    write_organism_folder(out, written, loaded, exam)


def _reasoning(author: Author, arm: str) -> Author:
    return replace(author, frame=replace(author.frame, reasons=arm == "cot"))


def _write_checkpoint(out: Path, origin: Origin, loaded: LoadedModel) -> None:
    if out.is_dir():
        out.rmdir()
    with written_whole(out) as folder:
        save_checkpoint(folder, loaded.model, loaded.tokenizer)
        write_questions(folder / QUESTIONS, origin.subject.questions)
