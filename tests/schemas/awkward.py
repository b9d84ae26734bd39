"""JSON texts on which two parsers might disagree, and a domain whose columns are not identifiers."""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas.features import Features, Integer, Number, Target, feature


class OddlyNamedFlats(Features):
    """A domain of flats whose columns cannot be Python attributes."""

    name: ClassVar[str] = "flats"
    target: ClassVar[Target] = Target("price", unit="euro")

    area: Number = feature(column="area in m²", ge=0, le=1e6, unit="m²", description="living area")
    floor: Integer | None = feature(column="1st-floor", ge=-3, le=200, unit="", description="floor")
    kind: Literal["new", 'old "as is"', "été"] = feature(column="class", unit="", description="state")
    heating: Literal["gas", "none"] | None = feature(column="data", unit="", description="heating")
    f0: Number | None = feature(column="or 'none'/\x7f", ge=-1, le=1, unit="", description="named to cause trouble")


NUMBERS = (
    *b"0 -0 0.0 -0.0 1 1.0 1e0 10e-1 0.1E1 1E+0 1e-0 0e0 0E999999 2 0.5 -1 24 24.0 25 6.5 99 0.1".split(),
    *b"1e400 -1e400 1e-400 4.9e-324 2.2250738585072011e-308 1.7976931348623159e308 1e308".split(),
    *b"01 -01 00 1. .5 +1 - 1e 1e+ 1.e1 0x1 1_0 --1 1f NaN -NaN Infinity -Infinity nan inf Nan infinity".split(),
    *b"0.30000000000000004 3.0000000000000001 1.0000000000000001 1.0000000000000002 0.99999999999999999999".split(),
    *b"9007199254740993 100000000000000000000 18446744073709551616 -9223372036854775809 7.2057594037927933e0".split(),
    *b"6.92348092348092348092348092348 1e99999999999999999999 1e-99999999999999999999 1e00000000000000000001".split(),
    *(b"1" + b"0" * 400, b"1" * 5000, b"0." + b"1" * 5000, b"1" + b"0" * 30 + b"e-30", b"1" + b"0" * 308 + b"e-308"),
    b"0." + b"0" * 400 + b"1e401",
)
STRINGS = (
    *rb'"" "1" "yes" "no" "new" "\u00e9t\u00e9" "n\u006fne" "/agency/42" "urn:x:%20" "\u002fa" "/a\n"'.split(),
    *rb'"1.0" "1.1" "listing.submitted"'.split(),
    *rb'"\ud800" "\udc00" "\ud800\u0041" "\ud83d\ude00" "\ud83d\ud83d" "\u0000" "\n" "\/"'.split(),
    *rb'"\x41" "\u12" "\" " "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"'.split(),
    *rb'"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"'.split(),
    *rb'"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"'.split(),
    *(b'"' + char + b'"' for char in (b"\x00", b"\x1f", b"\x7f", b"\n", b"a b", b'old \\"as is\\"', "été".encode())),
    *(
        b'"' + char + b'"'
        for char in (b"\xff", b"\xc3", b"\xc3\xa9", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80")
    ),
    *(b'"' + char.encode() * count + b'"' for char in ("x", "é", "😀") for count in (255, 256, 257)),
)
TIMES = tuple(
    b'"' + time + b'"'
    for time in (
        *b"2026-11-20T12:00:00Z 2026-11-20t12:00:00z 2026-11-20T12:00:00+05:30 2026-11-20T12:00:00-00:00".split(),
        *b"2026-11-20T12:00:00.123456789Z 2026-11-20T12:00:00.9999999Z 2026-11-20T12:00:00 2026-11-20 now".split(),
        *b"2026-02-29T00:00:00Z 2028-02-29T00:00:00Z 2026-11-20T24:00:00Z 2026-11-20T23:59:60Z".split(),
        *b"2026-11-20T12:00:00+24:00 2026-11-20T12:00:00+0530 2026-11-20T12:00Z 20261120T120000Z".split(),
        *b"0001-01-01T00:00:00+14:00 9999-12-31T23:59:59.9999999-14:00 0000-01-01T00:00:00Z 1795219101518".split(),
        *(b"2026-11-20 12:00:00Z", b"2026-11-20T12:00:00Z\\n", b"2026-11-20T12\\u003a00:00Z", b" 2026-11-20T12:00:00Z"),
    )
)
OTHERS = (
    *b"true false null True None [] [1] {} {\"a\":1} [1,] {,} '1' /**/1 1795219101".split(),
    *(b"", b" ", b"1 2", b"// 1", b"[" * 3000, b"[" * 3000 + b"]" * 3000, b'{"a":' * 3000 + b"1" + b"}" * 3000),
)
TOKENS: tuple[bytes, ...] = NUMBERS + STRINGS + TIMES + OTHERS
ATTRIBUTES = (
    *("specversion", "id", "source", "type", "time", "subject", "datacontenttype", "dataschema", "traceparent", "data"),
    *("replyto", "explain"),
    *("region", "", "Id", "model_config", "__class__", "data_base64"),
)
