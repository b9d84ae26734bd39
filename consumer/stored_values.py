"""Reads what the store had for the listings of a batch, and fills their gaps with the values that are valid.

A stored value is as valid as a value in an event: the same JSON number within the declared range, or one of the
declared categories. All values of a batch are parsed at once; only if one of them is odd is each parsed alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from math import nan
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from consumer.decoded_batch import DecodedBatch
from consumer.lookup import LOOKUP_RESULTS, Lookup, LookupForm
from schemas.domain import Domain
from schemas.events import AwareTime
from schemas.rows import round_to_float32

Flags = NDArray[np.bool_]

_LONGEST = 32
"""Bytes of a number that is copied as it is; a longer text is written anew, with the digits that a float has."""
_BLANKS = b" \t\r\n"
_IN_VALUES = bytes(byte != ord(",") for byte in range(256))
_FOUND, _MISSING, _STALE, _UNDATED, _FAILED = range(len(LOOKUP_RESULTS))
_NO_JSON = (msgspec.MsgspecError, ValueError, RecursionError)
_decode_numbers = msgspec.json.Decoder(list[float | None]).decode
_decode_number = msgspec.json.Decoder(float | None).decode
_decode_times = msgspec.json.Decoder(list[AwareTime]).decode
_decode_time = msgspec.json.Decoder(AwareTime).decode


class StoredValueReader:
    """Reads replies of the store for one domain.

    Args:
        domain: declares the ranges.
        max_age_s: age after which a stored value is not used.
    """

    def __init__(self, domain: Domain, max_age_s: float) -> None:
        features = domain.features
        self._columns = domain.columns
        self._max_age = timedelta(seconds=max_age_s)
        self._codes = [{c.encode(): b"%d" % code for code, c in enumerate(f.categories)} for f in features]
        self._categories = [[msgspec.json.encode(c) for c in f.categories] for f in features]
        self._is_category = np.array([bool(f.categories) for f in features])
        self._is_whole = np.array([f.kind == "integer" for f in features])
        self._low = np.array([-np.inf if f.ge is None else f.ge for f in features])
        self._high = np.array([np.inf if f.le is None else f.le for f in features])

    def fill(self, batch: DecodedBatch, lookup: Lookup) -> None:
        """Fill the gaps of a batch from the replies; a value that is too old, undated or not valid leaves the gap."""
        rows, columns = np.nonzero(lookup.mask)
        found = [*map(_values_of, lookup.replies or (), lookup.forms)]
        times = _times([values.pop() for values in found])
        texts = [*chain.from_iterable(found)]
        numbers, is_odd = self._numbers(texts, columns)
        has_value = np.bincount(rows, is_odd | ~np.isnan(numbers), len(times)) > 0
        is_usable = self._is_usable(batch, lookup, times, has_value)[rows]
        is_bad = (is_odd | self._is_beyond(numbers, columns)) & is_usable
        is_good = ~np.isnan(numbers) & ~is_bad & is_usable
        places = np.array(lookup.rows, dtype=np.intp)
        batch.matrix[places[rows[is_good]], columns[is_good]] = round_to_float32(numbers[is_good])
        batch.stored = self._shown(lookup, rows, columns, texts, is_good)
        batch.stored_counts = self._count(columns[is_good])
        batch.invalid_stored = self._count(columns[is_bad])

    def _is_usable(
        self, batch: DecodedBatch, lookup: Lookup, times: Sequence[datetime | None], has_value: Flags
    ) -> Flags:
        """Which of the k listings have values that may be used; counts the results."""
        oldest = datetime.now(UTC) - self._max_age
        results = np.array([_UNDATED if at is None else _STALE if at < oldest else _FOUND for at in times])
        results[~has_value] = _MISSING
        results[[isinstance(reply, Exception) for reply in lookup.replies or ()]] = _FAILED
        counts = np.bincount(results, minlength=len(LOOKUP_RESULTS)).tolist()
        batch.lookup_results = dict(zip(LOOKUP_RESULTS, counts, strict=True))
        is_usable: Flags = results == _FOUND
        return is_usable

    def _numbers(self, texts: list[bytes | None], columns: NDArray[np.intp]) -> tuple[NDArray[np.float64], Flags]:
        """The values in the codes of a matrix, NaN where there is none; and which texts are no value at all.

        The texts become JSON: the text of a number, without blanks, and the code of a category.
        """
        is_odd = np.zeros(len(texts), dtype=bool)
        for i in np.flatnonzero(self._is_category[columns]).tolist():
            text = texts[i]
            if text is not None:
                texts[i] = self._codes[columns[i]].get(text)
                is_odd[i] = texts[i] is None
        try:
            joined = b",".join(cast("list[bytes]", texts))  # None is rare
        except TypeError:
            joined = b",".join([text or b"null" for text in texts])
        if not _is_odd(joined):
            try:
                numbers = _decode_numbers(b"[%b]" % joined)
            except _NO_JSON:
                pass
            else:
                # a text with a comma would be several values
                if len(numbers) == len(texts):
                    return np.array(numbers, dtype=np.float64), is_odd
        for i, text in enumerate(texts):
            texts[i] = _canonical(text)
            is_odd[i] |= bool(text) and texts[i] is None
        return np.array([nan if text is None else float(text) for text in texts]), is_odd

    def _is_beyond(self, numbers: NDArray[np.float64], columns: NDArray[np.intp]) -> Flags:
        """Which values the domain does not allow."""
        is_part = self._is_whole[columns] & (numbers != np.floor(numbers)) & ~np.isnan(numbers)
        is_beyond: Flags = (numbers < self._low[columns]) | (numbers > self._high[columns]) | is_part
        return is_beyond

    def _shown(
        self,
        lookup: Lookup,
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        texts: list[bytes | None],
        is_good: Flags,
    ) -> dict[int, msgspec.Raw]:
        """The JSON of the values that are used, by row of the batch."""
        for i in np.flatnonzero(self._is_category[columns] & is_good).tolist():
            texts[i] = self._categories[columns[i]][int(texts[i] or 0)]
        ends = np.searchsorted(rows, np.arange(1, len(lookup.rows) + 1)).tolist()
        is_whole = is_good.all()
        shown: dict[int, msgspec.Raw] = {}
        start = 0
        for row, form, end in zip(lookup.rows, lookup.forms, ends, strict=True):
            if is_whole or is_good[start:end].all():
                shown[row] = msgspec.Raw(form.template % tuple(texts[start:end]))
            elif is_good[start:end].any():
                used = zip(form.keys, texts[start:end], is_good[start:end].tolist(), strict=True)
                members = [b"%b:%b" % (key, text or b"null") for key, text, is_used in used if is_used]
                shown[row] = msgspec.Raw(b"{%b}" % b",".join(members))
            start = end
        return shown

    def _count(self, columns: NDArray[np.intp]) -> Counter[str]:
        counts = np.bincount(columns, minlength=len(self._columns)).tolist()
        return Counter({name: count for name, count in zip(self._columns, counts, strict=True) if count})


def _is_odd(joined: bytes) -> bool:
    """Whether texts, joined by commas, cannot be copied into an event: blanks may break its line, and one is long."""
    return len(joined.translate(None, _BLANKS)) != len(joined) or b"\1" * (_LONGEST + 1) in joined.translate(_IN_VALUES)


def _canonical(text: bytes | None) -> bytes | None:
    """The JSON of a number as Python writes it; None if the text is none."""
    try:
        number = None if text is None else _decode_number(text)
    except _NO_JSON:
        return None
    return None if number is None else msgspec.json.encode(int(number) if number.is_integer() else number)


def _values_of(reply: Any, form: LookupForm) -> list[bytes | None]:
    """The values of a reply and then the time, None for what is not there."""
    return reply if isinstance(reply, list) else [None] * (len(form.names) + 1)


def _times(texts: Sequence[bytes | None]) -> Sequence[datetime | None]:
    """The times of RFC 3339 texts; None for what is none."""
    try:
        times = _decode_times(b'["%b"]' % b'","'.join([text or b"" for text in texts]))
    except _NO_JSON:
        times = []
    return times if len(times) == len(texts) else [*map(_time, texts)]


def _time(text: bytes | None) -> datetime | None:
    try:
        return _decode_time(b'"%b"' % (text or b""))
    except _NO_JSON:
        return None
