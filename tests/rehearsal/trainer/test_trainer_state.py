"""Every bit of the state shows in the next loss, and the losses are the same to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

np = pytest.importorskip("numpy", reason="NumPy comes with JAX: pip install '.[rehearse]'")
jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[rehearse]'")

if TYPE_CHECKING:
    from xpk.rehearsal.trainer.state import Layout, State, Step

SLICES, HOSTS, PARAMETERS = 2, 2, 1000
LEAVES = [
    ("params", "w"),
    ("opt", "mu"),
    ("opt", "nu"),
    ("rng", "key"),
    ("data", "position"),
    ("step", "count"),
]


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    from xpk.rehearsal.trainer.state import Layout

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", SLICES * HOSTS)
    mesh = jax.sharding.Mesh(np.array(jax.devices()).reshape(SLICES, HOSTS), ("data", "fsdp"))
    yield Layout(mesh, PARAMETERS)
    jax.clear_caches()


@pytest.fixture(scope="module")
def step(layout: Layout) -> Step:
    from xpk.rehearsal.trainer.state import build_step

    return build_step(layout)


@pytest.fixture(scope="module")
def trained(layout: Layout, step: Step) -> State:
    """A state after some steps, so that no array is all zeros."""
    from xpk.rehearsal.trainer.state import first

    state = first(layout)
    for _ in range(5):
        state, _, _ = step(state)
    return state


def losses(step: Step, state: State, count: int) -> list[str]:
    from xpk.rehearsal.trainer.lines import loss

    found = []
    for _ in range(count):
        state, digest, curve = step(state)
        found.append(loss(int(curve), int(digest)))
    return found


def flipped(state: State, part: str, name: str, bit: int, replica: int | None) -> State:
    """`state` with one bit of one array turned over: on all copies, or on copy `replica` of it only."""
    like = state[part][name]
    copies: dict[str, int] = {}
    buffers = []
    for shard in like.addressable_shards:
        words = np.array(shard.data).view(np.uint32).reshape(-1)
        index = str(shard.index)
        copy = copies.get(index, 0)
        copies[index] = copy + 1
        if index == next(iter(copies)) and replica in (None, copy):
            words[bit // 32 % words.size] ^= np.uint32(1 << bit % 32)
        value = words.view(like.dtype).reshape(shard.data.shape)
        buffers.append(jax.device_put(value, shard.device))
    array = jax.make_array_from_single_device_arrays(like.shape, like.sharding, buffers)
    return {**state, part: {**state[part], name: array}}


def bits(part: str, name: str) -> list[int]:
    if part in ("params", "opt"):
        return [0, 22, 31, 32 * 500 + 1, 32 * (PARAMETERS - 1), 32 * PARAMETERS - 1]
    return [0, 17, 31]


@pytest.mark.parametrize(("part", "name"), LEAVES)
@pytest.mark.parametrize("replica", [None, 0, 1], ids=["everywhere", "first copy", "second copy"])
def test_one_flipped_bit_changes_every_later_loss(
    step: Step, trained: State, part: str, name: str, replica: int | None
) -> None:
    right = losses(step, trained, 3)
    for bit in bits(part, name):
        wrong = losses(step, flipped(trained, part, name, bit, replica), 3)
        assert all(a != b for a, b in zip(right, wrong, strict=True)), (part, name, bit, right, wrong)


def test_untouched_copies_give_the_same_losses(step: Step, trained: State) -> None:
    right = losses(step, trained, 3)
    for part, name in LEAVES:
        assert losses(step, flipped(trained, part, name, 0, replica=99), 3) == right


def test_all_arrays_of_the_state_are_tried(trained: State) -> None:
    assert {(part, name) for part, leaves in trained.items() for name in leaves} == set(LEAVES)


def test_a_run_taken_up_from_its_bytes_goes_on_to_the_last_digit(
    layout: Layout, step: Step, trained: State
) -> None:
    kept = jax.tree.map(np.asarray, trained)
    back = jax.tree.map(lambda value, like: jax.device_put(value, like.sharding), kept, trained)
    assert losses(step, back, 20) == losses(step, trained, 20)


def test_the_loss_falls(layout: Layout, step: Step) -> None:
    from xpk.rehearsal.trainer.state import first

    found = [float(text) for text in losses(step, first(layout), 60)]
    assert found[0] > 1 > 0.5 > found[-1] > 0


def test_the_bytes_of_a_host_are_those_asked_for(layout: Layout, trained: State) -> None:
    from xpk.rehearsal.trainer.state import BYTES_OF_PARAMETER, host_bytes

    # One process holds all four hosts here: four shards, and four copies of key, position and step.
    assert host_bytes(trained) == SLICES * HOSTS * (PARAMETERS * BYTES_OF_PARAMETER + 16)


@pytest.mark.parametrize(
    ("axes", "names", "sizes"),
    [
        (("data", "fsdp"), ("data", "fsdp"), (2, 2)),
        (("data",), ("data", "fsdp"), (2, 2)),
        (("diloco", "data", "stage", "fsdp"), ("diloco", "data", "stage", "fsdp"), (1, 2, 1, 2)),
        (("fsdp", "data"), ("fsdp", "data"), (2, 2)),
    ],
)
def test_slices_lie_along_data_and_hosts_along_fsdp(
    layout: Layout, axes: tuple[str, ...], names: tuple[str, ...], sizes: tuple[int, ...]
) -> None:
    from xpk.rehearsal.trainer.state import build_mesh

    mesh = build_mesh(axes, SLICES, HOSTS)
    assert mesh.axis_names == names
    assert mesh.devices.shape == sizes
    order = [device.id for device in np.moveaxis(mesh.devices, names.index("data"), 0).reshape(-1)]
    assert order == [device.id for device in jax.devices()]
