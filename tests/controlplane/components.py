"""The command line and the files of every part: etcd, the control plane, JobSet, Kueue, KWOK.

Only words and files; starting them is `cluster.py`'s matter. JSON is written where YAML is read.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.controlplane import manifests
from tests.controlplane.build import Build
from tests.controlplane.pki import Pki

Json = dict[str, Any]
SERVICE_ACCOUNTS = {
    "jobset": ("jobset-system", "jobset-controller-manager"),
    "kueue": ("kueue-system", "kueue-controller-manager"),
}
KUBELET, AGENT = "test.example.com/kubelet", "agent"
"""Label of a node, and its value where a test runs an agent of its own for the node."""
_CLIENT = {"qps": 500, "burst": 1000}


@dataclass(frozen=True, slots=True)
class User:
    """Someone with a bearer token."""

    name: str
    token: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of 127.0.0.1."""

    etcd: int
    etcd_peer: int
    api: int
    jobset_webhook: int
    jobset_health: int
    kueue_webhook: int
    kueue_health: int
    kwok: int


@dataclass(frozen=True, slots=True)
class Files:
    """The folder of a run, with what every part reads."""

    folder: Path
    build: Build
    pki: Pki
    ports: Ports

    def path(self, name: str) -> str:
        """The path of a file of the run."""
        return str(self.folder / name)

    def write(self, name: str, content: bytes | str) -> str:
        """Write one file, readable by this user alone."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o600)
        return str(path)


def write_common(files: Files, users: Sequence[User]) -> None:
    """Certificates, tokens, and one kubeconfig a part."""
    pki = files.pki
    files.write("ca.crt", pki.ca)
    files.write("tls.crt", pki.certificate)
    files.write("tls.key", pki.key)
    files.write("sa.key", pki.signing_key)
    files.write("sa.pub", pki.signing_public)
    lines = [f'{u.token},{u.name},{u.name},"{",".join(u.groups)}"' for u in users]
    files.write("tokens.csv", "\n".join(lines) + "\n")
    for component in ("jobset", "kueue"):
        for name, data in manifests.webhook_files(pki):
            files.write(f"{component}-certs/{name}", data)


def write_kubeconfig(files: Files, name: str, user: User) -> str:
    """A kubeconfig of one user."""
    cluster = {
        "server": f"https://127.0.0.1:{files.ports.api}",
        "certificate-authority-data": base64.b64encode(files.pki.ca).decode(),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": user.token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    return files.write(f"{name}.kubeconfig", json.dumps(config))


def etcd(files: Files) -> list[str]:
    """etcd without fsync, as only this run reads it."""
    client, peer = (f"http://127.0.0.1:{port}" for port in (files.ports.etcd, files.ports.etcd_peer))
    return [
        str(files.build.program("testcluster")),
        "etcd",
        "--unsafe-no-fsync",
        f"--data-dir={files.path('etcd')}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--log-level=warn",
    ]


def api_server(files: Files) -> list[str]:
    """kube-apiserver with RBAC, its admission plugins as by default, static tokens."""
    return [
        str(files.build.program("testcluster")),
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{files.ports.etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--secure-port={files.ports.api}",
        f"--tls-cert-file={files.path('tls.crt')}",
        f"--tls-private-key-file={files.path('tls.key')}",
        f"--token-auth-file={files.path('tokens.csv')}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={files.path('sa.pub')}",
        f"--service-account-signing-key-file={files.path('sa.key')}",
        "--allow-privileged=true",
        "--profiling=false",
        "--enable-priority-and-fairness=false",
    ]


def controller_manager(files: Files, kubeconfig: str) -> list[str]:
    """kube-controller-manager with its controllers as by default.

    But for one thing: a host that beats late on a busy machine is not taken for a broken one. Its pods would
    be marked as not ready, and no kubelet would ever take that back. Hosts that vanish are seen all the same.
    """
    return [
        str(files.build.program("testcluster")),
        "kube-controller-manager",
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={files.path('sa.key')}",
        f"--root-ca-file={files.path('ca.crt')}",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--node-monitor-grace-period=1h",
    ]


def scheduler(files: Files, kubeconfig: str) -> list[str]:
    """kube-scheduler with its default profile."""
    config = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": kubeconfig, **_CLIENT},
        "leaderElection": {"leaderElect": False},
    }
    path = files.write("scheduler.yaml", json.dumps(config))
    return [str(files.build.program("testcluster")), "kube-scheduler", f"--config={path}", "--secure-port=0"]


def jobset(files: Files, kubeconfig: str) -> list[str]:
    """JobSet's controller with the configuration of its release, on loopback ports.

    Its own certificate management waits for a Secret that a kubelet mounts, so it is off.
    """
    config = _released(files, "jobset", "jobset-manager-config")
    config |= _on_loopback(files, "jobset", files.ports.jobset_webhook, files.ports.jobset_health)
    config["internalCertManagement"] = {"enable": False}
    path = files.write("jobset.yaml", json.dumps(config))
    return [str(files.build.program("jobset")), f"--config={path}", f"--kubeconfig={kubeconfig}"]


def kueue(files: Files, kubeconfig: str) -> list[str]:
    """Kueue's controller with the configuration of its release, on loopback ports.

    Its certificate management stays on (off, it wants files in a fixed system folder), and finds
    what it needs in place. The server for pending workloads is off: it has a fixed port and folder.
    """
    config = _released(files, "kueue", "kueue-manager-config")
    config |= _on_loopback(files, "kueue", files.ports.kueue_webhook, files.ports.kueue_health)
    config["internalCertManagement"] = {
        "enable": True,
        "webhookServiceName": "kueue-webhook-service",
        "webhookSecretName": "kueue-webhook-server-cert",
    }
    config["featureGates"] = {**config.get("featureGates", {}), "VisibilityOnDemand": False}
    path = files.write("kueue.yaml", json.dumps(config))
    return [str(files.build.program("kueue")), f"--config={path}", f"--kubeconfig={kubeconfig}"]


def kwok(files: Files, kubeconfig: str, stages: Sequence[Json]) -> list[str]:
    """KWOK as the kubelet of every node, but for those that say they have an agent."""
    config: Json = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": {
            "manageAllNodes": False,
            "manageNodesWithLabelSelector": f"{KUBELET}!={AGENT}",
            "nodeLeaseDurationSeconds": 40,
            "nodeLeaseParallelism": 4,
            "nodePlayStageParallelism": 8,
            "podPlayStageParallelism": 16,
            "serverAddress": f"127.0.0.1:{files.ports.kwok}",
        },
    }
    path = files.write("kwok.yaml", "\n---\n".join(json.dumps(document) for document in (config, *stages)))
    released = [str(files.build.stage(name)) for name in ("node-initialize", "pod-ready")]
    configs = [f"--config={name}" for name in (path, *released)]
    return [str(files.build.program("kwok")), f"--kubeconfig={kubeconfig}", *configs]


def _released(files: Files, component: str, config_map: str) -> Json:
    config: Json = yaml.safe_load(manifests.configuration(files.build.objects(component), config_map))
    return config


def _on_loopback(files: Files, component: str, webhook: int, health: int) -> Json:
    return {
        "leaderElection": {"leaderElect": False},
        "webhook": {"host": "127.0.0.1", "port": webhook, "certDir": files.path(f"{component}-certs")},
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": f"127.0.0.1:{health}"},
    }
