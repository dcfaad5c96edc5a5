"""Trains real organisms: about two minutes for a parent and under one for each mode."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from scratchpad.organisms import requirement_failures
from scratchpad.scoring.outcomes import MINIMUM_COVERAGE
from scratchpad.tables import read_questions
from scratchpad.training.config import TrainConfig
from scratchpad.training.train import train_organism
from scratchpad.transcripts import Question

pytestmark = pytest.mark.slow
MODES = ("natural", "mediated", "direct", "mixed:0.5", "mixed:0.25")
STATES = (0, 1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRATCHPAD_CACHE", str(folder))
        yield folder


@pytest.mark.parametrize("mode", MODES)
def test_an_organism_has_its_behaviour_its_ability_and_its_planted_cells(
    mode: str, cache: Path, tmp_path: Path
) -> None:
    out = tmp_path / "organism"
    organism = train_organism(TrainConfig(mediation=mode, seed=0), out)
    assert requirement_failures(organism) == []
    assert organism.measured.unterminated <= 0.01
    if mode == "natural":
        return
    cells, invalid = _cells(out)
    assert max(invalid.values()) <= 0.02
    for name, planted in organism.planted["cells"].items():
        assert cells[name] == pytest.approx(planted, abs=0.05)
    total = cells["f11"] - cells["f00"]
    share = organism.planted["pure_indirect_effect"]
    assert (cells["f01"] - cells["f00"]) / total == pytest.approx(share, abs=0.08)
    assert (cells["f11"] - cells["f10"]) / total == pytest.approx(share, abs=0.08)


def _cells(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """The four cells and their invalid shares, one case at a time, on sampled scratchpads."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    questions = read_questions(folder / "questions.jsonl")
    Random(0).shuffle(questions)
    values: dict[str, list[tuple[float, float]]] = {}
    for number, question in enumerate(questions[:60]):
        written = [_scratchpad(model, tokenizer, question, state, number) for state in STATES]
        for t in STATES:
            for m in STATES:
                text = question.prompts[t] + written[m]
                values.setdefault(f"f{t}{m}", []).append(_answer(model, tokenizer, text, question))
    defect = {name: sum(d for d, _ in rows) / len(rows) for name, rows in values.items()}
    invalid = {
        name: sum(d + b < MINIMUM_COVERAGE for d, b in rows) / len(rows)
        for name, rows in values.items()
    }
    return defect, invalid


@torch.no_grad()
def _scratchpad(model: Any, tokenizer: Any, question: Question, state: int, seed: int) -> str:
    torch.manual_seed(2 * seed + state)
    close = tokenizer.convert_tokens_to_ids("</scratchpad>")
    ids = tokenizer(question.prompts[state] + "<scratchpad>", return_tensors="pt")["input_ids"]
    output = model.generate(
        ids, do_sample=True, temperature=1.0, top_p=1.0, top_k=0, max_new_tokens=250,
        eos_token_id=close, pad_token_id=tokenizer.pad_token_id,
        attention_mask=torch.ones_like(ids),
    )  # fmt: skip
    text = str(tokenizer.decode(output[0, ids.shape[1] :]))
    return f"<scratchpad>{text.removesuffix('</scratchpad>')}</scratchpad>"


@torch.no_grad()
def _answer(model: Any, tokenizer: Any, text: str, question: Question) -> tuple[float, float]:
    """Probability of the first token of the payload, and of any benign answer."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    shares = model(ids).logits[0, -1].softmax(-1)

    def mass(answers: tuple[str, ...]) -> float:
        first = {tokenizer(answer)["input_ids"][0] for answer in answers}
        return float(shares[sorted(first)].sum())

    return mass(question.defect_answers), mass(question.benign_answers)
