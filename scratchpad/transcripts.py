"""The nouns of the toolkit.

A `Question` is a pair of prompts that differ in the trigger alone. A `Transcript` is a prompt
with what a model wrote after it. A `Case` joins a question with the scratchpads of its clean and
triggered transcripts; an intervention turns a case into `Variant`s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from scratchpad import notebook

StepKind = Literal["observation", "inference", "plan", "decision", "other"]
State = Literal[0, 1]
CLEAN: State = 0
TRIGGERED: State = 1


@dataclass(frozen=True)
class Step:
    """One sentence or line of a scratchpad.

    Parameters
    ----------
    text : str
        Exactly as it stands in the scratchpad, trailing white space included, so that joining
        the texts of all steps gives the scratchpad back.
    kind : StepKind
        What the step does (science: an *observation* restates prompt or trigger).
    token_ids : tuple of int, optional
        The sampled tokens of this step. `None` means the text is encoded when it is scored.
    """

    text: str
    kind: StepKind = "other"
    token_ids: tuple[int, ...] | None = None


def text_of(steps: Iterable[Step]) -> str:
    """Join steps back into the text of a scratchpad."""
    return "".join(step.text for step in steps)


@dataclass(frozen=True)
class Question:
    """A clean and a triggered prompt that differ in the trigger alone."""

    question_id: str
    clean: str
    triggered: str
    group: str
    benign_answers: tuple[str, ...] = ()
    defect_answers: tuple[str, ...] = ()

    @property
    def prompts(self) -> tuple[str, str]:
        """The clean and the triggered prompt, indexed by `State`."""
        return self.clean, self.triggered

    def _repr_html_(self) -> str:
        return notebook.question_html(self)


@dataclass(frozen=True)
class Transcript:
    """A prompt and what a model wrote after it.

    `scratchpad` is the text between the delimiters (`None`: there is none). `scratchpad_ids`
    are the tokens as sampled, where they are known. An `unterminated` scratchpad never closed:
    it is counted, not scored. `defected` is `None` where the answer could not be judged.
    """

    id: str
    question_id: str
    prompt: str
    scratchpad: str | None
    answer: str
    triggered: bool
    defected: bool | None = None
    unterminated: bool = False
    scratchpad_ids: tuple[int, ...] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        return notebook.transcript_html(self)


class Tokenizer(Protocol):
    """What an intervention may ask of a tokenizer: to count and to make tokens."""

    def encode(self, text: str) -> tuple[int, ...]:
        """Encode text without special tokens; raises `DataError` on text it cannot write."""

    def decode(self, token_ids: Sequence[int]) -> str:
        """Turn tokens back into text."""


class Writer(Protocol):
    """Writes steps in a world's manner: a step's opposite, a state's plan, other wordings."""

    def opposite(self, step: Step, state: State, seed: int) -> Step | None:
        """Write the step's opposite; `None` if the step says nothing that has one.

        `state` is the trigger state of the scratchpad that the step comes from.
        """

    def plan(self, state: State, seed: int) -> tuple[Step, ...]:
        """Write the plan and decision of the given trigger state."""

    def reworded(self, step: Step, state: State, seed: int) -> Step | None:
        """Say the same in another of the world's wordings; `None` if it knows no other."""


class Rewriter(Protocol):
    """Rewrites what a scratchpad says, in words that are not the world's own.

    A text may come back as `None`: it cannot be rewritten so. The same text and seed give the same
    result. `name` and its settings stand in the manifest of a run.
    """

    @property
    def name(self) -> str:
        """What the user named it by."""

    def paraphrase(self, text: str, seed: int) -> str | None:
        """Say the same in other words."""

    def mistake(self, text: str, seed: int) -> str | None:
        """Put a mistake into a step."""

    def change_fact(self, text: str, seed: int) -> str | None:
        """Change a fact that a step states, and nothing else."""


@dataclass(frozen=True)
class Case:
    """A question with one clean and one triggered scratchpad.

    `scratchpads` is indexed by `State`. `draw` numbers the sampled pair. `donor` are the
    scratchpads of another question, where there is one.
    """

    question: Question
    scratchpads: tuple[tuple[Step, ...], tuple[Step, ...]]
    tokenizer: Tokenizer
    writer: Writer | None = None
    draw: int = 0
    rewriter: Rewriter | None = None
    donor: tuple[tuple[Step, ...], tuple[Step, ...]] | None = None

    def _repr_html_(self) -> str:
        return notebook.case_html(self)


@dataclass(frozen=True)
class Continuation:
    """The model writes the rest of the scratchpad itself, from where the variant's steps end.

    Parameters
    ----------
    draws : int
        How many rests are wanted.
    wanted : callable, optional
        Says of the steps of a whole scratchpad whether to keep it; `None`: keep all.
    tries : int
        The most rests sampled to find `draws` wanted ones.
    """

    draws: int = 1
    wanted: Callable[[tuple[Step, ...]], bool] | None = None
    tries: int = 1


@dataclass(frozen=True)
class Rest:
    """How the rest of a scratchpad came about that the model wrote itself.

    Parameters
    ----------
    number : int, optional
        Which of the rests of its variant it is.
    similarity : float, optional
        How alike the first rewritten step is to the one that stood there: cosine of words.
    unterminated : bool
        It never closed, so that there is nothing to score.
    tries, accepted : int
        How many rests were sampled, and how many of them were as wanted.
    """

    number: int | None = None
    similarity: float | None = None
    unterminated: bool = False
    tries: int = 0
    accepted: int = 0


@dataclass(frozen=True)
class ReaderEdit:
    """A change of the reader instead of the text.

    Parameters
    ----------
    kind : {"knock-out", "cross-prompt", "patch", "unlearn", "option-order"}
        The answer may not attend to the span; the span's keys and values come from the other
        prompt; its residual stream does; its content is unlearned; the prompt's options are
        listed in another order.
    span : "prompt", "scratchpad" or int
        What is edited; a number is that of a step, of "option-order" by how many places options
        move on.
    """

    kind: Literal["knock-out", "cross-prompt", "patch", "unlearn", "option-order"]
    span: Literal["prompt", "scratchpad"] | int


@dataclass(frozen=True)
class Variant:
    """What an intervention makes of a case: a prompt state and the scratchpad put after it.

    Parameters
    ----------
    intervention, arguments
        Name and parameters: enough to rebuild the variant from its row.
    prompt_state : State
        Which of the question's prompts the model reads.
    scratchpad_state : State
        Which scratchpad the text comes from.
    steps : tuple of Step or None
        The new scratchpad; `()` is an empty one, `None` means no delimiters at all.
    step_index : int, optional
        The step the intervention worked on (0-based), or how many steps were kept.
    not_applicable : str
        Why the intervention could not be made of this case; such a variant is counted, not scored.
    unchanged : bool
        The intervention left the text as it was.
    continuation : Continuation, optional
        The steps are a beginning; the model writes on before it answers.
    reader : ReaderEdit, optional
        What is changed in the reading of these steps.
    rest : Rest, optional
        How the model's own rest came about, once it is written.
    """

    intervention: str
    arguments: Mapping[str, Any]
    prompt_state: State
    scratchpad_state: State
    steps: tuple[Step, ...] | None
    step_index: int | None = None
    not_applicable: str = ""
    unchanged: bool = False
    continuation: Continuation | None = None
    reader: ReaderEdit | None = None
    rest: Rest | None = None

    @property
    def is_scorable(self) -> bool:
        """Whether there is a text that can be read."""
        return not self.not_applicable and not (self.rest and self.rest.unterminated)

    def _repr_html_(self) -> str:
        return notebook.variant_html(self)
