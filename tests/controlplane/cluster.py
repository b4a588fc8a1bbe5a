"""A real Kubernetes control plane with JobSet, Kueue and simulated nodes, as child processes on loopback."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from tests.controlplane import components, manifests, nodes, standins
from tests.controlplane.api import Api, Json, Refused
from tests.controlplane.build import Build
from tests.controlplane.components import SERVICE_ACCOUNTS, Files, Ports, User
from tests.controlplane.pki import make_pki
from tests.controlplane.processes import Deadline, Died, Folder, Process, free_ports

_READY_SECONDS = 90.0
_MORE_USERS = 200
_GARBAGE = {"GOGC": "300", "GOMEMLIMIT": "700MiB"}
"""Collected less often than by default, as long as there is little: a sixth of kube-apiserver's time."""


class ControlPlane:
    """etcd, the three parts of Kubernetes, JobSet, Kueue and KWOK; two CPU nodes; MTC's stand-ins.

    `token` is that of a member of system:masters. `start` returns when all answer and must be called
    from a thread that lives as long as this is used. Raises `processes.Died` where a part does not start.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._folder = Folder("xpk-controlplane-")
        self._processes: dict[str, Process] = {}
        self._namespaces = itertools.count(1)
        self._lock = threading.Lock()
        self.start_seconds = 0.0
        ports = Ports(*free_ports(8))
        self._files = Files(self._folder.path, build, make_pki(), ports)
        self._admin = _user("admin", "system:masters")
        self._users = [_user(f"user-{number}@example.com") for number in range(_MORE_USERS)]
        self.api = Api(ports.api, self._admin.token, self.ca_pem)

    @property
    def url(self) -> str:
        """Where the API server answers."""
        return f"https://127.0.0.1:{self._files.ports.api}"

    @property
    def token(self) -> str:
        """The administrator's bearer token."""
        return self._admin.token

    @property
    def ca_pem(self) -> str:
        """The certificate that signs the API server's."""
        return self._files.pki.ca.decode()

    @property
    def pids(self) -> dict[str, int]:
        """The process of each part."""
        return {name: process.pid for name, process in self._processes.items()}

    def start(self) -> None:
        """Start all parts and wait until each is ready."""
        began = time.monotonic()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.monotonic() - began

    def stop(self) -> None:
        """End all parts and remove everything that they wrote."""
        self.api.close()
        for process in self._processes.values():
            process.stop()
        self._processes.clear()
        self._folder.remove()

    def new_user(self) -> User:
        """Someone who may do nothing yet beyond what every user may (RBAC's own defaults)."""
        with self._lock:
            return self._users.pop()

    def new_namespace(self, name: str = "test") -> str:
        """A fresh namespace with its default ServiceAccount."""
        with self._lock:
            full = f"{name}-{next(self._namespaces)}"
        self.has_namespace(full)
        return full

    def has_namespace(self, name: str) -> None:
        """Make sure that a namespace exists, with its default ServiceAccount."""
        if self.api.get(f"/api/v1/namespaces/{name}") is None:
            manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.api.request("POST", "/api/v1/namespaces", manifest)
        self.wait(lambda: self._has_default_account(name), f"the ServiceAccount of {name}")

    def kubeconfig(self, user: User | None = None) -> str:
        """The path of a kubeconfig for kubectl."""
        user = user or self._admin
        return components.write_kubeconfig(self._files, user.name.partition("@")[0], user)

    def release(self, component: str) -> str:
        """The release file of jobset or kueue as one would fetch it, with webhooks that answer here."""
        ports = self._files.ports
        port = ports.jobset_webhook if component == "jobset" else ports.kueue_webhook
        return manifests.release_file(self._build.objects(component), component, port, self._files.pki)

    def log(self, name: str, lines: int = 50) -> str:
        """The last lines of what a part said."""
        return self._processes[name].tail(lines)

    def wait(self, done: Callable[[], bool], what: str, seconds: float = _READY_SECONDS) -> None:
        """Wait until something is so. Raises Died with `what` when a part ended or the time is over."""
        deadline = Deadline(seconds)
        while not done():
            for process in self._processes.values():
                process.check()
            if not deadline.pause():
                raise Died(f"{what}: not so after {seconds:.0f} seconds")

    def _start(self) -> None:
        files, controllers = self._files, {n: _service_account(*a) for n, a in SERVICE_ACCOUNTS.items()}
        system = {name: _user(f"system:kube-{name}") for name in ("controller-manager", "scheduler")}
        components.write_common(files, [self._admin, *self._users, *system.values(), *controllers.values()])
        users = {**controllers, **system, "kwok": self._admin}
        configs = {name: components.write_kubeconfig(files, name, user) for name, user in users.items()}
        self._run("etcd", components.etcd(files))
        self._run("kube-apiserver", components.api_server(files))
        self.wait(self._api_ready, "kube-apiserver")
        self._run(
            "kube-controller-manager", components.controller_manager(files, configs["controller-manager"])
        )
        self._run("kube-scheduler", components.scheduler(files, configs["scheduler"]))
        self._run("kwok", components.kwok(files, configs["kwok"], nodes.stages()))
        self._install()
        self._run("jobset", components.jobset(files, configs["jobset"]))
        self._run("kueue", components.kueue(files, configs["kueue"]))
        nodes.add_nodes(self.api, nodes.cpu_nodes())
        for part, port in (("jobset", files.ports.jobset_health), ("kueue", files.ports.kueue_health)):
            self.wait(lambda port=port: _answers(f"http://127.0.0.1:{port}/readyz"), part)  # type: ignore[misc]
        self.wait(lambda: self._has_default_account("default"), "the default ServiceAccount")
        self.wait(self._nodes_ready, "nodes")

    def _install(self) -> None:
        ports, pki = self._files.ports, self._files.pki
        installed = [
            *manifests.adapted(self._build.objects("jobset"), ports.jobset_webhook, pki),
            *manifests.adapted(self._build.objects("kueue"), ports.kueue_webhook, pki),
            *standins.objects(),
        ]
        # Webhooks last: they would refuse what is created while their controllers do not run yet.
        installed.sort(key=lambda item: item["kind"].endswith("WebhookConfiguration"))
        manifests.install(self.api, installed)
        self.wait(lambda: manifests.served(self.api, installed), "the kinds of JobSet, Kueue and MTC")

    def _run(self, name: str, words: list[str]) -> None:
        folder = str(self._folder.path)
        env = {"HOME": folder, "TMPDIR": folder, "PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1", **_GARBAGE}
        self._processes[name] = Process(name, words, self._folder.path, env)

    def _api_ready(self) -> bool:
        try:
            self.api.request("GET", "/readyz")
        except (OSError, Refused):
            return False
        return True

    def _has_default_account(self, namespace: str) -> bool:
        return self.api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default") is not None

    def _nodes_ready(self) -> bool:
        return all(is_ready(item) for item in self.api.items("/api/v1/nodes"))


def is_ready(node: Json) -> bool:
    """Whether a node is Ready."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _user(name: str, *groups: str) -> User:
    return User(name, secrets.token_urlsafe(24), groups)


def _service_account(namespace: str, name: str) -> User:
    """A controller with the rights of its own release, as it has them in a cluster."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return _user(f"system:serviceaccount:{namespace}:{name}", *groups)


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
