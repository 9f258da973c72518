# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joiners and leavers: the example, the guide, hostile tables, a large table, and the passwords."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.box import Box, is_write
from tests.box.prepare import prepare

from .playbooks import ROOT, Run, connection, run_on_hosts, run_playbook
from .test_guides import yaml_of

EXAMPLE = ROOT / "examples" / "people"
GUIDE = (ROOT / "docs" / "people.md").read_text(encoding="utf-8")
PLAYBOOK = (EXAMPLE / "people.yml").read_text(encoding="utf-8")
TABLE = (EXAMPLE / "people.csv").read_text(encoding="utf-8")
STATE: dict[str, Any] = {
    "users": [
        {"email": "ann@example.org", "password": "ann-password-1"},
        {"email": "dave@example.org", "password": "dave-password-1"},
    ],
    "aliases": [
        {"address": "sales@example.org", "forwards_to": ["ann@example.org", "dave@example.org", "agency@example.net"]},
        {"address": "press@example.org", "forwards_to": ["ann@example.org", "dave@example.org"]},
        {"address": "dave.dean@example.org", "forwards_to": ["dave@example.org"]},
    ],
}
JOINERS = ("erin@example.org", "frank@example.org")


@pytest.fixture
def prepared(newest_box: Box, tmp_path: Path) -> Iterator[Box]:
    """A box, and the files of the example."""
    prepare(newest_box.state, STATE)
    for path in EXAMPLE.iterdir():
        shutil.copy(path, tmp_path)
    yield newest_box
    assert not newest_box.violations


def run(box: Box, folder: Path, *arguments: str) -> Run:
    environment = {"MIAB_" + option.upper(): value for option, value in connection(box).items()}
    return run_playbook(box, folder / "people.yml", folder, arguments=arguments, environment=environment)


def changed(made: Run) -> list[tuple[str, str]]:
    """The changes of the last task that made some: what was done, and to what."""
    (result,) = (outcome.result for outcome in made.outcomes if "changes" in outcome.result)
    return [(change["action"], change["key"]) for change in result["changes"]]


CHANGES = [
    ("create", "erin@example.org"),
    ("create", "frank@example.org"),
    ("update", "ann@example.org"),
    ("create", "dave@example.org"),
    ("update", "sales@example.org"),
    ("create", "support@example.org"),
    ("update", "press@example.org"),
    ("remove", "dave@example.org"),
]


def test_the_example(prepared: Box, tmp_path: Path) -> None:
    predicted = run(prepared, tmp_path, "--check", "--diff")
    assert predicted.status == 0, predicted.output
    passwords = {email: (tmp_path / "passwords" / email).read_text(encoding="utf-8").strip() for email in JOINERS}
    made, again = run(prepared, tmp_path, "--diff"), run(prepared, tmp_path)
    assert (made.status, again.status) == (0, 0), made.output + again.output
    assert [changed(one) for one in (predicted, made, again)] == [CHANGES, CHANGES, []]
    state = prepared.state
    assert {email: state.users[email].password for email in JOINERS} == passwords
    assert "dave@example.org" not in state.users
    assert {address: alias.forwards_to for address, alias in state.aliases.items() if "@example.org" in address} == {
        "sales@example.org": ["agency@example.net", "ann@example.org", "erin@example.org"],
        "support@example.org": ["erin@example.org", "frank@example.org"],
        "press@example.org": ["ann@example.org"],
        # Somebody else gets the mail of Dave, also by his other address.
        "dave@example.org": ["ann@example.org"],
        "dave.dean@example.org": ["dave@example.org"],
    }
    files = sorted((tmp_path / "passwords").iterdir())
    assert [path.name for path in files] == sorted(JOINERS)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (tmp_path / "passwords").stat().st_mode & 0o777 == 0o700


def test_a_password_that_a_person_has_chosen_stays(prepared: Box, tmp_path: Path) -> None:
    assert run(prepared, tmp_path).status == 0
    prepared.state.users["erin@example.org"].password = "my-own-password"
    shutil.rmtree(tmp_path / "passwords")
    assert changed(run(prepared, tmp_path)) == []
    assert prepared.state.users["erin@example.org"].password == "my-own-password"
    assert not (tmp_path / "passwords").exists()


def test_the_guide_shows_the_example() -> None:
    (table, messages) = re.findall(r"^```text\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert table == TABLE
    assert PLAYBOOK.removeprefix("---\n") in GUIDE
    assert messages.startswith("Mistakes in the table of people: 3.\n")


def test_the_messages_in_the_guide(prepared: Box, tmp_path: Path) -> None:
    lines = TABLE.splitlines()
    bad = [lines[0], lines[2], lines[2], "Frank;frank;joiner;suport;;", "Dave;dave;leaverr;;;"]
    (tmp_path / "people.csv").write_text("\n".join(bad), encoding="utf-8")
    made = run(prepared, tmp_path)
    (messages,) = re.findall(r"^```text\n(Mistakes.*?)\n```", GUIDE, re.MULTILINE | re.DOTALL)
    assert made.status == 2
    assert not [entry for entry in prepared.log if is_write(entry.method, entry.path)]
    for line in messages.splitlines():
        assert line in made.output


@pytest.mark.parametrize("name", ["plan", "apply"])
def test_the_variables_in_the_guide(name: str, prepared: Box, tmp_path: Path) -> None:
    people, vault, _purge = (block for block in yaml_of("people.md") if isinstance(block, dict))
    (tmp_path / "people.csv").write_text(
        "email,state,groups\nann,,sales\nerin,,sales\nfrank,joiner,support\ndave,leaver,\n", encoding="utf-8"
    )
    reached = {"miab_host": prepared.url, "miab_ca_path": prepared.cacert, "miab_username": prepared.username}
    passwords = {email: "first-password-of-" + email[:4] for email in vault["vault_first_passwords"]}
    variables = {**reached, "miab_password": prepared.password, **people, "vault_first_passwords": passwords}
    done = run_on_hosts({"box.example.com": variables}, Path("mailinabox.admin." + name), tmp_path)
    assert done.status == 0, done.output
    assert "box.example.com: 3 creations, 2 changes, 1 removal" in done.output
    assert "dave@example.org is removed, but aliases still name it: dave.dean@example.org." in done.output
    assert ("erin@example.org" in prepared.state.users) == (name == "apply")
    assert not [password for password in passwords.values() if password in done.output]


TRAP = "{{ lookup('ansible.builtin.pipe', 'touch trap') }}"
HOSTILE = {
    "ignored": f'"{TRAP}";ann;;;;',
    "address": f'Ann;"{TRAP}";;;;',
    "group": f'Ann;ann;;"{TRAP}";;',
    "word": f'Ann;ann;"{TRAP}";;;',
    "jinja2": "Ann;\"#jinja2:variable_start_string:'[['\";;;;",
    "formula": "Ann;=cmd|'/C touch trap'!A0;;;;",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_cells_are_never_executed(name: str, newest_box: Box, tmp_path: Path) -> None:
    text = "\n".join([TABLE.splitlines()[0], HOSTILE[name]])
    (tmp_path / "people.csv").write_text(text, encoding="utf-8")
    columns = yaml.safe_load(PLAYBOOK)[0]["vars"]["rules"]["columns"]
    rules = "domain='example.org', columns=%r" % columns
    tasks = [
        {
            "ansible.builtin.set_fact": {
                "found": "{{ lookup('ansible.builtin.file', 'people.csv') | mailinabox.admin.people(%s) }}" % rules
            },
            "register": "result",
            "ignore_errors": True,
        },
        {"ansible.builtin.debug": {"msg": "{{ result.msg | default('') }} {{ found | default('') }}"}},
        # As a later play would use it.
        {"ansible.builtin.debug": {"msg": "{{ result }}"}},
    ]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    (tmp_path / "people.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    made = run(newest_box, tmp_path)
    assert made.status == 0, made.output
    assert made.outcomes[0].failed == (name != "ignored")
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_excel(encoding: str, prepared: Box, tmp_path: Path) -> None:
    text = TABLE.replace("Ann Ames", "Zo\u00eb \u00c4mes").replace("\n", "\r\n")
    (tmp_path / "people.csv").write_bytes(text.encode(encoding))
    made = run(prepared, tmp_path, "--check")
    assert made.status == 0, made.output
    assert changed(made) == CHANGES


JOINING, LEAVING = 1000, 100


def test_a_thousand_joiners_and_a_hundred_leavers_in_one_plan(prepared: Box, tmp_path: Path) -> None:
    leavers = [f"leaver{number}@example.org" for number in range(LEAVING)]
    lists = [
        {"address": f"list{number}@example.org", "forwards_to": [email, "ann@example.org"]}
        for number, email in enumerate(leavers)
    ]
    prepare(
        prepared.state,
        {"users": [{"email": email, "password": "some-password-1"} for email in leavers], "aliases": lists},
    )
    rows = [TABLE.splitlines()[0], "Ann;ann;;support;;"]
    rows += [f"J;joiner{number};joiner;sales;1G;" for number in range(JOINING)]
    rows += [f"L;{email};leaver;;;" for email in leavers]
    (tmp_path / "people.csv").write_text("\n".join(rows), encoding="utf-8")
    limit = PLAYBOOK.replace("remove_limit: 10\n", f"remove_limit: {LEAVING}\n")
    (tmp_path / "people.yml").write_text(limit, encoding="utf-8")
    planned = run(prepared, tmp_path, "--check")
    assert planned.status == 0, planned.output[-2000:]
    actions = [action for action, _key in changed(planned)]
    # Each joiner and support; sales and each list; each leaver.
    assert [actions.count(action) for action in ("create", "update", "remove")] == [JOINING + 1, LEAVING + 1, LEAVING]
    # Everything was read in a few requests.
    assert planned.outcomes[-2].result["requests"]["reads"] < 10
