"""Training on labelled listings sees what serving saw: the difference between the two is zero."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd

from producer import FeatureWriter
from schemas.events import Outcome, OutcomeData
from schemas.rows import Matrix, RowBuilder
from schemas.stored_features import StoredFeatures
from tests.consumer.harness import HOUSING, count, publish, running, served, settings_for
from tests.models import fitted
from tests.monitoring.archive.archive_fixture import ArchiveFixture
from tests.monitoring.archive.conftest import archive
from tests.waiting import wait_until_async
from training.run import prepare

__all__ = ["archive"]

LISTINGS = 120
COLUMNS = HOUSING.columns
ALWAYS = {"AGE", "LSTAT", "CRIM"}
"""Features that the store does not have of every property."""


def _rows() -> list[dict[str, float]]:
    rng = np.random.default_rng(3)
    table = HOUSING.contract.built_in_table()[:LISTINGS]
    # digits that no shorter float has, and rows that the training table does not have
    return [
        {name: row[name] + (rng.random() / 3 if name in {"NOX", "RM", "DIS"} else 0) for name in COLUMNS}
        for row in table
    ]


async def test_features_in_training_are_those_that_serving_used(archive: ArchiveFixture) -> None:
    rows, matrices = _rows(), list[Matrix]()
    url = archive.settings.redis_url.get_secret_value() if archive.settings.redis_url else ""
    with FeatureWriter(archive.settings) as store:
        store.put_many(
            StoredFeatures(f"p-{i}", {n: v for n, v in row.items() if i % 3 or n not in ALWAYS}, None)
            for i, row in enumerate(rows)
        )
        # from none of the features in the event to all of them, but for the last listing of each ten without a subject
        kept = [COLUMNS[: i % 14] if i % 10 else COLUMNS for i in range(LISTINGS)]
        events = [
            {"id": f"l-{i}", "data": {n: row[n] for n in names}} | ({"subject": f"p-{i}"} if i % 10 else {})
            for i, (row, names) in enumerate(zip(rows, kept, strict=True))
        ]
        publish(archive.client, archive.streams, [json.dumps(event).encode() for event in events])
        model = served(before=lambda matrix: matrices.append(matrix.copy()))
        async with running(url, settings_for(archive.streams.prefix), model=model):
            await wait_until_async(lambda: count(archive.client, archive.streams, "answered") == LISTINGS)
        # what happens to the store afterwards changes nothing
        store.put_many(StoredFeatures(f"p-{i}", {"RM": 9.0}, None) for i in range(0, LISTINGS, 2))
        store.expire(f"p-{i}" for i in range(1, LISTINGS, 2))
    for i in range(LISTINGS):
        outcome = Outcome(id="o", data=OutcomeData(listing_id=f"l-{i}", outcome=20 + i / 7))
        archive.client.xadd(archive.streams.outcomes, {"data": outcome.model_dump_json()})
    await archive.archiver().run_once(int(time.time() * 1000) + 3_600_000)

    log = archive.read()
    assert sorted(map(len, log["stored"])) != [0] * LISTINGS, "features came from the store"
    table = prepare(archive.settings, models=["xgboost-reference"], with_outcomes=True).table
    labelled = table.frame[-LISTINGS:]
    scored = np.vstack(matrices)
    trained = RowBuilder(HOUSING).matrix_of_frame(labelled)
    assert np.isnan(scored).any(), "some were imputed in both"
    np.testing.assert_array_equal(trained, scored)
    pipeline = fitted(table)
    difference = pipeline.predict(labelled) - pipeline.predict(pd.DataFrame(scored, columns=list(COLUMNS)))
    assert not difference.any()
