"""Makes a version the challenger, if it passes the gate or the gate is overridden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.stages import Stage

if TYPE_CHECKING:
    from registry.store import Registry
    from schemas.settings import Settings


def make_challenger(settings: Settings, registry: Registry, version: str, reason: str) -> None:
    """Judge a version for the stage Staging, and set the alias `challenger`.

    Args:
        settings: with the domain and the gate's limits.
        registry: of the domain.
        version: to judge.
        reason: for overriding the gate; empty to follow it.

    Raises:
        ModelRejectedError: the gate refuses the version.
    """
    from operations.command_sender import current_actor
    from registry.aliases import set_challenger
    from registry.decisions import Requester
    from schemas.errors import ModelRejectedError
    from training import Gate, Override

    requester = Requester(current_actor(), "command line")
    override = Override(actor=requester.actor, reason=reason) if reason else None
    report = Gate(registry, settings.load_domain(), settings).judge(version, Stage.STAGING, override, requester)
    if not report.is_open:
        raise ModelRejectedError(report.reason, f"{report.reason}: {report}")
    set_challenger(registry, version)
