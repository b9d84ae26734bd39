"""A model in this process, which scores and explains rows as consumers and explainers do.

Rows pass through the consumer's own batch scorer: the same decoder, limits and refusals, the same matrix and model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from consumer.batch_scorer import BatchScorer
from consumer.served_model import served_model_of
from explainer.answer_events import ranked
from explainer.model_explainer import Attribution, ModelExplainer
from producer.answer_files import answer_rows
from producer.answer_store import AnswerData, AnswerRow
from registry.background import read_background
from registry.card import ModelCard
from registry.scorer import Scorer
from schemas.decoding import DecodedListing, ListingDecoder
from schemas.domain import Domain
from schemas.errors import RefusedListingError
from schemas.events import ModelStamp
from schemas.explanations import ExplanationData, ExplanationMethod, FeatureContribution
from schemas.rows import Matrix, RowBuilder
from schemas.settings import Settings
from schemas.stamp import Stamp
from schemas.streams import DATA_FIELD
from tasador.prediction.rows import Rows, payloads_of
from transport.consumer_group import Entry

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

BATCH_ROWS = 1000
"""Rows that are scored at once, as in a full batch of a consumer."""


class _Event(msgspec.Struct):
    id: str
    type: str
    data: AnswerData


_decode = msgspec.json.Decoder(_Event).decode


@dataclass(frozen=True)
class LocalModel:
    """A loaded version of one domain's model. Build it with `tasador.load_model`.

    Attributes:
        version: its number.
        domain: of the model.
        settings: limits of payloads.
        folder: of its files.
        scorer: scores matrices.
    """

    version: str
    domain: Domain
    settings: Settings
    folder: Path
    scorer: Scorer

    @property
    def card(self) -> ModelCard:
        """Its description, with the metrics of its training."""
        return self.scorer.card

    def predict(self, rows: Rows) -> pd.DataFrame:
        """Predict rows, as the stream would.

        Args:
            rows: a file, a DataFrame or a list of dictionaries with the domain's columns; others are refused, but the
                target, ignored columns and the domain's id column may be there.

        Returns:
            A row for each, in order, with the columns of `producer.answer_files.write_answers`. A row that the stream
            would refuse has no prediction, and a reason.

        Raises:
            DataError: the file cannot be read, or columns are unknown or missing.
        """
        return self.frame_of_answers(payloads_of(rows, self.domain))

    def explain(self, rows: Rows) -> pd.DataFrame:
        """Explain rows: `value` is the sum of `base` and the contributions in the columns of the features.

        Arguments and errors are those of `predict`; a row that would be refused has no values.

        Raises:
            ModelRejectedError: ("background") no method fits the model.
        """
        return self.frame_of_explanations(payloads_of(rows, self.domain))

    def frame_of_answers(self, payloads: Iterable[bytes], *, with_ranges: bool = True) -> pd.DataFrame:
        """As `predict`, of events."""
        import pandas as pd

        return pd.DataFrame(answer_rows(self.domain, self.answers(payloads), with_ranges=with_ranges))

    def frame_of_explanations(self, payloads: Iterable[bytes]) -> pd.DataFrame:
        """As `explain`, of events."""
        import pandas as pd

        names = ["prediction", "unit", "value", "base", *self.domain.columns]
        found = [_flat(each) if each else {} for each in self.explanations(payloads)]
        return pd.DataFrame(found, columns=names)

    def answers(self, payloads: Iterable[bytes]) -> Iterator[AnswerRow]:
        """The answer to each event, in order; entry ids are empty, since nothing was published.

        Args:
            payloads: events as JSON.
        """
        scorer = BatchScorer(self.domain, self.settings, "predict")
        served = served_model_of(self.scorer, Stamp(self.version, ""))
        for chunk in _chunks(payloads):
            entries = [Entry(b"0-%d" % number, (DATA_FIELD, each)) for number, each in enumerate(chunk, start=1)]
            events = map(_decode, scorer.score(scorer.decode(entries), served).events.splitlines())
            # those that are refused come last in a batch
            for event in sorted(events, key=lambda event: int(event.id[2:])):
                yield AnswerRow("", "refused" if event.type == "listing.refused" else "scored", event.data)

    def explanations(self, payloads: Iterable[bytes]) -> Iterator[ExplanationData | None]:
        """The explanation of each event, in order; None for one that would be refused.

        Raises:
            ModelRejectedError: ("background") no method fits the model.
        """
        explainer, builder = self._explainer, RowBuilder(self.domain)
        decoder = ListingDecoder(self.domain, self.settings.limits)
        for chunk in _chunks(payloads):
            listings = [_decoded(decoder, payload) for payload in chunk]
            attributions = explainer.explain(builder.matrix([each for each in listings if each is not None]))
            for listing in listings:
                yield None if listing is None else self._explained(listing, explainer.method, next(attributions))

    def _explained(self, listing: DecodedListing, method: ExplanationMethod, found: Attribution) -> ExplanationData:
        values = dict(zip(self.domain.columns, msgspec.structs.astuple(listing.data), strict=True))
        return ExplanationData(
            listing_id=listing.id,
            listing_source=listing.source or "",
            prediction=found.prediction,
            method=method,
            unit=found.unit,
            value=found.value,
            base=found.base,
            contributions=[
                FeatureContribution.model_validate(one) for one in ranked(self.domain.columns, values, found)
            ],
            model=ModelStamp(version=self.version, activation=""),
        )

    def matrix_of(self, frame: pd.DataFrame) -> Matrix:
        """The matrix (n, columns) of a table of checked rows."""
        return RowBuilder(self.domain).matrix_of_frame(frame)

    @cached_property
    def _explainer(self) -> ModelExplainer:
        return ModelExplainer(self.scorer, read_background(self.folder), self.domain)


def _chunks(payloads: Iterable[bytes]) -> Iterator[list[bytes]]:
    remaining = iter(payloads)
    while chunk := list(islice(remaining, BATCH_ROWS)):
        yield chunk


def _decoded(decoder: ListingDecoder, payload: bytes) -> DecodedListing | None:
    try:
        return decoder.decode(payload)
    except RefusedListingError:
        return None


def _flat(data: ExplanationData) -> dict[str, Any]:
    head = {"prediction": data.prediction, "unit": data.unit, "value": data.value, "base": data.base}
    return head | {one.feature: one.contribution for one in data.contributions}
