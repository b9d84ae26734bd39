"""Reads the items of a JSON array one by one, so that a long array need not fit in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from schemas.errors import DataError
from tables.text_file import MAX_LINE_BYTES

_CHUNK_CHARACTERS = 64 * 1024
_BLANKS = " \t\r\n"


def iter_array(text: TextIO, path: Path, hook: Callable[[list[tuple[str, Any]]], Any]) -> Iterator[Any]:
    """The items of the only array of a text.

    Args:
        text: begins with blanks and a bracket.
        path: for messages.
        hook: builds an object from its pairs; may raise ValueError.

    Raises:
        DataError: it is not one array, or an item is too long.
    """
    decoder = json.JSONDecoder(object_pairs_hook=hook)
    buffer = text.read(_CHUNK_CHARACTERS).lstrip("\ufeff" + _BLANKS)[1:]
    buffer = _more(text, buffer)
    number = 1
    while not (buffer.startswith("]") and number == 1):
        value, end, buffer = _decode(decoder, text, buffer, f"{path} item {number}")
        yield value
        number += 1
        buffer = _more(text, buffer[end:])
        if buffer.startswith("]"):
            break
        if not buffer.startswith(","):
            raise DataError(f"{path} item {number}: not valid JSON: expected a comma or the end of the array")
        buffer = _more(text, buffer[1:])
    if _more(text, buffer[1:]):
        raise DataError(f"{path}: not valid JSON: more text after the end of the array")


def _decode(decoder: json.JSONDecoder, text: TextIO, buffer: str, where: str) -> tuple[Any, int, str]:
    """The first value of the buffer, its end, and the buffer with what had to be read for it."""
    while True:
        try:
            value, end = decoder.raw_decode(buffer)
            # a number at the end of the buffer may go on
            if end < len(buffer) or not (more := text.read(_CHUNK_CHARACTERS)):
                return value, end, buffer
        except json.JSONDecodeError as error:
            more = text.read(max(_CHUNK_CHARACTERS, len(buffer)))
            if not more:
                raise DataError(f"{where}: not valid JSON: {error.msg}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: JSON cannot be parsed: {error}") from error
        buffer += more
        if len(buffer) > MAX_LINE_BYTES:
            raise DataError(f"{where}: is longer than {MAX_LINE_BYTES:,} characters, or not valid JSON")


def _more(text: TextIO, buffer: str) -> str:
    """The buffer without leading blanks; the next text if it is empty."""
    while not (buffer := buffer.lstrip(_BLANKS)):
        if not (buffer := text.read(_CHUNK_CHARACTERS)):
            return ""
    return buffer
