"""Whether the webhooks that are installed for a write answer.

A webhook configuration names a Service; it answers once a Deployment of the Service's namespace that the
Service selects is Available. Until then the API server fails the request, as a real one does.
"""

from __future__ import annotations

from typing import Any, Literal

from xpk.emulator.kubernetes.admission.review import Review
from xpk.emulator.kubernetes.cluster import Cluster, holds
from xpk.emulator.kubernetes.errors import ApiError
from xpk.emulator.kubernetes.selectors import matches

Json = dict[str, Any]


def reach(review: Review, phase: Literal["mutating", "validating"], obj: Json) -> None:
    """Raises 500 when a webhook for this write does not answer and must not be passed over."""
    resource = f"{phase}webhookconfigurations.admissionregistration.k8s.io"
    for configuration in review.cluster.store.each(resource):
        for webhook in configuration.get("webhooks") or ():
            if _concerns(webhook, review, obj) and not _answers(review.cluster, webhook):
                service = webhook["clientConfig"]["service"]
                where = f"{service['name']}.{service['namespace']}.svc:{service.get('port', 443)}"
                url = (
                    f"https://{where}{service.get('path', '/')}?timeout={webhook.get('timeoutSeconds', 10)}s"
                )
                raise ApiError(
                    500,
                    "InternalError",
                    f'Internal error occurred: failed calling webhook "{webhook["name"]}": failed to '
                    "call webhook: "
                    f'Post "{url}": {_silence(review.cluster, service)}',
                )


def _silence(cluster: Cluster, service: Json) -> str:
    if cluster.store.find("services", service["namespace"], service["name"]) is None:
        return f'service "{service["name"]}" not found'
    return f'no endpoints available for service "{service["name"]}"'


def _concerns(webhook: Json, review: Review, obj: Json) -> bool:
    if webhook.get("failurePolicy", "Fail") != "Fail" or "service" not in webhook.get("clientConfig", {}):
        return False
    meta = obj["metadata"]
    if not matches(webhook.get("objectSelector") or {}, meta.get("labels") or {}):
        return False
    if review.kind.namespaced:
        space = review.cluster.store.find("namespaces", "", meta["namespace"]) or {"metadata": {}}
        if not matches(webhook.get("namespaceSelector") or {}, space["metadata"].get("labels") or {}):
            return False
    return any(
        _listed(rule.get("apiGroups"), review.kind.group)
        and _listed(rule.get("resources"), review.kind.plural)
        and _listed(rule.get("operations"), review.operation)
        for rule in webhook.get("rules") or ()
    )


def _listed(choices: list[str] | None, value: str) -> bool:
    return "*" in (choices or ()) or value in (choices or ())


def _answers(cluster: Cluster, webhook: Json) -> bool:
    reference = webhook["clientConfig"]["service"]
    service = cluster.store.find("services", reference["namespace"], reference["name"])
    if service is None:
        return False
    selector = {"matchLabels": service["spec"].get("selector") or {}}
    return any(
        holds(deployment, "Available")
        and matches(selector, deployment["spec"]["template"].get("metadata", {}).get("labels") or {})
        for deployment in cluster.store.each("deployments.apps", reference["namespace"])
    )
