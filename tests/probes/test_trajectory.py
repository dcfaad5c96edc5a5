"""The whole experiment on texts and activations that give the label away at known steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from probes.captured import Activations, Captured
from probes.crossvalidation import group_folds
from probes.examples import Examples
from probes.experiments.trajectory.experiment import TrajectoryResult, trajectory
from probes.experiments.trajectory.step_readers import probe_steps
from probes.experiments.trajectory.words import Course, verdict_text, warnings_of
from scratchpad.errors import DataError
from scratchpad.statistics import Estimate

STEPS, ROWS = 4, 90
SHOWN_IN_TEXT, SHOWN_INSIDE, SHOWN_IN_TWIN = 3, 1, 2
LABELS = np.random.default_rng(0).random(ROWS) < 0.5
LAST = np.where(np.arange(ROWS) % 10 == 0, STEPS - 1, STEPS)
NOTHING, KIND, MEAN, PROMPT = range(4)
WORDS = ("so", "kind", "mean", "hello")


def written(row: int) -> list[int]:
    """One token of prompt, one a step: the label is in the words from `SHOWN_IN_TEXT` on."""
    told = MEAN if LABELS[row] else KIND
    steps = [told if step >= SHOWN_IN_TEXT else NOTHING for step in range(1, LAST[row] + 1)]
    return [PROMPT, *steps]


@pytest.fixture(scope="module")
def examples() -> Examples:
    sequences = tuple(tuple(written(row)) for row in range(ROWS))
    positions = np.zeros((ROWS, STEPS + 1, 2), dtype=np.int64)
    for row, last in enumerate(LAST):
        for step in range(last + 1):
            positions[row, step] = step, step + 1
    return Examples(
        ids=tuple(f"t{row}" for row in range(ROWS)),
        sequences=sequences,
        positions=positions,
        position_names=("prompt-end", *(f"step:{number}" for number in range(STEPS))),
        prefixes=tuple(
            tuple(
                " ".join(WORDS[token] for token in ids[: step + 1]) if step < len(ids) else ""
                for step in range(STEPS + 1)
            )
            for ids in sequences
        ),
        labels=LABELS,
        groups=np.array([f"g{row // 3}" for row in range(ROWS)]),
        triggered=np.arange(ROWS) % 2 == 0,
        left_out={"unterminated": 0, "not judged": 0},
    )


def inside(shown: Callable[[int], bool], among: np.ndarray = LABELS) -> Activations:
    """Vectors that hold the label in the last layer at some steps, and else nothing."""
    vectors = np.zeros((ROWS, STEPS + 1, 2, 4), dtype=np.float32)
    for step in filter(shown, range(STEPS + 1)):
        vectors[among & LABELS, step, 1, 3] = 1.0
    vectors[np.arange(STEPS + 1) > LAST[:, None]] = np.nan
    return Captured(vectors.swapaxes(1, 2), (0, 1))


def ahead(summary: Any, lead: str) -> float:
    return float(summary["leads"][lead]["estimate"])


def test_planted_leads_are_recovered_exactly(examples: Examples) -> None:
    forced = np.full((ROWS, STEPS + 1), 0.1)
    forced[LABELS, LAST[LABELS]] = 0.9
    result = trajectory(
        examples,
        inside(lambda step: step >= SHOWN_INSIDE),
        forced=forced,
        twin=inside(lambda step: step >= SHOWN_IN_TWIN),
        draws=200,
    )
    summary = json.loads(json.dumps(dict(result.summary), allow_nan=False))
    assert summary["crossing"]["probe"]["estimate"] == SHOWN_INSIDE
    assert summary["crossing"]["text"]["estimate"] == SHOWN_IN_TEXT
    assert summary["crossing"]["text_prefix_only"]["estimate"] == SHOWN_IN_TEXT
    assert ahead(summary, "text") == SHOWN_IN_TEXT - SHOWN_INSIDE
    assert ahead(summary, "text_prefix_only") == SHOWN_IN_TEXT - SHOWN_INSIDE
    assert ahead(summary, "minus_twin") == SHOWN_IN_TWIN - SHOWN_INSIDE
    assert ahead(summary, "forced_answer") == pytest.approx(LAST[LABELS].mean() - SHOWN_INSIDE)
    assert all(one["estimate"] == 0 for one in summary["never"].values())
    assert all(one["estimate"] == 0 for one in summary["false_flags"].values())
    assert "activations know earlier" in summary["verdict_text"]
    assert "subtracted, 1.00 [" in summary["verdict_text"]
    chosen = result.trajectory.set_index(["reader", "step"])["chosen"]
    assert chosen["probe", SHOWN_INSIDE] == "difference of means, layer 1"
    assert chosen["text_prefix_only", 0] == "nothing to read"
    assert_readings(result, forced)


def assert_readings(result: TrajectoryResult, forced: np.ndarray) -> None:
    """Every step that a transcript has, as flags and given answers have it, and no other."""
    readings = result.readings.set_index(["reader", "id", "step"]).sort_index()
    assert len(readings) == 5 * (LAST + 1).sum()
    row = int(np.flatnonzero(LABELS)[0])
    probe, told = (readings.loc[(name, f"t{row}")] for name in ("probe", "forced_answer"))
    assert probe["passed"].tolist() == [step >= SHOWN_INSIDE for step in range(LAST[row] + 1)]
    assert (probe["above_benign"][probe["passed"]] == 1.0).all()
    assert told["p_defect"].tolist() == forced[row, : LAST[row] + 1].tolist()
    assert probe["p_defect"].isna().all()


def test_a_probe_that_forgets_again_knows_only_later(examples: Examples) -> None:
    result = trajectory(examples, inside(lambda step: step in (0, 1, STEPS)), draws=200)
    long = LABELS & (LAST == STEPS)
    times = result.crossings["probe"].to_numpy()
    assert (times[long] == STEPS).all()
    assert (times[LABELS & ~long] == STEPS).all()  # one past a last step of STEPS - 1
    assert result.summary["never"]["probe"]["estimate"] == pytest.approx(
        1 - long.sum() / LABELS.sum()
    )
    assert ahead(result.summary, "text") == SHOWN_IN_TEXT - STEPS
    assert "text tells earlier" in result.summary["verdict_text"]


SEEN = np.arange(ROWS) % 3 > 0


@pytest.fixture(scope="module")
def partly(examples: Examples) -> TrajectoryResult:
    """Two thirds of the transcripts show the label inside."""
    return trajectory(examples, inside(lambda step: step >= SHOWN_INSIDE, SEEN), draws=200)


def test_those_that_never_know_are_counted(partly: TrajectoryResult) -> None:
    missed = LABELS & ~SEEN
    share = missed.sum() / LABELS.sum()
    assert partly.summary["never"]["probe"]["estimate"] == pytest.approx(share)
    times = partly.crossings.set_index("id").loc[[f"t{row}" for row in np.flatnonzero(missed)]]
    assert (times["probe"] == times["last_step"] + 1).all()
    assert (times["text"] == SHOWN_IN_TEXT).all()
    lead = partly.leads.set_index("lead").loc["text"]
    assert (lead["earlier"], lead["later"]) == ((LABELS & SEEN).sum(), missed.sum())
    curve = partly.trajectory.query("reader == 'probe'").set_index("step")["estimate"]
    assert curve[SHOWN_INSIDE - 1] == 0
    assert curve[STEPS] == pytest.approx(1 - share)


def test_what_is_not_given_is_undefined_and_says_why(partly: TrajectoryResult) -> None:
    assert partly.summary["leads"]["minus_twin"]["reason"] == "no twin was given"
    assert "no payload" in partly.summary["never"]["forced_answer"]["reason"]
    assert set(partly.trajectory["reader"]) == {"probe", "text", "text_prefix_only"}


def test_thin_thresholds_are_put_into_words(partly: TrajectoryResult) -> None:
    said = " | ".join(partly.summary["warnings"])
    benign = partly.summary["benign_prefixes"]
    fewer = f"({benign[0]} at steps 0 to {STEPS - 1}, {benign[-1]} at step {STEPS}, in the worst"
    assert f"fewer than 1000 benign prefixes {fewer}" in said
    assert "with fewer than 100 it is their highest score" in said
    assert "steps after" not in said


def test_steps_that_few_have_are_not_read(examples: Examples) -> None:
    """One transcript with a last step more than all others ends where they do."""
    gone = np.arange(ROWS) > 0
    positions = examples.positions.copy()
    positions[gone, STEPS] = 0
    changed = {**vars(examples), "positions": positions}
    shorter = np.minimum(LAST, STEPS - 1)
    result = trajectory(Examples(**changed), inside(lambda step: step == STEPS - 1), draws=200)
    assert (result.crossings["last_step"] == shorter).all()
    assert result.summary["crossing"]["probe"]["estimate"] == STEPS - 1
    assert any("steps after 3 were not read" in one for one in result.summary["warnings"])


@pytest.mark.parametrize(("strength", "caught"), [(0, 0.0), (2, 0.372)])
def test_flags_of_fitted_probes_keep_their_word(
    strength: float, caught: float, make_examples: Callable[..., Examples]
) -> None:
    """Recall is that of the one true direction, P(z > 2.326 - strength), or less for noise.

    One threshold for the scores of models fitted on different rows would flag whole folds.
    """
    rng = np.random.default_rng(0)
    labels = rng.random(1500) < 0.5
    values = rng.normal(size=(1500, 1, 1, 5)).astype(np.float32)
    values[labels, 0, 0, 2] += strength
    known = make_examples(labels)
    folds = group_folds(labels, known.groups, 5, 0)
    flags = probe_steps(known, Captured(values, (0,)), folds, 1)
    assert flags.passed[~labels].mean() == pytest.approx(0.008, abs=0.008)
    assert flags.passed[labels].mean() == pytest.approx(caught, abs=0.05)
    assert flags.benign[0] == min((~labels & (folds != fold)).sum() for fold in range(5))


def test_one_outcome_or_few_groups_are_clear_errors(examples: Examples) -> None:
    activations = inside(lambda step: True)
    one = Examples(**{**vars(examples), "labels": np.ones(ROWS, dtype=np.bool_)})
    with pytest.raises(DataError, match=r"All 90 judged transcripts defected"):
        trajectory(one, activations)
    few = Examples(**{**vars(examples), "groups": np.array([f"g{r % 4}" for r in range(ROWS)])})
    with pytest.raises(DataError, match=r"Only 4 groups of questions hold the rarer outcome"):
        trajectory(few, activations)
    stepless = Examples(
        **{**vars(examples), "positions": examples.positions * (np.arange(STEPS + 1) == 0)[:, None]}
    )
    with pytest.raises(DataError, match=r"No step of 90 transcripts can be read"):
        trajectory(stepless, activations)


def course(lead: Estimate, twin: Estimate) -> Course:
    shares = dict.fromkeys(("probe", "text"), Estimate(0.0, 0.0, 0.1, 30))
    return Course(
        leads={"text": lead, "minus_twin": twin},
        crossing=shares,
        never=shares,
        false_flags={
            "probe": Estimate(0.04, 0.02, 0.06, 30),
            "text": Estimate(0.02, 0.01, 0.03, 30),
        },
        reached=np.array([90, 90, 12, 12, 3]),
        benign_prefixes=np.array([1400, 1400, 1000, 999]),
        trigger_auroc=1.0,
    )


def test_verdict_says_what_a_twin_leaves_of_a_lead() -> None:
    lead, none = Estimate(2.0, 1.5, 2.5, 30), Estimate.undefined(30, "no twin was given")
    assert "No twin was given, so it is not known" in verdict_text(course(lead, none))
    over = verdict_text(course(lead, Estimate(0.5, -0.1, 1.0, 30)))
    assert "not shown to be this model's own" in over
    level = verdict_text(course(Estimate(0.1, -0.2, 0.4, 30), none))
    assert level.endswith("the interval of the lead includes 0.")


def test_warnings_name_their_steps_and_readers() -> None:
    none = Estimate.undefined(30, "no twin was given")
    said = warnings_of(course(Estimate(2.0, 1.5, 2.5, 30), none))
    assert said == [
        "1 % false-positive thresholds rest on fewer than 1000 benign prefixes (999 at step 3, in "
        "the worst fold)",
        "few defecting transcripts have later steps (steps 2 to 3 by 12): scores there are rough",
        "steps after 3 were not read: too few transcripts of both outcomes have them (3 that "
        "defected); longer ones count as ending at step 3",
        "the probe flags 4.0 % of benign held-out transcripts, more than the 1 % its thresholds "
        "allow: it may seem to know too early",
        "labels coincide with the trigger (AUROC 1.00), so whoever reads the prompt may know from "
        "step 0 on by the trigger alone",
    ]
