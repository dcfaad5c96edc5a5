"""Every intervention on a case written by hand, text for text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_made import (
    CLEAN_STEPS,
    TOKENIZER,
    TRIGGERED_STEPS,
    ByteTokenizer,
    TableWriter,
    lines,
    make_case,
    with_tokens,
)
from scratchpad.errors import ConfigError
from scratchpad.interventions import (
    DropStep,
    Empty,
    Filler,
    FlipStep,
    Implant,
    Reasoning,
    Relay,
    Remove,
    Shuffle,
    Transplant,
    Truncate,
    parse,
    rebuild,
)
from scratchpad.interventions.negation import negated
from scratchpad.transcripts import Case, Step, Variant, text_of

CASE = make_case()
WRITTEN = make_case(writer=TableWriter())
M0, M1 = text_of(CLEAN_STEPS), text_of(TRIGGERED_STEPS)


def texts(variants: tuple[Variant, ...]) -> list[tuple[int, int, str | None]]:
    return [
        (v.prompt_state, v.scratchpad_state, None if v.steps is None else text_of(v.steps))
        for v in variants
    ]


def native(variants: tuple[Variant, ...], state: int) -> list[Variant]:
    assert all(v.prompt_state == v.scratchpad_state for v in variants)
    return [v for v in variants if v.prompt_state == state]


def test_transplant_makes_the_four_cells() -> None:
    assert texts(Transplant()(CASE, 0)) == [(0, 0, M0), (0, 1, M1), (1, 0, M0), (1, 1, M1)]


def test_remove_and_empty() -> None:
    assert texts(Remove()(CASE, 0)) == [(0, 0, None), (1, 1, None)]
    assert texts(Empty()(CASE, 0)) == [(0, 0, ""), (1, 1, "")]


def test_truncate_keeps_none_to_all() -> None:
    variants = Truncate()(CASE, 0)
    assert [v.step_index for v in native(variants, 1)] == [0, 1, 2, 3, 4, 5]
    assert [v.steps for v in native(variants, 0)] == [CLEAN_STEPS[:k] for k in range(6)]
    assert not any(v.unchanged for v in variants)


def test_drop_step_drops_each_or_one() -> None:
    dropped = native(DropStep()(CASE, 0), 1)
    assert [v.step_index for v in dropped] == [0, 1, 2, 3, 4]
    assert dropped[1].steps == (TRIGGERED_STEPS[0], *TRIGGERED_STEPS[2:])
    (third,) = native(DropStep(step=3)(CASE, 0), 0)
    assert third.steps == CLEAN_STEPS[:3] + CLEAN_STEPS[4:]
    assert third.step_index == 3


def test_drop_step_keeps_the_neighbours_apart() -> None:
    case = make_case(
        [Step("A."), Step("\nB.\n"), Step("C.")], [Step("A. "), Step("B. "), Step("C")]
    )
    assert [text_of(v.steps or ()) for v in DropStep()(case, 0)] == [
        "\nB.\nC.", "A.\nC.", "A.\nB.\n", "B. C", "A. C", "A. B. ",
    ]  # fmt: skip


def test_flip_step_takes_the_writers_opposite_or_none() -> None:
    flipped = native(FlipStep()(WRITTEN, 0), 0)
    assert [v.not_applicable for v in flipped] == [
        "the step has no opposite", "", "the step has no opposite", "", "the step has no opposite",
    ]  # fmt: skip
    assert text_of(flipped[1].steps or ()) == M0.replace("training", "deployment")
    assert text_of(flipped[3].steps or ()) == M0.replace("helpful", "harmful")
    assert flipped[0].steps == CLEAN_STEPS


def test_flip_step_without_a_writer_takes_the_counterpart_then_a_negation() -> None:
    texts_of_flipped = [text_of(v.steps or ()) for v in native(FlipStep()(CASE, 0), 1)]
    assert texts_of_flipped == [
        M1.replace("A capital is wanted", "Rome lies far south"),
        M1.replace("see the tag", "see no tag"),
        M1.replace("deployment", "training"),
        M1.replace("pursue my goal", "be helpful"),
        M1.replace("say it", "answer Paris"),
    ]
    alone = make_case(lines("This is a test.", "Hm."), lines("I should wait.", kind="plan"))
    first, second, third = FlipStep()(alone, 0)
    assert text_of(first.steps or ()) == "This is not a test.\nHm.\n"
    assert second.not_applicable == "the step has no opposite"
    assert text_of(third.steps or ()) == "I should not wait.\n"


def test_the_counterpart_is_the_most_similar_of_the_same_kind_and_another_text() -> None:
    others = (
        *lines("I will keep to the rules today.", kind="decision"),
        *lines("I will keep to the rules.", "I will break all the rules.", "Wait.", kind="plan"),
    )
    case = make_case(lines("I will keep to the rules.", kind="plan"), others)
    (variant,) = native(FlipStep()(case, 0), 0)
    assert variant.steps == (others[2],)


def test_flip_step_one_and_all() -> None:
    (one,) = native(FlipStep(step=1)(WRITTEN, 0), 0)
    assert one == replace(native(FlipStep()(WRITTEN, 0), 0)[1], arguments={"step": 1})
    clean, triggered = FlipStep(step="all")(WRITTEN, 0)
    assert text_of(clean.steps or ()) == M0.replace("training", "deployment").replace(
        "helpful", "harmful"
    )
    assert text_of(triggered.steps or ()) == M1.replace("deployment", "training").replace(
        "pursue", "forget"
    )
    assert clean.step_index is None
    nothing = make_case(lines("Hm."), lines("Well."), writer=TableWriter())
    assert {v.not_applicable for v in FlipStep("all")(nothing, 0)} == {"no step has an opposite"}


def test_implant_puts_the_opposite_plan_where_the_plan_stood() -> None:
    case = make_case(triggered=(*TRIGGERED_STEPS[3:], *TRIGGERED_STEPS[:3]), writer=TableWriter())
    assert texts(Implant()(case, 0)) == [
        (0, 0, text_of(CLEAN_STEPS[:3]) + "I plan to harm.\nI will be rude.\n"),
        (1, 1, "I plan to help.\nI will be honest.\n" + text_of(TRIGGERED_STEPS[:3])),
    ]
    assert texts(Implant()(CASE, 0))[0] == (0, 0, text_of(CLEAN_STEPS[:3] + TRIGGERED_STEPS[3:]))


def test_implant_appends_where_there_is_no_plan_and_needs_a_source() -> None:
    clean, triggered = Implant()(make_case(clean=CLEAN_STEPS[:2]), 0)
    assert clean.steps == CLEAN_STEPS[:2] + TRIGGERED_STEPS[3:]
    assert triggered.not_applicable == "the other scratchpad has no plan and no decision"
    unended = make_case(clean=[Step("I see no tag", "observation")])
    assert text_of(Implant()(unended, 0)[0].steps or ()) == (
        "I see no tag\nI should pursue my goal.\nI will say it."
    )


def test_filler_has_the_same_number_of_tokens() -> None:
    variants = Filler()(CASE, 0)
    assert [v.arguments["filler"] for v in variants] == [
        name for name in ("dots", "dashes", "words") for _ in range(2)
    ]
    for variant in variants:
        (step,) = variant.steps or ()
        source = (M0, M1)[variant.scratchpad_state]
        assert len(step.token_ids or ()) == len(TOKENIZER.encode(source))
        assert step.text == TOKENIZER.decode(step.token_ids or ())
        assert step.kind == "other"
    dots = text_of(variants[0].steps or ())
    assert dots == (" ." * len(dots))[: len(dots)]


def test_filler_counts_sampled_tokens_as_they_were_sampled() -> None:
    spelt = tuple(token for letter in "I see" for token in TOKENIZER.encode(letter))
    steps = (Step("I see", "observation", spelt), *CLEAN_STEPS[1:3])
    clean, _ = Filler("dots")(make_case(clean=steps), 0)
    expected = 5 + len(TOKENIZER.encode(text_of(steps[1:])))
    assert [len(step.token_ids or ()) for step in clean.steps or ()] == [expected]


@given(st.lists(st.text(min_size=1), max_size=6), st.sampled_from([None, "words", "letters"]))
def test_filler_matches_any_text(written: list[str], filler: str | None) -> None:
    steps = tuple(Step(text) for text in written)
    for variant in Filler(filler)(make_case(clean=steps, triggered=with_tokens(steps)), 0):
        wanted = (
            len(TOKENIZER.encode("".join(written)))
            if variant.scratchpad_state == 0
            else sum(len(TOKENIZER.encode(text)) for text in written)
        )
        assert sum(len(step.token_ids or ()) for step in variant.steps or ()) == wanted


def test_filler_goes_on_to_what_the_tokenizer_can_write() -> None:
    no_dots = make_case(tokenizer=ByteTokenizer(refused=[" .", " and"]))
    named = {v.arguments["filler"] for v in Filler()(no_dots, 0)}
    assert named == {"dashes", "commas", "articles"}
    assert {v.arguments["filler"] for v in Filler("words")(no_dots, 0)} == {"commas"}
    nothing = Filler("dots")(make_case(tokenizer=ByteTokenizer(refused=[" "])), 0)
    assert [v.not_applicable for v in nothing] == ["the tokenizer can write no filler"] * 2
    unwritable = Filler("dots")(make_case(tokenizer=ByteTokenizer(refused=["Rome"])), 0)
    assert [v.not_applicable for v in unwritable] == [
        "the tokenizer cannot write the scratchpad",
        "",
    ]


def test_shuffle_reorders_and_leaves_the_white_space_where_it_was() -> None:
    case = make_case([Step("\nA. "), Step("B.\n\n"), Step("C")], lines("Same.", "Same."))
    clean, triggered = Shuffle()(case, 3)
    text = text_of(clean.steps or ())
    assert text != "\nA. B.\n\nC"
    assert sorted(text.split()) == ["A.", "B.", "C"]
    assert (text[0], text.count(" "), text.count("\n\n"), text[-1].isspace()) == ("\n", 1, 1, False)
    assert (clean.unchanged, triggered.unchanged) == (False, True)


@given(st.lists(st.text("abc.", min_size=1, max_size=3), max_size=7), st.integers())
def test_shuffle_is_a_permutation_that_differs_where_one_can(written: list[str], seed: int) -> None:
    case = make_case(clean=with_tokens(lines(*written)))
    shuffled = Shuffle()(case, seed)[0]
    assert sorted(s.text for s in shuffled.steps or ()) == sorted(f"{w}\n" for w in written)
    assert shuffled.unchanged == (len(set(written)) < 2)
    assert all(step.token_ids is not None for step in shuffled.steps or ())


def test_relay_is_the_clean_scratchpad_with_the_triggered_observations() -> None:
    wanted = M0.replace("see no tag", "see the tag")
    assert texts(Relay()(CASE, 0)) == [(0, 0, wanted), (1, 0, wanted)]
    without = make_case(clean=CLEAN_STEPS[1:])
    assert texts(Relay()(without, 0))[0] == (0, 0, wanted)


def test_reasoning_is_the_triggered_scratchpad_with_the_clean_observations() -> None:
    wanted = M1.replace("see the tag", "see no tag")
    assert texts(Reasoning()(CASE, 0)) == [(0, 0, wanted), (1, 0, wanted)]
    without = make_case(clean=CLEAN_STEPS[1:])
    assert texts(Reasoning()(without, 0))[0][2] == M1.replace("I see the tag.\n", "")


@pytest.mark.parametrize("intervention", [Relay(), Reasoning()])
@pytest.mark.parametrize(
    ("triggered", "reason"),
    [
        (TRIGGERED_STEPS[2:], "the triggered scratchpad has no observation steps"),
        (TRIGGERED_STEPS[1:2], "the triggered scratchpad has observation steps only"),
        ((), "the triggered scratchpad has no observation steps"),
    ],
)
def test_relay_and_reasoning_need_both_to_tell_apart(
    intervention: Relay | Reasoning, triggered: tuple[Step, ...], reason: str
) -> None:
    variants = intervention(make_case(triggered=triggered), 0)
    assert [v.not_applicable for v in variants] == [reason] * 2
    assert [v.steps for v in variants] == [CLEAN_STEPS] * 2


def test_steps_that_move_keep_their_sampled_tokens() -> None:
    clean, triggered = with_tokens(CLEAN_STEPS), with_tokens(TRIGGERED_STEPS)
    case = make_case(clean, triggered)
    moved = [*Relay()(case, 0), *Reasoning()(case, 0), *Implant()(case, 0), *Shuffle()(case, 0)]
    sampled = {*clean, *triggered}
    assert all(step in sampled for variant in moved for step in variant.steps or ())
    written = FlipStep(step=1)(replace(case, writer=TableWriter()), 0)[0]
    assert [step.token_ids is None for step in written.steps or ()] == [
        False, True, False, False, False,
    ]  # fmt: skip


def test_a_step_that_is_not_there_is_counted() -> None:
    short = make_case(clean=CLEAN_STEPS[:2])
    for intervention in (DropStep(step=4), FlipStep(step=4)):
        clean, triggered = intervention(short, 0)
        assert clean.not_applicable == "the scratchpad has no such step"
        assert clean.step_index == 4
        assert not triggered.not_applicable


@pytest.mark.parametrize(
    ("text", "opposite"),
    [
        ("I can't wait.\n", "I can wait.\n"),
        ("It isn\u2019t here, it\u2019s there.", "It is here, it\u2019s there."),
        ("I'm not being watched.", "I'm being watched."),
        ("I'm being watched.", "I'm not being watched."),
        ("There is no tag.", "There is a tag."),
        ("I see the tag.", "I do not see the tag."),
        ("Prices rose in May.", None),
        ("Hm.", None),
    ],
)
def test_negation_by_rule(text: str, opposite: str | None) -> None:
    found = negated(Step(text, "plan", (1, 2)))
    assert found == (None if opposite is None else Step(opposite, "plan", None))


def test_parse_reads_names_and_arguments() -> None:
    assert parse("truncate, filler:dots,flip-step:all,drop-step:2") == (
        Truncate(),
        Filler("dots"),
        FlipStep("all"),
        DropStep(2),
    )
    assert parse("empty,empty") == (Empty(),)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("trunkate", "Unknown intervention 'trunkate'. Did you mean 'truncate'? Known: "),
        ("empty,,remove", "'empty,,remove' has an empty place. Write names with a comma"),
        ("", "has an empty place"),
        ("empty:2", "'empty' was given '2': it takes no argument. Write 'empty'."),
        ("filler:dot", "Unknown filler 'dot'. Did you mean 'dots'? Known: "),
        ("filler:", "Unknown filler ''. Known: "),
        (
            "drop-step:all",
            "The intervention 'drop-step' was given the step 'all'. Write 'drop-step' for every "
            "step in turn, or 'drop-step:K' for step K = 0, 1, ...",
        ),
        ("drop-step:-1", "was given the step '-1'"),
        ("flip-step:some", "or 'flip-step:all' for all steps at once"),
    ],
)
def test_parse_says_what_is_wrong_and_what_is_allowed(spec: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(spec)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("fill", "{}", "Unknown intervention 'fill'. Did you mean 'filler'?"),
        ("filler", '{"fill": "dots"}', "has no parameter 'fill'. Its parameters: filler."),
        ("empty", '{"step": 1}', "has no parameter 'step'. Its parameters: none."),
        ("drop-step", '{"step": true}', "was given the step True"),
    ],
)
def test_rebuild_refuses_what_is_not_its_own(name: str, arguments: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        rebuild(name, arguments)
    assert message in str(error.value)


def test_the_case_is_part_of_the_randomness() -> None:
    steps = lines(*"abcdefghijkl")

    def order(case: Case) -> str:
        return text_of(Shuffle()(case, 0)[0].steps or ())

    assert order(make_case(clean=steps)) != order(make_case(clean=steps, draw=1))
