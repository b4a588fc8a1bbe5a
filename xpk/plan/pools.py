"""The steps that make a cluster's slices: which pools are created, changed and deleted, with their requests.

Which of them is decided in `plan/slices.py`; the message of a pool is in `plan/pool_body.py`. Not here:
the cluster around the pools (`plan/cluster.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from xpk.errors import FaultCollector
from xpk.plan.kept import and_, runs_on_it
from xpk.plan.observed import Observed
from xpk.plan.pool_body import GKE_METADATA, pool_body
from xpk.plan.slices import Slices, by_number, trouble, ways_out
from xpk.plan.steps import CreateNodePool, DeleteNodePool, PlannedStep, UpdateNodePool
from xpk.spec.cluster import ClusterSpec


def create_step(spec: ClusterSpec, name: str, needs: tuple[str, ...]) -> PlannedStep:
    """The step that creates the pool `name`."""
    step = CreateNodePool(
        cluster=spec.full_name,
        pool=pool_body(spec, name),
        slice_type=spec.slice_type,
        capacity=spec.capacity,
        api="v1beta1" if spec.host_maintenance == "PERIODIC" else "v1",
    )
    return PlannedStep(f"pool/{name}", step, needs)


def plan_pools(
    spec: ClusterSpec,
    slices: Slices,
    needs: tuple[str, ...],
    before_deletion: tuple[str, ...],
    *,
    force: bool = False,
) -> list[PlannedStep]:
    """Delete what has to go, create what is missing; a pool that is made anew waits for its name.

    Without `force` a pool that was idle for the plan has to be idle still when its turn comes.
    """
    removed = {one.name: one for one in slices.removed}
    steps: list[PlannedStep] = []
    for name in sorted({*removed, *slices.created}, key=by_number):
        wait = needs
        if name in removed:
            one = removed[name]
            idle = not force and not one.failed
            delete = DeleteNodePool(spec.full_name, name, one.why, one.busy, one.etag, one.failed, idle)
            steps.append(PlannedStep(f"delete/{name}", delete, (*needs, *before_deletion)))
            wait = (f"delete/{name}",)
        if name in slices.created:
            steps.append(create_step(spec, name, wait))
    return steps


def plan_metadata_server(
    spec: ClusterSpec, observed: Observed, slices: Slices, needs: tuple[str, ...]
) -> list[PlannedStep]:
    """Give pools that stay and lack it the GKE metadata server, which brings Workload Identity to pods.

    That recreates their nodes. In a cluster of somebody else's, so only hosts of the slices' kind, on
    which the driver runs.
    """
    steps: list[PlannedStep] = []
    gone = {one.name for one in slices.removed}
    for pool in (observed.cluster or {}).get("nodePools", []):
        mode = pool.get("config", {}).get("workloadMetadataConfig", {}).get("mode")
        if not spec.workload_identity or mode == "GKE_METADATA" or pool["name"] in gone or trouble(pool):
            continue
        if spec.adapt and pool.get("config", {}).get("machineType") != spec.slice_type.machine.name:
            continue
        update = {"workloadMetadataConfig": GKE_METADATA}
        busy = observed.running.get(str(pool["name"]), ())
        what = "nodes recreated: Workload Identity"
        what += f"; {and_(busy)} restart{'s' if len(busy) == 1 else ''}" if busy else ""
        step = UpdateNodePool(spec.full_name, pool["name"], update, what, busy)
        steps.append(PlannedStep(f"metadata/{pool['name']}", step, needs))
    return steps


def check_recreation(spec: ClusterSpec, steps: Sequence[PlannedStep], faults: FaultCollector) -> None:
    """Hosts are recreated under running work no sooner than slices are deleted under it: by force."""
    for step in (planned.step for planned in steps):
        if isinstance(step, UpdateNodePool) and step.busy:
            why = f"{runs_on_it(step.busy)}, and GKE recreates its nodes for Workload Identity"
            faults.add(f"node pool {step.name}", why, ways_out(spec, step.busy))
