"""Small registered models for tests: quick to train, and complete in every other way."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from registry.card import COST_METRIC, card_of
from registry.location import tracking_uri_of
from registry.predict_fn import pipeline_score
from registry.runs import start_run
from registry.store import Registry
from registry.versions import ADMITTED_TAG, FOLDS_TAG, ModelVersionInfo
from schemas.domain import Domain
from schemas.interval_settings import IntervalSettings
from schemas.rows import RowBuilder
from schemas.sections import GateSettings, TrainingSettings
from schemas.settings import Settings, load_settings
from schemas.states import DesiredModel
from tests.shared_folders import make_once
from training.data.checking import validate
from training.data.sources import RawTable, read_source
from training.data.tables import Table
from training.gate.record import FoldRecord, record_of
from training.learning.conformal import calibrate
from training.learning.folding import cross_validate, splits_of
from training.learning.metrics import deciding_metric
from training.learning.recipes import choose_recipes
from training.learning.samples import background_rows, golden_rows, reference_rows
from training.registering import log_folds

GOLDEN_ROWS = 8
US_PER_ROW = 2.0
"""The cost of a row on the model card."""
COVERAGE = 0.9
TREES = 10
FOLDS = 2

OPEN_GATE = GateSettings(
    min_rows=1,
    min_skill=0,
    max_bias=9,
    min_gain=-99,
    min_folds_won=0,
    min_lower_bound=-999,
    max_segment_loss=99,
)
"""Passes every model that can be loaded; `tests/training/gate` tests the limits."""
OPEN_INTERVAL = IntervalSettings(max_wider=99)
"""The same for the width of intervals."""


@dataclass(frozen=True)
class SmallModel:
    """A registered version with its settings and domain."""

    settings: Settings
    domain: Domain
    info: ModelVersionInfo

    @property
    def registry(self) -> Registry:
        """The registry that holds it."""
        return Registry(tracking_uri_of(self.settings), self.domain.name)

    @property
    def folder(self) -> Path:
        """Its stored files. Copy the folder before you change it."""
        return Path(self.info.uri)

    def in_copy(self, home: Path) -> SmallModel:
        """The same model in a copy of its store with a new home; the stored files are shared."""
        home.mkdir()
        shutil.copy(self.settings.home / "mlflow.db", home)
        (home / "artifacts").symlink_to((self.settings.home / "artifacts").resolve())
        return replace(self, settings=self.settings.model_copy(update={"home": home}))

    def desired(self, activation: str) -> DesiredModel:
        """This version as the desired model."""
        return self.info.desired(activation)


def train_small_model(
    home: Path, domain: str = "housing", *, trees: int = TREES, recipe: str = "xgboost-reference", promote: bool = True
) -> SmallModel:
    """Fit a few trees and register them in the store of `home`; each call registers one more version.

    Other `trees` give other predictions.
    """
    settings = load_settings(home=home, domain=domain)
    table = table_of(domain)
    pipeline = fitted(table, recipe, trees)
    registry = Registry(tracking_uri_of(settings), domain)
    info = register(registry, pipeline, table, recipe)
    return SmallModel(settings, table.domain, registry.set_champion(info.version) if promote else info)


def fitted(table: Table, recipe: str = "xgboost-reference", trees: int = TREES) -> Pipeline:
    """A pipeline of a recipe with few trees, fitted on the whole table."""
    pipeline = choose_recipes(table.domain, [recipe])[0].pipeline(table.domain, seed=1)
    few = {name: trees for name in pipeline.get_params() if name.endswith("n_estimators")}
    return pipeline.set_params(**few).fit(table.frame, table.target)


def register(
    registry: Registry,
    pipeline: Pipeline,
    table: Table,
    algorithm: str = "test",
    *,
    folds: int = FOLDS,
    admitted: bool = True,
    us_per_row: float | None = US_PER_ROW,
    training: TrainingSettings | None = None,
    is_bare: bool = False,
) -> ModelVersionInfo:
    """Register a fitted pipeline with its card, golden rows, reference, background, calibration and fold record.

    With 0 folds it has no fold record, and a bare model has neither background rows nor a calibration. An admitted
    model counts as one that passed the gate.
    """
    matrix, predictions = RowBuilder(table.domain).matrix_of_frame(table.frame), pipeline.predict(table.frame)
    card = card_of(
        table.domain,
        matrix,
        algorithm=algorithm,
        trained_at=datetime.now(UTC),
        data_sha256=table.sha256(),
        metrics={} if us_per_row is None else {COST_METRIC: us_per_row},
        predictions=predictions,
        key_feature=table.domain.columns[-1],
    )
    golden = golden_rows(pipeline, table, GOLDEN_ROWS, seed=1)
    reference = reference_rows(table, predictions, count=50, seed=1)
    with start_run(registry.client, registry.tracking_uri, registry.name, "test") as run:
        tags = {FOLDS_TAG: log_folds(registry, fold_record(pipeline, table, folds, training), run.id)} if folds else {}
        if admitted:
            tags[ADMITTED_TAG] = datetime.now(UTC).isoformat()
        background = None if is_bare else background_rows(table.domain, matrix, seed=1)
        scores = pipeline_score(pipeline, table.domain.target.classes)(matrix)
        calibration = None if is_bare else calibrate(table.domain, scores, table.target, COVERAGE)
        return registry.register(
            pipeline, card, golden, reference, run_id=run.id, tags=tags, background=background, calibration=calibration
        )


def fold_record(
    pipeline: Pipeline, table: Table, folds: int = FOLDS, training: TrainingSettings | None = None
) -> FoldRecord:
    """The fold record of a pipeline on a table; `training` may name the metric."""
    training = (training or TrainingSettings()).model_copy(update={"folds": folds, "repeats": 1})
    splits, metric = splits_of(table, training), deciding_metric(table.domain, training)
    return record_of(table, splits, metric, cross_validate(pipeline, table, splits, metric))


@cache
def table_of(domain_name: str) -> Table:
    """Checked data of a domain: the Boston table, or synthetic rows for obesity."""
    settings = load_settings(domain=domain_name)
    domain = settings.load_domain()
    raw = read_source(settings) if domain_name == "housing" else RawTable(made_up_rows(domain, 140), "synthetic")
    table, quality = validate(domain, raw, settings.training)
    assert not quality.problems
    return table


def made_up_rows(domain: Domain, count: int, seed: int = 1) -> pd.DataFrame:
    """Rows that satisfy a domain's contract, with a target computed from their numbers."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        feature.column: rng.choice(feature.categories, count)
        if feature.categories
        else rng.uniform(feature.ge or 0.0, feature.le or 1.0, count).round(0 if feature.kind == "integer" else 3)
        for feature in domain.features
    }
    total = np.sum([values for values in columns.values() if values.dtype == np.float64], axis=0)
    classes = domain.target.classes
    target = np.array(classes)[np.argsort(np.argsort(total)) * len(classes) // count] if classes else total
    return pd.DataFrame(columns | {domain.target.name: target})


_SMALL_MODEL = pytest.StashKey[SmallModel]()


@pytest.fixture(scope="session")
def small_model(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """A housing champion in a store of the run, read-only for tests; import it into a conftest."""
    stash = pytestconfig.stash
    if _SMALL_MODEL not in stash:
        home = make_once(tmp_path_factory, "small-model", train_small_model)
        settings = load_settings(home=home)
        info = Registry(tracking_uri_of(settings), settings.domain).resolve()
        stash[_SMALL_MODEL] = SmallModel(settings, table_of(settings.domain).domain, info)
    return stash[_SMALL_MODEL]


@pytest.fixture
def own_model(small_model: SmallModel, tmp_path: Path) -> SmallModel:
    """The same champion in the test's own store, which it may change; import both fixtures."""
    return small_model.in_copy(tmp_path / "own")
