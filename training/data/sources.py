"""Where training data comes from: the built-in Boston table, or a CSV file. Nothing is checked here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.domain import Domain
from schemas.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "NA")


@dataclass(frozen=True, slots=True)
class RawTable:
    """Data as it came.

    Attributes:
        frame: one row for each row of the source; text where the source holds text, None or NaN where nothing.
        source: where it came from, for people.
    """

    frame: pd.DataFrame
    source: str


def load_data(domain: Domain, data: Path | None = None) -> RawTable:
    """Read training data.

    Args:
        domain: whose data.
        data: a CSV file with a header, `NA` or nothing for a missing value; by default the table that comes with the
            domain.

    Raises:
        DataError: the file cannot be read, or the domain comes without data.
    """
    if data is not None:
        return RawTable(_read_csv(data), str(data))
    rows = domain.contract.built_in_table()
    if not rows:
        raise DataError(f"domain {domain.name} comes without data: name a file with --data")
    import pandas as pd

    return RawTable(pd.DataFrame(rows), domain.contract.table_source)


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        # as text: one word in a column of numbers must not make text of the whole column
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=list(MISSING), encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no CSV file: {str(error).splitlines()[0]}") from error
