"""The tree of shared tokens against one model call per request."""

from __future__ import annotations

import logging
import random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchpad.scoring import masks
from scratchpad.scoring.likelihood import reads_trees, token_log_probabilities
from scratchpad.scoring.masks import layer_windows
from scratchpad.scoring.prefix_tree import PrefixTree, Request
from scratchpad.scoring.shared import SharedReader
from scratchpad.scoring.tree_rows import batched, trunk_of
from tiny import byte_tokenizer, random_model, sharp_model

TOKENIZER = byte_tokenizer()
READABLE = (
    "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "gpt2", "gpt_neox",
    "phi", "opt", "olmo", "stablelm", "gpt_oss", "qwen3_moe",
)  # fmt: skip
WINDOW = 24
WINDOWED = ("mistral", "gemma2", "gemma3_text", "gpt_oss")


def sharp(architecture: str, **changes: Any) -> Any:
    return sharp_model(architecture, TOKENIZER, **changes)


def alone(model: Any, request: Request) -> np.ndarray:
    ids, start = request
    with torch.inference_mode():
        scores = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), dim=-1)
    return np.array([float(scores[k - 1, ids[k]]) for k in range(start, len(ids))])


def requests_of_two_prompts() -> list[Request]:
    """Truncations, deletions and flips under two prompts that share a beginning, with answers."""
    rng = random.Random(1)
    prompts = ([7] * 4 + [11, 12, 13, 14], [7] * 4 + [15, 16, 17, 18, 19])
    steps = [[rng.randrange(300) for _ in range(5)] for _ in range(9)]
    texts = [steps[:k] for k in range(10)] + [steps[:k] + steps[k + 1 :] for k in range(9)]
    texts += [[*steps[:k], steps[k][::-1], *steps[k + 1 :]] for k in range(9)]
    requests = []
    for prompt in prompts:
        for text in texts:
            written = [*prompt, *(token for step in text for token in step)]
            requests.append(Request(tuple(written), len(prompt)))
            for answer in ([5, 6, 7], [5, 8], [9]):
                requests.append(Request((*written, 301, *answer), len(written) + 1))
    return requests


@pytest.mark.parametrize("architecture", READABLE)
def test_every_score_equals_that_of_a_call_of_its_own(architecture: str) -> None:
    model, requests = sharp(architecture), requests_of_two_prompts()
    found = token_log_probabilities(model, requests, context_length=512)
    assert reads_trees(model)
    for request, scores in zip(requests, found, strict=True):
        np.testing.assert_allclose(scores, alone(model, request), atol=1e-4)


@pytest.mark.parametrize("architecture", WINDOWED)
def test_the_windows_of_those_models_are_felt(architecture: str) -> None:
    model, wide = sharp(architecture), sharp(architecture, sliding_window=4096)
    longest = max(requests_of_two_prompts(), key=lambda request: len(request.ids))
    assert len(longest.ids) > WINDOW + 8
    assert WINDOW in layer_windows(model.config).values()
    assert np.abs(alone(model, longest) - alone(wide, longest)).max() > 0.1


@pytest.mark.parametrize("architecture", ["bloom", "falcon", "llama4_text"])
def test_a_model_that_cannot_be_read_as_a_tree_is_padded_and_says_so(
    architecture: str, caplog: pytest.LogCaptureFixture
) -> None:
    model, requests = sharp(architecture), requests_of_two_prompts()
    with caplog.at_level(logging.WARNING):
        found = token_log_probabilities(model, requests, context_length=512)
        token_log_probabilities(model, requests, context_length=512)
    assert not reads_trees(model)
    assert len(caplog.messages) == 1
    assert "cannot be read as a tree" in caplog.text
    for request, scores in zip(requests, found, strict=True):
        np.testing.assert_allclose(scores, alone(model, request), atol=1e-4)


def test_a_model_is_compared_again_where_its_window_begins_to_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(masks, "layer_windows", lambda config: {"sliding_attention": None})
    model, rng = sharp("mistral", num_hidden_layers=1), random.Random(2)
    ids = tuple(rng.randrange(300) for _ in range(40))
    short = [Request(ids[:20], 1), Request((*ids[:10], *ids[25:32]), 2)]
    token_log_probabilities(model, short, context_length=512)
    assert reads_trees(model)
    long = [Request(ids, 1), Request((*ids[:8], *ids[10:38]), 1)]
    found = token_log_probabilities(model, long, context_length=512)
    assert not reads_trees(model)
    for request, scores in zip(long, found, strict=True):
        np.testing.assert_allclose(scores, alone(model, request), atol=1e-4)


@pytest.mark.parametrize("budget", [1, 100_000, 2**30])
def test_the_budget_changes_the_batches_and_not_the_scores(budget: int) -> None:
    model, requests = sharp("llama"), requests_of_two_prompts()
    reader = SharedReader(model, budget)
    for request, scores in zip(requests, reader.log_probabilities(requests), strict=True):
        np.testing.assert_allclose(scores, alone(model, request), atol=1e-4)
    pieces = trunk_of(PrefixTree.of(requests).roots[0])
    every = [*pieces.pieces, *(piece for trunk in pieces.trunks for piece in trunk.pieces)]
    batches = list(batched(every, reader._fits))
    assert sorted(map(id, every)) == sorted(
        id(piece) for batch in batches for row in batch for piece in row
    )
    assert all(len(batch) == 1 or reader.batch_bytes(batch) <= budget for batch in batches)


def test_a_model_that_nothing_was_asked_of_has_not_been_compared() -> None:
    model = random_model("llama", byte_tokenizer())
    nothing = [Request((1, 2), 2)]
    for requests in ([], nothing):
        found = token_log_probabilities(model, requests, context_length=9)
        assert [len(scores) for scores in found] == [0] * len(requests)
        assert reads_trees(model)


def test_a_model_that_has_read_no_fork_has_not_been_compared() -> None:
    model = sharp("bloom")
    line = Request(tuple(range(40)), 1)
    token_log_probabilities(model, [line], context_length=512)
    forked = [line, Request((*range(20), *range(50, 65)), 1)]
    found = token_log_probabilities(model, forked, context_length=512)
    assert not reads_trees(model)
    for request, scores in zip(forked, found, strict=True):
        np.testing.assert_allclose(scores, alone(model, request), atol=1e-4)


sequences = st.lists(
    st.tuples(st.lists(st.integers(0, 2), min_size=1, max_size=9), st.integers(1, 9)), max_size=12
)


@given(sequences)
@settings(max_examples=300, deadline=None)
def test_a_tree_holds_each_beginning_once(drawn: list[tuple[list[int], int]]) -> None:
    requests = [Request(tuple(ids), start) for ids, start in drawn]
    tree = PrefixTree.of(requests)
    scored = [r for r in requests if r.start < len(r.ids)]
    beginnings = {r.ids[:k] for r in scored for k in range(1, len(r.ids) + 1)}
    assert tree.size == len(beginnings)
    # A table that numbers the beginnings must come back request by request.
    table, numbers = np.full(tree.size, np.nan), {b: n for n, b in enumerate(sorted(beginnings))}
    for root in tree.roots:
        for branch in root.below:
            before = []
            above = branch.parent
            while above is not None:
                before[:0] = above.tokens.tolist()
                above = above.parent
            for k in range(len(branch.tokens)):
                name = (*before, *branch.tokens[: k + 1].tolist())
                table[branch.slot + k] = numbers[name]
    for request, found in zip(requests, tree.scores(requests, table), strict=True):
        ids, start = request
        assert found.tolist() == [numbers[ids[: k + 1]] for k in range(start, len(ids))]
