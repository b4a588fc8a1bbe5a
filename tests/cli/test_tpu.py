"""`xpk tpu` and `xpk mtc`: answers without a project."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
import yaml

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]


def test_list_of_a_family(xpk: Xpk) -> None:
    done = xpk("tpu", "list", "--family", "v5p", "--hosts", "32")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["NAME", "TOPOLOGY", "CHIPS", "HOSTS", "MACHINE", "GB/HOST"]
    assert ["v5p-256", "4x4x8", "128", "32", "ct5p-hightpu-4t", "448"] in lines
    assert all(line[3] == "32" and line[0].startswith("v5p-") for line in lines[1:])


def test_list_as_json_has_what_programs_need(xpk: Xpk) -> None:
    rows = json.loads(xpk("tpu", "list", "-o", "json").stdout)
    keys = {"name", "topology", "chips", "hosts", "machine_type", "accelerator", "ram_gb_per_host"}
    assert all(keys <= set(row) for row in rows)
    assert len({row["name"] for row in rows}) == len(rows)
    assert {row["family"] for row in rows} == {"v4", "v5e", "v5p", "v6e"}


def test_an_empty_list(xpk: Xpk) -> None:
    done = xpk("tpu", "list", "--family", "v6e", "--hosts", "7")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no slice type is like that" in done.stderr
    assert json.loads(xpk("tpu", "list", "--hosts", "7", "-ojson").stdout) == []


def test_families_by_other_names(xpk: Xpk) -> None:
    assert xpk("tpu", "list", "--family", "v5litepod").stdout == xpk("tpu", "list", "--family=V5E").stdout


@pytest.mark.parametrize("name", ["v5e-256", "v5litepod-256"])
def test_show(name: str, xpk: Xpk) -> None:
    shown = json.loads(xpk("tpu", "show", name, "-o", "json").stdout)
    assert (shown["name"], shown["topology"], shown["hosts"]) == ("v5litepod-256", "16x16", 64)
    assert yaml.safe_load(xpk("tpu", "show", name, "-o", "yaml").stdout) == shown
    assert "topology         16x16" in xpk("tpu", "show", name).stdout


def test_the_guide_s_example_of_a_size(xpk: Xpk) -> None:
    done = xpk("mtc", "size", "--model-params", "70B", "--tpu-type", "v5p-256")
    for part in ("840 GB", "26.25 GB", "52.5 GB", "60.375 GB", "57579Mi"):
        assert part in done.stdout
    row = json.loads(xpk("mtc", "size", "--model-params=70B", "--tpu-type=v5p-256", "-ojson").stdout)
    assert (row["ramdisk"], row["hosts"], row["fits"]) == ("57579Mi", 32, True)


def test_sizes_for_all_types_that_fit(xpk: Xpk) -> None:
    rows = json.loads(xpk("mtc", "size", "--model-params", "70B", "-o", "json").stdout)
    assert rows
    assert all(row["fits"] for row in rows)
    table = xpk("mtc", "size", "--model-params", "70B").stdout.splitlines()
    assert len(table) == len(rows) + 1
    assert max(map(len, table)) <= 80


def test_a_model_that_no_type_holds(xpk: Xpk) -> None:
    done = xpk("mtc", "size", "--model-params", "9000T")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no slice type holds a model of 9000T parameters" in done.stderr
    assert json.loads(xpk("mtc", "size", "--model-params", "9000T", "-ojson").stdout) == []


def test_one_that_does_not_fit_says_so(xpk: Xpk) -> None:
    done = xpk("mtc", "size", "--model-params", "70B", "--tpu-type", "v6e-8")
    assert done.returncode == 0
    assert "does not fit beside the trainer; types that do: xpk mtc size --model-params 70B" in done.stdout
