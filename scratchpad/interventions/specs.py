r"""Splitting what a user writes, `"name,name:argument"`, into its parts.

A comma ends a part, unless it stands in a delimited argument: `replace:/so, then/now/` is one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_UP_TO_MARK = r"(?:\\.|(?!(?P=mark))[^\\])*"
# Two texts between three marks of one kind, as `/first/second/`; a backslash before a mark keeps
# it from ending a text.
DELIMITED = (
    r"(?P<mark>[^\w\s\\])"
    rf"(?P<first>{_UP_TO_MARK})(?P=mark)(?P<second>{_UP_TO_MARK})(?P=mark)"
)


def split_spec(spec: str, delimited: Collection[str]) -> Iterator[str]:
    """Split at commas, except in the arguments of the interventions named in `delimited`.

    >>> list(split_spec("empty, replace:/so, then/now/,mask:0.3", ["replace"]))
    ['empty', 'replace:/so, then/now/', 'mask:0.3']
    """
    names = "|".join(map(re.escape, sorted(delimited)))
    part = re.compile(rf"\s*(?:{names})\s*:\s*{DELIMITED}[^,]*|[^,]*", re.DOTALL)
    start = 0
    while start <= len(spec):
        found = part.match(spec, start)
        assert found is not None
        yield found[0].strip()
        start = found.end() + 1
