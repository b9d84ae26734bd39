"""The Python file of a new domain: written, and removed again if the domain cannot be used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import cache_from_source
from pathlib import Path

from schemas.errors import ConfigurationError


@contextmanager
def new_module(file: Path, source: str) -> Iterator[None]:
    """Write a module that can be imported. Whatever fails in the context removes it, so it does not block the next try.

    Raises:
        ConfigurationError: the file exists already or cannot be written.
    """
    missing = [folder for folder in file.parents if not folder.exists()]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        opened = file.open("x", encoding="utf-8")
    except FileExistsError as error:
        raise ConfigurationError(f"{file}: already exists; name another file with --out, or delete it") from error
    except OSError as error:
        _remove_folders(missing)
        raise ConfigurationError(f"{file}: cannot be written: {error.strerror}") from error
    try:
        try:
            with opened:
                opened.write(source)
        except OSError as error:
            raise ConfigurationError(f"{file}: cannot be written: {error.strerror}") from error
        # Python may have cached the folder's listing
        importlib.invalidate_caches()
        yield
    except BaseException:
        _remove(file)
        _remove_folders(missing)
        raise


def _remove(file: Path) -> None:
    compiled = Path(cache_from_source(str(file)))
    for path in (file, compiled):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # it holds other modules, or does not exist
        compiled.parent.rmdir()
    # a later import in this process must read the next draft
    sys.modules.pop(".".join(file.with_suffix("").parts), None)


def _remove_folders(folders: list[Path]) -> None:
    """Remove folders, innermost first, unless another program has put something into them."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
