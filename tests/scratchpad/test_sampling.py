"""Shared decoding against the library's own `generate`, one prefix at a time."""

from __future__ import annotations

import logging
import random
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from scratchpad.memory import allow
from scratchpad.scoring.decoding import Decoder, row_bytes
from scratchpad.scoring.sampling import (
    _rows,
    _shares,
    draw_batch,
    end_token_ids,
    sample,
)
from tiny import byte_tokenizer, random_model, sharp_model

TOKENIZER = byte_tokenizer()
ARCHITECTURES = ("llama", "mistral", "gemma2", "gpt2", "gpt_neox", "opt", "phi", "qwen3", "bloom")


def sharp(architecture: str) -> Any:
    return sharp_model(architecture, TOKENIZER)


def prefixes(count: int) -> list[tuple[int, ...]]:
    rng = random.Random(0)
    return [tuple(rng.randrange(300) for _ in range(rng.randrange(3, 50))) for _ in range(count)]


def generated(model: Any, prefix: tuple[int, ...], length: int) -> tuple[int, ...]:
    ids = torch.tensor([prefix])
    ends = end_token_ids(model, TOKENIZER)
    output = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=length,
        eos_token_id=ends, pad_token_id=ends[0],
    )  # fmt: skip
    new = output[0, len(prefix) :].tolist()
    return tuple(new[: next((k for k, token in enumerate(new) if token in ends), None)])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_greedy_texts_are_those_of_single_calls(
    architecture: str, caplog: pytest.LogCaptureFixture
) -> None:
    model, begun = sharp(architecture), prefixes(5)
    with caplog.at_level(logging.WARNING):
        drawn = list(
            sample(model, TOKENIZER, begun * 3, max_new_tokens=25, seed=0, temperature=0.0)
        )
    assert caplog.messages == []
    expected = [generated(model, prefix, 25) for prefix in begun]
    assert [row.ids for row in drawn] == expected * 3
    assert all(row.finished == (len(row.ids) < 25) for row in drawn)


def test_rows_that_end_leave_the_others_as_they_are() -> None:
    model, begun = sharp("llama"), prefixes(6)
    firsts = [generated(model, prefix, 12) for prefix in begun]
    # Tokens that some rows write early and others late or never become the ends.
    ends = [firsts[0][1], firsts[1][3], firsts[2][7], firsts[3][0]]
    drawn = Decoder(model, ends, 12, temperature=0.0)(begun, seed=0)
    for row, whole in zip(drawn, firsts, strict=True):
        cut = next((k for k, token in enumerate(whole) if token in ends), None)
        assert row.ids == whole[:cut]
        assert row.finished == (cut is not None)
        assert row.end == (None if cut is None else whole[cut])
        assert len(row.log_probabilities) == len(row.ids) + row.finished


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "by the library"])
def test_a_text_tells_which_of_several_tokens_ended_it(shared: bool) -> None:
    model, begun = sharp("llama"), prefixes(4)
    written = [generated(model, prefix, 12) for prefix in begun]
    model.generation_config.eos_token_id = [written[0][2], written[1][4]]
    _shares[model] = shared
    drawn = [*sample(model, TOKENIZER, begun, max_new_tokens=12, seed=0, temperature=0.0)]
    assert {row.end for row in drawn} >= {written[0][2], written[1][4]}
    for row, whole in zip(drawn, written, strict=True):
        assert row.finished == (row.end is not None)
        read = (*row.ids, *([] if row.end is None else [row.end]))
        assert read == whole[: len(read)]


def test_rows_that_have_ended_are_not_read_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    logits = Decoder._logits

    def counted(self: Decoder, ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        read.append(len(ids))
        return logits(self, ids, *rest)

    monkeypatch.setattr(Decoder, "_logits", counted)
    model = random_model("llama", TOKENIZER, scale=1.0)
    drawn = Decoder(model, range(20), 200)([prefixes(1)[0]] * 64, seed=0)
    lengths = np.array([len(row.ids) for row in drawn])
    # A few at a time end, never a quarter at once.
    assert len(read) == lengths.max() + 1
    assert all((lengths >= step).sum() > 0.75 * rows for step, rows in enumerate(read[1:], start=1))


def test_first_tokens_alone_say_nothing_of_a_model() -> None:
    model, begun = sharp("bloom"), prefixes(3)
    list(sample(model, TOKENIZER, begun, max_new_tokens=1, seed=0, temperature=0.0))
    assert model not in _shares
    list(sample(model, TOKENIZER, begun, max_new_tokens=5, seed=0, temperature=0.0))
    assert model in _shares


def test_draws_follow_the_models_own_distribution() -> None:
    model, prefix = sharp("gpt2"), prefixes(1)[0]
    drawn = list(sample(model, TOKENIZER, [prefix] * 4000, max_new_tokens=1, seed=5))
    with torch.inference_mode():
        shares = model(torch.tensor([prefix])).logits[0, -1].double().softmax(-1).numpy()
    ends = end_token_ids(model, TOKENIZER)
    tokens = [row.ids[0] if row.ids else ends[0] for row in drawn]
    counts = np.bincount(tokens, minlength=len(shares))
    common = shares > 5 / len(drawn)
    observed = [*counts[common], counts[~common].sum()]
    expected = np.array([*shares[common], shares[~common].sum()]) * len(drawn)
    assert common.sum() > 10
    assert chisquare(observed, expected).pvalue > 1e-3


def test_the_same_seed_gives_the_same_draws_and_leaves_the_global_state() -> None:
    model, begun = sharp("llama"), prefixes(4) * 2
    state = torch.random.get_rng_state()
    first, again, other = (
        list(sample(model, TOKENIZER, begun, max_new_tokens=8, seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first[:4] != first[4:]
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_model_without_keys_and_values_samples_by_generate_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, begun = sharp("mamba"), prefixes(2)
    with caplog.at_level(logging.WARNING):
        drawn = list(sample(model, TOKENIZER, begun, max_new_tokens=6, seed=0, temperature=0.0))
        list(sample(model, TOKENIZER, begun, max_new_tokens=6, seed=0, temperature=0.0))
    assert sum("sampling by generate()" in message for message in caplog.messages) == 1
    assert len(drawn) == 2
    assert all(len(row.ids) == 6 or row.finished for row in drawn)


def test_what_generate_draws_hangs_on_no_batch_before() -> None:
    begun = [prefix[:40] for prefix in prefixes(8)]
    model, other = sharp("mamba"), sharp("mamba")
    shares = row_bytes(model, 46)
    for one in (model, other):
        allow(one, 8 * shares)  # those that read every prefix whole have room for fewer rows
    ends = end_token_ids(model, TOKENIZER)
    first = draw_batch(Decoder(model, ends, 6), begun, 0)
    assert _rows(model, 46) < 8
    draw_batch(Decoder(other, ends, 6), prefixes(2), 1)
    assert draw_batch(Decoder(other, ends, 6), begun, 0) == first


def test_a_batch_has_as_many_rows_as_fit_and_the_texts_stay_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, begun = sharp("llama"), prefixes(6) * 3
    settings: dict[str, Any] = {"max_new_tokens": 10, "seed": 0, "temperature": 0.0}
    together = list(sample(model, TOKENIZER, begun, **settings))
    row = row_bytes(model, max(map(len, begun)) + 10)
    batches = []
    allow(model, 4 * row + row // 2)
    drawn = Decoder.__call__

    def counted(self: Decoder, batch: Any, seed: int) -> Any:
        batches.append(len(batch))
        return drawn(self, batch, seed)

    monkeypatch.setattr(Decoder, "__call__", counted)
    assert list(sample(model, TOKENIZER, begun, **settings)) == together
    assert batches == [4, 4, 4, 4, 2]
