# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of an inventory are boxes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.filter.box_address import box_address
from ansible_collections.mailinabox.admin.plugins.filter.boxes import boxes

BOX = "box.example.com"
WEB = ["web1.example.com", "web2.example.com"]


def found(
    inventory: list[str],
    addresses: dict[str, str] | None = None,
    group: list[str] | None = None,
    chosen: list[str] | str | None = None,
    environment: str = "",
    limit: list[str] | None = None,
    apart: bool = True,
) -> dict[str, Any]:
    """The result of the first play of a playbook, which runs for all hosts and for ``localhost``."""
    play = limit or list(dict.fromkeys([*inventory, "localhost"]))
    hostvars = {
        host: {"miab_host": (addresses or {})[host]} if host in (addresses or {}) else {}
        for host in [*play, *inventory]
    }
    groups = {"all": inventory, **({"boxes": group} if group else {})}
    hosts = ["localhost"] if chosen == ["localhost"] else play
    told = boxes(hostvars, hosts, groups, chosen, environment, apart)
    assert set(told.pop("addresses")) == set(told["boxes"].values())
    assert told.pop("scopes") == {}
    return told


def test_a_host_is_no_box_by_default() -> None:
    told = found(WEB)
    assert told["boxes"] == {}
    for words in (
        "2 hosts of the inventory",
        "add them to the group boxes",
        "miab_host",
        "-e miab_hosts=all",
        "MIAB_HOST",
    ):
        assert words in told["error"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"group": [BOX]}, [BOX]),
        ({"addresses": {BOX: "192.0.2.1"}}, [BOX]),
        ({"addresses": {BOX: "192.0.2.1"}, "group": ["web1.example.com"]}, ["web1.example.com", BOX]),
        ({"chosen": [BOX]}, [BOX]),
        # Older releases of Ansible return an empty string for None.
        ({"group": [BOX], "chosen": ""}, [BOX]),
        ({"chosen": [*WEB, BOX]}, [*WEB, BOX]),
        # Hosts with miab_host take precedence over the environment.
        ({"addresses": {BOX: "192.0.2.1"}, "environment": "box.example.net"}, [BOX]),
    ],
)
def test_boxes_of_an_inventory(arguments: dict[str, Any], expected: list[str]) -> None:
    assert found([*WEB, BOX], **arguments) == {
        "boxes": dict(zip(expected, expected, strict=True)),
        "note": "",
        "error": "",
    }


def test_an_address_with_an_undefined_variable_still_counts() -> None:
    class Lost(dict[str, str]):
        def __getitem__(self, key: str) -> str:
            raise ValueError(key)

    hostvars = {"a": Lost(miab_host="x"), "b": Lost(miab_host="x")}
    assert list(boxes(hostvars, ["a", "b"], {"all": ["a", "b"]})["boxes"]) == ["a", "b"]


@pytest.mark.parametrize("group", [None, WEB])
def test_the_box_of_the_environment_alone_is_the_only_one(group: list[str] | None) -> None:
    told = found(WEB, group=group, environment="https://box.example.com:8443/admin")
    assert told["boxes"] == {"localhost": BOX}
    assert "this run is for the box box.example.com alone. It leaves out 2 hosts" in told["note"]


def test_a_host_with_the_name_of_the_environments_box_is_that_box_with_its_variables() -> None:
    told = found([*WEB, "Box.example.com"], environment=BOX)
    assert told["boxes"] == {"Box.example.com": "Box.example.com"}
    assert "It leaves out 2 hosts" in told["note"]
    secrets = {"host": BOX, "password": "some-secret"}
    assert box_address("Box.example.com", [], secrets) == BOX


def test_a_limit_leaves_out_the_box_of_the_environment() -> None:
    told = found(WEB, environment=BOX, limit=["web1.example.com"])
    assert told["boxes"] == {}
    assert "--limit leaves it out" in told["error"]


@pytest.mark.parametrize(
    ("addresses", "environment", "name"),
    [
        ({}, "https://box.example.com/admin", BOX),
        ({"localhost": "box.example.com:8443"}, "", BOX),
        ({}, "", "localhost"),
    ],
)
def test_without_an_inventory_there_is_one_box(addresses: dict[str, str], environment: str, name: str) -> None:
    told = found([], addresses, environment=environment)
    assert told == {"boxes": {"localhost": name}, "note": "", "error": ""}
    assert found(WEB, {**addresses}, chosen=["localhost"], environment=environment)["boxes"] == {"localhost": name}


def test_hosts_that_are_one_box_are_refused() -> None:
    hosts = [f"web{number}" for number in range(9)]
    told = found(hosts, dict.fromkeys([*hosts, "localhost"], "box.example.com"))
    assert told["boxes"] == {}
    assert told["error"].startswith("web0, web1, web2, web3, web4 and 4 more are all the same box, box.example.com,")
    assert "-e miab_hosts=localhost" in told["error"]
    assert list(found(hosts, dict.fromkeys(hosts, BOX), apart=False)["boxes"]) == hosts


def test_a_pattern_and_a_limit_that_have_nothing_in_common() -> None:
    assert "miab_hosts" in found(WEB, chosen=[BOX])["error"]
