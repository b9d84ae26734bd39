"""The processes of a domain, from their heartbeats: consumers, training workers, monitors, explainers, gateways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import redis

from schemas.frozen_model import FrozenModel
from schemas.states import (
    ConsumerHeartbeat,
    ExplainerHeartbeat,
    GatewayHeartbeat,
    MonitorHeartbeat,
    ProcessHeartbeat,
    TrainerHeartbeat,
)
from schemas.streams import Streams
from transport.clock import now_ms

H = TypeVar("H", bound=ProcessHeartbeat)


class ProcessStatus(FrozenModel, Generic[H]):
    """One process's last heartbeat and its age."""

    heartbeat: H
    is_living: bool
    silent_s: float


ConsumerStatus = ProcessStatus[ConsumerHeartbeat]
TrainerStatus = ProcessStatus[TrainerHeartbeat]
MonitorStatus = ProcessStatus[MonitorHeartbeat]
ExplainerStatus = ProcessStatus[ExplainerHeartbeat]
GatewayStatus = ProcessStatus[GatewayHeartbeat]
AnyProcess = ConsumerStatus | TrainerStatus | MonitorStatus | ExplainerStatus | GatewayStatus


@dataclass(frozen=True, slots=True)
class Processes:
    """All processes of a domain that have a heartbeat, by name.

    Attributes:
        at_ms: when they were read, by Redis's clock.
    """

    at_ms: int
    consumers: tuple[ConsumerStatus, ...] = ()
    trainers: tuple[TrainerStatus, ...] = ()
    monitors: tuple[MonitorStatus, ...] = ()
    explainers: tuple[ExplainerStatus, ...] = ()
    gateways: tuple[GatewayStatus, ...] = ()

    @property
    def all(self) -> tuple[AnyProcess, ...]:
        """Consumers, then training workers, then monitors, then explainers, then gateways."""
        return *self.consumers, *self.trainers, *self.monitors, *self.explainers, *self.gateways


def read_processes(client: redis.Redis, streams: Streams) -> Processes:
    """Read all heartbeats.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    keys = (streams.consumers, streams.trainers, streams.monitors, streams.explainers, streams.gateways)
    stored: list[Any] = [client.hgetall(key) for key in keys]
    consumers, trainers, monitors, explainers, gateways = ([beats[name] for name in sorted(beats)] for beats in stored)
    at_ms = now_ms(client)
    return Processes(
        at_ms,
        tuple(ConsumerStatus(**_about(ConsumerHeartbeat.model_validate_json(text), at_ms)) for text in consumers),
        tuple(TrainerStatus(**_about(TrainerHeartbeat.model_validate_json(text), at_ms)) for text in trainers),
        tuple(MonitorStatus(**_about(MonitorHeartbeat.model_validate_json(text), at_ms)) for text in monitors),
        tuple(ExplainerStatus(**_about(ExplainerHeartbeat.model_validate_json(text), at_ms)) for text in explainers),
        tuple(GatewayStatus(**_about(GatewayHeartbeat.model_validate_json(text), at_ms)) for text in gateways),
    )


def _about(heartbeat: ProcessHeartbeat, at_ms: int) -> dict[str, Any]:
    silent_s = max(at_ms - heartbeat.at_ms, 0) / 1000
    return {"heartbeat": heartbeat, "is_living": heartbeat.is_living(at_ms), "silent_s": silent_s}
