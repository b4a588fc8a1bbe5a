"""gcloud's short names of OAuth scopes. A name with a slash in it is a scope already."""

from __future__ import annotations

from xpk.spec import gcloud_value as value

_AUTH = "https://www.googleapis.com/auth/"
_COMMON = ("devstorage.read_only", "logging.write", "service.management.readonly", "servicecontrol")
_SCOPES = {
    "bigquery": ("bigquery",),
    "cloud-platform": ("cloud-platform",),
    "cloud-source-repos": ("source.full_control",),
    "cloud-source-repos-ro": ("source.read_only",),
    "compute-ro": ("compute.readonly",),
    "compute-rw": ("compute",),
    "datastore": ("datastore",),
    "default": (*_COMMON, "monitoring.write", "pubsub", "trace.append"),
    "gke-default": (*_COMMON, "monitoring", "trace.append"),
    "logging-write": ("logging.write",),
    "monitoring": ("monitoring",),
    "monitoring-read": ("monitoring.read",),
    "monitoring-write": ("monitoring.write",),
    "pubsub": ("pubsub",),
    "service-control": ("servicecontrol",),
    "service-management": ("service.management.readonly",),
    "sql-admin": ("sqlservice.admin",),
    "storage-full": ("devstorage.full_control",),
    "storage-ro": ("devstorage.read_only",),
    "storage-rw": ("devstorage.read_write",),
    "taskqueue": ("taskqueue",),
    "trace": ("trace.append",),
    "userinfo-email": ("userinfo.email",),
}


def scopes(given: str) -> list[str]:
    """Scope URLs, sorted. `gke-default` and `default` stand for several (gcloud reference, `--scopes`).

    Raises `gcloud_value.BadValue` for a name that gcloud does not know.
    """
    found: set[str] = set()
    for word in value.words(given):
        if word.startswith("https://"):
            found.add(word)
        elif word in _SCOPES:
            found.update(_AUTH + scope for scope in _SCOPES[word])
        else:
            raise value.BadValue(f"{word!r} is neither a scope nor a short name of one", "cloud-platform")
    return sorted(found)
