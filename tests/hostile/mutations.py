"""Makes hostile entries from a seed, by mutating valid listings.

An entry is a mapping of fields as a client could `XADD` it. `MUTATORS` holds the mutations of an event's JSON with
their weights; some entries mutate FastStream's binary envelope around the event as well, or have foreign fields.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from random import Random

from tests.consumer.harness import ROW
from tests.schemas.awkward import ATTRIBUTES, TOKENS

Fields = dict[bytes, bytes]
Mutator = Callable[[Random, bytes], bytes]

EDGE_BYTES = 65_536
_MAGIC = b"\x89BIN\x0d\x0a\x1a\x0a\x00\x01"
_POWERS = (31, 32, 53, 63, 64, 127)
_NUMBERS = (
    *(str(n).encode() for p in _POWERS for n in (2**p - 1, 2**p, 2**p + 1, -(2**p), -(2**p) - 1)),
    *b"-0 -0.0 0e-0 1e400 -1e400 1e-400 1e308 NaN -NaN Infinity -Infinity nan 01 +1 .5 5. 1_000 0x10 1e 1e+".split(),
    *b"6.5 1.0 0.1e1 5e-324 2.2250738585072014e-308 9007199254740993 1e00000000001 1E5 1e+2 --1".split(),
    *("\uff16.\uff15".encode(), "\u0663".encode(), "1\u00a0000".encode(), "\u22121".encode()),
)
_LOOKALIKES = str.maketrans("RMAedia10", "\u0420\u041c\u0391\u0435\u0501\u0456\u0430\uff11\u041e")
_BROKEN_TEXT = (
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\xf8\x88\x80\x80\x80"),
    *(rb"\ud800", rb"\udc00\ud800", rb"\u0000", rb"\x41", rb"\u12", b"\\", b"\x00"),
    *(b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xcc\x81" * 9),
)
_TEXTS = ("", " ", "\n", "\u202e", "a" * 256, "a" * 257, "é" * 256, "😀" * 257, "\u0301" * 40, "../../etc/passwd")
_IDS = (
    *(*_TEXTS, "%00", "{{7*7}}", "'; DROP TABLE", "l\x00", "\ufeffl-1", "0-0", "*", "-1", "null", "__proto__", "NaN"),
    "l-1\n",
)
_ATTRIBUTES: tuple[dict[str, object], ...] = (
    {},
    {"source": "/agency/1", "subject": "p-1"},
    {"region": "x", "time": "2026-11-20T12:00:00Z"},
)
_REPLY_NAMES = (
    "asker",
    "a" * 64,
    "a" * 65,
    "",
    "a:b",
    "*",
    "asker\n",
    "Asker",
    "\u0430sker",
    "{x}",
    "../listings",
    "-",
)
_TYPES: tuple[object, ...] = (None, True, False, 0, -1, 0.5, "", "6.5", [], [6.5], {}, {"a": 1}, [[]], 2**63, 10**30)


def listing(random: Random, **attributes: object) -> dict[str, object]:
    """A valid event, rarely the same twice."""
    event: dict[str, object] = {"id": f"l-{random.getrandbits(40)}", "data": ROW | {"RM": random.uniform(4, 9)}}
    return event | attributes


def encode(event: object) -> bytes:
    """An event's JSON as `json.dumps` writes it."""
    return json.dumps(event).encode()


def _position(random: Random, payload: bytes) -> int:
    return random.randrange(len(payload) + 1)


def _keep(random: Random, payload: bytes) -> bytes:
    return payload


def _flip(random: Random, payload: bytes) -> bytes:
    mutated = bytearray(payload)
    for _ in range(random.choice((1, 1, 2, 8))):
        mutated[random.randrange(len(mutated))] ^= 1 << random.randrange(8)
    return bytes(mutated)


def _cut(random: Random, payload: bytes) -> bytes:
    return payload[: _position(random, payload)]


def _splice(random: Random, payload: bytes) -> bytes:
    at, *ends = (_position(random, payload) for _ in range(3))
    start, end = sorted(ends)
    return payload[:at] + payload[start:end] * random.choice((0, 1, 2, 40)) + payload[at:]


def _insert(random: Random, payload: bytes) -> bytes:
    at = _position(random, payload)
    return payload[:at] + random.choice(TOKENS + _BROKEN_TEXT) + payload[at:]


def _repeat_keys(random: Random, payload: bytes) -> bytes:
    key = random.choice((b'"id":"other",', b'"RM":1,', b'"data":{},', b'"x":1,', b'"\\u0069d":7,', b'"":null,'))
    at = payload.index(b"{", random.choice((0, 1)) * payload.index(b'"data"')) + 1
    return payload[:at] + key * random.choice((1, 2, 50, 260, 3000)) + payload[at:]


def _nest(random: Random, payload: bytes) -> bytes:
    depth = random.choice((1, 2, 14, 15, 16, 17, 100, 1000, 20_000))
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'{"data":', b"}"), (b'[{"":', b"}]")))
    inner = random.choice((b"1", b"", payload))
    nested = opening * depth + inner + closing * random.choice((depth, depth, 0, depth - 1))
    return nested if random.random() < 0.3 else _valued(random, payload, nested[: EDGE_BYTES + 99])


def _valued(random: Random, payload: bytes, value: bytes) -> bytes:
    """The event with this value for a feature, an attribute or an extension."""
    event = json.loads(payload)
    attribute = random.choice((*ATTRIBUTES, "data", "id"))
    if random.random() < 0.6:
        event["data"][random.choice(list(ROW))] = "@"
    else:
        event[attribute] = "@"
    return encode(event).replace(b'"@"', value)


def _number(random: Random, payload: bytes) -> bytes:
    length = random.choice((20, 308, 309, 400, 999, 1000, 1001, 4300, 5000, 60_000))
    digits = random.choice((b"", b"0.", b"-", b"1e")) + random.choice((b"1", b"0", b"9")) * length
    return _valued(random, payload, random.choice((*_NUMBERS, digits)))


def _token(random: Random, payload: bytes) -> bytes:
    return _valued(random, payload, random.choice(TOKENS))


def _type(random: Random, payload: bytes) -> bytes:
    return _valued(random, payload, encode(random.choice(_TYPES)))


def _id(random: Random, payload: bytes) -> bytes:
    changed = {random.choice(("id", "id", "source", "subject", "type", "time", "traceparent")): random.choice(_IDS)}
    return json.dumps(json.loads(payload) | changed, ensure_ascii=random.random() < 0.5).encode()


def _lookalike(random: Random, payload: bytes) -> bytes:
    text, at = payload.decode(), _position(random, payload)
    return (text[:at] + text[at : at + 12].translate(_LOOKALIKES) + text[at + 12 :]).encode()


def _break_text(random: Random, payload: bytes) -> bytes:
    at = payload.index(random.choice((b"l-", b"RM", b"id"))) + random.randrange(3)
    return payload[:at] + random.choice(_BROKEN_TEXT) * random.choice((1, 1, 3, 300)) + payload[at:]


def _reencode(random: Random, payload: bytes) -> bytes:
    return payload.decode().encode(random.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7")))


def _surround(random: Random, payload: bytes) -> bytes:
    junk = (b"", b" ", b"\t\r\n", b"\x0b", b"\xc2\xa0", b"//x\n", b",", b"}", b"{}", b"null", b"\x1b[2J", payload)
    return random.choice(junk) + payload + random.choice(junk)


def _widen(random: Random, payload: bytes) -> bytes:
    count, event = random.choice((30, 200, 240, 260, 5000)), json.loads(payload)
    names = {random.choice(("f", "é", "x" * 40)) + str(number): number for number in range(count)}
    match random.randrange(3):
        case 0:
            event["data"] |= names
        case 1:
            event |= names
        case _:
            event["list"] = list(range(count))
    return encode(event)


def _lengthen(random: Random, payload: bytes) -> bytes:
    """Make the event as long as is allowed, or a byte longer or shorter, or much too long."""
    room = EDGE_BYTES + random.choice((-1, 0, 1, 5000)) - len(payload)
    if random.random() < 0.5:
        return payload + b" " * room
    name, filling = random.choice(("comment", "id", "k" * 300)), random.choice(("x", '\\"', "[", ",", "1", "\\\\"))
    return payload[:-1] + f', "{name}": "'.encode() + filling.encode() * ((room - len(name)) // len(filling)) + b'"}'


def _noise(random: Random, payload: bytes) -> bytes:
    return random.randbytes(random.choice((0, 0, 1, 2, 16, 200, 5000)))


MUTATORS: dict[Mutator, int] = {
    _keep: 10,
    _flip: 14,
    _cut: 8,
    _splice: 8,
    _insert: 8,
    _repeat_keys: 4,
    _nest: 5,
    _number: 8,
    _token: 10,
    _type: 8,
    _id: 6,
    _lookalike: 4,
    _break_text: 5,
    _reencode: 2,
    _surround: 3,
    _widen: 2,
    _lengthen: 1,
    _noise: 3,
}
_MUTATORS, _WEIGHTS = list(MUTATORS), list(MUTATORS.values())


def payload(random: Random) -> bytes:
    """One hostile payload, sometimes a valid one."""
    sources: tuple[dict[str, object], ...] = (
        {},
        {"source": "/agency/1"},
        {"region": "x", "time": "2026-11-20T12:00:00Z"},
        {"replyto": random.choice(_REPLY_NAMES), "explain": True},
    )
    (mutate,) = random.choices(_MUTATORS, _WEIGHTS)
    return mutate(random, encode(listing(random, **random.choice(sources))))


def _envelope(random: Random, inner: bytes) -> bytes:
    """What FastStream's publisher puts around an event: magic, version, where headers and data begin; then mutated."""
    headers = random.choice((b"", b"\x00" * 4, random.randbytes(30)))
    start = random.choice((18 + len(headers), 18 + len(headers), 0, 17, 2**31, 2**32 - 1, len(inner)))
    whole = _MAGIC + struct.pack(">II", 18, start) + headers + inner
    return random.choice((_keep, _keep, _flip, _cut, _noise))(random, whole)


def entry(random: Random) -> Fields:
    """One hostile entry."""
    inner, kind = payload(random), random.random()
    if kind < 0.87:
        return {b"data": inner}
    if kind < 0.9:
        name = random.choice((random.choice(_REPLY_NAMES).encode(), random.randbytes(random.choice((0, 3, 64, 3000)))))
        return {b"data": inner, b"replyto": name}
    if kind < 0.96:
        return {b"__data__": _envelope(random, inner)}
    names = (b"payload", b"Data", b"data ", b"", b"\xff\xfe", b"__data__", b"data\x00", b"x" * 3000)
    fields = {random.choice(names): random.choice((inner, b"", b"1")) for _ in range(random.choice((1, 2, 5)))}
    return fields | ({b"data": inner} if random.random() < 0.3 else {})


def entries(seed: int, count: int) -> Iterator[Fields]:
    """`count` hostile entries; the same for the same seed."""
    random = Random(seed)
    return (entry(random) for _ in range(count))
