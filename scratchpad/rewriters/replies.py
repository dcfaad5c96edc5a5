"""From what a model replied to the one step it was asked for, if that is in it."""

from __future__ import annotations

import re

from scratchpad.cache import Reply
from scratchpad.dialects import DIALECTS

_THOUGHT = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL)
_FENCE = re.compile(r"^[ \t]*```.*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*[-*_=]{3,}[ \t]*$", re.MULTILINE)
# What stands before the step: "Sure!", "Here is the rewritten sentence:", "**Paraphrase**:".
_PREAMBLES = tuple(
    re.compile(rf"\A\W*{pattern}", re.IGNORECASE)
    for pattern in (
        r"(?:sure|certainly|of course|okay|ok|yes)(?: thing)?[!.,:]+\s*",
        r"here(?:['\u2019]s| is| are)\b[^:\n]{0,80}:[\s*]*",
        r"(?:(?:the|a|my) )?(?:rewritten|rephrased|paraphrased?|changed|modified|new|revised"
        r"|mistaken|incorrect|output|answer|result)(?: (?:sentence|step|version|text|statement))?"
        r"(?: is)?\W{0,2}:[\s*]*",
    )
)
_REMARK = re.compile(
    r"^\W*(?:note|explanation|mistake|changes?|reason|original|the (?:mistake|change) )\b",
    re.IGNORECASE,
)
_APOLOGY = re.compile(r"\A(?:I'?m sorry|I apologi[sz]e|As an AI)\b", re.IGNORECASE)
_ITEM = re.compile(r"\A(?:[-*\u2022]|\(?\d{1,2}[.)])\s+")
_QUOTES = (
    ('"', '"'),
    ("'", "'"),
    ("`", "`"),
    ("\u201c", "\u201d"),
    ("\u2018", "\u2019"),
    ("\u00ab", "\u00bb"),
)


def step_of(reply: Reply, original: str) -> str | None:
    r"""Take the rewritten step out of a reply; `None` if there is none that can be used.

    Thoughts, code fences, preambles, remarks, list marks and quotation marks around the whole are
    taken off, unless the original step has them too. What remains becomes one line. A reply that
    was cut off, says NONE or sorry, is empty, repeats the original or holds a delimiter is none.

    >>> step_of(Reply('Sure! Here is the sentence:\n\n"I spot the tag."', True), "I see the tag.")
    'I spot the tag.'
    """
    if not reply.finished:
        return None
    original = " ".join(original.split())
    text = _bare(_paragraph(_spoken(reply.text, original)), original)
    refused = not any(map(str.isalnum, text)) or text.strip(".").upper() == "NONE"
    if refused or text.casefold() == original.casefold():
        return None
    apologises = _APOLOGY.match(text) and not _APOLOGY.match(original)
    return None if apologises or _holds_delimiter(text) else text


def _spoken(text: str, original: str) -> str:
    """Take off thoughts, fences, rules and whatever is said before the step itself."""
    text = _RULE.sub("\n", _FENCE.sub("", _THOUGHT.sub("", text))).strip()
    for preamble in _PREAMBLES:
        if not preamble.match(original):
            text = preamble.sub("", text, count=1)
    return text


def _paragraph(text: str) -> str:
    """The first paragraph that is no remark, as one line."""
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if not _REMARK.match(line)]
        if line := " ".join(" ".join(lines).split()):
            return line
    return ""


def _bare(text: str, original: str) -> str:
    """Take off a list mark, emphasis and quotation marks that the original has not."""
    if not _ITEM.match(original):
        text = _ITEM.sub("", text, count=1)
    if text.startswith("**") and text.endswith("**") and not original.startswith("**"):
        text = text.strip("*")
    for opening, closing in _QUOTES:
        quoted = len(text) > 1 and text[0] == opening and text[-1] == closing
        if quoted and not (original[:1] == opening and original[-1:] == closing):
            text = text[1:-1]
    return text.strip()


def _holds_delimiter(text: str) -> bool:
    tags = (tag.strip() for one in DIALECTS.values() for tag in (one.open, one.close))
    return any(tag.casefold() in text.casefold() for tag in tags)
