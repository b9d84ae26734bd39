"""The demo's results: a table of prices, figures, and the swap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean

from operations.command_sender import Activation
from schemas.domain import Domain
from schemas.events import Prediction
from tasador.cli.terminal_table import TableColumn, TerminalTable
from tasador.demo.answers import DemoAnswers
from tasador.demo.flow import PER_SECOND
from tasador.demo.listings import DemoListing
from tasador.demo.models import DemoModels
from transport.entries import EntryId

SHOWN = 10


class DemoReport:
    """The demo's results for a terminal.

    Args:
        domain: housing.
        models: of the demo.
        listings: the published listings.
        entry_ids: of the listings, in the same order.
        answers: to the listings.
        test_rows: rows that no model of the demo was trained on.
    """

    def __init__(
        self,
        domain: Domain,
        models: DemoModels,
        listings: Sequence[DemoListing],
        entry_ids: Sequence[str],
        answers: DemoAnswers,
        test_rows: set[int],
    ) -> None:
        self._models = models
        self._answers = answers
        self._unit = domain.target.unit
        self._tested = [
            (listing, answers.predictions[entry_id])
            for listing, entry_id in zip(listings, entry_ids, strict=True)
            if listing.row in test_rows and entry_id in answers.predictions
        ]

    def prices(self) -> TerminalTable:
        """Some test rows with their predictions, equally many by each model."""
        rows = []
        for listing, prediction in self._chosen():
            data, price = prediction.data, float(listing.price or 0)
            predicted = float(data.prediction)
            model = f"{data.model.version} ({self._models.algorithm_of(data.model.version)})"
            figures = (f"{predicted:.1f}", f"{price:.1f}", f"{predicted - price:+.1f}")
            rows.append((data.listing_id, *figures, model, ", ".join(data.imputed)))
        columns = (
            TableColumn("LISTING"),
            *(TableColumn(head, is_number=True) for head in ("PREDICTED", "REAL PRICE", "ERROR")),
            TableColumn("MODEL VERSION"),
            TableColumn("IMPUTED", is_prose=True),
        )
        return TerminalTable(columns, rows, title=f"Listings from the test split ({self._unit})")

    def lines(self, activation: Activation) -> Iterator[str]:
        """The figures, one line each."""
        answers = self._answers
        errors = [
            abs(float(prediction.data.prediction) - float(listing.price or 0)) for listing, prediction in self._tested
        ]
        if errors:
            yield f"test split   mean absolute error {mean(errors):.2f} {self._unit} on {len(errors)} listings"
        yield f"scored       {len(answers.predictions)}, of which {answers.imputed} with missing values imputed"
        refused = ", ".join(f"{reason} {count}" for reason, count in answers.refused.most_common())
        yield f"refused      {len(answers.dead_letters)}: {refused}"
        yield f"rate         {answers.rate:.0f}/s answered, published at {PER_SECOND}/s"
        if answers.latency is not None:
            percentiles = f"p50 {answers.latency.p50:.0f} ms, p99 {answers.latency.p99:.0f} ms"
            yield f"latency      {percentiles}, longest {answers.longest_ms} ms, from listing to prediction"
        scored = ", ".join(f"{count} by version {version}" for version, count in self._by_version())
        yield f"hot swap     {scored}"
        for consumer, load_ms in sorted((activation.confirmed or {}).items()):
            loaded = "" if load_ms is None else f", loaded in {load_ms:.0f} ms"
            yield f"             {consumer} confirms version {activation.version}{loaded}"
        yield f"check        {answers.verdict}"

    def _chosen(self) -> list[tuple[DemoListing, Prediction]]:
        versions = [version for version, _ in self._by_version()]
        each = SHOWN // max(len(versions), 1)
        chosen = []
        for version in versions:
            of_it = [pair for pair in self._tested if pair[1].data.model.version == version]
            step = max(len(of_it) // each, 1)
            chosen += of_it[::step][:each]
        return chosen

    def _by_version(self) -> list[tuple[str, int]]:
        """Versions in the order of their activation, with the number of listings that each scored."""
        counts: dict[str, int] = {}
        for entry_id in sorted(self._answers.predictions, key=self._activation):
            version = self._answers.predictions[entry_id].data.model.version
            counts[version] = counts.get(version, 0) + 1
        return list(counts.items())

    def _activation(self, entry_id: str) -> EntryId:
        return EntryId.parse(self._answers.predictions[entry_id].data.model.activation)
