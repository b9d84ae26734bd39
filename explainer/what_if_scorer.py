"""Answers what-if: the consumer's own scorer answers a listing of no stream, and its prediction is explained."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from consumer.batch_scorer import BatchScorer
from consumer.served_model import served_model_of
from explainer.answer_events import ranked
from explainer.model_explainer import Attribution, ModelExplainer
from schemas.decoding import is_missing
from schemas.domain import Domain
from schemas.events import Prediction
from schemas.explanations import ExplanationData, ExplanationMethod, FeatureContribution
from schemas.settings import Settings
from schemas.stamp import Stamp
from schemas.states import DesiredModel
from schemas.streams import DATA_FIELD
from schemas.what_if import WhatIfAnswer
from transport.consumer_group import Entry

_NO_ENTRY = b"0-0"


class WhatIfScorer:
    """Answers for one domain.

    Args:
        domain: of the listings.
        settings: limits of payloads.
    """

    def __init__(self, domain: Domain, settings: Settings) -> None:
        self._columns = domain.columns
        self._scorer = BatchScorer(domain, settings, "what-if")

    def answer(self, listing: bytes, model: DesiredModel, explainer: ModelExplainer) -> WhatIfAnswer:
        """What a consumer with this model would answer to a listing, and why.

        Args:
            listing: the event's JSON.
            model: that is asked.
            explainer: of that model.
        """
        decoded = self._scorer.decode([Entry(_NO_ENTRY, (DATA_FIELD, listing))])
        served = served_model_of(explainer.scorer, Stamp(model.version, model.activation))
        would_be = WhatIfAnswer.model_validate(
            {"answer": msgspec.json.decode(self._scorer.score(decoded, served).events)}
        )
        if not isinstance(would_be.answer, Prediction):
            return would_be
        (attribution,) = explainer.explain(decoded.matrix)
        values = zip(self._columns, msgspec.structs.astuple(decoded.listings[0].data), strict=True)
        features = {name: None if is_missing(value) else value for name, value in values}
        explained = _explained(would_be.answer, explainer.method, attribution, features, self._columns)
        return would_be.model_copy(update={"explanation": explained})


def _explained(
    prediction: Prediction,
    method: ExplanationMethod,
    found: Attribution,
    features: Mapping[str, float | str | None],
    columns: tuple[str, ...],
) -> ExplanationData:
    data = prediction.data
    return ExplanationData(
        listing_id=data.listing_id,
        listing_source=data.listing_source,
        prediction=data.prediction,
        method=method,
        unit=found.unit,
        value=found.value,
        base=found.base,
        contributions=[FeatureContribution.model_validate(each) for each in ranked(columns, features, found)],
        model=data.model,
        interval=data.interval,
        candidates=data.candidates,
        coverage=data.coverage,
    )
