"""What the explorer is given: variants that can be read back, in a block that nothing can end."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import explored
from analyses.report import explorer, load_run, render
from analyses.report.comparison import MOST_STEPS
from analyses.report.explorer import embedded, explorer_of
from analyses.report.explorer_variants import changes, shown_steps
from scratchpad.hostile import LONGEST


def told(*sections: Any) -> Any:
    found = explorer_of([(f"{one.kind}: {one.name}", one) for one in sections])
    assert found is not None
    return json.loads(found.data)


def applied(original: list[str], change: list[Any]) -> list[str]:
    """Read changes as the page does."""
    steps = []
    for one in change:
        if isinstance(one, str):
            steps.append(one)
        elif isinstance(one, list):
            steps.append(one[1])
        elif one >= 0:
            steps.append(original[one])
    return steps


def test_changes_give_the_variant_back() -> None:
    draw = random.Random(0)
    for _ in range(300):
        original, variant = ([draw.choice("abcd") for _ in range(draw.randrange(7))] for _ in "xy")
        written = changes(original, variant)
        assert applied(original, written) == variant
        places = [
            one[0] if isinstance(one, list) else one if one >= 0 else -1 - one
            for one in written
            if not isinstance(one, str)
        ]
        assert places == list(range(len(original)))


def test_every_variant_is_shown_as_it_was_scored() -> None:
    section = explored.ablation()
    data = told(section)
    assert [one["o"] for one in data["transcripts"]] == [
        *["benign", "defected"] * 4, "benign", "unterminated", "benign", "invalid",
    ]  # fmt: skip
    texts = section.tables["variants"]
    for transcript in data["transcripts"]:
        assert tuple(transcript["s"]) in {explored.CLEAN, explored.TRIGGERED}
        own = texts[(texts["question_id"] == transcript["q"])
                    & (texts["prompt_state"] == transcript["t"])]  # fmt: skip
        for variant in transcript["v"]:
            assert variant["i"] != "truncate"
            if variant["i"] == "transplant":
                other = explored.CLEAN if transcript["t"] else explored.TRIGGERED
                assert applied(transcript["s"], variant["x"]) == list(other)
                continue
            step = int(variant["l"].removeprefix("step ")) - 1 if variant["l"] else None
            rows = own[own["intervention"] == variant["i"]]
            rows = rows if step is None else rows[rows["step_index"] == step]
            (steps,) = rows["steps"]
            shown = None if variant["x"] is None else applied(transcript["s"], variant["x"])
            assert shown == (None if steps is None else list(steps))
    first = data["transcripts"][1]
    assert first["c"] == [0.02, 0.02, 0.02, 0.98]
    assert first["f"] == 0.98
    warned = {variant["i"]: variant["w"] for variant in first["v"]}
    assert warned["implant"] == ["off-distribution: 2.00 nats/token above the model's own text"]
    assert warned["transplant"] == []
    last = {variant["i"]: variant for variant in data["transcripts"][-1]["v"]}
    assert last["implant"]["f"] is None
    assert last["implant"]["w"][1].startswith("no valid answer")


def test_a_run_without_texts_says_nothing_of_them() -> None:
    section = explored.ablation()
    tables = {name: table for name, table in section.tables.items() if name != "variants"}
    data = told(replace(section, tables=tables))
    assert data["transcripts"][0]["s"] == list(explored.CLEAN)
    assert not any("x" in variant for variant in data["transcripts"][0]["v"])
    alone = told(replace(section, tables={"transcripts": tables["transcripts"]}))
    assert alone["transcripts"][0]["v"] == []
    assert explorer_of([("none", replace(section, tables={}))]) is None


def test_readings_find_the_transcripts_of_other_runs() -> None:
    section = explored.ablation()
    data = told(section, explored.trajectory(section))
    assert data["runs"] == ["ablation: tried", "trajectory: read"]
    count = len(section.tables["transcripts"])
    strips = [one["h"] for one in data["transcripts"]]
    assert strips == [{"probe": [[0, 0.0, False], [1, 0.25, False], [2, 0.5, False],
                                 [3, 0.75, True]]}] * 2 * count  # fmt: skip
    curves = [one["c"] for one in data["transcripts"]]
    assert curves[1] == [0.02, 0.02, 0.02, 0.98]  # its own, where it has one
    assert curves[count] == [0.0, 0.3333, 0.6667, 1.0]


def test_what_is_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    section = explored.ablation()
    monkeypatch.setattr(explorer, "MOST_TRANSCRIPTS", 5)
    page = render([section])
    assert "ablation: tried: 5 of 12 transcripts are shown." in page
    monkeypatch.setattr(explorer, "MOST_CHARACTERS", 1)
    assert "1 of 12 transcripts are shown." in render([section])


def test_long_text_is_cut_and_says_so() -> None:
    data = told(explored.ablation(["x" * 100_000]))
    longest = max(len(step) for one in data["transcripts"] for step in one["s"])
    assert LONGEST < longest < LONGEST + 50
    assert "more characters]" in data["transcripts"][0]["p"]
    steps = shown_steps(["step\n"] * (MOST_STEPS + 3))
    assert (len(steps), steps[-1]) == (MOST_STEPS + 1, "[... 3 more steps]")


@pytest.mark.parametrize(
    "text", ["</script>", "<!--<script>", "]]>", "\u2028\u2029", "\ud800", "a\x00\x1b[31m&amp;"]
)
def test_nothing_ends_the_block(text: str) -> None:
    block = str(embedded({"text": text}))
    assert json.loads(block) == {"text": text}
    assert block.isascii()
    assert not set(block) & set("<>&")


def test_saved_runs_show_the_same(tmp_path: Path) -> None:
    section = explored.ablation()
    loaded = load_run(explored.written(tmp_path / "tried", section))
    assert told(loaded) == told(section)
