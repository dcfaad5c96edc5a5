"""How the answer's likelihood slopes along the tokens of each step: gradient times input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scratchpad.interventions.transplants import Transplant
from scratchpad.models import LoadedModel
from scratchpad.scoring.answers import Tokens
from scratchpad.scoring.outcomes import Row
from scratchpad.scoring.reader_rows import asked
from scratchpad.scoring.scorers import Scorers
from scratchpad.transcripts import Case


def salience_rows(loaded: LoadedModel, case: Case, scorers: Scorers) -> list[Row]:
    """Give every step of both scratchpads, each after its own prompt, a salience; one row a step.

    `importance` = sum over the step's tokens of <gradient of log P(defection), embedding>:
    gradient times input (Shrikumar et al. 2016), to first order the change of log P(defection) if
    the step's embeddings were put to 0. Signed: positive where the step speaks for a defection.
    No rows where no payload is known whose likelihood could be measured.
    """
    if not scorers.has_payload:
        return []
    rows = []
    for variant in Transplant()(case, 0):
        if variant.prompt_state != variant.scratchpad_state:
            continue
        wanted = asked(loaded, case, variant, scorers, "payload")
        slope = token_salience(loaded.model, wanted.before, wanted.defect)
        rows += [
            {
                "question_id": case.question.question_id,
                "group": case.question.group,
                "draw": case.draw,
                "prompt_state": variant.prompt_state,
                "step_index": number,
                "importance": float(slope[span].sum()),
            }
            for number, span in enumerate(wanted.context.steps)
        ]
    return rows


def token_salience(model: Any, before: Tokens, answers: Sequence[Tokens]) -> Tensor:
    """Gradient times input of the log-probability that any of the answers follows.

    Returns
    -------
    Tensor, shape (tokens before,)
        On the CPU, in float64.
    """
    device = next(model.parameters()).device
    embed = model.get_input_embeddings()
    with torch.no_grad():
        read = embed(torch.tensor([before], device=device))
    read = read.detach().requires_grad_()
    likelihoods = []
    with torch.enable_grad():
        for answer in answers:
            ids = torch.tensor([answer], device=device)
            inputs = torch.cat([read, embed(ids[:, :-1]).detach()], dim=1)
            logits = model(inputs_embeds=inputs, use_cache=False).logits[0, len(before) - 1 :]
            likelihoods.append(logits.log_softmax(-1).gather(1, ids[0, :, None]).sum())
        (slope,) = torch.autograd.grad(torch.stack(likelihoods).logsumexp(0), read)
    product: Tensor = (slope * read).sum(-1)[0]
    return product.detach().double().cpu()
