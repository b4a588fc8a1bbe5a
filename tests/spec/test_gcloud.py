"""gcloud arguments as API fields: the tables against Google's own messages, and how words are read."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from copy import deepcopy

import pytest
from google.cloud import container_v1
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from xpk.errors import Fault, UsageError
from xpk.spec.api_field import ApiField, Json, merge
from xpk.spec.gcloud import GcloudArguments, parse_cluster_arguments, parse_nodepool_arguments
from xpk.spec.gcloud_cluster import cluster_rows
from xpk.spec.gcloud_row import Refused, Row, Switch, Takes
from xpk.spec.gcloud_slice import nodepool_rows

CLUSTER = "--custom-cluster-arguments"
POOL = "--custom-nodepool-arguments"
TABLES = {"cluster": cluster_rows(), "pool": nodepool_rows()}


def parse(kind: str, text: str) -> GcloudArguments:
    if kind == "cluster":
        return parse_cluster_arguments(text, CLUSTER)
    return parse_nodepool_arguments(text, POOL)


def body(kind: str, text: str) -> Json:
    return merge({}, parse(kind, text).fields)


def faults(kind: str, text: str) -> tuple[Fault, ...]:
    with pytest.raises(UsageError) as caught:
        parse(kind, text)
    return caught.value.faults


def sent(kind: str, message: Json) -> Json:
    """What Google's own message keeps of a body: an unknown field or a wrong type is an error."""
    cls = container_v1.Cluster if kind == "cluster" else container_v1.NodePool
    found = cls.pb(cls())
    json_format.ParseDict(message, found)
    wire: Json = json_format.MessageToDict(found)
    return wire


def uses(rows: Mapping[str, Row]) -> list[str]:
    """One legal use of every form of every flag that becomes fields."""
    found = []
    for name, row in rows.items():
        match row:
            case Takes():
                found.append(f"{name}={shlex.quote(row.example)}")
            case Switch():
                found.append(name)
                if row.off is not None:
                    found.append(f"--no-{name.removeprefix('--')}")
            case _:
                pass
    return found


ALL_USES = [(kind, use) for kind, rows in TABLES.items() for use in uses(rows)]


@pytest.mark.parametrize(("kind", "use"), ALL_USES)
def test_every_row_is_a_field_of_the_api(kind: str, use: str) -> None:
    arguments = parse(kind, use)
    assert arguments.fields
    wire = sent(kind, merge({}, arguments.fields))
    for field in arguments.fields:
        assert _reached(wire, field.path[:-1] or field.path) is not None


def _reached(wire: Json, path: tuple[str, ...]) -> object:
    here: object = wire
    for part in path:
        if isinstance(here, list):
            here = here[int(part)]
        elif isinstance(here, dict):
            if part not in here:
                return None
            here = here[part]
    return here


def test_tables_are_large_enough_to_mean_something() -> None:
    assert len(uses(TABLES["cluster"])) > 120
    assert len(uses(TABLES["pool"])) > 60


REFUSED = [
    (kind, name) for kind, rows in TABLES.items() for name, row in rows.items() if isinstance(row, Refused)
]


@pytest.mark.parametrize(("kind", "name"), REFUSED)
@pytest.mark.parametrize("form", ["{}", "{}=x", "{} x"])
def test_refused_flags_are_one_fault_with_what_to_type(kind: str, name: str, form: str) -> None:
    (fault,) = faults(kind, form.format(name))
    assert name in fault.what
    assert fault.why
    assert fault.fix


@pytest.mark.parametrize("kind", TABLES)
def test_older_and_newer_places_are_never_both_filled(kind: str) -> None:
    paths = {field.path for use in uses(TABLES[kind]) for field in parse(kind, use).fields}
    tops = {path[0] for path in paths}
    assert "masterAuthorizedNetworksConfig" not in tops
    assert {path for path in paths if path[0] == "privateClusterConfig"} <= {
        ("privateClusterConfig", "masterIpv4CidrBlock")
    }


SCOPES = [
    "https://www.googleapis.com/auth/devstorage.full_control",
    "https://www.googleapis.com/auth/devstorage.read_only",
    "https://www.googleapis.com/auth/logging.write",
    "https://www.googleapis.com/auth/monitoring",
    "https://www.googleapis.com/auth/service.management.readonly",
    "https://www.googleapis.com/auth/servicecontrol",
    "https://www.googleapis.com/auth/trace.append",
]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("cluster", "", {}),
        ("cluster", "--network=n1 --subnetwork=s1", {"network": "n1", "subnetwork": "s1"}),
        ("cluster", "  --network n1\n --subnetwork   s1  ", {"network": "n1", "subnetwork": "s1"}),
        ("cluster", "--release-channel=None", {"releaseChannel": {"channel": "UNSPECIFIED"}}),
        ("cluster", "--release-channel rapid", {"releaseChannel": {"channel": "RAPID"}}),
        (
            "cluster",
            """ --network=n  --subnetwork=s  --scopes=storage-full,gke-default  --enable-ip-alias
            --enable-private-nodes  --master-ipv4-cidr 172.16.0.32/28  --cluster-ipv4-cidr=10.224.0.0/12
            --no-enable-master-authorized-networks """,
            {
                "network": "n",
                "subnetwork": "s",
                "nodePools": [{"config": {"oauthScopes": SCOPES}}],
                "ipAllocationPolicy": {"useIpAliases": True, "clusterIpv4CidrBlock": "10.224.0.0/12"},
                "networkConfig": {"defaultEnablePrivateNodes": True},
                "privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.32/28"},
                "controlPlaneEndpointsConfig": {
                    "ipEndpointsConfig": {"authorizedNetworksConfig": {"enabled": False}}
                },
            },
        ),
        (
            "cluster",
            "--workload-pool=p1.svc.id.goog --addons=HighScaleCheckpointing,GcsFuseCsiDriver",
            {
                "workloadIdentityConfig": {"workloadPool": "p1.svc.id.goog"},
                "addonsConfig": {
                    "highScaleCheckpointingConfig": {"enabled": True},
                    "gcsFuseCsiDriverConfig": {"enabled": True},
                },
            },
        ),
        (
            "cluster",
            "--enable-shielded-nodes --shielded-secure-boot --shielded-integrity-monitoring",
            {
                "shieldedNodes": {"enabled": True},
                "nodePools": [
                    {
                        "config": {
                            "shieldedInstanceConfig": {
                                "enableSecureBoot": True,
                                "enableIntegrityMonitoring": True,
                            }
                        }
                    }
                ],
            },
        ),
        (
            "cluster",
            "--enable-dataplane-v2 --enable-ip-alias --enable-multi-networking",
            {
                "networkConfig": {"datapathProvider": "ADVANCED_DATAPATH", "enableMultiNetworking": True},
                "ipAllocationPolicy": {"useIpAliases": True},
            },
        ),
        (
            "cluster",
            "--addons=HttpLoadBalancing=DISABLED",
            {"addonsConfig": {"httpLoadBalancing": {"disabled": True}}},
        ),
        (
            "cluster",
            "--master-authorized-networks=203.0.113.0/24,198.51.100.7",
            {
                "controlPlaneEndpointsConfig": {
                    "ipEndpointsConfig": {
                        "authorizedNetworksConfig": {
                            "enabled": True,
                            "cidrBlocks": [{"cidrBlock": "203.0.113.0/24"}, {"cidrBlock": "198.51.100.7/32"}],
                        }
                    }
                }
            },
        ),
        ("cluster", "--logging=NONE", {"loggingConfig": {"componentConfig": {"enableComponents": []}}}),
        (
            "cluster",
            "--create-subnetwork=name=s1,range=/22",
            {
                "ipAllocationPolicy": {
                    "createSubnetwork": True,
                    "useIpAliases": True,
                    "subnetworkName": "s1",
                    "nodeIpv4CidrBlock": "/22",
                }
            },
        ),
        (
            "cluster",
            "--create-subnetwork ''",
            {"ipAllocationPolicy": {"createSubnetwork": True, "useIpAliases": True}},
        ),
        ("cluster", "--labels=^;^a=1,2;b=3", {"resourceLabels": {"a": "1,2", "b": "3"}}),
        ("cluster", "--description='two words; $(not run)'", {"description": "two words; $(not run)"}),
        (
            "pool",
            " --scopes=storage-full,gke-default  --enable-gvnic  --max-pods-per-node 15  --disk-size=50",
            {
                "config": {"oauthScopes": SCOPES, "gvnic": {"enabled": True}, "diskSizeGb": 50},
                "maxPodsConstraint": {"maxPodsPerNode": 15},
            },
        ),
        ("pool", "--disk-size=1TB", {"config": {"diskSizeGb": 1024}}),
        (
            "pool",
            "--disk-type=pd-standard --disk-size 100GB",
            {"config": {"diskType": "pd-standard", "diskSizeGb": 100}},
        ),
        (
            "pool",
            """--additional-node-network network=n1,subnetwork=s1
            --additional-node-network=network=n2,subnetwork=s2""",
            {
                "networkConfig": {
                    "additionalNodeNetworkConfigs": [
                        {"network": "n1", "subnetwork": "s1"},
                        {"network": "n2", "subnetwork": "s2"},
                    ]
                }
            },
        ),
        (
            "pool",
            "--additional-pod-network=subnetwork=s1,pod-ipv4-range=r1,max-pods-per-node=8",
            {
                "networkConfig": {
                    "additionalPodNetworkConfigs": [
                        {
                            "secondaryPodRange": "r1",
                            "subnetwork": "s1",
                            "maxPodsPerNode": {"maxPodsPerNode": 8},
                        }
                    ]
                }
            },
        ),
        (
            "cluster",
            """--maintenance-window-start=2030-01-05T09:00:00+02:00
            --maintenance-window-end=2030-01-05T17:00:00""",
            {
                "maintenancePolicy": {
                    "window": {
                        "recurringWindow": {
                            "window": {"startTime": "2030-01-05T07:00:00Z", "endTime": "2030-01-05T17:00:00Z"}
                        }
                    }
                }
            },
        ),
        ("pool", "--placement-type=COMPACT", {"placementPolicy": {"type": "COMPACT"}}),
        (
            "pool",
            "--node-taints=a=b:NoSchedule,c:PreferNoSchedule",
            {
                "config": {
                    "taints": [
                        {"key": "a", "value": "b", "effect": "NO_SCHEDULE"},
                        {"key": "c", "value": "", "effect": "PREFER_NO_SCHEDULE"},
                    ]
                }
            },
        ),
        (
            "pool",
            "--workload-metadata=GKE_METADATA_SERVER",
            {"config": {"workloadMetadataConfig": {"mode": "GKE_METADATA"}}},
        ),
        ("pool", "--max-run-duration=7d", {"config": {"maxRunDuration": "604800s"}}),
        ("pool", "--no-enable-autoupgrade", {"management": {"autoUpgrade": False}}),
        (
            "pool",
            "--ephemeral-storage-local-ssd count=2 --data-cache-count=1",
            {"config": {"ephemeralStorageLocalSsdConfig": {"localSsdCount": 2, "dataCacheCount": 1}}},
        ),
    ],
)
def test_words_become_fields(kind: str, text: str, expected: Json) -> None:
    found = body(kind, text)
    assert found == expected
    sent(kind, found)


@pytest.mark.parametrize(
    ("kind", "text", "why", "fix"),
    [
        ("cluster", "--subnet=s1", "has no such flag", "--subnetwork"),
        ("cluster", "--enable_ip_alias", "has no such flag", "--enable-ip-alias"),
        ("cluster", "--zzz=1", "has no such flag", "leave it out"),
        ("cluster", "--network='n1", "a quote is not closed", CLUSTER),
        ("cluster", "--network=n1\\", "backslash", CLUSTER),
        ("cluster", "c1", "belongs to no flag", "--FLAG=c1"),
        ("cluster", "--network", "needs a value", "--network=n1"),
        ("cluster", "--network --enable-ip-alias", "needs a value", "--network=n1"),
        ("cluster", "--network=", "it needs a value", "--network=VALUE"),
        ("cluster", "--no-network", "no --no- form", "leave it out"),
        ("cluster", "--enable-ip-alias=true", "takes no value", "--no-enable-ip-alias"),
        ("cluster", "--no-enable-ip-alias", "VPC-native", "leave it out"),
        ("cluster", "--release-channel=fast", "rapid, regular", "--release-channel=rapid"),
        (
            "cluster",
            "--master-ipv4-cidr=172.16.0.33/28",
            "has host bits set",
            "--master-ipv4-cidr=172.16.0.32/28",
        ),
        ("cluster", "--cluster-version=1.33", "itself", "--gke-version"),
        ("cluster", "--machine-type n2-standard-8", "itself", "--default-pool-cpu-machine-type"),
        ("cluster", "--num-nodes=3", "itself", "--default-pool-cpu-num-nodes"),
        ("cluster", "-z us-east5-a", "itself", "--zone of this command"),
        ("cluster", "--workload-pool=p1", "svc.id.goog", "PROJECT.svc.id.goog"),
        ("cluster", "--addons=GcsFuse", "gcloud knows", "--addons="),
        ("cluster", "--scopes=storage", "neither a scope", "cloud-platform"),
        ("cluster", "--labels=a", "not KEY=VALUE", "KEY=VALUE"),
        ("cluster", "--labels=a=1,a=2", "twice", "KEY=VALUE"),
        ("cluster", "--maintenance-window=25:00", "not a time of day", "03:00"),
        (
            "cluster",
            "--maintenance-window-start=0001-01-01T00:00:00+23:00",
            "RFC 3339",
            "2030-01-01T09:00:00Z",
        ),
        ("cluster", "--enable-multi-networking --no-enable-dataplane-v2", "contradict", "keep one"),
        (
            "cluster",
            "--master-authorized-networks=10.0.0.0/8 --no-enable-master-authorized-networks",
            "contradict",
            "keep one",
        ),
        ("pool", "--tpu-topology=4x4", "the slice decides it", "--tpu-type"),
        ("pool", "--machine-type=ct6e-standard-4t", "the slice decides it", "--tpu-type"),
        ("pool", "--num-nodes=4", "the slice decides it", "--tpu-type"),
        ("pool", "--node-locations=us-east5-a", "one zone", "--zone"),
        ("pool", "--spot", "need to know", "--spot of this command"),
        ("pool", "--disk-size=50MB", "not a disk size", "100GB"),
        ("pool", "--disk-size=5", "10 GB to 64 TB", "100GB"),
        ("pool", "--max-pods-per-node=many", "not a whole number", "--max-pods-per-node=8"),
        ("pool", "--max-pods-per-node=500", "from 8 to 256", "--max-pods-per-node=256"),
        ("pool", "--additional-node-network=network=n1", "subnetwork is missing", "network=NETWORK"),
        ("pool", "--additional-node-network=net=n1,subnetwork=s", "'net' is none of", "network=NETWORK"),
        ("pool", "--node-taints=a=b", "KEY=VALUE:EFFECT", "NoSchedule"),
        ("pool", f"--max-run-duration={'9' * 5000}", "at most ten years", "3600s"),
        ("pool", f"--disk-size={'9' * 5000}", "not a disk size", "100GB"),
        ("pool", "--max-nodes=99999999999", "from 1 to 2147483647", "--max-nodes=2147483647"),
        ("pool", "--max-run-duration=soon", "not a duration", "3600s"),
    ],
)
def test_one_wrong_word_is_one_fault(kind: str, text: str, why: str, fix: str) -> None:
    (fault,) = faults(kind, text)
    assert why in fault.why
    assert fix in fault.fix
    assert fault.what.startswith(CLUSTER if kind == "cluster" else POOL)


def test_all_faults_of_one_text_come_together() -> None:
    found = faults("cluster", "--machine-type n1 --foo bar --release-channel=fast --network")
    assert [fault.what.split()[1].partition("=")[0] for fault in found] == [
        "--machine-type",
        "--foo",
        "--release-channel",
        "--network",
    ]


@pytest.mark.parametrize(
    ("kind", "text", "fields", "note"),
    [
        ("cluster", "--quiet", 0, "ignored"),
        ("cluster", "--format json", 0, "ignored"),
        ("cluster", "--async", 0, "ignored"),
        ("cluster", "--no-enable-autoprovisioning", 0, "off anyway"),
        ("cluster", "--network=a --network=b", 1, "the last one counts: --network=b"),
        (
            "cluster",
            "--enable-intra-node-visibility --no-enable-intra-node-visibility",
            1,
            "the last one counts",
        ),
        ("cluster", "--addons=GcsFuseCsiDriver", 1, "also disables"),
        ("pool", "--no-enable-autorepair", 1, "release channel"),
    ],
)
def test_notes(kind: str, text: str, fields: int, note: str) -> None:
    found = parse(kind, text)
    assert len(found.fields) == fields
    assert len(found.notes) == 1
    assert note in found.notes[0]


def test_the_same_word_twice_is_not_worth_a_note() -> None:
    found = parse("cluster", "--network=a --network=a")
    assert found == GcloudArguments((ApiField(("network",), "a", "--network"),))


def test_a_flag_is_named_without_its_value() -> None:
    found = parse("pool", "--disk-size 50 --no-enable-autorepair --disk-type=pd-ssd")
    assert [field.flag for field in found.fields] == ["--disk-size", "--no-enable-autorepair", "--disk-type"]


@pytest.mark.parametrize(
    ("kind", "text", "path"),
    [
        ("cluster", "--release-channel=None", ("releaseChannel",)),
        ("cluster", "--no-enable-shielded-nodes", ("shieldedNodes",)),
        ("pool", "--no-enable-autoupgrade", ("management",)),
        ("pool", "--no-enable-gvnic", ("config", "gvnic")),
    ],
)
def test_a_false_is_sent_as_a_message_that_is_there(kind: str, text: str, path: tuple[str, ...]) -> None:
    """proto3 drops false and zero from the wire. The message around it goes, so GKE reads it as given."""
    assert _reached(sent(kind, body(kind, text)), path) == {}


def test_control_characters_are_not_repeated_raw() -> None:
    (fault,) = faults("cluster", "'--bad\x1b[31m'")
    assert "\x1b" not in fault.what


def test_merge_leaves_its_input_alone_and_the_last_word_wins() -> None:
    before: Json = {"config": {"labels": {"a": "1"}, "tags": ["x"]}, "management": {"autoRepair": True}}
    kept = deepcopy(before)
    merged = merge(
        before,
        [
            ApiField(("config", "labels"), {"b": "2"}, "--node-labels", append=True),
            ApiField(("config", "tags"), ["x", "y"], "--tags", append=True),
            ApiField(("config", "oauthScopes"), ["s"], "--scopes"),
            ApiField(("management", "autoUpgrade"), False, "--no-enable-autoupgrade"),
            ApiField(("config", "diskSizeGb"), 50, "--disk-size"),
            ApiField(("config", "diskSizeGb"), 60, "--disk-size"),
            ApiField(("nodePools", "0", "config", "spot"), True, "--spot"),
        ],
    )
    assert before == kept
    assert merged == {
        "config": {
            "labels": {"a": "1", "b": "2"},
            "tags": ["x", "y"],
            "oauthScopes": ["s"],
            "diskSizeGb": 60,
        },
        "management": {"autoRepair": True, "autoUpgrade": False},
        "nodePools": [{"config": {"spot": True}}],
    }


def test_merge_does_not_share_what_it_places() -> None:
    field = ApiField(("config", "tags"), ["x"], "--tags")
    merge({}, [field])["config"]["tags"].append("y")
    assert field.value == ["x"]


def outcome(kind: str, text: str) -> Json | tuple[Fault, ...]:
    """The body, or the faults."""
    try:
        return body(kind, text)
    except UsageError as error:
        return error.faults


@given(st.sampled_from(sorted(TABLES)), st.text(max_size=60))
def test_any_text_is_read_or_refused(kind: str, text: str) -> None:
    found = outcome(kind, text)
    if isinstance(found, tuple):
        assert all(fault.what and fault.why and fault.fix for fault in found)
    else:
        sent(kind, found)


@given(st.sampled_from(sorted(TABLES)), st.data())
def test_any_value_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    """No value of a known flag makes a request that the API's own message does not take."""
    takes = sorted(name for name, row in TABLES[kind].items() if isinstance(row, Takes))
    name = data.draw(st.sampled_from(takes))
    value = data.draw(st.text(alphabet="0123456789abcGTB=,:/.-^ \n\"'é²", max_size=20))
    found = outcome(kind, f"{name}={shlex.quote(value)}")
    if isinstance(found, tuple):
        assert len(found) == 1
    else:
        sent(kind, found)


@given(st.sampled_from(sorted(TABLES)), st.data())
def test_order_and_style_of_words_do_not_matter(kind: str, data: st.DataObject) -> None:
    """`--flag=value` and `--flag value`, in any order, make the same body."""
    rows = TABLES[kind]
    names = [name for name, row in rows.items() if isinstance(row, Takes)]
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=6))
    pairs = {name: shlex.quote(row.example) for name in chosen if isinstance(row := rows[name], Takes)}
    one = outcome(kind, " ".join(f"{name}={value}" for name, value in pairs.items()))
    shuffled = data.draw(st.permutations(list(pairs.items())))
    other = outcome(kind, "  ".join(f"{name} {value}" for name, value in shuffled))
    if isinstance(one, tuple):
        assert isinstance(other, tuple)
        assert all("contradict" in fault.why for fault in (*one, *other))
    else:
        assert other == one
