"""Every figure by its name, in the order of a report."""

from __future__ import annotations

from typing import Final

from analyses.figures.adding_mistakes import AddingMistakes
from analyses.figures.anomaly_layers import AnomalyLayers
from analyses.figures.base import TableFigure
from analyses.figures.calibration import Calibration
from analyses.figures.cells_along_training import CellsAlongTraining
from analyses.figures.contexts import Contexts
from analyses.figures.contrast_layers import ContrastLayers
from analyses.figures.distillation import DistillationCurve
from analyses.figures.early_answering import EarlyAnswering
from analyses.figures.filler import FillerCurve
from analyses.figures.four_cells import FourCells
from analyses.figures.interventions import Interventions
from analyses.figures.mediation_bars import MediationBars
from analyses.figures.monitorability_plane import MonitorabilityPlane
from analyses.figures.persistence import Persistence
from analyses.figures.probe_heatmap import ProbeHeatmap
from analyses.figures.roc import RocCurve
from analyses.figures.safety_training import SafetyTraining
from analyses.figures.score_distributions import ScoreDistributions
from analyses.figures.steering import SteeringCurves
from analyses.figures.step_attribution import StepAttribution
from analyses.figures.step_importance import StepImportance
from analyses.figures.surprisal import EffectAgainstSurprisal
from analyses.figures.trajectory import Trajectory
from analyses.figures.transfer_matrix import TransferMatrix

FIGURES: Final[dict[str, TableFigure]] = {
    "four-cells": FourCells(),
    "early-answering": EarlyAnswering(),
    "adding-mistakes": AddingMistakes(),
    "filler": FillerCurve(),
    "step-importance": StepImportance(),
    "interventions": Interventions(),
    "effect-against-surprisal": EffectAgainstSurprisal(),
    "mediation-bars": MediationBars(),
    "roc": RocCurve(),
    "score-distributions": ScoreDistributions(),
    "probe-heatmap": ProbeHeatmap(),
    "anomaly-layers": AnomalyLayers(),
    "contrast-layers": ContrastLayers(),
    "steering": SteeringCurves(),
    "trajectory": Trajectory(),
    "transfer-matrix": TransferMatrix(),
    "cells-along-training": CellsAlongTraining(),
    "contexts": Contexts(),
    "distillation": DistillationCurve(),
    "safety-training": SafetyTraining(),
    "calibration": Calibration(),
    "monitorability-plane": MonitorabilityPlane(),
    "step-attribution": StepAttribution(),
    "persistence": Persistence(),
}
