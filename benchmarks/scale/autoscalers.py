"""Ways to choose the number of consumers, by the figures of deploy/kubernetes: fixed, processor time, backlog."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import yaml

SYNC_S = 15
"""Interval at which Kubernetes's autoscaler decides."""
CPU_WINDOW_S = 30
"""Of the processor time that it sees."""
TOLERANCE = 0.1
"""Ratios nearer to 1 than this change nothing."""


class Autoscaler(Protocol):
    """Chooses the number of consumers."""

    name: str

    def wanted(self, second: int, running: int, cpu: float, backlog: float) -> int:
        """How many consumers should run.

        Args:
            second: of the day; called for each one.
            running: consumers, with those that start.
            cpu: mean cores that a consumer used in the last `CPU_WINDOW_S`.
            backlog: events without an outcome.
        """
        ...


class Fixed:
    """Always the same number."""

    def __init__(self, number: int) -> None:
        self.name = f"{number} fixed"
        self._number = number

    def wanted(self, second: int, running: int, cpu: float, backlog: float) -> int:  # noqa: ARG002
        """Its number."""
        return self._number


class _Stabilized:
    """The largest of the numbers wanted within a time, so that a pause stops nothing."""

    def __init__(self, window_s: int) -> None:
        self._recent: deque[int] = deque(maxlen=max(window_s // SYNC_S, 1))

    def of(self, number: int) -> int:
        self._recent.append(number)
        return max(self._recent)


class ByCpu:
    """Kubernetes's own autoscaler on processor time (overlays/hpa).

    Args:
        autoscaler: the resource HorizontalPodAutoscaler.
        requested: cores that a consumer requests.
    """

    name = "processor time"

    def __init__(self, autoscaler: Any, requested: float) -> None:
        spec = autoscaler["spec"]
        self._least, self._most = spec["minReplicas"], spec["maxReplicas"]
        self._target = spec["metrics"][0]["resource"]["target"]["averageUtilization"] / 100 * requested
        self._stabilized = _Stabilized(spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"])

    def wanted(self, second: int, running: int, cpu: float, backlog: float) -> int:  # noqa: ARG002
        """As many as would bring the mean to the target."""
        if second % SYNC_S:
            return running
        ratio = cpu / self._target
        number = running if abs(ratio - 1) <= TOLERANCE else math.ceil(running * ratio)
        return self._stabilized.of(min(max(number, self._least), self._most))


class ByBacklog:
    """KEDA on the backlog (overlays/one-redis).

    Args:
        scaled: the resource ScaledObject.
    """

    name = "backlog"

    def __init__(self, scaled: Any) -> None:
        spec = scaled["spec"]
        behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        self._polling_s, self._cooldown_s = spec["pollingInterval"], spec["cooldownPeriod"]
        self._most = spec["maxReplicaCount"]
        self._each = float(spec["triggers"][0]["metadata"]["targetValue"])
        self._stabilized = _Stabilized(behaviour["scaleDown"]["stabilizationWindowSeconds"])
        self._last_active = 0

    def wanted(self, second: int, running: int, cpu: float, backlog: float) -> int:  # noqa: ARG002
        """One for each part of the backlog; none after a time without one."""
        if second % self._polling_s == 0:
            if backlog > 0:
                self._last_active = second
                running = max(running, 1)
            elif second - self._last_active >= self._cooldown_s:
                return 0
        if second % SYNC_S or not running:
            return running
        ratio = backlog / (self._each * running)
        number = running if abs(ratio - 1) <= TOLERANCE else math.ceil(backlog / self._each)
        return self._stabilized.of(min(max(number, 1), self._most))


def autoscalers(manifests: Path) -> list[Autoscaler]:
    """All ways, with the figures of the manifests (deploy/kubernetes)."""
    cpu = _consumer(manifests / "hpa/autoscalers.yaml", "HorizontalPodAutoscaler")
    scaled = _consumer(manifests / "keda/scaled-objects.yaml", "ScaledObject")
    (container,) = _consumer(manifests / "base/consumer.yaml", "Deployment")["spec"]["template"]["spec"]["containers"]
    requested = float(container["resources"]["requests"]["cpu"].removesuffix("m")) / 1000
    return [Fixed(1), Fixed(4), ByCpu(cpu, requested), ByBacklog(scaled)]


def _consumer(file: Path, kind: str) -> Any:
    resources: Iterable[Any] = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return next(each for each in resources if each["kind"] == kind and each["metadata"]["name"] == "consumer")
