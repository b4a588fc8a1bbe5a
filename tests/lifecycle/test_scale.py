"""Requests against the number of slices, workloads and pods: counted on the emulator, never in seconds.

The figures for 256 slices of 64 hosts and 1,000 pools are in `tests/bench/scale.py`, which takes minutes.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from xpk.cloud.endpoints import emulated
from xpk.cloud.retry import Retrier
from xpk.cloud.session import Cloud
from xpk.emulator.http import Request
from xpk.emulator.server import Emulator
from xpk.engine import slim
from xpk.engine.apply import apply
from xpk.engine.clusters import describe_cluster, list_clusters
from xpk.engine.kube_reads import JOBSET_API, KUEUE, NODES, POOL_LABEL, mounting, running_by_pool, work_pods
from xpk.engine.observe import observe_cluster
from xpk.engine.pods import JOBSET_LABEL
from xpk.engine.pool_status import pools_of
from xpk.engine.slice_status import slices_of
from xpk.engine.workload_description import describe_workload
from xpk.engine.workloads import assemble, list_workloads
from xpk.plan.cluster import plan_cluster

Json = dict[str, Any]
FULL_NAME = "projects/my-project/locations/us-east5/clusters/c1"
PAGE = 500
REPEATED = re.compile(r"/(operations|deployments/[^/]+|daemonsets|events|customresourcedefinitions/[^/]+)$")
"""Reads while something is waited for: as many as that takes, not as many as there are slices."""
COUNTED = re.compile(r"/(clusterqueues/cluster-queue|configmaps/c1-resources-configmap)$")
"""Written again as more slices are up, at most once a second."""


RUNNING = "status.phase=Running"


class Site:
    """One emulated Google Cloud at once, and the requests that it has seen."""

    def __init__(self, emulator: Emulator, cloud: Cloud, spec: Any) -> None:
        self.emulator, self.cloud, self._spec = emulator, cloud, spec

    def create(self, slices: int) -> None:
        spec = self._spec(slices)
        plan = plan_cluster(spec, observe_cluster(self.cloud, spec))
        apply(plan, self.cloud, FULL_NAME, on_event=lambda event: None)

    def requests(self) -> Counter[str]:
        """Since the last time, by method and path, but for polls."""
        seen = [f"{r['method']} {r['path']}" for r in self.emulator.cloud.requests]
        self.emulator.cloud.requests.clear()
        return Counter(line for line in seen if not REPEATED.search(line) and not COUNTED.search(line))

    def fill(self, jobsets: list[Json]) -> None:
        """Many at one moment: the emulator's controllers look at all of them once, and not after each."""
        with self.emulator.cloud.lock:
            (world,) = self.emulator.cloud.store.worlds.values()
            for body in jobsets:
                path, kind = f"{JOBSET_API}/namespaces/default/jobsets", {"Content-Type": "application/json"}
                assert (
                    world.handle(Request.parse("POST", path, kind, json.dumps(body).encode())).status == 201
                )

    def wait_for(self, true: Callable[[], bool]) -> None:
        """Look again and again, for two minutes at most: emulated seconds pass meanwhile."""
        end = time.monotonic() + 120
        while not true():
            assert time.monotonic() < end

    @property
    def kube(self) -> Any:
        found = self.cloud.gke.get_cluster(FULL_NAME)
        assert found is not None
        return self.cloud.kube(FULL_NAME, found)


@pytest.fixture
def site(spec: Any) -> Iterator[Site]:
    with Emulator(time_scale=0.0003) as emulator:
        retrier = Retrier(sleep=lambda seconds: None)
        with Cloud(emulated(emulator.url), environ={}, retrier=retrier) as cloud:
            yield Site(emulator, cloud, spec)


def test_a_slice_costs_one_request_to_create_and_none_to_look_at(site: Site, spec: Any) -> None:
    seen: dict[int, tuple[Counter[str], Counter[str], Counter[str]]] = {}
    for slices in (3, 9):
        site.create(slices)
        created = site.requests()
        assert plan_cluster(spec(slices), observe_cluster(site.cloud, spec(slices))).empty
        again = site.requests()
        place = spec().place
        assert len(describe_cluster(site.cloud, place, "c1").pools) == slices + 1
        assert [c.hosts for c in list_clusters(site.cloud, place.project)] == [4 * slices]
        seen[slices] = created, again, site.requests()
    pools = f"POST /v1/{FULL_NAME}/nodePools"
    assert (seen[3][0][pools], seen[9][0][pools]) == (3, 6)
    assert seen[3][1:] == seen[9][1:]
    assert max(seen[9][1].values()) == 1


def jobset(name: str, hosts: int = 1) -> Json:
    """One slice of the queue; most of many wait."""
    container = {"name": "c", "image": "i", "resources": {"limits": {"google.com/tpu": 4}}}
    selector = {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
        "cloud.google.com/gke-tpu-topology": "4x4",
    }
    pod = {"restartPolicy": "Never", "nodeSelector": selector, "containers": [container]}
    job = {"parallelism": hosts, "completions": hosts, "backoffLimit": 0, "template": {"spec": pod}}
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"kueue.x-k8s.io/queue-name": "multislice-queue"},
        },
        "spec": {"replicatedJobs": [{"name": "slice-job", "replicas": 1, "template": {"spec": job}}]},
    }


def test_a_thousand_workloads_are_a_page_or_two_of_each_list(site: Site, spec: Any) -> None:
    site.create(2)
    place, total = spec().place, 1000
    site.fill([jobset(f"w{number}") for number in range(total)])
    site.requests()
    found = list_workloads(site.cloud, place, "c1")
    listed = site.requests()
    assert len(found) == total
    assert {status.state.value for status in found} == {"Queued", "Running"}
    pages = total // PAGE
    base = f"GET /kubernetes/{FULL_NAME}"
    assert listed == {
        f"GET /v1/{FULL_NAME}": 1,
        f"{base}{JOBSET_API}/jobsets": pages,
        f"{base}{KUEUE}/workloads": pages,
        f"{base}{KUEUE}/localqueues": 1,
        f"{base}/api/v1/pods": 1,
    }
    describe_workload(site.cloud, place, "c1", "w7")
    assert max(site.requests().values()) == pages
    assert len(describe_cluster(site.cloud, place, "c1").workloads) == total
    described = site.requests()
    assert {line for line, count in described.items() if count > 1} == {
        f"{base}{JOBSET_API}/jobsets",
        f"{base}{KUEUE}/workloads",
        f"{base}/api/v1/pods",  # what runs on the pools, and what the workloads have
    }
    assert sum(described.values()) < 20


def test_what_is_dropped_of_each_object_is_missed_by_nobody(site: Site, spec: Any) -> None:
    """What is said of a cluster from the slim lists is what would be said from the whole ones."""
    site.create(2)
    kube = site.kube
    for number in range(4):
        kube.create(jobset(f"w{number}", hosts=4))
    site.wait_for(
        lambda: len(kube.list("/api/v1/pods", field_selector=RUNNING, label_selector=JOBSET_LABEL)) == 8
    )
    (failed, *_) = [p["metadata"]["name"] for p in kube.list("/api/v1/pods", label_selector=JOBSET_LABEL)]
    with site.emulator.cloud.lock:
        (world,) = site.emulator.cloud.store.worlds.values()
        world.exit_pod("default", failed, 137)
    site.wait_for(
        lambda: any(s.state.value == "Failed" for s in list_workloads(site.cloud, spec().place, "c1"))
    )
    lists = {
        f"{JOBSET_API}/jobsets": slim.jobset,
        f"{KUEUE}/workloads": slim.queued,
        "/api/v1/pods": slim.pod,
        NODES: slim.host,
    }
    whole = [kube.list(path) for path in lists]
    thin = [kube.list(path, keep=keep) for path, keep in lists.items()]
    queues = kube.list(f"{KUEUE}/localqueues")
    said = [[f.status for f in assemble(jobs, work, pods, queues)] for jobs, work, pods, _ in (whole, thin)]
    assert said[0] == said[1]
    assert {status.state.value for status in said[0]} == {"Queued", "Running", "Failed"}
    for one in whole[0]:
        mine = [[p for p in pods if p["metadata"]["labels"].get(JOBSET_LABEL) == one["metadata"]["name"]]
                for pods in (whole[2], thin[2])]  # fmt: skip
        assert slices_of(one, mine[0], whole[3], alive=True) == slices_of(one, mine[1], thin[3], alive=True)
    cluster = site.cloud.gke.get_cluster(FULL_NAME)
    assert cluster is not None
    assert pools_of(cluster, whole[3]) == pools_of(cluster, thin[3])


def test_pods_of_daemon_sets_are_not_even_sent(site: Site) -> None:
    site.create(2)
    kube = site.kube
    kube.create(jobset("w1", hosts=4))
    site.wait_for(lambda: len(work_pods(kube, "status.phase=Running")) == 4)
    everything = kube.list("/api/v1/pods", field_selector="status.phase=Running")
    assert any(o["kind"] == "DaemonSet" for p in everything for o in p["metadata"].get("ownerReferences", []))
    work = work_pods(kube, "status.phase=Running")
    assert {p["metadata"]["labels"].get(JOBSET_LABEL) for p in work} == {"w1"}
    nodes = kube.list(NODES, label_selector=POOL_LABEL)
    assert running_by_pool(nodes, work) == running_by_pool(nodes, everything)
    assert mounting(work) == mounting([p for p in everything if JOBSET_LABEL in p["metadata"]["labels"]])


def test_metadata_alone_is_asked_of_the_hosts(site: Site) -> None:
    site.create(2)
    hosts = site.kube.list(NODES, label_selector=slim.ACCELERATOR, metadata_only=True)
    assert len(hosts) == 8
    assert all(set(host) == {"apiVersion", "kind", "metadata"} for host in hosts)
    assert {host["metadata"]["labels"][POOL_LABEL] for host in hosts} == {"c1-np-0", "c1-np-1"}
