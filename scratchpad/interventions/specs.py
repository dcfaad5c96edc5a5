r"""Splitting what a user writes, `"name,name:argument"`, into its parts.

A comma ends a part, unless it stands in a delimited argument: `replace:/so, then/now/` is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_UP_TO_MARK = r"(?:\\.|(?!(?P=mark))[^\\])*"
# Two texts between three marks of one kind, as `/first/second/`; a backslash before a mark keeps
# it from ending a text.
DELIMITED = (
    r"(?P<mark>[^\w\s\\])"
    rf"(?P<first>{_UP_TO_MARK})(?P=mark)(?P<second>{_UP_TO_MARK})(?P=mark)"
)
# One pattern between slashes.
SLASHED = r"/(?:\\.|[^/\\])*/"


def split_spec(spec: str, delimited: Mapping[str, str]) -> Iterator[str]:
    """Split at commas, except in the arguments of the interventions named in `delimited`.

    It gives the form of each argument, as a regular expression. Another intervention may stand
    before the name, as in `regenerate:replace:/so, then/now/`.

    >>> list(split_spec("empty, replace:/so, then/now/,mask:0.3", {"replace": DELIMITED}))
    ['empty', 'replace:/so, then/now/', 'mask:0.3']
    """
    forms = [rf"(?:[^,:]*:)?\s*{re.escape(name)}\s*:\s*{it}" for name, it in delimited.items()]
    parts = [re.compile(rf"\s*{form}[^,]*", re.DOTALL) for form in forms]
    parts.append(re.compile("[^,]*"))
    start = 0
    while start <= len(spec):
        found = next(filter(None, (part.match(spec, start) for part in parts)))
        yield found[0].strip()
        start = found.end() + 1
