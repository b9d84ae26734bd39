"""The life of a console: its one reader for each domain, its heartbeats and its health."""

from __future__ import annotations

from collections.abc import Mapping

from console.shown_domain import ShownDomain
from console.watch import READ_S
from schemas.states import ConsoleHeartbeat
from service.activity import Activities
from service.health import Health
from service.heartbeat import Heartbeat
from service.periodic import Step
from service.web_life import STALL_S, DomainWork, WebLife

_KEYS_S = 1.0


def console_life(domains: Mapping[str, ShownDomain], name: str, port: int) -> WebLife:
    """What a console does beside its pages.

    Args:
        domains: the shown domains by name.
        name: of this console.
        port: where it serves.
    """
    health, activities = Health(STALL_S), Activities()
    works = {
        domain: DomainWork(
            shown.settings,
            Heartbeat(shown.client, shown.streams.consoles, ConsoleHeartbeat, name, port, health, activities),
            (
                Step(f"keys of {domain}", _KEYS_S, shown.keys.read),
                Step(f"state of {domain}", READ_S, shown.watch.read),
            ),
            shown.aclose,
        )
        for domain, shown in domains.items()
    }
    return WebLife(health, works)
