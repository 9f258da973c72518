# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several declarations of one box in one inventory, with the playbooks and the role."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.box import Box, Totp
from tests.box.prepare import prepare
from tests.tasks import connection

from .playbooks import Run, run_on_hosts
from .test_guides import yaml_of

# Quotas are newer than v0.51.
VERSIONS_TRIED = ("v0.51", "v75")

STATE: dict[str, Any] = {
    "users": [
        {"email": "ann@acme.example", "password": "ann-password-1"},
        {"email": "old@acme.example", "password": "old-password-1"},
        {"email": "boss@acme.example", "password": "boss-password-1", "privileges": ["admin"]},
        {"email": "bob@bolt.example", "password": "bob-password-1"},
        {"email": "eve@shop.acme.example", "password": "eve-password-1"},
    ],
    "aliases": [
        {"address": "info@acme.example", "forwards_to": ["ann@acme.example"]},
        {
            "address": "team@acme.example",
            "forwards_to": ["ann@acme.example"],
            "permitted_senders": ["bob@bolt.example"],
        },
        {"address": "info@bolt.example", "forwards_to": ["bob@bolt.example"]},
        {"address": "orders@shop.acme.example", "forwards_to": ["eve@shop.acme.example"]},
    ],
    "dns_records": [
        {"qname": "www.acme.example", "rtype": "A", "value": "192.0.2.1"},
        {"qname": "www.bolt.example", "rtype": "A", "value": "192.0.2.2"},
    ],
    "secondary_nameservers": ["ns2.example.net"],
}


def user(email: str, **options: Any) -> dict[str, Any]:
    return {"email": email, "user_password": email.partition("@")[0] + "-password-1", **options}


# Spellings of a domain, and of the address of the box, don't matter.
HOSTS: dict[str, dict[str, Any]] = {
    "acme": {
        "miab_scope": ["ACME.example."],
        "miab_users": [user("ann@acme.example"), user("new@acme.example")],
        "miab_aliases": [],
        "miab_purge": ["users"],
    },
    "bolt": {
        "miab_scope": ["bolt.example"],
        "miab_aliases": [{"address": "sales@bolt.example", "forwards_to": ["bob@bolt.example", "ann@acme.example"]}],
    },
    "shop": {"miab_scope": ["shop.acme.example"], "miab_users": [user("eve@shop.acme.example")]},
    "owner": {
        "miab_users": [user("boxer@box.example.com")],
        "miab_aliases": [],
        "miab_dns_records": [],
        "miab_purge": ["users", "aliases", "dns_records"],
        "miab_secondary_nameservers": [],
    },
}


def run(name: str, box: Box, folder: Path, hosts: Mapping[str, Mapping[str, Any]], *arguments: str) -> Run:
    """Run a playbook for hosts that are all the same box."""
    options = {"miab_" + option: value for option, value in connection(box).items()}
    options["miab_host"] = box.url.removesuffix("/admin")
    spelled = {"bolt": {"miab_host": box.url + "/"}}
    inventory = {host: {**options, **spelled.get(host, {}), **variables} for host, variables in hosts.items()}
    done = run_on_hosts(inventory, Path("mailinabox.admin." + name), folder, arguments)
    assert box.violations == []
    return done


def plan_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {box["host"]: box for box in json.loads((folder / "plan.json").read_text(encoding="utf-8"))["boxes"]}


def keys(planned: Mapping[str, Any]) -> list[str]:
    return [f"{change['action']} {change['resource']} {change['key']}" for change in planned["changes"]]


def test_each_host_declares_its_part(box: Box, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    planned = run("plan", box, tmp_path, HOSTS)
    assert planned.status == 0, planned.output
    plans = plan_of(tmp_path)
    assert {host: keys(plan) for host, plan in plans.items()} == {
        "acme": ["create user new@acme.example", "remove user old@acme.example"],
        "bolt": ["create alias sales@bolt.example"],
        "shop": [],
        "owner": ["create user boxer@box.example.com", "update secondary_nameservers box"],
    }
    # What a customer reads doesn't name or count anything of others.
    text = json.dumps([{**plans["bolt"], "url": "", "run_warnings": []}])
    assert "shop" not in text
    assert "eve" not in text
    assert "not declared: 1 alias" in text
    applied = run("apply", box, tmp_path, HOSTS, "-e", f"miab_plan={tmp_path / 'plan.json'}")
    assert applied.status == 0, applied.output
    assert set(box.state.users) == {
        "me@box.example.com",
        "boxer@box.example.com",
        "boss@acme.example",
        "ann@acme.example",
        "new@acme.example",
        "bob@bolt.example",
        "eve@shop.acme.example",
    }
    again = run("plan", box, tmp_path, HOSTS, "-e", "miab_fail_on_drift=true")
    assert again.status == 0, again.output


WRONG: dict[str, Any] = {
    "miab_scope": ["bolt.example"],
    "miab_users": [user("ann@acme.example"), user("bob@bolt.example", privileges=["admin"])],
    "miab_aliases": [
        {"address": "@acme.example", "forwards_to": ["bob@bolt.example"]},
        {"address": "x@bolt.example", "forwards_to": [], "permitted_senders": ["ann@acme.example"]},
    ],
    "miab_dns_records": [{"name": "www.acme.example", "type": "A", "value": "192.0.2.9"}],
    "miab_secondary_nameservers": ["ns9.example.net"],
    "miab_backup": {"min_age_in_days": 9},
    "miab_privacy": True,
    "miab_certificates": [{"domain": "acme.example", "state": "provisioned"}],
    "miab_mfa": [{"state": "absent"}, {"user": "ann@acme.example", "state": "absent"}],
    "miab_publish_dns": True,
}
NAMED = (
    "users[0] ann@acme.example: email: ",
    "users[1] bob@bolt.example: privileges: ",
    "aliases[0] @acme.example: address: ",
    "aliases[1] x@bolt.example: permitted_senders: ",
    "dns_records[0] www.acme.example A: name: ",
    "secondary_nameservers: a setting of the whole box",
    "backup: a setting of the whole box",
    "privacy: a setting of the whole box",
    "miab_certificates[0] acme.example: domain: ",
    "miab_mfa[0]: user is missing",
    "miab_mfa[1] ann@acme.example: user: ",
    "miab_publish_dns: only a declaration without miab_scope",
)


@pytest.mark.parametrize("name", ["validate", "plan", "apply"])
def test_every_mistake_is_named(name: str, box: Box, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    before = copy.deepcopy(box.state.users)
    done = run(name, box, tmp_path, {"bolt": WRONG})
    assert done.status != 0
    (failed,) = [outcome.result for outcome in done.outcomes if "failure" in outcome.result]
    mistakes = {f"{one['where']}: {one['why']}" for one in failed["failure"]["details"]["mistakes"]}
    assert {words for words in NAMED if not any(one.startswith(words) for one in mistakes)} == set()
    assert len(mistakes) == len(NAMED)
    assert box.state.users == before
    assert not [entry for entry in box.log if entry.is_write]


@pytest.mark.parametrize("name", ["validate", "plan", "apply"])
def test_scopes_that_overlap(name: str, newest_box: Box, tmp_path: Path) -> None:
    hosts: dict[str, dict[str, Any]] = {
        "acme": {"miab_scope": ["acme.example"], "miab_users": []},
        "ajax": {"miab_scope": ["Acme.Example"], "miab_users": []},
        "bolt": {"miab_scope": ["bolt.example"], "miab_users": []},
        "owner": {"miab_users": []},
        "second": {"miab_users": []},
        "void": {"miab_scope": [], "miab_users": []},
    }
    # A limit hides nobody.
    done = run(name, newest_box, tmp_path, hosts, "--limit", "!second")
    messages = {outcome.host: outcome.result["msg"] for outcome in done.outcomes if "failure" in outcome.result}
    assert set(messages) == {"acme", "ajax", "owner", "void"}
    assert "acme.example is also in the scope of the host ajax" in messages["acme"]
    assert "acme.example is also in the scope of the host acme" in messages["ajax"]
    assert "neither this host nor second has a scope" in messages["owner"]
    assert "scope: the list is empty" in messages["void"]


def test_an_export_of_each_part_changes_nothing(box: Box, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    parts = {host: {"miab_scope": variables["miab_scope"]} for host, variables in HOSTS.items() if host != "owner"}
    done = run("export", box, tmp_path, {**parts, "owner": {}}, "-e", f"miab_export_folder={tmp_path / 'out'}")
    assert done.status == 0, done.output
    exported: dict[str, Any] = {
        host: yaml.safe_load((tmp_path / "out" / f"{host}.yml").read_text(encoding="utf-8"))
        for host in [*parts, "owner"]
    }
    assert [one["email"] for one in exported["acme"]["miab_users"]] == ["ann@acme.example", "old@acme.example"]
    assert [one["address"] for one in exported["acme"]["miab_aliases"]] == ["info@acme.example", "team@acme.example"]
    assert "permitted_senders" not in exported["acme"]["miab_aliases"][1]
    assert set(exported["bolt"]) == {"miab_users", "miab_aliases", "miab_dns_records"}
    assert [one["email"] for one in exported["shop"]["miab_users"]] == ["eve@shop.acme.example"]
    assert [one["email"] for one in exported["owner"]["miab_users"]] == ["me@box.example.com"]
    assert exported["owner"]["miab_secondary_nameservers"] == ["ns2.example.net"]
    assert "miab_dns_records" not in exported["owner"]
    # All in all, it is the whole box, except for the administrator in the domain of a customer.
    hosts = {host: {**exported[host], **parts.get(host, {})} for host in exported}
    for host, variables in hosts.items():
        for one in variables["miab_users"]:
            one["user_password"] = "not-the-password-1"
        sections = ("users", "aliases", "dns_records")
        hosts[host] = {**{"miab_" + name: [] for name in sections}, **variables, "miab_purge": list(sections)}
    again = run("plan", box, tmp_path, hosts, "-e", "miab_fail_on_drift=true")
    assert again.status == 0, again.output
    assert {host: keys(plan) for host, plan in plan_of(tmp_path).items()} == {host: [] for host in hosts}


def test_the_declarations_of_the_guide(tmp_path: Path) -> None:
    inventory, acme = yaml_of("many-customers.md")
    hosts = {
        host: {**inventory["boxes"]["vars"], **(variables or {})}
        for host, variables in inventory["boxes"]["hosts"].items()
    }
    hosts["acme"].update(acme)
    passwords = json.dumps({"vault_miab_passwords": {"ann@acme.example": "ann-password-1"}})
    playbook = Path("mailinabox.admin.validate")
    done = run_on_hosts(hosts, playbook, tmp_path, ["-e", passwords])
    assert done.status == 0, done.output
    hosts["bolt"]["miab_users"] = acme["miab_users"]
    wrong = run_on_hosts(hosts, playbook, tmp_path, ["-e", passwords])
    assert "is outside the scope of this declaration" in wrong.output


def play_role(box: Box, folder: Path, hosts: Mapping[str, Mapping[str, Any]], *arguments: str) -> Run:
    """Run the role box for hosts that are all the same box."""
    options = {"miab_" + option: value for option, value in connection(box).items()}
    inventory = {host: {"ansible_connection": "local", **options, **variables} for host, variables in hosts.items()}
    plays = [{"hosts": "all", "gather_facts": False, "roles": [{"role": "mailinabox.admin.box"}]}]
    (folder / "playbook.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
    return run_on_hosts(inventory, folder / "playbook.yml", folder, arguments)


def test_the_role_keeps_to_the_scope(newest_box: Box, tmp_path: Path) -> None:
    prepare(newest_box.state, STATE)
    box, phone = newest_box, Totp(7, "JBSWY3DPEHPK3PXP" * 2, "phone")
    for email in ("ann@acme.example", "boss@acme.example"):
        box.state.users[email].totp = [copy.copy(phone)]
    hosts: dict[str, dict[str, Any]] = {
        "acme": {
            "miab_scope": ["acme.example"],
            "miab_aliases": [{"address": "sales@acme.example", "forwards_to": ["ann@acme.example"]}],
            "miab_certificates": [{"domain": "acme.example", "state": "provisioned"}],
            "miab_mfa": [{"user": "ann@acme.example", "state": "absent"}],
        },
        # Each of these does something that it must not, and so does nothing.
        "boss": {
            "miab_scope": ["boss.example"],
            "miab_aliases": [{"address": "sales@boss.example", "forwards_to": ["ann@acme.example"]}],
            "miab_mfa": [{"user": "me@box.example.com", "state": "absent"}],
        },
        "bolt": {
            "miab_scope": ["bolt.example"],
            "miab_aliases": [{"address": "sales@bolt.example", "forwards_to": ["bob@bolt.example"]}],
            "miab_certificates": [{"domain": "acme.example", "state": "provisioned"}],
            "miab_publish_dns": True,
        },
        "owner": {"miab_aliases": [], "miab_users": [], "miab_purge": ["users", "aliases"]},
    }
    done = play_role(box, tmp_path, hosts)
    assert done.status == 2
    failed = {outcome.host: outcome.result["msg"] for outcome in done.outcomes if outcome.failed}
    assert set(failed) == {"boss", "bolt"}, done.output
    assert "miab_mfa[0]: user: me@box.example.com is the account that signs in" in failed["boss"]
    assert "miab_certificates[0] acme.example: domain: acme.example is outside" in failed["bolt"]
    assert "miab_publish_dns: " in failed["bolt"]
    assert "sales@acme.example" in box.state.aliases
    assert "sales@bolt.example" not in box.state.aliases
    assert "sales@boss.example" not in box.state.aliases
    assert not box.state.users["ann@acme.example"].totp
    assert set(box.state.users) >= {"ann@acme.example", "bob@bolt.example", "old@acme.example"}

    # Only the box knows that a user is an administrator.
    hosts["acme"]["miab_aliases"] = [{"address": "news@acme.example", "forwards_to": ["ann@acme.example"]}]
    hosts["acme"]["miab_mfa"] = [{"user": "Boss@acme.example", "state": "absent"}]
    done = play_role(box, tmp_path, hosts, "--limit", "acme")
    (told,) = [outcome.result for outcome in done.outcomes if outcome.failed]
    assert "is an administrator of the box" in str(told)
    assert box.state.users["boss@acme.example"].totp
    assert "news@acme.example" not in box.state.aliases


def test_playbooks_about_whole_boxes(newest_box: Box, tmp_path: Path) -> None:
    prepare(newest_box.state, STATE)
    whole: dict[str, dict[str, Any]] = {host: {} for host in HOSTS}
    hosts = {
        host: {**whole[host], **({"miab_scope": one["miab_scope"]} if "miab_scope" in one else {})}
        for host, one in HOSTS.items()
    }
    done = run("health", newest_box, tmp_path, hosts)
    assert "owner" in done.output.partition("PLAY RECAP")[2]
    page = (tmp_path / "health.html").read_text(encoding="utf-8")
    assert "owner" in page
    assert "bolt" not in page.replace("bolt.example", "")
    refused = run("dns", newest_box, tmp_path, hosts, "--limit", "acme")
    assert "this playbook publishes all zones of its box" in refused.output
    # Two hosts would create the same account.
    bootstrap = ("-e", "miab_bootstrap_username=a@example.com", "-e", "miab_bootstrap_password=some-password-1")
    both = run("bootstrap", newest_box, tmp_path, hosts, *bootstrap)
    assert "are all the same box" in both.output
    for name, file in (("snapshot", "acme.json"), ("doctor", "")):
        each = run(name, newest_box, tmp_path, hosts)
        assert each.status == 0, each.output
        assert not file or (tmp_path / file).exists()
    # A plan from a snapshot has the same scopes.
    offline = run("plan", newest_box, tmp_path, HOSTS, "-e", f"miab_snapshot_folder={tmp_path}")
    assert offline.status == 0, offline.output
    assert keys(plan_of(tmp_path)["bolt"]) == ["create alias sales@bolt.example"]
    assert not [entry for entry in newest_box.log if entry.is_write]
