# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook and the roles publish the records of a box at a DNS provider (PowerDNS through octoDNS)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.box import Box, crypto, zones
from tests.box.prepare import prepare
from tests.integration.playbooks import ROOT, Run, run_on_hosts
from tests.tasks import connection

from .conftest import ZONES
from .powerdns import API_KEY, PowerDns


def variables(box: Box, provider: PowerDns, **more: Any) -> dict[str, Any]:
    own = {"miab_" + option: value for option, value in connection(box).items()}
    return {
        **own,
        "miab_dns_provider": provider.provider,
        "miab_dns_environment": {"POWERDNS_API_KEY": API_KEY},
        "miab_dns_servers": [provider.dns],
        **more,
    }


def publish(hosts: Mapping[str, Mapping[str, Any]], folder: Path, *arguments: str) -> Run:
    folder.mkdir(exist_ok=True)
    return run_on_hosts(hosts, ROOT / "playbooks" / "dns.yml", folder, arguments)


def changed(run: Run) -> list[str]:
    return [outcome.name.rpartition(": ")[2] for outcome in run.outcomes if outcome.result.get("changed")]


# Four playbooks take a while on a busy machine.
@pytest.mark.timeout(400)
def test_from_empty_zones_to_verified_ones(box: Box, provider: PowerDns, tmp_path: Path) -> None:
    empty = {zone: provider.records(zone) for zone in ZONES}
    # A text from a box is not a template.
    prepare(box.state, {"dns_records": [{"qname": "say.example.org", "rtype": "TXT", "value": "{{ 7 * 7 }}"}]})
    folder = tmp_path / "run"
    hosts = {"box.example.com": variables(box, provider)}
    files = {
        "box.example.com": variables(
            box, provider, miab_dns_files=str(folder / "zones"), miab_dns_file_formats=["bind"]
        )
    }

    planned = publish(hosts, folder, "--check", "--diff")
    assert planned.status == 0, planned.output
    assert "Push the records to the provider" in changed(planned)
    assert {zone: provider.records(zone) for zone in ZONES} == empty
    assert "+example.org MX 10 box.example.com." in planned.output, planned.output
    state = json.loads((folder / "dns.json").read_text(encoding="utf-8"))["boxes"]["box.example.com"]
    assert not state["ok"]
    text = (folder / "dns.md").read_text(encoding="utf-8")
    assert "**is missing**" in text
    assert "No mail arrives for the domain." in text

    pushed = publish(hosts, folder)
    assert pushed.status == 0, pushed.output
    report = json.loads((folder / "dns.json").read_text(encoding="utf-8"))
    assert report["ok"]
    state = report["boxes"]["box.example.com"]
    assert [zone["zone"] for zone in state["zones"]] == list(ZONES)
    assert all(zone["counts"] == {"right": len(zone["records"])} for zone in state["zones"])
    assert "3 of 3 zones are right" in pushed.output
    # The number of record sets matches the plan, and each has a marker.
    made = sum(len(provider.records(zone)) - len(empty[zone]) for zone in ZONES)
    assert made == len(state["changes"]) > 150

    assert provider.records("example.org")["say.example.org", "TXT"] == (3600, ('"{{ 7 * 7 }}"',))

    again = publish(files, folder)
    assert again.status == 0, again.output
    assert set(changed(again)) == {"Create the folder", "Write a file for each zone and tool"}

    assert all("v=DKIM1" in (folder / "zones" / f"{zone}.zone").read_text(encoding="ascii") for zone in ZONES)
    # The playbook health verifies the zones, too.
    provider.write("example.org", "example.org", "MX", "10 mx.example.net.")
    more = {"miab_health_folder": str(folder), "miab_health_published_dns": "fail"}
    health = {"box.example.com": {**files["box.example.com"], **more}}
    run = run_on_hosts(health, ROOT / "playbooks" / "health.yml", folder)
    assert run.status == 0, run.output
    page = (folder / "health.html").read_text(encoding="utf-8")
    assert "example.org: example.org MX has another value. No mail arrives for the domain." in page
    assert "1 different, " in page

    # The key of the provider is in no remaining file and in no output.
    kept = [path for path in folder.rglob("*") if path.is_file() and path.name != "inventory.yml"]
    assert kept
    assert not [path for path in kept if API_KEY in path.read_text(encoding="utf-8", errors="replace")]
    assert API_KEY not in planned.output + pushed.output + again.output


def new_key() -> None:
    """Give the boxes another private key, as after a new installation without a backup of the key."""
    for cached in (crypto.box_key, crypto._public_key_der, crypto.tlsa_digest, crypto.dkim_key):
        cached.cache_clear()
    for cached in (zones.records, zones.file_body):
        cached.cache_clear()


def test_a_new_key_is_published_by_the_role_that_changes_the_box(box: Box, provider: PowerDns, tmp_path: Path) -> None:
    play = [
        {
            "hosts": "all",
            "connection": "local",
            "gather_facts": False,
            "roles": ["mailinabox.admin.box"],
        }
    ]
    (tmp_path / "site.yml").write_text(json.dumps(play), encoding="utf-8")
    hosts = {
        "box.example.com": variables(
            box,
            provider,
            miab_publish_dns=True,
            miab_dns_fail_on_problems=True,
            # One zone is enough. Its website is on another server, as is usual for companies.
            miab_dns_zones=["example.org"],
            miab_dns_leave_out=["website"],
            miab_users=[{"email": "new@example.org", "user_password": "new-password-1"}],
        )
    }

    def key_records() -> list[tuple[int, tuple[str, ...]]]:
        return [value for (name, _rtype), value in provider.records("example.org").items() if "_domainkey" in name]

    first = run_on_hosts(hosts, tmp_path / "site.yml", tmp_path)
    assert first.status == 0, first.output
    before = key_records()
    new_key()
    second = run_on_hosts(hosts, tmp_path / "site.yml", tmp_path)
    assert second.status == 0, second.output
    assert "Push the records to the provider" in changed(second)
    after = key_records()
    assert crypto.dkim_key() in str(after)
    assert len(after) == len(before) == 2
    assert before != after
    assert ("example.org", "A") not in provider.records("example.org")
