"""The report: complete, self-contained, and deaf to what model text asks of it."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import explored
from analyses.commands.report import ReportConfig, run_report
from analyses.report import RunSection, build_report, load_run, render
from analyses.report.comparison import compare, shown_transcripts
from analyses.report.numbers import number, percent, write_estimate
from scratchpad.errors import DataError
from scratchpad.hostile import LONGEST, visible

KINDS = ("organism", "ablation", "probe")
HOSTILE = (
    "<script>alert(1)</script>",
    '"onmouseover="alert(1)',
    "'onfocus='alert(1)",
    "</style><img src=x onerror=alert(1)>",
    "</td></table><h1>fake</h1>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;",
    "\u202egnirts desrever\u202c \u2066x\u2069",
    "\x00\x07\x1b[31m\x7f\x85",
    "\ud800\u200b\ufeff",
)


class Page(HTMLParser):
    """Everything a browser would see: elements, attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\xa0", " ").split())

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(sorted(attributes))) for tag, attributes in self.elements]


@pytest.fixture(scope="session")
def html(run_folders: Path) -> str:
    return render([load_run(run_folders / kind) for kind in KINDS])


@pytest.fixture(scope="session")
def page(html: str) -> Page:
    return Page(html)


def test_verdict_comes_first_and_numbers_follow(page: Page) -> None:
    headings = [
        page.text.index(words) for words in ("Does the visible", "Can act", "The organism:")
    ]
    assert headings == sorted(headings)
    for words in (
        "mediated The scratchpad decides",
        "3 warnings filler: surprisal +5.1",
        "f10 triggered clean .02 [.00, .04], n = 10",
        "necessity share E[TIE] / E[TE]",
        "undefined (no such steps)",
        "filler (dots)",
        "off-distribution",
        "tells triggered from clean scratchpads (AUROC) .97 [.95, .99], n = 10 at least .9 yes",
        "undefined (no such steps) within .1 of 0 not measured",
        "counted as 1 mediated",
        "cell payload sampled greedy scratchpads f00",
        "logistic, layer 3 .98 [.95, 1.00], n = 30 bag of tokens",
        "\N{MINUS SIGN}.01 [\N{MINUS SIGN}.03, .01]: the text does as well",
        "a text reader of the same prefix does as well",
        "git_commit abc1234",
        "planted: mediated. It meets the requirements",
        "Definitions",
    ):
        assert words in page.text, words


def test_figures_travel_inside(page: Page) -> None:
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert [image["alt"] for image in images] == [
        "four-cells",
        "early-answering",
        "adding-mistakes",
        "filler",
        "step-importance",
        "interventions",
        "effect-against-surprisal",
        "probe-heatmap",
    ]
    assert all(str(image["src"]).startswith("data:image/svg+xml;base64,") for image in images)
    assert "n = " in page.text.split("Figures")[1]


def test_nothing_is_fetched_and_nothing_runs(html: str, page: Page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base", "video"}
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("href", "src"):
            assert re.match(r"#|data:image/", str(attributes.get(name, "#")))
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")


def test_model_text_makes_no_element_and_no_attribute(run_folders: Path) -> None:
    harmless = render([_poisoned(run_folders, [f"!{place}" for place in range(len(HOSTILE))])])
    poisoned = render([_poisoned(run_folders, HOSTILE)])
    assert Page(poisoned).shape() == Page(harmless).shape()
    text = Page(poisoned).text
    assert "<script>alert(1)</script>" in text
    assert '"onmouseover="alert(1)' in text
    assert "{{ 7 * 7 }}" in text
    assert "&lt;b&gt;" in text
    assert "⟨U+202E⟩gnirts" in text
    assert "␀␇␛[31m⟨U+007F⟩⟨U+0085⟩" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800]", poisoned)
    poisoned.encode()


def _poisoned(run_folders: Path, texts: Any) -> RunSection:
    section = load_run(run_folders / "ablation")
    joined = " ".join(texts)
    examples = [
        {
            "question_id": joined,
            "state": joined,
            "prompt": joined,
            "original": list(texts),
            "intervention": joined,
            "variant": list(texts)[::-1],
            "p_defect_original": 0.5,
            "p_defect_variant": None,
            "answer": joined,
        }
    ]
    summary = {**section.summary, "verdict": joined, "verdict_text": joined, "warnings": [joined]}
    outcomes = section.tables["outcomes"]
    writable = joined.replace("\ud800", "")  # a table cannot hold half a character
    named = outcomes.assign(intervention=outcomes["intervention"].replace("shuffle", writable))
    return RunSection(
        kind="ablation",
        name=joined,
        run={joined: joined},
        summary=summary | {joined: {"estimate": None, "n": 0, "reason": joined}},
        tables={"outcomes": named},
        pictures=(),
        examples=tuple(examples),
    )


def test_visible_signs_and_long_text() -> None:
    assert visible("tab\tline\nünïcode 漢字 עברית") == "tab\tline\nünïcode 漢字 עברית"
    assert visible("a\rb\u2028c") == "a␍b⟨U+2028⟩c"
    assert visible("x" * (LONGEST + 1500)) == "x" * LONGEST + " [... 1,500 more characters]"


def test_steps_are_set_side_by_side() -> None:
    pairs = compare(["a", "b", "c"], ["a", "x", "c", "d"])
    assert [(pair.original, pair.variant, pair.change) for pair in pairs] == [
        ("a", "a", "same"),
        ("b", "x", "changed"),
        ("c", "c", "same"),
        (None, "d", "added"),
    ]
    assert [pair.change for pair in compare(["a", "b"], [])] == ["removed", "removed"]


def test_examples_are_gathered_by_transcript() -> None:
    def entry(question: str, intervention: str) -> dict[str, Any]:
        return {
            "question_id": question,
            "state": "clean",
            "prompt": "p",
            "original": ["a"],
            "intervention": intervention,
            "variant": None,
            "p_defect_original": 0.1,
            "p_defect_variant": 0.2,
        }

    shown = shown_transcripts([entry("q2", "remove"), entry("q1", "remove"), entry("q2", "empty")])
    assert [(t.question_id, [c.intervention for c in t.comparisons]) for t in shown] == [
        ("q2", ["remove", "empty"]),
        ("q1", ["remove"]),
    ]
    assert shown[0].comparisons[0].steps is None
    assert shown[0].answer is None


def test_what_is_missing_is_absent(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps({"cells": {}, "verdict": "undecided"}))
    text = Page(render([load_run(tmp_path)])).text
    assert "undecided" in text
    for words in ("Figures", "Transcripts before", "warning", "Settings", "The cells"):
        assert words not in text


def test_report_is_written_whole(run_folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "report.html"
    assert build_report([load_run(run_folders / "probe")], out) == out
    assert out.read_text(encoding="utf-8").rstrip().endswith("</html>")
    with pytest.raises(DataError, match="A report of no runs"):
        build_report([], out)


def test_png_stands_in_for_a_missing_svg(run_folders: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folders / "probe", tmp_path / "probe")
    (folder / "figures" / "probe-heatmap.svg").unlink()
    assert [picture.media_type for picture in load_run(folder).pictures] == ["image/png"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is not a finished run"),
        ({"summary.json": "{"}, "Cannot read"),
        ({"summary.json": "[1]"}, "it holds a list where a dict belongs"),
        ({"summary.json": '{"x": 1}'}, "is a run of a kind that has no report"),
        ({"summary.json": '{"cells": {}}', "outcomes.parquet": "no"}, "Cannot read .*outcomes"),
    ],
)
def test_unusable_folders_are_user_errors(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("name", "columns"), [("outcomes", ["draw", "value"]), ("transcripts", ["scratchpad"])]
)
def test_a_table_of_another_version_is_refused_with_the_fix(
    name: str, columns: list[str], tmp_path: Path
) -> None:
    (tmp_path / "summary.json").write_text('{"cells": {}}')
    section = explored.ablation()
    section.tables[name].drop(columns=columns).to_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(DataError) as caught:
        load_run(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/{name}.parquet is of another version of this toolkit: it has no column"
        f" {', '.join(columns)}. Run the command anew, or remove the table: what it holds is left"
        " out then."
    )


def test_runs_of_one_name_are_told_apart(run_folders: Path, tmp_path: Path) -> None:
    runs = [
        run_folders / "ablation",
        shutil.copytree(run_folders / "ablation", tmp_path / "ablation"),
    ]
    run_report(ReportConfig(runs, tmp_path / "report.html"))
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'href="#part-.">(.*?)</a>', html) == ["ablation", "ablation: ablation-2"]


def test_numbers_in_words() -> None:
    estimate = {"estimate": 0.98, "low": 0.95, "high": 1.0, "n": 40}
    assert write_estimate(estimate).replace("\xa0", " ") == ".98 [.95, 1.00], n = 40"
    assert write_estimate({"estimate": None, "n": 3, "reason": "TE < .1"}) == "undefined (TE < .1)"
    assert [number(value) for value in (0.984, -0.05, 12.3456, 40, None)] == [
        ".98",
        "\N{MINUS SIGN}.05",
        "12.35",
        "40",
        "\N{EN DASH}",
    ]
    assert [percent(share) for share in (0.0, 0.001, 0.3)] == ["0 %", "<1 %", "30 %"]
