"""Transfer where it is known which directions domains share."""

from __future__ import annotations

import numpy as np
import pytest

from probes.crossvalidation import Choice, group_folds
from probes.evaluation import Resamples
from probes.experiments.detection.experiment import Cell
from probes.experiments.transfer.domains import Domains, layer_table, transfer_table
from probes.experiments.transfer.verdicts import verdict_text, warnings_of
from scratchpad.statistics import Estimate

PER_DOMAIN, WIDTH = 120, 8


@pytest.fixture(scope="module")
def domains() -> Domains:
    """Four domains: b shares a's direction, c has it reversed, d has another; layer 1 holds it.

    Layer 0 is noise, and so is the second position; d lacks that position.
    """
    generator = np.random.default_rng(0)
    labels = np.tile(np.arange(PER_DOMAIN) % 2 == 0, 4)
    groups = np.tile([f"g{row // 4}" for row in range(PER_DOMAIN)], 4)
    names = np.repeat(list("abcd"), PER_DOMAIN)
    activations = generator.standard_normal((len(labels), 2, 2, WIDTH)).astype(np.float32)
    for name, axis, sign in (("a", 0, 4), ("b", 0, 4), ("c", 0, -4), ("d", 1, 4)):
        activations[names == name, 1, 0, axis] += sign * labels[names == name]
    activations[names == "d", :, 1] = np.nan
    folds = np.tile(group_folds(labels[:PER_DOMAIN], groups[:PER_DOMAIN], 5, 0), 4)
    return Domains(
        activations, (0, 1), ("end", "later"), labels, names, folds,
        Resamples.draw(groups, 200, 0),
    )  # fmt: skip


def choice_of(domains: Domains, position: str, source: str) -> Choice[Cell]:
    return domains.chosen(domains.candidates(position, source))


def test_directions_carry_over_where_they_are_shared(domains: Domains) -> None:
    choice = choice_of(domains, "end", "a")
    assert choice.favourite.layer == 1
    found = {name: domains.auroc(choice.scores, name).estimate for name in "abcd"}
    assert all(found[name] > 0.95 for name in "ab")
    assert found["c"] < 0.05
    assert 0.3 < found["d"] < 0.7


def test_nothing_is_fitted_to_a_group_that_is_judged(domains: Domains) -> None:
    """Labels of the source in one fold change no score in that fold, in any domain."""
    before = choice_of(domains, "end", "a")
    turned = domains.labels.copy()
    inside = (domains.names == "a") & (domains.folds == 3)
    turned[inside] = ~turned[inside]
    after = choice_of(Domains(**{**vars(domains), "labels": turned}), "end", "a")
    here = domains.folds == 3
    np.testing.assert_allclose(before.scores[here], after.scores[here])
    assert not np.allclose(before.scores[~here], after.scores[~here])


def test_labels_of_other_domains_are_never_used(domains: Domains) -> None:
    other = np.where(domains.names == "a", domains.labels, ~domains.labels)
    turned = choice_of(Domains(**{**vars(domains), "labels": other}), "end", "a")
    np.testing.assert_allclose(turned.scores, choice_of(domains, "end", "a").scores)


def test_the_table_has_every_pair_and_counts_what_is_absent(domains: Domains) -> None:
    chosen = {
        (position, name): choice_of(domains, position, name)
        for position in domains.positions
        for name in "abcd"
        if domains.can_teach(position, name)
    }
    table = transfer_table(domains, chosen)
    assert ("later", "d") not in chosen
    assert len(table) == (4 + 3) * 4
    cell = table.set_index(["position", "source", "target"]).loc[("end", "b", "a")]
    assert cell["auroc"] > 0.95
    assert cell["hook"] == "blocks.1.hook_resid_post"
    assert cell["n"] == 30
    assert np.isnan(table.set_index(["position", "source", "target"])["auroc"]["later", "a", "d"])


def test_every_layer_is_shown_by_itself(domains: Domains) -> None:
    table = layer_table(domains, {"a": domains.candidates("end", "a")}).set_index(
        ["layer", "target"]
    )
    assert len(table) == 2 * 4
    assert table.loc[(1, "b"), "auroc"] > 0.95
    assert 0.3 < table.loc[(0, "b"), "auroc"] < 0.7
    chosen = domains.auroc(choice_of(domains, "end", "a").scores, "b")
    assert table.loc[(1, "b"), "auroc"] == pytest.approx(chosen.estimate, abs=0.02)


def estimates(**values: tuple[float, float, float] | None) -> dict[str, Estimate]:
    names = ("auroc_backdoored", "auroc_reverse", "auroc_twin", "auroc_gap", "text_auroc",
             "auroc_minus_text", "trigger_auroc", "random_best")  # fmt: skip
    absent = Estimate.undefined(30, "not given")
    return {
        name: absent if values.get(name) is None else Estimate(*values[name], 30) for name in names
    }


CARRIED = {"auroc_backdoored": (0.98, 0.95, 1.0), "auroc_minus_text": (0.4, 0.3, 0.5)}


@pytest.mark.parametrize(
    ("more", "said", "warned"),
    [
        ({"auroc_twin": (0.3, 0.2, 0.4), "auroc_gap": (0.28, 0.2, 0.35)}, "not the trigger's look",
         None),
        ({"auroc_twin": (0.99, 0.9, 1.0), "auroc_gap": (-0.01, -0.1, 0.05)}, "no sign of",
         "the probe reads the triggers"),
        ({"trigger_auroc": (1.0, 0.9, 1.0)}, "is open", "without a twin"),
        ({"auroc_backdoored": (0.55, 0.45, 0.6)}, "does not carry over", None),
        ({"random_best": (0.99, 0.9, 1.0)}, "is open", "a random direction does as well"),
        ({"auroc_minus_text": (0.0, -0.1, 0.1)}, "is open", "a text reader carries over as well"),
    ],
)  # fmt: skip
def test_the_words_follow_from_the_numbers(
    more: dict[str, tuple[float, float, float]], said: str, warned: str | None
) -> None:
    numbers = estimates(**(CARRIED | more))
    assert said in verdict_text(numbers, 1, "ridge", "prompt-end")
    warnings = " ".join(warnings_of(numbers))
    assert (warned in warnings) if warned else not warnings
