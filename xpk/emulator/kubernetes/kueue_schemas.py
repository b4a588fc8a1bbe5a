"""The fields of Kueue's kinds (sigs.k8s.io/kueue v0.19.2, v1beta2), in the notation of `crd_notation.py`."""

from __future__ import annotations

from dataclasses import dataclass

from xpk.emulator.kubernetes.crd_notation import CONDITIONS


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind. ``renamed``: fields of the spec as (name in v1beta1, name in v1beta2)."""

    kind: str
    plural: str
    namespaced: bool
    fields: str
    short_names: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()


_NAME = "string max=253 pattern=subdomain"
_STATUS_CONDITIONS = CONDITIONS.replace("\n", "\n ").rstrip()


def _tolerations(indent: str) -> str:
    rows = ["tolerations list max=8", *(f" {name} string" for name in ("key", "operator", "value", "effect"))]
    return "\n".join(indent + row for row in [*rows, " tolerationSeconds int64"])


def _groups(indent: str) -> str:
    rows = f"""resourceGroups list max=16
 coveredResources! list of=string min=1 max=64
 flavors! list(name) min=1 max=64
  name! {_NAME}
  resources! list(name) min=1 max=64
   name! string
   nominalQuota! quantity
   borrowingLimit quantity
   lendingLimit quantity"""
    return "\n".join(indent + row for row in rows.splitlines())


def _used(name: str) -> str:
    return f""" {name} list(name) max=64
  name! {_NAME}
  resources! list(name) max=64
   name! string
   total quantity
   borrowed quantity"""


_QUEUE_STATUS = f"""
status object
{_STATUS_CONDITIONS.lstrip()}
 pendingWorkloads int
 reservingWorkloads int
 admittedWorkloads int
{_used("flavorsReservation")}
{_used("flavorsUsage")}
 fairSharing object
  weightedShare! int64
  admissionFairSharingStatus object
   consumedResources! map of=quantity
   lastUpdate! time
""".replace("status object\nconditions", "status object\n conditions")

_FLAVOR = f"""
spec object
 nodeLabels map max=8 atomic
 nodeTaints list max=8
  key! string
  value string
  effect! string
  timeAdded time
{_tolerations(" ")}
 topologyName {_NAME}
"""

_CLUSTER_QUEUE = f"""
spec object
 cohortName {_NAME}
{_groups(" ")}
 queueingStrategy string enum=StrictFIFO|BestEffortFIFO default="BestEffortFIFO"
 namespaceSelector @V1LabelSelector
 flavorFungibility object default={{}}
  whenCanBorrow string enum=MayStopSearch|TryNextFlavor default="MayStopSearch"
  whenCanPreempt string enum=MayStopSearch|TryNextFlavor default="TryNextFlavor"
  preference string enum=BorrowingOverPreemption|PreemptionOverBorrowing
 preemption object default={{}}
  reclaimWithinCohort string enum=Never|LowerPriority|Any default="Never"
  withinClusterQueue string enum=Never|LowerPriority|LowerOrNewerEqualPriority default="Never"
  borrowWithinCohort object default={{}}
   policy string enum=Never|LowerPriority default="Never"
   maxPriorityThreshold int
 admissionChecksStrategy object
  admissionChecks! list(name) min=1 max=64
   name! string min=1 max=316
   onFlavors set of=string max=64
 admissionScope object
  admissionMode! string enum=UsageBasedAdmissionFairSharing|NoAdmissionFairSharing
 concurrentAdmissionPolicy object
  migration! object
   mode! string enum=TryPreferredFlavors|RetainFirstAdmission
   constraints object
    lastAcceptableFlavorName {_NAME}
 fairSharing object
  weight quantity default=1
 stopPolicy string enum=None|Hold|HoldAndDrain default="None"
"""

_LOCAL_QUEUE = f"""
spec object
 clusterQueue {_NAME} once
 stopPolicy string enum=None|Hold|HoldAndDrain default="None"
 fairSharing object
  weight quantity default=1
"""

_WORKLOAD = f"""
spec object
 podSets list(name) min=1 max=18
  name string max=63 pattern=label default="main"
  count int min=0 default=1
  minCount int min=1
  template! @V1PodTemplateSpec
  topologyRequest object
   required string max=63
   preferred string max=63
   unconstrained bool
   podIndexLabel string max=317
   subGroupIndexLabel string max=317
   subGroupCount int
   podSetGroupName string max=256
   podSetSliceRequiredTopology string max=63
   podSetSliceSize int
 queueName {_NAME}
 priority int
 priorityClassRef object
  group! string enum=kueue.x-k8s.io|scheduling.k8s.io
  kind! string enum=WorkloadPriorityClass|PriorityClass
  name! {_NAME} min=1
 active bool default=true
 maximumExecutionTimeSeconds int min=1
status object
{_STATUS_CONDITIONS.lstrip()}
 admission object
  clusterQueue {_NAME}
  podSetAssignments list(name) max=18
   name string max=63 pattern=label default="main"
   count int min=0
   flavors map
   resourceUsage map of=quantity
 admissionChecks list(name) max=8
  name! string min=1 max=316
  state! string enum=Pending|Ready|Retry|Rejected
  message! string max=32768
  lastTransitionTime! time
  retryCount int min=0
  requeueAfterSeconds int min=0
 reclaimablePods list(name) max=18
  name! string max=63 pattern=label
  count! int min=0
 requeueState object
  count int min=0
  requeueAt time
 resourceRequests list(name) max=18
  name! string max=63 pattern=label
  resources map of=quantity
 clusterName string max=256
 accumulatedPastExecutionTimeSeconds int
""".replace("status object\nconditions", "status object\n conditions")

_CHECK = f"""
spec object
 controllerName! string min=1 max=253 once
 parameters object
  apiGroup! {_NAME} min=1
  kind! string min=1 max=63 pattern=ilabel
  name! string min=1 max=63 pattern=label
status object
{_STATUS_CONDITIONS.lstrip()}
""".replace("status object\nconditions", "status object\n conditions")

_COHORT = f"""
spec object
 parentName {_NAME}
{_groups(" ")}
 fairSharing object
  weight quantity default=1
status object
 fairSharing object
  weightedShare! int64
"""

_PROVISIONING = f"""
spec object
 provisioningClassName! {_NAME} min=1
 parameters map max=100
 managedResources set of=string max=100
 podSetMergePolicy string enum=IdenticalPodTemplates|IdenticalWorkloadSchedulingRequirements
 podSetUpdates object
  nodeSelector list(key) max=8
   key! string min=1 max=317 pattern=qualified
   valueFromProvisioningClassDetail! string min=1 max=32768
 retryStrategy object default={{"backoffLimitCount":3,"backoffBaseSeconds":60,"backoffMaxSeconds":1800}}
  backoffLimitCount int default=3
  backoffBaseSeconds int default=60
  backoffMaxSeconds int default=1800
"""

_TOPOLOGY = """
spec object
 levels! list min=1 max=16 once
  nodeLabel! string min=1 max=316 pattern=qualified
"""
_PRIORITY = "\nvalue! int\ndescription string max=2048\n"

KUEUE = (
    Resource("ResourceFlavor", "resourceflavors", False, _FLAVOR, ("flavor", "flavors", "rf")),
    Resource(
        "ClusterQueue",
        "clusterqueues",
        False,
        _CLUSTER_QUEUE + _QUEUE_STATUS,
        ("cq",),
        (("cohort", "cohortName"),),
    ),
    Resource("LocalQueue", "localqueues", True, _LOCAL_QUEUE + _QUEUE_STATUS, ("queue", "queues", "lq")),
    Resource("Workload", "workloads", True, _WORKLOAD, ("kwl", "kueueworkload", "kueueworkloads")),
    Resource("WorkloadPriorityClass", "workloadpriorityclasses", False, _PRIORITY, ("wpc",)),
    Resource("Topology", "topologies", False, _TOPOLOGY, ("topo",)),
    Resource("AdmissionCheck", "admissionchecks", False, _CHECK, ("ac",)),
    Resource("Cohort", "cohorts", False, _COHORT, ("co",), (("parent", "parentName"),)),
    Resource("ProvisioningRequestConfig", "provisioningrequestconfigs", False, _PROVISIONING, ("prc",)),
)
