"""Names of clusters and workloads, checked by the lengths of all that is derived from them.

GKE and JobSet refuse a derived name that is too long, but only after minutes: the pool after
the cluster exists, the pods after the JobSet is admitted. So the longest is computed here.
"""

from __future__ import annotations

import re
from typing import Final

from xpk.errors import Fault, UsageError

REPLICATED_JOB: Final = "slice-job"
"""The name of the one replicated job of a workload, as xpk has it."""

_CLUSTER_LIMIT: Final = 40  # Cluster.name and NodePool.name of GKE's API
_POD_LIMIT: Final = 63
_POD_SUFFIX: Final = "-abcde"  # the five letters that Job adds; JobSet's webhook computes with these


def node_pool_name(cluster: str, index: int) -> str:
    """The name of the pool of slice `index`."""
    return f"{cluster}-np-{index}"


def longest_cluster_name(num_slices: int) -> int:
    """How long a cluster's name may be so that its last pool's name fits 40 characters."""
    return _CLUSTER_LIMIT - len(node_pool_name("", max(num_slices, 1) - 1))


def longest_workload_name(num_slices: int, hosts: int) -> int:
    """How long a workload's name may be so that its last pod's name fits 63 characters.

    JobSet's rule (pkg/webhooks/jobset_webhook.go): `<workload>-slice-job-<slice>-<host>-abcde`.
    """
    return _POD_LIMIT - len(_last_pod("", num_slices, hosts))


def _last_pod(workload: str, num_slices: int, hosts: int) -> str:
    return f"{workload}-{REPLICATED_JOB}-{max(num_slices, 1) - 1}-{max(hosts, 1) - 1}{_POD_SUFFIX}"


def check_cluster_name(name: str, num_slices: int, flag: str = "--cluster") -> None:
    """Raise `UsageError` if GKE would refuse the cluster or any of its pools by name.

    No slices: the cluster is there, and its pools have names of their own.
    """
    if num_slices < 1:
        _check(name, flag, _CLUSTER_LIMIT, f"GKE takes {_CLUSTER_LIMIT}")
        return
    limit = longest_cluster_name(num_slices)
    last = node_pool_name(name, max(num_slices, 1) - 1)
    derived = f"its last pool, {last}, has {len(last)} and GKE takes {_CLUSTER_LIMIT}"
    _check(name, flag, limit, derived)


def check_workload_name(name: str, num_slices: int, hosts: int, flag: str = "--workload") -> None:
    """Raise `UsageError` if JobSet would refuse the workload by name. `hosts` is that of one slice."""
    limit = longest_workload_name(num_slices, hosts)
    last = _last_pod(name, num_slices, hosts)
    _check(name, flag, limit, f"its last pod, {last}, has {len(last)} and JobSet takes {_POD_LIMIT}")


def _check(name: str, flag: str, limit: int, derived: str) -> None:
    what = f"{flag} {name or repr('')}"
    if not re.fullmatch(r"[a-z](?:[-a-z0-9]*[a-z0-9])?", name, re.ASCII):
        why = "a name has only a-z, 0-9 and -, starts with a letter and does not end with -"
        raise UsageError(Fault(what, why, f"write {flag} {_legal_name(name, limit)}"))
    if len(name) > limit:
        why = f"{len(name)} characters, at most {limit} fit here: {derived}"
        raise UsageError(Fault(what, why, f"write {flag} {_legal_name(name, limit)}"))


def _legal_name(name: str, limit: int) -> str:
    """The nearest legal name: what a person would type next."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower())
    return re.sub(r"^[^a-z]+", "", text)[:limit].rstrip("-") or "train-1"
