"""The life of a gateway: its periodic tasks, its heartbeats and its health."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from gateway.availability import LOOK_S
from gateway.served_domain import ServedDomain
from schemas.states import GatewayHeartbeat
from service.activity import Activities
from service.health import Health
from service.heartbeat import Heartbeat
from service.periodic import Step
from service.web_life import STALL_S, DomainWork, WebLife

KEYS_S = 1.0
"""The interval at which API keys are read: a revoked key is refused after this time at the latest."""


def gateway_life(domains: Mapping[str, ServedDomain], name: str, port: int) -> WebLife:
    """What a gateway does beside answering.

    Args:
        domains: the served domains by name.
        name: of this gateway.
        port: where it serves.
    """
    health, activities = Health(STALL_S), Activities()
    works = {
        domain: DomainWork(
            served.settings,
            Heartbeat(
                served.client,
                served.streams.gateways,
                GatewayHeartbeat,
                name,
                port,
                health,
                activities,
                partial(_counts, served),
            ),
            (
                Step(f"keys of {domain}", KEYS_S, served.keys.read),
                Step(f"consumers of {domain}", LOOK_S, served.availability.look),
            ),
            served.aclose,
        )
        for domain, served in domains.items()
    }
    return WebLife(health, works, partial(_warn_of_obstacles, health, domains))


def _warn_of_obstacles(health: Health, domains: Mapping[str, ServedDomain]) -> None:
    for served in domains.values():
        if served.availability.obstacle:
            health.warn(f"scoring {served.domain.name}", served.availability.obstacle)
        else:
            health.clear(f"scoring {served.domain.name}")


def _counts(served: ServedDomain) -> dict[str, float | None]:
    metrics = served.metrics
    return {
        "requests": metrics.answered,
        "refused": metrics.refused,
        "unserved_s": served.availability.unserved_s,
    }
