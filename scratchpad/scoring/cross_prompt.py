"""Answer under one prompt, from scratchpad states computed under the other.

The prompt can also act through hidden states *at* scratchpad positions. Here one sequence holds
both prompts, the scratchpad and the answer: the scratchpad attends to one prompt, the answer to
the other, and both prompts end at the same position, so that relative positions are those of an
ordinary sequence.
"""

from __future__ import annotations

from typing import Any

import torch

from scratchpad.encoding import Encoded
from scratchpad.models import LoadedModel
from scratchpad.scoring.likelihood import token_log_probabilities
from scratchpad.scoring.prefix_tree import Request

TOLERANCE = 1e-3


@torch.inference_mode()
def cross_prompt_log_probability(
    model: Any, answered: Encoded, computed: Encoded, length: int
) -> float:
    """Log-probability (nats) of the first `length` answer tokens.

    Parameters
    ----------
    model
        A Hugging Face causal LM that takes a 4-D mask and position ids.
    answered, computed
        The same scratchpad and answer, encoded after the prompt that the answer reads and after
        the prompt that the scratchpad reads. Equal prompts give the ordinary log-probability.
    length
        How many answer tokens are scored.
    """
    read, other = answered.ids[answered.prompt], computed.ids[computed.prompt]
    body = computed.ids[computed.prompt.stop : computed.close.start]
    tail = answered.ids[answered.close.start : answered.answer.start + length]
    ids = torch.tensor([[*read, *other, *body, *tail]], device=model.device)
    positions = _positions(len(read), len(other), len(body) + len(tail)).to(model.device)
    allowed = _allowed(len(read), len(other), len(body), len(tail))
    mask = torch.zeros(allowed.shape, dtype=model.dtype)
    mask = mask.masked_fill(~allowed, torch.finfo(model.dtype).min)[None, None].to(model.device)
    output = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False)
    scores = torch.log_softmax(output.logits[0].float(), dim=-1)
    targets = torch.tensor(tail[-length:], device=model.device)[:, None]
    return float(scores[-length - 1 : -1].gather(1, targets).double().sum())


def supports_cross_prompt(loaded: LoadedModel, encoded: Encoded, length: int) -> bool:
    """Whether the joint sequence reproduces this model's ordinary log-probability.

    Models whose positions, windows or masks do not allow it (ALiBi, sliding windows) are found
    out by comparison rather than from a list of names.
    """
    request = Request(encoded.ids[: encoded.answer.start + length], encoded.answer.start)
    (expected,) = token_log_probabilities(
        loaded.model, [request], context_length=loaded.context_length
    )
    try:
        found = cross_prompt_log_probability(loaded.model, encoded, encoded, length)
    except (TypeError, ValueError, RuntimeError):
        return False
    return abs(found - float(expected.sum())) < TOLERANCE


def _positions(read: int, other: int, rest: int) -> torch.Tensor:
    end = max(read, other)
    return torch.cat(
        [
            torch.arange(end - read, end),
            torch.arange(end - other, end),
            torch.arange(end, end + rest),
        ]
    )[None]


def _allowed(read: int, other: int, body: int, tail: int) -> torch.Tensor:
    """Who may attend to whom: (tokens, tokens), rows attend to columns."""
    total = read + other + body + tail
    allowed = torch.tril(torch.ones(total, total, dtype=torch.bool))
    scratchpad, answer = read + other, read + other + body
    allowed[read:answer, :read] = False
    allowed[answer:, read:scratchpad] = False
    return allowed
