"""Recording ten times as many transcripts takes hardly more memory, beside the texts themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "memory.py"
MIB = 2**20


def taken(count: int) -> int:
    command = [sys.executable, str(BENCHMARK), "--count", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout.splitlines()[-1])[f"activations_{count}"])


@pytest.mark.slow
def test_twenty_thousand_transcripts_take_hardly_more_than_two_thousand() -> None:
    few, many = taken(2_000), taken(20_000)
    # The activations themselves are 20,000 x 5 layers x 3 positions x 40 numbers: 46 MiB.
    assert many - few < 8 * MIB
