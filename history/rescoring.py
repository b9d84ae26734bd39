"""Scores the past again: which files of the audit log, where their results go, and who does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from joblib import cpu_count

from history.pool import run_here, run_in_processes, run_on_dask
from history.rescored_file import FileTask, RescoredFile, clear_unfinished, rescore_file
from monitoring.archive.files import DAY, SUFFIX, ArchiveFile
from monitoring.archive.folder import ArchiveFolder
from monitoring.archive.location import archive_of
from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.errors import DataError
from schemas.frozen_model import FrozenModel
from schemas.settings import Settings
from transport.entries import EntryId

FROM_ROWS = 5_000_000
"""Rows from which processes or a cluster pay: each worker takes seconds to start and to load the model."""
_MANIFEST = "rescored.json"


class RescoreReport(FrozenModel):
    """What was scored again.

    Attributes:
        version: of the model that scored.
        files: of the audit log that have rows in the range.
        kept: those that had been scored before, and were left as they are.
        rows: scored rows in all files.
        left_out: rows without features, which nothing can score.
        folder: where the files are.
    """

    version: str
    files: int
    kept: int
    rows: int
    left_out: int
    folder: str


class _Manifest(FrozenModel):
    """What a folder of results is about; all of its files are."""

    domain: str
    version: str
    digest: str


def rescore(
    settings: Settings,
    version: str,
    out: Path,
    since: EntryId | None = None,
    until: EntryId | None = None,
    workers: int = 0,
    on_file: Callable[[int, int], object] = lambda *_: None,
) -> RescoreReport:
    """Score predictions of the audit log again.

    Args:
        settings: of the domain; `dask` names a cluster.
        version: of the registered model.
        out: a folder, into which a file is written for each of the log.
        since: only files with predictions from then on; a file is always scored as a whole.
        until: only files with predictions until then.
        workers: processes of this machine; 0 for the cluster, or one each core, from `FROM_ROWS` rows on.
        on_file: called with the number of files that are done, and that of all.

    Raises:
        DataError: the log is empty, a file cannot be read or written, or the folder holds results of something else.
        ModelNotFoundError: there is no such version.
        ModelRejectedError: it cannot be used.
        RegistryUnavailableError: MLflow does not answer.
        ConfigurationError: the cluster does not answer.
    """
    folder = archive_of(settings)
    sources = _files_between(folder, since, until)
    info = Registry(tracking_uri_of(settings), settings.domain).resolve(version=version)
    _claim(out, _Manifest(domain=settings.domain, version=version, digest=info.digest))
    tasks = [
        FileTask(
            settings=settings,
            model=info.desired("0-0"),
            source=source,
            target=out / f"{DAY}{source.day}" / f"{source.stem}{SUFFIX}",
        )
        for source in sources
    ]
    done: list[RescoredFile] = []
    for result in _run(settings, tasks, workers):
        done.append(result)
        on_file(len(done), len(tasks))
    clear_unfinished(out)
    return RescoreReport(
        version=version,
        files=len(done),
        kept=sum(not each.is_new for each in done),
        rows=sum(each.rows for each in done),
        left_out=sum(each.left_out for each in done),
        folder=str(out),
    )


def _files_between(folder: ArchiveFolder, since: EntryId | None, until: EntryId | None) -> list[ArchiveFile]:
    """Files that hold predictions of the range, by their names.

    Raises:
        DataError: there are none.
    """
    found = []
    for file in folder.files("predictions"):
        first, last, _ = file.span
        if (until is None or first.ms <= until.ms) and (since is None or since.ms <= last.ms):
            found.append(file)
    if not found:
        raise DataError(f"{folder.root}: the audit log has no predictions of that time")
    return found


def _claim(out: Path, about: _Manifest) -> None:
    """Make the folder, and write what it is about.

    Raises:
        DataError: it holds results of another version, or cannot be written.
    """
    path = out / _MANIFEST
    try:
        out.mkdir(parents=True, exist_ok=True)
        if path.exists():
            before = _Manifest.model_validate_json(path.read_bytes())
            if before != about:
                raise DataError(
                    f"{out} holds results of {before.domain} version {before.version}: choose another --out"
                )
        else:
            path.write_text(about.model_dump_json(), encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{out} cannot be used: {error}") from error


def _run(settings: Settings, tasks: Sequence[FileTask], workers: int) -> Iterator[RescoredFile]:
    if workers:
        return run_in_processes(rescore_file, tasks, workers)
    if not _are_many([task.source for task in tasks]):
        return run_here(rescore_file, tasks)
    if settings.dask is not None:
        return run_on_dask(rescore_file, tasks, settings.dask)
    return run_in_processes(rescore_file, tasks, cpu_count())


def _are_many(sources: Sequence[ArchiveFile]) -> bool:
    """Whether files have `FROM_ROWS` rows; reads no more of them than it takes to know."""
    rows = 0
    for source in sources:
        rows += source.count_rows()
        if rows >= FROM_ROWS:
            return True
    return False
