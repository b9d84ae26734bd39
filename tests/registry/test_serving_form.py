"""The serving form: it predicts as the pipeline does, passes the same checks, and needs none of the heavy imports."""

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

from registry.booster import Booster, BoosterError
from registry.folder import GOLDEN_FILE, MODEL_FILE
from registry.loading import load_scorer, load_to_serve
from registry.serving_form import BOOSTER_FILE, SERVING_FILE, read_serving_form, write_serving_form
from registry.store import Registry
from schemas.domain import Domain, load_domain
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.rows import RowBuilder
from tests.models import SmallModel, fitted, made_up_rows, register, table_of

HOUSING = load_domain("housing")
HEAVY = ("sklearn", "skops", "xgboost", "scipy", "pandas", "pyarrow", "mlflow")


def reject(folder: Path, load: Callable[[Path, Domain], object] = load_to_serve) -> str:
    with pytest.raises(ModelRejectedError) as caught:
        load(folder, HOUSING)
    assert "\n" not in str(caught.value)
    return caught.value.check


def rewrite(folder: Path, change: Callable[[Any], None]) -> None:
    path = folder / SERVING_FILE
    form = json.loads(path.read_text())
    change(form)
    path.write_text(json.dumps(form))


def other_booster(trees: int = 11) -> bytes:
    return bytes(fitted(table_of("housing"), trees=trees)[-1].get_booster().save_raw("ubj"))


def test_a_consumer_loads_and_scores_without_the_libraries_that_made_the_model(small_model: SmallModel) -> None:
    program = f"""
import sys
from pathlib import Path
import consumer.app
from registry.loading import load_to_serve
from schemas.domain import load_domain
scorer = load_to_serve(Path({str(small_model.folder)!r}), load_domain("housing"))
print(*(name for name in {HEAVY} if name in sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", program], check=True, timeout=100, capture_output=True, text=True)
    assert result.stdout.split() == []


@pytest.mark.parametrize("recipe", ["xgboost", "xgboost-reference"])
@pytest.mark.parametrize("domain", ["housing", "obesity"])
def test_it_predicts_exactly_as_the_pipeline(own_model: SmallModel, domain: str, recipe: str) -> None:
    table = table_of(domain)
    pipeline = fitted(table, recipe)
    registry = Registry(own_model.registry.tracking_uri, domain)
    folder = Path(register(registry, pipeline, table, folds=0).uri)
    raw = pd.DataFrame(made_up_rows(table.domain, 200, seed=5))
    scored = load_to_serve(folder, table.domain).score(RowBuilder(table.domain).matrix_of_frame(raw))
    if not table.domain.target.classes:
        np.testing.assert_array_equal(scored, pipeline.predict(raw))
    else:
        positions = [table.domain.target.classes.index(name) for name in pipeline.classes_]
        np.testing.assert_array_equal(scored[:, positions], pipeline.predict_proba(raw))


def test_a_pipeline_of_another_kind_has_no_serving_form_and_is_loaded_itself(own_model: SmallModel) -> None:
    registry = Registry(own_model.registry.tracking_uri, "housing")
    folder = Path(register(registry, fitted(table_of("housing"), "random-forest"), table_of("housing"), folds=0).uri)
    assert read_serving_form(folder) is None
    assert not (folder / BOOSTER_FILE).exists()
    assert load_to_serve(folder, HOUSING).card.algorithm == "test"


def test_another_booster_is_rejected_by_the_golden_rows(model_folder: Path) -> None:
    (model_folder / BOOSTER_FILE).write_bytes(other_booster())
    assert reject(model_folder) == "golden_rows"


@pytest.mark.parametrize("content", [b"", b"{", b"\x80\x04cos\nsystem\n.", None])
def test_a_missing_or_invalid_booster_is_rejected(model_folder: Path, content: bytes | None) -> None:
    (model_folder / BOOSTER_FILE).unlink()
    if content is not None:
        (model_folder / BOOSTER_FILE).write_bytes(content)
    assert reject(model_folder) == "versions"


def _without_a_column(form: Any) -> None:
    del form["golden"]["RM"]


def _with_another_fill_value(form: Any) -> None:
    form["fill"][-1] += 90.0


def _without_expected(form: Any) -> None:
    form["expected"] = []


def _without_rows(form: Any) -> None:
    form["expected"], form["golden"] = [], {column: [] for column in form["golden"]}


def _with_nan_expected(form: Any) -> None:
    form["expected"][0] = ["NaN"]


def _without_a_fill_value(form: Any) -> None:
    form["fill"].pop()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (_without_a_column, "golden_rows"),
        (_with_another_fill_value, "golden_rows"),
        (_without_expected, "golden_rows"),
        (_without_rows, "golden_rows"),
        (_with_nan_expected, "signature"),
        (_without_a_fill_value, "signature"),
    ],
)
def test_a_changed_serving_file_is_rejected(model_folder: Path, change: Callable[[Any], None], check: str) -> None:
    rewrite(model_folder, change)
    assert reject(model_folder) == check


def test_a_serving_form_of_another_pipeline_is_rejected_even_if_it_is_consistent(
    model_folder: Path, small_model: SmallModel
) -> None:
    golden = pd.read_parquet(model_folder / GOLDEN_FILE)
    other = fitted(table_of("housing"), trees=11)
    golden["expected"] = other.predict(golden[list(HOUSING.columns)])
    write_serving_form(model_folder, other, load_to_serve(small_model.folder, HOUSING).card, golden)
    load_to_serve(model_folder, HOUSING)
    assert reject(model_folder, load_scorer) == "golden_rows"


def test_a_consumer_does_not_open_the_pipeline_but_the_worker_does(model_folder: Path) -> None:
    (model_folder / MODEL_FILE).write_bytes(b"\x80\x04cos\nsystem\n.")
    load_to_serve(model_folder, HOUSING)
    assert reject(model_folder, load_scorer) == "allow_list"


def test_a_library_that_cannot_be_mapped_does_not_reject_the_model(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unmapped() -> None:
        raise OSError("libxgboost.so: failed to map segment from shared object")

    monkeypatch.setattr("registry.booster._library", unmapped)
    with pytest.raises(RegistryUnavailableError, match="cannot be loaded now: libxgboost"):
        load_to_serve(model_folder, HOUSING)


def test_a_booster_accepts_only_its_own_columns_and_an_empty_matrix() -> None:
    booster = Booster(other_booster())
    assert booster.columns == len(HOUSING.columns)
    assert booster.predict(np.empty((0, booster.columns))).shape == (0, 1)
    with pytest.raises(BoosterError, match="Number of columns in data must equal"):
        booster.predict(np.zeros((2, 5)))
