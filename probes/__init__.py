"""Probes: can activations tell what a model is about to do, beyond what its text tells?

A library in the order of its use:

`collect` makes `Examples` of judged transcripts, with the positions to read (`locate`, `expand`):
a `Place` each, together `Texts`;
`capture` reads the residual stream there, at the layers of `layers_of`, into memory; `record`
straight into a `Store` on disk; `streamed_moments` into the `Moments` of each class;
`DifferenceOfMeans`, `MassMean`, `RidgeProbe` and `LogisticProbe` are the probes, scikit-learn
classifiers; `MeanPairDifference`, `PCAContrast` and `CCS` learn from contrast pairs instead;
`group_folds`, `cross_scores` and `choose` score and choose on questions not seen before;
`Resamples`, `estimate` (of `auroc`) and `auroc_difference` say how sure that is; `text_scores`,
`shuffled_labels` and `random_directions` are what a probe must beat;
`contrast_sets` reads generic pairs that need no example of a behaviour, `mahalanobis` and the other
detectors beside it no label at all; `steered` adds a direction or takes it out.

`probes.experiments` puts them together, one folder a question: `detection`, `transfer`, `anomaly`,
`contrast`, `trajectory`, `steering`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.activations import capture, layers_of
    from probes.controls import random_directions, shuffled_labels
    from probes.crossvalidation import choose, cross_scores, group_folds
    from probes.evaluation import Resamples, auroc_difference, estimate
    from probes.examples import Examples, collect
    from probes.experiments.anomaly.distances import mahalanobis
    from probes.experiments.contrast.sets import contrast_sets
    from probes.experiments.steering.edits import steered
    from probes.fits import DifferenceOfMeans, LogisticProbe, MassMean, RidgeProbe
    from probes.metrics import auroc
    from probes.moments import Moments, streamed_moments
    from probes.pairs import CCS, MeanPairDifference, PCAContrast
    from probes.positions import Place, expand, locate
    from probes.store import Store, record
    from probes.text_baselines import text_scores
    from probes.texts import Texts

__all__ = [
    "CCS",
    "DifferenceOfMeans",
    "Examples",
    "LogisticProbe",
    "MassMean",
    "MeanPairDifference",
    "Moments",
    "PCAContrast",
    "Place",
    "Resamples",
    "RidgeProbe",
    "Store",
    "Texts",
    "auroc",
    "auroc_difference",
    "capture",
    "choose",
    "collect",
    "contrast_sets",
    "cross_scores",
    "estimate",
    "expand",
    "group_folds",
    "layers_of",
    "locate",
    "mahalanobis",
    "random_directions",
    "record",
    "shuffled_labels",
    "steered",
    "streamed_moments",
    "text_scores",
]

_HOMES = {
    "activations": ("capture", "layers_of"),
    "controls": ("random_directions", "shuffled_labels"),
    "experiments.anomaly.distances": ("mahalanobis",),
    "experiments.contrast.sets": ("contrast_sets",),
    "crossvalidation": ("choose", "cross_scores", "group_folds"),
    "evaluation": ("Resamples", "auroc_difference", "estimate"),
    "examples": ("Examples", "collect"),
    "fits": ("DifferenceOfMeans", "LogisticProbe", "MassMean", "RidgeProbe"),
    "metrics": ("auroc",),
    "pairs": ("CCS", "MeanPairDifference", "PCAContrast"),
    "moments": ("Moments", "streamed_moments"),
    "positions": ("Place", "expand", "locate"),
    "experiments.steering.edits": ("steered",),
    "store": ("Store", "record"),
    "text_baselines": ("text_scores",),
    "texts": ("Texts",),
}


def __getattr__(name: str) -> Any:
    """Load a name on first use: importing torch and scikit-learn takes seconds."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"probes.{home}"), name)
    raise AttributeError(f"module 'probes' has no attribute {name!r}")
