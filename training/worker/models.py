"""What an activation needs of the registry: to find a model, to check it, and to set the champion.

MLflow blocks, so everything runs in a thread. A registry that does not answer is asked again for as long as a person
waits for an answer, not longer: the command is told `registry_unavailable` and may be sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from registry import tracking
from registry.cache import ModelCache
from registry.loading import load_libraries, load_scorer
from registry.location import cache_folder_of, tracking_uri_of
from registry.stages import CHAMPION
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelNotFoundError, RegistryUnavailableError
from schemas.settings import Settings
from training.gate.report import GateReport, Override

if TYPE_CHECKING:
    from training.gate.judging import Gate

PATIENCE_S = 10.0
"""How long a command waits for a registry that does not answer."""
_RETRY_S = 0.5

T = TypeVar("T")


class Models:
    """The models of one domain, as the worker sees them."""

    def __init__(self, settings: Settings, domain: Domain) -> None:
        tracking_uri = tracking_uri_of(settings)
        self._registry = Registry(tracking_uri, domain.name)
        self._cache = ModelCache(cache_folder_of(settings), tracking_uri)
        self._domain = domain
        self._settings = settings
        self._warming = asyncio.Lock()
        self._is_warm = False

    async def _warm_up(self) -> None:
        """Import the libraries before a clock starts: their seconds are not MLflow's."""
        async with self._warming:
            if not self._is_warm:
                await asyncio.to_thread(_load_libraries)
                self._is_warm = True

    async def find(self, version: str | None = None, alias: str | None = None) -> ModelVersionInfo:
        """A registered version.

        Raises:
            ModelNotFoundError: there is none.
            RegistryUnavailableError: MLflow does not answer.
        """
        return await self._ask(lambda: self._registry.resolve(version=version, alias=alias or CHAMPION))

    async def check(self, found: ModelVersionInfo) -> None:
        """Fetch a version and try it, as every consumer will.

        Raises:
            ModelNotFoundError: its artifact is gone.
            ModelRejectedError: it must not score.
            RegistryUnavailableError: MLflow does not answer.
        """

        def fetch_and_load() -> None:
            path = self._cache.fetch(found.desired(activation=""))
            load_scorer(path, self._domain)

        await self._ask(fetch_and_load)

    async def champion(self) -> ModelVersionInfo | None:
        """The champion as the registry has it, asked once; None if there is none.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        await self._warm_up()
        try:
            return await asyncio.to_thread(self._registry.resolve, alias=CHAMPION)
        except ModelNotFoundError:
            return None

    async def judge(self, version: str, override: Override | None) -> GateReport:
        """Put a version before the gate; without a limit of time, for the champion may have to be fitted again.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        return await self._at_the_gate(lambda gate: gate.judge(version, override=override))

    async def judge_return(self, version: str) -> GateReport:
        """Put a version that was champion before the gate, for the way back; raises as `judge`."""
        return await self._at_the_gate(lambda gate: gate.judge_return(version))

    async def set_champion(self, version: str) -> None:
        """Make a version champion and the one before it previous champion; doing so again changes nothing.

        Whoever calls this has asked the gate.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        await self._ask(lambda: self._registry.set_champion(version))

    async def trained_by(self, command_id: str) -> ModelVersionInfo | None:
        """The version that a training for this command registered, if one did.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        versions = await self._ask(self._registry.versions)
        found = next((one.version for one in versions if one.command_id == command_id), None)
        return None if found is None else await self.find(found)

    async def _at_the_gate(self, ask: Callable[[Gate], GateReport]) -> GateReport:
        def judge() -> GateReport:
            # here, because it imports pandas and all of scikit-learn
            from training.gate.judging import Gate

            return ask(Gate(self._registry, self._domain, self._settings))

        await self._warm_up()
        return await asyncio.to_thread(judge)

    async def _ask(self, ask: Callable[[], T]) -> T:
        await self._warm_up()
        return await _patiently(ask)


def _load_libraries() -> None:
    tracking.configure()
    load_libraries()


async def _patiently(ask: Callable[[], T]) -> T:
    async def until_it_answers() -> T:
        while True:
            try:
                return await asyncio.to_thread(ask)
            except RegistryUnavailableError as error:
                unavailable.append(error)
                await asyncio.sleep(_RETRY_S)

    unavailable: list[RegistryUnavailableError] = []
    try:
        return await asyncio.wait_for(until_it_answers(), PATIENCE_S)
    except TimeoutError as error:
        if unavailable:
            raise unavailable[-1] from error
        raise RegistryUnavailableError(f"MLflow did not answer within {PATIENCE_S:g} s") from error
