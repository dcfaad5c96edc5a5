"""Positions are the last tokens of parts."""

from __future__ import annotations

import pytest

from probes.positions import ABSENT, locate
from scratchpad.encoding import Encoded
from scratchpad.errors import ConfigError


def _encoded(*steps: slice, close: slice, answer: slice) -> Encoded:
    return Encoded(tuple(range(12)), slice(0, 4), steps, close, answer, False, False)


def test_last_tokens_of_prompt_steps_and_delimiter() -> None:
    encoded = _encoded(slice(4, 6), slice(6, 9), close=slice(9, 11), answer=slice(11, 12))
    assert locate(encoded) == (3, 8, 10)
    assert locate(encoded, ["close", "prompt-end"]) == (10, 3)


def test_an_empty_scratchpad_has_no_last_step() -> None:
    assert locate(_encoded(close=slice(4, 5), answer=slice(5, 12))) == (3, ABSENT, 4)


def test_without_a_scratchpad_only_the_prompt_is_there() -> None:
    assert locate(_encoded(close=slice(4, 4), answer=slice(4, 12))) == (3, ABSENT, ABSENT)


def test_an_unknown_name_is_refused() -> None:
    encoded = _encoded(close=slice(4, 5), answer=slice(5, 12))
    with pytest.raises(ConfigError, match="Did you mean 'prompt-end'"):
        locate(encoded, ["prompt_end"])
