"""The models of one domain as a worker uses them: finds, checks and judges versions, and sets the champion.

A worker imports MLflow and the libraries of models when the first call needs them. Their seconds are not MLflow's, so
they are imported before a time limit starts.

MLflow blocks, so every call runs in a thread. While MLflow does not answer, a call tries again for 10 s; then the
command fails as `registry_unavailable`, and the client may send it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_fixed

from registry import tracking
from registry.cache import ModelCache
from registry.catalogue import count_versions
from registry.decisions import Decision, Requester
from registry.folder import read_card
from registry.loading import load_libraries, load_scorer
from registry.location import cache_folder_of, database_of, tracking_uri_of
from registry.runs import end_killed_runs
from registry.stages import CHAMPION
from registry.store import Registry
from registry.trial import try_apart
from registry.versions import COMMAND_TAG, ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelNotFoundError, ModelRejectedError, RegistryUnavailableError
from schemas.rollout_report import RolloutReport
from schemas.settings import Settings
from service.activity import Activities
from training.gate.loading import cost_check
from training.gate.report import GateReport, Override

if TYPE_CHECKING:
    from training.gate.judging import Gate

REGISTRY_TIMEOUT_S = 10.0
"""How long a command tries while the registry does not answer."""
_RETRY_S = 0.5

T = TypeVar("T")


class Models:
    """The models of one domain.

    Args:
        settings: with the registry's address.
        domain: the domain.
        activities: shows which version is being loaded or judged.
    """

    def __init__(self, settings: Settings, domain: Domain, activities: Activities) -> None:
        tracking_uri = tracking_uri_of(settings)
        self._registry = Registry(tracking_uri, domain.name)
        self._cache = ModelCache(cache_folder_of(settings), tracking_uri)
        self.domain = domain
        self._settings = settings
        self._activities = activities
        self._import_lock = asyncio.Lock()
        # a store on this machine is read without MLflow
        self._to_read = () if database_of(tracking_uri) else (tracking.configure,)

    async def find(self, version: str | None = None, alias: str | None = None) -> ModelVersionInfo:
        """A registered version, by number or by alias; the champion by default.

        Raises:
            ModelNotFoundError: there is none.
            RegistryUnavailableError: MLflow does not answer.
        """
        return await self._call(
            lambda: self._registry.resolve(version=version, alias=alias or CHAMPION), *self._to_read
        )

    async def check(self, model: ModelVersionInfo) -> None:
        """Fetch a version and load it, as every consumer will.

        Raises:
            ModelNotFoundError: its artifact is gone.
            ModelRejectedError: a check failed.
            RegistryUnavailableError: MLflow does not answer.
        """

        def fetch_and_load() -> None:
            path = self._cache.fetch(model.desired(activation=""))
            load_scorer(path, self.domain)

        with self._activities.doing(f"loading version {model.version}"):
            await self._call(fetch_and_load, *self._to_read, load_libraries)

    async def try_challenger(self, model: ModelVersionInfo) -> None:
        """Check a version as the gate does, but for its gain, in a process of its own, which it may kill or hang.

        Raises:
            ModelNotFoundError: its artifact is gone.
            ModelRejectedError: a check failed.
            RegistryUnavailableError: MLflow does not answer.
        """
        with self._activities.doing(f"trying version {model.version}"):
            path = await self._call(lambda: self._cache.fetch(model.desired(activation="")))
            await try_apart(self._settings, path, is_whole=True)
            cost = cost_check(read_card(path), self._settings.swap.max_us_per_row)
            if cost.outcome == "failed":
                raise ModelRejectedError("cost", cost.reason)

    async def champion(self) -> ModelVersionInfo | None:
        """The registry's champion, without a second attempt; None if there is none.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        await self._import(*self._to_read)
        try:
            return await asyncio.to_thread(self._registry.resolve, alias=CHAMPION)
        except ModelNotFoundError:
            return None

    async def count(self) -> int:
        """The number of registered versions, without a second attempt.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        return await asyncio.to_thread(count_versions, self._registry)

    async def judge(
        self, version: str, override: Override | None, requester: Requester, rollout: RolloutReport | None = None
    ) -> GateReport:
        """The gate's report on a version; without a time limit, because the champion may have to be fitted again.

        `rollout` is the last report on a rollout.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        return await self._judge(
            version, lambda gate: gate.judge(version, override=override, requester=requester, rollout=rollout)
        )

    async def judge_rollback(self, version: str) -> GateReport:
        """The gate's report on a version that answered before and is to return; raises as `judge`."""
        return await self._judge(version, lambda gate: gate.judge_rollback(version))

    async def keep_decision(self, version: str, decision: Decision) -> None:
        """Keep a decision about a version with it.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        await self._call(lambda: self._registry.set_tags(version, decision.as_tag()), tracking.configure)

    async def set_champion(self, version: str) -> None:
        """Make a version champion and the one before it previous champion; idempotent. It must have passed the gate.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        await self._call(lambda: self._registry.set_champion(version), tracking.configure)

    async def trained_by(self, command_id: str) -> ModelVersionInfo | None:
        """The version that a training for this command registered; None if there is none.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        versions = await self._call(self._registry.versions, *self._to_read)
        version = next((one.version for one in versions if one.command_id == command_id), None)
        return None if version is None else await self.find(version)

    async def discard_trained_by(self, command_id: str) -> None:
        """Delete the version that a cancelled training for this command may have registered, and end its run.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        registry = self._registry
        await self._call(
            lambda: end_killed_runs(registry.client, registry.tracking_uri, registry.name, COMMAND_TAG, command_id),
            tracking.configure,
        )
        model = await self.trained_by(command_id)
        if model is not None:
            await self._call(lambda: self._registry.delete_version(model.version), tracking.configure)

    async def _judge(self, version: str, judge: Callable[[Gate], GateReport]) -> GateReport:
        def run() -> GateReport:
            # imported here because it takes pandas and all of scikit-learn
            from training.gate.judging import Gate

            return judge(Gate(self._registry, self.domain, self._settings))

        with self._activities.doing(f"judging version {version}"):
            await self._import(tracking.configure, load_libraries)
            return await asyncio.to_thread(run)

    async def _call(self, call: Callable[[], T], *imports: Callable[[], None]) -> T:
        await self._import(*imports)
        last: BaseException | None = None

        def remember(state: RetryCallState) -> None:
            nonlocal last
            last = state.outcome.exception() if state.outcome else None

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RegistryUnavailableError), wait=wait_fixed(_RETRY_S), before_sleep=remember
        )
        try:
            async with asyncio.timeout(REGISTRY_TIMEOUT_S):
                return await retrying(asyncio.to_thread, call)
        except TimeoutError as error:
            silent = RegistryUnavailableError(f"MLflow did not answer within {REGISTRY_TIMEOUT_S:g} s")
            raise last or silent from error

    async def _import(self, *imports: Callable[[], None]) -> None:
        """Import libraries, one task at a time; those that are imported already take no time."""
        async with self._import_lock:
            for one in imports:
                await asyncio.to_thread(one)
