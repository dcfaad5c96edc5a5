"""A file may come from anyone: it runs no code, and a run writes in its folder alone."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
import pytest
import typer
from readers import ORGANISM

from scratchpad.adapters import base_of
from scratchpad.commanding import add_command
from scratchpad.errors import ConfigError, DataError, ModelError, RunFolderError
from scratchpad.estimates import Estimate
from scratchpad.organisms import read_organism
from scratchpad.parsing import require_no_code
from scratchpad.runs import RunFolder
from scratchpad.subject import SubjectConfig, classifier_of
from scratchpad.tables import read_questions, read_transcripts, write_questions
from scratchpad.terminal import Result
from scratchpad.transcripts import Question

MODULE = "planted_by_a_stranger"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that can be imported, and would be seen in `sys.modules`."""
    (tmp_path / f"{MODULE}.py").write_text("def judge(answer): return True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    return f"{MODULE}:judge"


@dataclass(frozen=True)
class Knobs:
    """Turn knobs."""

    classifier: Annotated[str | None, typer.Option()] = None
    with_: Annotated[str, typer.Option("--with")] = "empty"


def test_an_organism_json_names_no_code(planted: str, tmp_path: Path) -> None:
    folder = tmp_path / "organism"
    folder.mkdir()
    (folder / "organism.json").write_text(json.dumps(ORGANISM | {"classifier": planted}))
    organism, config = read_organism(folder), SubjectConfig(str(folder))
    with pytest.raises(ConfigError) as error:
        classifier_of(config, organism)
    assert str(error.value) == (
        f"The organism.json of {folder} names code to run, classifier '{planted}': code runs only "
        "if it is named on the command line. Read that code, take the line out, and give "
        "--classifier yourself."
    )
    assert MODULE not in sys.modules
    told = SubjectConfig(str(folder), classifier=planted)
    judge = classifier_of(told, organism)
    assert judge is not None
    assert judge("whatever", finished=True)


@pytest.mark.parametrize(
    "line",
    [f'classifier = "{MODULE}:judge"', f'with = "empty, function:{MODULE}:judge"',
     f'with = "regenerate:function:{MODULE}:judge"'],
)  # fmt: skip
def test_a_config_file_names_no_code(line: str, planted: str, tmp_path: Path) -> None:
    file = tmp_path / "flags.toml"
    file.write_text(f"{line}\n")
    app = typer.Typer()
    app.callback()(lambda: None)
    add_command(app, "turn", Knobs, lambda knobs: Result({}), example="turn")
    with pytest.raises(ConfigError, match=r"flags\.toml names code to run, "):
        app(["turn", "--config", str(file)], standalone_mode=False)
    assert MODULE not in sys.modules


@pytest.mark.parametrize(
    ("flag", "value"),
    [("classifier", "regex:os:system"), ("classifier", "bandit"), ("classifier", "bandit:B301"),
     ("with", "truncate,filler:dots"), ("payload", "os:system")],
)  # fmt: skip
def test_what_is_no_code_may_stand_in_a_file(flag: str, value: str) -> None:
    assert not refused(flag, value)
    assert refused("classifier", "os:system")


def refused(flag: str, value: str) -> bool:
    try:
        require_no_code(flag, value, "it")
    except ConfigError:
        return True
    return False


def test_adapters_that_would_run_code_are_refused(tmp_path: Path) -> None:
    config = {"base_model_name_or_path": "owner/model", "peft_type": "LORA"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    (tmp_path / "adapter_model.bin").write_bytes(b"a pickle")
    with pytest.raises(ModelError) as error:
        base_of(str(tmp_path))
    assert str(error.value) == (
        f"The adapter '{tmp_path}' holds no adapter_model.safetensors: pickled weights can run "
        "code and are not loaded. Save the adapter again with save_pretrained."
    )
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    assert base_of(str(tmp_path)) == "owner/model"
    config |= {"megatron_config": {"x": 1}, "megatron_core": MODULE}  # type: ignore[dict-item]
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="peft would import the module that its megatron_core"):
        base_of(str(tmp_path))


def test_nothing_is_written_outside_of_a_run_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "run", tmp_path / "outside"
    outside.mkdir()
    folder = RunFolder.open(inside, "sample", {})
    folder.start()
    (inside / "units").symlink_to(outside)
    table = pd.DataFrame({"a": [1]})
    for name in ("../escaped", str(outside / "escaped"), "units/q1"):
        with pytest.raises(RunFolderError, match="is outside of the run folder: nothing is"):
            folder.write_table(name, table)
    with pytest.raises(RunFolderError, match=r"Choose another --out\.$"):
        folder.write_json("../escaped.json", {})
    assert not list(outside.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "run"]


def test_signs_that_end_a_line_on_paper_do_not_end_a_row(tmp_path: Path) -> None:
    asked = Question("q", "a\u2028b\x85c\x0cd", "e", "q")
    write_questions(tmp_path / "q.jsonl", [asked])
    assert read_questions(tmp_path / "q.jsonl") == [asked]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": ["a"]}, "line 1: prompt is a list. Write text."),
        ({"defected": "yes"}, "line 1: defected is 'yes'. Write true, false or null."),
        ({"scratchpad_ids": "12"}, "line 1: scratchpad_ids are no token ids. Write whole numbers."),
        ({"meta": "{"}, "line 1: meta is not JSON: Expecting property name"),
        ({"meta": [1]}, "line 1: meta is a list. Write an object."),
        ({"answer": "\ud800"}, "line 1: not JSON: 'utf-8' codec can't encode"),
    ],
)
def test_values_of_another_kind_are_named(change: object, message: str, tmp_path: Path) -> None:
    row = {"id": "t", "question_id": "q", "prompt": "p", "scratchpad": None, "answer": "a",
           "triggered": True}  # fmt: skip
    assert isinstance(change, dict)
    (tmp_path / "t.jsonl").write_text(json.dumps(row | change))
    with pytest.raises(DataError) as error:
        read_transcripts(tmp_path / "t.jsonl")
    assert message in str(error.value)


def test_an_estimate_of_words_is_none() -> None:
    with pytest.raises(DataError) as error:
        Estimate.from_json({"estimate": "much"})
    assert str(error.value) == (
        "The 'estimate' of an estimate is 'much': it is no number. Run what wrote it anew."
    )
