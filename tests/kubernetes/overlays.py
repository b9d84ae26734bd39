"""Renders the overlays of deploy/kubernetes with kustomize, as kubectl has it."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS = ("one-redis", "http", "hpa", "cluster")

Resource = dict[str, Any]


def render(overlay: Path) -> list[Resource]:
    """Its resources.

    Raises:
        ValueError: kustomize refuses it; the message is what kustomize says.
    """
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    done = subprocess.run([kubectl, "kustomize", str(overlay)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return list(yaml.safe_load_all(done.stdout))


def render_overlay(name: str) -> list[Resource]:
    """The resources of one of `OVERLAYS`."""
    return render(FOLDER / "overlays" / name)


def of_kind(resources: list[Resource], *kinds: str) -> dict[str, Resource]:
    """Resources of these kinds by name."""
    return {each["metadata"]["name"]: each for each in resources if each["kind"] in kinds}


def pods_of(resources: list[Resource]) -> dict[str, Resource]:
    """The spec of every workload's pods by the workload's name."""
    workloads = of_kind(resources, "Deployment", "StatefulSet", "Job")
    return {name: workload["spec"]["template"]["spec"] for name, workload in workloads.items()}
