"""The serving form: it predicts as the pipeline does, passes the same checks, and needs none of the heavy imports."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor, VotingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import SVR

from registry.booster import Booster, BoosterError
from registry.folder import GOLDEN_FILE, MODEL_FILE
from registry.golden import check_golden_rows, serving_golden
from registry.loading import load_pipeline, load_scorer, load_to_serve
from registry.serving.form import SERVING_FILE, read_serving_form, write_serving_form
from registry.steps.boosting import BoostedClassifier, BoostedRegressor
from registry.steps.derive import Derive
from registry.steps.kriging import Kriging
from registry.steps.sharpening import SharpenedClassifier
from registry.store import Registry
from schemas.domain import Domain, load_domain
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.rows import Matrix, RowBuilder
from tests.models import SmallModel, fitted, made_up_rows, register, table_of
from training.data.tables import Table
from training.learning.encoding import encoder, filler, scaler

HOUSING = load_domain("housing")
BOOSTER_FILE = "booster-0.ubj"
HEAVY = ("sklearn", "skops", "xgboost", "scipy", "pandas", "pyarrow", "mlflow", "nicegui")


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


def blend(table: Table) -> Pipeline:
    """A fitted blend of a boosted, a linear or kernel, and a forest member."""
    domain, classes = table.domain, table.domain.target.classes
    powers = [{domain.columns.index(name): power for name, power in one.powers.items()} for one in domain.derived]
    filled = [("fill", filler(domain)), ("derive", Derive(powers))]
    scaled = [*filled, ("scale", scaler(domain, "power"))]
    categories = [position for position, feature in enumerate(domain.features) if feature.categories]
    boosting: dict[str, Any] = {"trees": 8, "params": {"max_depth": 3}, "categories": categories}
    if classes:
        members = [
            ("boosted", SharpenedClassifier(BoostedClassifier(**boosting), power=1.4)),
            ("logistic", Pipeline([*scaled, ("last", LogisticRegression(max_iter=200))])),
            ("forest", Pipeline([*filled, ("last", ExtraTreesClassifier(8, random_state=1))])),
        ]
        estimate: Any = VotingClassifier(members, voting="soft", weights=[2.0, 1.0, 1.0])
    else:
        kriging = TransformedTargetRegressor(Kriging(max_steps=3), func=np.arcsinh, inverse_func=np.sinh)
        members = [
            ("boosted", BoostedRegressor(**boosting, log=True)),
            ("kriging", Pipeline([*scaled, ("last", kriging)])),
            ("forest", Pipeline([*filled, ("last", RandomForestRegressor(8, random_state=1))])),
        ]
        estimate = VotingRegressor(members, weights=[2.0, 1.0, 1.0])
    return Pipeline([("encode", encoder(domain)), ("estimate", estimate)]).fit(table.frame, table.target)


@pytest.fixture(scope="module")
def blends(small_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of two stored blends, by domain; read-only."""
    own = small_model.in_copy(tmp_path_factory.mktemp("blends") / "own")
    folders = {}
    for name in ("housing", "obesity"):
        registry = Registry(own.registry.tracking_uri, name)
        folders[name] = Path(register(registry, blend(table_of(name)), table_of(name), folds=0).uri)
    return folders


def test_a_consumer_loads_and_scores_without_the_libraries_that_made_the_model(
    small_model: SmallModel, blends: dict[str, Path]
) -> None:
    folders = [("housing", str(small_model.folder)), *((name, str(folder)) for name, folder in blends.items())]
    program = f"""
import sys
from pathlib import Path
import consumer.app
from registry.loading import load_to_serve
from schemas.domain import load_domain
for name, folder in {folders}:
    load_to_serve(Path(folder), load_domain(name))
print(*(name for name in {HEAVY} if name in sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", program], check=True, timeout=200, capture_output=True, text=True)
    assert result.stdout.split() == []


@pytest.mark.parametrize("name", ["housing", "obesity"])
def test_a_stored_blend_predicts_as_its_pipeline(blends: dict[str, Path], name: str) -> None:
    domain = load_domain(name)
    pipeline, raw = load_pipeline(blends[name]), pd.DataFrame(made_up_rows(domain, 200, seed=5))
    raw.loc[::7, list(domain.columns[:3])] = np.nan
    scored = load_to_serve(blends[name], domain).score(RowBuilder(domain).matrix_of_frame(raw))
    if not domain.target.classes:
        np.testing.assert_allclose(scored, pipeline.predict(raw), rtol=5e-6)
    else:
        positions = [domain.target.classes.index(name) for name in pipeline.classes_]
        np.testing.assert_allclose(scored[:, positions], pipeline.predict_proba(raw), rtol=5e-6, atol=1e-7)


@pytest.mark.parametrize("recipe", ["xgboost", "xgboost-reference"])
@pytest.mark.parametrize("domain", ["housing", "obesity"])
def test_a_stored_form_predicts_as_the_pipeline(own_model: SmallModel, domain: str, recipe: str) -> None:
    table = table_of(domain)
    pipeline = fitted(table, recipe)
    registry = Registry(own_model.registry.tracking_uri, domain)
    folder = Path(register(registry, pipeline, table, folds=0).uri)
    raw = pd.DataFrame(made_up_rows(table.domain, 200, seed=5))
    scored = load_to_serve(folder, table.domain).score(RowBuilder(table.domain).matrix_of_frame(raw))
    if not table.domain.target.classes:
        np.testing.assert_allclose(scored, pipeline.predict(raw), rtol=5e-6)
    else:
        positions = [table.domain.target.classes.index(name) for name in pipeline.classes_]
        np.testing.assert_allclose(scored[:, positions], pipeline.predict_proba(raw), rtol=5e-6)


def test_a_model_without_a_serving_form_is_scored_by_its_pipeline_and_says_why(own_model: SmallModel) -> None:
    table = table_of("housing")
    steps = [("encode", encoder(HOUSING)), ("fill", filler(HOUSING)), ("estimate", SVR())]
    pipeline = Pipeline(steps).fit(table.frame, table.target)
    info = register(own_model.registry, pipeline, table, folds=0)
    assert info.why_no_form == "SVR has no serving form"
    assert own_model.info.why_no_form is None
    folder = Path(info.uri)
    assert read_serving_form(folder) is None
    rows = RowBuilder(HOUSING).matrix_of_frame(table.frame)
    np.testing.assert_allclose(load_to_serve(folder, HOUSING).score(rows), pipeline.predict(table.frame))


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


def _with_another_offset(form: Any) -> None:
    form["formula"]["offset"]["data"] = base64.b64encode(np.array([90.0]).tobytes()).decode()


def _without_expected(form: Any) -> None:
    form["expected"] = []


def _without_rows(form: Any) -> None:
    form["expected"], form["golden"] = [], {column: [] for column in form["golden"]}


def _with_nan_expected(form: Any) -> None:
    form["expected"][0] = ["NaN"]


def _with_numbers_of_another_shape(form: Any) -> None:
    form["formula"]["offset"]["shape"] = [3]


def _with_another_column(form: Any) -> None:
    form["formula"] = {"type": "chain", "steps": [{"type": "take", "columns": [0, 1]}], "then": form["formula"]}


def _with_a_booster_of_another_folder(form: Any) -> None:
    form["formula"]["booster"] = "../model/booster-0.ubj"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (_without_a_column, "golden_rows"),
        (_with_another_offset, "golden_rows"),
        (_without_expected, "golden_rows"),
        (_without_rows, "golden_rows"),
        (_with_nan_expected, "signature"),
        (_with_numbers_of_another_shape, "signature"),
        (_with_another_column, "signature"),
        (_with_a_booster_of_another_folder, "signature"),
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
    assert booster.predict(np.zeros((2, len(HOUSING.columns)))).shape == (2, 1)
    assert booster.predict(np.empty((0, len(HOUSING.columns)))).shape == (0, 1)
    with pytest.raises(BoosterError, match="Number of columns in data must equal"):
        booster.predict(np.zeros((2, 5)))


def test_a_form_that_is_right_only_in_a_batch_is_rejected(small_model: SmallModel) -> None:
    scorer, form = load_to_serve(small_model.folder, HOUSING), read_serving_form(small_model.folder)
    assert form is not None
    rows, expected = serving_golden(form, HOUSING)

    def score(matrix: Matrix) -> NDArray[np.float64]:
        return scorer.score(matrix) * (1.001 if len(matrix) == 1 else 1.0)

    check_golden_rows(scorer.score, rows, expected, scorer.card)
    with pytest.raises(ModelRejectedError, match="scored one by one; allowed is 5e-06"):
        check_golden_rows(score, rows, expected, scorer.card)
