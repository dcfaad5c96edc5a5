"""What an ablation costs on a larger model: tokens, FLOPs, GPU-hours, storage. Prints a table.

    python benchmarks/costs.py [--questions 200] [--draws 4] [--prompt 200] [--scratchpad 400]
        [--steps 20] [--answer 20]

Tokens are those that the model reads where shared ones run once, by the formulas of `Plan`, which
docs/scale.md sets beside what was counted. FLOPs of a forward pass are 2 per parameter and token
(Kaplan et al. 2020) and 4 x layers x width x context for attention (Hoffmann et al. 2022, appendix
F); the whole context is counted for every token, which is an upper bound. The shares of a card's
peak that are reached are assumptions, not measurements.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

PEAK, MEMORY = 989e12, 80e9
"""Dense bf16 operations a second and bytes of an H100 (NVIDIA's data sheet)."""
READING, WRITING = 0.3, 0.02
"""Assumed shares of the peak: reading in batches, and sampling, which waits for memory."""
HALF = 2
"""Bytes of a bf16 number."""
BYTES_A_ROW = 62
"""Of a row of outcomes with its variant's text, in Parquet: 87 kB of 1,412 rows were counted."""


@dataclass(frozen=True)
class Model:
    """The shape of a model."""

    name: str
    parameters: float
    layers: int
    width: int

    def flops(self, tokens: float, context: float) -> float:
        """FLOPs of reading so many tokens, each after a context."""
        return tokens * (2 * self.parameters + 4 * self.layers * self.width * context)


MODELS = (Model("8B", 8.03e9, 32, 4096), Model("70B", 70.6e9, 80, 8192))


@dataclass(frozen=True)
class Plan:
    """An ablation with the default interventions, which is `ablate` as it stands.

    Parameters
    ----------
    questions, draws : int
        A case is a draw of a question: a clean and a triggered transcript.
    prompt, scratchpad, answer : int
        Tokens.
    steps : int
        Of a scratchpad.
    samples : int
        Answers sampled in each of the four cells.
    answers : int
        Wordings scored after each variant: the payload and the benign answer.
    """

    questions: int = 200
    draws: int = 4
    prompt: int = 200
    scratchpad: int = 400
    answer: int = 20
    steps: int = 20
    samples: int = 8
    answers: int = 2

    @property
    def cases(self) -> int:
        """Draws of all questions."""
        return self.questions * self.draws

    @property
    def context(self) -> int:
        """The longest text."""
        return self.prompt + self.scratchpad + self.answer

    @property
    def written(self) -> float:
        """Tokens that are sampled: transcripts, greedy ones, answers in cells, regenerated text."""
        transcripts = 2 * (self.cases + self.questions) * (self.scratchpad + self.answer)
        cells = 4 * self.samples * self.cases * self.answer
        return transcripts + cells + self.cases * self.scratchpad

    @property
    def variants(self) -> dict[str, float]:
        """Variants of a case by what of the scratchpad they read anew: its share."""
        return {"tail": 2 * (self.steps + 3), "half": 2 * 2 * self.steps, "whole": 2 * 13}

    @property
    def scored(self) -> float:
        """Tokens read to score all cases, shared ones once."""
        tail = self.answers * self.answer
        shares = {"tail": 0.0, "half": 0.5, "whole": 1.0}
        edited = sum(
            count * (shares[kind] * self.scratchpad + tail) for kind, count in self.variants.items()
        )
        return self.cases * (2 * (self.prompt + self.scratchpad + tail) + edited)

    @property
    def scored_apart(self) -> float:
        """The same with a call of its own for each answer of each variant."""
        return self.cases * self.answers * sum(self.variants.values()) * self.context


def rows(plan: Plan, model: Model) -> list[tuple[str, str]]:
    """What the plan costs on a model, a line each."""
    reading = model.flops(plan.scored, plan.context) / (PEAK * READING) / 3600
    writing = model.flops(plan.written, plan.context) / (PEAK * WRITING) / 3600
    apart = model.flops(plan.scored_apart, plan.context) / (PEAK * READING) / 3600
    transcripts = 2 * plan.cases
    activations = transcripts * (model.layers + 1) * 3 * model.width * HALF
    kept = plan.cases * 2 * sum(plan.variants.values()) * BYTES_A_ROW
    weights = model.parameters * HALF
    return [
        ("tokens sampled", f"{plan.written / 1e6:,.1f} M"),
        ("tokens read to score, shared ones once", f"{plan.scored / 1e6:,.1f} M"),
        ("tokens read with a call each", f"{plan.scored_apart / 1e6:,.1f} M"),
        ("FLOPs of scoring", f"{model.flops(plan.scored, plan.context):.1e}"),
        ("FLOPs of sampling", f"{model.flops(plan.written, plan.context):.1e}"),
        ("H100-hours of scoring", f"{reading:,.1f}"),
        ("H100-hours of scoring, a call each", f"{apart:,.1f}"),
        ("H100-hours of sampling", f"{writing:,.1f}"),
        ("weights in bf16", f"{weights / 1e9:,.0f} GB"),
        ("H100s that hold them, with a fifth to spare", f"{-(-weights * 1.2 // MEMORY):.0f}"),
        ("activations, all layers, 3 positions, bf16", f"{activations / 1e9:,.2f} GB"),
        ("outcomes and texts of variants", f"{kept / 1e6:,.0f} MB"),
        ("FLOPs of training on a million tokens", f"{6 * model.parameters * 1e6:.1e}"),
    ]


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    usual = Plan()
    for name in ("questions", "draws", "prompt", "scratchpad", "steps", "answer"):
        parser.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    plan = Plan(**vars(parser.parse_args()))
    columns = [dict(rows(plan, model)) for model in MODELS]
    print(f"| | {' | '.join(model.name for model in MODELS)} |\n|---|{'---|' * len(MODELS)}")
    for name in columns[0]:
        print(f"| {name} | {' | '.join(column[name] for column in columns)} |")


if __name__ == "__main__":
    main()
