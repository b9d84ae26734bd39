"""A blend is stored and loaded like any other model, and scores as its pipeline predicts."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from registry.loading import load_scorer
from registry.scorer import ENCODE
from registry.store import Registry
from schemas.rows import RowBuilder
from tests.models import SmallModel, register, table_of
from training.learning.blending import make_voting_estimator
from training.learning.encoding import encoder
from training.learning.recipes import choose_recipes


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("housing", ["linear", "gradient-boosting", "kriging"]),
        ("housing", ["xgboost", "histogram-boosting"]),
        ("obesity", ["xgboost", "extra-trees"]),
    ],
)
def test_a_blend_loads_and_scores_as_it_predicts(own_model: SmallModel, domain: str, names: list[str]) -> None:
    table = table_of(domain)
    parts = [(recipe.name, recipe.member(table.domain, 1)) for recipe in choose_recipes(table.domain, names)]
    estimator = make_voting_estimator(table.domain, parts, [0.6, *[0.4 / (len(names) - 1)] * (len(names) - 1)])
    few = {name: 5 for name in estimator.get_params() if name.endswith(("n_estimators", "max_iter", "max_steps"))}
    pipeline = Pipeline([(ENCODE, encoder(table.domain)), ("estimate", estimator.set_params(**few))])
    pipeline.fit(table.frame, table.target)
    registry = Registry(own_model.registry.tracking_uri, domain)
    registry.set_champion(register(registry, pipeline, table, folds=0).version)
    scored = load_scorer(Path(registry.resolve().uri), table.domain).score(
        RowBuilder(table.domain).matrix_of_frame(table.frame)
    )
    classes = list(table.domain.target.classes)
    if classes:
        order = [pipeline.classes_.tolist().index(name) for name in classes]
        np.testing.assert_allclose(scored, pipeline.predict_proba(table.frame)[:, order], rtol=1e-6)
    else:
        np.testing.assert_allclose(scored, pipeline.predict(table.frame), rtol=1e-6)
    mlflow.set_tracking_uri(registry.tracking_uri)
    predicted = mlflow.pyfunc.load_model(f"models:/{domain}@champion").predict(table.frame)
    assert predicted.tolist() == pipeline.predict(table.frame).tolist()
