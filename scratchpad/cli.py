"""The `scratchpad` command: mounts the groups found under the entry point "scratchpad.commands"."""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points, version
from typing import Annotated

import typer

from scratchpad.disk import disk_error
from scratchpad.errors import ScratchpadError
from scratchpad.hostile import visible
from scratchpad.memory import is_out_of_memory, no_room

DISTRIBUTION = "scratchpad-faithfulness"


def build() -> typer.Typer:
    """Make the application; a third party adds a group by naming an entry point."""
    app = typer.Typer(
        name="scratchpad",
        help="Does a backdoored model's visible reasoning drive its defection, or decorate it?",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_root)
    for entry in sorted(
        entry_points(group="scratchpad.commands"), key=lambda e: e.name, reverse=True
    ):
        entry.load()(app)
    return app


def _root(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)
    ] = False,
) -> None:
    if show_version:
        typer.echo(version(DISTRIBUTION))
        raise typer.Exit


def main() -> None:
    """Run the command line; user faults are one line and exit 2 or 3, bugs keep their traceback."""
    try:
        code = build()(standalone_mode=False)
    except ScratchpadError as error:
        _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        _fail(" ".join(error.format_message().split()), 2)
    except typer.Abort:
        _fail("Interrupted.", 130)
    except Exception as error:
        told = disk_error(error) or (no_room(error) if is_out_of_memory(error) else None)
        if told is None:
            raise
        _fail(str(told), told.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    typer.secho(f"Error: {visible(message)}", fg=typer.colors.RED if coloured else None, err=True)
    sys.exit(code)
