"""The CustomResourceDefinitions of JobSet, Kueue and multi-tier checkpointing, made for the emulator.

Field names, types, limits and defaults are facts of sigs.k8s.io/jobset v0.12.0, sigs.k8s.io/kueue v0.19.2 and
GoogleCloudPlatform/high-scale-checkpointing-controller; the schemas are written anew, in the notation of
`crd_notation.py`, and leave out what nothing here reads (MultiKueue, visibility).
"""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes.crd_notation import CONDITIONS, definition, version
from xpk.emulator.kubernetes.kueue_schemas import KUEUE, Resource

Json = dict[str, Any]

_JOBSET = (
    """
spec object
 replicatedJobs list(name)
  name! string
  groupName string default="default"
  replicas int default=1
  dependsOn list(name) max=5 once
   name! string
   status! string enum=Ready|Complete
  template! @V1JobTemplateSpec
 network object once
  enableDNSHostnames bool
  subdomain string
  publishNotReadyAddresses bool
 successPolicy object once
  operator! string enum=All|Any
  targetReplicatedJobs list of=string
 failurePolicy object once
  maxRestarts int
  restartStrategy string enum=Recreate|BlockingRecreate|InPlaceRestart default="Recreate"
  rules list
   name! string
   action! string enum=ACTIONS
   onJobFailureReasons list of=string
   onJobFailureMessagePatterns list of=string
   targetReplicatedJobs list of=string
 startupPolicy object once
  startupPolicyOrder! string enum=AnyOrder|InOrder
 suspend bool
 coordinator object
  replicatedJob! string
  jobIndex int64
  podIndex int64
 managedBy string
 ttlSecondsAfterFinished int min=0
 volumeClaimPolicies list max=50 once
  templates list max=50
   apiVersion string
   kind string
   metadata object
    name string
    namespace string
    labels map
    annotations map
    finalizers list of=string
   spec @V1PersistentVolumeClaimSpec
   status @V1PersistentVolumeClaimStatus
  retentionPolicy object
   whenDeleted string enum=Delete|Retain default="Delete"
status object
"""
    + CONDITIONS.replace("\n", "\n ").rstrip().replace(" max=16", "")
    + """
 restarts int
 restartsCountTowardsMax int
 terminalState string
 currentInPlaceRestartAttempt int min=0
 previousInPlaceRestartAttempt int min=0
 replicatedJobsStatus list(name)
  name! string
  ready! int
  succeeded! int
  failed! int
  active! int
  suspended! int
  jobRestarts list of=int max=1024
  jobRestartsCountTowardsMax list of=int max=1024
"""
)

_ACTIONS = (
    "FailJobSet|RestartJobSet|RestartJobSetAndIgnoreMaxRestarts|RestartJob|RestartJobAndIgnoreMaxRestarts"
)

_CHECKPOINTING = """
spec object
 cloudStorageBucketName string
 inMemoryVolumeSize string
 nodeSelector map
 tolerations list
  key string
  operator string
  effect string
  value string
  tolerationSeconds int64
 csiEphemeralLimit string
 gcsFuseMountOptions list of=string
 replicationOptions list of=string
 enableExternalJaxProcessIds bool
status object
 currentDriverPods int
 misscheduledDriverPods int
 desiredDriverPods int
 readyDriverPods int
"""


def _column(name: str, path: str, kind: str = "string", *, wide: bool = False) -> Json:
    """A column for kubectl; ``wide`` ones are shown with ``-o wide`` only."""
    found = {"name": name, "type": kind, "jsonPath": path}
    return {**found, "priority": 1} if wide else found


_AGE = _column("Age", ".metadata.creationTimestamp", "date")
_ADMITTED = ("Admitted Workloads", ".status.admittedWorkloads", "integer")
_PENDING = _column("Pending Workloads", ".status.pendingWorkloads", "integer")
_KUEUE_COLUMNS = {
    "clusterqueues": [
        _column("Cohort", ".spec.cohortName"),
        _column("Strategy", ".spec.queueingStrategy", wide=True),
        _PENDING,
        _column(*_ADMITTED, wide=True),
    ],
    "localqueues": [_column("ClusterQueue", ".spec.clusterQueue"), _PENDING, _column(*_ADMITTED)],
    "workloads": [
        _column("Queue", ".spec.queueName"),
        _column("Reserved in", ".status.admission.clusterQueue"),
        _column("Admitted", '.status.conditions[?(@.type=="Admitted")].status'),
        _column("Finished", '.status.conditions[?(@.type=="Finished")].status'),
        _AGE,
    ],
    "workloadpriorityclasses": [_column("Value", ".value", "integer")],
}


def jobset_crds() -> list[Json]:
    """JobSet's only definition."""
    body = version("v1alpha2", _JOBSET.replace("ACTIONS", _ACTIONS), status=True)
    body["additionalPrinterColumns"] = [
        _column("TerminalState", ".status.terminalState"),
        _column("Restarts", ".status.restarts"),
        _column("Completed", '.status.conditions[?(@.type=="Completed")].status'),
        _column("Suspended", ".spec.suspend"),
        _AGE,
    ]
    return [definition("jobset.x-k8s.io", "JobSet", "jobsets", True, [body])]


def kueue_crds() -> list[Json]:
    """Kueue's definitions, each with v1beta2 (stored) and the deprecated v1beta1."""
    return [_kueue(resource) for resource in KUEUE]


def _kueue(resource: Resource) -> Json:
    old_fields = resource.fields
    for old, new in resource.renamed:
        old_fields = old_fields.replace(f"\n {new} ", f"\n {old} ")
    status = "\nstatus object" in resource.fields
    warning = "This version is deprecated. Use v1beta2 instead."
    versions = [
        version("v1beta1", old_fields, status=status, storage=False, deprecated=warning),
        version("v1beta2", resource.fields, status=status),
    ]
    for body in versions:
        if resource.plural in _KUEUE_COLUMNS:
            body["additionalPrinterColumns"] = _KUEUE_COLUMNS[resource.plural]
    return definition(
        "kueue.x-k8s.io", resource.kind, resource.plural, resource.namespaced, versions, resource.short_names
    )


def checkpointing_crd() -> Json:
    """GKE's CheckpointConfiguration. It requires nothing and checks no value: its controller does."""
    body = version("v1", _CHECKPOINTING, status=True)
    return definition(
        "checkpointing.gke.io", "CheckpointConfiguration", "checkpointconfigurations", False, [body], ("cpc",)
    )
