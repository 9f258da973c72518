# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forks of Mail-in-a-Box: writes that would lose data are refused, and unknown boxes are only read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.box import Box, CustomRecord, Fault, Totp, new_state, prepare
from tests.tasks import connection, run_task

from .playbooks import play, run_on_hosts
from .test_requests import ROOT, counted
from .test_requests import SECRET as TOTP_SECRET

PLAYBOOKS = ROOT / "playbooks"
ANN, SALES = "ann@example.org", "sales@example.org"
STATE = {
    "users": [{"email": ANN, "password": "ann-password-1"}, {"email": "b@example.org", "password": "bob-password-1"}],
    "aliases": [{"address": SALES, "forwards_to": [ANN]}],
}
MANY = {"name": "many.example.org", "type": "TXT"}
POWER = [
    {"miab_dns_record": {**MANY, "value": "two", "state": "absent"}},
    {"miab_dns_record": {"name": "www.example.org", "type": "A", "values": ["192.0.2.1"], "exclusive": True}},
    {"miab_config": {"dns_records": [{**MANY, "values": ["one"]}], "purge": ["dns_records"]}},
    {"miab_config": {"users": [{"email": ANN, "quota": "2G"}], "dns_records": [{**MANY, "state": "absent"}]}},
]
ONLY_SENDS = {"address": SALES, "forwards_to": [], "permitted_senders": [ANN]}
OVERRIDDEN = {"address": "abuse@example.org", "state": "absent"}
STAR = {"address": "*@example.org", "forwards_to": [ANN]}
LDAP = [
    {"miab_alias": ONLY_SENDS},
    {"miab_alias": OVERRIDDEN},
    {"miab_alias": {"address": "administrator@box.example.com", "state": "absent", "force": True}},
    {"miab_alias": STAR},
    {"miab_alias": {"address": "new@example.org", "forwards_to": ["a*@example.org"]}},
    {"miab_config": {"aliases": [ONLY_SENDS]}},
    {"miab_config": {"aliases": [OVERRIDDEN, STAR]}},
]


def box_with(name: str) -> Box:
    state = new_state(name)
    prepare(state, STATE)
    state.dns_records = [CustomRecord(MANY["name"], MANY["type"], value) for value in ("one", "two", "three")]
    if name == "ldap-v75":
        prepare(state, {})
        state.of_fork["descriptions"]["abuse@example.org"] = "Made by hand"
        state.of_fork["descriptions"][SALES] = "Sales"
    return Box(state=state)


def as_tasks(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"mailinabox.admin." + name: options for name, options in task.items()} for task in tasks]


@pytest.mark.parametrize(("name", "tasks"), [("power-v60.5", POWER), ("ldap-v75", LDAP)])
def test_writes_that_would_lose_data_are_refused(
    name: str, tasks: list[dict[str, Any]], door: str, tmp_path: Path
) -> None:
    with box_with(name) as box:
        before = box.described()
        run = play(box, as_tasks(tasks), tmp_path, door)
        assert counted(box)[1] == 0
        assert box.described() == before
    assert len(run.outcomes) == len(tasks), run.output
    for task, outcome in zip(tasks, run.outcomes, strict=True):
        assert outcome.failed, task
        is_single = "miab_config" not in task
        assert outcome.result["failure"]["code"] == ("loses_data" if is_single else "invalid_declaration"), task
        assert ("mailinabox-ldap" if name == "ldap-v75" else "power-mailinabox") in outcome.result["msg"]
        assert "Nothing was" in outcome.result["msg"]


def test_modules_preserve_settings_that_forks_would_lose() -> None:
    with box_with("ldap-v75") as box:
        result = run_task(box, "miab_alias", {"address": SALES, "forwards_to": ["me@box.example.com"]})
        assert result["changed"], result
        assert box.state.of_fork["descriptions"][SALES] == "Sales"
        options = {"email": "new@example.org", "user_password": "new-password-1", "privileges": ["admin"]}
        assert run_task(box, "miab_user", options)["user"]["privileges"] == ["admin"]
    with box_with("power-v60.5") as box:
        box.state.of_fork["target_rsync_port"] = 2222
        assert run_task(box, "miab_backup_config", {"min_age_in_days": 7})["changed"]
        assert box.state.of_fork["target_rsync_port"] == 2222


def test_no_record_is_written_to_a_box_whose_list_is_empty() -> None:
    with box_with("power-v60.5") as box:
        box.state.dns_records = []
        result = run_task(box, "miab_dns_record", {"name": "www.example.org", "type": "A", "value": "192.0.2.1"})
        assert result["failure"]["code"] == "loses_data"
        assert counted(box) == (3, 0)


@pytest.mark.parametrize("check_mode", [False, True])
def test_reserved_names_of_kiekerjan_are_planned(check_mode: bool) -> None:
    user = {"email": "tls-reports@example.org", "user_password": "some-password-1"}
    with box_with("kiekerjan-v76") as box:
        for module, options in (
            ("miab_user", user),
            ("miab_alias", {"address": "dmarc-reports@example.org", "forwards_to": [ANN]}),
        ):
            result = run_task(box, module, options, check_mode)
            assert result["failure"]["code"] == "invalid_option", result
            assert "reserve" in result["msg"]
        declared = {"users": [user], "aliases": [{"address": "tls-reports@example.net", "forwards_to": [ANN]}]}
        assert run_task(box, "miab_config", declared, check_mode)["failure"]["details"]["mistakes"]
        assert counted(box)[1] == 0
        led = {"address": "dmarc-reports@example.org", "forwards_to": ["me@box.example.com"]}
        assert run_task(box, "miab_alias", led, check_mode)["changed"]


def test_an_unknown_box_is_read_and_not_written_to(door: str, tmp_path: Path) -> None:
    state = new_state("v76")
    state.version_text = "v76-acme"
    prepare(state, STATE)
    tasks = [
        {"mailinabox.admin.miab_info": {"gather_subset": ["box"]}},
        {"mailinabox.admin.miab_user": {"email": ANN, "quota": "2G"}},
        {"mailinabox.admin.miab_user": {"email": ANN, "quota": "2G"}, "check_mode": True},
        {"mailinabox.admin.miab_user": {"email": ANN, "quota": "2G", "unknown_box": "write"}},
        {"mailinabox.admin.miab_user": {"email": ANN, "quota": "2G"}},
    ]
    with Box(state=state) as box:
        box.faults.append(Fault("field", "GET /mail/users", times=99))
        run = play(box, tasks, tmp_path, door)
        assert box.state.users[ANN].quota == "2G"
        assert counted(box)[1] == 1
    info, refused, predicted, written, again = run.outcomes
    assert info.result["box"]["kind"] == "unknown"
    assert info.result["box"]["marks"] == ["the field 'never_seen' in users", "the version 'v76-acme'"]
    assert refused.result["failure"]["code"] == "unknown_box"
    assert "never_seen" in refused.result["msg"]
    assert predicted.result["changed"]
    assert "never_seen" in str(predicted.result["warnings"])
    assert written.result["changed"]
    assert not again.failed, again.result


@pytest.mark.parametrize("name", ["v76", "kiekerjan-v76", "geseidl-v76"])
def test_a_write_that_a_lock_prevented_is_sent_once_more(name: str) -> None:
    with box_with(name) as box:
        for path, module, options in (
            ("/mail/users/quota", "miab_user", {"email": ANN, "quota": "2G"}),
            ("/mail/aliases/add", "miab_alias", {"address": "info@example.org", "forwards_to": [ANN]}),
        ):
            box.log.clear()
            box.faults.append(Fault("500", f"POST {path}"))
            result = run_task(box, module, options)
            assert result["changed"], result
            assert "so it was sent again" in str(result["warnings"])
            sent = [(entry.path, entry.status) for entry in box.log]
            assert [status for asked, status in sent if asked == path] == [500, 200]
            first, second = [place for place, (asked, _status) in enumerate(sent) if asked == path]
            # In tests with real boxes, five reads of the users always released the lock.
            assert sent[first:second].count(("/mail/users", 200)) >= 5


def test_a_write_is_not_sent_a_third_time() -> None:
    with box_with("v76") as box:
        box.faults.append(Fault("500", "POST /mail/users/quota", times=9))
        result = run_task(box, "miab_user", {"email": ANN, "quota": "2G"})
        assert result["failure"]["code"] == "box_failed"
        assert counted(box)[1] == 2


def doctor(box: Box, folder: Path, **more: Any) -> str:
    variables = {"miab_" + key: value for key, value in {**connection(box), **more}.items()}
    hosts = {"box.example.com": {"ansible_connection": "local", **variables}}
    run = run_on_hosts(hosts, PLAYBOOKS / "doctor.yml", folder)
    assert counted(box)[1] == 0
    assert not box.state.sessions
    return run.output


def test_the_doctor_of_forks_and_of_an_unknown_box(tmp_path: Path) -> None:
    with box_with("power-v60.5") as box:
        output = doctor(box, tmp_path)
    assert "the fork power-mailinabox" in output
    assert "Refused there: custom DNS records." in output
    assert "next: Export the box as a declaration" in output
    with box_with("v76") as box:
        box.faults.append(Fault("field", "GET /mail/users", times=99))
        box.state.dns_records.append(CustomRecord("www.gone.example", "A", "192.0.2.1"))
        box.state.users[box.username].totp.append(Totp(1, TOTP_SECRET, "phone"))
        output = doctor(box, tmp_path, totp_secret=TOTP_SECRET)
    assert "unknown kind of box: it has the field 'never_seen' in users" in output
    assert "www.gone.example A 192.0.2.1 is not published" in output
    assert "1 of 3 users sign in with a second factor" in output
    assert "18 of 18 reads have the expected form" in output


def test_the_doctor_with_wrong_credentials(tmp_path: Path) -> None:
    with box_with("v0.51") as box:
        assert "The credentials are those of an administrator" in doctor(box, tmp_path)
        output = doctor(box, tmp_path, password="wrong-password")
        assert "next: Check the username and the password" in output
        # Only one login attempt, because a box bans an address after too many failures.
        assert len(box.failed_logins) == 1


def test_a_server_with_another_api() -> None:
    with box_with("v76") as box:
        box.faults.append(Fault("404", times=9))
        result = run_task(box, "miab_user", {"email": ANN, "quota": "2G"})
        assert "Check that host is a Mail-in-a-Box. Naust" in result["msg"]
        assert counted(box)[1] == 0
