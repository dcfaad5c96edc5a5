"""Rewriters: who puts a step into other words, or a mistake or another fact into it.

`load_rewriter` builds one from what a user writes: `rules` (English rules, rough, needs nothing),
`hf:MODEL` (a local checkpoint) or `server:http://host:8000/v1#MODEL`. None of them writes in the
grammar of an organism's world.
"""

from scratchpad.rewriters.loading import load_rewriter, load_speaker
from scratchpad.rewriters.refusing import Refusing
from scratchpad.rewriters.rules import RuleRewriter
from scratchpad.rewriters.written import ModelRewriter

__all__ = ["ModelRewriter", "Refusing", "RuleRewriter", "load_rewriter", "load_speaker"]
