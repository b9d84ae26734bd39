"""The manifests of deploy/kubernetes: every overlay is valid, complete, without rights, and fits together."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from monitoring.monitor.scale import SCALE, Workload
from tests.kubernetes.overlays import FOLDER, OVERLAYS, Resource, of_kind, pods_of, render, render_overlay
from tests.kubernetes.strict import find_problems
from tests.security.roles import ROLES

ROOT = Path(__file__).parents[2]
PART_OF = "app.kubernetes.io/part-of"
NOT_IN_THE_CLUSTER = {"client", "prometheus", "alertmanager", "webhook", "grafana"}
"""Services of docker-compose.yml that a cluster has of its own, or that run in the clients' own pods."""


@pytest.fixture(scope="module")
def overlays() -> dict[str, list[Resource]]:
    return {name: render_overlay(name) for name in OVERLAYS}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_resource_has_only_fields_that_kubernetes_and_keda_know(
    overlays: dict[str, list[Resource]], overlay: str
) -> None:
    assert [problem for resource in overlays[overlay] for problem in find_problems(resource)] == []


def _misspell_probe(resources: list[Resource]) -> Resource:
    consumer = of_kind(resources, "Deployment")["consumer"]
    container = consumer["spec"]["template"]["spec"]["containers"][0]
    container["livenessProb"] = container.pop("livenessProbe")
    return consumer


def _misspell_policy(resources: list[Resource]) -> Resource:
    policy = of_kind(resources, "NetworkPolicy")["redis"]
    policy["spec"]["ingres"] = policy["spec"].pop("ingress")
    return policy


def _misspell_cooldown(resources: list[Resource]) -> Resource:
    scaled = of_kind(resources, "ScaledObject")["consumer"]
    scaled["spec"]["cooldownperiod"] = scaled["spec"].pop("cooldownPeriod")
    return scaled


def _misspell_trigger(resources: list[Resource]) -> Resource:
    scaled = of_kind(resources, "ScaledObject")["consumer"]
    scaled["spec"]["triggers"][0]["metaData"] = {}
    return scaled


def _drop_scale_target(resources: list[Resource]) -> Resource:
    scaled = of_kind(resources, "ScaledObject")["consumer"]
    del scaled["spec"]["scaleTargetRef"]
    return scaled


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_misspell_probe, "livenessProb"),
        (_misspell_policy, "ingres"),
        (_misspell_cooldown, "cooldownperiod"),
        (_misspell_trigger, "metaData"),
        (_drop_scale_target, "scaleTargetRef"),
    ],
)
def test_a_field_that_does_not_exist_or_is_missing_is_named(
    overlays: dict[str, list[Resource]], spoil: Callable[[list[Resource]], Resource], named: str
) -> None:
    assert any(named in problem for problem in find_problems(spoil(copy.deepcopy(overlays["one-redis"]))))


def test_every_service_of_the_compose_file_has_a_workload(overlays: dict[str, list[Resource]]) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    nodes = {name for name in services if re.fullmatch(r"redis-\d+", name)}
    expected = set(services) - NOT_IN_THE_CLUSTER - nodes - {"create-cluster"} | {"first-training"}
    assert set(pods_of(overlays["http"])) == set(pods_of(overlays["hpa"])) == expected
    assert set(pods_of(overlays["one-redis"])) == expected - {"gateway", "console"}
    assert set(pods_of(overlays["cluster"])) == expected | {"create-cluster"}
    # a node is a service of its own there, and a replica of one workload here; the first is the service redis
    replicas = of_kind(overlays["cluster"], "StatefulSet")["redis"]["spec"]["replicas"]
    assert nodes | {"redis-0"} == {f"redis-{number}" for number in range(replicas)}
    assert services["create-cluster"]["environment"]["NODES"].split() == sorted(nodes | {"redis-0"})


def test_the_cluster_of_the_compose_file_has_the_same_prefix(overlays: dict[str, list[Resource]]) -> None:
    lines = (ROOT / "deploy/cluster.env").read_text(encoding="utf-8").splitlines()
    variables = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    settings = next(each for name, each in of_kind(overlays["cluster"], "ConfigMap").items() if "settings" in name)
    assert variables["TASADOR_PREFIX"] == settings["data"]["TASADOR_PREFIX"]
    redis = pods_of(overlays["cluster"])["redis"]["containers"][0]
    assert {"name": "PREFIXES", "value": variables["PREFIXES"]} in redis["env"]


def test_overlays_differ_in_which_pods_they_have_alone(overlays: dict[str, list[Resource]]) -> None:
    # so that the containers of one overlay (tests/containers/pods.py) stand for all but the cluster's
    largest = pods_of(overlays["http"])
    for name in set(OVERLAYS) - {"cluster"}:
        assert pods_of(overlays[name]).items() <= largest.items()


def test_the_cluster_overlay_differs_in_redis_its_address_and_the_prefix_alone(
    overlays: dict[str, list[Resource]],
) -> None:
    one, many = pods_of(overlays["http"]), pods_of(overlays["cluster"])
    changed = set()
    for name in one.keys() - {"redis", "mlflow"}:
        before, after = (
            {each["name"]: each.get("value") for each in pods[name]["containers"][0].get("env", ())}
            for pods in (one, many)
        )
        changed |= {variable for variable in after if before[variable] != after[variable]}
        parts = urlsplit(after["TASADOR_REDIS_URL"])
        assert parts.scheme == "redis+cluster"
        assert parts.netloc.rpartition("@")[2] == ",".join(f"redis-{number}.redis-nodes:6379" for number in range(3))
    assert changed == {"TASADOR_REDIS_URL"}
    settings = next(each for name, each in of_kind(overlays["cluster"], "ConfigMap").items() if "settings" in name)
    assert settings["data"]["TASADOR_PREFIX"] == "{housing}"
    redis = {each["name"]: each.get("value") for each in many["redis"]["containers"][0]["env"]}
    assert redis["PREFIXES"].split()[0] == "{housing}"
    stateful = of_kind(overlays["cluster"], "StatefulSet")["redis"]["spec"]
    job = {each["name"]: each.get("value") for each in many["create-cluster"]["containers"][0]["env"]}
    nodes = [f"redis-{number}.{stateful['serviceName']}" for number in range(stateful["replicas"])]
    assert job["NODES"].split() == nodes


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_pod_has_rights_or_may_write_its_root(overlays: dict[str, list[Resource]], overlay: str) -> None:
    for name, pod in pods_of(overlays[overlay]).items():
        security = pod["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"] > 0) == (True, True), name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        # else a service's variables would be taken for settings
        assert pod["enableServiceLinks"] is False, name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}, name
            assert set(container["resources"]["limits"]) == {"cpu", "memory"}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_process_with_a_port_has_probes_on_it(overlays: dict[str, list[Resource]], overlay: str) -> None:
    probed = {}
    for name, pod in pods_of(overlays[overlay]).items():
        (container,) = pod["containers"]
        ports = {port["name"] for port in container.get("ports", ())}
        probes = [container.get(f"{kind}Probe") for kind in ("startup", "liveness", "readiness")]
        if ports:
            assert all(probes), name
            named = {probe["httpGet"]["port"] for probe in probes if "httpGet" in probe}
            assert named <= ports, name
        probed[name] = bool(ports)
    without = {name for name, has_port in probed.items() if not has_port} - {"create-cluster"}
    assert without == {"operator", "first-training"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_passwords_come_from_the_secret_that_the_script_makes(
    overlays: dict[str, list[Resource]], overlay: str
) -> None:
    assert not of_kind(overlays[overlay], "Secret")
    keys = {f"REDIS_{role.upper()}_PASSWORD" for role in ROLES}
    roles = {}
    for name, pod in pods_of(overlays[overlay]).items():
        variables = {each["name"]: each for each in pod["containers"][0].get("env", ())}
        if url := variables.get("TASADOR_REDIS_URL"):
            role = urlsplit(url["value"]).username or ""
            source = variables["REDIS_PASSWORD"]["valueFrom"]["secretKeyRef"]
            assert source == {"name": "redis-passwords", "key": f"REDIS_{role.upper()}_PASSWORD"}
            assert source["key"] in keys
            roles[name] = role
    assert roles.pop("first-training") == "trainer"
    assert all(name == role for name, role in roles.items())


@pytest.mark.parametrize("overlay", ["one-redis", "http", "cluster"])
def test_the_triggers_ask_the_monitor_for_what_it_serves(overlays: dict[str, list[Resource]], overlay: str) -> None:
    resources = overlays[overlay]
    monitor = of_kind(resources, "Service")["monitor"]
    for name, scaled in of_kind(resources, "ScaledObject").items():
        assert scaled["spec"]["scaleTargetRef"]["name"] == name in pods_of(resources)
        assert "replicas" not in of_kind(resources, "Deployment")[name]["spec"]
        (trigger,) = scaled["spec"]["triggers"]
        url = urlsplit(trigger["metadata"]["url"])
        assert url.hostname == f"monitor.{monitor['metadata']['namespace']}.svc.cluster.local"
        assert (url.port, url.path) == (monitor["spec"]["ports"][0]["port"], SCALE)
        assert trigger["metadata"]["valueLocation"] in Workload.model_fields
    assert monitor["spec"]["publishNotReadyAddresses"] is True


def test_consumers_go_to_zero_only_without_a_gateway(overlays: dict[str, list[Resource]]) -> None:
    fewest = {
        overlay: of_kind(resources, "ScaledObject", "HorizontalPodAutoscaler")["consumer"]["spec"]
        for overlay, resources in overlays.items()
    }
    assert fewest["one-redis"]["minReplicaCount"] == 0
    assert fewest["http"]["minReplicaCount"] == fewest["cluster"]["minReplicaCount"] == 1
    assert fewest["hpa"]["minReplicas"] == 1


def test_another_namespace_changes_the_address_of_the_trigger(tmp_path: Path) -> None:
    overlay = yaml.safe_load((FOLDER / "overlays/one-redis/kustomization.yaml").read_text(encoding="utf-8"))
    overlay["namespace"] = "elsewhere"
    # kustomize takes relative paths alone
    for field in ("resources", "components"):
        paths = [(FOLDER / "overlays/one-redis" / path).resolve() for path in overlay[field]]
        overlay[field] = [str(Path("../" * len(tmp_path.resolve().parts), str(path)[1:])) for path in paths]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    scaled = of_kind(render(tmp_path), "ScaledObject")["consumer"]
    assert urlsplit(scaled["spec"]["triggers"][0]["metadata"]["url"]).hostname == "monitor.elsewhere.svc.cluster.local"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_policies_budgets_and_services_select_pods_that_exist(
    overlays: dict[str, list[Resource]], overlay: str
) -> None:
    resources = overlays[overlay]
    workloads = of_kind(resources, "Deployment", "StatefulSet", "Job")
    labels = [workload["spec"]["template"]["metadata"]["labels"] for workload in workloads.values()]
    assert all(each[PART_OF] == "tasador" for each in labels)
    ports = {
        workload["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]: {
            port["name"]
            for container in workload["spec"]["template"]["spec"]["containers"]
            for port in container.get("ports", ())
        }
        for workload in workloads.values()
    }
    selected: dict[str, Any] = {}
    for kind in ("NetworkPolicy", "PodDisruptionBudget", "Service"):
        for name, resource in of_kind(resources, kind).items():
            spec = resource["spec"]
            selector = spec.get("podSelector") or spec["selector"]
            matches = {
                pod["app.kubernetes.io/name"]
                for pod in labels
                if _matches(selector.get("matchLabels", selector if kind == "Service" else {}), pod)
                and all(pod[each["key"]] in each["values"] for each in selector.get("matchExpressions", ()))
            }
            assert matches, f"{kind} {name}"
            selected[f"{kind} {name}"] = matches
            used = [port for rule in spec.get("ingress", ()) for port in rule.get("ports", ())]
            used += [{"port": port["targetPort"]} for port in spec["ports"]] if kind == "Service" else []
            assert all(port["port"] in ports[pod] for port in used for pod in matches), f"{kind} {name}"
    # nothing may be reached but what a policy names
    assert selected["NetworkPolicy default"] == set(ports)
    default = of_kind(resources, "NetworkPolicy")["default"]["spec"]
    assert (default["policyTypes"], "ingress" in default) == (["Ingress", "Egress"], False)


def _matches(wanted: dict[str, str], labels: dict[str, str]) -> bool:
    return wanted.items() <= labels.items()


def test_the_page_names_every_overlay_and_component() -> None:
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    folders = {path.parent.name for path in FOLDER.rglob("kustomization.yaml")}
    assert folders - set(re.findall(r"`(?:overlays/)?([\w-]+)`", page)) == set()
