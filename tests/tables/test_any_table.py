"""A table that `domain new` accepts works in every later step; a refusal is one line and leaves nothing behind.

Tables are drawn with columns as people have them: numbers in several spellings, whole numbers, booleans, categories,
dates, constants, gaps by several marks, in several formats. `make sweep-tables` shows the same on real tables.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tables.round_trip import RefusedTableError, travel, working_in

ROWS = 60
NAMES = itertools.count()

finite = st.floats(allow_nan=False, allow_infinity=False, width=32, min_value=-(2.0**99), max_value=2.0**99)
words = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=12)
gaps = st.sampled_from([None, "", "NA", "nan", "NaN", "null", "?", " "])
spellings = st.sampled_from([lambda n: n, repr, lambda n: f" {n}", lambda n: f"{n:e}", lambda n: f"{n:+}"])
headers = st.one_of(
    words.filter(lambda name: "__" not in name and not any(character in name for character in '"\\')),
    st.sampled_from(["class", "2nd", "model_x", "name", "ﬁ", "x²", "a b", "index", "Unnamed: 3", "é"]),
).map(str.strip)


@st.composite
def columns(draw: st.DrawFn) -> list[Any]:
    """A column of `ROWS` cells, some of which may be gaps."""
    kind = draw(st.sampled_from(["numbers", "whole", "codes", "booleans", "words", "dates", "constant", "few"]))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    if kind == "numbers":
        scale, spell = draw(finite), draw(spellings)
        cells: list[Any] = [spell(float(n)) for n in rng.normal(scale, abs(scale) or 1.0, ROWS)]
    elif kind == "whole":
        low = draw(st.integers(-(10**9), 10**9))
        cells = rng.integers(low, low + draw(st.integers(1, 10**6)), ROWS).tolist()
    elif kind == "codes":
        cells = [draw(spellings)(float(n)) for n in rng.integers(0, 3, ROWS)]
    elif kind == "booleans":
        yes, no = draw(st.sampled_from([(True, False), ("TRUE", "FALSE"), ("true", "false"), ("1", "0.0")]))
        cells = [yes if n else no for n in rng.integers(0, 2, ROWS)]
    elif kind == "dates":
        cells = [str(np.datetime64("2026-01-01") + int(n)) for n in rng.integers(0, 3, ROWS)]
    elif kind == "constant":
        cells = [draw(st.one_of(finite, words, st.integers(-9, 9)))] * ROWS
    else:
        known = draw(st.lists(words, min_size=1, max_size=4))
        cells = [known[n] for n in rng.integers(0, len(known), ROWS)]
    share = draw(st.sampled_from([0.0, 0.0, 0.1, 0.5]))
    mark = draw(gaps)
    return [mark if rng.random() < share else cell for cell in cells]


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """A table of two to five columns, the last of which is the target."""
    names = draw(st.lists(headers, min_size=2, max_size=5, unique=True))
    return pd.DataFrame({name: pd.Series(draw(columns()), dtype=object) for name in names})


def _write(table: pd.DataFrame, path: Path) -> None:
    records = [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False)]
    if path.suffix == ".json":
        path.write_text(json.dumps(records, ensure_ascii=path.stem == "ascii"), encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    elif path.suffix == ".parquet":
        table.map(lambda cell: cell if cell is None else str(cell)).to_parquet(path)
    else:
        table.to_csv(path, index=False, sep=";" if path.stem == "semicolon" else ",")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("tables")
    with working_in(path):
        yield path


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(table=tables(), name=st.sampled_from(["a.csv", "semicolon.csv", "a.json", "a.jsonl", "a.parquet"]))
def test_a_table_that_is_accepted_works_in_every_step(folder: Path, table: pd.DataFrame, name: str) -> None:
    path = folder / name
    _write(table, path)
    before = sorted(folder.rglob("*.py"))
    try:
        journey = travel(path, str(table.columns[-1]), name=f"t{next(NAMES)}")
    except RefusedTableError:
        assert sorted(folder.rglob("*.py")) == before
        return
    assert len(journey.events) == ROWS
