"""Runs pods of a rendered overlay as containers, each as Kubernetes would start it; there is no cluster.

A container gets the pod's image, command, environment, user, read-only root, limits and volumes, and the names of its
services. What is not the same: network policies, scheduling, and what an autoscaler does.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import uuid
from pathlib import Path
from typing import Any

from tests.kubernetes.overlays import Resource, of_kind, pods_of
from tests.security.roles import NODE_ROLES, ROLES

_TIMEOUT_S = 600
_UNITS = {"Mi": 2**20, "Gi": 2**30}

_GET = """
import json, socket, sys, urllib.error, urllib.request
own = socket.gethostbyname(socket.gethostname())
url, headers, body = sys.argv[1].replace("//POD:", f"//{own}:"), json.loads(sys.argv[2]), sys.argv[3].encode() or None
try:
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
        status, text = answer.status, answer.read().decode()
except urllib.error.HTTPError as error:
    status, text = error.code, error.read().decode()
except OSError as error:
    status, text = 0, str(error)
print(json.dumps([status, text]))
"""


class PodContainers:
    """Containers of one overlay's pods, on a network of their own.

    Args:
        resources: of the overlay.
        images: image of an engine for each image that the pods name.
        folder: for the files of ConfigMaps.

    Attributes:
        pods: the spec of each pod by its workload.
        started: workloads, or pods of a workload with several, that are started.
    """

    def __init__(self, resources: list[Resource], images: dict[str, str], folder: Path) -> None:
        self.pods = pods_of(resources)
        self._workloads = of_kind(resources, "Deployment", "StatefulSet", "Job")
        self._services = of_kind(resources, "Service")
        self._configs = {name: each["data"] for name, each in of_kind(resources, "ConfigMap").items()}
        roles = (*ROLES, *NODE_ROLES)
        passwords = {f"REDIS_{role.upper()}_PASSWORD": secrets.token_hex(16) for role in roles}
        self._secrets = {"redis-passwords": passwords}
        self._images = images
        self._folder = folder
        self._name = f"tasador-pods-{uuid.uuid4().hex[:8]}"
        self._volumes: set[str] = set()
        self.started: set[str] = set()
        _docker("network", "create", self._name)

    def start(self, workload: str, number: int | None = None) -> None:
        """Start the pod of a workload, or of a stateful set the one of a number, which is then named with it."""
        pod = self.pods[workload]
        name = workload if number is None else f"{workload}-{number}"
        (container,) = pod["containers"]
        user = pod["securityContext"]
        limits = container["resources"]["limits"]
        command = container.get("command", [])
        variables = self._environment(container, name)
        _docker(
            *("run", "--detach", "--name", self._container(name), "--hostname", name, "--read-only"),
            *("--user", f"{user['runAsUser']}:{user['runAsGroup']}", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--network", self._name),
            *(word for alias in self._names(workload, name) for word in ("--network-alias", alias)),
            *("--memory", str(int(limits["memory"][:-2]) * _UNITS[limits["memory"][-2:]]), "--cpus", limits["cpu"]),
            *(word for name, value in variables.items() for word in ("--env", f"{name}={value}")),
            *(word for mount in container["volumeMounts"] for word in self._mount(pod, mount, name)),
            *(("--entrypoint", command[0]) if command else ()),
            *(
                self._images[container["image"]],
                *command[1:],
                *(_filled(word, variables) for word in container.get("args", ())),
            ),
        )
        self.started.add(name)

    def kill(self, workload: str) -> None:
        """Kill a pod's process and remove the pod; its volumes stay."""
        holder, image = f"{workload}-volumes", next(iter(self._images.values()))
        # they are in memory, which is freed when nobody has mounted it
        held = ("--volumes-from", self._container(workload), "--entrypoint", "sleep", image, "infinity")
        _docker("run", "--detach", "--name", self._container(holder), *held)
        self.started.add(holder)
        _docker("rm", "--force", self._container(workload))
        self.started.remove(workload)

    def stop(self, workload: str) -> None:
        """Stop a pod as Kubernetes does, and remove it."""
        _docker("stop", "--time", str(self.pods[workload]["terminationGracePeriodSeconds"]), self._container(workload))
        _docker("rm", self._container(workload))
        self.started.remove(workload)

    def run(self, workload: str, *command: str) -> str:
        """Run a command in a started pod; returns its standard output."""
        return _docker("exec", self._container(workload), *command)

    def get(self, workload: str, url: str, headers: dict[str, str] | None = None, body: str = "") -> tuple[int, str]:
        """Status and body of an answer to a request from within a pod; 0 if nothing answers."""
        status, text = json.loads(self.run(workload, "python3", "-c", _GET, url, json.dumps(headers or {}), body))
        return status, text

    def passes(self, workload: str, kind: str) -> bool:
        """Whether the pod passes one of its probes (`startup`, `liveness`, `readiness`)."""
        (container,) = self.pods[workload]["containers"]
        probe = container[f"{kind}Probe"]
        if "exec" in probe:
            done = subprocess.run(
                ["docker", "exec", self._container(workload), *probe["exec"]["command"]],
                capture_output=True,
                check=False,
            )
            return done.returncode == 0
        request = probe["httpGet"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        headers = {each["name"]: each["value"] for each in request.get("httpHeaders", ())}
        status, _ = self.get(workload, f"http://POD:{ports[request['port']]}{request['path']}", headers)
        return 200 <= status < 400

    def exit_code(self, workload: str) -> int | None:
        """With which code the pod's process has ended; None while it runs."""
        status, code = _docker(
            "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", self._container(workload)
        ).split()
        return int(code) if status == "exited" else None

    def wait_for_end(self, workload: str) -> int:
        """Wait until the pod's process has ended; returns its exit code."""
        return int(_docker("wait", self._container(workload)))

    def logs(self, workload: str) -> str:
        """What the pod has printed."""
        done = subprocess.run(
            ["docker", "logs", "--tail", "40", self._container(workload)], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    def close(self) -> None:
        """Remove containers, volumes and network."""
        containers = [self._container(workload) for workload in self.started]
        if containers:
            _docker("rm", "--force", "--volumes", *containers)
        if self._volumes:
            _docker("volume", "rm", *self._volumes)
        _docker("network", "rm", self._name)

    def _container(self, workload: str) -> str:
        return f"{self._name}-{workload}"

    def _names(self, workload: str, name: str) -> list[str]:
        """The names of the services that select the pod, short and long; a headless one gives the pod a name in it."""
        labels = self._workloads[workload]["spec"]["template"]["metadata"]["labels"]
        names = []
        for service in self._services.values():
            if service["spec"]["selector"].items() <= labels.items():
                own = f"{name}." if service["spec"].get("clusterIP") == "None" else ""
                short = own + service["metadata"]["name"]
                names += [short, f"{short}.{service['metadata']['namespace']}.svc.cluster.local"]
        return names

    def _environment(self, container: Any, name: str) -> dict[str, str]:
        variables: dict[str, str] = {}
        fields = {
            "metadata.name": name,
            "metadata.namespace": next(iter(self._services.values()))["metadata"]["namespace"],
        }
        for source in container.get("envFrom", ()):
            if "configMapRef" in source:
                variables |= self._configs[source["configMapRef"]["name"]]
            else:
                variables |= self._secrets[source["secretRef"]["name"]]
        for each in container.get("env", ()):
            if "value" in each:
                variables[each["name"]] = _filled(each["value"], variables)
            elif "fieldRef" in each["valueFrom"]:
                variables[each["name"]] = fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
            else:
                reference = each["valueFrom"]["secretKeyRef"]
                variables[each["name"]] = self._secrets[reference["name"]][reference["key"]]
        return variables

    def _mount(self, pod: Any, mount: Any, name: str) -> tuple[str, str]:
        """docker's option for a mount.

        A volume belongs to the pod's group, as `fsGroup` makes it. An empty folder belongs to its user: an engine
        gives it the mode of the image's folder, where Kubernetes lets everyone write.
        """
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        volume, path, group = volumes.get(mount["name"], {}), mount["mountPath"], pod["securityContext"]["fsGroup"]
        is_read_only = mount.get("readOnly") or volume.get("persistentVolumeClaim", {}).get("readOnly")
        if "emptyDir" in volume:
            return "--tmpfs", f"{path}:uid={pod['securityContext']['runAsUser']},gid={group}"
        if "configMap" in volume:
            return "--volume", f"{self._files(volume['configMap']['name'])}:{path}:ro"
        claim = volume.get("persistentVolumeClaim", {}).get("claimName", f"{mount['name']}-{name}")
        return "--volume", f"{self._volume(claim, group)}:{path}" + (":ro" if is_read_only else "")

    def _files(self, config: str) -> Path:
        folder = self._folder / config
        # written once: containers that are starting read it
        if not folder.exists():
            folder.mkdir(mode=0o755)
            for name, text in self._configs[config].items():
                (folder / name).write_text(text, encoding="utf-8")
        return folder

    def _volume(self, claim: str, group: int) -> str:
        name = f"{self._name}-{claim}"
        if name not in self._volumes:
            options = ("type=tmpfs", "device=tmpfs", f"o=gid={group},mode=2775")
            _docker("volume", "create", *(word for option in options for word in ("--opt", option)), name)
            self._volumes.add(name)
        return name


def _filled(text: str, variables: dict[str, str]) -> str:
    """The text with the values of variables, as Kubernetes fills them in."""
    return re.sub(r"\$\((\w+)\)", lambda name: variables[name[1]], text)


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout
