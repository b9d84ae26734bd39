"""Reads what the store had for the listings of a batch, and fills their gaps with the values that are valid.

A stored value is as valid as a value in an event: the same JSON number within the declared range, or one of the
declared categories. All values of a batch are parsed at once; only if that fails is each parsed alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from consumer.decoded_batch import DecodedBatch, StoredRow
from consumer.lookup import Lookup
from schemas.domain import Domain
from schemas.events import AwareTime
from schemas.stored_features import AT

_AT = AT.encode()
_decode_numbers = msgspec.json.Decoder(list[float | None]).decode
_decode_number = msgspec.json.Decoder(float | None).decode
_decode_times = msgspec.json.Decoder(list[AwareTime | None]).decode
_decode_time = msgspec.json.Decoder(AwareTime).decode


class StoredValueReader:
    """Reads replies of the store for one domain.

    Args:
        domain: declares the ranges.
        max_age_s: age after which a stored value is not used.
    """

    def __init__(self, domain: Domain, max_age_s: float) -> None:
        self._columns = domain.columns
        self._max_age = timedelta(seconds=max_age_s)
        self._codes = [{c.encode(): b"%d" % code for code, c in enumerate(f.categories)} for f in domain.features]
        self._categories = [feature.categories for feature in domain.features]
        self._is_category = np.array([bool(feature.categories) for feature in domain.features])
        self._is_whole = np.array([feature.kind == "integer" for feature in domain.features])
        self._low = np.array([-np.inf if f.ge is None else f.ge for f in domain.features])
        self._high = np.array([np.inf if f.le is None else f.le for f in domain.features])

    def fill(self, batch: DecodedBatch, lookup: Lookup) -> None:
        """Fill the gaps of a batch from the replies; a value that is too old, undated or not valid leaves the gap."""
        texts, batch.lookup_results = self._texts(lookup)
        rows, columns = np.nonzero(lookup.mask)
        numbers, is_bad = self._numbers(texts, columns)
        is_good = ~np.isnan(numbers) & ~is_bad
        filled = np.array(lookup.rows, dtype=np.intp)[rows[is_good]]
        batch.matrix[filled, columns[is_good]] = numbers[is_good]
        batch.stored = self._shown(numbers, is_good, columns, filled)
        batch.invalid_stored = Counter(self._columns[column] for column in columns[is_bad].tolist())

    def _texts(self, lookup: Lookup) -> tuple[list[bytes | None], Counter[str]]:
        """The texts of all wanted values, row after row, None where there is none to use; and the results by kind."""
        replies = lookup.replies or ()
        found = [_of_reply(*each) for each in zip(replies, lookup.columns, lookup.is_whole, strict=True)]
        times = _times([at for at, _ in found])
        oldest = datetime.now(UTC) - self._max_age
        results: Counter[str] = Counter()
        texts: list[bytes | None] = []
        for reply, (_, values), at in zip(replies, found, times, strict=True):
            is_there = any(value is not None for value in values)
            if isinstance(reply, Exception):
                result = "failed"
            elif not is_there:
                result = "missing"
            elif at is None:
                result = "undated"
            else:
                result = "found" if at >= oldest else "stale"
            results[result] += 1
            texts += values if result == "found" else [None] * len(values)
        return texts, results

    def _numbers(
        self, texts: list[bytes | None], columns: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The values in the codes of a matrix, NaN where there is none, and which of the texts are not valid."""
        is_bad = np.zeros(len(texts), dtype=bool)
        for i in np.flatnonzero(self._is_category[columns]).tolist():
            text = texts[i]
            if text is not None:
                texts[i] = self._codes[columns[i]].get(text)
                is_bad[i] = texts[i] is None
        numbers, is_number = _parse(texts)
        with np.errstate(invalid="ignore"):
            is_beyond = (numbers < self._low[columns]) | (numbers > self._high[columns])
            is_part = self._is_whole[columns] & (numbers != np.floor(numbers)) & ~np.isnan(numbers)
        return numbers, is_bad | ~is_number | is_beyond | is_part

    def _shown(
        self,
        numbers: NDArray[np.float64],
        is_good: NDArray[np.bool_],
        columns: NDArray[np.intp],
        rows: NDArray[np.intp],
    ) -> dict[int, StoredRow]:
        """The used values as an event would have them, by row of the batch."""
        columns = columns[is_good]
        values: list[Any] = numbers[is_good].tolist()
        for i in np.flatnonzero((self._is_whole | self._is_category)[columns]).tolist():
            categories = self._categories[columns[i]]
            values[i] = categories[int(values[i])] if categories else int(values[i])
        names = [self._columns[column] for column in columns.tolist()]
        used, starts = np.unique(rows, return_index=True)
        if not values:
            return {}
        spans = zip(used.tolist(), starts.tolist(), [*starts[1:].tolist(), len(values)], strict=True)
        return {row: dict(zip(names[start:end], values[start:end], strict=True)) for row, start, end in spans}


def _of_reply(reply: Any, columns: Sequence[bytes], is_whole: bool) -> tuple[bytes | None, Sequence[bytes | None]]:  # noqa: FBT001
    """The time and the values of one reply, None for what is not there."""
    if isinstance(reply, Exception):
        return None, [None] * len(columns)
    if not is_whole:
        return reply[0], reply[1:]
    fields = dict(zip(reply[::2], reply[1::2], strict=True))
    return fields.get(_AT), [*map(fields.get, columns)]


def _parse(texts: Sequence[bytes | None]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers of JSON texts, NaN for None, and which texts are numbers or None."""
    written = [b"null" if text is None else text for text in texts]
    try:
        numbers = _decode_numbers(b"[%b]" % b",".join(written))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        numbers = []
    if len(numbers) == len(written):  # a text with a comma would be several
        return np.array(numbers, dtype=np.float64), np.ones(len(written), dtype=bool)
    values, is_number = np.full(len(written), np.nan), np.ones(len(written), dtype=bool)
    for i, text in enumerate(written):
        try:
            number = _decode_number(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            is_number[i] = False
        else:
            values[i] = np.nan if number is None else number
    return values, is_number


def _times(texts: Sequence[bytes | None]) -> list[datetime | None]:
    """The times of RFC 3339 texts; None for what is none."""
    written = [b"null" if text is None else b'"%b"' % text for text in texts]
    try:
        times = _decode_times(b"[%b]" % b",".join(written))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        times = []
    return times if len(times) == len(written) else [*map(_time, written)]


def _time(written: bytes) -> datetime | None:
    try:
        return _decode_time(written)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
