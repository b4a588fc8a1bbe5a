from __future__ import annotations

import pytest

from xpk.rehearsal.driver.request import Request, parse_request

GOOD = """job-name: reh
framework: orbax
assume-data-parallelism: 2
node-rank: 3
nodes: 4
peer-ranks: [1]
backup-interval-minutes: 30"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_what_orbax_writes_is_read() -> None:
    request = parse_request(GOOD)
    assert request == Request("reh", 3, 4, 2, 30)
    assert request.partition == 2


def test_without_parallelism_nobody_holds_equal_data() -> None:
    request = parse_request(changed("assume-data-parallelism: 2\n", ""))
    assert (request.parallelism, request.partition) == (1, 4)


@pytest.mark.parametrize("interval", ["", "backup-interval-steps: 100"])
def test_no_minutes_is_readable(interval: str) -> None:
    """The published coordinator finds that out later, with a KeyError."""
    assert parse_request(changed("backup-interval-minutes: 30", interval)).minutes is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "required key not provided: 'job-name'"),
        (changed("job-name: reh\n", ""), "required key not provided: 'job-name'"),
        (changed("job-name: reh", "job-name: ''"), "job-name is empty"),
        (changed("orbax", "tensorflow"), "framework is 'tensorflow'"),
        (GOOD + "\nextra: 1", "extra keys not allowed: 'extra'"),
        (GOOD + "\nnodes: 4", "cannot read 'nodes: 4'"),
        (GOOD + "\nnonsense", "cannot read 'nonsense'"),
        (changed("nodes: 4", "nodes: 0"), "nodes is '0'"),
        (changed("nodes: 4", "nodes: four"), "nodes is 'four'"),
        (changed("nodes: 4", "nodes: 3"), "node-rank 3 is not below nodes 3"),
        (changed("parallelism: 2", "parallelism: 3"), "not divisible by assume-data-parallelism 3"),
        (changed("[1]", "[3]"), "peer-ranks [3] must be others"),
        (changed("[1]", "[1, 1]"), "peer-ranks [1, 1] must be others"),
        (changed("[1]", "[4]"), "peer-ranks [4] must be others"),
        (changed("[1]", "1"), "peer-ranks is '1'"),
        (changed("peer-ranks: [1]\n", ""), "exactly one of 'peer-ranks' and 'peers-per-node'"),
        (GOOD + "\nbackup-interval-steps: 5", "exclude each other"),
        (changed("minutes: 30", "minutes: 0"), "backup-interval-minutes is '0'"),
    ],
)
def test_what_the_replicator_refuses_is_refused_with_its_reason(text: str, words: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_request(text)
    assert words in str(raised.value)


def test_all_faults_are_told_together() -> None:
    with pytest.raises(ValueError) as raised:
        parse_request("framework: x\nnodes: 0")
    assert all(word in str(raised.value) for word in ("framework", "nodes", "job-name", "node-rank"))
