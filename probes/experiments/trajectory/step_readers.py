"""Every reader at the end of each step: of activations, of the text, of forced answers.

A reader is fitted at each step anew, on what stands there, and chosen there on training folds:
layer, probe and penalty, or the kind of text reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from probes.captured import Activations
from probes.crossvalidation import Scores, choose
from probes.examples import Examples
from probes.experiments.trajectory.thresholds import Flagged, flag
from probes.grid import PROBES, nested_scores
from probes.metrics import Flags, Floats, Integers
from probes.text_baselines import text_scores

Key = TypeVar("Key", bound=Hashable)


class StepFlags(NamedTuple):
    """What one reader flags along the steps.

    Parameters
    ----------
    passed : array of bool, shape (n, steps)
        False where a transcript lacks the step.
    benign : array of int, shape (steps,)
        Fewest benign prefixes that any transcript was compared with.
    chosen : tuple of str, length steps
        What most folds read there.
    above : array, shape (n, steps)
        Share of the benign prefixes of other questions that score lower; NaN where absent.
    """

    passed: Flags
    benign: Integers
    chosen: tuple[str, ...]
    above: Floats

    @classmethod
    def stack(cls, steps: Sequence[tuple[Flagged, str]]) -> Self:
        """Put single steps together."""
        return cls(
            np.stack([flagged.passed for flagged, _ in steps], axis=1),
            np.array([flagged.benign.min() for flagged, _ in steps]),
            tuple(chosen for _, chosen in steps),
            np.stack([flagged.above for flagged, _ in steps], axis=1),
        )


def probe_steps(
    examples: Examples, activations: Activations, folds: Integers, steps: int
) -> StepFlags:
    """Read the residual stream at the end of each step."""
    found = []
    for step in range(steps):
        candidates = {
            (f"{probe}, layer {layer}", penalty): scores
            for layer in activations.layers
            for probe in PROBES
            for penalty, scores in enumerate(
                _by_penalty(probe, activations.layer(layer)[:, step], examples, folds, step)
            )
        }
        found.append(_flag_by_choice(candidates, examples.labels, folds, lambda key: key[0]))
    return StepFlags.stack(found)


def text_steps(examples: Examples, folds: Integers, steps: int, *, with_prompt: bool) -> StepFlags:
    """Read the text up to the end of each step, or what of it follows the prompt.

    Without the prompt there is nothing to read at step 0: nobody is flagged.
    """
    labels = examples.labels
    found = []
    for step in range(steps):
        if step == 0 and not with_prompt:
            silence = np.zeros((len(labels), int(folds.max()) + 1))
            everybody = np.ones(len(labels), dtype=np.bool_)
            found.append((flag(silence, labels, folds, everybody), "nothing to read"))
            continue
        texts = _prefixes(examples, step, with_prompt)
        candidates = text_scores(*texts, labels, folds, examples.present(step))
        found.append(_flag_by_choice(candidates, labels, folds, str))
    return StepFlags.stack(found)


def forced_steps(probabilities: Floats, labels: Flags, folds: Integers) -> StepFlags:
    """Take the probability of a defection as the score; nothing is fitted.

    Parameters
    ----------
    probabilities : array, shape (n, steps)
        When the answer is forced after that step; NaN where a transcript lacks it.
    labels, folds : array, shape (n,)
    """
    everybody, count = np.ones(len(labels), dtype=np.bool_), int(folds.max()) + 1
    return StepFlags.stack(
        [
            (flag(np.tile(step[:, None], count), labels, folds, everybody), "forced answer")
            for step in probabilities.T
        ]
    )


def _by_penalty(
    probe: str, features: NDArray[np.float32], examples: Examples, folds: Integers, step: int
) -> list[Scores]:
    """A probe's scores with each penalty: one model judges a row and those it is compared with."""
    arrays = features, examples.labels[None], folds, examples.present(step)
    tensors = (torch.from_numpy(np.ascontiguousarray(one)) for one in arrays)
    nested = nested_scores(PROBES[probe], *tensors)
    return [
        Scores(held_out.numpy(), inner.numpy())
        for held_out, inner in zip(nested.held_out[0], nested.inner[0], strict=True)
    ]


def _prefixes(
    examples: Examples, step: int, with_prompt: bool
) -> tuple[Sequence[Sequence[int]], Sequence[str]]:
    """Tokens and text of each transcript up to the step's end."""
    tokens = examples.prefix_ids(step)
    texts = [row[step] for row in examples.prefixes]
    if with_prompt:
        return tokens, texts
    ends = examples.positions[:, 0, 1]
    return (
        [ids[end:] for ids, end in zip(tokens, ends, strict=True)],
        [text[len(row[0]) :] for text, row in zip(texts, examples.prefixes, strict=True)],
    )


def _flag_by_choice(
    candidates: Mapping[Key, Scores], labels: Flags, folds: Integers, name: Callable[[Key], str]
) -> tuple[Flagged, str]:
    """Flag each fold by the candidate that does best on the others."""
    keys = choose(candidates, labels, folds).keys
    passed, benign = np.zeros(len(labels), dtype=np.bool_), np.zeros(len(labels), dtype=np.intp)
    above = np.full(len(labels), np.nan)
    for fold, key in enumerate(keys):
        inside = folds == fold
        flagged = flag(candidates[key].inner, labels, folds, inside)
        passed |= flagged.passed
        benign[inside], above[inside] = flagged.benign[inside], flagged.above[inside]
    ((favourite, _),) = Counter(map(name, keys)).most_common(1)
    return Flagged(passed, benign, above), favourite
