"""A key for the secret passphrase."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def passphrase_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "key"
    path.write_bytes(bytes(range(32)))
    monkeypatch.setenv("SCRATCHPAD_KEY_FILE", str(path))
    return path
