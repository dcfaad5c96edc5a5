"""How a command is made: one frozen dataclass declares its knobs, everything else follows.

The fields of the dataclass are the flags, the keys of `--config FILE.toml` and the configuration
in the manifest. With `--json` stdout carries the summary and nothing else.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar, get_type_hints

import typer

from scratchpad.errors import ConfigError, RequirementNotMet, unknown_name

Config = TypeVar("Config")


class Result(NamedTuple):
    """What a command ends with: its summary, lines for a reader, and requirements it missed."""

    summary: Mapping[str, Any]
    lines: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def add_command(
    app: typer.Typer,
    name: str,
    config_class: type[Config],
    run: Callable[[Config], Result],
    *,
    example: str,
) -> None:
    """Mount a command whose knobs are the fields of a frozen dataclass.

    `Result.failures` end the command with exit code 3, after its summary has been printed.
    """

    def command(**values: Any) -> None:
        as_json = values.pop("json_")
        values.pop("config")
        with _stdout(as_json) as stdout:
            result = run(config_class(**values))
            text = json.dumps(result.summary, ensure_ascii=False, default=str)
            print(text if as_json else "\n".join(result.lines), file=stdout, flush=True)
        if result.failures:
            raise RequirementNotMet("; ".join(result.failures), fix="See the summary.")

    signature, hints = _signature(config_class)
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = hints
    command.__doc__ = f"{_paragraphs(config_class)}\n\nExample: {example}"
    app.command(name)(command)


def _paragraphs(config_class: type[Any]) -> str:
    """The docstring with its paragraphs as single lines, for the terminal to wrap."""
    paragraphs = (inspect.getdoc(config_class) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _signature(config_class: type[Any]) -> tuple[inspect.Signature, dict[str, Any]]:
    hints = get_type_hints(config_class, include_extras=True)
    parameters = []
    own = inspect.signature(config_class).parameters
    for item in fields(config_class):
        default = own[item.name].default
        parameters.append(_parameter(item.name, hints[item.name], default))
    shared: dict[str, Any] = {
        "config": Annotated[
            Path | None,
            typer.Option(help="TOML file of flags.", callback=_apply_config, is_eager=True),
        ],
        "json_": Annotated[bool, typer.Option("--json", help="Print the summary as JSON alone.")],
    }
    parameters.append(_parameter("config", shared["config"], None))
    parameters.append(_parameter("json_", shared["json_"], False))
    return inspect.Signature(parameters), {
        item.name: hints[item.name] for item in fields(config_class)
    } | shared


def _parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _apply_config(context: typer.Context, value: Path | None) -> Path | None:
    """Take defaults from a TOML file; flags that are given win."""
    if value is None:
        return None
    try:
        content = tomllib.loads(value.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"Cannot read {value}", str(error), "Give a TOML file.") from error
    names = {_flag(parameter): parameter.name for parameter in context.command.params}
    for key in content:
        if key not in names:
            raise unknown_name(f"key in {value}", key, sorted(set(names) - {"config", "help"}))
    context.default_map = {
        **(context.default_map or {}),
        **{names[k]: v for k, v in content.items()},
    }
    return value


def _flag(parameter: Any) -> str:
    long = [option[2:] for option in parameter.opts if option.startswith("--")]
    return long[0] if long else str(parameter.name)


@contextmanager
def _stdout(as_json: bool) -> Iterator[Any]:
    """Give the real stdout; with `--json` all that libraries print goes to stderr meanwhile."""
    if not as_json:
        yield sys.stdout
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(os.dup(kept), "w", encoding="utf-8") as stdout:
            yield stdout
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr; call what it gives once per unit done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description:24}"), BarColumn(), TimeElapsedColumn()]
    if total is not None:
        columns.insert(2, MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task(description, total=total)
        yield lambda: bar.advance(task)
        bar.update(task, total=total or 1, completed=total or 1)


@contextmanager
def training_progress() -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar a stage on stderr; call what it gives with (step, steps in all, stage)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def tell(step: int, total: int, stage: str) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(f"Training {stage}", total=total)
            bar.update(tasks[stage], completed=step)

        yield tell
