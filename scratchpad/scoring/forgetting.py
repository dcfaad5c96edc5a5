"""Negative preference optimisation of some tokens, the rest of the text held in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

BETA = 0.1
UPDATES = 5
# Learning rate times intermediate size. An update by AdamW moves every weight by about the rate,
# and what the matrix gives by about as much times the weights it sums over. The four rates that the
# source chose come to .07 to .82 by this measure.
REACH = 0.4


def negative_preference(now: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """NPO loss -2 / beta log sigmoid(-beta (now - before)) of Zhang et al. 2024, beta .1.

    Parameters
    ----------
    now, before
        Log-probability of the unwanted text under the model and under what it was.

    Returns
    -------
    Tensor
        Larger: the text is more likely. Its slope in `now` is 2 sigmoid(beta (now - before)): 1
        at the start, as in gradient ascent, and 0 where the text is forgotten.
    """
    return -2 / BETA * functional.logsigmoid(-BETA * (now - before))


def forget(
    model: Any, weights: Sequence[torch.Tensor], ids: Sequence[int], places: Sequence[int]
) -> None:
    """Make tokens of a text unlikely by changing some of the model's weights, in place.

    The loss is NPO on the sum of the tokens' log-probabilities, plus the mean KL(before || now)
    over all other tokens of the text, at weight 1; minimised by `UPDATES` steps of AdamW with a
    rate that falls linearly to 0 (technion-cs-nlp/parametric-faithfulness, whose KL is taken on
    another question's scratchpad). Weights of less than 32 bits are optimised in 32 bits and
    rounded after every update.

    Parameters
    ----------
    model
        A Hugging Face causal LM in evaluation mode.
    weights
        Those of its parameters that may change; matrices with one side of the hidden size.
    ids
        The whole text.
    places
        Where in the text the tokens stand that are to be forgotten; none is the first.
    """
    tokens = torch.tensor([list(ids)], device=model.device)
    unwanted = torch.zeros(len(ids) - 1, dtype=torch.bool, device=model.device)
    unwanted[[place - 1 for place in places]] = True
    with torch.no_grad():
        before = _log_probabilities(model, tokens)
    optimiser = _Optimiser(weights, int(model.config.get_text_config().hidden_size))
    for _ in range(UPDATES):
        loss = _loss(_log_probabilities(model, tokens), before, tokens[0, 1:], unwanted)
        optimiser.update(torch.autograd.grad(loss, list(weights)))


class _Optimiser:
    """AdamW on copies of at least 32 bits, written back after every update."""

    def __init__(self, weights: Sequence[torch.Tensor], width: int) -> None:
        self._weights = weights
        self._masters = [_master(weight) for weight in weights]
        groups = [{"params": [m], "lr": REACH * width / m.numel()} for m in self._masters]
        self._adam = torch.optim.AdamW(groups)
        self._schedule = LambdaLR(self._adam, lambda update: 1 - update / UPDATES)

    @torch.no_grad()
    def update(self, gradients: Sequence[torch.Tensor]) -> None:
        """Take one step."""
        for master, gradient in zip(self._masters, gradients, strict=True):
            master.grad = gradient.to(master.dtype)
        self._adam.step()
        self._schedule.step()
        for weight, master in zip(self._weights, self._masters, strict=True):
            weight.copy_(master)


def _master(weight: torch.Tensor) -> torch.Tensor:
    kind = torch.promote_types(weight.dtype, torch.float32)
    return weight.detach().to(kind, copy=True).requires_grad_()


def _log_probabilities(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """What the model expects of each token but the first: (tokens - 1, vocabulary)."""
    logits = model(input_ids=tokens, use_cache=False).logits[0, :-1]
    return torch.log_softmax(logits.float(), dim=-1)


def _loss(
    now: torch.Tensor, before: torch.Tensor, targets: torch.Tensor, unwanted: torch.Tensor
) -> torch.Tensor:
    said = targets[unwanted, None]
    likely, was = (scores[unwanted].gather(1, said).sum() for scores in (now, before))
    held = functional.kl_div(
        now[~unwanted], before[~unwanted], reduction="batchmean", log_target=True
    )
    return negative_preference(likely, was) + held
