"""The five commands that write, each with the state that it begins in, as the command line runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.world import Run
from xpk.catalog.slices import resolve
from xpk.engine.apply import apply
from xpk.engine.observe import Waiting, observe_cluster, observe_deletion, observe_workload
from xpk.engine.workloads import find_workloads, parse_filter
from xpk.errors import StateError
from xpk.plan.cluster import plan_cluster
from xpk.plan.deletion import plan_cluster_delete, plan_workload_delete
from xpk.plan.steps import Plan
from xpk.plan.workload import plan_workload
from xpk.spec.capacity import OnDemand
from xpk.spec.cluster import ClusterSpec, parse_place
from xpk.spec.mounts import parse_mount
from xpk.spec.mtc import MtcFlags, check_mtc
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import RestartPolicy
from xpk.spec.workload import WorkloadSpec, grace_seconds

PLACE = parse_place("my-project", "us-east5-b")
CLUSTER = PLACE.cluster("c1")
SHAPE = resolve("v6e-16")


def cluster(slices: int, ramdisk: str = "10Gi") -> ClusterSpec:
    """The cluster c1 with ramdisks."""
    mtc = check_mtc(MtcFlags(True, ramdisk, None, "my-bucket", None), SHAPE)
    return ClusterSpec(
        name="c1", place=PLACE, slice_type=SHAPE, num_slices=slices, capacity=OnDemand(), mtc=mtc
    )


def workload(command: str = "python3 train.py") -> WorkloadSpec:
    """The workload w1 on two slices, with the ramdisk and a bucket."""
    return WorkloadSpec(
        name="w1",
        cluster="c1",
        slice_type=SHAPE,
        num_slices=2,
        image="gcr.io/p1/trainer:1",
        command=command,
        ramdisk=Ramdisk("/ramdisk"),
        grace_seconds=grace_seconds(None, mtc=True),
        restarts=RestartPolicy(max_restarts=5, codes=None, mtc=True),
        mounts=(parse_mount("gs://data=/data"),),
    )


def carry_out(run: Run, plan: Plan) -> None:
    """What is left of a command once there is a plan."""
    run.steps = tuple(planned.id for planned in plan.steps)
    apply(plan, run.cloud, CLUSTER, on_event=lambda event: None, timing=run.timing)


def create_cluster(slices: int, ramdisk: str = "10Gi") -> Callable[[Run], None]:
    """`xpk cluster create`."""
    spec = cluster(slices, ramdisk)

    def command(run: Run) -> None:
        observed = observe_cluster(run.cloud, spec, Waiting(timing=run.timing))
        carry_out(run, plan_cluster(spec, observed))

    return command


def create_workload(run: Run, spec: WorkloadSpec | None = None) -> None:
    """`xpk workload create`."""
    carry_out(run, planned_workload(run, spec or workload()))


def planned_workload(run: Run, spec: WorkloadSpec) -> Plan:
    """Its plan."""
    return plan_workload(spec, PLACE, observe_workload(run.cloud, spec, PLACE))


def delete_workload(run: Run) -> None:
    """`xpk workload delete`."""
    found = find_workloads(run.cloud, PLACE, "c1", parse_filter("EVERYTHING", "^w1$", "default"))
    carry_out(run, plan_workload_delete("c1", [one.jobset for one in found]))


def delete_cluster(run: Run) -> None:
    """`xpk cluster delete`; a cluster that is not there is a plan without steps."""
    observed = observe_deletion(run.cloud, PLACE, "c1", Waiting(timing=run.timing))
    try:
        plan = plan_cluster_delete(PLACE, "c1", observed)
    except StateError:
        run.steps = ()
        return
    carry_out(run, plan)


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and the name of the state in `states.py` that it begins in."""

    name: str
    begins: str
    run: Callable[[Run], None]


COMMANDS = (
    Command("workload delete", "working", delete_workload),
    Command("workload create", "two slices", create_workload),
    Command("cluster delete", "two slices", delete_cluster),
    Command("cluster change", "one broken", create_cluster(3, "20Gi")),
    Command("cluster create", "empty", create_cluster(2)),
)
