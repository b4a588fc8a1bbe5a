"""Writes xpk/emulator/gke/schema.json from the descriptors of google-cloud-container.

Run as a script after an upgrade of that package. The emulator cannot import it: it must not
share code with the client that it stands in front of, so the field names travel as data.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from google.cloud import container_v1, container_v1beta1
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

TARGET = Path(__file__).parents[2] / "xpk" / "emulator" / "gke" / "schema.json"
REQUESTS = ("CreateClusterRequest", "UpdateClusterRequest", "CreateNodePoolRequest", "UpdateNodePoolRequest")
SCALARS = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "string",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_FLOAT: "double",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_UINT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT64: "int64",
}
WELL_KNOWN = {
    "Duration": "string",
    "Timestamp": "string",
    "BoolValue": "bool",
    "StringValue": "string",
    "Int32Value": "int32",
    "UInt32Value": "int32",
    "Int64Value": "int64",
    "DoubleValue": "double",
}


class Collector:
    """Messages and enums that are reachable from the ones asked for."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, list[Any]]] = {}
        self.enums: dict[str, dict[str, int]] = {}

    def message(self, descriptor: Descriptor) -> str:
        """The name of a message, after it and all below it are collected."""
        name = short(descriptor.full_name)
        if name not in self.messages:
            fields = self.messages[name] = {}
            for item in descriptor.fields:
                fields[item.json_name] = self.field(item)
        return name

    def enum(self, descriptor: EnumDescriptor) -> str:
        """The name of an enum, after it is collected."""
        name = short(descriptor.full_name)
        self.enums[name] = {value.name: value.number for value in descriptor.values}
        return name

    def field(self, item: FieldDescriptor) -> list[Any]:
        """`[type, "one" | "many" | "map", message or enum name, has presence]`."""
        message = item.message_type
        if message is not None and message.GetOptions().map_entry:
            kind, _, reference, _ = self.field(message.fields_by_name["value"])
            return [kind, "map", reference, False]
        shape = "many" if item.is_repeated else "one"
        presence = bool(item.has_presence)
        if message is None:
            if item.enum_type is not None:
                return ["enum", shape, self.enum(item.enum_type), presence]
            return [SCALARS[item.type], shape, None, presence]
        if message.full_name.startswith("google.protobuf."):
            return [WELL_KNOWN.get(message.name, "any"), shape, None, True]
        return ["message", shape, self.message(message), presence]


def short(full_name: str) -> str:
    """`google.container.v1.NodePool.AutopilotConfig` -> `NodePool.AutopilotConfig`."""
    return full_name.removeprefix("google.container.v1beta1.").removeprefix("google.container.v1.")


def generate() -> dict[str, Any]:
    """The schema: v1's request messages, and what v1beta1 adds to NodeConfig for host maintenance."""
    stable = Collector()
    for name in REQUESTS:
        stable.message(getattr(container_v1, name).pb().DESCRIPTOR)
    beta = Collector()
    node_config = container_v1beta1.NodeConfig.pb().DESCRIPTOR
    extra = beta.field(node_config.fields_by_name["host_maintenance_policy"])
    beta.messages["NodeConfig"] = {"hostMaintenancePolicy": extra}
    return {
        "v1": {"messages": stable.messages, "enums": stable.enums},
        "v1beta1": {"messages": beta.messages, "enums": beta.enums},
    }


def text() -> str:
    """The file's content."""
    return json.dumps(generate(), separators=(",", ":"), sort_keys=True) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")
