"""Takes one table from its draft to predictions, outcomes and drift, and checks that all steps read it alike."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from monitoring import drift_report
from producer.encoding import encode_listing
from producer.files import ListingFile
from producer.outcomes import OutcomeFile
from registry.loading import load_to_serve
from registry.location import tracking_uri_of
from registry.scorer import score_of
from registry.store import Registry
from schemas.decoding import ListingDecoder
from schemas.domain import Domain
from schemas.errors import TasadorError
from schemas.rows import RowBuilder
from schemas.sections import DomainSettings
from schemas.settings import Settings, load_settings
from tables.frame import read_typed_frame
from tables.options import TableOptions
from tasador.cli.commands.domain import app
from tests.models import fitted, register
from tests.tasador.command import Runner
from training import validate
from training.data.sources import read_source

NEW_DOMAIN = Runner(app)


@dataclass(frozen=True)
class Journey:
    """What became of a table that `domain new` accepted.

    Attributes:
        domain: the drafted domain.
        settings: with the domain.
        events: of all rows, as they are published.
        predictions: of all rows, prices or probabilities.
        outcomes: listing id -> outcome.
    """

    domain: Domain
    settings: Settings
    events: list[dict[str, Any]]
    predictions: NDArray[Any]
    outcomes: dict[str, float | str]


class RefusedTableError(Exception):
    """`domain new` refused the table, with one line, and left nothing behind."""


def travel(file: Path, target: str, *arguments: str, home: Path | None = None, name: str = "table") -> Journey:
    """Take a table from draft to drift in the current folder, from which Python must import.

    Args:
        file: the table.
        target: the column to predict.
        arguments: options of `domain new`.
        home: where to register a model, which then scores through its loader; without it a fitted pipeline scores.
        name: of the domain, new for each table of a process.

    Raises:
        RefusedTableError: `domain new` refused the table.
        AssertionError: a later step does not agree.
    """
    module = Path("domains") / f"{name}.py"
    try:
        drafted = NEW_DOMAIN.json("new", str(file), "--target", target, "--name", name, *arguments)
    except TasadorError as error:
        if "\n" in str(error) or module.exists():
            raise AssertionError(f"{module.exists()=}: {error}") from error
        raise RefusedTableError(str(error)) from error
    importlib.invalidate_caches()
    options = _options(arguments)
    table = {"decimal": options.decimal, "rename": dict(options.rename)}
    listed = DomainSettings.model_validate({"path": drafted["path"], "data": str(file), "table": table})
    base = load_settings().model_copy(update={"home": home or Path("home")})
    settings = base.model_copy(update={"domains": {name: listed}, "domain": name})
    domain = settings.load_domain()
    checked, report = validate(domain, read_source(settings), settings.training)
    assert not report.refused, report.problems[:3]
    listings = ListingFile(file, domain, options=options)
    payloads = [encode_listing(listing) for listing in listings]
    decoder = ListingDecoder(domain, settings.limits)
    matrix = RowBuilder(domain).matrix([decoder.decode(payload) for payload in payloads])
    assert len(matrix) == report.rows
    recipe = "random-forest" if domain.target.classes else "xgboost-reference"
    pipeline = fitted(checked, recipe, trees=3)
    score = score_of(pipeline, domain.target.classes)
    if home is not None:
        info = register(Registry(tracking_uri_of(settings), name), pipeline, checked, recipe)
        score = load_to_serve(Path(info.uri), domain).score
    predictions = score(matrix)
    assert len(predictions) == report.rows
    assert np.isfinite(predictions).all()
    events = [json.loads(payload) for payload in payloads]
    outcomes = _outcomes(OutcomeFile(file, domain, options=options))
    assert len(outcomes) == report.rows - report.unlabelled
    assert outcomes.keys() <= {event["id"] for event in events}
    frame, _ = read_typed_frame(file, options)
    if len(frame.columns):
        assert drift_report(frame, frame).verdict != "drift"
    return Journey(domain, settings, events, predictions, outcomes)


def _options(arguments: tuple[str, ...]) -> TableOptions:
    pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
    rename = dict(value.split("=", 1) for name, value in pairs if name == "--rename")
    decimal: Any = dict(pairs).get("--decimal")
    return TableOptions(decimal, rename)


def _outcomes(file: OutcomeFile) -> dict[str, float | str]:
    events = [json.loads(payload)["data"] for payload in file]
    return {event["listing_id"]: event["outcome"] for event in events}


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in a folder from which Python imports; the domains in it are forgotten afterwards."""
    with contextlib.chdir(folder), mock.patch.object(sys, "path", [str(folder), *sys.path]):
        try:
            yield
        finally:
            for module in [module for module in sys.modules if module.partition(".")[0] == "domains"]:
                del sys.modules[module]
            importlib.invalidate_caches()
