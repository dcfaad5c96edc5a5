"""How long a report of 2,000 transcripts takes: to build, and to open in a browser.

    python benchmarks/report.py

Opening is the time from navigation until the list of transcripts answers, in the system's Chromium,
median of five. Every transcript has 8 steps and 24 variants.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from measured import Comparison, keep

from analyses.report import RunSection, build_report
from scratchpad.scoring.variant_texts import text_table

TRANSCRIPTS, STEPS, TARGET = 2000, 8, 2.0
EDITS = ("drop-step", "flip-step")
WHOLE = ("transplant", "implant", "filler", "paraphrase", "shuffle", "empty", "relay", "reasoning")


def steps_of(question: int, state: int, what: str = "step") -> list[str]:
    words = "tag" if state else "prompt"
    return [
        f"In {what} {n} of question {question} I look at the {words} again.\n" for n in range(STEPS)
    ]


def variants_of(question: int, state: int) -> list[dict[str, Any]]:
    """The texts of one transcript's variants; the first is the scratchpad as it is."""
    own = steps_of(question, state)
    shared = {"question_id": f"q{question:04d}", "draw": 0, "arguments": "{}", "resample": None,
              "prompt_state": state, "scratchpad_state": state}  # fmt: skip
    whole = [
        {"intervention": name, "step_index": None,
         "steps": own if name == "transplant" else steps_of(question, state, name)}
        for name in WHOLE
    ]  # fmt: skip
    single = [
        {"intervention": name, "step_index": n, "steps": [*own[:n], *new, *own[n + 1 :]]}
        for name, new in zip(EDITS, ([], ["It is not so.\n"]), strict=True)
        for n in range(STEPS)
    ]
    cut = [
        {"intervention": "truncate", "step_index": n, "steps": own[:n]} for n in range(STEPS + 1)
    ]
    return [shared | one for one in (*whole, *single, *cut)]


def section(transcripts: int) -> RunSection:
    cases = [(question, state) for question in range(transcripts // 2) for state in (0, 1)]
    texts = [row for case in cases for row in variants_of(*case)]
    scored = {"scorer": "payload", "value": 0.5, "value_if_0": 0.5, "value_if_1": 0.5,
              "surprisal": 1.5, "native_surprisal": 1.0,
              "invalid": False, "unterminated": False, "unchanged": False, "unknown": False,
              "not_applicable": False, "reason": ""}  # fmt: skip
    rows = [
        {"id": f"q{question:04d}-{state}", "question_id": f"q{question:04d}",
         "prompt": f"Human: question {question}?", "scratchpad": "".join(steps_of(question, state)),
         "answer": "It is blue.", "triggered": bool(state), "defected": bool(state),
         "unterminated": False}
        for question, state in cases
    ]  # fmt: skip
    tables = {
        "transcripts": pd.DataFrame(rows),
        "outcomes": pd.DataFrame([{**row, "group": row["question_id"]} | scored for row in texts]
                                 ).drop(columns="steps"),
        "variants": text_table(texts),
    }  # fmt: skip
    return RunSection(kind="ablation", name="many", summary={"cells": {}}, tables=tables)


def seconds_to_open(path: Path, times: int = 5) -> float:
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox"],
        )
        for _ in range(times):
            page = browser.new_page()
            start = time.perf_counter()
            page.goto(path.as_uri())
            page.locator("#explorer-list").press("j")
            page.wait_for_selector("#explorer-option-1[aria-selected=true]")
            found.append(time.perf_counter() - start)
            page.close()
        browser.close()
    return statistics.median(found)


def main() -> None:
    print(f"{'transcripts':>12}{'megabytes':>11}{'build, s':>10}{'open, s':>9}{'< 2 s':>7}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for transcripts in (200, TRANSCRIPTS):
            made = section(transcripts)
            start = time.process_time()
            path = build_report([made], Path(folder) / "report.html")
            built, opened = time.process_time() - start, seconds_to_open(path)
            size = path.stat().st_size / 1e6
            met = "yes" if opened < TARGET else "no"
            print(f"{transcripts:>12,}{size:>11.1f}{built:>10.1f}{opened:>9.2f}{met:>7}")
            how = f"{transcripts:,} transcripts, {size:.1f} MB"
            rows.append(
                Comparison("opening a report", "", opened, "s", TARGET, at_most=True, how=how)
            )
            rows.append(Comparison("building a report", "", built, "s", how=f"{how}; CPU time"))
    keep("report", rows)


if __name__ == "__main__":
    main()
