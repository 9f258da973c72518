# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_user, miab_alias and miab_dns_record as playbooks use them: four versions, both doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.box import Box
from tests.box.prepare import prepare

from .playbooks import play
from .wishes import Wish, converge

ANN = "ann@example.org"


def user(**expected: Any) -> Any:
    def holds(state: dict[str, Any]) -> bool:
        found = state["users"].get(ANN)
        return found is not None and {key: found[key] for key in expected} == expected

    return holds


def test_user(box: Box, door: str, tmp_path: Path) -> None:
    quotas = box.state.capabilities.quotas
    declared = {"email": ANN, "user_password": "ann-password-1"}
    wishes = [
        Wish(declared, user(password="ann-password-1", privileges=[])),
        Wish({**declared, "email": "Ann@Example.ORG"}, user(password="ann-password-1"), changed=False),
        Wish({**declared, "user_password": "ann-password-2"}, user(password="ann-password-2"), calls=1),
        Wish(
            {"email": ANN, "user_password": "ann-password-3", "update_password": "on_create"},
            user(password="ann-password-2"),
            changed=False,
        ),
        Wish({"email": ANN, "privileges": ["admin"]}, user(privileges=["admin"])),
        Wish({**declared, "user_password": "ann-password-4"}, user(password="ann-password-4", privileges=["admin"])),
        Wish({"email": ANN, "privileges": []}, user(privileges=[])),
        *([Wish({"email": ANN, "quota": "2048m"}, user(quota="2G"))] if quotas else []),
        *([Wish({"email": ANN, "quota": "0"}, user(quota="0"))] if quotas else []),
        Wish({"email": ANN, "state": "absent"}, lambda state: ANN not in state["users"]),
        Wish({"email": "nobody@example.org", "state": "absent"}, lambda state: True, changed=False),
    ]
    converge(box, "miab_user", wishes, tmp_path, door)
    # One for each password that differed: predicted, then set. Nothing else was ever refused.
    assert len(box.failed_logins) == 4
    assert not box.state.sessions


def test_old_mail_of_a_new_user_gives_a_warning(box: Box, door: str, tmp_path: Path) -> None:
    box.state.deliver(ANN)
    task = {"mailinabox.admin.miab_user": {"email": ANN, "user_password": "ann-password-1"}, "check_mode": True}
    outcome = play(box, [task], tmp_path, door).outcomes[0]
    assert "gets the old mail" in outcome.result["warnings"][0]


def alias(address: str, forwards_to: list[str], permitted_senders: list[str] | None = None) -> Any:
    def holds(state: dict[str, Any]) -> bool:
        found = state["aliases"].get(address)
        return found is not None and (sorted(found["forwards_to"]), found["permitted_senders"]) == (
            sorted(forwards_to),
            permitted_senders,
        )

    return holds


def no_alias(address: str) -> Any:
    return lambda state: address not in state["aliases"]


USERS = {
    "users": [
        {"email": ANN, "password": "ann-password-1"},
        {"email": "bob@example.org", "password": "bob-password-1", "privileges": ["admin"]},
    ]
}


def test_alias(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, USERS)
    sales, idn = "sales@example.org", "info@xn--bcher-kva.example"
    wishes = [
        Wish({"address": sales, "forwards_to": [ANN, "Bob@Example.NET"]}, alias(sales, [ANN, "Bob@example.net"])),
        Wish(
            {"address": "Sales@Example.org", "forwards_to": ["bob@example.net", ANN]},
            alias(sales, [ANN, "Bob@example.net"]),
            changed=False,
        ),
        Wish({"address": sales, "permitted_senders": [ANN]}, alias(sales, [ANN, "Bob@example.net"], [ANN])),
        Wish({"address": sales, "forwards_to": [ANN]}, alias(sales, [ANN], [ANN])),
        Wish({"address": sales, "permitted_senders": []}, alias(sales, [ANN])),
        Wish({"address": sales, "forwards_to": [], "permitted_senders": [ANN]}, alias(sales, [], [ANN])),
        Wish({"address": "@example.org", "forwards_to": [ANN]}, alias("@example.org", [ANN])),
        Wish({"address": "@example.com", "forwards_to": ["@example.org"]}, alias("@example.com", ["@example.org"])),
        Wish(
            {"address": "info@bücher.example", "forwards_to": ["ann@bücher.example"]},
            alias(idn, ["ann@xn--bcher-kva.example"]),
        ),
        Wish(
            {"address": idn, "forwards_to": ["ann@BÜCHER.example"]},
            lambda state: idn in state["aliases"],
            changed=False,
        ),
        Wish({"address": idn, "state": "absent"}, no_alias(idn)),
        Wish({"address": sales, "state": "absent"}, no_alias(sales)),
        Wish({"address": "nobody@example.org", "state": "absent"}, no_alias("nobody@example.org"), changed=False),
    ]
    converge(box, "miab_alias", wishes, tmp_path, door)


def test_automatic_aliases(box: Box, tmp_path: Path) -> None:
    prepare(box.state, USERS)
    abuse = "abuse@example.org"
    as_it_is = {"address": abuse, "forwards_to": ["administrator@box.example.com"]}
    wishes = [
        Wish(
            as_it_is, no_alias(abuse) if box.state.capabilities.automatic_aliases else lambda state: True, changed=False
        ),
        Wish({"address": abuse, "forwards_to": ["bob@example.org"]}, alias(abuse, ["bob@example.org"])),
    ]
    converge(box, "miab_alias", wishes, tmp_path, "in-process")
    absent = {"mailinabox.admin.miab_alias": {"address": abuse, "state": "absent"}}
    removed, again = play(box, [absent, absent], tmp_path).outcomes
    assert removed.result["changed"]
    assert removed.result["alias"] == again.result["alias"] == {"address": abuse, "state": "absent"}
    assert not again.result["changed"]
    assert "automatic alias" in again.result["warnings"][0]
    converge(box, "miab_alias", [Wish(as_it_is, lambda state: True, changed=False)], tmp_path, "in-process")


def values(name: str, rtype: str, *expected: str) -> Any:
    def holds(state: dict[str, Any]) -> bool:
        found = [row["value"] for row in state["dns_records"] if (row["qname"], row["rtype"]) == (name, rtype)]
        return sorted(found) == sorted(expected)

    return holds


def record(name: str, rtype: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "type": rtype, **options}


SHA = "0123456789abcdef" * 4


def test_dns_record(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, USERS)
    www, blog = "www.example.org", "blog.example.org"
    dmarc = "v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@example.org"
    wishes = [
        Wish(record(www, "A", value="192.0.2.1"), values(www, "A", "192.0.2.1")),
        Wish(record(www.upper() + ".", "a", values=["192.0.2.2"]), values(www, "A", "192.0.2.1", "192.0.2.2")),
        Wish(record(www, "A", value="192.0.2.3", exclusive=True), values(www, "A", "192.0.2.3"), calls=1),
        Wish(
            record(www, "A", values=["192.0.2.3", "192.0.2.4", "192.0.2.5"], exclusive=True),
            values(www, "A", "192.0.2.3", "192.0.2.4", "192.0.2.5"),
        ),
        Wish(record(www, "A", value="192.0.2.4", state="absent"), values(www, "A", "192.0.2.3", "192.0.2.5")),
        Wish(record(www, "A", state="absent"), values(www, "A")),
        Wish(record("_dmarc.example.org", "TXT", values=dmarc), values("_dmarc.example.org", "TXT", dmarc)),
        Wish(record(www, "AAAA", value="2001:0DB8::1"), values(www, "AAAA", "2001:db8::1")),
        Wish(record(www, "AAAA", value="local", exclusive=True), values(www, "AAAA", "local")),
        Wish(record(blog, "CNAME", value="Host.example.net"), values(blog, "CNAME", "host.example.net.")),
        Wish(record(blog, "CNAME", value="b.example.net", exclusive=True), values(blog, "CNAME", "b.example.net.")),
        Wish(
            record("example.org", "CAA", value="0 issue letsencrypt.org"),
            values("example.org", "CAA", '0 issue "letsencrypt.org"'),
        ),
        Wish(
            record("lists.example.org", "MX", value="10 mx.example.net."),
            values("lists.example.org", "MX", "10 mx.example.net."),
        ),
        Wish(
            record("_xmpp._tcp.example.org", "SRV", value="5 0 5269 x.example.net."),
            values("_xmpp._tcp.example.org", "SRV", "5 0 5269 x.example.net."),
        ),
        Wish(record("ssh.example.org", "SSHFP", value="4 2 " + SHA), values("ssh.example.org", "SSHFP", "4 2 " + SHA)),
        Wish(
            record("sub.example.org", "NS", value="ns.example.net"), values("sub.example.org", "NS", "ns.example.net.")
        ),
        Wish(record("*.example.org", "A", value="192.0.2.9"), values("*.example.org", "A", "192.0.2.9")),
        # Stored, but the box publishes it anyway, and says so in odd words.
        Wish(
            record("box.example.com", "A", value="203.0.113.10"),
            values("box.example.com", "A", "203.0.113.10"),
            warns="ignores this record",
        ),
    ]
    converge(box, "miab_dns_record", wishes, tmp_path, door)
    assert box.state.broken_zones() == box.state.dropped_zones() == []
