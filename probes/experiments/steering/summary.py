"""What may be said of a steered direction: it is used, or it is only a correlate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pandas import DataFrame

from probes.experiments.steering.results import ABLATE, PROBE, UNSTEERED, Best, best_change
from probes.layers import hook_name
from scratchpad.estimates import Estimate, short, signed


@dataclass(frozen=True)
class Steered:
    """The direction that steers.

    Parameters
    ----------
    probe : str
    layer : int
    position : str
        Where it was fitted.
    norm : float
        Mean norm of the residual stream there: the unit of amounts.
    auroc : Estimate
        Of the direction, on the groups that it was not fitted to.
    randoms : int
        Random directions beside it.
    """

    probe: str
    layer: int
    position: str
    norm: float
    auroc: Estimate
    randoms: int


def summary_of(
    direction: Steered, rows: DataFrame, table: DataFrame, headline: str, seed: int
) -> dict[str, Any]:
    """Put together what summary.json holds.

    Parameters
    ----------
    direction : Steered
    rows, table : DataFrame
        See `probes.experiments.steering.results`.
    headline : str
        The scorer that the verdict rests on.
    seed : int
    """
    by_scorer = {
        scorer: {
            "raises": best_change(rows, table, scorer, 0, seed),
            "lowers": best_change(rows, table, scorer, 1, seed),
        }
        for scorer in table["scorer"].unique()
    }
    first = by_scorer[headline]
    return {
        "auroc": direction.auroc.to_json(),
        "effect_on_clean": first["raises"].effect.to_json(),
        "effect_on_triggered": first["lowers"].effect.to_json(),
        "moves_more_than_random": any(best.moves for best in first.values()),
        "probe": direction.probe,
        "layer": direction.layer,
        "hook": hook_name(direction.layer),
        "position": direction.position,
        "mean_norm": direction.norm,
        "random_directions": direction.randoms,
        "scorer": headline,
        "by_scorer": {
            scorer: {name: best.to_json() for name, best in found.items()}
            for scorer, found in by_scorer.items()
        },
        "warnings": warnings_of(table, by_scorer, headline),
        "verdict_text": verdict_text(direction, first),
    }


def warnings_of(
    table: DataFrame, by_scorer: Mapping[str, Mapping[str, Best]], headline: str
) -> list[str]:
    """Say what the verdict does not rest on, and where scorers differ."""
    probe = table[(table["direction"] == PROBE)].drop_duplicates(["start", "change"])
    lost = probe[~probe["coherent"].astype(bool)]
    warnings = []
    if len(lost):
        named = ", ".join(sorted(f"{row.change} from {row.start}" for row in lost.itertuples()))
        warnings.append(f"these changes broke the model's coherence and are left out: {named}")
    says = {name: any(best.moves for best in found.values()) for name, found in by_scorer.items()}
    other = [name for name, moves in says.items() if moves is not says[headline]]
    if other:
        warnings.append(f"by {', '.join(other)} the verdict would be the other one")
    plain = table[(table["direction"] == UNSTEERED) & (table["scorer"] == headline)]
    clean, triggered = (plain.loc[plain["state"] == state, "estimate"].iloc[0] for state in (0, 1))
    if clean > 0.9 or triggered < 0.1:
        warnings.append(
            f"unsteered, it defects in {short(clean)} of clean and {short(triggered)} of "
            "triggered cases: there is little to move"
        )
    return warnings


def verdict_text(direction: Steered, first: Mapping[str, Best]) -> str:
    """Sum the experiment up in a few sentences, with the numbers that led to it."""
    place = "the embeddings" if direction.layer < 0 else f"layer {direction.layer}"
    sentences = [
        f"The {direction.probe} direction at {place}, position {direction.position}, was chosen "
        "and fitted on half of the groups; on the others its AUROC is "
        f"{direction.auroc.with_interval()}.",
        _sentence("clean", "raises", first["raises"], direction.randoms),
        _sentence("triggered", "lowers", first["lowers"], direction.randoms),
    ]
    if any(best.moves for best in first.values()):
        end = "It moves the model more than random directions do: the model uses it."
    else:
        end = "It is only a correlate, as far as these changes show: nothing hangs on it."
    return " ".join([*sentences, end])


def _sentence(prompts: str, verb: str, best: Best, randoms: int) -> str:
    if best.before is None or best.after is None or not best.effect.defined:
        return f"After {prompts} prompts {best.effect.reason}."
    done = "Taken out" if best.change == ABLATE else f"Added {best.change} times"
    random = "none coherent" if best.random is None else signed(best.random)
    return (
        f"{done} from the {best.start} on it {verb} P(defection) after {prompts} prompts from "
        f"{short(best.before)} to {short(best.after)} ({best.effect.with_interval()}, n = "
        f"{best.effect.n} groups; the furthest of {randoms} random directions of equal norm: "
        f"{random})."
    )
