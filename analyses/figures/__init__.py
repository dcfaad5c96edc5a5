"""Figures: pure functions from tables to pictures.

Every figure is a frozen dataclass: called with a run's tables it returns a Matplotlib `Figure`;
`.data(...)` returns the plotted values, `.caption(data)` a caption with n.

>>> sorted(FIGURES)
['anomaly-layers', 'calibration', 'cells-along-training', 'contexts', 'contrast-layers',
 'distillation', 'early-answering', 'effect-against-surprisal', 'four-cells', 'interventions',
 'monitorability-plane', 'persistence', 'probe-heatmap', 'safety-training', 'steering',
 'step-attribution', 'trajectory', 'transfer-matrix']

`save` writes one figure in every format; `draw_all` draws what a run's tables allow.
`save_leaderboard` writes the leaderboard of a calibration as Markdown, LaTeX and CSV.
"""

from analyses.figures.anomaly_layers import AnomalyLayers
from analyses.figures.base import TableFigure
from analyses.figures.calibration import Calibration
from analyses.figures.cells_along_training import CellsAlongTraining
from analyses.figures.contexts import Contexts
from analyses.figures.contrast_layers import ContrastLayers
from analyses.figures.distillation import DistillationCurve
from analyses.figures.early_answering import EarlyAnswering
from analyses.figures.four_cells import FourCells
from analyses.figures.interventions import Interventions
from analyses.figures.leaderboard import leaderboard_rows, save_leaderboard
from analyses.figures.monitorability_plane import MonitorabilityPlane
from analyses.figures.output import draw_all, save
from analyses.figures.persistence import Persistence
from analyses.figures.probe_heatmap import ProbeHeatmap
from analyses.figures.registry import FIGURES
from analyses.figures.safety_training import SafetyTraining
from analyses.figures.steering import SteeringCurves
from analyses.figures.step_attribution import StepAttribution
from analyses.figures.surprisal import EffectAgainstSurprisal
from analyses.figures.trajectory import Trajectory
from analyses.figures.transfer_matrix import TransferMatrix

__all__ = [
    "FIGURES",
    "AnomalyLayers",
    "Calibration",
    "CellsAlongTraining",
    "Contexts",
    "ContrastLayers",
    "DistillationCurve",
    "EarlyAnswering",
    "EffectAgainstSurprisal",
    "FourCells",
    "Interventions",
    "MonitorabilityPlane",
    "Persistence",
    "ProbeHeatmap",
    "SafetyTraining",
    "SteeringCurves",
    "StepAttribution",
    "TableFigure",
    "Trajectory",
    "TransferMatrix",
    "draw_all",
    "leaderboard_rows",
    "save",
    "save_leaderboard",
]
