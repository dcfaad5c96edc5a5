"""Captured activations equal single runs, `hidden_states` and TransformerLens' bridge."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from probes.activations import capture, layers_of
from probes.layers import EMBEDDINGS, decoder_layers, hook_name
from probes.positions import ABSENT
from scratchpad.errors import DataError, ModelError

ARCHITECTURES = ["llama", "mistral", "qwen2", "gemma2", "phi", "gpt2", "gpt-neox", "opt", "mixtral"]
MakeModel = Callable[[str], Any]


def _texts() -> tuple[list[list[int]], list[list[int]]]:
    generator = np.random.default_rng(0)
    sequences = [[int(i) for i in generator.integers(0, 32, size=n)] for n in (5, 17, 9, 30, 1)]
    sequences[0][2] = 2  # the padding token as text: masks must come from lengths
    return sequences, [[2, 4], [0, 12], [5, 8], [3, 20], [0, 0]]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_batches_equal_single_runs_and_hidden_states(name: str, make_model: MakeModel) -> None:
    model = make_model(name)
    sequences, positions = _texts()
    batched = capture(model, sequences, positions, batch_size=3)
    assert batched.shape == (5, 4, 2, 16)
    assert batched.dtype == np.float32
    for row, (ids, places) in enumerate(zip(sequences, positions, strict=True)):
        single = capture(model, [ids], [places], batch_size=1)
        np.testing.assert_allclose(batched[row], single[0], atol=1e-5)
        with torch.inference_mode():
            states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states
        # `transformers` gives its last hidden state after the final norm.
        expected = torch.stack(states[:-1])[:, 0, places].numpy()
        np.testing.assert_allclose(batched[row, :-1], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_equals_the_bridge(
    name: str, make_model: MakeModel, tokenizer: Any, tmp_path: Path
) -> None:
    from transformer_lens.model_bridge import TransformerBridge

    model = make_model(name)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    shared = {id(part): part for part in [*model.parameters(), *model.buffers()]}
    bridge = TransformerBridge.boot_transformers(
        str(tmp_path),
        hf_model=copy.deepcopy(model, shared),
        tokenizer=transformers.AutoTokenizer.from_pretrained(tmp_path),
    )
    sequences, positions = _texts()
    found = capture(model, sequences, positions)
    for row, (ids, places) in enumerate(zip(sequences, positions, strict=True)):
        with torch.inference_mode():
            _, cache = bridge.run_with_cache(torch.tensor([ids]))
        for depth, layer in enumerate(layers_of(model)):
            expected = cache[hook_name(layer)][0, places].numpy()
            np.testing.assert_allclose(found[row, depth], expected, atol=1e-5)


def test_reads_only_the_layers_asked_for(make_model: MakeModel) -> None:
    model = make_model("llama")
    sequences, positions = _texts()
    everything = capture(model, sequences, positions)
    some = capture(model, sequences, positions, layers=[2, EMBEDDINGS])
    np.testing.assert_allclose(some, everything[:, [3, 0]], atol=1e-6)
    with pytest.raises(ModelError, match=r"this model has -1 \(the embeddings\) to 2"):
        capture(model, sequences, positions, layers=[3])


def test_later_tokens_do_not_matter(make_model: MakeModel) -> None:
    model = make_model("llama")
    short = capture(model, [[5, 6, 7]], [[2]])
    long = capture(model, [[5, 6, 7, 8, 9]], [[2]])
    np.testing.assert_array_equal(short, long)


def test_absent_positions_are_nan_and_cost_nothing(make_model: MakeModel) -> None:
    model = make_model("llama")
    found = capture(model, [[5, 6, 7], [8], []], [[2, ABSENT], [ABSENT, ABSENT], [ABSENT, ABSENT]])
    assert np.isfinite(found[0, :, 0]).all()
    assert np.isnan(found[0, :, 1]).all()
    assert np.isnan(found[1:]).all()


def test_the_model_is_left_as_it_was(make_model: MakeModel) -> None:
    model = make_model("gpt2").train()
    first = capture(model, [[5, 6, 7]], [[2]])
    np.testing.assert_array_equal(first, capture(model, [[5, 6, 7]], [[2]]))
    assert model.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_broken_weights_are_named_by_transcript_and_layer(make_model: MakeModel) -> None:
    model = make_model("llama")
    with torch.no_grad():
        model.model.embed_tokens.weight[9] = float("nan")
    with pytest.raises(DataError) as raised:
        capture(model, [[5, 6], [5, 9, 6]], [[1], [1]])
    assert str(raised.value) == (
        "The activations of transcript 1 at layer -1 are not finite: a half-precision model can "
        "overflow. Use --dtype float32, or check the checkpoint's weights."
    )


def test_a_position_outside_its_text_is_refused(make_model: MakeModel) -> None:
    with pytest.raises(DataError, match=r"Position 2 lies outside transcript 0: it has 2 tokens"):
        capture(make_model("llama"), [[5, 6]], [[2]])


def test_a_model_without_decoder_layers_is_refused(make_model: MakeModel) -> None:
    model = make_model("llama")
    model.config.num_hidden_layers = 7
    with pytest.raises(ModelError, match="has no list of 7 decoder layers"):
        decoder_layers(model)
