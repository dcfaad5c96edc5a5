"""The report in a browser: the explorer works, and what models wrote does nothing."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import explored
from analyses.report import build_report, load_run
from scratchpad.hostile import LONGEST

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
RAN = "window.ran = (window.ran || 0) + 1"
HOSTILE = (
    f"<script>{RAN}</script>",
    f'<img src="x" onerror="{RAN}">',
    f"</script><script>{RAN}</script><!--",
    f"<svg onload={RAN.replace(' ', '')}><a href='javascript:{RAN}'>x</a>",
    "\u202egnirts desrever\u2066 \x00\x07\x1b[31m\x7f",
    "wide " * 20_000,
)
LINK = "<b>http://example.invalid/a.png</b> <link rel=stylesheet href=http://example.invalid/x>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next(filter(_runs, filter(None, map(shutil.which, BROWSERS))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed and runs")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


def _runs(path: str) -> bool:
    """Some systems have a stand-in that only says how to install the browser."""
    return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def report(run_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    section = explored.ablation()
    others = [load_run(run_folders / kind) for kind in ("ablation", "probe", "organism")]
    out = tmp_path_factory.mktemp("report") / "report.html"
    return build_report([section, explored.trajectory(section), *others], out)


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [f"{text} {LINK}" for text in HOSTILE]
    return build_report(
        [explored.ablation(texts)], tmp_path_factory.mktemp("poisoned") / "report.html"
    )


class Opened:
    """A page, with all that it said and asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.heard: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.heard.append(message.text))
        self.page.on("pageerror", lambda error: self.heard.append(str(error)))
        self.page.on("dialog", lambda dialog: self.heard.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.address = path.as_uri()
        self.page.goto(self.address)

    def count(self) -> str:
        return str(self.page.text_content("#explorer-count"))

    def chosen(self) -> str:
        """The text of the option that the list points to, which is the only one chosen."""
        return str(
            self.page.evaluate(
                """() => {
                  const list = document.getElementById("explorer-list");
                  const marked = list.querySelectorAll("[aria-selected=true]");
                  const one = document.getElementById(list.getAttribute("aria-activedescendant"));
                  if (marked.length !== 1 || marked[0] !== one) return "none";
                  return [...one.children].map((part) => part.textContent).join(" ");
                }"""
            )
        )

    def close_quiet(self) -> None:
        """Close it, if it neither said anything nor asked for anything but itself."""
        local = [url for url in self.asked if not url.startswith("data:image/")]
        self.context.close()
        assert self.heard == []
        assert local == [self.address]


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Opened]:
    page = Opened(browser, report)
    yield page
    page.close_quiet()


def test_filters_choose_transcripts(opened: Opened) -> None:
    page = opened.page
    assert opened.count() == "24 of 24 transcripts"
    page.select_option("#explorer-run", label="ablation: tried")
    assert opened.count() == "12 of 24 transcripts"
    page.select_option("#explorer-trigger", "triggered")
    assert opened.count() == "6 of 24 transcripts"
    page.select_option("#explorer-outcome", "defected")
    assert opened.count() == "4 of 24 transcripts"
    assert page.locator("#explorer-list li:visible").count() == 4
    page.fill("#explorer-search", "Q2?")
    assert opened.count() == "1 of 24 transcripts"
    assert "q2" in opened.chosen()
    page.fill("#explorer-search", "nowhere")
    assert opened.count() == "0 of 24 transcripts"
    assert page.text_content("#explorer-detail") == "No transcript matches."
    page.fill("#explorer-search", "")
    for name in ("run", "trigger", "outcome"):
        page.select_option(f"#explorer-{name}", "")
    page.select_option("#explorer-intervention", "drop-step")
    assert opened.count() == "12 of 24 transcripts"  # a trajectory has no interventions


def test_keys_lead_through_the_list(opened: Opened) -> None:
    page = opened.page
    page.focus("#explorer-list")
    for key, wanted in (
        ("j", "q0 triggered defected .98"),
        ("ArrowDown", "q1 clean benign .02"),
        ("k", "q0 triggered defected .98"),
        ("ArrowUp", "q0 clean benign .02"),
    ):
        page.keyboard.press(key)
        assert opened.chosen() == wanted
    page.keyboard.press("End")
    assert opened.chosen().startswith("q5-1 triggered invalid")
    page.keyboard.press("/")
    page.keyboard.type("q3? /j")
    assert page.input_value("#explorer-search") == "q3? /j"
    assert opened.count() == "0 of 24 transcripts"
    page.keyboard.press("Escape")
    assert page.input_value("#explorer-search") == ""
    assert page.evaluate("document.activeElement.id") == "explorer-list"
    page.keyboard.press("Home")
    assert opened.chosen().startswith("q0 clean")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_original_and_variant_stand_side_by_side(opened: Opened) -> None:
    page = opened.page
    page.select_option("#explorer-trigger", "triggered")
    page.select_option("#explorer-intervention", "implant")
    detail = page.locator("#explorer-detail")
    assert detail.locator("tr.changed del").all_text_contents() == ["say the", "phrase"]
    assert detail.locator("tr.changed ins").all_text_contents() == ["answer", "kindly"]
    assert "P(defection) .98" in detail.inner_text()
    assert "becomes .02" in detail.inner_text()
    assert detail.locator(".warnings").inner_text().startswith("off-distribution: 2.00 nats")
    drawn = detail.locator("svg").get_attribute("aria-label")
    assert drawn == (
        "P(defection) after 0 .02, after 1 .02, after 2 .02, after 3 .98; probe .00, .25, .50, .75"
    )
    assert detail.locator("rect.heat").count() == 4
    assert detail.locator("rect.passed").count() == 1
    page.select_option("#explorer-variant", label="drop-step, step 2: .98")
    assert detail.locator("tr.removed del").all_text_contents() == [explored.TRIGGERED[1]]
    page.select_option("#explorer-variant", label="remove: .02")
    assert "No scratchpad is left." in detail.inner_text()


def test_model_text_runs_nothing(browser: Any, poisoned: Path) -> None:
    opened = Opened(browser, poisoned)
    page = opened.page
    page.focus("#explorer-list")
    shown = ""
    for _ in range(2 * len(HOSTILE)):
        for variant in ("drop-step", "transplant"):
            page.select_option("#explorer-intervention", variant)
        shown += str(page.text_content("#explorer-detail"))
        page.focus("#explorer-list")
        page.keyboard.press("j")
    for text in HOSTILE[:4]:
        assert text in shown
    assert "⟨U+202E⟩gnirts desrever⟨U+2066⟩ ␀␇␛[31m⟨U+007F⟩" in shown
    assert f"{5 * 20_000 - LONGEST:,}"[:3] in shown
    assert page.evaluate("window.ran") is None
    inside = page.locator("#explorer-detail").locator("img, script, a, link, b, svg svg")
    assert inside.count() == 0
    assert page.locator("script").count() == 2
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<b>'; return ''; } catch (e) { return e.name; } }"
    )
    assert refused == "TypeError"  # the policy lets no text become elements
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [1280, 1280]
    opened.heard = [text for text in opened.heard if "TrustedHTML" not in text]
    opened.close_quiet()


def test_the_policy_allows_our_script_alone(report: Path) -> None:
    html = report.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    (script,) = re.findall(r'<script type="module">(.*?)</script>', html, re.DOTALL)
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert "unsafe" not in policy[1]
    assert "innerHTML" not in script
    assert "fetch(" not in script


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser: Any, report: Path, scheme: str) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    opened = Opened(browser, report, color_scheme=scheme)
    opened.page.select_option("#explorer-intervention", "implant")
    found = axe.Axe().run(opened.page).response
    assert {"color-contrast", "aria-required-children"} <= {rule["id"] for rule in found["passes"]}
    assert [
        (fault["id"], fault["nodes"][0]["html"][:200])
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ] == []
    opened.close_quiet()


def test_without_scripts_the_results_stay(browser: Any, report: Path) -> None:
    opened = Opened(browser, report, java_script_enabled=False)
    page = opened.page
    assert page.locator("#explorer-needs-script").is_visible()
    assert not page.locator("#explorer-body").is_visible()
    assert page.locator(".verdict").first.is_visible()
    assert page.locator("figure img").first.is_visible()
    opened.close_quiet()


def test_it_fits_a_telephone_and_paper(browser: Any, report: Path) -> None:
    opened = Opened(browser, report, viewport={"width": 400, "height": 800})
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    page.emulate_media(media="print")
    assert not page.locator("#explorer-list").is_visible()
    assert page.locator("#explorer-detail h3").is_visible()
    assert page.locator("details:not(.every) .pairs").first.is_visible()
    opened.close_quiet()
