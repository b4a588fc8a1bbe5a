"""What to start for a container of a pod: words, environment, directories."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xpk.rehearsal.agent import injected
from xpk.rehearsal.agent.environment import NotConfigured, Surroundings, command, environment
from xpk.rehearsal.agent.expansion import expand
from xpk.rehearsal.agent.volumes import NotMounted, Source, Volumes, inside
from xpk.rehearsal.hosts.launch import Bind, Launch
from xpk.rehearsal.hosts.substitution import substitute

Json = dict[str, Any]
_HOSTS = "/etc/hosts"


@dataclass(frozen=True, slots=True)
class Given:
    """What a machine gives to each container, in the place of an image and of TPU chips.

    `image`: variables that the pod's own replace. `forced`: variables that replace the pod's own. `cwd`:
    where a container without a workingDir starts. `needed`: paths that no volume may hide.
    """

    image: Mapping[str, str] = field(default_factory=dict)
    forced: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    needed: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """A container that is to be started.

    `hosts`: how many pods its Job runs at once. `names`: the file that it sees as /etc/hosts.
    """

    pod: Json
    container: Json
    hosts: int
    mounted: Mapping[str, Source]
    around: Surroundings
    given: Given
    log: Path
    names: Path | None = None


def recipe(order: Order, volumes: Volumes) -> Launch:
    """What to start. Raises NotConfigured and NotMounted."""
    own = environment(order.pod, order.container, order.around)
    known = {**injected.stand_ins(order.pod, order.container, order.hosts), **own}
    words = command(order.container, known)
    if not order.container.get("command"):
        raise NotConfigured("no command is given, and there is no image whose own could be run")
    env = {**order.given.image, "HOSTNAME": hostname(order.pod), **known, **order.given.forced}
    names = sorted(set(_buckets([*words, *env.values()])))
    paths = {name: volumes.bucket(name) for name in names}
    done = substitute(words, env, {f"gs://{name}": str(path) for name, path in paths.items()})
    binds = list(_binds(order, known))
    if order.names is not None and all(bind.inside != _HOSTS for bind in binds):
        binds.append(Bind(_HOSTS, order.names, read_only=True))
    hidden = [path for path in (*paths.values(), *order.given.needed) if _is_hidden(path, binds)]
    return Launch(
        argv=done.argv,
        env=done.env,
        log=order.log,
        cwd=order.container.get("workingDir") or order.given.cwd,
        binds=(*binds, *(Bind(str(path), path) for path in dict.fromkeys(hidden))),
        name=f"{order.pod['metadata']['name']}/{order.container['name']}",
    )


def hostname(pod: Json) -> str:
    """What a runtime puts into HOSTNAME: the node's name for a pod on the node's network, else the pod's."""
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        return str(spec.get("nodeName", ""))
    return str(spec.get("hostname") or pod["metadata"]["name"])[:63]


def _buckets(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        yield from re.findall(r"gs://([a-z0-9](?:[a-z0-9._-]{0,220}[a-z0-9])?)", text)


def _binds(order: Order, values: Mapping[str, str]) -> Iterable[Bind]:
    for mount in order.container.get("volumeMounts") or ():
        source = order.mounted.get(str(mount["name"]))
        if source is None:
            continue
        below = mount.get("subPath") or expand(str(mount.get("subPathExpr") or ""), values)
        path = inside(source.path, str(below), {"name": mount["name"]}) if below else source.path
        target = posixpath.normpath("/" + str(mount["mountPath"]).lstrip("/"))
        if target == "/":
            raise NotMounted(f'volume "{mount["name"]}": nothing can be mounted over the root')
        yield Bind(target, path, bool(source.read_only or mount.get("readOnly")))


def _is_hidden(path: Path, binds: Iterable[Bind]) -> bool:
    return any(path.is_relative_to(bind.inside) for bind in binds)
