"""Commands of Google's xpk that are not here: why, and what to use instead."""

from __future__ import annotations

_PATHWAYS = (
    "Pathways is not supported",
    "xpk cluster create and xpk workload create run JAX multislice jobs",
)
_GONE = ("removed from xpk in 1.0", "xpk workload create --command '...'")
_STORAGE = (
    "storage is attached to each workload, not to the cluster",
    "xpk workload create --mount gs://BUCKET/DIR=/PATH (checkpointing: xpk cluster create --enable-mtc)",
)

CLUSTER: dict[str, tuple[str, str]] = {
    "cacheimage": (
        "images are not preloaded onto hosts",
        "leave it out; --custom-cluster-arguments=--enable-image-streaming starts large images sooner",
    ),
    "create-pathways": _PATHWAYS,
    "create-ray": ("Ray is not supported", "xpk cluster create, then install KubeRay with kubectl"),
}
WORKLOAD: dict[str, tuple[str, str]] = {"create-pathways": _PATHWAYS}
ROOT: dict[str, tuple[str, str]] = {
    "storage": _STORAGE,
    "inspector": (
        "there is no dump of everything",
        "xpk workload describe --workload W --cluster C, and xpk cluster describe --cluster C",
    ),
    "info": ("queues are part of the cluster's description", "xpk cluster describe --cluster NAME"),
    "config": (
        "nothing is kept between runs; defaults are those of gcloud",
        "gcloud config set project P, gcloud config set compute/zone Z",
    ),
    "batch": _GONE,
    "run": _GONE,
    "shell": (_GONE[0], "kubectl exec -it POD -- bash"),
    "job": (_GONE[0], "xpk workload list --cluster NAME"),
    "kind": (_GONE[0], "xpk emulator serve --port 8085, or xpk rehearse"),
}
