"""The names of a JobSet's pods, as a cluster's DNS would know them: lines for the pods' /etc/hosts.

JobSet's headless Service gives each pod `<job>-<index>.<subdomain>`, and GKE's TPU_WORKER_HOSTNAMES and
MEGASCALE_COORDINATOR_ADDRESS are such names. A kubelet writes a pod's /etc/hosts; here it is the place
of the DNS server that a rehearsal does not have.
"""

from __future__ import annotations

from typing import Any

from xpk.rehearsal.agent import injected

Json = dict[str, Any]


def hosts_lines(pod: Json, hosts: int, address: str) -> list[str]:
    """Lines that give all pods of the pod's JobSet the one address; none for a pod of no JobSet.

    `hosts`: pods of each Job. Then the pod's own hostAliases.
    """
    jobset = injected.label(pod, "jobset.sigs.k8s.io/jobset-name")
    group = injected.label(pod, "jobset.sigs.k8s.io/replicatedjob-name")
    jobs = injected.number(pod, "jobset.sigs.k8s.io/replicatedjob-replicas") or 0
    namespace = pod["metadata"].get("namespace", "default")
    domain = pod["spec"].get("subdomain")
    lines = []
    for job in range(jobs if domain and jobset and group else 0):
        for index in range(hosts):
            name = f"{jobset}-{group}-{job}-{index}.{domain}"
            full = f"{name}.{namespace}.svc.cluster.local"
            lines.append(f"{address}\t{full}\t{name}.{namespace}.svc\t{name}.{namespace}\t{name}")
    for alias in pod["spec"].get("hostAliases") or ():
        lines.append("\t".join([str(alias["ip"]), *map(str, alias.get("hostnames") or ())]))
    return lines
