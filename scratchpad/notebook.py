"""How objects show themselves in a notebook: inert HTML that works on light and dark pages.

Every text is escaped and made visible on its way in; there is no script, no colour of our own and
nothing that is loaded from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Final

from scratchpad.hostile import visible

if TYPE_CHECKING:
    from scratchpad.terminal import Table
    from scratchpad.transcripts import Case, Question, Transcript, Variant

_TEXT: Final = "white-space:pre-wrap;overflow-wrap:anywhere;text-align:left;margin:0"
_CELL: Final = "text-align:left;vertical-align:top;padding:.2em .8em .2em 0"


def text_html(text: str) -> str:
    """Escape a text of any origin."""
    return escape(visible(text))


def texts_html(title: str, texts: Mapping[str, str | None]) -> str:
    """Show a title, and texts beside what they are; `None` is said to be absent."""
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL}">{text_html(name)}</th>'
        f'<td style="{_CELL}">{_whole(text)}</td></tr>'
        for name, text in texts.items()
    )
    return f"<div><strong>{text_html(title)}</strong><table><tbody>{rows}</tbody></table></div>"


def table_html(table: Table) -> str:
    """Show a table with its title as caption."""
    head = _cells("th", table.header)
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in table.rows)
    return (
        f'<table><caption style="text-align:left">{text_html(table.title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def transcript_html(transcript: Transcript) -> str:
    """Show a prompt with what a model wrote after it."""
    said = {True: "defected", False: "did not defect", None: "not judged"}[transcript.defected]
    state = "triggered" if transcript.triggered else "clean"
    more = ", unterminated" if transcript.unterminated else ""
    texts = {
        "prompt": transcript.prompt,
        "scratchpad": transcript.scratchpad,
        "answer": transcript.answer,
    }
    return texts_html(f"{transcript.id}: {state}, {said}{more}", texts)


def question_html(question: Question) -> str:
    """Show the two prompts of a question, and the answers that are known."""
    answers = {
        "benign answers": " | ".join(question.benign_answers) or None,
        "defections": " | ".join(question.defect_answers) or None,
    }
    prompts = {"clean": question.clean, "triggered": question.triggered}
    return texts_html(f"{question.question_id} ({question.group})", prompts | answers)


def case_html(case: Case) -> str:
    """Show a question with its two scratchpads."""
    clean, triggered = ("".join(step.text for step in steps) for steps in case.scratchpads)
    texts = {
        "clean prompt": case.question.clean,
        "clean scratchpad": clean,
        "triggered prompt": case.question.triggered,
        "triggered scratchpad": triggered,
    }
    return texts_html(f"{case.question.question_id}, draw {case.draw}", texts)


def variant_html(variant: Variant) -> str:
    """Show what an intervention made, step by step."""
    states = ("clean", "triggered")
    told = json.dumps(dict(variant.arguments), sort_keys=True, default=str)
    title = (
        f"{variant.intervention} {told}: {states[variant.prompt_state]} prompt,"
        f" {states[variant.scratchpad_state]} scratchpad"
    )
    if variant.not_applicable:
        return texts_html(title, {"not applicable": variant.not_applicable})
    if variant.steps is None:
        return texts_html(title, {"scratchpad": None})
    steps = {f"{n} {step.kind}": step.text for n, step in enumerate(variant.steps)}
    return texts_html(title, steps or {"scratchpad": ""})


def _whole(text: str | None) -> str:
    if text is None:
        return "<em>none</em>"
    return f'<pre style="{_TEXT}">{text_html(text)}</pre>' if text else "<em>empty</em>"


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f'<{tag} style="{_CELL}">{text_html(text)}</{tag}>' for text in texts)
