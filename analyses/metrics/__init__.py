"""Published metrics of faithfulness, computed from the tables of a run.

A metric is a frozen dataclass that is called with a table, the name of a scorer and a seed, and
gives numbers with intervals for clean and for triggered rows apart; its docstring says what a
larger number means. `METRICS` names them all.

Curves: `EarlyAnswering`, `AddingMistakes`. Whole texts: `ReplacedText`.
Steps: `StepEdit`, `ForcedImportance`, `ResamplingImportance`, `Unlearning`.
Where the answer looks: `AttentionMediation`, `EditDivergence`, `SelfConsistency`.
Corrections: `InstabilityCorrectedAgreement`, `DisguisedAccuracy`. Readers: `Monitorability`.
"""

from __future__ import annotations

from typing import Final

from analyses.metrics.agreement import DisguisedAccuracy, InstabilityCorrectedAgreement
from analyses.metrics.attribution import SelfConsistency
from analyses.metrics.base import Findings, Metric
from analyses.metrics.curves import AddingMistakes, EarlyAnswering
from analyses.metrics.divergence import AttentionMediation, EditDivergence
from analyses.metrics.monitorability import Monitorability
from analyses.metrics.replaced import ReplacedText
from analyses.metrics.resampling import ResamplingImportance
from analyses.metrics.steps import ForcedImportance, StepEdit, StepMetric
from analyses.metrics.unlearning import Unlearning

__all__ = [
    "METRICS",
    "AddingMistakes",
    "AttentionMediation",
    "DisguisedAccuracy",
    "EarlyAnswering",
    "EditDivergence",
    "Findings",
    "ForcedImportance",
    "InstabilityCorrectedAgreement",
    "Metric",
    "Monitorability",
    "ReplacedText",
    "ResamplingImportance",
    "SelfConsistency",
    "StepEdit",
    "StepMetric",
    "Unlearning",
]

METRICS: Final[dict[str, Metric]] = {
    "early-answering": EarlyAnswering(),
    "adding-mistakes": AddingMistakes(),
    "adding-mistakes-in-place": AddingMistakes(in_place=True),
    "paraphrase": ReplacedText("paraphrase"),
    "filler": ReplacedText("filler"),
    "emptied": ReplacedText("empty"),
    "step-deletion": StepEdit("drop-step"),
    "step-flip": StepEdit("flip-step"),
    "forced-importance": ForcedImportance(),
    "resampling-importance": ResamplingImportance(),
    "counterfactual-importance": ResamplingImportance(counterfactual=True),
    "unlearning": Unlearning(),
    "cc-shap": SelfConsistency(),
    "attention-mediation": AttentionMediation(),
    "edit-divergence": EditDivergence(),
    "instability-corrected-agreement": InstabilityCorrectedAgreement(),
    "disguised-accuracy": DisguisedAccuracy(),
    "monitorability-rule": Monitorability("rule"),
    "monitorability-text": Monitorability("text"),
    "monitorability-judge": Monitorability("judge"),
}
