"""The training state, and the step whose loss every bit of it decides.

Parameters and Adam's two moments are shards over a slice's hosts (axis `fsdp`), the same on every
slice (axis `data`). PRNG key (as raw words), data position and step counter are the same everywhere.
Not a model: each parameter is drawn to a number of its own, with noise from the random stream as
its "data".

Everything that crosses processes is an integer, so the sums are exact in any order: two runs of the
same flags print the same digits, with or without a restart between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

State = dict[str, dict[str, jax.Array]]
Step = Callable[[State], tuple[State, jax.Array, jax.Array]]

BYTES_OF_PARAMETER = 12
_SHARDED = PartitionSpec("fsdp")
_WHOLE = PartitionSpec()
_SPECS: dict[str, dict[str, PartitionSpec]] = {
    "params": {"w": _SHARDED},
    "opt": {"mu": _SHARDED, "nu": _SHARDED},
    "rng": {"key": _WHOLE},
    "data": {"position": _WHOLE},
    "step": {"count": _WHOLE},
}
_CURVE_SAMPLE = 4096
_FIXED = 4096.0
_RATE = 0.02


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the state lies: `parameters` on each host of a mesh with axes `data` and `fsdp`."""

    mesh: Mesh
    parameters: int

    @property
    def slices(self) -> int:
        return int(self.mesh.shape["data"])

    @property
    def hosts(self) -> int:
        return int(self.mesh.shape["fsdp"])


def build_mesh(axes: tuple[str, ...], slices: int, hosts: int) -> Mesh:
    """The mesh of MaxText's `mesh_axes`: slices along `data`, hosts along `fsdp`, all others of size 1.

    One device of each process; `fsdp` is put last where `axes` has none. An axis of size 1 in front
    of `data` is kept there: that is MaxText 0.2.x's default, and Orbax then sees a single replica.
    """
    names = axes if "fsdp" in axes else (*axes, "fsdp")
    sizes = [slices if name == "data" else hosts if name == "fsdp" else 1 for name in names]
    devices = sorted(jax.devices(), key=lambda device: device.process_index)
    grid = np.array(devices).reshape(slices, hosts)
    if names.index("fsdp") < names.index("data"):
        grid = grid.T
    return Mesh(grid.reshape(sizes), names)


def abstract(layout: Layout) -> State:
    """Shapes, types and places of the state, in the form that Orbax restores to."""
    shapes = {"w": layout.parameters * layout.hosts, "mu": 0, "nu": 0}
    size = shapes["w"]

    def leaf(name: str, spec: PartitionSpec) -> jax.ShapeDtypeStruct:
        shape: tuple[int, ...] = (size,) if name in shapes else (2,) if name == "key" else ()
        kind = jnp.float32 if name in shapes else jnp.uint32
        return jax.ShapeDtypeStruct(shape, kind, sharding=NamedSharding(layout.mesh, spec))

    tree = {
        part: {name: leaf(name, spec) for name, spec in leaves.items()} for part, leaves in _SPECS.items()
    }
    return cast(State, tree)


def first(layout: Layout) -> State:
    """The state before step 0. Made from plain numbers: nothing has to be compiled for it."""
    values = {"key": np.array([0, 20_240_229], np.uint32)}

    def leaf(name: str, like: jax.Array) -> jax.Array:
        value = values.get(name, np.zeros(like.shape, like.dtype))
        return jax.make_array_from_callback(like.shape, like.sharding, lambda index: value[index])

    return {
        part: {name: leaf(name, like) for name, like in leaves.items()}
        for part, leaves in abstract(layout).items()
    }


def host_bytes(state: State) -> int:
    """Bytes of the state that this process holds."""
    return sum(shard.data.nbytes for leaf in jax.tree.leaves(state) for shard in leaf.addressable_shards)


def build_step(layout: Layout) -> Step:
    """The compiled step: state -> (next state, digest, curve), both numbers the same everywhere.

    `digest` (below 2**32) is that of the state *before* the step on all hosts of all slices: the
    first one after a restore proves what was restored. It also goes into the next PRNG key, so that
    one damaged bit changes every later loss. `curve`: mean distance to the goal in ten-thousandths.
    """
    body = jax.shard_map(
        lambda state: _train(state, layout.parameters, layout.slices, layout.hosts),
        mesh=layout.mesh,
        in_specs=(_SPECS,),
        out_specs=(_SPECS, _WHOLE, _WHOLE),
    )
    return cast(Step, jax.jit(body))


def _train(state: State, parameters: int, slices: int, hosts: int) -> tuple[State, jax.Array, jax.Array]:
    slice_index = jax.lax.axis_index("data").astype(jnp.uint32)
    host = jax.lax.axis_index("fsdp").astype(jnp.uint32)
    place = slice_index * np.uint32(hosts) + host
    digest = jax.lax.psum(_mix(_fold(state) + _mix(place + np.uint32(1))), ("data", "fsdp"))

    key = state["rng"]["key"]
    position = state["data"]["position"]
    noise = _noise(key, position + slice_index, host * np.uint32(parameters), parameters)
    goal = _goal(host * np.uint32(parameters) + jnp.arange(parameters, dtype=jnp.uint32))
    weights = state["params"]["w"]
    gap = jnp.round((weights - goal) * _FIXED).astype(jnp.int32)
    gradient = jax.lax.psum(gap + noise, "data").astype(jnp.float32) / np.float32(_FIXED * slices)

    mu = np.float32(0.9) * state["opt"]["mu"] + np.float32(0.1) * gradient
    nu = np.float32(0.99) * state["opt"]["nu"] + np.float32(0.01) * gradient * gradient
    moved = weights - np.float32(_RATE) * mu / (jnp.sqrt(nu) + np.float32(1e-6))
    after: State = {
        "params": {"w": moved},
        "opt": {"mu": mu, "nu": nu},
        "rng": {"key": _mix(key + digest)},
        "data": {"position": position + np.uint32(slices)},
        "step": {"count": state["step"]["count"] + np.uint32(1)},
    }
    return after, digest, _curve(gap, hosts)


def _curve(gap: jax.Array, hosts: int) -> jax.Array:
    sample = jnp.minimum(jnp.abs(gap[:_CURVE_SAMPLE]), 1 << 16)
    mean = jnp.sum(sample) * np.float32(10_000 / _FIXED / sample.size)
    total: jax.Array = jax.lax.psum(mean.astype(jnp.int32), "fsdp")
    return total // hosts


def _noise(key: jax.Array, position: jax.Array, offset: jax.Array, size: int) -> jax.Array:
    """Whole numbers from -2048 to 2047: the batch at `position` of the stream that `key` names.

    Counter-based like JAX's own generators, which would double the time to compile the step.
    """
    seed = _mix(key[0] ^ _mix(key[1] ^ _mix(position)))
    words = _mix(seed ^ _mix(offset + jnp.arange(size, dtype=jnp.uint32)))
    return (words >> 20).astype(jnp.int32) - 2048


def _goal(index: jax.Array) -> jax.Array:
    """A number between 1 and 2 for each parameter."""
    return np.float32(1) + (_mix(index) >> 8).astype(jnp.float32) * np.float32(2.0**-24)


def _fold(state: State) -> jax.Array:
    """One number of everything that this process holds; a change of any one bit changes it.

    A sum of words times odd weights, modulo 2**32: a flipped bit k adds +-2**k times an odd number,
    which is never 0. What is mixed afterwards is mixed one to one.
    """
    total: jax.Array = jnp.uint32(0)
    for number, leaf in enumerate(jax.tree.leaves(state)):
        words = jax.lax.bitcast_convert_type(leaf, jnp.uint32).reshape(-1)
        places = jnp.arange(words.size, dtype=jnp.uint32) + np.uint32((number + 1) * 0x1000_0001)
        total += jnp.sum(words * (_mix(places) | jnp.uint32(1)), dtype=jnp.uint32)
    return total


def _mix(word: jax.Array) -> jax.Array:
    """MurmurHash3's finaliser: one to one on 32 bits, every bit of it depends on every bit."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x85EBCA6B)
    word = (word ^ (word >> 13)) * jnp.uint32(0xC2B2AE35)
    return word ^ (word >> 16)
