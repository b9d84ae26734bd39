"""Which JSON each command writes with --json. A type is imported when its schema is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from pydantic import TypeAdapter

_LETTERS = "tasador.cli.dead_letters"
_DOCUMENTS = "tasador.cli.documents"


@dataclass(frozen=True, slots=True)
class JsonOutput:
    """The JSON of one command.

    Attributes:
        types: of a document, as ``module:Name``; if there are several, a document has one of them.
        is_list: it is one list of such documents.
        is_lines: it is one such document a line.
    """

    types: tuple[str, ...]
    is_list: bool = False
    is_lines: bool = False

    def schema(self) -> dict[str, Any]:
        """The JSON Schema (2020-12) of the output, or of one line."""
        union: Any = reduce(or_, map(_load, self.types))
        schema = TypeAdapter(list[union] if self.is_list else union).json_schema()
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        return schema | {"$comment": "of each line"} if self.is_lines else schema


OUTPUTS = {
    "backtest": JsonOutput(("history.backtesting:BacktestReport",)),
    "bench": JsonOutput(("tasador.bench.report:BenchReport",)),
    "check": JsonOutput(("tasador.preflight.finding:Finding",), is_list=True),
    "data check": JsonOutput(("training.data.quality:DataQualityReport",)),
    "data report": JsonOutput((f"{_DOCUMENTS}:DrawnDataReport",)),
    "dead-letters drop": JsonOutput((f"{_LETTERS}.selection:LetterResult",), is_lines=True),
    "dead-letters edit": JsonOutput((f"{_LETTERS}.selection:LetterResult",), is_lines=True),
    "dead-letters export": JsonOutput((f"{_LETTERS}.exporting:ExportSummary",)),
    "dead-letters list": JsonOutput(
        (f"{_LETTERS}.showing:LetterDocument", "operations.letter_counts:ReasonCount"), is_list=True
    ),
    "dead-letters replay": JsonOutput((f"{_LETTERS}.selection:LetterResult",), is_lines=True),
    "dead-letters show": JsonOutput((f"{_LETTERS}.showing:LetterDocument",)),
    "domain new": JsonOutput((f"{_DOCUMENTS}:DraftedDomain",)),
    "drift": JsonOutput(("schemas.drift:DriftReport",)),
    "explain": JsonOutput(
        ("schemas.explanations:ExplainedListing", "schemas.what_if:WhatIfAnswer", "explainer.weights:WeightReport")
    ),
    "features expire": JsonOutput(("tasador.cli.feature_documents:ExpiredFeatures",)),
    "features get": JsonOutput(("tasador.cli.feature_documents:FeaturesOfSubject",)),
    "features put": JsonOutput(("tasador.cli.feature_documents:WrittenFeatures",)),
    "forget": JsonOutput((f"{_DOCUMENTS}:ErasureDocument",)),
    "history": JsonOutput(("schemas.history:Change",), is_list=True),
    "keys add": JsonOutput((f"{_DOCUMENTS}:MadeKey",)),
    "keys list": JsonOutput((f"{_DOCUMENTS}:ListedKey",), is_list=True),
    "keys revoke": JsonOutput((f"{_DOCUMENTS}:RevokedKey",)),
    "loop pause": JsonOutput((f"{_DOCUMENTS}:LoopDocument",)),
    "loop resume": JsonOutput((f"{_DOCUMENTS}:LoopDocument",)),
    "mlflow": JsonOutput((f"{_DOCUMENTS}:ServedPage",)),
    "predict": JsonOutput(("tasador.cli.views.predictions:PredictedRowDocument",), is_lines=True),
    "publish": JsonOutput(("tasador.cli.views.published:PublishSummary",)),
    "quality": JsonOutput(("schemas.quality:QualityReport",)),
    "registry alias": JsonOutput((f"{_DOCUMENTS}:VersionDocument",)),
    "registry best": JsonOutput((f"{_DOCUMENTS}:BestVersion",)),
    "registry compare": JsonOutput((f"{_DOCUMENTS}:VersionPair",)),
    "registry delalias": JsonOutput((f"{_DOCUMENTS}:DeletedAlias",)),
    "registry list": JsonOutput((f"{_DOCUMENTS}:ModelDocument",), is_list=True),
    "registry promote": JsonOutput((f"{_DOCUMENTS}:VersionDocument", f"{_DOCUMENTS}:ActivationDocument")),
    "registry rollback": JsonOutput((f"{_DOCUMENTS}:ActivationDocument",)),
    "registry show": JsonOutput((f"{_DOCUMENTS}:ShownVersion",)),
    "registry versions": JsonOutput((f"{_DOCUMENTS}:VersionDocument",), is_list=True),
    "reload": JsonOutput((f"{_DOCUMENTS}:ActivationDocument",)),
    "rescore": JsonOutput(("history.rescoring:RescoreReport",)),
    "retrain": JsonOutput((f"{_DOCUMENTS}:RetrainDocument",)),
    "rollback": JsonOutput((f"{_DOCUMENTS}:ActivationDocument",)),
    "rollout adjust": JsonOutput(("operations.rollouts:RolloutCommandResult",)),
    "rollout promote": JsonOutput((f"{_DOCUMENTS}:ActivationDocument",)),
    "rollout start": JsonOutput(("operations.rollouts:RolloutCommandResult",)),
    "rollout status": JsonOutput(("operations.rollouts:RolloutStatus",)),
    "rollout stop": JsonOutput(("operations.rollouts:RolloutCommandResult",)),
    "settings": JsonOutput((f"{_DOCUMENTS}:SettingDocument",), is_list=True),
    "shards set": JsonOutput(("operations.resharding:Resharded",)),
    "shards status": JsonOutput(("operations.shard_status:ShardsStatus",)),
    "status": JsonOutput(("operations.status:Status",)),
    "tail": JsonOutput((f"{_DOCUMENTS}:TailedEvent",), is_lines=True),
    "train": JsonOutput((f"{_DOCUMENTS}:TrainingDocument",)),
    "verify": JsonOutput((f"{_DOCUMENTS}:VerificationDocument",)),
}
"""Command -> its output."""


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
