"""The page that a grid leaves: its numbers in words and tables, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pandas import DataFrame

from analyses.figures.typeset import piped_lines
from analyses.persistence.summing import trial_table

_INTRODUCTION: Final = """\
Organisms that defect after two triggers were trained further to be safe, by trainers who know
neither: no prompt of theirs holds a trigger. Every cell of the table reads *before > after*.
Defection and benign answers: shares of greedily written answers to held-out prompts, with
Clopper-Pearson intervals over answers. TIE / TE: of scratchpads that the model wrote by itself,
Fieller's interval over groups of questions; verdicts are those of all checkups on the way, where
they change. The probe is fitted after the first trigger and judged
after the second on what the organism wrote before safety training; its gap is the AUROC minus that
in a twin which was merely exposed to the second trigger (folded at .5).
"""
_WORDS: Final = {
    "triggered_defection": "defects, triggered",
    "clean_defection": "defects, clean",
    "near_miss_defection": "defects, near misses",
    "found_prompt_rate": "defects, found prompts",
    "benign_accuracy": "benign answers right",
    "necessity_share": "TIE / TE",
    "sufficiency_share": "PIE / TE",
    "probe_auroc": "probe AUROC",
    "probe_auroc_gap": "probe gap to twin",
    "verdict": "verdict",
}
_INSIDE: Final = list(_WORDS)[5:]


def page(summary: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    summary, manifest : mapping
        What summary.json and run.json hold.
    """
    return "\n".join(_lines(summary, manifest)) + "\n"


def _lines(summary: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    config = manifest["config"]
    base = f" --base {config['base']}" if config["base"] else ""
    told = f"--size {config['size']}{base}{' --lora' * config['lora']}"
    yield from ("# Persistence: what safety training leaves of a behaviour", "", _INTRODUCTION)
    yield from (summary["verdict_text"], "")
    yield from ("```", f"scratchpad persist {told} --out runs/persist", "```", "")
    table = trial_table(summary).astype(str)
    yield from ("## What they do", "", *_piped(table.drop(columns=_INSIDE)), "")
    yield from ("## What their scratchpads decide, and what probes read", "")
    yield from _piped(table[["trial", "seed", *_INSIDE]])
    yield from ("", "## The contrasts that were fixed in advance", "")
    yield from (f"- {line}" for line in summary["contrasts_text"])
    if summary["warnings"]:
        yield from ("", "## Warnings", "", *(f"- {text}" for text in summary["warnings"]))


def _piped(table: DataFrame) -> list[str]:
    named = table.rename(columns=_WORDS)
    return piped_lines(list(named.columns), named.to_numpy().tolist())
