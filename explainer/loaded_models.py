"""The models that an explainer has loaded: found by digest, loaded with the first request that names one."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from explainer.model_explainer import ModelExplainer, load_explainer
from registry.cache import ModelCache
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.states import DesiredModel
from service.activity import Activities

logger = logging.getLogger(__name__)

KEPT = 3
"""Models that are kept loaded: requests of the former model are still answered after a swap."""


class LoadedModels:
    """The loaded models of one explainer.

    Args:
        domain: of the models.
        cache: of their files.
        activities: shows that a model is being loaded.
        on_loaded: called with the version and method of each model that was loaded.
    """

    def __init__(
        self, domain: Domain, cache: ModelCache, activities: Activities, on_loaded: Callable[[str, str], None]
    ) -> None:
        self._domain = domain
        self._cache = cache
        self._activities = activities
        self._on_loaded = on_loaded
        # the loops of several shards want the same model at once
        self._loading = asyncio.Lock()
        self._models: OrderedDict[str, ModelExplainer | ModelRejectedError] = OrderedDict()

    async def find(self, model: DesiredModel) -> ModelExplainer | ModelRejectedError:
        """The explainer of a model, or why there is none, which is remembered as well.

        Raises:
            RegistryUnavailableError: it cannot be loaded now.
        """
        async with self._loading:
            found = self._models.get(model.digest)
            if found is None:
                with self._activities.doing(f"loading version {model.version}"):
                    found = await asyncio.to_thread(self._load, model)
                self._models[model.digest] = found
                while len(self._models) > KEPT:
                    self._models.popitem(last=False)
            self._models.move_to_end(model.digest)
            return found

    def _load(self, model: DesiredModel) -> ModelExplainer | ModelRejectedError:
        try:
            explainer = load_explainer(self._cache.fetch(model), self._domain)
        except ModelRejectedError as error:
            facts = {"version": model.version, "check": error.check, "cause": str(error)}
            logger.error("model cannot be explained", extra=facts)  # noqa: TRY400 - the line says it all
            return error
        self._on_loaded(model.version, explainer.method)
        logger.info("model loaded", extra={"version": model.version, "method": explainer.method})
        return explainer
