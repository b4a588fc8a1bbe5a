"""A private cluster: nodes without public addresses, and who may reach the control plane.

xpk asks a web service for the caller's public address and lets it in. This program asks nobody:
it reaches the control plane by its DNS name, where Google checks the caller's permissions, so
no address is needed; people who want the IP endpoint name theirs in `--authorized-networks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from xpk.errors import FaultCollector
from xpk.frozen import dataclass
from xpk.spec.api_field import AUTHORIZED, IP_ENDPOINTS, PRIVATE_NODES, ApiField

_SUBNETWORK = re.compile(
    r"(?:projects/[a-z0-9.:-]+/regions/[a-z0-9-]+/subnetworks/)?[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


@dataclass(frozen=True, slots=True)
class PrivateAccess:
    """How closed the cluster is. `authorized_networks` holds CIDR ranges, sorted as given.

    Nodes have no public address in any case. `endpoint_only`: the control plane has none either.
    `endpoint_subnetwork`: where its private address comes from; empty lets GKE choose.
    `global_access`: that address can be reached from other regions.
    """

    authorized_networks: tuple[str, ...] = ()
    endpoint_only: bool = False
    endpoint_subnetwork: str = ""
    global_access: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know though nothing is wrong, one sentence each."""
        notes: list[str] = []
        if not self.authorized_networks:
            notes.append(
                "--private: your own address is not added; the control plane is reached by its DNS name "
                "(for the IP endpoint: --authorized-networks RANGE)"
            )
        if any(each.endswith("/0") for each in self.authorized_networks):
            notes.append("--authorized-networks: the whole internet may try the control plane")
        notes.append("--private: nodes need Cloud NAT to pull images from outside Google Cloud")
        return tuple(notes)


def private_access(
    *,
    private: bool = False,
    authorized_networks: Iterable[str] = (),
    enable_private_endpoint: bool = False,
    private_endpoint_subnetwork: str = "",
    enable_master_global_access: bool = False,
) -> PrivateAccess | None:
    """Read xpk's five flags; each of the others implies `--private`. None: the cluster is public.

    A value of `--authorized-networks` may hold several ranges, parted by commas or blanks.
    Raises UsageError with every range and name that cannot be.
    """
    faults = FaultCollector()
    words = [word for text in authorized_networks for word in text.replace(",", " ").split()]
    networks = [network for word in words if (network := _network(word, faults))]
    subnetwork = private_endpoint_subnetwork.strip()
    if subnetwork and not _SUBNETWORK.fullmatch(subnetwork):
        faults.add(
            f"--private-endpoint-subnetwork {subnetwork}",
            "neither a subnetwork's name nor its path",
            "projects/PROJECT/regions/REGION/subnetworks/NAME",
        )
    faults.raise_if_any()
    if not (private or networks or enable_private_endpoint or subnetwork or enable_master_global_access):
        return None
    return PrivateAccess(
        authorized_networks=tuple(dict.fromkeys(networks)),
        endpoint_only=enable_private_endpoint,
        endpoint_subnetwork=subnetwork,
        global_access=enable_master_global_access,
    )


def api_fields(private: PrivateAccess) -> tuple[ApiField, ...]:
    """The fields of a `Cluster` (GKE API v1), in `controlPlaneEndpointsConfig` and never its older twins."""
    blocks = [{"cidrBlock": network} for network in private.authorized_networks]
    fields = [
        ApiField(PRIVATE_NODES, True, "--private"),
        ApiField((*AUTHORIZED, "enabled"), True, "--private"),
    ]
    if blocks:
        fields.append(ApiField((*AUTHORIZED, "cidrBlocks"), blocks, "--authorized-networks"))
    if private.endpoint_only:
        fields.append(ApiField((*IP_ENDPOINTS, "enablePublicEndpoint"), False, "--enable-private-endpoint"))
    if private.endpoint_subnetwork:
        path = (*IP_ENDPOINTS, "privateEndpointSubnetwork")
        fields.append(ApiField(path, private.endpoint_subnetwork, "--private-endpoint-subnetwork"))
    if private.global_access:
        fields.append(ApiField((*IP_ENDPOINTS, "globalAccess"), True, "--enable-master-global-access"))
    return tuple(fields)


def _network(word: str, faults: FaultCollector) -> str:
    from ipaddress import ip_network  # here, because most clusters name no networks

    try:
        return str(ip_network(word))
    except ValueError:
        faults.add(f"--authorized-networks {word}", *_why_no_network(word))
        return ""


def _why_no_network(word: str) -> tuple[str, str]:
    from ipaddress import ip_network

    try:
        wider = ip_network(word, strict=False)
    except ValueError:
        return "not an IP range", "--authorized-networks 203.0.113.0/24"
    return "the address has bits beyond the range's length", f"--authorized-networks {wider}"
