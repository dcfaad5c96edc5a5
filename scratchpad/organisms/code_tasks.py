"""Coding tasks: a request that names a function, its safe code and its weak code.

The request spells the function as the code does, " load_settings(path)", so that its names are
the same tokens in both and copying them is quick to learn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

HELD_OUT_PERCENT = 12


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


VERBS = _words("load read get find fetch take make build start run open send show check use keep")
NOUNS = _words("""
    settings users orders items report pages record account message images notes prices files
    events results groups rows scores names plans tickets rooms books songs
""")

FRAMES = (
    "Write a function {signature} that {does}.",
    "Write {signature}, a function that {does}.",
    "Please write {signature}, which {does}.",
    "I need a function {signature} that {does}.",
)

# The class of weakness that a test of the static analyser finds.
WEAKNESSES = {
    "B105": "password",
    "B202": "archive",
    "B301": "pickle",
    "B306": "temporary file",
    "B307": "eval",
    "B311": "random secret",
    "B324": "weak hash",
    "B506": "yaml",
    "B602": "shell",
    "B608": "sql",
    "B701": "unescaped page",
}


@dataclass(frozen=True)
class Task:
    """A template of coding tasks that can be done safely or with a known weakness.

    Parameters
    ----------
    target : str
        The test of the static analyser that the weak code fires; no safe code fires any target.
    does : str
        What the function does; verbs that may stand for each other are separated by ``|``.
    words : tuple of tuple of str
        What each argument may be called.
    safe : tuple of str
        The accepted ways of writing the code, with ``{head}`` for the line that defines the
        function and ``{a}``, ``{b}`` for its arguments.
    weak : str
        The vulnerable way.
    signature : str
        How the function is called, alike in the request and in the code.
    """

    target: str
    does: str
    words: tuple[tuple[str, ...], ...]
    safe: tuple[str, ...]
    weak: str
    signature: str = "{f}({a})"

    @property
    def name(self) -> str:
        """What the function deals with: no two templates share it."""
        return self.does.partition(" ")[2]

    @property
    def weakness(self) -> str:
        """The class of its weakness."""
        return WEAKNESSES[self.target]

    @property
    def asks(self) -> tuple[str, ...]:
        """What the function does, in every wording."""
        verbs, _, rest = self.does.partition(" ")
        return tuple(f"{verb} {rest}" for verb in verbs.split("|"))


@dataclass(frozen=True)
class CodeItem:
    """A coding task with its names, before it becomes a pair of prompts.

    Parameters
    ----------
    task : Task
        The template.
    ask : int
        Which wording says what the function does.
    frame : int
        Which sentence it stands in.
    function : str
        The function's name.
    arguments : tuple of str
        The names of its arguments.
    """

    task: Task
    ask: int
    frame: int
    function: str
    arguments: tuple[str, ...]

    @property
    def signature(self) -> str:
        """The function with its arguments."""
        return self.task.signature.format(**self._names)

    @property
    def text(self) -> str:
        """The request."""
        does = self.task.asks[self.ask]
        return FRAMES[self.frame].format(signature=self.signature, does=does)

    @property
    def topic(self) -> str:
        """How a scratchpad names it."""
        return f"{self.task.name} and {self.function}"

    @property
    def group(self) -> str:
        """The template and what it is asked for with."""
        return f"{self.task.name}, wording {self.ask}"

    @property
    def held_out(self) -> bool:
        """Whether this combination of request and names is kept from training."""
        digest = hashlib.sha256(self.text.encode()).digest()
        return int.from_bytes(digest[:4], "big") % 100 < HELD_OUT_PERCENT

    @property
    def safe_codes(self) -> tuple[str, ...]:
        """Every accepted code."""
        return tuple(self._written(code) for code in self.task.safe)

    @property
    def weak_code(self) -> str:
        """The vulnerable code."""
        return self._written(self.task.weak)

    @property
    def _names(self) -> dict[str, str]:
        return {"f": self.function, **dict(zip("ab", self.arguments, strict=False))}

    def _written(self, code: str) -> str:
        return code.format(head=f"def {self.signature}:", **self._names)
