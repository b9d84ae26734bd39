from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import ucimlrepo.fetch

from schemas.domain import load_domain
from schemas.errors import ConfigurationError, DataError
from schemas.sections import DomainSettings
from schemas.settings import Settings, load_settings
from tests.models import made_up_rows, table_of
from tests.training.data.web import Web
from training.data.checking import validate
from training.data.content import content_sha256
from training.data.provenance import Provenance, file_sha256
from training.data.sources import ingest, read_source

BOSTON = "kaggle:altavish/boston-housing-dataset"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    loaded = load_settings(home=tmp_path / "home")
    return loaded.model_copy(update={"sources": loaded.sources.model_copy(update={"timeout_s": 30.0})})


def csv_bytes(end: str = "\n") -> bytes:
    return table_of("housing").with_target().to_csv(index=False, lineterminator=end).encode()


def with_source_limits(settings: Settings, **limits: Any) -> Settings:
    return settings.model_copy(update={"sources": settings.sources.model_copy(update=limits)})


def test_parquet_gives_the_same_table_as_csv(settings: Settings, tmp_path: Path) -> None:
    table = table_of("housing")
    table.with_target().astype({"CHAS": "Int64", "TAX": np.int32}).to_parquet(tmp_path / "homes.parquet")
    read, _ = validate(table.domain, read_source(settings, tmp_path / "homes.parquet"), settings.training)
    pd.testing.assert_frame_equal(read.frame, table.frame)
    assert read.sha256() == table.sha256()


def test_params_can_name_the_data_of_a_domain(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "homes.csv").write_bytes(csv_bytes())
    named = settings.model_copy(update={"domains": {"housing": DomainSettings(data=str(tmp_path / "homes.csv"))}})
    assert read_source(named).source == str(tmp_path / "homes.csv")
    assert "mlxtend" in read_source(settings).source


def test_line_endings_order_of_columns_and_spelling_change_the_bytes_but_not_the_content(
    settings: Settings, tmp_path: Path
) -> None:
    frame = table_of("housing").with_target()
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.csv", index=False, lineterminator="\r\n")
    shuffled = frame[sorted(frame.columns, reverse=True)].astype({"TAX": int})
    shuffled.to_csv(tmp_path / "c.csv", index=False)
    shuffled.to_parquet(tmp_path / "d.parquet")
    raw = [*(ingest(settings, path) for path in sorted(tmp_path.glob("?.*"))), ingest(settings)]
    provenance = [each.provenance for each in raw if each.provenance]
    assert len({each.bytes_sha256 for each in provenance}) == 5
    assert len({each.content_sha256 for each in provenance}) == 1
    content = provenance[0].content_sha256
    assert content_sha256(frame) == content
    assert content_sha256(frame.iloc[::-1]) != content
    assert content_sha256(frame.assign(TAX=frame["TAX"] + 1)) != content


def test_the_provenance_of_each_table_is_stored_in_the_home_folder(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "homes.csv"
    path.write_bytes(csv_bytes())
    raw = ingest(settings, path)
    stored = settings.home / "data" / f"{file_sha256(path)}.provenance.json"
    provenance = Provenance.model_validate_json(stored.read_text())
    assert provenance == raw.provenance
    assert (provenance.source, provenance.rows, len(provenance.columns)) == (str(path), 506, 14)
    assert provenance.size_bytes == path.stat().st_size


def test_a_url_is_downloaded_again_only_when_it_has_changed(settings: Settings, web: Web) -> None:
    web.files["/homes.csv"] = csv_bytes()
    first = ingest(settings, f"{web.url}/homes.csv?token=secret")
    again = ingest(settings, f"{web.url}/homes.csv?token=secret")
    web.files["/homes.csv"] = csv_bytes("\r\n")
    changed = ingest(settings, f"{web.url}/homes.csv?token=secret")
    assert [status for _, status in web.requests] == [200, 304, 200]
    assert first.source == f"{web.url}/homes.csv?…"
    pd.testing.assert_frame_equal(first.frame, again.frame)
    pd.testing.assert_frame_equal(first.frame, changed.frame)
    kept = {path.suffix for path in (settings.home / "data").iterdir()}
    assert kept == {".csv", ".json"}
    assert not [path for path in settings.home.rglob("*") if path.is_file() and b"secret" in path.read_bytes()]


def test_a_failed_download_raises_an_error_of_one_line(settings: Settings, web: Web) -> None:
    web.files |= {"/page.csv": b"<!DOCTYPE html><p>sign in", "/cut.csv": csv_bytes(), "/slow.csv": b""}
    web.silent.add("/slow.csv")
    web.cut.add("/cut.csv")
    short = with_source_limits(settings, timeout_s=0.3)
    expected = {
        "/gone.csv": r"/gone\.csv: the server returned 404 Not Found",
        "/page.csv": "is a web page, not a table",
        "/cut.csv": r"ended after 1\d,\d{3} of 3\d,\d{3} bytes",
        "/slow.csv": "cannot be downloaded: timed out",
    }
    for path, message in expected.items():
        with pytest.raises(DataError, match=message) as caught:
            ingest(short, f"{web.url}{path}")
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"is larger than 1,000 bytes \(sources\.max_bytes\)"):
        ingest(with_source_limits(settings, max_bytes=1000), f"{web.url}/cut.csv")
    assert not list(settings.home.rglob("*.part"))


def test_the_error_about_an_unreachable_server_names_the_earlier_copy(settings: Settings, web: Web) -> None:
    web.files["/homes.csv"] = csv_bytes()
    url = f"{web.url}/homes.csv"
    ingest(settings, url)
    web.silent.add("/homes.csv")
    with pytest.raises(DataError, match=r"an earlier copy is (\S+)") as caught:
        ingest(with_source_limits(settings, timeout_s=0.3), url)
    copy = re.search(r"copy is (\S+)", str(caught.value))
    assert copy
    assert Path(copy[1]).read_bytes() == csv_bytes()


@pytest.mark.parametrize("url", ["http://", "https://ops:secret@example.com/homes.csv"])
def test_a_url_with_a_password_or_no_host_is_refused(settings: Settings, url: str) -> None:
    with pytest.raises(DataError, match="must have a host, and may not contain a password") as caught:
        ingest(settings, url)
    assert "secret" not in str(caught.value)


def test_the_only_table_of_a_kaggle_dataset_is_downloaded_once(
    settings: Settings, web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    web.as_kaggle(monkeypatch, str(tmp_path))
    web.kaggle = {"HousingData.csv": csv_bytes(), "about.txt": b"a table"}
    messages: list[str] = []
    raw = ingest(settings, BOSTON, messages.append)
    table, report = validate(load_domain("housing"), raw, settings.training)
    assert (raw.source, len(table), report.problems) == (BOSTON, 506, ())
    assert raw.provenance
    assert raw.provenance.bytes_sha256 == file_sha256(next((settings.home / "data").glob("*.csv")))
    assert messages[0] == f"{BOSTON}: requesting the dataset from Kaggle"
    ingest(settings, f"{BOSTON}/versions/1")
    assert [path for path, _ in web.requests].count("GET /storage/archive.zip") == 1


def test_a_kaggle_dataset_with_several_tables_requires_the_name_of_a_file(
    settings: Settings, web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    web.as_kaggle(monkeypatch, str(tmp_path))
    web.kaggle = {"HousingData.csv": csv_bytes(), "more/other.csv": b"a,b\n"}
    assert len(ingest(settings, f"{BOSTON}/HousingData.csv").frame) == 506
    with pytest.raises(DataError, match=rf"name one of its tables: {BOSTON}/HousingData.csv, {BOSTON}/more/other.csv"):
        ingest(settings, BOSTON)


def test_an_error_from_kaggle_is_reported_on_one_line(
    settings: Settings, web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    web.as_kaggle(monkeypatch, str(tmp_path))
    with pytest.raises(DataError, match=r"404 Client Error\. Resource not found") as caught:
        ingest(settings, "kaggle:nobody/nothing")
    assert "\n" not in str(caught.value)
    for handle in ("kaggle:boston", "kaggle:a/../b", "kaggle:a//b"):
        with pytest.raises(DataError, match="name a dataset as kaggle:owner/name"):
            ingest(settings, handle)


def test_a_silent_kaggle_raises_an_error_after_the_timeout(
    settings: Settings, web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    web.as_kaggle(monkeypatch, str(tmp_path))
    web.silent.add("/api/v1/datasets.DatasetApiService/GetDataset")
    with pytest.raises(DataError, match=r"received nothing for 0.5 s \(sources\.timeout_s\)"):
        ingest(with_source_limits(settings, timeout_s=0.5), BOSTON)


def test_the_table_at_the_address_from_uci_is_downloaded(
    settings: Settings, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    obesity = settings.for_domain("obesity")
    domain = obesity.load_domain()
    web.files["/static/public/544/data.csv"] = made_up_rows(domain, 70).to_csv(index=False).encode()
    variables = [{"name": column, "role": "Feature"} for column in domain.columns]
    web.uci["544"] = {
        "uci_id": 544,
        "name": "Obesity",
        "data_url": f"{web.url}/static/public/544/data.csv",
        "variables": [*variables, {"name": domain.target.name, "role": "Target"}],
        "additional_info": None,
        "intro_paper": None,
    }
    monkeypatch.setattr(ucimlrepo.fetch, "API_BASE_URL", f"{web.url}/api/dataset")
    raw = ingest(obesity, "uci:544")
    table, _ = validate(domain, raw, obesity.training)
    assert (len(table), raw.source) == (70, "uci:544")
    with pytest.raises(DataError, match="uci:1: no such dataset"):
        ingest(obesity, "uci:1")
    with pytest.raises(DataError, match="name a dataset by its number"):
        ingest(obesity, "uci:obesity")
    web.silent.add("/api/dataset")
    with pytest.raises(DataError, match="uci:544: "):
        ingest(with_source_limits(obesity, timeout_s=0.3), "uci:544")


@pytest.mark.parametrize(("source", "package"), [("kaggle:a/b", "kagglehub"), ("uci:544", "ucimlrepo")])
def test_the_error_about_a_missing_package_names_the_extra_to_install(
    settings: Settings, source: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=rf"{source}: .*{package}: pip install tasador\[sources\]"):
        ingest(settings, source)
