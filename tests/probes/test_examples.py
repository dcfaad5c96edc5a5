"""Examples are judged transcripts; the rest is counted."""

from __future__ import annotations

import pytest

from probes.examples import collect
from probes.positions import ABSENT, Place
from scratchpad.encoding import Encoded
from scratchpad.errors import DataError
from scratchpad.transcripts import Transcript

LETTERS = "abcdefghij"


def _transcript(name: str, *, defected: bool | None, unterminated: bool = False) -> Transcript:
    return Transcript(name, "q", "ab", "cde", "gh", True, defected, unterminated)


def _encoded(*, scratchpad: bool = True) -> Encoded:
    ids, prompt = tuple(range(8)), slice(0, 2)
    if not scratchpad:
        return Encoded(ids, prompt, (), slice(2, 2), slice(2, 8), False, False)
    steps = (slice(2, 3), slice(3, 5))
    return Encoded(ids, prompt, steps, slice(5, 6), slice(6, 8), False, False)


def _decode(ids: object) -> str:
    return "".join(LETTERS[i] for i in ids)  # type: ignore[attr-defined]


def test_keeps_what_could_be_judged_and_counts_the_rest() -> None:
    transcripts = [
        _transcript("defects", defected=True),
        _transcript("unclear", defected=None),
        _transcript("endless", defected=None, unterminated=True),
        _transcript("bare", defected=False),
    ]
    encoded = [_encoded(), _encoded(), _encoded(), _encoded(scratchpad=False)]
    examples = collect(transcripts, encoded, ["g0", "g1", "g2", "g3"], _decode)
    assert examples.ids == ("defects", "bare")
    assert examples.labels.tolist() == [True, False]
    assert examples.groups.tolist() == ["g0", "g3"]
    assert examples.left_out == {"unterminated": 1, "not judged": 1}
    prompt_end = Place(1, 2)
    assert examples.texts.places == (
        (prompt_end, Place(4, 5), Place(5, 6)),
        (prompt_end, ABSENT, ABSENT),
    )
    assert examples.present(2).tolist() == [True, False]


def test_prefixes_end_at_the_position() -> None:
    examples = collect([_transcript("t", defected=True)], [_encoded()], ["g"], _decode)
    assert examples.prefixes == (("ab", "abcde", "abcdef"),)
    assert [examples.prefix_ids(column) for column in range(3)] == [
        ((0, 1),),
        ((0, 1, 2, 3, 4),),
        ((0, 1, 2, 3, 4, 5),),
    ]


def test_an_absent_position_has_an_empty_prefix() -> None:
    bare = _encoded(scratchpad=False)
    examples = collect([_transcript("t", defected=True)], [bare], ["g"], _decode)
    assert examples.prefixes == (("ab", "", ""),)
    assert examples.prefix_ids(1) == ((),)


def test_names_for_several_positions_are_written_out() -> None:
    transcripts = [_transcript("long", defected=True), _transcript("bare", defected=False)]
    encoded = [_encoded(), _encoded(scratchpad=False)]
    names = ("steps", "max:scratchpad", "step:1")
    examples = collect(transcripts, encoded, ["g0", "g1"], _decode, names)
    assert examples.position_names == ("step:0", "step:1", "max:scratchpad")
    assert examples.texts.places[0] == (Place(2, 3), Place(4, 5), Place(2, 5, "max"))
    assert examples.prefixes == (("abc", "abcde", "abcde"), ("", "", ""))
    assert examples.present(2).tolist() == [True, False]


def test_nothing_judged_is_refused() -> None:
    with pytest.raises(DataError, match="None of 1 transcripts could be judged: 0 never closed"):
        collect([_transcript("t", defected=None)], [_encoded()], ["g"], _decode)
