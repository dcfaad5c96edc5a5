"""Figures: pure functions from tables to pictures.

Every figure is a frozen dataclass: called with a run's tables it returns a Matplotlib `Figure`;
`.data(...)` returns the plotted values, `.caption(data)` a caption with n.

>>> sorted(FIGURES)
['adding-mistakes', 'anomaly-layers', 'calibration', 'cells-along-training', 'contexts',
 'contrast-layers', 'distillation', 'early-answering', 'effect-against-surprisal', 'filler',
 'four-cells', 'interventions', 'mediation-bars', 'monitorability-plane', 'persistence',
 'probe-heatmap', 'roc', 'safety-training', 'score-distributions', 'steering',
 'step-attribution', 'step-importance', 'trajectory', 'transfer-matrix']

`save` writes one figure in every format; `draw_all` draws what a run's tables allow;
`draw_figures` does so in a `Look` (width and style) and says why others are not drawn.
`save_leaderboard` writes the leaderboard of a calibration as Markdown, LaTeX and CSV.
"""

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
from analyses.figures.leaderboard import leaderboard_rows, save_leaderboard
from analyses.figures.look import Look
from analyses.figures.mediation_bars import MediationBars
from analyses.figures.monitorability_plane import MonitorabilityPlane
from analyses.figures.output import draw_all, draw_figures, save
from analyses.figures.persistence import Persistence
from analyses.figures.probe_heatmap import ProbeHeatmap
from analyses.figures.registry import FIGURES
from analyses.figures.roc import RocCurve
from analyses.figures.safety_training import SafetyTraining
from analyses.figures.score_distributions import ScoreDistributions
from analyses.figures.steering import SteeringCurves
from analyses.figures.step_attribution import StepAttribution
from analyses.figures.step_importance import StepImportance
from analyses.figures.surprisal import EffectAgainstSurprisal
from analyses.figures.trajectory import Trajectory
from analyses.figures.transfer_matrix import TransferMatrix

__all__ = [
    "FIGURES",
    "AddingMistakes",
    "AnomalyLayers",
    "Calibration",
    "CellsAlongTraining",
    "Contexts",
    "ContrastLayers",
    "DistillationCurve",
    "EarlyAnswering",
    "EffectAgainstSurprisal",
    "FillerCurve",
    "FourCells",
    "Interventions",
    "Look",
    "MediationBars",
    "MonitorabilityPlane",
    "Persistence",
    "ProbeHeatmap",
    "RocCurve",
    "SafetyTraining",
    "ScoreDistributions",
    "SteeringCurves",
    "StepAttribution",
    "StepImportance",
    "TableFigure",
    "Trajectory",
    "TransferMatrix",
    "draw_all",
    "draw_figures",
    "leaderboard_rows",
    "save",
    "save_leaderboard",
]
