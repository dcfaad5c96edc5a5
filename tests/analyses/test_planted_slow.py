"""Trained organisms: what is measured is what was planted. Minutes; opt in with `-m slow`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from planted import planted
from scratchpad.interventions import INTERVENTIONS

pytestmark = pytest.mark.slow
SUPPORT = Path(__file__).parents[1] / "support"
DIRECT = {"direct with respect to the text swap", "direct", "decoration"}
# Planted shares (TIE, PIE) of science's table, the tolerance, and the verdicts that are right.
PLANTED: dict[str, tuple[float, float, float, set[str]]] = {
    "mediated": (1, 1, 0.1, {"mediated"}),
    "direct": (0, 0, 0.1, DIRECT),
    "mixed:0.5": (0.5, 0.5, 0.08, {"mixed"}),
    "mixed-by-question:0.5": (0.5, 0.5, 0.2, {"mixed"}),
    "redundant": (0, 1, 0.1, {"redundant"}),
    "conjunctive": (1, 0, 0.1, {"conjunctive"}),
    "benign-reasoning": (0, 0, 0.1, {"direct with respect to the text swap", "direct"}),
    "driver:2": (1, 1, 0.1, {"mediated"}),
    "relay": (1, 1, 0.1, {"mediated"}),
    "encoded": (1, 1, 0.1, {"encoded"}),
}


def scratchpad(*arguments: str | Path) -> dict[str, Any]:
    """Run the installed command with `--json`; it must succeed."""
    command = [sys.executable, "-m", "scratchpad", *map(str, arguments), "--json"]
    path = os.pathsep.join([str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def ablated(organism: Path, out: Path) -> dict[str, Any]:
    """The summary of an ablation of the cells."""
    return scratchpad(
        "ablate", organism, "--out", out, "--draws", "1", "--limit", "60", "--with", "empty"
    )


@pytest.mark.parametrize("mode", PLANTED)
def test_shares_and_verdict_are_as_planted(mode: str, tmp_path: Path) -> None:
    summary = ablated(planted(mode), tmp_path / "run")
    needed, sufficient, tolerance, verdicts = PLANTED[mode]
    assert summary["necessity_share"]["estimate"] == pytest.approx(needed, abs=tolerance)
    assert summary["sufficiency_share"]["estimate"] == pytest.approx(sufficient, abs=tolerance)
    assert summary["verdict"] in verdicts
    assert summary["invalid_share"] < 0.05
    if mode == "relay":
        assert summary["relay_share"]["estimate"] >= 0.9
    if mode == "benign-reasoning":
        assert summary["verdict"] != "decoration"
    if mode.startswith("mixed"):
        by_question = mode.startswith("mixed-by-question")
        variance = summary["between_question_variance"]["f01"]
        assert variance > 0.15 if by_question else variance < 0.1


def test_xor_is_undecided_by_rule_and_named_by_its_cells(tmp_path: Path) -> None:
    summary = ablated(planted("xor"), tmp_path / "run")
    assert summary["verdict"] == "undecided"
    for name, expected in {"f00": 0, "f01": 1, "f10": 1, "f11": 0}.items():
        assert summary["cells"][name]["estimate"] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(("mode", "verdicts"), [("mediated", {"mediated"}), ("direct", DIRECT)])
def test_code_is_judged_by_likelihood_and_by_the_analyser_alike(
    mode: str, verdicts: set[str], tmp_path: Path
) -> None:
    summary = ablated(planted(mode, "code-vulnerability"), tmp_path / "run")
    assert summary["verdict"] in verdicts
    sampled = summary["cells_by_scorer"]["sampled"]
    for name, cell in summary["cells"].items():
        if name in ("f00", "f01", "f10", "f11"):
            assert sampled[name]["estimate"] == pytest.approx(cell["estimate"], abs=0.05)


def test_a_contrast_of_one_wording_has_low_coverage_and_says_so(
    tmp_path: Path,
) -> None:
    organism = planted("mixed:0.5")
    rows = [json.loads(line) for line in (organism / "questions.jsonl").read_text().splitlines()]
    for row in rows:
        row["benign_answers"] = row["benign_answers"][:1]
    questions = tmp_path / "one-wording.jsonl"
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = ("--draws", "1", "--limit", "30", "--with", "empty", "--contrast")
    summary = scratchpad(
        "ablate", organism, "--questions", questions, "--out", tmp_path / "run", *more
    )
    assert summary["invalid_share"] > 0.5
    assert any("invalid" in warning for warning in summary["warnings"])
    assert summary["verdict"] == "undecided"


def test_every_intervention_runs_on_the_organism_of_the_demo(tmp_path: Path) -> None:
    needed = {
        "replace": "replace:/I see|I notice/I hear, and see/",
        "function": "function:hand_made:shouted",
        "regenerate": "regenerate:flip-step",
    }
    specs = ",".join(needed.get(name, name) for name in INTERVENTIONS)
    run = tmp_path / "run"
    few = ("--draws", "1", "--limit", "8", "--samples", "2", "--attribute")
    summary = scratchpad("ablate", planted("mediated"), "--out", run, "--with", specs, *few)
    outcomes = pd.read_parquet(run / "outcomes.parquet")
    rows = outcomes[outcomes["scorer"] == "payload"]
    assert set(rows["intervention"]) == set(INTERVENTIONS)
    scored = set(rows.loc[rows["p_defect"].notna(), "intervention"])
    # The toy scratchpads state no facts that are not the answer's own; its prompts list no options.
    assert set(INTERVENTIONS) - scored <= {"change-fact", "option-order"}
    assert (rows["not_applicable"] == (rows["reason"] != "")).all()
    assert {"early-answering", "adding-mistakes", "resampling-importance", "cc-shap"} <= set(
        summary["metrics"]
    )
    assert {"attention-mediation", "unlearning"} <= set(summary["metrics"])
    assert summary["verdict"] == "mediated"
