"""What the API server says to a controller that Google's xpk installed and that a newer release replaces."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adoption.made import Made
from tests.adoption.objects import jobset_selector, queues
from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
from xpk.catalog.versions import JOBSET
from xpk.cloud.errors import FieldConflict
from xpk.cloud.kube import Kube
from xpk.errors import XpkError
from xpk.plan.compare import differences
from xpk.plan.observed import ReleaseFile
from xpk.plan.releases import controller_resources, sized
from xpk.render.cluster import QueuesView, Quota
from xpk.render.cluster import queues as ours

pytestmark = [pytest.mark.xdist_group("controlplane"), pytest.mark.slow]
NAMESPACE = "adoption"
Json = dict[str, Any]


def placed(deployment: Json) -> Json:
    """In a namespace of the test's own, where no pods are made for it."""
    metadata = {**deployment["metadata"], "namespace": NAMESPACE}
    return {**deployment, "metadata": metadata, "spec": {**deployment["spec"], "replicas": 0}}


def test_the_newer_jobset_goes_over_the_older_one(control_plane: ControlPlane, kube: Kube) -> None:
    """JobSet v0.12's Deployment selects by more labels than v0.10's, and a selector never changes."""
    control_plane.has_namespace(NAMESPACE)
    objects = tuple(build(lambda text: None).objects("jobset"))
    file = ReleaseFile("config/default", "0", objects)
    (released,) = [m for m in objects if m["kind"] == "Deployment"]
    assert len(released["spec"]["selector"]["matchLabels"]) > 1, "else there is nothing to see here"
    old = kube.apply(placed(jobset_selector(released)), field_manager="kubectl")
    with pytest.raises(XpkError, match="immutable"):
        kube.apply(placed(released), force=True)
    resources = controller_resources("JobSet", 1000)
    (kept,) = [m for m in sized(file, JOBSET, resources, old) if m["kind"] == "Deployment"]
    new = kube.apply(placed(kept), force=True)
    assert new["metadata"]["uid"] == old["metadata"]["uid"]
    assert new["spec"]["selector"] == old["spec"]["selector"]
    labels = new["spec"]["template"]["metadata"]["labels"]
    assert labels.items() >= released["spec"]["selector"]["matchLabels"].items(), "the Service finds its pods"


def test_a_queue_that_xpk_wrote_in_the_older_version_is_ours_to_change(
    control_plane: ControlPlane, kube: Kube
) -> None:
    """Written as v1beta1 by kubectl, read and applied as v1beta2: nothing differs but the number of chips."""
    flavor, *_, queue = [
        m for m in queues(Made(pools=(0, 1))) if m["kind"] in ("ResourceFlavor", "ClusterQueue")
    ]
    queue["metadata"]["name"] = "adopted-queue"
    for manifest in (flavor, queue):
        path = "resourceflavors" if manifest is flavor else "clusterqueues"
        query = {"fieldManager": "kubectl-client-side-apply"}
        control_plane.api.request("POST", f"/apis/{manifest['apiVersion']}/{path}", manifest, query=query)
    view = QueuesView("2xv6e-16", "tpu-v6e-slice", "4x4", (Quota("google.com/tpu", "48"),), "adopted-queue")
    our_flavor, our_queue, *_ = ours(view)
    found = [kube.get(kube.path_of(m)) for m in (our_flavor, our_queue)]
    assert list(differences(our_flavor, found[0])) == []
    ((path, old, new),) = differences(our_queue, found[1])
    assert (path.rpartition(".")[2], old, new) == ("nominalQuota", "32", "48")
    with pytest.raises(FieldConflict) as caught:
        kube.apply(our_queue)
    assert caught.value.managers == ("kubectl-client-side-apply",)
    applied = kube.apply(our_queue, force=True)
    assert list(differences(our_queue, applied)) == []
    for manifest in (our_queue, our_flavor):  # the control plane is that of other tests, too
        assert kube.delete(kube.path_of(manifest))
