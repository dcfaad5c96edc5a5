"""What a reader sees: 80 columns, no escape codes where nobody looks, honest remaining times."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from rich.progress import Progress
from rich.text import Text

from scratchpad import terminal
from scratchpad.terminal import QUIET, Result, Table, estimates, progress, show

RECORD = {"estimate": 0.42, "low": 0.31, "high": 0.53, "n": 1200}
GONE = {"estimate": None, "low": None, "high": None, "n": 3, "reason": "no valid answers " * 8}
PATH = "/a/" + "very-long-" * 12 + "folder/report.html"
ENDED = Result(
    {},
    (PATH,),
    verdict=f"Mediated. {'The scratchpad decides. ' * 6}\nSee {PATH}.",
    tables=estimates("Cells of [red]a\x1b[31mb", {"f00": RECORD, "f01": GONE, "f10": None}),
    warnings=("few questions",),
)
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]m")


def shown(result: Result) -> str:
    file = StringIO()
    show(result, file)
    return file.getvalue()


def test_all_but_long_words_fits_80_columns_without_escape_codes() -> None:
    text = shown(ENDED)
    long = [line for line in text.splitlines() if len(line) > 80]
    assert [line.removesuffix(".") for line in long] == [PATH, PATH]
    assert "\x1b" not in text
    assert "Cells of [red]a\N{SYMBOL FOR ESCAPE}[31mb" in text
    for words in (
        "f00",
        ".42 [.31, .53]",
        "1,200",
        "undefined (no valid",
        "Warning: few questions.",
    ):
        assert words in text
    assert "f10" not in text


def test_quiet_leaves_the_verdict() -> None:
    token = QUIET.set(True)
    try:
        told, lines = shown(ENDED), shown(Result({}, ("a  listing", "b")))
    finally:
        QUIET.reset(token)
    assert " ".join(told.split()) == " ".join(ENDED.verdict.split())
    assert lines == "a  listing\nb\n"


def test_quiet_hides_bars(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("Scoring", 2) as advance:
        advance()
    assert "Scoring" in capfd.readouterr().err
    token = QUIET.set(True)
    try:
        with progress("Scoring", 2) as advance:
            advance()
    finally:
        QUIET.reset(token)
    assert capfd.readouterr() == ("", "")


def test_bars_fit_80_columns_and_do_not_count_what_was_done_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    bars: list[Progress] = []
    made = terminal._bars

    def watched(**told: Any) -> Progress:
        bar = made(**told)
        bar.get_time = lambda: now[0]  # type: ignore[method-assign]
        bars.append(bar)
        return bar

    monkeypatch.setattr(terminal, "_bars", watched)
    with progress("A description of a stage", 1000) as advance:
        (bar,) = bars
        column = bar.columns[-1]
        advance(reused=900)
        assert column(bar.tasks[0]) == Text("")
        advance()
        now[0] = 20.0  # for the one unit that this run did, of a hundred
        assert column(bar.tasks[0]) == Text("about 33 min left")
        width = sum(
            len(text.plain if isinstance(text := one(bar.tasks[0]), Text) else "-" * 12) + 1
            for one in bar.columns
        )
        assert 60 < width <= 80


SCRIPT = """
import sys
from test_terminal import ENDED
from scratchpad.cli import _fail
from scratchpad.terminal import progress, show
with progress("Scoring", 1) as advance:
    advance()
show(ENDED, sys.stdout)
_fail("broken", 2)
"""


def in_a_terminal(**variables: str) -> str:
    """What a script writes to a terminal, both streams."""
    ours, theirs = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    environment = {**kept, "TERM": "xterm-256color", "PYTHONPATH": path, **variables}
    command = [sys.executable, "-c", SCRIPT]
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = bytearray()
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert running.wait(30) == 2, written.decode()
    return written.decode()


def test_no_color_is_honoured() -> None:
    coloured, plain = in_a_terminal(), in_a_terminal(NO_COLOR="1")
    assert COLOUR.search(coloured)
    assert not COLOUR.search(plain)
    assert "Error: broken" in plain


def test_columns_keep_their_cells() -> None:
    table = Table("Trials", ("arm", "seed"), (("cot, sft", "1"),))
    (row,) = [line for line in shown(Result({}, tables=(table,))).splitlines() if "cot" in line]
    assert row.split("  ")[0].strip() == "cot, sft"
