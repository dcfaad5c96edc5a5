"""Errors a user can mend: symptom, cause and fix, in one line.

Everything here is caught in one place (`scratchpad.cli.main`), printed without a traceback, and
ends the command with exit code 2 (3 for `RequirementNotMet`). Any other exception is our bug and
keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ScratchpadError(Exception):
    """A fault the user can mend.

    Parameters
    ----------
    symptom : str
        What went wrong, with the offending value.
    cause : str, optional
        Why, when the symptom alone does not say it.
    fix : str, optional
        What to do about it.
    """

    exit_code = 2

    def __init__(self, symptom: str, cause: str = "", fix: str = "") -> None:
        self.symptom, self.cause, self.fix = symptom, cause, fix
        text = ": ".join(part.rstrip(".") for part in (symptom, cause) if part)
        super().__init__(f"{text}. {fix}".strip() if fix else f"{text}.")

    def __reduce__(self) -> tuple[type[ScratchpadError], tuple[str, str, str]]:
        return type(self), (self.symptom, self.cause, self.fix)


class ConfigError(ScratchpadError):
    """A flag, config file or argument that does not make sense."""


class ModelError(ScratchpadError):
    """A checkpoint or tokenizer that is missing, broken or unsuited."""


class DataError(ScratchpadError):
    """Questions, transcripts or tables that cannot be read or used."""


class ServerError(ScratchpadError):
    """A server that is down, refuses what it is asked or cannot do it."""


class RunFolderError(ScratchpadError):
    """An output folder that must not be written to."""


class RequirementNotMet(ScratchpadError):  # noqa: N818 - it is an outcome, not a fault
    """The command finished, but a stated requirement is not met (exit code 3)."""

    exit_code = 3


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """Build the error for a name that is not in a registry, naming the nearest valid one.

    >>> str(unknown_name("intervention", "trunkate", ["truncate", "empty"]))
    "Unknown intervention 'trunkate'. Did you mean 'truncate'? Known: empty, truncate."
    """
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return ConfigError(f"Unknown {kind} {name!r}", fix=f"{hint}Known: {', '.join(choices)}.")
