"""Commands made from dataclasses: flags, config files, JSON, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer

from scratchpad import cli
from scratchpad.commanding import add_command
from scratchpad.errors import DataError
from scratchpad.terminal import Result


@dataclass(frozen=True)
class Knobs:
    """Turn knobs."""

    name: Annotated[str, typer.Argument(help="Who.")]
    speed: Annotated[int, typer.Option(help="How fast.", min=1)] = 1
    max_length_of_the_name: Annotated[
        int | None, typer.Option(help="How far, in as many words as it takes.", min=0, max=9)
    ] = None
    with_: Annotated[str, typer.Option("--with", help="With what.")] = "nothing"


def run(knobs: Knobs) -> Result:
    """Print like a noisy library, and end as the name says."""
    os.write(1, b"noise\n")
    print("more noise")
    if knobs.name == "faulty":
        raise DataError("The name is faulty", fix="Choose another.")
    failures = ("too slow",) if knobs.speed < 2 else ()
    summary = {"name": knobs.name, "speed": knobs.speed, "with": knobs.with_}
    return Result(summary, ("done",), failures, verdict="Turned.")


def main() -> None:
    """Stand in for the installed command with one command of its own."""

    def build() -> typer.Typer:
        app = typer.Typer(pretty_exceptions_enable=False)
        app.callback()(lambda: None)
        add_command(app, "turn", Knobs, run, example="turn me", required=["name", "speed"])
        return app

    cli.build = build
    cli.main()


def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, __file__, "turn", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_json_is_all_that_stdout_carries() -> None:
    done = call("ann", "--speed", "3", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (
        0, {"name": "ann", "speed": 3, "with": "nothing"}
    )  # fmt: skip
    assert "noise" in done.stderr


def test_a_missed_requirement_ends_with_3_after_the_summary() -> None:
    done = call("ann", "--json")
    assert (done.returncode, json.loads(done.stdout)["speed"]) == (3, 1)
    assert done.stderr.strip().endswith("Error: too slow. See the summary.")


def test_user_faults_are_one_line_and_exit_2() -> None:
    done = call("faulty")
    assert (done.returncode, done.stderr) == (2, "Error: The name is faulty. Choose another.\n")
    unknown = call("ann", "--sped", "3")
    assert unknown.returncode == 2
    assert unknown.stderr.count("\n") == 1
    assert "--speed" in unknown.stderr


def test_config_files_take_the_names_of_the_flags(tmp_path: Path) -> None:
    file = tmp_path / "knobs.toml"
    file.write_text('speed = 4\nwith = "care"\n')
    assert json.loads(call("ann", "--config", file, "--json").stdout) == {
        "name": "ann", "speed": 4, "with": "care"
    }  # fmt: skip
    given = call("ann", "--speed", "9", "--config", file, "--json")
    assert json.loads(given.stdout)["speed"] == 9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sped = 4", "Did you mean 'speed'?"),
        ('speed = "fast"', "speed"),
        ("speed = ", "Cannot read"),
    ],
)
def test_faulty_config_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "knobs.toml"
    file.write_text(content)
    done = call("ann", "--config", file)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_requirements_end_with_3_after_the_summary() -> None:
    told = ("--speed", "4", "--require", "speed>=2", "--require", "speed<=3", "--json")
    done = call("ann", *told)
    assert (done.returncode, json.loads(done.stdout)["speed"]) == (3, 4)
    assert done.stderr.strip().endswith("Error: speed<=3 is not met: 4. See the summary.")
    met = call("ann", "--speed", "4", "--require", "speed>=2", "--require", "name==ann")
    assert (met.returncode, met.stdout.splitlines()[-2:]) == (0, ["Turned.", "done"])


def test_a_requirement_that_cannot_be_is_told_before_the_run() -> None:
    for text, message in (("speed=2", "KEY OP NUMBER"), ("sped>=2", "Did you mean 'speed'?")):
        done = call("ann", "--require", text)
        assert (done.returncode, done.stdout, message in done.stderr) == (2, "", True)


@pytest.mark.parametrize("content", ['require = "speed>=9"', 'require = ["speed>1", "speed>=9"]'])
def test_config_files_name_requirements(tmp_path: Path, content: str) -> None:
    file = tmp_path / "knobs.toml"
    file.write_text(f"speed = 2\n{content}\n")
    done = call("ann", "--config", file)
    assert done.returncode == 3
    assert "Error: speed>=9 is not met: 2. See the summary." in done.stderr


def test_quiet_prints_the_verdict_alone() -> None:
    done = call("ann", "--speed", "2", "--quiet")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Turned.")
    assert call("faulty", "--quiet").stderr == "Error: The name is faulty. Choose another.\n"


def test_help_shows_an_example_and_every_knob_at_80_columns() -> None:
    done = call("--help")
    assert max(map(len, done.stdout.splitlines())) == 80
    for text in ("Turn knobs.", "Example: turn me", "--speed", "--with", "--config", "--json",
                 "--quiet", "--require", "--max-length-of-the-name"):  # fmt: skip
        assert text in done.stdout


if __name__ == "__main__":
    main()
