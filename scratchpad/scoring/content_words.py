"""Which tokens of a step carry its content: those of words that are not function words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scratchpad.encoding import Encoder

_WORD = re.compile(r"[^\W_]+")
# The closed classes of English, contractions cut at their apostrophe.
_CLOSED_CLASSES = """
    a an the this that these those each every either neither some any no none all both few many
    much more most less least other another such same one ones enough several
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his
    himself she her hers herself it its itself they them their theirs themselves who whom whose
    which what whoever whatever whichever someone anyone everyone something anything everything
    nothing nobody somebody anybody everybody there here
    am is are was were be been being do does did done doing have has had having will would shall
    should can could may might must ought ll ve re d m s t don doesn didn isn aren wasn weren won
    wouldn shan shouldn couldn mightn mustn hasn haven hadn ain cannot let
    aboard about above across after against along amid among around as at before behind below
    beneath beside besides between beyond by despite down during except for from in inside into
    of off on onto out outside over per since than through throughout till to toward towards
    under underneath until unto up upon via with within without
    and but or nor so yet if unless because although though while whereas whether when where
    why how once lest
    not never ever always often also too very just only even still already again now then thus
    hence therefore however quite rather almost perhaps maybe else
    oh ah yes okay ok
"""
FUNCTION_WORDS = frozenset(_CLOSED_CLASSES.split())


def content_places(encoder: Encoder, token_ids: Sequence[int]) -> list[int]:
    """Places of a step's tokens that belong to its content words.

    The source keeps verbs, numbers, adjectives, nouns and proper nouns by a part-of-speech tagger
    (technion-cs-nlp/parametric-faithfulness). Here it is every word, letters or digits without a
    break, that is in no closed class: pronouns, determiners, auxiliaries, prepositions,
    conjunctions, negations and the commonest adverbs are left out. A token counts if it holds a
    letter of a content word.
    """
    text = encoder.decode(token_ids)
    words = [
        word.span() for word in _WORD.finditer(text) if word.group().lower() not in FUNCTION_WORDS
    ]
    ends = encoder.character_ends(token_ids)
    spans = zip([0, *ends[:-1]], ends, strict=True) if ends else ()
    return [
        place
        for place, (start, end) in enumerate(spans)
        if any(first < end and start < last for first, last in words)
    ]
