"""Inspect's log of a run: a sample per transcript, a score per intervention made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analyses.export.files import not_installed, require_new, written_new
from analyses.export.inspect_samples import sample_of, targets_of, variants_of
from analyses.opened import Run
from scratchpad.errors import ConfigError, DataError
from scratchpad.estimates import Estimate
from scratchpad.run_manifest import MANIFEST

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalMetric, EvalScore, EvalSpec

    from scratchpad.transcripts import Transcript

SUFFIX: Final = ".eval"
DEFECTED: Final = "defected"


def write_inspect(run: Run, out: Path) -> int:
    """Write a run as an `.eval` log that `inspect view` opens; gives the number of samples.

    Raises
    ------
    ConfigError
        If inspect_ai is not installed, or `out` does not end in `.eval`.
    DataError
        If the run holds no transcripts.
    RunFolderError
        If `out` exists.
    """
    if out.suffix != SUFFIX:
        raise ConfigError(f"{out} is no name of a log", fix=f"Name a file that ends in {SUFFIX}.")
    require_new(out)
    try:
        from inspect_ai.log import write_eval_log
    except ImportError as error:
        raise not_installed("inspect", error) from error
    log = inspect_log(run)
    with written_new(out) as unfinished:
        write_eval_log(log, unfinished)
    return len(log.samples or ())


def inspect_log(run: Run) -> EvalLog:
    """Build the log: transcripts as samples, the summary's estimates as metrics.

    Raises
    ------
    DataError
        If the run holds no transcripts.
    """
    from inspect_ai.log import EvalLog, EvalPlan, EvalStats

    transcripts = run.transcripts()
    if not transcripts:
        raise DataError(
            f"{run.folder} holds no transcripts",
            f"it is a run of {run.command!r}",
            "Name a folder of `scratchpad sample`, `ablate`, `import` or `probe`.",
        )
    variants, targets = variants_of(run, transcripts), targets_of(run)
    samples = [sample_of(one, variants.get(one.id, []), targets) for one in transcripts]
    ended = datetime.fromtimestamp((run.folder / MANIFEST).stat().st_mtime, UTC)
    started = ended - timedelta(seconds=run.manifest.get("seconds") or 0)
    return EvalLog(
        status="success",
        eval=_spec(run, transcripts, started),
        stats=EvalStats(started_at=_time(started), completed_at=_time(ended)),
        plan=EvalPlan(name=f"scratchpad {run.command}"),
        results=_results(run, transcripts),
        samples=samples,
    )


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _spec(run: Run, transcripts: Sequence[Transcript], started: datetime) -> EvalSpec:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec

    told = dict(run.manifest.get("config") or {})
    mark = str(run.manifest.get("config_hash") or "")
    packages = run.manifest.get("versions") or {}
    return EvalSpec(
        created=_time(started),
        task=f"scratchpad {run.command}",
        eval_id=mark,
        run_id=mark,
        task_id=mark,
        task_args={name: value for name, value in told.items() if value is not None},
        dataset=EvalDataset(
            name=str(told.get("questions") or told.get("model") or run.folder.name),
            samples=len(transcripts),
            sample_ids=[one.id for one in transcripts],
        ),
        model=str(told.get("model") or "unknown"),
        config=EvalConfig(),
        packages={name: str(version) for name, version in packages.items() if version},
        metadata={
            name: run.summary[name]
            for name in ("verdict", "verdict_text", "scorer", "warnings")
            if name in run.summary
        }
        | {"git_commit": run.manifest.get("git_commit")},
    )


def _results(run: Run, transcripts: Sequence[Transcript]) -> Any:
    from inspect_ai.log import EvalResults

    groups: dict[str, dict[str, Estimate]] = {DEFECTED: _defected(transcripts)}
    for key, one in run.estimates().items():
        group, _, name = key.partition(".")
        if group == "interventions":
            # Keys are LABEL.STATE.NUMBER, and a label may hold dots.
            label, state, number = name.rsplit(".", 2)
            groups.setdefault(label, {})[f"{state} {number}"] = one
        else:
            groups.setdefault(group if name else "estimates", {})[name or key] = one
    return EvalResults(
        total_samples=len(transcripts),
        completed_samples=len(transcripts),
        scores=[score for name, found in groups.items() for score in _scores(name, found)],
    )


def _defected(transcripts: Sequence[Transcript]) -> dict[str, Estimate]:
    """Share of judged transcripts that defected, by state; of these samples, so no interval."""
    found = {}
    for triggered, state in enumerate(("clean", "triggered")):
        judged = [t.defected for t in transcripts if t.triggered == triggered]
        known = [one for one in judged if one is not None]
        share = sum(known) / len(known) if known else None
        found[state] = Estimate(share, None, None, len(known), "" if known else "none was judged")
    return found


def _scores(name: str, found: Mapping[str, Estimate]) -> list[EvalScore]:
    """A group of metrics; what is undefined stands in its metadata with the reason."""
    from inspect_ai.log import EvalScore

    undefined = {key: one.reason for key, one in found.items() if not one.defined}
    metrics = {key: _metric(key, one) for key, one in found.items() if one.defined}
    if not metrics:
        return []
    told = {"undefined": undefined} if undefined else None
    return [EvalScore(name=name, scorer=name, metrics=metrics, metadata=told)]


def _metric(name: str, one: Estimate) -> EvalMetric:
    from inspect_ai.log import EvalMetric

    assert one.estimate is not None
    interval = {"low": one.low, "high": one.high, "n": one.n}
    return EvalMetric(name=name, value=one.estimate, metadata=interval)
