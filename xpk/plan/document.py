"""A plan for programs: one YAML stream that `kubectl apply --server-side -f -` takes, or one JSON document.

In the YAML the Kubernetes objects are documents; everything else stands in comments with its exact request,
in the place where it happens. Both are the same bytes for the same plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any, assert_never

from xpk.plan.steps import (
    ApplyCounted,
    ApplyObject,
    CheckBucket,
    CreateCluster,
    CreateNodePool,
    DeleteCluster,
    DeleteNodePool,
    DeleteObject,
    GrantBucketRole,
    InstallRelease,
    Json,
    Plan,
    PlannedStep,
    ReplaceObject,
    Request,
    RevokeBucketRole,
    Step,
    UpdateCluster,
    UpdateNodePool,
    WaitForCrd,
    WaitForDeployment,
    WaitForDriver,
)
from xpk.plan.text import describe_step

_WORDS = frozenset({"", "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"})
_NUMBER = re.compile(
    r"[-+]?(?:0[xXoObB][0-9a-fA-F_]*|[0-9.][0-9_.:]*(?:[eE][-+]?[0-9_]*)?|\.(?:inf|nan))", re.I
)


def request_of(step: Step) -> Request | None:
    """The API request of a step; None for Kubernetes objects and waits."""
    match step:
        case (
            CheckBucket()
            | GrantBucketRole()
            | RevokeBucketRole()
            | CreateCluster()
            | UpdateCluster()
            | DeleteCluster()
            | CreateNodePool()
            | UpdateNodePool()
            | DeleteNodePool()
        ):
            return step.request
        case (
            InstallRelease()
            | ApplyObject()
            | ApplyCounted()
            | ReplaceObject()
            | DeleteObject()
            | WaitForCrd()
            | WaitForDeployment()
            | WaitForDriver()
        ):
            return None
        case _:
            assert_never(step)


def manifests_of(step: Step) -> tuple[Json, ...]:
    """The Kubernetes objects that a step applies."""
    if isinstance(step, ApplyObject | ApplyCounted | ReplaceObject):
        return (step.manifest,)
    return step.manifests if isinstance(step, InstallRelease) else ()


def json_document(plan: Plan) -> str:
    """`{"steps": [...], "kept": [...]}`: each step with its request or manifest; what stays and why."""
    document = {
        "plan": plan.title,
        "offline": plan.offline,
        "notes": list(plan.notes),
        "steps": [_step(planned) for planned in plan.steps],
        "kept": [_plain(kept) for kept in plan.kept],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _step(planned: PlannedStep) -> Json:
    step, line = planned.step, describe_step(planned.step)
    entry: Json = {
        "id": planned.id,
        "kind": type(step).__name__,
        "needs": list(planned.needs),
        "after": list(planned.after),
        "summary": " ".join(part for part in (line.sign, line.noun, line.name, line.detail) if part),
    }
    request = request_of(step)
    if request:
        entry["request"] = {"method": request.method, "path": request.path, "body": request.body}
        entry["service"] = request.service
    elif isinstance(step, ApplyObject | ReplaceObject):
        entry["manifest"] = step.manifest
    else:
        entry |= {field.name: _plain(getattr(step, field.name)) for field in fields(step)}
    return entry


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return list(value) if isinstance(value, tuple) else value


def yaml_stream(plan: Plan) -> str:
    """The plan as one YAML stream; comments come before the document that they precede."""
    blocks: list[str] = []
    comment = [f"# {line}" for line in _header(plan)]
    for planned in plan.steps:
        comment += [f"# {line}" if line else "#" for line in _comment(planned)]
        for manifest in manifests_of(planned.step):
            blocks.append("\n".join([*comment, "---", _dump(manifest)]))
            comment = []
    return "".join(f"{block.rstrip(chr(10))}\n" for block in blocks) + "".join(
        f"{line}\n" for line in comment
    )


def _header(plan: Plan) -> Iterator[str]:
    yield f"Plan: {_ascii(plan.title)}"
    if plan.offline:
        yield "Made without looking at the project: it assumes that nothing of this exists yet."
    if plan.empty:
        yield "Nothing to do."


def _comment(planned: PlannedStep) -> Iterator[str]:
    """What happens here, as text that cannot end its own comment."""
    line = describe_step(planned.step)
    yield ""
    yield _ascii(" ".join(part for part in (line.sign, line.noun, line.name, line.detail) if part))
    request = request_of(planned.step)
    if request:
        yield f"{request.method} {_ascii(request.path)}"
        if isinstance(planned.step, GrantBucketRole | RevokeBucketRole) and planned.step.policy is None:
            yield "read first, as a policy is written whole: all other bindings and the etag are kept"
        if request.body is not None:
            yield from json.dumps(request.body, indent=2, ensure_ascii=True).splitlines()
    if isinstance(planned.step, InstallRelease):
        yield f"from {_ascii(planned.step.source)}, SHA-256 {planned.step.sha256 or 'not read yet'}"


def _ascii(text: str) -> str:
    """Text for a comment: one line, no character that YAML could take for the end of one."""
    return json.dumps(text, ensure_ascii=True)[1:-1].replace('\\"', '"').replace("\\\\", "\\")


def _dump(manifest: Json) -> str:
    import yaml  # here and not above: -o text and -o json do not need it

    dumped: str = yaml.dump(
        manifest,
        Dumper=_dumper(),
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=False,
    )
    return dumped


@cache
def _dumper() -> Any:
    """The C dumper, writing texts of several lines as blocks so that a person can read them."""
    import yaml

    class Dumper(yaml.CSafeDumper):
        pass

    def text(dumper: Any, value: str) -> Any:
        style = "|" if "\n" in value and _fits_block(value) else "'" if _ambiguous(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
    return Dumper


def _ambiguous(value: str) -> bool:
    """Whether another YAML reader than ours could take a plain text for something else.

    Kubernetes' reader takes `y` and `off` for booleans, `08`, `0o17` and `1e3` for numbers.
    """
    if value != value.strip() or (len(value) <= 5 and value.lower() in _WORDS):
        return True
    return value[:1] in "+-.0123456789" and _NUMBER.fullmatch(value) is not None


def _fits_block(value: str) -> bool:
    """A block keeps a text exactly when it starts with no blank, and lines end with none."""
    lines = value.split("\n")
    return not value[0].isspace() and all(line.isprintable() and line == line.rstrip() for line in lines)
