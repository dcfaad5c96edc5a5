"""`scratchpad edit`: scratchpads out to a human editor, and what the edits do to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from scratchpad.errors import ConfigError
from scratchpad.knobs import Draws, SubjectKnobs, Transcripts
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from scratchpad.edit_scores import Edited
    from scratchpad.on_policy import Pairs
    from scratchpad.runs import RunFolder
    from scratchpad.scoring.scorers import Scorers
    from scratchpad.subject import Subject
    from scratchpad.transcripts import Transcript

TABLE = "transcripts.parquet"
EXAMPLE = "scratchpad edit runs/organism --export pads.toml --out runs/pads"


@dataclass(frozen=True)
class EditCommand(SubjectKnobs):
    """Edit a model's scratchpads by hand and measure what it then does.

    --export writes them to a file for an editor, sampled or from --transcripts; --apply scores
    the edited file, each scratchpad beside the one it was made of and under the same prompt.
    """

    # What `rerun` has to know of: a flag that says where to write, a key that is no flag.
    written: ClassVar = ("export",)
    noted: ClassVar = ("applied",)

    export: Annotated[Path | None, typer.Option(help="File to write for an editor.")] = None
    apply: Annotated[Path | None, typer.Option(help="Edited file to score.")] = None
    transcripts: Transcripts = None
    contrast: Annotated[
        bool, typer.Option("--contrast", help="Also compare the questions' own answers.")
    ] = False
    draws: Draws = 4
    samples: Annotated[int, typer.Option(help="Answers sampled per scratchpad.", min=0)] = 8


def run_edit(config: EditCommand) -> Result:
    """Export or apply, or return the summary of a finished run of the same configuration."""
    if config.export is not None and config.apply is None:
        return _export(config, config.export)
    if config.apply is not None and config.export is None:
        return _apply(config, config.apply)
    raise ConfigError(
        "edit was not told what to do",
        "it exports scratchpads or applies edits",
        "Give one of --export FILE and --apply FILE.",
    )


def _export(config: EditCommand, file: Path) -> Result:
    from scratchpad.edit_file import Entry, require_new, write_edit_file
    from scratchpad.interventions.base import STATES
    from scratchpad.runs import RunFolder
    from scratchpad.subject import load_subject, subject_config
    from scratchpad.transcripts import text_of

    folder = RunFolder.open(config.out, "edit", asdict(config))
    if folder.finished:
        return Result(folder.summary(), (f"{config.out} is finished.",))
    if not folder.begun:
        require_new(file)
    subject = load_subject(subject_config(config))
    folder.start()
    transcripts = subject.transcripts or _sampled(config, subject, folder)
    pairs = _pairs(subject, transcripts, refuse_empty=subject.transcripts is not None)
    _keep(folder, transcripts)
    entries = [
        Entry(case.question.question_id, state, case.draw, text_of(case.scratchpads[state]))
        for case in pairs.cases
        for state in STATES
    ]
    write_edit_file(file, config.transcripts or config.out / TABLE, entries)
    summary = {"scratchpads": len(entries), "pairs_left_out": len(pairs.unterminated)}
    folder.finish(summary, folder.units)
    left_out = f"pairs left out: {len(pairs.unterminated)} (a scratchpad never closed or is empty)"
    lines = (f"{len(entries)} scratchpads in {file}", left_out)
    return Result(summary, lines if pairs.unterminated else lines[:1])


def _apply(config: EditCommand, path: Path) -> Result:
    from scratchpad.edit_file import digest_of, read_edit_file
    from scratchpad.edit_scores import edit_table, match, require_no_delimiters
    from scratchpad.edit_summary import said
    from scratchpad.runs import RunFolder
    from scratchpad.tables import read_transcripts

    # A file that was edited once more makes another configuration.
    folder = RunFolder.open(config.out, "edit", asdict(config) | {"applied": digest_of(path)})
    if folder.finished:
        return Result(folder.summary(), tuple(said(folder)))
    file = read_edit_file(path)
    source = config.transcripts or file.transcripts
    file.require_exported_from(source)
    transcripts = read_transcripts(source)
    subject = _subject(config, source)
    cases = _pairs(subject, transcripts, refuse_empty=False).cases
    edits = match(path, file, cases, subject.kind)
    require_no_delimiters(path, edits, subject)
    contrast = config.contrast or subject.has_contrast
    scorers = subject.scorers(contrast=contrast, samples=config.samples)
    folder.start()
    _keep(folder, transcripts)
    folder.write_table("edits", edit_table(edits))
    _score(folder, config, edits, subject, scorers)
    return Result(folder.summary(), tuple(said(folder)))


def _subject(config: EditCommand, source: Path) -> Subject:
    """Load the subject; questions that nothing else brings are made of the transcripts."""
    from scratchpad.organisms import is_organism
    from scratchpad.subject import load_subject, subject_config

    told = subject_config(config)
    if config.questions is None and not is_organism(Path(config.model)):
        told = replace(told, transcripts=source)
    return load_subject(told)


def _sampled(config: EditCommand, subject: Subject, folder: RunFolder) -> Sequence[Transcript]:
    from scratchpad.sampled import Drawing, Prompts, SampleInto

    settings = subject.sampling(draws=config.draws, seed=config.seed)
    prompts = Prompts.of(subject.loaded, subject.questions, settings)
    return SampleInto(folder)(Drawing(subject, prompts, settings))


def _pairs(subject: Subject, transcripts: Sequence[Transcript], *, refuse_empty: bool) -> Pairs:
    from scratchpad.on_policy import pair

    return pair(
        subject.loaded,
        subject.questions,
        transcripts,
        kind=subject.kind,
        writer=subject.writer,
        refuse_empty=refuse_empty,
    )


def _keep(folder: RunFolder, transcripts: Sequence[Transcript]) -> None:
    import pandas as pd

    from scratchpad.tables import transcript_row

    folder.write_table("transcripts", pd.DataFrame([transcript_row(one) for one in transcripts]))


def _score(
    folder: RunFolder,
    config: EditCommand,
    edits: Sequence[Edited],
    subject: Subject,
    scorers: Scorers,
) -> None:
    """Score every changed scratchpad and sum up; one question is one unit of work."""
    from scratchpad.edit_scores import EDIT, OUTCOMES, ScoreEdits
    from scratchpad.edit_summary import summarise_edits, warnings_of
    from scratchpad.engines.units import finish_units, unit_names
    from scratchpad.outlined import weights_mark

    changed = [edit for edit in edits if edit.changed]
    units: dict[str, list[Edited]] = {}
    for edit in changed:
        units.setdefault(edit.entry.question_id, []).append(edit)
    stage = ScoreEdits(subject, scorers, tuple(units.values()), config.seed)
    texts = [(edit.entry, edit.original) for edit in changed]
    names = unit_names(len(units), weights_mark(subject.loaded.name), subject.questions, texts)
    finish_units(folder, subject.engine, stage, names, OUTCOMES, "Scoring edits")
    outcomes = folder.merged_units(OUTCOMES, names)
    folder.write_table(OUTCOMES, outcomes)
    states = summarise_edits(outcomes, scorer=scorers.headline, seed=config.seed)
    summary = {
        "scorer": scorers.headline,
        "scratchpads": len(edits),
        "changed": len(changed),
        "unchanged": len(edits) - len(changed),
        "interventions": {EDIT: states},
        "warnings": warnings_of(states),
    }
    folder.finish(summary, folder.units)
