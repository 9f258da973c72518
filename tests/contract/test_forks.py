# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Behavior of forks that was observed on real boxes and is not part of the recordings."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.box import FORKS, Answer, State, answer, new_state
from tests.box.routes import respond

from ..box.answers import Request

ANN = {"email": "ann@example.org", "password": "ann-password-1"}


def post(state: State, path: str, form: Mapping[str, str]) -> Answer:
    return answer(state, "POST", path, form=form)


def with_ann(name: str) -> State:
    state = new_state(name)
    assert post(state, "/mail/users/add", ANN).status == 200
    return state


def alias(state: State, address: str, receivers: str, **more: str) -> Answer:
    form = {"update_if_exists": "1", "address": address, "forwards_to": receivers, "permitted_senders": "", **more}
    return post(state, "/mail/aliases/add", form)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("power-v60.5", "/system/default-quota"),
        ("kiekerjan-v76", "/dns/advanced-dns"),
        ("geseidl-v76", "/system/spam-filter"),
        ("ldap-v75", "/system/postgrey-whitelist"),
    ],
)
def test_only_the_fork_has_the_path(name: str, path: str) -> None:
    assert {known for known in (*FORKS, "v76") if answer(new_state(known), "GET", path).status == 200} == {name}


def test_power_loses_values_with_requests_in_the_form_of_upstream() -> None:
    state = with_ann("power-v60.5")
    for value in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        assert answer(state, "POST", "/dns/custom/www.example.org/A", form={"value": value, "ttl": "5"}).status == 200
    rows = answer(state, "GET", "/dns/custom/www.example.org/A").json()
    assert [(row["value"], row["ttl"]) for row in rows] == [
        ("192.0.2.1", 30),
        ("192.0.2.2", 30),
        ("192.0.2.3", 30),
    ]
    assert answer(state, "DELETE", "/dns/custom/www.example.org/A", body="192.0.2.1").status == 200
    assert state.dns_records == []


def test_power_forgets_a_port_that_is_left_out() -> None:
    state = new_state("power-v60.5")
    form = {"target": "local", "target_user": "", "target_pass": "", "min_age": "3"}
    post(state, "/system/backup/config", {**form, "target_rsync_port": "2222"})
    assert answer(state, "GET", "/system/backup/config").json()["target_rsync_port"] == 2222
    post(state, "/system/backup/config", form)
    assert answer(state, "GET", "/system/backup/config").json()["target_rsync_port"] == 22


def test_power_gives_new_users_the_default_quota() -> None:
    state = new_state("power-v60.5")
    assert post(state, "/system/default-quota", {"default_quota": "2g"}).body == "OK"
    post(state, "/mail/users/add", ANN)
    assert state.users["ann@example.org"].quota == "2G"


def test_power_counts_an_error_as_a_failed_login() -> None:
    state = new_state("power-v60.5")
    credentials = "Basic bWVAYm94LmV4YW1wbGUuY29tOmFkbWlucGFzczEyMw=="
    form = {"target": "local", "target_user": "", "target_pass": "", "min_age": "soon"}
    request = Request("POST", "/system/backup/config", form=form, headers={"authorization": credentials})
    refused = respond(state, request)
    assert (refused.status, len(state.failed_logins)) == (401, 1)
    assert refused.headers["X-Reason"].startswith("invalid literal")


@pytest.mark.parametrize("local", ["dmarc-reports", "tls-reports"])
def test_kiekerjan_reserves_names_in_every_domain(local: str) -> None:
    state = with_ann("kiekerjan-v76")
    address = f"{local}@example.org"
    assert post(state, "/mail/users/add", {**ANN, "email": address}).status == 400
    assert alias(state, address, "ann@example.org").status == 400
    assert alias(state, address, "me@box.example.com").status == 200
    assert alias(with_ann("v76"), address, "ann@example.org").status == 200


def test_ldap_loses_a_domain_with_an_alias_that_only_sends() -> None:
    state = with_ann("ldap-v75")
    alias(state, "sales@example.org", "ann@example.org")
    assert alias(state, "sales@example.org", "", permitted_senders="ann@example.org").status == 200
    assert answer(state, "GET", "/mail/domains").body == "box.example.com\n"
    assert answer(state, "GET", "/dns/zones").json() == ["box.example.com"]
    assert "ann@example.org" in state.users
    alias(state, "info@example.org", "ann@example.org")
    assert answer(state, "GET", "/mail/domains").body == "box.example.com\nexample.org\n"


def test_ldap_loses_descriptions_and_automatic_aliases() -> None:
    state = with_ann("ldap-v75")
    alias(state, "sales@example.org", "ann@example.org", description="Sales")
    alias(state, "sales@example.org", "me@box.example.com")
    assert post(state, "/mail/aliases/remove", {"address": "abuse@example.org"}).status == 200
    rows = {
        row["address"]: row
        for domain in answer(state, "GET", "/mail/aliases?format=json").json()
        for row in domain["aliases"]
    }
    assert rows["sales@example.org"]["description"] == " "
    assert "abuse@example.org" not in rows


def test_ldap_treats_stars_in_addresses_as_wildcards() -> None:
    state = with_ann("ldap-v75")
    assert post(state, "/mail/users/password", {"email": "a*@example.org", "password": "other-password"}).status == 200
    assert state.users["ann@example.org"].password == "other-password"
    assert post(state, "/mail/users/remove", {"email": "a*@example.org"}).status == 200
    assert "ann@example.org" not in state.users


def test_ldap_ignores_privileges_of_new_users() -> None:
    state = with_ann("ldap-v75")
    post(state, "/mail/users/add", {"email": "bob@example.org", "password": "bob-password-1", "privileges": "admin"})
    assert state.users["bob@example.org"].privileges == []
