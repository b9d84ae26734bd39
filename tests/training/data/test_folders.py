from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schemas.settings import load_settings
from tests.models import table_of
from training.data.folders import load_raw, load_table, store_raw, store_table
from training.data.sources import read_source


@pytest.mark.parametrize("domain", ["housing", "obesity"])
def test_a_table_is_read_back_from_a_folder_unchanged(domain: str, tmp_path: Path) -> None:
    table = table_of(domain)
    timed = replace(table, times=np.arange(len(table)).astype("datetime64[ns]"))
    for stored in (table, timed, table.take(np.array([3, 1]))):
        store_table(stored, tmp_path)
        read = load_table(table.domain, tmp_path)
        assert read.sha256() == stored.sha256()
        assert read.positions.tolist() == stored.positions.tolist()
        assert (read.source, read.times is None) == (stored.source, stored.times is None)
        assert read.frame.dtypes.equals(stored.frame.dtypes)


def test_a_raw_table_is_read_back_with_its_provenance(tmp_path: Path) -> None:
    table_of("housing").with_target().assign(NOTE="x").to_csv(tmp_path / "homes.csv", index=False)
    raw = read_source(load_settings(), tmp_path / "homes.csv")
    store_raw(raw, tmp_path / "raw")
    read = load_raw(tmp_path / "raw")
    pd.testing.assert_frame_equal(read.frame, raw.frame)
    assert (read.source, read.provenance) == (raw.source, raw.provenance)


def test_the_same_table_is_written_as_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        store_table(table_of("housing"), tmp_path / folder)
    first, second = (next((tmp_path / folder).iterdir()).read_bytes() for folder in ("a", "b"))
    assert first == second
