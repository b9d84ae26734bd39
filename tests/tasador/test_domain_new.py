"""`tasador domain new`: drafts the class of a domain; new tables can be trained and scored with it."""

from __future__ import annotations

import asyncio
import csv
import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine

from consumer.consumer import Consumer
from operations.status import read_status
from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.domain import load_domain
from schemas.errors import ConfigurationError, DataError
from schemas.settings import load_settings
from schemas.streams import Streams
from service.asyncapi import describe
from tables.opening import open_table
from tables.options import TableOptions
from tasador.cli.commands.domain import app
from tasador.cli.commands.publish import publish
from tasador.drafting.params import add_domain
from tasador.drafting.profile import TableProfile
from tests.consumer.harness import activate
from tests.models import SmallModel
from tests.tasador.command import Runner, runner_of, use_redis
from tests.waiting import wait_until_async
from training import train
from transport.connection import connect, connect_async

COMMAND = Runner(app)


@pytest.fixture(autouse=True)
def _in_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder from which Python imports."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "domains"]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()


def _wine() -> pd.DataFrame:
    wine: Any = load_wine(as_frame=True)
    names = [str(wine.target_names[code]) for code in wine.frame["target"]]
    return pd.DataFrame(wine.frame.drop(columns="target").assign(cultivar=names))


def _diabetes() -> pd.DataFrame:
    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return frame


async def _count_answers(
    url: str, streams: Streams, home: Path, name: str, table: Path, answers: Path
) -> dict[str, Any]:
    """Train on a table, publish the table to a consumer of the champion, and count the answers by kind."""
    settings = load_settings(home=home, domain=name, prefix=streams.prefix)
    domain = settings.load_domain()
    quick = settings.model_copy(
        update={"training": settings.training.model_copy(update={"seconds": 2.0, "repeats": 1, "report": "figures"})}
    )
    result = await asyncio.to_thread(train, quick, None, ["linear" if name == "diabetes" else "random-forest"])
    info = Registry(tracking_uri_of(settings), name).resolve(version=result.version)
    with connect(url) as searcher:
        activate(searcher, streams, SmallModel(settings, domain, info))
        client = connect_async(url)
        consumer = Consumer(client, searcher, domain, settings, "a", 0)
        working = asyncio.create_task(consumer.run())
        try:
            arguments = (str(table), "--domain", name, "--out", str(answers), "--timeout", "30")
            document = await asyncio.to_thread(runner_of(publish).json, *arguments)
            await wait_until_async(lambda: read_status(searcher, streams, domain).state != "down")
        finally:
            consumer.stop()
            await asyncio.wait_for(working, 20)
            await client.aclose()
    assert name in json.dumps(describe("consumer", domain, streams).to_specification().to_jsonable())
    return dict(document["answers"])


@pytest.mark.parametrize("name", ["diabetes", "wine"])
async def test_a_new_table_becomes_a_domain_that_is_trained_and_scored(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str, streams: Streams, tmp_path: Path, name: str
) -> None:
    use_redis(monkeypatch, redis_url, prefix)
    monkeypatch.setenv("TASADOR_HEARTBEAT_S", "0.1")
    monkeypatch.setenv("TASADOR_TRAINING__FOLDS", "2")
    monkeypatch.setenv("TASADOR_TRAINING__REPEATS", "1")
    monkeypatch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "10000")
    frame, target = (_diabetes(), "target") if name == "diabetes" else (_wine(), "cultivar")
    table, answers = tmp_path / f"{name}.csv", tmp_path / "answers.csv"
    frame.to_csv(table, index=False)
    COMMAND.text("new", str(table), "--target", target, "--write-params")
    kinds = await _count_answers(redis_url, streams, tmp_path / "home", name, table, answers)
    assert kinds == {"scored": len(frame)}
    with answers.open(newline="") as file:
        predictions = [row["prediction"] for row in csv.DictReader(file)]
    if name == "wine":
        assert np.mean([prediction == true for prediction, true in zip(predictions, frame[target], strict=True)]) > 0.9
    else:
        assert np.corrcoef([float(each) for each in predictions], frame[target])[0, 1] > 0.6


def _repeated(columns: dict[str, list[Any]]) -> pd.DataFrame:
    """Enough rows for a training, with the same values in each column, and a number that makes the rows differ."""
    rows = pd.DataFrame(columns)
    repeated = pd.concat([rows] * (-(-40 // len(rows))), ignore_index=True)
    return repeated.assign(extra=np.arange(len(repeated)) * 0.25)


def _draft(columns: dict[str, list[Any]], *arguments: str) -> str:
    _repeated(columns).to_csv("table.csv", index=False)
    COMMAND.text("new", "table.csv", "--target", "y", *arguments)
    return Path("domains/table.py").read_text()


def test_types_ranges_missing_values_and_categories_come_from_the_values() -> None:
    source = _draft(
        {
            "price": [1.5, 2.5, 9.5, 3.5],
            "rooms": [1, 2, 3, 1],
            "year": [1950, 1999, 2004, 2021],
            "below": [-3.25, 4.5, 1.0, 2.0],
            "colour": ["red", "green", "red", None],
            "floor": [1, None, 3, 2],
            "y": [1.5, 2.5, 3.5, 4.5],
        }
    )
    domain = load_domain("table", "domains.table:Table")
    by_name = {feature.column: feature for feature in domain.features}
    assert domain.task == "regression"
    kinds = ["number", "integer", "integer", "number", "category", "integer", "number"]
    assert [by_name[name].kind for name in by_name] == kinds
    assert [name for name, feature in by_name.items() if feature.may_miss] == ["colour", "floor"]
    assert by_name["colour"].categories == ("green", "red")
    assert (by_name["rooms"].ge, by_name["rooms"].le) == (1, 3)
    assert (by_name["price"].ge, by_name["price"].le) == (0, 14)
    assert (by_name["below"].ge, by_name["below"].le) == (-7.2, 8.4)
    assert "# price: the table has 1.5 to 9.5" in source
    assert "10 of 40 values are missing" in source


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_many_values_of_a_column_are_profiled_as_few_are(suffix: str) -> None:
    rng = np.random.default_rng(1)
    rows = 25_000  # more than a chunk holds
    frame = pd.DataFrame(
        {
            "far": (1e9 + rng.standard_normal(rows)).round(4),
            "gaps": np.where(rng.random(rows) < 0.1, np.nan, rng.standard_normal(rows).round(4)),
            "whole": rng.integers(-9_000, 9_000, rows),
            "late": np.where(np.arange(rows) < 24_000, np.arange(rows), np.arange(rows) + 0.5),
            "kind": rng.choice(["a", "b"], rows),
        }
    )
    path = Path(f"many{suffix}")
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    elif suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        frame.to_parquet(path, index=False)
    table = open_table(path)
    profile = TableProfile(path, table, TableOptions())
    assert sum(len(chunk.where) for chunk in profile.watch()) == rows
    columns = {column.name: column for column in profile.columns()}
    for name in ("far", "gaps", "whole", "late"):
        column, values = columns[name], frame[name]
        assert (column.rows, column.missing) == (rows, int(values.isna().sum()))
        assert (column.low, column.high) == (values.min(), values.max())
        assert column.sd == pytest.approx(values.std(ddof=0), rel=1e-6)
        assert not column.texts
    assert [name for name, column in columns.items() if column.is_whole and not column.texts] == ["whole"]
    assert columns["kind"].distinct == frame["kind"].value_counts().to_dict()


def test_duplicates_do_not_take_a_small_table_below_its_own_limit_of_rows() -> None:
    wine = _wine()
    pd.concat([wine, wine.head(8)]).to_csv("table.csv", index=False)
    COMMAND.text("new", "table.csv", "--target", "cultivar")
    limit = re.search(r"min_rows=(\d+)", Path("domains/table.py").read_text())
    assert limit is not None
    # a fifth of the rows that stay are test rows
    assert int(limit[1]) <= 0.8 * len(wine) - 1


def test_columns_that_are_no_identifiers_keep_their_name() -> None:
    columns = ["od280/od315", "2nd", "class", "model_fields", "name", "name_", "Número de baños", "Number"]
    source = _draft({name: [0.5, 1.5, 2.5] for name in columns} | {"y": ["a", "b", "a"]})
    domain = load_domain("table", "domains.table:Table")
    assert domain.columns == (*columns, "extra")
    assert domain.target.classes == ("a", "b")
    assert 'column="od280/od315"' in source
    row = domain.contract.model_validate(dict.fromkeys(domain.columns, 1.0))
    assert row.model_dump(by_alias=True) == dict.fromkeys(domain.columns, 1.0)


def test_few_whole_numbers_are_classes_unless_task_is_given() -> None:
    _draft({"a": [0.5, 1.5, 2.5], "y": [3, 10, 3]})
    assert load_domain("table", "domains.table:Table").target.classes == ("3", "10")
    COMMAND.text("new", "table.csv", "--target", "y", "--task", "regression", "--name", "other")
    assert 'Target("y", unit="")' in Path("domains/other.py").read_text()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1]}, r"table\.csv: no column 'y' to predict; the columns are a"),
        ({"y": [1]}, r"table\.csv: has no column other than 'y'"),
        ({"a": [None, None], "y": [1, 2]}, r"table\.csv: the column 'a' is empty; leave out with --skip a$"),
        ({"a": [f"n{n}" for n in range(60)], "y": range(60)}, "has more than 50 distinct texts"),
        ({"a": [*range(60), "many"], "y": range(61)}, "the column 'a' mixes numbers with texts such as 'many'"),
        ({'a "q"': [1, 2], "y": [1, 2]}, r"has a quote, .* or rename it with --rename; leave out with --skip 'a .q.'$"),
        (
            {"a b": [None, None], "c": [f"n{n}" for n in range(2)], "d": [None, None], "y": [1, 2]},
            "'a b' is empty; the column 'd' is empty; leave out with --skip 'a b' --skip d$",
        ),
        ({"a": [1, 2], "y": [None, None]}, "the target 'y' is empty"),
        ({"a": [1, 2], "y": ["same", "same"]}, "the target 'y' is 'same' in all rows"),
        ({"a": [1, 2], "": [1, 2], "y": [1, 2]}, r"table\.csv: column 2 has no name"),
        ({"a": [0.5, 1.5], "y": [0.5, 1.5]}, r"table\.csv: 2 rows are too few for 5 folds"),
        ({"a": [0.5, "inf"], "y": [0.5, 1.5]}, r"table\.csv line 3, column 'a': the number is infinite"),
        (
            {"a": ["0.5", "1,5"], "y": [0.5, 1.5]},
            r"table\.csv line 3, column 'a': '1,5' .* --decimal , or --decimal \.",
        ),
    ],
)
def test_an_unsuitable_table_is_an_error_of_one_line(columns: dict[str, Any], message: str) -> None:
    pd.DataFrame({name: list(values) for name, values in columns.items()}).to_csv("table.csv", index=False)
    with pytest.raises(DataError, match=message):
        COMMAND.run("new", "table.csv", "--target", "y")
    assert not Path("domains").exists()


def _with_ids() -> dict[str, list[Any]]:
    return {"id": [f"n{n}" for n in range(60)], "a": list(range(60)), "y": [0.5 * n for n in range(60)]}


def test_skip_leaves_a_column_out() -> None:
    columns = _with_ids()
    _draft(columns, "--skip", "id")
    domain = load_domain("table", "domains.table:Table")
    assert (domain.columns, domain.ignored, domain.id_column) == (("a", "extra"), ("id",), "")
    with pytest.raises(DataError, match="no column 'b' to skip"):
        COMMAND.run("new", "table.csv", "--target", "y", "--skip", "b", "--name", "other")


def test_the_domain_remembers_its_column_of_ids() -> None:
    columns = _with_ids()
    _draft(columns, "--id-column", "id")
    domain = load_domain("table", "domains.table:Table")
    assert (domain.columns, domain.ignored, domain.id_column) == (("a", "extra"), (), "id")
    with pytest.raises(DataError, match="no id column 'b'"):
        COMMAND.run("new", "table.csv", "--target", "y", "--id-column", "b", "--name", "other")


def test_params_remember_the_decimal_separator_and_new_names() -> None:
    table = _repeated({"größe": [1.5, 2.5, 4.5], "y": [0.5, 1.5, 3.5]})
    table.to_csv("table.csv", index=False, sep=";", decimal=",")
    options = ("--decimal", ",", "--rename", "größe=size")
    COMMAND.text("new", "table.csv", "--target", "y", "--write-params", *options)
    settings = load_settings(domain="table")
    assert settings.load_domain().columns == ("size", "extra")
    from training import validate
    from training.data.sources import read_source

    read, _ = validate(settings.load_domain(), read_source(settings), settings.training)
    assert read.frame["size"].tolist() == table["größe"].tolist()


def test_files_are_not_overwritten() -> None:
    table: dict[str, list[Any]] = {"a": [0.5, 1.5], "y": [0.5, 1.5]}
    _draft(table, "--write-params")
    with pytest.raises(ConfigurationError, match="already exists"):
        _draft(table)
    with pytest.raises(ConfigurationError, match=r"domains\.table already exists"):
        _draft(table, "--write-params", "--out", "other.py")


def _written() -> list[Path]:
    """Everything in the current folder but Python's cache of imported modules."""
    return sorted(path for path in Path().rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize(
    ("params", "module", "message"),
    [
        ("domains: {table: {}}\n", None, "^params.yaml: domains.table already exists$"),
        (None, None, "^params.yaml: cannot be written: No such file or directory$"),
        ("", "raise ValueError('broken')\n", "^domain 'table': cannot load 'domains.table:Table': ValueError: broken "),
    ],
    ids=["already in params.yaml", "params.yaml cannot be written", "the package cannot be imported"],
)
def test_a_draft_that_fails_leaves_nothing_that_blocks_the_next(
    params: str | None, module: str | None, message: str
) -> None:
    if params is None:
        Path("params.yaml").symlink_to("nowhere/params.yaml")
    else:
        Path("params.yaml").write_text(params)
    if module:
        Path("domains").mkdir()
        Path("domains/__init__.py").write_text(module)
    _repeated({"a": [0.5, 1.5], "y": [0.5, 1.5]}).to_csv("table.csv", index=False)
    before = _written()
    with pytest.raises(ConfigurationError, match=message):
        COMMAND.run("new", "table.csv", "--target", "y", "--write-params")
    assert _written() == before
    Path("params.yaml").unlink()
    if module:
        Path("domains/__init__.py").write_text("")
    _draft({"b": [0.5, 1.5], "y": [0.5, 1.5]}, "--write-params")
    assert load_settings(domain="table").load_domain().columns == ("b", "extra")


ENTRY = "  table:\n    path: domains.table:Table\n    data: table.csv\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"domains:\n{ENTRY}"),
        (
            "# mine\n\nlog_level: 'INFO'  # text\n\n# last\n",
            f"# mine\n\nlog_level: 'INFO'  # text\n\n# last\ndomains:\n{ENTRY}",
        ),
        (
            "domains:  # all\n  housing:\n    path: null\ndrift: {max_p: 0.010}  # p\n",
            f"domains:  # all\n{ENTRY}  housing:\n    path: null\ndrift: {{max_p: 0.010}}  # p\n",
        ),
        ("domains:  # none\nseed: 1\n", f"domains:  # none\n{ENTRY}seed: 1\n"),
        (
            "domains: {housing: {path: null}}\n",
            "domains: {table: {path: domains.table:Table, data: table.csv}, housing: {path: null}}\n",
        ),
    ],
)
def test_write_params_changes_nothing_else_in_the_file(before: str, after: str) -> None:
    Path("params.yaml").write_text(before)
    add_domain(Path("params.yaml"), "table", "domains.table:Table", Path("table.csv"))
    assert Path("params.yaml").read_text() == after


def test_write_params_adds_three_lines_to_the_file_of_the_project() -> None:
    before = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(before, encoding="utf-8")
    _draft({"a": [0.5, 1.5], "y": [0.5, 1.5]}, "--write-params")
    after = Path("params.yaml").read_text(encoding="utf-8")
    assert after.replace(ENTRY, "", 1) == before
    assert load_settings(domain="table").load_domain().columns == ("a", "extra")


@pytest.mark.parametrize("text", ["- 1\n", "domains: [housing]\n", "domains: {\n"])
def test_write_params_of_an_unsuitable_file_is_an_error(text: str) -> None:
    Path("params.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"^params\.yaml: "):
        add_domain(Path("params.yaml"), "table", "domains.table:Table", Path("table.csv"))
    assert Path("params.yaml").read_text() == text


@pytest.mark.parametrize("arguments", [["--name", "housing"], ["--name", "1"], ["--out", "/a.py"], ["--out", "a-b.py"]])
def test_invalid_names_are_a_usage_error(arguments: list[str]) -> None:
    pd.DataFrame({"a": [1], "y": [1]}).to_csv("table.csv", index=False)
    assert COMMAND.run("new", "table.csv", "--target", "y", *arguments).exit_code == 2
