"""The report: runs in, one self-contained HTML file out.

`load_run` reads a folder that a command wrote into a `RunSection`; `build_report` joins sections
into a page that needs no network and runs no script but ours, the transcript `explorer`. Text from
models is data: `hostile` makes its acting characters visible, the template engine escapes
everything, and the script sets text alone.
"""

from analyses.report.build import build_report, render
from analyses.report.sections import Picture, RunSection, load_run

__all__ = ["Picture", "RunSection", "build_report", "load_run", "render"]
