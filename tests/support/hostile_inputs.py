"""Valid files made invalid in one to three places, and raw bytes: what a stranger may send."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

DEEP = 5000
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**63, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"), "",
    " ", "\n", "a", "0", "\x00", "\x1b[31m", "\u2028", "\u202e", "\ud800", "é" * 50, "../../escape",
    "/etc/passwd", "os:system", "function:os:system", "{{ 7*7 }}", "<script>", "%s%n", "x" * 3000,
    "</scratchpad>", "<scratchpad>", "regex:(", "mixed:nan", "driver:99", [], {}, [None], [[]],
    [1, "a"], {"": ""}, {"estimate": "x"}, {"estimate": None, "n": "many"}, {"a": {"b": [1]}},
)  # fmt: skip
BYTES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\n", b"\r", b"\xe2\x80\xa8", b"\\ud800",
    b'"', b"'''", b"{", b"}", b"[", b"[" * DEEP, b'{"a":' * DEEP, b"9" * 5000, b"NaN", b"-", b"=",
)  # fmt: skip


def mutated(value: Any, rng: Random) -> Any:
    """A copy with one to three places replaced, taken out, doubled, renamed or added."""
    made = [copy.deepcopy(value)]
    for _ in range(rng.randint(1, 3)):
        inner, key = rng.choice([*_places(made)])
        _CHANGES[rng.randrange(len(_CHANGES))](inner, key, rng)
        made = made or [None]
    return made[0]


def scrambled(content: bytes, rng: Random) -> bytes:
    """Bytes cut off, overwritten, doubled, or with others put in."""
    for _ in range(rng.randint(1, 3)):
        first, last = sorted(rng.randrange(len(content) + 1) for _ in range(2))
        last = min(last, first + 40)
        content = rng.choice([
            content[:first],
            content[:first] + content[last:],
            content[:first] + rng.choice(BYTES) + content[first:],
            content[:first] + rng.randbytes(3) + content[last:],
            content[:last] + content[first:],
        ])  # fmt: skip
    return content


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def as_lines(rows: Any) -> bytes:
    rows = rows if isinstance(rows, list) else [rows]
    return b"\n".join(map(as_json, rows)) + b"\n"


def as_toml(value: Any) -> bytes:
    table = value if isinstance(value, dict) else {"a": value}
    return "".join(f"{json.dumps(key)} = {_inline(one)}\n" for key, one in table.items()).encode()


def as_parquet(rows: Any) -> bytes:
    """A column whose values are of several types becomes one of texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [row for row in (rows if isinstance(rows, list) else [rows]) if isinstance(row, dict)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            columns[name.encode(errors="replace").decode()] = pa.array(values)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError):
            columns[name] = pa.array([ascii(one) for one in values])
    buffer = io.BytesIO()
    try:
        pq.write_table(pa.table(columns), buffer)
    except (pa.ArrowException, UnicodeEncodeError):  # a struct without fields, say
        return b"PAR1"
    return buffer.getvalue()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _replace(inner: Any, key: Any, rng: Random) -> None:
    inner[key] = copy.deepcopy(rng.choice(VALUES))


def _take_out(inner: Any, key: Any, rng: Random) -> None:
    del inner[key]


def _double(inner: Any, key: Any, rng: Random) -> None:
    if isinstance(inner, list):
        inner.insert(key, copy.deepcopy(inner[key]))
    else:
        inner[f"{key}{rng.randrange(9)}"] = copy.deepcopy(inner[key])


def _rename(inner: Any, key: Any, rng: Random) -> None:
    if isinstance(inner, dict):
        inner[str(rng.choice(VALUES))] = inner.pop(key)


def _wrap(inner: Any, key: Any, rng: Random) -> None:
    inner[key] = rng.choice([[inner[key]], {str(key): inner[key]}, str(inner[key])])


_CHANGES: tuple[Callable[[Any, Any, Random], None], ...] = (
    _replace, _replace, _take_out, _double, _rename, _wrap,
)  # fmt: skip


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(k)} = {_inline(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)
