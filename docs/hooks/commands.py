"""The command reference, written at every build from what the command line says of itself."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from scratchpad.cli import build

PAGE = "reference/commands.md"
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
HEAD = """# Commands

Written from the code, as `--help` is. Every command takes `--json`, with which stdout carries
the summary and nothing else, `--quiet`, with which it carries the verdict alone, and `--config
FILE.toml`, whose keys are the names of the flags. Exit codes: 0 done, 1 a bug of ours, 2 something
for you to mend, 3 finished but a stated requirement is not met
([`--require`](../interoperation.md#a-gate-for-continuous-integration)).
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page to the site."""
    files.append(File.generated(config, PAGE, content=reference()))
    return files


def reference() -> str:
    """The page in Markdown, a section for each command."""
    sections = [_section(name, command) for name, command in commands()]
    return "\n\n".join([HEAD.strip(), *sections]) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its full name, nested ones included."""
    yield from _below("scratchpad", typer.main.get_command(build()))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, nested in children.items():
        yield from _below(f"{name} {child}", nested)


def _section(name: str, command: Any) -> str:
    text, _, example = command.help.partition("\n\nExample: ")
    context = command.context_class(command, info_name=name)
    records = filter(None, (parameter.get_help_record(context) for parameter in command.params))
    rows = [f"| <code>{_cell(flag)}</code> | {_cell(said)} |" for flag, said in records]
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    return "\n".join(
        [
            f"## {name.removeprefix('scratchpad ')}", "", f"`{usage}`", "", _prose(text), "",
            "```bash", example, "```", "", "| option | what it does |", "|---|---|", *rows,
        ]
    )  # fmt: skip


def _cell(text: str) -> str:
    """What a table shows of a text; a bar would end the cell."""
    return html.escape(text, quote=False).replace("|", "&#124;").replace("*", "&#42;")


def _prose(text: str) -> str:
    """A text with its flags as code; what stands between backticks is code already."""
    parts = html.escape(text, quote=False).split("`")
    parts[::2] = [FLAG.sub(r"`\g<0>`", part) for part in parts[::2]]
    return "`".join(parts)
