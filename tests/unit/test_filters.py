# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that playbooks use: plans for people, and declarations."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.mailinabox.admin.plugins.filter.box_address import box_address
from ansible_collections.mailinabox.admin.plugins.filter.box_name import box_name
from ansible_collections.mailinabox.admin.plugins.filter.declaration import declaration
from ansible_collections.mailinabox.admin.plugins.filter.is_edited import is_edited
from ansible_collections.mailinabox.admin.plugins.filter.plan import plan
from ansible_collections.mailinabox.admin.plugins.filter.plan_markdown import plan_markdown
from ansible_collections.mailinabox.admin.plugins.filter.plan_text import plan_text
from ansible_collections.mailinabox.admin.plugins.lookup.declared import LookupModule
from ansible_collections.mailinabox.admin.plugins.plugin_utils._export_header import HEADER, SECRETS_HEADER


def change(action: str = "update", **parts: Any) -> dict[str, Any]:
    return {"resource": "user", "key": "ann@example.org", "action": action, "before": {}, "after": {}, **parts}


def row(facts: dict[str, Any]) -> str:
    """The table row for one change."""
    return plan_markdown(plan({"box": {"changes": [facts]}})).splitlines()[-1]


@pytest.mark.parametrize(
    ("results", "summary"),
    [
        ({}, "0 boxes: no change"),
        ({"a": {"changes": []}}, "1 box: no change"),
        # If a box could not be planned, it is unknown whether it would change.
        ({"a": {"failed": True, "msg": "down"}}, "1 box: 1 failed"),
        ({"a": {"changes": []}, "b": {"failed": True, "msg": "down"}}, "2 boxes: no change; 1 failed"),
        ({"a": {"changes": [change()]}, "b": {"failed": True, "msg": "down"}}, "2 boxes: 1 change; 1 failed"),
        (
            {"a": {"changes": [change(), change("remove")]}, "b": {"changes": [change("create"), change("create")]}},
            "2 boxes: 2 creations, 1 change, 1 removal",
        ),
    ],
)
def test_a_plan_in_one_line(results: dict[str, Any], summary: str) -> None:
    assert plan(results)["summary"] == summary


def test_a_plan_is_sorted_and_names_each_box() -> None:
    results = {
        "b": {"changes": [change()], "warnings": ["mind the gap"]},
        "a": {"failed": True, "msg": "down", "changed": False},
    }
    facts = plan(results)
    assert [box["summary"] for box in facts["boxes"]] == ["a: failed: down", "b: 1 change"]
    assert [box["error"] for box in facts["boxes"]] == ["down", None]
    text = plan_markdown(facts)
    assert "> **This box could not be planned:** `down`" in text.splitlines()
    assert "\n> [!WARNING]\n> - `mind the gap`\n" in text


def test_changed_boxes_come_first_and_unchanged_ones_share_a_line() -> None:
    results = {
        "a": {"changes": []},
        "b": {"failed": True, "msg": "Mistakes: 2.\nusers[0]: one\nusers[1]: two"},
        "c": {"changes": [], "warnings": ["mind the gap"]},
        "d": {"changes": [change()]},
        "e": {"changes": []},
    }
    text = plan_markdown(plan(results))
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## `d`", "## `b`", "## `c`"]
    assert text.endswith("\nNo change: `a`, `e`.\n")
    assert "> **This box could not be planned:** `Mistakes: 2.`\n> - `users[0]: one`\n> - `users[1]: two`\n" in text


def test_a_plan_at_a_terminal() -> None:
    note = {"kind": "new_domain", "about": "exmaple.org", "text": "new domain exmaple.org: ..."}
    many = [change("create", key=f"u{number}@example.org") for number in range(32)]
    results = {
        "a": {"changes": []},
        "b": {"failed": True, "msg": "Mistakes: 2.\nusers[0]: one\nusers[1]: two"},
        "c": {
            "changes": [
                change(key="\u001b[2J", before={"privileges": ["x"]}, after={"privileges": ["admin"]}),
                change("remove", before={"quota": "1G"}),
            ],
            "notes": [note],
        },
        "d": {"changes": []},
        "e": {"changes": many},
    }
    lines = plan_text(plan(results))
    assert lines[:4] == [
        "c: 1 change, 1 removal",
        "  ~ user \\x1b[2J: privileges: + admin - x",
        "  - user ann@example.org: mail: archived on the box; quota: 1G",
        "  ! new domain exmaple.org: ...",
    ]
    assert lines[4] == "e: 32 creations"
    assert lines[-3:] == ["  and 2 more", "b: failed: Mistakes: 2.", "a, d: no change"]


def test_the_line_of_unchanged_boxes_counts_undeclared_objects() -> None:
    note = {"kind": "undeclared", "about": "users", "text": "not declared: 2 users"}
    text = plan_markdown(plan({"a": {"changes": [], "notes": [note]}, "b": {"changes": []}}))
    assert text.endswith("\nNo change: `a` (`not declared: 2 users`), `b`.\n")


def test_only_changed_list_items_are_shown() -> None:
    facts = change(before={"forwards_to": ["ann@x", "bob@x"]}, after={"forwards_to": ["ann@x", "erin@x"]})
    assert row(facts).endswith("| forwards_to: + `erin@x` \u2212 `bob@x` |")


def test_a_removed_user_s_mail_is_archived() -> None:
    facts = change("remove", before={"state": "present"}, after={"state": "absent"})
    assert row(facts) == "| **remove** | user `ann@example.org` | mail: archived on the box |"
    assert "archived" not in row({**facts, "resource": "alias"})


def test_shortened_values_stay_distinguishable() -> None:
    key = "v=DKIM1; k=rsa; p=" + 400 * "M"
    other = key[:200] + "N" + key[201:]
    facts = row(change(before={"values": [key, "short"]}, after={"values": [other, "short"]}))
    assert len(facts) < 300
    shown = facts.split("`")
    assert "\u2026" in shown[-2]
    assert shown[-4] != shown[-2]
    assert "`%s`" % (80 * "a") in row(change(before={"x": 80 * "a"}, after={"x": "b"}))


def test_only_changed_fields_are_shown() -> None:
    before = {"email": "ann@example.org", "state": "present", "quota": "1G", "privileges": []}
    facts = change(before=before, after={**before, "quota": "2G", "privileges": ["admin"]})
    assert row(facts) == "| change | user `ann@example.org` | quota: `1G` → `2G`<br>privileges: + `admin` |"
    facts = change(before={"privacy": True, "note": ""}, after={"privacy": False, "note": "x"})
    assert row(facts).endswith("| privacy: yes → no<br>note: (empty) → `x` |")


def test_rows_of_created_and_removed_objects() -> None:
    held = {"email": "ann@example.org", "state": "present", "quota": "1G", "privileges": []}
    gone = {"email": "ann@example.org", "state": "absent"}
    assert row(change("create", before=gone, after=held)) == "| create | user `ann@example.org` | quota: `1G` |"
    assert row(change("remove", before=held, after=gone)) == (
        "| **remove** | user `ann@example.org` | mail: archived on the box<br>quota: `1G` |"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a|b", "<code>a&#124;b</code>"),
        ("`rm` <b>", "<code>&#96;rm&#96; &#60;b&#62;</code>"),
        ("a\\|b", "<code>a&#92;&#124;b</code>"),
        ("one\ntwo\r", "`one\\ntwo\\r`"),
        ("right\u202eleft", "`right\\u202eleft`"),
        ("<script>*x*_y_", "`<script>*x*_y_`"),
        ("  ", "(empty)"),
        ("bücher.example", "`bücher.example`"),
    ],
)
def test_values_cannot_escape_their_table_cell(value: str, shown: str) -> None:
    assert row(change(before={"x": "-"}, after={"x": value})).endswith(f"| x: `-` → {shown} |")
    assert row(change(key=value)).startswith(f"| change | user {shown} |")


def config(**parts: Any) -> dict[str, Any]:
    return {
        "users": [],
        "aliases": [],
        "dns_records": [],
        "secondary_nameservers": [],
        "backup": {"target": "local", "min_age_in_days": 3},
        "privacy": True,
        **parts,
    }


class Loader(yaml.SafeLoader):
    """Load a declaration as Ansible does, with the strings that are marked as unsafe."""


Loader.add_constructor("!unsafe", lambda loader, node: ("unsafe", loader.construct_scalar(node)))


def read(text: str) -> Any:
    return yaml.load(text, Loader=Loader)  # noqa: S506 - it derives from the safe one


def test_the_declaration_of_a_box_with_nothing_on_it() -> None:
    text = declaration(config())
    digest = text.splitlines()[3]
    assert re.fullmatch("# Digest of this export: [0-9a-f]{64}", digest)
    assert text == (
        "---\n"
        "# The configuration of a Mail-in-a-Box, as the playbook mailinabox.admin.export has read it.\n"
        "# To apply this file to a box, run the playbook mailinabox.admin.apply.\n"
        f"{digest}\n"
        "\n"
        "miab_backup:\n"
        "  target: local\n"
        "  min_age_in_days: 3\n"
        "\n"
        "miab_privacy: true\n"
    )


def test_a_declaration_is_sorted_and_leaves_out_defaults() -> None:
    text = declaration(
        config(
            users=[
                {"email": "bob@example.org", "privileges": ["admin"], "quota": "2G"},
                {"email": "ann@example.org", "privileges": [], "quota": "0"},
            ],
            aliases=[{"address": "team@example.org", "forwards_to": [], "permitted_senders": []}],
        )
    )
    assert (
        "miab_users:\n"
        "  - email: ann@example.org\n"
        "    user_password: \"{{ vault_miab_passwords['ann@example.org'] | default(omit) }}\"\n"
        "    update_password: on_create\n"
        "  - email: bob@example.org\n"
        "    user_password: \"{{ vault_miab_passwords['bob@example.org'] | default(omit) }}\"\n"
        "    update_password: on_create\n"
        "    privileges:\n"
        "      - admin\n"
        "    quota: 2G\n"
        "\n"
        "miab_aliases:\n"
        "  - address: team@example.org\n"
        "    forwards_to: []\n"
    ) in text
    assert "#   vault_miab_passwords:\n#     ann@example.org: '...'\n#     bob@example.org: '...'\n" in text


def test_exported_values_are_not_templated() -> None:
    values = ["{{ lookup('pipe', 'id') }}", "{% set x = 1 %}", "0123", "yes", "- a: b # c", "bücher"]
    records = [{"name": "x.example.org", "type": "TXT", "values": values}]
    held = read(declaration(config(dns_records=records)))["miab_dns_records"][0]["values"]
    assert held == [*(("unsafe", value) for value in values[:2]), *values[2:]]


@pytest.mark.parametrize(
    ("backup", "declared", "secrets"),
    [
        (
            {"b2": {"key_id": "K1", "bucket": "b"}, "min_age_in_days": 3},
            {"b2": {"key_id": "K1", "bucket": "b", "application_key": "{{ vault_miab_backup_key | default(omit) }}"}},
            ["vault_miab_backup_key"],
        ),
        (
            {"target": "s3://s3.example.net/b/box", "min_age_in_days": 3},
            {
                "target": "s3://s3.example.net/b/box",
                "target_user": "{{ vault_miab_backup_user | default(omit) }}",
                "target_password": "{{ vault_miab_backup_password | default(omit) }}",
            },
            ["vault_miab_backup_user", "vault_miab_backup_password"],
        ),
        (
            {"target": "s3://key:********@s3.example.net/b", "min_age_in_days": 3},
            {"target": "{{ vault_miab_backup_target | default(omit) }}"},
            ["vault_miab_backup_target"],
        ),
        ({"target": "rsync://u@h.example.net//b", "min_age_in_days": 3}, {"target": "rsync://u@h.example.net//b"}, []),
    ],
)
def test_secrets_of_backups_are_variables(backup: dict[str, Any], declared: dict[str, Any], secrets: list[str]) -> None:
    text = declaration(config(backup=backup))
    assert read(text)["miab_backup"] == {**declared, "min_age_in_days": 3}
    assert [line for line in text.splitlines() if line.startswith("#   ")] == [f"#   {name}: '...'" for name in secrets]


def test_an_unchanged_older_export_does_not_count_as_edited() -> None:
    before, now = declaration(config()), declaration(config(privacy=False))
    assert not is_edited(before, now)
    assert not is_edited(before.replace("\n", "\r\n"), now)
    assert is_edited(before + "miab_purge: [users]\n", now)
    assert is_edited(before.replace("---\n", "---\n# Ours.\n"), now)


def test_a_file_without_a_digest_counts_as_edited_unless_it_is_equal() -> None:
    text = declaration(config())
    older = "".join(line for line in text.splitlines(keepends=True) if "Digest of this export" not in line)
    assert not is_edited(older, text)
    assert is_edited(older, declaration(config(privacy=False)))


def test_an_unchanged_export_of_release_1_0_0_does_not_count_as_edited() -> None:
    users = [{"email": "ann@example.org", "privileges": [], "quota": "0"}]
    text = declaration(config(users=users))
    header = "# What the box holds, as it was read from it. `ansible-playbook mailinabox.admin.apply` makes a box so.\n"
    secrets = (
        "#\n# A box doesn't tell its secrets. One that has them already keeps them; one that is new needs them,\n"
        "# from a file encrypted with ansible-vault:\n#\n"
    )
    older = re.sub("# Digest of this export: .*\n", "", text).replace(HEADER, header).replace(SECRETS_HEADER, secrets)
    assert header in older
    assert secrets in older
    assert not is_edited(older, text)
    assert not is_edited(older.replace("\n", "\r\n"), text)
    assert is_edited(older, declaration(config(users=users, privacy=False)))


@pytest.mark.parametrize("part", ["********@example.org", "a********b@example.org"])
@pytest.mark.parametrize("option", ["address", "forwards_to"])
def test_masked_values_are_not_exported(option: str, part: str) -> None:
    alias = {"address": "a@example.org", "forwards_to": ["b@example.org"], "permitted_senders": []}
    alias[option] = part if option == "address" else [part]
    with pytest.raises(AnsibleFilterError, match=r"aliases\[0\]\." + option) as caught:
        declaration(config(aliases=[alias]))
    assert "masked a secret" in str(caught.value)
    assert "export again" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "box", "name"),
    [
        ("box.example.com", "10.0.0.1", "box.example.com"),
        ("localhost", "box.example.com", "box.example.com"),
        ("localhost", "box.example.com:8443", "box.example.com"),
        ("localhost", "https://Box.example.com:8443/admin", "box.example.com"),
        ("localhost", "https://me:pass@box.example.com", "box.example.com"),
        ("localhost", "", "localhost"),
        ("localhost", "http://[", "localhost"),
    ],
)
def test_names_of_boxes_for_files(host: str, box: str, name: str) -> None:
    assert box_name(host, box) == name


@pytest.mark.parametrize(
    "name", ["../../travel", "/etc/x", "..", ".hidden", "a/b", "a\0b", "a\nb", "-x", "{{ 1 }}", "a" * 201, ""]
)
def test_unsafe_names_of_boxes_are_rejected(name: str) -> None:
    with pytest.raises(AnsibleFilterError, match="can't be used as a file name"):
        box_name(name)


@pytest.mark.parametrize("option", ["password", "api_key", "totp_secret"])
def test_a_secret_of_the_environment_goes_to_no_unnamed_host(option: str) -> None:
    environment = {"password": "", "api_key": "", "totp_secret": "", option: "some-secret"}
    with pytest.raises(AnsibleFilterError, match="the environment has MIAB_" + option.upper()) as caught:
        box_address("web.example.com", ["miab_username"], environment)
    assert "some-secret" not in str(caught.value)
    assert box_address("box.example.com", ["miab_" + option], environment) == "box.example.com"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ({}, "ansible-playbook mailinabox.admin.apply -e miab_plan_digest=%s"),
        ({"plan": "plans/plan.json"}, "ansible-playbook mailinabox.admin.apply -e miab_plan=plans/plan.json"),
        (
            {"inventory": ["inventory.yml"], "limit": "a:b", "hosts": ["one", "two"], "plan": "my plan.json"},
            "ansible-playbook -i inventory.yml mailinabox.admin.apply --limit a:b -e miab_hosts=one:two"
            " -e 'miab_plan=my plan.json'",
        ),
        (
            {"inventory": ["/etc/hosts.yml", "box,"], "hosts": "all"},
            "ansible-playbook -i /etc/hosts.yml -i box, mailinabox.admin.apply -e miab_hosts=all -e miab_plan_digest=%s",
        ),
    ],
)
def test_the_command_that_applies_a_plan(command: dict[str, Any], shown: str) -> None:
    facts = plan({"a": {"changes": [change()], "plan": {"unknown": ["the new TOTP secret"]}}})
    text = plan_markdown(facts, command)
    assert "$ %s\n" % shown.replace("%s", facts["digest"]) in text
    assert "Unknown until applied:" in text


def test_an_inventory_in_this_folder_is_shown_by_its_relative_path() -> None:
    text = plan_markdown(plan({"a": {"changes": [change()]}}), {"inventory": [os.path.abspath("hosts/all.yml")]})
    assert "$ ansible-playbook -i hosts/all.yml mailinabox.admin.apply " in text


@pytest.mark.parametrize(
    ("made_at", "age"),
    [
        ("2026-11-27T15:00:00Z", "just made"),
        ("2026-11-27T12:00:00Z", "3 hours old"),
        ("2026-11-24T12:00:00Z", "3 days old"),
        ("yesterday", "of unknown age"),
    ],
)
def test_the_age_of_a_snapshot(made_at: str, age: str) -> None:
    facts = plan({"a": {"changes": [change()]}}, "2026-11-27T15:40:07Z")
    facts["boxes"][0]["snapshot"] = {"made_at": made_at}
    text = plan_markdown(facts, {})
    assert f"`a`: made at `{made_at}`, {age}" in text
    assert "mailinabox.admin.apply" not in text


class _Templar:
    def template(self, value: Any) -> Any:
        return value


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "The variable miab_users is not defined."),
        ({"miab_users": [], "miab_users__sales": "ann"}, "miab_users__sales: must be a list"),
    ],
)
def test_what_the_lookup_of_declarations_refuses(variables: dict[str, Any], message: str) -> None:
    lookup = LookupModule(loader=DataLoader(), templar=_Templar())
    with pytest.raises(AnsibleError, match=message):
        lookup._value("miab_users", variables)
