"""From the manifest of a finished run to the command that it is a run of, as it was told.

A manifest may come from anyone: it names no code to run and nobody to send a key to, and its values
go through what reads flags.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import typer

from scratchpad.commanding import Mounted, parse_values
from scratchpad.errors import ConfigError, DataError, RunFolderError
from scratchpad.parsing import read_json, require_no_code
from scratchpad.run_manifest import MANIFEST, NOT_CONFIG, check_schema

HERE = "Relative names count from the folder in which the run was started."


class Recorded(NamedTuple):
    """A finished run as its manifest has it."""

    folder: Path
    command: str
    config: dict[str, Any]
    manifest: dict[str, Any]


def read_recorded(folder: Path) -> Recorded:
    """Read the manifest of a finished run.

    Raises
    ------
    ScratchpadError
        If the folder holds no run, an unfinished one, one of a newer version, or no manifest that
        makes sense.
    """
    if not (folder / MANIFEST).is_file():
        raise _no_run(folder)
    manifest = read_json(folder / MANIFEST, {})
    check_schema(folder, manifest)
    command, config = manifest.get("command"), manifest.get("config")
    if not isinstance(command, str) or not isinstance(config, dict):
        raise DataError(
            f"{folder / MANIFEST} does not say which command it is a run of",
            fix="Run the command anew.",
        )
    if not manifest.get("finished"):
        raise RunFolderError(
            f"{folder} holds an unfinished run",
            "there is nothing to compare with",
            f"Start `scratchpad {command}` with the same flags again: it goes on where it was.",
        )
    return Recorded(folder, command, config, manifest)


def command_of(run: Recorded, known: Mapping[str, Mounted]) -> Mounted:
    """The command that a run is of; raises `ConfigError` if it is not installed."""
    if run.command not in known:
        raise ConfigError(
            f"{run.folder} holds a run of {run.command!r}",
            "no such command is installed",
            "Install the package that brings it, in the version that wrote the run.",
        )
    return known[run.command]


def config_of(run: Recorded, config_class: type[Any], out: Path) -> Any:
    """The configuration of a run, with its results in another folder, all done here.

    Which cluster did the work is not taken over: it decides nothing, and a cluster runs code.

    Raises
    ------
    ConfigError
        If a key is no longer a flag, a flag names code or where to send a key, files that it reads
        are gone, or a value makes no sense.
    """
    names = [item.name for item in fields(config_class)]
    noted = getattr(config_class, "noted", ())
    _require_known(run, names, noted)
    told = {name: run.config.get(name) for name in names if name not in NOT_CONFIG}
    values = {name: value for name, value in told.items() if value is not None}
    for name, value in values.items():
        _require_harmless(run, name.rstrip("_").replace("_", "-"), value)
    written = getattr(config_class, "written", ())
    _require_there(run, config_class, {n: v for n, v in values.items() if n not in written})
    values |= {n: str(out / Path(str(values[n])).name) for n in written if n in values}
    try:
        return parse_values(config_class, values | {"out": str(out)})
    except typer.TyperException as error:
        said = " ".join(error.format_message().split())
        raise ConfigError(f"{run.folder / MANIFEST} makes no sense", said) from error


def _no_run(folder: Path) -> RunFolderError:
    below = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
    if below:
        return RunFolderError(f"{folder} holds the runs {', '.join(below)}", fix="Name one.")
    if (folder / "organism.json").is_file():
        return RunFolderError(
            f"{folder} is an organism",
            "what it was told is in its organism.json, under training",
            "Train it again with `scratchpad train`.",
        )
    return RunFolderError(f"{folder} holds no run", f"it has no {MANIFEST}", "Name a run folder.")


def _require_known(run: Recorded, names: list[str], noted: tuple[str, ...]) -> None:
    unknown = sorted(set(run.config) - {*names, *noted})
    if unknown:
        told = run.manifest.get("versions")
        version = told.get("scratchpad-faithfulness") if isinstance(told, dict) else None
        raise ConfigError(
            f"{run.folder} was told {', '.join(map(repr, unknown))}",
            f"`scratchpad {run.command}` has no such flag",
            f"Use the version that wrote it ({version}, commit {run.manifest.get('git_commit')}).",
        )


def _require_harmless(run: Recorded, flag: str, value: Any) -> None:
    again = f"and start `scratchpad {run.command}` with --{flag} yourself"
    require_no_code(flag, value, run.folder / MANIFEST, f"Read that code, {again}.")
    asks_server = isinstance(value, str) and value.startswith("server:")
    if asks_server and os.environ.get("OPENAI_API_KEY"):
        raise ConfigError(
            f"{run.folder / MANIFEST} names a server, {flag} {value[:80]!r}",
            "OPENAI_API_KEY would be sent to it",
            f"Unset the key, or read the address, {again}.",
        )


def _require_there(run: Recorded, config_class: type[Any], values: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if files are gone; checkpoints may be on a hub, and are sought later."""
    gone = [
        f"--{name.replace('_', '-')} {values[name]}"
        for name in _paths(config_class)
        if name in values and not Path(str(values[name])).exists()
    ]
    if gone:
        raise ConfigError(
            f"What {run.folder} was made of is not there", ", ".join(gone), f"Put it back. {HERE}"
        )


def _paths(config_class: type[Any]) -> Iterator[str]:
    """The fields that name files to read."""
    for name, hint in get_type_hints(config_class).items():
        if name != "out" and Path in (get_args(hint) or (hint,)):
            yield name
