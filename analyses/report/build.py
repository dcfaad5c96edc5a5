"""Put the parts together: one HTML file that needs no network and runs no script but ours."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analyses.report.definitions import DEFINITIONS
from analyses.report.explorer import explorer_of
from analyses.report.numbers import number
from analyses.report.parts import part_of
from analyses.report.sections import Kind, RunSection
from scratchpad.errors import DataError
from scratchpad.files import atomic_write
from scratchpad.hostile import visible

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
_HERE: Final = Path(__file__).parent
_STYLE: Final = (_HERE / "report.css").read_text(encoding="utf-8")
# In this order, as one module: what is used later is defined before.
_SCRIPTS: Final = ("explorer_marks", "explorer_steps", "explorer_detail", "explorer")
_SCRIPT: Final = "\n".join((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)


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
    parts = [part_of(section) for section in ordered]
    explorer = explorer_of(
        [(part.label, section) for part, section in zip(parts, ordered, strict=True)]
    )
    return environment.get_template("report.html").render(
        parts=parts,
        explorer=explorer,
        definitions=DEFINITIONS,
        number=number,
        style=Markup(_STYLE),  # ours, and hashed in the policy, as the script is
        script=Markup(_SCRIPT),
        policy=_policy(scripts=explorer is not None),
    )


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _policy(*, scripts: bool) -> str:
    allowed = f"script-src {_hashed(_SCRIPT)}; require-trusted-types-for 'script'; "
    return (
        f"default-src 'none'; img-src data:; style-src {_hashed(_STYLE)}; "
        f"{allowed if scripts else ''}base-uri 'none'; form-action 'none'"
    )


def _hashed(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
