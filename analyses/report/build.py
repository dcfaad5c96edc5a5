"""Put the parts together: one HTML file that needs no network and runs no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analyses.report.definitions import DEFINITIONS
from analyses.report.numbers import number
from analyses.report.parts import part_of
from analyses.report.sections import Kind, RunSection
from scratchpad.errors import DataError
from scratchpad.hostile import visible
from scratchpad.runs import atomic_write

_ORDER: Final[tuple[Kind, ...]] = (
    "calibration",
    "ablation",
    "probe",
    "trajectory",
    "persist",
    "distill",
    "harden",
    "organism",
)
_STYLE: Final = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


def build_report(sections: Sequence[RunSection], out: Path) -> Path:
    """Write one self-contained report of several runs.

    Parameters
    ----------
    sections : sequence of RunSection
        What `load_run` returned; verdicts come first, whatever the order given.
    out : Path
        The file to write.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    DataError
        If there is no section.
    """
    if not sections:
        raise DataError("A report of no runs", fix="Name at least one run folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(out, render(sections).encode())
    return out


def render(sections: Sequence[RunSection]) -> str:
    """Give the report as HTML text; every value is escaped and made visible on its way in."""
    environment = Environment(
        loader=PackageLoader("analyses.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    ordered = sorted(sections, key=lambda section: _ORDER.index(section.kind))
    return environment.get_template("report.html").render(
        parts=[part_of(section) for section in ordered],
        definitions=DEFINITIONS,
        number=number,
        style=Markup(_STYLE),  # ours, and hashed in the policy: the one thing not escaped
        policy=_policy(),
    )


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
