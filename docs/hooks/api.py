"""The reference of the Python API, written at every build from each package's `__all__`."""

from __future__ import annotations

from importlib import import_module

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PACKAGES = (
    "scratchpad",
    "scratchpad.organisms",
    "scratchpad.interventions",
    "probes",
    "analyses",
    "analyses.metrics",
    "analyses.figures",
    "analyses.report",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each package to the site."""
    for package in PACKAGES:
        files.append(File.generated(config, f"reference/{package}.md", content=page(package)))
    return files


def page(package: str) -> str:
    """A package's tour and its public names, for mkdocstrings to fill in."""
    tour = f"::: {package}\n    options:\n      members: false\n      heading_level: 1\n"
    names = import_module(package).__all__
    return "\n".join([tour, *(f"::: {package}.{name}\n" for name in names)])
