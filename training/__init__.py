"""Trains, evaluates and registers models; also a Python API for notebooks: ``from training import ingest, train``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.data.checking import inspect, validate
    from training.data.provenance import Provenance
    from training.data.quality import DataQualityReport, RowProblem
    from training.data.sources import RawTable, ingest
    from training.data.tables import Table
    from training.evaluation.evaluating import Evaluation, evaluate
    from training.evaluation.reporting import write_report
    from training.gate.judging import Gate
    from training.gate.report import GateReport, Override
    from training.learning.candidates import Candidate
    from training.learning.folding import cross_validate, split, splits_of
    from training.learning.recipes import RECIPES, Recipe, choose_recipes
    from training.learning.selection import Selection, select
    from training.learning.storing import load_selection, store_selection
    from training.quick import quick_settings
    from training.registering import register
    from training.result import TrainingResult
    from training.run import PreparedData, find_test_rows, prepare, train
    from training.trigger import Trigger

__all__ = [
    "RECIPES",
    "Candidate",
    "DataQualityReport",
    "Evaluation",
    "Gate",
    "GateReport",
    "Override",
    "PreparedData",
    "Provenance",
    "RawTable",
    "Recipe",
    "RowProblem",
    "Selection",
    "Table",
    "TrainingResult",
    "Trigger",
    "choose_recipes",
    "cross_validate",
    "evaluate",
    "find_test_rows",
    "ingest",
    "inspect",
    "load_selection",
    "prepare",
    "quick_settings",
    "register",
    "select",
    "split",
    "splits_of",
    "store_selection",
    "train",
    "validate",
    "write_report",
]

_NAMES_BY_MODULE = {
    "learning.candidates": ("Candidate",),
    "data.checking": ("inspect", "validate"),
    "learning.folding": ("cross_validate", "split", "splits_of"),
    "evaluation.evaluating": ("Evaluation", "evaluate"),
    "learning.selection": ("Selection", "select"),
    "learning.storing": ("load_selection", "store_selection"),
    "evaluation.reporting": ("write_report",),
    "gate.judging": ("Gate",),
    "gate.report": ("GateReport", "Override"),
    "trigger": ("Trigger",),
    "registering": ("register",),
    "quick": ("quick_settings",),
    "learning.recipes": ("RECIPES", "Recipe", "choose_recipes"),
    "result": ("TrainingResult",),
    "data.provenance": ("Provenance",),
    "data.quality": ("DataQualityReport", "RowProblem"),
    "data.sources": ("RawTable", "ingest"),
    "data.tables": ("Table",),
    "run": ("PreparedData", "find_test_rows", "prepare", "train"),
}
_MODULE_OF = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}


def __getattr__(name: str) -> Any:
    # the training worker imports this package and must not wait for scikit-learn
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
