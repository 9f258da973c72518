# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dns_push and dns_verify in playbooks: octoDNS pushes to a folder of files, and a name server answers on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dns.name_server import NameServer

from .playbooks import Outcome, run_on_hosts

ZONES: list[dict[str, Any]] = [
    {
        "zone": "example.org",
        "records": [
            {"name": "example.org", "type": "MX", "ttl": 3600, "values": ["10 box.example.com."]},
            {"name": "www.example.org", "type": "A", "ttl": 3600, "values": ["192.0.2.1"]},
            {"name": "_x.example.org", "type": "TXT", "ttl": 3600, "values": ['say "hello"']},
        ],
    }
]
SOA = "example.org. 60 IN SOA ns.example.org. root.example.org. 1 60 60 60 60\n"
RIGHT = SOA + (
    "example.org. 60 IN MX 10 box.example.com.\n"
    "www.example.org. 60 IN A 192.0.2.1\n"
    '_x.example.org. 60 IN TXT "say \\"hello\\""\n'
)
SECRET = "distinctive-provider-secret"
# Ansible shows the lines of a task that fails.
SECRET_VARIABLE = "{{ secret }}"


def push(folder: Path, check_mode: bool = False, **more: Any) -> dict[str, Any]:
    provider = {"class": "octodns.provider.yaml.YamlProvider", "directory": str(folder), "enforce_order": False}
    options = {"zones": ZONES, "owner": "box.example.com", "create_zones": True, "provider": provider, **more}
    return {"mailinabox.admin.dns_push": options, "check_mode": check_mode, "diff": True}


def verify(**options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.dns_verify": {"zones": ZONES, **options}}


def run(tasks: list[dict[str, Any]], folder: Path) -> list[Outcome]:
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "ignore_errors": True, "tasks": tasks}
    (folder / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    done = run_on_hosts({"box": {"secret": SECRET}}, folder / "play.yml", folder)
    assert SECRET not in done.output
    assert len(done.outcomes) == len(tasks), done.output
    return done.outcomes


def test_records_are_pushed_once_and_those_of_others_are_kept(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    others = {
        "shop": {"type": "A", "ttl": 60, "value": "192.0.2.9"},
        "www": {"type": "A", "ttl": 60, "value": "192.0.2.8"},
    }
    (files / "example.org.yaml").write_text(yaml.safe_dump(others), encoding="utf-8")
    taken = {"take_over": ["www.example.org A"]}
    planned, pushed, again, replaced = run(
        [push(files, check_mode=True), push(files), push(files), push(files, **taken)], tmp_path
    )
    for outcome in (planned, pushed):
        assert outcome.result["changed"], outcome.result
        changes = outcome.result["changes"]
        shown = [(change["name"], change["after"]) for change in changes if change["type"] != "TXT"]
        assert shown == [("example.org", ["10 box.example.com."])]
        assert outcome.result["diff"][0]["after"] == "example.org MX 10 box.example.com.\n"
        kept = {(one["name"], one["type"]) for one in outcome.result["kept"]}
        assert kept == {("www.example.org", "A"), ("_x.example.org", "TXT")}
    assert not again.result["changed"]
    assert "www.example.org" in {change["name"] for change in replaced.result["changes"]}
    held = yaml.safe_load((files / "example.org.yaml").read_text(encoding="utf-8"))
    assert held["shop"]["value"] == "192.0.2.9"
    assert held["www"]["value"] == "192.0.2.1"


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_push_that_can_not_be_planned(check_mode: bool, tmp_path: Path) -> None:
    secret = {"environment": {"TOKEN": SECRET_VARIABLE}}
    missing = {"class": "octodns_nowhere.Provider", "token": "env/TOKEN"}
    outcomes = run(
        [
            push(tmp_path, check_mode, provider=missing, **secret),
            push(tmp_path, check_mode, provider={**missing, "token": SECRET_VARIABLE}),
            push(tmp_path, check_mode, provider={"class": "Nothing"}),
            push(tmp_path, check_mode, provider={"class": "octodns_nowhere.Provider", "token": "env/NO_SUCH_VARIABLE"}),
            push(tmp_path, check_mode, take_over=["www.example.org"]),
            push(tmp_path, check_mode, owner=None),
            push(tmp_path, check_mode, executable=str(tmp_path / "none")),
            push(tmp_path, check_mode, timeout="soon"),
        ],
        tmp_path,
    )
    assert all(outcome.failed and not outcome.result["changed"] for outcome in outcomes[:-1])
    codes = [outcome.result["failure"]["code"] for outcome in outcomes[:-1]]
    assert codes == ["push_failed", *["invalid_option"] * 5, "missing_library"]
    assert "Check that the package of the provider is installed" in outcomes[0].result["msg"]
    assert outcomes[-1].failed
    assert "timeout" in outcomes[-1].result["msg"]


def test_name_servers_are_verified(tmp_path: Path) -> None:
    with NameServer(RIGHT) as right, NameServer(SOA) as empty:
        tasks = [
            verify(servers=[f"127.0.0.1:{right.port}"]),
            verify(servers=[f"127.0.0.1:{right.port}", f"127.0.0.1:{empty.port}"], wait=1),
            verify(servers=["ns.example.org"]),
            verify(servers=["127.0.0.1"], timeout=0),
            {"mailinabox.admin.dns_verify": {"zones": [{"zone": "example.org", "records": [{"name": "x"}]}]}},
        ]
        good, bad, *failed = run(tasks, tmp_path)
    assert good.result["ok"], good.result
    assert not bad.result["ok"]
    assert any("on 127.0.0.1" in problem["text"] for problem in bad.result["problems"]), bad.result["problems"]
    assert [outcome.result["failure"]["code"] for outcome in failed] == ["invalid_option"] * 3
