from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score

from registry.allow_list import check_types
from registry.folder import MODEL_FILE
from registry.scorer import score_of
from registry.serving.compiling import compile_pipeline
from schemas.classes import ClassThreshold, winners_of
from schemas.errors import ConfigurationError
from schemas.rows import RowBuilder
from schemas.settings import Settings
from tests.training.learning.made_up_tables import RareVacancies, RentLevels, made_up_table, settings_for
from training.evaluation.evaluating import over_folds_of
from training.learning.selection import select
from training.learning.storing import load_selection, store_selection
from training.learning.thresholds import choose_threshold
from training.progress import discard_progress

METRICS: dict[str, Callable[[list[str], list[str]], float]] = {
    "macro_f1": lambda truth, predicted: float(f1_score(truth, predicted, average="macro")),
    "balanced_accuracy": lambda truth, predicted: float(balanced_accuracy_score(truth, predicted)),
}
DOMAIN = made_up_table(RareVacancies).domain


def with_threshold(asked: object) -> Settings:
    settings = settings_for()
    return settings.model_copy(update={"training": settings.training.model_copy(update={"threshold": asked})})


def noisy(seed: int) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    is_vacant = rng.random(300) < 0.12
    shares = np.clip(np.round(0.1 + 0.2 * is_vacant + 0.1 * rng.standard_normal(300), 2), 0, 1)
    return np.where(is_vacant, "yes", "no"), np.column_stack([1 - shares, shares])


@pytest.mark.parametrize("asked", ["macro_f1", "balanced_accuracy"])
@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_reaches_more_out_of_fold(asked: str, seed: int) -> None:
    truth, probabilities = noisy(seed)
    chosen = choose_threshold(DOMAIN, truth, probabilities, asked)  # type: ignore[arg-type]

    def reached(probability: float) -> float:
        threshold = ClassThreshold(name=chosen.name, probability=probability)
        predicted = np.array(DOMAIN.target.classes)[winners_of(probabilities, DOMAIN.target.classes, threshold)]
        return METRICS[asked](truth.tolist(), predicted.tolist())

    assert chosen.name == "yes"
    assert reached(chosen.probability) == pytest.approx(max(reached(each) for each in np.arange(0.005, 1, 0.01)))
    assert reached(chosen.probability) > reached(0.5)


@pytest.mark.parametrize("asked", [0.07, "macro_f1"])
def test_a_training_keeps_the_threshold_with_its_model(asked: object, tmp_path: Path) -> None:
    table = made_up_table(RareVacancies, rows=600)
    selection = select(table, with_threshold(asked), discard_progress, ["linear"])
    assert selection.threshold is not None
    assert selection.threshold.name == "yes"
    if isinstance(asked, float):
        assert selection.threshold.probability == asked
    plain = select(table, settings_for(), discard_progress, ["linear"])
    assert plain.threshold is None

    predicted, most_probable = selection.pipeline.predict(table.frame), plain.pipeline.predict(table.frame)
    probabilities = plain.pipeline.predict_proba(table.frame)
    np.testing.assert_array_equal(selection.pipeline.predict_proba(table.frame), probabilities)
    by_consumers = np.array(("no", "yes"))[winners_of(probabilities, ("no", "yes"), selection.threshold)]
    assert predicted.tolist() == by_consumers.tolist()
    assert predicted.tolist() != most_probable.tolist()
    # what is reported counts the classes that are predicted, what decides does not
    assert selection.winner.folds.scores.tolist() == plain.winner.folds.scores.tolist()
    assert over_folds_of(selection)["cv_macro_f1"] != over_folds_of(plain)["cv_macro_f1"]
    assert selection.winner.folds.out_of_fold.tolist().count("yes") > plain.winner.folds.out_of_fold.tolist().count(
        "yes"
    )

    store_selection(selection, tmp_path)
    check_types(tmp_path / MODEL_FILE)
    assert load_selection(tmp_path, table).threshold == selection.threshold


def test_a_model_with_a_threshold_has_the_serving_form_of_its_probabilities() -> None:
    table = made_up_table(RareVacancies, rows=300)
    selection = select(table, with_threshold(0.1), discard_progress, ["boosting"])
    compile_pipeline(selection.pipeline, has_classes=True)
    matrix = RowBuilder(table.domain).matrix_of_frame(table.frame)
    scores = score_of(selection.pipeline, table.domain.target.classes)(matrix)
    np.testing.assert_allclose(scores, selection.pipeline.predict_proba(table.frame), rtol=5e-6, atol=1e-7)


def test_a_threshold_needs_two_classes() -> None:
    with pytest.raises(
        ConfigurationError, match=r"training\.threshold is for two classes, and rent_levels has 3 classes"
    ):
        select(made_up_table(RentLevels), with_threshold(0.2), discard_progress, ["linear"])
