"""Small made-up tables, with gaps, for tests of learning."""

from __future__ import annotations

import numpy as np

from schemas.domain import load_domain
from training.data.tables import Table


def table_of_numbers(rows: int, seed: int = 3) -> Table:
    """A table of the housing domain whose prices depend on four features."""
    import pandas as pd

    domain = load_domain("housing")
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({column: rng.uniform(1, 10, rows) for column in domain.columns})
    target = 20 + 3 * frame["RM"] - 0.5 * frame["LSTAT"] + np.sin(frame["DIS"]) * 4 + rng.normal(0, 1.5, rows)
    frame.loc[rng.random(rows) < 0.1, "LSTAT"] = np.nan
    return Table(domain, frame, target.to_numpy(), np.arange(rows), "made up")
