# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks apply, plan and export, run by their names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.box import Box
from tests.box.faults import Fault
from tests.box.prepare import prepare
from tests.tasks import connection

from .playbooks import ROOT, VERSIONS, Run, run_on_hosts
from .test_config import DECLARATION, STATE

# Values that an export must preserve, including values that YAML, Jinja or a planner could misread.
HELD: dict[str, Any] = {
    "users": [
        {"email": "zoe@example.org", "password": "zoe-password-1", "privileges": ["admin"]},
        {"email": "neil_o-x@example.org", "password": "neil-password-1"},
        {"email": "ann@example.net", "password": "ann-password-1"},
    ],
    "aliases": [
        {"address": "sales@example.org", "forwards_to": ["zoe@example.org", "ann@example.net"]},
        {"address": "team@example.org", "forwards_to": [], "permitted_senders": ["zoe@example.org"]},
        {"address": "@xn--bcher-kva.example", "forwards_to": ["@example.org"]},
    ],
    "dns_records": [
        {"qname": "www.example.org", "rtype": "A", "value": "192.0.2.2"},
        {"qname": "www.example.org", "rtype": "A", "value": "192.0.2.1"},
        {"qname": "jinja.example.org", "rtype": "TXT", "value": "{{ 'not' ~ 'filled in' }} {% no %} {# kept #}"},
        {"qname": "yaml.example.org", "rtype": "TXT", "value": "yes: no # 'really', \"1e3\" \\ | > `"},
        {"qname": "number.example.org", "rtype": "TXT", "value": "0123"},
        {"qname": "blog.example.net", "rtype": "CNAME", "value": "host.example.net"},
    ],
    "secondary_nameservers": ["ns2.example.net"],
}
PASSWORDS = {user["email"]: user["password"] for user in HELD["users"]}


def run(
    name: str,
    boxes: Mapping[str, Box],
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    **variables: Mapping[str, Any],
) -> Run:
    """Run a playbook for boxes, each a host of its own.

    :param variables: of one host each, under its name with _ in place of dots.
    """
    hosts = {
        host: {
            **{"miab_" + option: value for option, value in connection(box).items()},
            **variables.get(host.replace(".", "_"), {}),
        }
        for host, box in boxes.items()
    }
    return run_on_hosts(hosts, Path("mailinabox.admin." + name), folder, arguments, environment)


def declared() -> dict[str, Any]:
    return {"miab_" + name: value for name, value in DECLARATION.items()}


def results(done: Run, task: str) -> list[dict[str, Any]]:
    return [outcome.result for outcome in done.outcomes if outcome.name.endswith(task)]


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


def writes(box: Box) -> list[Any]:
    return [entry for entry in box.log if entry.is_write]


@pytest.mark.parametrize("version", ["v60", "v75"])
def test_plan_then_apply_then_nothing(version: str, tmp_path: Path) -> None:
    with Box(version) as box, Box("v75") as bare:
        prepare(box.state, STATE)
        boxes = {"one.example.com": box, "two.example.com": bare}
        folder = tmp_path / "deep" / "plans"
        to_plans = ("-e", f"miab_plan_folder={folder}")
        variables = {"one_example_com": declared(), "two_example_com": {"miab_privacy": False}}

        planned = run("plan", boxes, tmp_path, *to_plans, **variables)
        assert planned.status == 0, planned.output
        assert not writes(box)
        assert not writes(bare)
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        assert modes(folder) == {"plan.json": 0o600, "plan.md": 0o600}
        drift = run("plan", boxes, tmp_path, *to_plans, "-e", "miab_fail_on_drift=true", **variables)
        assert drift.status != 0
        assert "The box differs from its declaration. Differences: 15." in drift.output
        assert "The box differs from its declaration. Differences: 1." in drift.output
        assert drift.output.partition("PLAY RECAP")[2].count("failed=1") == 2
        applied = run("apply", boxes, tmp_path, **variables)
        assert applied.status == 0, applied.output
        done = [outcome for outcome in applied.outcomes if "changes" in outcome.result]
        assert {outcome.host: outcome.result["changes"] for outcome in done} == {
            reported["host"]: reported["changes"] for reported in plan["boxes"]
        }
        assert plan["summary"] == "2 boxes: 5 creations, 7 changes, 4 removals"

        again = run("plan", boxes, tmp_path, *to_plans, "-e", "miab_fail_on_drift=true", "--check", **variables)
        assert again.status == 0, again.output
        # YAML converts 0644 without quotes to this number.
        shared = run("plan", boxes, tmp_path, *to_plans, "-e", '{"miab_file_mode": 420}', **variables)
        assert shared.status == 0, shared.output
        assert modes(folder) == {"plan.json": 0o644, "plan.md": 0o644}
        text = (folder / "plan.md").read_text(encoding="utf-8")
        assert text == ("# Plan\n\n2 boxes: no change.\n\nNo change: `one.example.com`, `two.example.com`.\n")
        assert "WARNING]" not in planned.output + drift.output + applied.output + again.output


def test_a_plan_is_short_and_readable(newest_box: Box, tmp_path: Path) -> None:
    prepare(newest_box.state, STATE)
    folder = ("-e", f"miab_plan_folder={tmp_path}")
    done = run("plan", {"box.example.com": newest_box}, tmp_path, *folder, box_example_com=declared())
    assert done.status == 0, done.output
    text = (tmp_path / "plan.md").read_text(encoding="utf-8")
    for line in (
        "1 box: 5 creations, 6 changes, 4 removals.",
        "| create | user `eve@new.example` | user_password: `(as declared)` |",
        "| change | alias `sales@example.org` | forwards_to: + `eve@new.example` \u2212 `old@example.org`"
        "<br>permitted_senders: + `eve@new.example` \u2212 `old@example.org` |",
        "| **remove** | alias `stale@example.org` | forwards_to: `ann@example.org` |",
    ):
        assert line in text.splitlines(), text
    for kept in (text, (tmp_path / "plan.json").read_text(encoding="utf-8")):
        assert not [password for password in ("adminpass123", "ann-password-2", "eve-password-1") if password in kept]


@pytest.mark.parametrize("name", ["apply", "plan"])
def test_a_box_that_is_down_does_not_stop_the_others(name: str, tmp_path: Path) -> None:
    with Box("v75") as down, Box("v60") as undeclared, Box("v75") as well:
        boxes = {"a-down.example.com": down, "b-undeclared.example.com": undeclared, "c-well.example.com": well}
        down.faults += [Fault("500", times=50)]
        wrong = {"miab_privacy": False}
        # If this counted as an empty declaration, all users would be removed.
        unknown = {"miab_users": "{{ vault_nobody_filled_in }}", "miab_purge": ["users"]}
        hosts = {"a-down_example_com": wrong, "b-undeclared_example_com": unknown, "c-well_example_com": wrong}
        done = run(name, boxes, tmp_path, "-e", f"miab_plan_folder={tmp_path}", **hosts)
        assert done.status == 2, done.output
        assert well.state.privacy == (name == "plan")
        summary = results(done, "box by box")[0]["msg"]
        assert [line.partition(" ")[0] for line in summary if not line.startswith(" ")] == [
            "c-well.example.com:",
            "a-down.example.com:",
            "b-undeclared.example.com:",
        ]
        assert summary[0] == "c-well.example.com: 1 change"
        assert "failed" in summary[-2]
        assert "vault_nobody_filled_in" in summary[-1]
        recap = done.output.partition("PLAY RECAP")[2]
        assert recap.count("failed=1") == 2
        assert recap.count("failed=0") == 1
        if name == "plan":
            text = (tmp_path / "plan.md").read_text(encoding="utf-8")
            assert text.count("**This box could not be planned:**") == 2
            assert "1 box: " not in text
            assert "; 2 failed." in text


def surroundings(box: Box) -> dict[str, str]:
    """The connection to a box as environment variables."""
    return {"MIAB_" + option.upper(): value for option, value in connection(box).items()}


def test_without_an_inventory_the_box_is_that_of_the_environment(newest_box: Box, tmp_path: Path) -> None:
    arguments = ("-e", '{"miab_privacy": false}')
    playbook = Path("mailinabox.admin.apply")
    done = run_on_hosts({}, playbook, tmp_path, arguments, surroundings(newest_box))
    assert done.status == 0, done.output
    assert not newest_box.state.privacy


def test_a_host_is_the_box_of_its_name(newest_box: Box, tmp_path: Path) -> None:
    hosts = {"nowhere.invalid": {"miab_privacy": False}}
    playbook = Path("mailinabox.admin.apply")
    signed_in = {key: value for key, value in surroundings(newest_box).items() if key != "MIAB_HOST"}
    own = {**hosts["nowhere.invalid"], "miab_password": "own-password"}
    arguments = ("-e", "miab_hosts=all")
    done = run_on_hosts({"nowhere.invalid": own}, playbook, tmp_path, arguments, {**signed_in, "MIAB_PASSWORD": ""})
    assert done.status == 2, done.output
    assert "nowhere.invalid" in results(done, "box by box")[0]["msg"][0].partition("failed: ")[2]
    assert not newest_box.log


def test_a_declaration_in_parts_with_files_beside_the_inventory(newest_box: Box, tmp_path: Path) -> None:
    beside, elsewhere = tmp_path / "inventory", tmp_path / "elsewhere"
    beside.mkdir()
    elsewhere.mkdir()
    people = [{"email": f"{name}@example.org", "user_password": f"{name}-password-1"} for name in ("ann", "bob")]
    (beside / "people.json").write_text(json.dumps(people), encoding="utf-8")
    team = {"address": "all@example.org", "forwards_to": ["ann@example.org", "bob@example.org"]}
    variables = {
        "miab_host": newest_box.url,
        "miab_username": newest_box.username,
        "miab_password": "{{ lookup('ansible.builtin.file', 'admin-password') }}",
        "miab_ca_path": newest_box.cacert,
        "miab_users__people": "{{ lookup('ansible.builtin.file', 'people.json') | from_json }}",
        "miab_users__new": [
            {
                "email": "new@example.org",
                "user_password": "{{ lookup('ansible.builtin.password', 'made/new') }}",
                "privileges": "{{ nobody_defined_it | default(omit) }}",
            }
        ],
        "miab_aliases": [team],
        "miab_aliases__company": [team, {"address": "help@example.org", "forwards_to": ["ann@example.org"]}],
    }
    (beside / "admin-password").write_text(newest_box.password, encoding="utf-8")
    (beside / "hosts.yml").write_text(
        yaml.safe_dump({"boxes": {"hosts": {"box.example.com": variables}}}), encoding="utf-8"
    )
    arguments = ("-i", str(beside / "hosts.yml"))
    done = run_on_hosts({}, Path("mailinabox.admin.apply"), elsewhere, arguments)
    assert done.status == 0, done.output
    assert {"ann@example.org", "bob@example.org", "new@example.org"} <= set(newest_box.state.users)
    assert {"all@example.org", "help@example.org"} <= set(newest_box.state.aliases)
    assert (beside / "made" / "new").exists()
    assert not (ROOT / "playbooks" / "made").exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_applying_an_export_changes_nothing(version: str, tmp_path: Path) -> None:
    with Box(version) as box, Box(version) as empty:
        wanted = dict(HELD)
        if box.state.capabilities.quotas:
            wanted["users"] = [
                *HELD["users"],
                {"email": "big@example.org", "password": "big-password-1", "quota": "2G"},
            ]
        prepare(box.state, wanted)
        box.state.privacy = False
        box.state.backup.min_age_in_days = 5
        host = {"box.example.com": box}
        into = ("-e", f"miab_export_folder={tmp_path}")
        file = tmp_path / "box.example.com.yml"
        exported = run("export", host, tmp_path, *into)
        assert exported.status == 0, exported.output
        text = file.read_text(encoding="utf-8")

        # Unedited, without any passwords.
        kept = run("apply", host, tmp_path, "-e", f"@{file}")
        assert kept.status == 0, kept.output
        assert not writes(box)
        assert "changed=0" in kept.output

        # On an empty box, with the passwords.
        passwords = {**PASSWORDS, "big@example.org": "big-password-1"}
        vault = tmp_path / "vault.json"
        vault.write_text(json.dumps({"vault_miab_passwords": passwords}), encoding="utf-8")
        filled = run("apply", {"box.example.com": empty}, tmp_path, "-e", f"@{file}", "-e", f"@{vault}")
        assert filled.status == 0, filled.output
        assert {email: empty.state.users[email].password for email in PASSWORDS} == PASSWORDS
        assert not empty.state.privacy
        run("export", {"box.example.com": empty}, tmp_path, *into)
        assert file.read_text(encoding="utf-8") == text
        assert empty.state.secondary_nameservers == box.state.secondary_nameservers
        assert empty.state.backup == box.state.backup
        assert sorted(empty.state.dns_records) == sorted(box.state.dns_records)


def test_an_export_lists_the_secrets_to_fill_in(newest_box: Box, tmp_path: Path) -> None:
    prepare(newest_box.state, {"users": [{"email": "ann@example.org", "password": "ann-password-1"}]})
    newest_box.state.backup.target = "s3://s3.eu-central-1.amazonaws.com/example-backups/box"
    newest_box.state.backup.target_user = "ACCESSKEY"
    newest_box.state.backup.target_pass = "secret-key-of-s3"
    into = ("-e", f"miab_export_folder={tmp_path}")
    assert run("export", {"box.example.com": newest_box}, tmp_path, *into).status == 0
    text = (tmp_path / "box.example.com.yml").read_text(encoding="utf-8")
    assert text.startswith("---\n# The configuration of a Mail-in-a-Box")
    assert "#   vault_miab_passwords:\n#     ann@example.org: '...'\n#     me@box.example.com: '...'\n" in text
    assert "#   vault_miab_backup_password: '...'\n" in text
    assert "  - email: ann@example.org\n    user_password: \"{{ vault_miab_passwords['ann@example.org']" in text
    assert "secret-key-of-s3" not in text
    assert "quota" not in text
    assert "privileges" in text
    done = run("apply", {"box.example.com": newest_box}, tmp_path, "-e", f"@{tmp_path / 'box.example.com.yml'}")
    assert done.status == 0, done.output
    assert not writes(newest_box)


def test_an_edited_export_is_not_overwritten(newest_box: Box, tmp_path: Path) -> None:
    host, into = {"box.example.com": newest_box}, ("-e", f"miab_export_folder={tmp_path}")
    file, beside = tmp_path / "box.example.com.yml", tmp_path / "box.example.com.export.yml"
    assert run("export", host, tmp_path, *into).status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    newest_box.state.privacy = not newest_box.state.privacy
    before = file.read_text(encoding="utf-8")
    assert run("export", host, tmp_path, *into).status == 0
    assert file.read_text(encoding="utf-8") != before
    assert not beside.exists()

    edited = file.read_text(encoding="utf-8") + "miab_purge: [aliases]\n"
    file.write_text(edited, encoding="utf-8")
    done = run("export", host, tmp_path, *into)
    assert done.status == 0, done.output
    assert file.read_text(encoding="utf-8") == edited
    assert beside.stat().st_mode & 0o777 == 0o600
    assert f"diff {file} {beside}" in done.output


def test_a_host_with_the_name_of_another_folder_is_not_exported(newest_box: Box, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    done = run("export", {"../../travel": newest_box}, tmp_path, "-e", f"miab_export_folder={folder}")
    assert done.status != 0
    assert "can't be used as a file name" in done.output
    assert not (tmp_path / "travel.yml").exists()
