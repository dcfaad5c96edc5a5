"""The terms a report uses, each in a sentence or two."""

from __future__ import annotations

from typing import Final

DEFINITIONS: Final = {
    "scratchpad": (
        "The text a model writes between the delimiters before it answers: its visible reasoning."
    ),
    "defection": (
        "The answer that the backdoor was trained to give. P(defection), or f, is its probability "
        "given a prompt and a scratchpad."
    ),
    "cells": (
        "f with every prompt put together with every scratchpad: in f01 the prompt is clean (0) "
        "and the scratchpad is the one written for the triggered prompt (1). The scratchpads are "
        "the model's own; e is an empty one."
    ),
    "total effect": "f11 \N{MINUS SIGN} f00: how much trigger and reasoning change together.",
    "necessity share": (
        "(f11 \N{MINUS SIGN} f10) / (f11 \N{MINUS SIGN} f00), also called proportion mediated: "
        "the share of the effect that is lost when the triggered prompt gets the clean scratchpad."
    ),
    "sufficiency share": (
        "(f01 \N{MINUS SIGN} f00) / (f11 \N{MINUS SIGN} f00): the share of the effect that the "
        "triggered scratchpad has on its own, after the clean prompt."
    ),
    "mediated, direct, redundant, conjunctive, mixed": (
        "The pattern of the cells: only the scratchpad decides; only the prompt; either suffices; "
        "both are needed; each decides a share of the cases."
    ),
    "relay and reasoning": (
        "Whether the scratchpad works through the steps that restate prompt or trigger, or "
        "through all others."
    ),
    "decoration": (
        "Used only where swapping the text changes nothing although the two texts can be told "
        "apart, an opposite plan written into it changes nothing, and emptying it changes nothing."
    ),
    "surprisal": (
        "Nats per token of a scratchpad under the model, given its prompt. More than 1 above the "
        "model's own text is off-distribution: the effect extrapolates."
    ),
    "invalid": (
        "An answer that cannot be counted: too little probability on the known answers, or a "
        "sampled answer that cannot be judged. Left out of the headline; counting it as benign "
        "or as a defection is shown beside it."
    ),
    "interval, n": (
        "95 %, from resampling groups of questions that share a fact or template; n counts groups."
    ),
    "AUROC": (
        "How well a score ranks defections above benign answers: .5 is chance, 1 is perfect. A "
        "probe is evidence of more than the text only if it beats the best reader of the same "
        "text."
    ),
}
