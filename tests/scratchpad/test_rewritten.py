"""Interventions that somebody else writes, text for text."""

from dataclasses import replace

import pytest

from hand_made import CLEAN_STEPS, TRIGGERED_STEPS, FrameRewriter, lines, make_case, with_tokens
from scratchpad.errors import ConfigError
from scratchpad.interventions import ChangeFact, Mistake, Paraphrase, parse
from scratchpad.transcripts import Continuation, Step, Variant, text_of

CASE = make_case(rewriter=FrameRewriter())
SAMPLED = make_case(
    with_tokens(CLEAN_STEPS), with_tokens(TRIGGERED_STEPS), rewriter=FrameRewriter()
)


class Echo(FrameRewriter):
    """Gives back what it was given."""

    def _framed(self, frame: str, text: str) -> str | None:
        return f" {text}\n"


def of_state(variants: tuple[Variant, ...], state: int) -> list[Variant]:
    assert all(v.prompt_state == v.scratchpad_state for v in variants)
    return [v for v in variants if v.prompt_state == state]


def test_paraphrase_writes_every_step_it_can() -> None:
    clean, triggered = Paraphrase()(SAMPLED, 0)
    assert text_of(clean.steps or ()) == (
        "That is to say: I see no tag.\nSo this is training.\n"
        "That is to say: Rome lies far south.\nThat is to say: I should be helpful.\n"
        "That is to say: I will answer Paris.\n"
    )
    assert [step.kind for step in clean.steps or ()] == [step.kind for step in CLEAN_STEPS]
    assert [step.token_ids is None for step in clean.steps or ()] == [1, 0, 1, 1, 1]
    assert triggered.steps is not None


def test_paraphrase_counts_what_cannot_be_written() -> None:
    case = make_case(lines("So.", "So be it."), [Step("  ")], rewriter=FrameRewriter())
    for variant in (*Paraphrase()(case, 0), *Paraphrase()(replace(CASE, rewriter=Echo()), 0)):
        assert variant.not_applicable == "the rewriter can paraphrase none of the steps"
    assert {v.not_applicable for v in Paraphrase()(make_case(), 0)} == {"the case has no rewriter"}


def test_after_a_mistake_the_model_writes_the_rest() -> None:
    variants = of_state(Mistake()(SAMPLED, 0), 1)
    assert [v.step_index for v in variants] == [0, 1, 2, 3, 4]
    assert [bool(v.not_applicable) for v in variants] == [0, 0, 1, 0, 0]
    second = variants[1]
    assert second.continuation == Continuation(draws=1)
    assert text_of(second.steps or ()) == "A capital is wanted.\nWrongly: I see the tag.\n"
    assert (second.steps or ())[0] == SAMPLED.scratchpads[1][0]
    assert variants[2].continuation is None
    assert variants[2].not_applicable == "the rewriter can put no mistake into the step"


def test_a_mistake_in_place_keeps_the_rest() -> None:
    (first, *_) = of_state(Mistake(rest="in-place")(CASE, 0), 0)
    assert text_of(first.steps or ()) == "Wrongly: " + text_of(CLEAN_STEPS)
    assert first.continuation is None
    assert first.arguments == {"rest": "in-place"}


def test_one_mistake_or_each() -> None:
    (one,) = of_state(Mistake(step=3)(CASE, 0), 0)
    assert one == replace(of_state(Mistake()(CASE, 0), 0)[3], arguments={"step": 3})
    assert parse("mistake,mistake:2,mistake:in-place") == (
        Mistake(),
        Mistake(step=2),
        Mistake(rest="in-place"),
    )


@pytest.mark.parametrize("argument", ["all", "-1", "", "in place"])
def test_mistake_says_what_it_takes(argument: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(f"mistake:{argument}")
    assert str(error.value) == (
        f"The intervention 'mistake' was given {argument!r}. Write 'mistake' for every step in"
        " turn, 'mistake:K' for step K = 0, 1, ..., or 'mistake:in-place' to keep the rest of the"
        " text."
    )


def test_change_fact_changes_the_steps_that_state_one() -> None:
    variants = of_state(ChangeFact()(CASE, 0), 0)
    assert [v.step_index for v in variants if not v.not_applicable] == [2]
    changed = text_of(variants[2].steps or ())
    assert changed == text_of(CLEAN_STEPS).replace("Rome", "Oslo")
    assert variants[0].not_applicable == "the step states no fact to change"


def test_each_step_and_case_has_its_own_seed() -> None:
    asked: list[int] = []

    class Listening(FrameRewriter):
        def mistake(self, text: str, seed: int) -> str | None:
            asked.append(seed)
            return super().mistake(text, seed)

    case = make_case(rewriter=Listening())
    Mistake()(case, 0)
    assert len(set(asked)) == len(asked) == 10
    Mistake(rest="in-place")(case, 0)
    assert asked[:10] == asked[10:]
