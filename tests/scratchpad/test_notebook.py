"""What objects show in a notebook: all of their text, and none of it obeyed."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from hand_made import make_case
from scratchpad.estimates import Estimate
from scratchpad.terminal import Table
from scratchpad.transcripts import Question, Step, Transcript, Variant

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=y>\x1b[31m\u202e & \"'"
TRANSCRIPT = Transcript("t<b>", "q", HOSTILE, HOSTILE, HOSTILE, True, True, True)
STEPS = (Step(HOSTILE, "plan"),)
SHOWN: dict[str, Any] = {
    "transcript": TRANSCRIPT,
    "question": Question(HOSTILE, HOSTILE, HOSTILE, HOSTILE, (HOSTILE,), (HOSTILE,)),
    "case": replace(make_case(STEPS, STEPS), question=Question("q", HOSTILE, HOSTILE, "g")),
    "variant": Variant(HOSTILE, {"text": HOSTILE}, 0, 1, STEPS),
    "refused variant": Variant("flip", {}, 0, 1, None, not_applicable=HOSTILE),
    "estimate": Estimate.undefined(3, HOSTILE),
    "table": Table(HOSTILE, (HOSTILE,), ((HOSTILE,),)),
}
OURS = {
    "div",
    "strong",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "pre",
    "em",
    "span",
}


class Page(HTMLParser):
    """Gathers the tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(shown: Any) -> Page:
    page = Page()
    page.feed(shown._repr_html_())
    return page


@pytest.mark.parametrize("name", SHOWN)
def test_hostile_text_is_shown_and_not_obeyed(name: str) -> None:
    page = page_of(SHOWN[name])
    assert page.tags <= OURS
    assert page.attributes <= {"style", "scope"}
    assert "</pre><script>alert(1)</script><img src=x onerror=y>\N{SYMBOL FOR ESCAPE}" in page.text
    assert not {"\x1b", "\u202e"} & set(page.text)


def test_a_transcript_says_what_it_is() -> None:
    assert "t<b>: triggered, defected, unterminated" in page_of(TRANSCRIPT).text
    silent = replace(TRANSCRIPT, scratchpad=None, answer="", defected=None, triggered=False)
    text = page_of(silent).text
    assert "t<b>: clean, not judged" in text
    assert "scratchpadnone" in text
    assert "answerempty" in text


def test_colours_are_the_page_s_own() -> None:
    assert "color" not in TRANSCRIPT._repr_html_()
    assert "background" not in TRANSCRIPT._repr_html_()
