"""Fixtures of the explainer's tests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.models import SmallModel, fitted, register, small_model, table_of

__all__ = ["small_model"]


@pytest.fixture(scope="module")
def versions(small_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, SmallModel]:
    """Versions of one store by method: trees, permutation, and one that no method fits: it is bare."""
    own = small_model.in_copy(tmp_path_factory.mktemp("versions") / "store")
    table = table_of("housing")
    pipeline = fitted(table, "linear", 1)
    infos = [register(own.registry, pipeline, table, "linear", folds=0, is_bare=is_bare) for is_bare in (False, True)]
    by_method = {"tree_shap": own.info, "permutation_shap": infos[0], "none": infos[1]}
    return {method: replace(own, info=info) for method, info in by_method.items()}
