from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from registry.card import library_versions
from registry.folder import CARD_FILE, GOLDEN_FILE, MODEL_FILE
from registry.loading import load_scorer
from schemas.domain import Domain, load_domain
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from tests.models import SmallModel, fitted, table_of

Edit = Callable[[Path, str, str], None]


def reject(folder: Path, domain: Domain) -> ModelRejectedError:
    with pytest.raises(ModelRejectedError) as caught:
        load_scorer(folder, domain)
    assert "\n" not in str(caught.value)
    return caught.value


def replace_model(folder: Path, model: Any) -> None:
    (folder / MODEL_FILE).unlink()
    skops.io.dump(model, folder / MODEL_FILE)


def test_a_stored_model_loads_with_its_card(small_model: SmallModel) -> None:
    scorer = load_scorer(small_model.folder, small_model.domain)
    assert scorer.card.algorithm == "xgboost-reference"
    assert scorer.card.columns == small_model.domain.columns
    low, high = scorer.card.bounds
    assert low[5] == np.float32(3.561)
    assert high[5] == np.float32(8.78)


def test_a_model_of_another_domain_is_rejected(model_folder: Path) -> None:
    error = reject(model_folder, load_domain("obesity"))
    assert error.check == "signature"
    assert "domain housing, not obesity" in str(error)


def test_a_folder_without_a_card_is_rejected(model_folder: Path) -> None:
    (model_folder / CARD_FILE).unlink()
    assert reject(model_folder, load_domain("housing")).check == "signature"


def test_an_invalid_card_is_rejected(model_folder: Path, edit: Edit) -> None:
    edit(model_folder / CARD_FILE, '"regression"', '"guessing"')
    error = reject(model_folder, load_domain("housing"))
    assert error.check == "signature"
    assert "task" in str(error)


def test_columns_in_another_order_are_rejected(model_folder: Path, edit: Edit) -> None:
    edit(model_folder / CARD_FILE, '"CRIM",\n    "ZN"', '"ZN",\n    "CRIM"')
    assert reject(model_folder, load_domain("housing")).check == "signature"


def test_a_signature_unlike_the_card_is_rejected(model_folder: Path, edit: Edit) -> None:
    edit(model_folder / "MLmodel", '"name": "CRIM"', '"name": "CRIME"')
    error = reject(model_folder, load_domain("housing"))
    assert error.check == "signature"
    assert "CRIME" in str(error)


def test_a_model_without_a_signature_is_rejected(model_folder: Path, edit: Edit) -> None:
    edit(model_folder / "MLmodel", "signature:", "other:")
    assert reject(model_folder, load_domain("housing")).check == "signature"


def test_another_layout_is_rejected(model_folder: Path, edit: Edit) -> None:
    layout = json.loads((model_folder / CARD_FILE).read_text())["layout"]
    edit(model_folder / CARD_FILE, layout, "0" * 12)
    error = reject(model_folder, load_domain("housing"))
    assert error.check == "signature"
    assert "have changed since training" in str(error)


@pytest.mark.parametrize("library", ["scikit-learn", "xgboost"])
def test_another_minor_version_is_rejected_by_name(model_folder: Path, edit: Edit, library: str) -> None:
    edit(model_folder / CARD_FILE, f'"{library}": "{library_versions()[library]}"', f'"{library}": "1.2.3"')
    error = reject(model_folder, load_domain("housing"))
    assert error.check == "versions"
    assert f"{library} 1.2.3" in str(error)


def test_another_patch_loads(model_folder: Path, edit: Edit) -> None:
    here = library_versions()["scikit-learn"]
    patch = ".".join([*here.split(".")[:2], "99"])
    edit(model_folder / CARD_FILE, f'"scikit-learn": "{here}"', f'"scikit-learn": "{patch}"')
    load_scorer(model_folder, load_domain("housing"))


def test_a_pipeline_of_another_version_is_rejected_whatever_the_card_says(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sklearn.base.__version__", "1.0.2")
        replace_model(model_folder, fitted(table_of("housing")))
    error = reject(model_folder, load_domain("housing"))
    assert error.check == "versions"
    assert "1.0.2" in str(error)


def test_a_type_outside_the_allow_list_is_rejected_by_name_even_if_the_model_lists_it_as_trusted(
    model_folder: Path, edit: Edit
) -> None:
    model = fitted(table_of("housing"), "linear")
    model.steps.append(("estimate", TransformedTargetRegressor(LinearRegression(), func=pd.eval)))
    replace_model(model_folder, model)
    edit(model_folder / "MLmodel", "    - numpy.dtype\n", "    - numpy.dtype\n    - pandas.eval\n")
    error = reject(model_folder, load_domain("housing"))
    assert error.check == "allow_list"
    assert "pandas" in str(error)
    assert "eval" in str(error)


def test_a_pickle_is_rejected_unopened(model_folder: Path) -> None:
    (model_folder / MODEL_FILE).rename(model_folder / "model.pkl")
    error = reject(model_folder, load_domain("housing"))
    assert error.check == "allow_list"
    (model_folder / MODEL_FILE).write_bytes(b"\x80\x04cos\nsystem\n.")
    assert reject(model_folder, load_domain("housing")).check == "allow_list"


def test_a_foreign_pipeline_is_rejected(model_folder: Path) -> None:
    table = table_of("housing")
    replace_model(model_folder, Pipeline([("only", LinearRegression())]).fit(table.frame.fillna(0), table.target))
    error = reject(model_folder, load_domain("housing"))
    assert error.check == "signature"
    replace_model(model_folder, LinearRegression())
    assert "LinearRegression, not a Pipeline" in str(reject(model_folder, load_domain("housing")))


def test_another_model_under_the_same_card_is_rejected_by_its_golden_rows(model_folder: Path) -> None:
    replace_model(model_folder, fitted(table_of("housing"), trees=11))
    error = reject(model_folder, load_domain("housing"))
    assert error.check == "golden_rows"


def test_a_model_with_another_fill_value_is_rejected_by_its_golden_rows(model_folder: Path) -> None:
    model = fitted(table_of("housing"))
    model.named_steps["fill"].transformers_[-1][1].statistics_[-1] = 90.0
    replace_model(model_folder, model)
    assert reject(model_folder, load_domain("housing")).check == "golden_rows"


@pytest.mark.parametrize("damage", ["missing", "garbled", "empty", "nan", "columns"])
def test_missing_or_damaged_golden_rows_are_rejected(model_folder: Path, damage: str) -> None:
    path = model_folder / GOLDEN_FILE
    golden = pd.read_parquet(path)
    if damage == "missing":
        path.unlink()
    elif damage == "garbled":
        path.write_bytes(b"PAR1 no more")
    elif damage == "empty":
        golden.head(0).to_parquet(path, index=False)
    elif damage == "nan":
        golden.assign(expected=np.nan).to_parquet(path, index=False)
    else:
        golden.drop(columns="RM").to_parquet(path, index=False)
    assert reject(model_folder, load_domain("housing")).check == "golden_rows"


def test_a_model_loads_while_another_thread_imports_its_libraries(small_model: SmallModel) -> None:
    program = f"""
from pathlib import Path
from threading import Thread
from registry.loading import load_libraries, load_scorer
from schemas.domain import load_domain
Thread(target=load_libraries).start()
load_scorer(Path({str(small_model.folder)!r}), load_domain("housing"))
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=200)


@pytest.mark.parametrize("file", ["card.json", "MLmodel"])
def test_a_disk_error_is_transient_and_does_not_reject_the_model(model_folder: Path, file: str) -> None:
    """A link to itself cannot be read, which simulates a disk error."""
    (model_folder / file).unlink()
    (model_folder / file).symlink_to(file)
    with pytest.raises(RegistryUnavailableError, match="cannot be loaded now"):
        load_scorer(model_folder, load_domain("housing"))
