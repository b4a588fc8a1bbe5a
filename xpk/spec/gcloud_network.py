"""Flags of `gcloud container clusters create` about addresses: networks, ranges, the control plane's doors.

Who may reach the control plane is sent in `controlPlaneEndpointsConfig` alone. The API also
has older places (`masterAuthorizedNetworksConfig`, most of `privateClusterConfig`) and calls
it invalid to fill both (google.container.v1 `IPEndpointsConfig`). Only the control plane's own
range has no newer place.
"""

from __future__ import annotations

from xpk.spec import gcloud_compound as compound
from xpk.spec import gcloud_value as value
from xpk.spec.api_field import AUTHORIZED, IP_ENDPOINTS, PRIVATE_NODES, Path
from xpk.spec.gcloud_row import (
    Refused,
    Row,
    Switch,
    Takes,
    choice,
    each,
    only_on,
    picks,
    read,
    switch,
    text,
    whole,
)

_NETWORK: Path = ("networkConfig",)
_DATAPATH: Path = ("networkConfig", "datapathProvider")
_IP: Path = ("ipAllocationPolicy",)
_VPC_NATIVE = "Dataplane V2 and multi-networking need a VPC-native cluster"


def network_rows() -> dict[str, Row]:
    """The flags, by name with the two dashes."""
    return {**_networks(), **_ranges(), **_datapath(), **_dns(), **_doors(), **_authorized()}


def _networks() -> dict[str, Row]:
    return {
        "--network": text(("network",), "n1"),
        "--subnetwork": text(("subnetwork",), "s1"),
        "--create-subnetwork": Takes(compound.subnetwork_drafts, "name=s1,range=10.0.0.0/20"),
        "--enable-ip-alias": only_on(((*_IP, "useIpAliases"), True, False), why_no_off=_VPC_NATIVE),
        "--stack-type": choice((*_IP, "stackType"), {"ipv4": "IPV4", "ipv4-ipv6": "IPV4_IPV6"}),
        "--ipv6-access-type": choice(
            (*_IP, "ipv6AccessType"), {"internal": "INTERNAL", "external": "EXTERNAL"}
        ),
        "--private-ipv6-google-access-type": choice(
            (*_NETWORK, "privateIpv6GoogleAccess"),
            {
                "disabled": "PRIVATE_IPV6_GOOGLE_ACCESS_DISABLED",
                "outbound-only": "PRIVATE_IPV6_GOOGLE_ACCESS_TO_GOOGLE",
                "bidirectional": "PRIVATE_IPV6_GOOGLE_ACCESS_BIDIRECTIONAL",
            },
        ),
        "--network-performance-configs": read(
            (*_NETWORK, "networkPerformanceConfig"), compound.bandwidth, "total-egress-bandwidth-tier=TIER_1"
        ),
    }


def _ranges() -> dict[str, Row]:
    return {
        "--cluster-ipv4-cidr": read((*_IP, "clusterIpv4CidrBlock"), value.cidr_or_size, "10.224.0.0/12"),
        "--services-ipv4-cidr": read((*_IP, "servicesIpv4CidrBlock"), value.cidr_or_size, "10.0.32.0/20"),
        "--cluster-secondary-range-name": text((*_IP, "clusterSecondaryRangeName"), "pods"),
        "--services-secondary-range-name": text((*_IP, "servicesSecondaryRangeName"), "services"),
        "--additional-ip-ranges": each(
            (*_IP, "additionalIpRangesConfigs"), compound.ip_range, "subnetwork=s2,pod-ipv4-range=pods-2"
        ),
        "--enable-auto-ipam": switch((*_IP, "autoIpamConfig", "enabled")),
        "--disable-pod-cidr-overprovision": only_on(
            ((*_IP, "podCidrOverprovisionConfig", "disable"), True, False)
        ),
        "--default-max-pods-per-node": whole(("defaultMaxPodsConstraint", "maxPodsPerNode"), "110", 8, 256),
    }


def _datapath() -> dict[str, Row]:
    observed = ("monitoringConfig", "advancedDatapathObservabilityConfig")
    return {
        "--enable-dataplane-v2": picks(_DATAPATH, "ADVANCED_DATAPATH", "LEGACY_DATAPATH"),
        "--enable-multi-networking": Switch(
            (((*_NETWORK, "enableMultiNetworking"), True, False), (_DATAPATH, "ADVANCED_DATAPATH", False)),
            (((*_NETWORK, "enableMultiNetworking"), False, False),),
        ),
        "--enable-dataplane-v2-metrics": switch((*observed, "enableMetrics")),
        "--enable-dataplane-v2-flow-observability": switch((*observed, "enableRelay")),
        "--enable-intra-node-visibility": switch((*_NETWORK, "enableIntraNodeVisibility")),
        "--enable-l4-ilb-subsetting": switch((*_NETWORK, "enableL4ilbSubsetting")),
        "--enable-fqdn-network-policy": switch((*_NETWORK, "enableFqdnNetworkPolicy")),
        "--enable-cilium-clusterwide-network-policy": switch(
            (*_NETWORK, "enableCiliumClusterwideNetworkPolicy")
        ),
        "--enable-service-externalips": switch((*_NETWORK, "serviceExternalIpsConfig", "enabled")),
        "--disable-default-snat": only_on(((*_NETWORK, "defaultSnatStatus", "disabled"), True, False)),
        "--disable-l4-lb-firewall-reconciliation": only_on(
            ((*_NETWORK, "disableL4LbFirewallReconciliation"), True, False)
        ),
        "--in-transit-encryption": choice(
            (*_NETWORK, "inTransitEncryptionConfig"),
            {
                "none": "IN_TRANSIT_ENCRYPTION_DISABLED",
                "inter-node-transparent": "IN_TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT",
            },
        ),
        "--enable-network-policy": Refused(
            "Calico and Dataplane V2 exclude each other", "Dataplane V2 has network policies of its own"
        ),
    }


def _dns() -> dict[str, Row]:
    dns = (*_NETWORK, "dnsConfig")
    return {
        "--cluster-dns": choice(
            (*dns, "clusterDns"),
            {"clouddns": "CLOUD_DNS", "default": "PLATFORM_DEFAULT", "kubedns": "KUBE_DNS"},
        ),
        "--cluster-dns-scope": choice(
            (*dns, "clusterDnsScope"), {"cluster": "CLUSTER_SCOPE", "vpc": "VPC_SCOPE"}
        ),
        "--cluster-dns-domain": text((*dns, "clusterDnsDomain"), "cluster-1.local"),
        "--additive-vpc-scope-dns-domain": text((*dns, "additiveVpcScopeDnsDomain"), "cluster-1"),
        "--gateway-api": choice(
            (*_NETWORK, "gatewayApiConfig", "channel"),
            {"standard": "CHANNEL_STANDARD", "disabled": "CHANNEL_DISABLED"},
        ),
    }


def _doors() -> dict[str, Row]:
    by_name = ("controlPlaneEndpointsConfig", "dnsEndpointConfig")
    return {
        "--enable-private-nodes": switch(PRIVATE_NODES),
        "--enable-private-endpoint": Switch(
            (((*IP_ENDPOINTS, "enablePublicEndpoint"), False, False),),
            (((*IP_ENDPOINTS, "enablePublicEndpoint"), True, False),),
        ),
        "--private-endpoint-subnetwork": text(
            (*IP_ENDPOINTS, "privateEndpointSubnetwork"), "projects/p/regions/r/subnetworks/s"
        ),
        "--enable-master-global-access": switch((*IP_ENDPOINTS, "globalAccess")),
        "--enable-ip-access": switch((*IP_ENDPOINTS, "enabled")),
        "--enable-dns-access": switch((*by_name, "allowExternalTraffic")),
        "--enable-k8s-tokens-via-dns": switch((*by_name, "enableK8sTokensViaDns")),
        "--enable-k8s-certs-via-dns": switch((*by_name, "enableK8sCertsViaDns")),
        "--master-ipv4-cidr": read(
            ("privateClusterConfig", "masterIpv4CidrBlock"), value.cidr, "172.16.0.32/28"
        ),
    }


def _authorized() -> dict[str, Row]:
    return {
        "--enable-master-authorized-networks": switch((*AUTHORIZED, "enabled")),
        "--master-authorized-networks": Takes(compound.authorized_networks, "203.0.113.0/24,198.51.100.7"),
        "--enable-google-cloud-access": switch((*AUTHORIZED, "gcpPublicCidrsAccessEnabled")),
        "--enable-authorized-networks-on-private-endpoint": switch(
            (*AUTHORIZED, "privateEndpointEnforcementEnabled")
        ),
    }
