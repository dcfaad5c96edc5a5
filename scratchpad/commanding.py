"""How a command is made: one frozen dataclass declares its knobs, everything else follows.

The fields of the dataclass are the flags, the keys of `--config FILE.toml` and the configuration
in the manifest. With `--json` stdout carries the summary and nothing else. How a command shows
itself is in `scratchpad.terminal`.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_type_hints

import typer

from scratchpad.errors import ConfigError, RequirementNotMet, unknown_name
from scratchpad.locks import unlock_all
from scratchpad.parsing import UNREADABLE, require_no_code
from scratchpad.requirements import parse_requirements
from scratchpad.terminal import QUIET, Result, show

Config = TypeVar("Config")


class Mounted(NamedTuple):
    """A command that can be named, and what it is made of."""

    config_class: type[Any]
    run: Callable[[Any], Result]


def add_command(
    app: typer.Typer,
    name: str,
    config_class: type[Config],
    run: Callable[[Config], Result],
    *,
    example: str,
    required: Collection[str] = (),
) -> None:
    """Mount a command whose knobs are the fields of a frozen dataclass.

    `Result.failures` end the command with exit code 3, after its summary has been printed; so
    does a missed `--require`, which a command has that says which keys of its summary may be
    `required`.
    """

    def command(**values: Any) -> None:
        as_json, quiet = values.pop("json_"), values.pop("quiet")
        values.pop("config")
        wanted = parse_requirements(values.pop("require", None) or (), required)
        with _stdout(as_json) as stdout, _hushed(quiet), _unlocked():
            result = run(config_class(**values))
            if as_json:
                text = json.dumps(result.summary, ensure_ascii=False, default=str)
                print(text, file=stdout, flush=True)
            else:
                show(result, stdout)
        judged = [one.judged(result.summary) for one in wanted]
        missed = [*result.failures, *(line for met, line in judged if not met)]
        if missed:
            raise RequirementNotMet("; ".join(missed), fix="See the summary.")

    shared = [name for name in _SHARED if required or name != "require"]
    signature, hints = _signature(config_class, shared)
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = hints
    command.__doc__ = f"{_paragraphs(config_class)}\n\nExample: {example}"
    command.mounted = Mounted(config_class, run)  # type: ignore[attr-defined]
    app.command(name)(command)


def commands_of(app: typer.Typer, above: str = "") -> Iterator[tuple[str, Mounted]]:
    """Every command that was mounted here, with its full name, as run.json has it."""
    for command in app.registered_commands:
        mounted = getattr(command.callback, "mounted", None)
        if mounted is not None:
            yield f"{above}{command.name}", mounted
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from commands_of(group.typer_instance, f"{above}{group.name} ")


def parse_values(config_class: type[Config], values: Mapping[str, Any]) -> Config:
    """Make a configuration of values by the names of its fields, as of flags on a command line.

    Raises
    ------
    typer.TyperException
        If a value is not of its flag's kind, or one that must be given is not.
    """

    def command(**told: Any) -> Config:
        return config_class(**told)

    signature, hints = _signature(config_class, shared=())
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = hints
    app = typer.Typer(add_completion=False)
    app.command()(command)
    made: Config = typer.main.get_command(app).main(
        [], standalone_mode=False, default_map=dict(values)
    )
    return made


def _paragraphs(config_class: type[Any]) -> str:
    """The docstring with its paragraphs as single lines, for the terminal to wrap."""
    paragraphs = (inspect.getdoc(config_class) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _signature(
    config_class: type[Any], shared: Iterable[str]
) -> tuple[inspect.Signature, dict[str, Any]]:
    hints = get_type_hints(config_class, include_extras=True)
    parameters = []
    own = inspect.signature(config_class).parameters
    for item in fields(config_class):
        default = own[item.name].default
        parameters.append(_parameter(item.name, _briefly(hints[item.name]), default))
    parameters += [_parameter(name, *_SHARED[name]) for name in shared]
    return inspect.Signature(parameters), {one.name: one.annotation for one in parameters}


def _briefly(hint: Any) -> Any:
    """Call a number N in the help: its type's name would cut the flags' names at 80 columns."""
    kinds, option = get_args(hint.__origin__) or (hint.__origin__,), hint.__metadata__[0]
    if not {int, float} & set(kinds) or option.metavar:
        return hint
    option = copy(option)
    option.metavar = "N"
    return Annotated[hint.__origin__, option]


def _parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _apply_config(context: typer.Context, value: Path | None) -> Path | None:
    """Take defaults from a TOML file; flags that are given win."""
    if value is None:
        return None
    try:
        content = tomllib.loads(value.read_text(encoding="utf-8"))
    except UNREADABLE as error:
        raise ConfigError(f"Cannot read {value}", str(error), "Give a TOML file.") from error
    parameters = {parameter.name: parameter for parameter in context.command.params}
    names = {_flag(parameter): name for name, parameter in parameters.items()}
    for key, told in content.items():
        if key not in names:
            raise unknown_name(f"key in {value}", key, sorted(set(names) - {"config", "help"}))
        require_no_code(key, told, value)
    context.default_map = {
        **(context.default_map or {}),
        **{names[k]: _value(parameters[names[k]], v) for k, v in content.items()},
    }
    return value


_SHARED: dict[str, tuple[Any, Any]] = {
    "require": (
        Annotated[
            list[str] | None,
            typer.Option(help="Exit 3 unless 'KEY OP NUMBER' of the summary holds; repeatable."),
        ],
        None,
    ),
    "config": (
        Annotated[
            Path | None,
            typer.Option(help="TOML file of flags.", callback=_apply_config, is_eager=True),
        ],
        None,
    ),
    "json_": (
        Annotated[bool, typer.Option("--json", help="Print the summary as JSON alone.")],
        False,
    ),
    "quiet": (
        Annotated[bool, typer.Option("--quiet", help="Print the verdict alone: no bars.")],
        False,
    ),
}


def _value(parameter: Any, told: Any) -> Any:
    """One text stands for a list of it where a flag can be repeated."""
    return [told] if getattr(parameter, "multiple", False) and isinstance(told, str) else told


def _flag(parameter: Any) -> str:
    long = [option[2:] for option in parameter.opts if option.startswith("--")]
    return long[0] if long else str(parameter.name)


@contextmanager
def _hushed(quiet: bool) -> Iterator[None]:
    token = QUIET.set(quiet)
    try:
        yield
    finally:
        QUIET.reset(token)


@contextmanager
def _unlocked() -> Iterator[None]:
    """Let go of the folders that were written, however the command ends."""
    try:
        yield
    finally:
        unlock_all()


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
