# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the simulated box that the recorded conversations don't cover."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.box import VERSIONS, Answer, CustomRecord, State, answer, crypto, is_write, new_state, prepare
from tests.box.answers import Request
from tests.box.auth import totp_code
from tests.box.routes import respond
from tests.tasks import Clock

MOMENT = 1_800_000_000.0
NEWER = [version for version in VERSIONS if version != "v0.51"]


def add_user(state: State, email: str, **more: str) -> Answer:
    form = {"email": email, "password": "some-password-1", "privileges": "", **more}
    return answer(state, "POST", "/mail/users/add", form=form)


def remove_user(state: State, email: str) -> Answer:
    return answer(state, "POST", "/mail/users/remove", form={"email": email})


def add_alias(state: State, address: str, forwards_to: str, senders: str = "", update: str = "0") -> Answer:
    form = {
        "update_if_exists": update,
        "address": address,
        "forwards_to": forwards_to,
        "permitted_senders": senders,
    }
    return answer(state, "POST", "/mail/aliases/add", form=form)


def listed(state: State, address: str) -> dict[str, Any]:
    found = answer(state, "GET", "/mail/aliases?format=json").json()
    rows = [row for domain in found for row in domain["aliases"] if row["address"] == address]
    assert len(rows) == 1
    row: dict[str, Any] = rows[0]
    return row


def with_ann(version: str = "v75") -> State:
    """A box with a user ann@example.org, completely published."""
    state = new_state(version)
    assert add_user(state, "ann@example.org").status == 200
    return state


def request_of(name: str, password: str, method: str = "GET", path: str = "/mail/users", **headers: str) -> Request:
    credentials = base64.b64encode(f"{name}:{password}".encode()).decode()
    return Request(method, path, headers={"authorization": f"Basic {credentials}", **headers})


# Records that break their zone


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("rtype", "bad", "good"),
    [
        ("MX", "not an mx", "10 mx.example.net."),
        ("MX", "mx.example.net.", "10 mx.example.net."),
        ("SRV", "5 0 xmpp.example.net.", "5 0 5269 xmpp.example.net."),
        ("CAA", "issue letsencrypt.org", '0 issue "letsencrypt.org"'),
        ("SSHFP", "4 2 xyz", "4 2 " + 64 * "0"),
        ("TXT", "one\ntwo", "one two"),
    ],
)
def test_bad_value_breaks_its_zone(version: str, rtype: str, bad: str, good: str) -> None:
    state = with_ann(version)
    path = f"/dns/custom/x.example.org/{rtype}"

    # Stored, but not published. The second request finds the value and reports success.
    assert answer(state, "POST", path, body=bad).status == 500
    assert CustomRecord("x.example.org", rtype, bad) in state.dns_records
    reply = answer(state, "POST", path, body=bad)
    assert (reply.status, reply.body) == (200, "OK")
    assert state.broken_zones() == ["example.org"]

    # Other changes in the zone are stored but fail. Other zones are not affected.
    assert answer(state, "POST", "/dns/custom/www.example.org/A", body="192.0.2.1").status == 500
    assert answer(state, "DELETE", "/dns/custom/www.example.org/A").status == 500
    assert answer(state, "POST", "/dns/custom/www.box.example.com/A", body="192.0.2.1").status == 200
    assert answer(state, "POST", "/dns/update", form={"force": "1"}).status == 500

    # Until exactly that value is removed.
    reply = answer(state, "DELETE", path, body=bad)
    assert (reply.status, reply.body) == (200, "updated DNS: example.org\n")
    assert state.broken_zones() == []
    assert answer(state, "POST", path, body=good).body == "updated DNS: example.org\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_zone_stays_broken_until_both_broken_values_are_removed(version: str) -> None:
    state = with_ann(version)
    for path, body in (("mx.example.org/MX", "not an mx"), ("fp.example.org/SSHFP", "x y z")):
        assert answer(state, "PUT", "/dns/custom/" + path, body=body).status == 500
    reply = answer(state, "DELETE", "/dns/custom/mx.example.org/MX")
    assert reply.status == 500
    assert [record.rtype for record in state.dns_records] == ["SSHFP"]
    assert state.broken_zones() == ["example.org"]
    assert answer(state, "DELETE", "/dns/custom/fp.example.org/SSHFP").body == "updated DNS: example.org\n"
    assert state.broken_zones() == []


def test_new_zone_that_can_not_be_signed_fails_each_update() -> None:
    state = new_state()
    add_user(state, "ann@sub.example.org")
    assert answer(state, "POST", "/dns/custom/x.sub.example.org/MX", body="not an mx").status == 500
    # The other zones are published, and this one is skipped until it changes.
    assert answer(state, "POST", "/dns/update").status == 200
    assert add_user(state, "ann@example.org").status == 500
    assert [answer(state, "POST", "/dns/update").status for _unused in range(2)] == [500, 500]
    assert answer(state, "DELETE", "/dns/custom/x.sub.example.org/MX").body == "updated DNS: example.org\n"
    assert answer(state, "POST", "/dns/update").body == ""


def test_user_is_added_though_publishing_fails() -> None:
    state = with_ann()
    assert answer(state, "POST", "/dns/custom/x.example.org/MX", body="not an mx").status == 500
    # A first user on another domain changes another zone only.
    assert add_user(state, "bob@example.net").body == "mail user added\nupdated DNS: example.net\nweb updated\n"
    # A domain below it changes the zone.
    assert add_user(state, "cat@sub.example.org").status == 500
    assert "cat@sub.example.org" in state.users
    assert answer(state, "POST", "/web/update").body == "web updated\n"


@pytest.mark.parametrize(
    ("records", "dropped"),
    [
        ([("blog", "CNAME", "host.example.net")], False),
        ([("blog", "CNAME", "host.example.net"), ("blog", "TXT", "text")], True),
        ([("blog", "A", "192.0.2.1"), ("blog", "CNAME", "host.example.net")], True),
        ([("blog", "CNAME", "one.example.net"), ("blog", "CNAME", "two.example.net")], True),
        ([("Blog", "CNAME", "host.example.net"), ("blog", "TXT", "text")], True),
        ([("", "CNAME", "host.example.net")], True),
        # The box removes its own addresses in favor of a CNAME.
        ([("www", "CNAME", "host.example.net")], False),
        ([("autoconfig", "CNAME", "host.example.net")], False),
    ],
)
def test_cname_beside_other_data_is_accepted_and_drops_the_zone(
    records: list[tuple[str, str, str]], dropped: bool
) -> None:
    state = with_ann()
    for name, rtype, value in records:
        qname = f"{name}.example.org" if name else "example.org"
        reply = answer(state, "POST", f"/dns/custom/{qname}/{rtype}", body=value)
        assert (reply.status, reply.body) == (200, "updated DNS: example.org\n")
    assert state.dropped_zones() == (["example.org"] if dropped else [])


# Custom records


def test_empty_bodies_destroy() -> None:
    state = with_ann()
    path = "/dns/custom/www.example.org/A"
    for value in ("192.0.2.1", "192.0.2.2"):
        answer(state, "POST", path, body=value)
    assert answer(state, "PUT", path, body="").status == 200
    assert state.dns_records == [CustomRecord("www.example.org", "A", "127.0.0.1")]
    assert answer(state, "DELETE", path, body="").status == 200
    assert state.dns_records == []


@pytest.mark.parametrize(
    ("qname", "rtype", "value", "reason"),
    [
        ("-x.example.org", "A", "192.0.2.1", "Invalid name."),
        ("a_.b c.example.org", "A", "192.0.2.1", "Invalid name."),
        ("x*.example.org", "A", "192.0.2.1", "Invalid name."),
        ("x.example.org", "AAAA", "192.0.2.1", "That's an IPv4 address."),
        ("x.example.org", "CNAME", "a..b", "Invalid value."),
        ("x.example.org", "CNAME", "host.example.123", "Invalid value."),
        ("x.example.org", "SOA", "x", "Unknown record type 'SOA'."),
    ],
)
def test_refused_records(qname: str, rtype: str, value: str, reason: str) -> None:
    state = with_ann()
    reply = answer(state, "POST", f"/dns/custom/{qname}/{rtype}", body=value)
    assert (reply.status, reply.body) == (400, reason)
    assert state.dns_records == []


@pytest.mark.parametrize(
    ("qname", "value", "published"),
    [
        # The box's records for its own hostname take precedence.
        ("box.example.com", "192.0.2.1", False),
        ("ns1.box.example.com", "192.0.2.1", True),
        ("example.org", "203.0.113.10", True),
    ],
)
def test_the_box_complains_if_no_zone_changes(qname: str, value: str, published: bool) -> None:
    state = with_ann()
    reply = answer(state, "POST", f"/dns/custom/{qname}/A", body=value)
    assert reply.status == 200
    assert (reply.body != "Something isn't right.") == published
    assert state.dns_records == [CustomRecord(qname, "A", value)]


def test_records_are_grouped_by_name_and_type() -> None:
    state = with_ann()
    for qname, rtype, value in (
        ("www.example.org", "A", "192.0.2.1"),
        ("ftp.example.org", "A", "192.0.2.2"),
        ("www.example.org", "TXT", "text"),
        ("www.example.org", "A", "192.0.2.3"),
    ):
        answer(state, "POST", f"/dns/custom/{qname}/{rtype}", body=value)
    assert [record.value for record in state.dns_records] == ["192.0.2.1", "192.0.2.3", "text", "192.0.2.2"]


def test_custom_mx_replaces_the_own_one_only_with_the_same_priority() -> None:
    state = with_ann()

    def published() -> set[str]:
        zones = dict(answer(state, "GET", "/dns/dump").json())
        return {row["value"] for row in zones["example.org"] if (row["qname"], row["rtype"]) == ("example.org", "MX")}

    answer(state, "POST", "/dns/custom/example.org/MX", body="20 backup.example.net.")
    assert published() == {"10 box.example.com.", "20 backup.example.net."}
    answer(state, "PUT", "/dns/custom/example.org/MX", body="10 other.example.net.")
    assert published() == {"10 other.example.net."}


@pytest.mark.parametrize("version", VERSIONS)
def test_records_outlive_their_zone_and_can_not_be_removed_then(version: str) -> None:
    state = with_ann(version)
    answer(state, "POST", "/dns/custom/www.example.org/A", body="192.0.2.1")
    reply = remove_user(state, "ann@example.org")
    assert reply.body.endswith("updated DNS: DNS configuration\nweb updated\n")
    assert answer(state, "GET", "/dns/zones").json() == ["box.example.com"]

    reply = answer(state, "DELETE", "/dns/custom/www.example.org/A", body="192.0.2.1")
    assert reply.status == 400
    assert reply.body.startswith("www.example.org is not a domain name")
    listing = answer(state, "GET", "/dns/custom")
    if version == "v55":
        # One such record hides all others in the list; single names can still be read.
        assert listing.status == answer(state, "GET", "/dns/custom/www.example.org/A").status == 500
        assert answer(state, "GET", "/dns/custom/www.box.example.com/A").json() == []
    else:
        (row,) = listing.json()
        assert row["value"] == "192.0.2.1"
        assert "zone" not in row

    # The old zone file still exists; only the name server's configuration changes.
    assert answer(state, "GET", "/dns/zonefile/example.org").status != 200
    assert "updated DNS: DNS configuration\n" in add_user(state, "ann@example.org").body
    assert answer(state, "DELETE", "/dns/custom/www.example.org/A").body == "updated DNS: example.org\n"


def test_domain_above_another_takes_its_zone_over() -> None:
    state = new_state()
    add_user(state, "ann@a.b.example.org")
    assert answer(state, "GET", "/dns/zones").json() == ["box.example.com", "a.b.example.org"]
    add_user(state, "ann@example.org")
    assert answer(state, "GET", "/dns/zones").json() == ["box.example.com", "example.org"]


def test_zone_serials_grow_and_follow_the_date() -> None:
    state, clock = new_state(), Clock(MOMENT)
    state.clock = clock.now

    def serial() -> int:
        return state.zone_files["example.org"].serial

    add_user(state, "ann@example.org")
    assert serial() == 2027011500
    answer(state, "POST", "/dns/custom/www.example.org/A", body="192.0.2.1")
    assert serial() == 2027011501
    assert str(serial()) in answer(state, "GET", "/dns/zonefile/example.org").body
    clock.time += 86400
    answer(state, "POST", "/dns/update", form={"force": "1"})
    assert serial() == 2027011600


# Users


@pytest.mark.parametrize("version", VERSIONS)
def test_removed_mailbox_is_archived_and_comes_back(version: str) -> None:
    state = with_ann(version)
    add_user(state, "bob@example.org")
    state.deliver("ann@example.org", 2048)
    remove_user(state, "ann@example.org")
    remove_user(state, "bob@example.org")

    def users_of(domain: str) -> list[tuple[str, str]]:
        found = answer(state, "GET", "/mail/users?format=json").json()
        return [(user["email"], user["status"]) for one in found if one["domain"] == domain for user in one["users"]]

    # bob had no mail yet. The domain is listed although it has no active users.
    assert users_of("example.org") == [("ann@example.org", "inactive")]
    assert "example.org" not in answer(state, "GET", "/mail/domains").body
    add_user(state, "ann@example.org")
    assert users_of("example.org") == [("ann@example.org", "active")]
    assert state.mailboxes == {"ann@example.org": 2048}


@pytest.mark.parametrize(
    ("quota", "size", "expected"),
    [
        ("0", 1536, {"quota": "0", "box_size": "1.5K", "box_quota": 0, "percent": ""}),
        ("1G", 512 * 2**20, {"quota": "1G", "box_size": "512M", "box_quota": 2**30, "percent": " 50%"}),
        ("1m", 2**20, {"quota": "1M", "box_size": "1.0M", "box_quota": 2**20, "percent": "100%"}),
        ("1000", 10, {"quota": "1000", "box_size": "10.0", "box_quota": 1000, "percent": "  1%"}),
    ],
)
def test_mailbox_in_use(quota: str, size: int, expected: dict[str, object]) -> None:
    state = new_state()
    add_user(state, "ann@example.org", quota=quota)
    state.deliver("ann@example.org", size)
    user = answer(state, "GET", "/mail/users?format=json").json()[1]["users"][0]
    assert {key: user[key] for key in expected} == expected


def test_a_box_allows_removing_the_last_administrator() -> None:
    state = new_state()
    form = {"email": "me@box.example.com", "privilege": "admin"}
    assert answer(state, "POST", "/mail/users/privileges/remove", form=form).body == "OK"
    reply = respond(state, request_of("me@box.example.com", "adminpass123"))
    assert (reply.status, reply.headers["X-Reason"]) == (401, "You are not an administrator.")


# Aliases


@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize(
    ("receiver", "seen"),
    [
        # Sorts before administrator@box.example.com, so the automatic row is the last one.
        ("a@example.org", False),
        ("bob@example.org", True),
        ("administrator@box.example.com", False),
    ],
)
def test_a_manual_alias_beside_an_automatic_one(version: str, receiver: str, seen: bool) -> None:
    state = new_state(version)
    for email in ("a@example.org", "bob@example.org"):
        add_user(state, email, privileges="admin")
    assert add_alias(state, "abuse@example.org", receiver).body == "alias added\n"
    row = listed(state, "abuse@example.org")
    assert row["auto"] is not seen
    assert row["forwards_to"] == [receiver if seen else "administrator@box.example.com"]
    reply = answer(state, "POST", "/mail/aliases/remove", form={"address": "abuse@example.org"})
    assert reply.body == "alias removed\n"
    assert listed(state, "abuse@example.org")["auto"] is True


@pytest.mark.parametrize("version", VERSIONS)
def test_update_without_senders_clears_them(version: str) -> None:
    state = with_ann(version)
    add_alias(state, "sales@example.org", "ann@example.org", "ann@example.org")
    assert listed(state, "sales@example.org")["permitted_senders"] == ["ann@example.org"]
    form = {"update_if_exists": "1", "address": "sales@example.org", "forwards_to": "ann@example.org"}
    assert answer(state, "POST", "/mail/aliases/add", form=form).body == "alias updated\n"
    assert listed(state, "sales@example.org")["permitted_senders"] is None


@pytest.mark.parametrize("version", VERSIONS)
def test_removed_senders_block_updates(version: str) -> None:
    state = with_ann(version)
    add_user(state, "bob@example.org")
    add_alias(state, "sales@example.org", "bob@example.org", "ann@example.org")
    remove_user(state, "ann@example.org")
    assert listed(state, "sales@example.org")["permitted_senders"] == ["ann@example.org"]
    reply = add_alias(state, "sales@example.org", "bob@example.org", "ann@example.org", update="1")
    assert reply.status == 400
    assert reply.body == "Invalid permitted sender: ann@example.org is not a user on this system."
    assert add_alias(state, "sales@example.org", "bob@example.org", update="1").body == "alias updated\n"


@pytest.mark.parametrize(
    ("forwards_to", "accepted"),
    [
        ("root@example.org", True),
        ("root+tag@example.org", True),
        ("administrator@box.example.com", True),
        ("ann@example.org", False),
        ("somebody@example.net", False),
        ("@example.net", False),
    ],
)
@pytest.mark.parametrize("address", ["webmaster@example.org", "admin+tag@example.org", "Abuse@example.org"])
def test_dcv_addresses_forward_to_admins_only(address: str, forwards_to: str, accepted: bool) -> None:
    state = with_ann()
    add_user(state, "root@example.org", privileges="admin")
    assert (add_alias(state, address, forwards_to).status == 200) == accepted


@pytest.mark.parametrize("version", VERSIONS)
def test_alias_forms(version: str) -> None:
    state = with_ann(version)
    add_alias(state, "INFO@bücher.example", "Ann.Smith@Example.ORG, b@bücher.example")
    row = listed(state, "info@xn--bcher-kva.example")
    assert row["address_display"] == "info@bücher.example"
    # The domain is shown in lower case; the other half of an address keeps its case.
    assert row["forwards_to"] == ["Ann.Smith@example.org", "b@bücher.example"]
    # To remove it, it has to be in lower case; it may be in Unicode.
    for address, status in (("INFO@bücher.example", 400), ("info@bücher.example", 200)):
        assert answer(state, "POST", "/mail/aliases/remove", form={"address": address}).status == status


@pytest.mark.parametrize("version", VERSIONS)
def test_senders_are_named_in_ascii_and_shown_in_unicode(version: str) -> None:
    state = with_ann(version)
    add_user(state, "bea@xn--bcher-kva.example")
    reply = add_alias(state, "shop@example.org", "ann@example.org", senders="bea@bücher.example")
    assert (reply.status, reply.body) == (
        400,
        "Invalid permitted sender: bea@bücher.example is not a user on this system.",
    )
    assert add_alias(state, "shop@example.org", "ann@example.org", senders="bea@xn--bcher-kva.example").status == 200
    assert listed(state, "shop@example.org")["permitted_senders"] == ["bea@bücher.example"]


@pytest.mark.parametrize("version", VERSIONS)
def test_users_are_listed_by_the_unicode_form_of_their_domain(version: str) -> None:
    state = with_ann(version)
    add_user(state, "bea@xn--bcher-kva.example")
    found = answer(state, "GET", "/mail/users?format=json").json()
    assert [domain["domain"] for domain in found] == ["box.example.com", "bücher.example", "example.org"]
    # The plain list goes by the ASCII form.
    lines = answer(state, "GET", "/mail/users").body.split()
    assert lines == ["me@box.example.com", "ann@example.org", "bea@xn--bcher-kva.example"]


_RESERVED = ["site.local", "site.test", "site.invalid", "site.localhost", "site.onion", "site.arpa", "site.123"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("domain", _RESERVED)
def test_domains_that_every_box_rejects(version: str, domain: str) -> None:
    state = with_ann(version)
    assert add_user(state, "x@" + domain).body == "Invalid email address."
    assert add_alias(state, "x@" + domain, "ann@example.org").body == f"Invalid email address (x@{domain})."
    reply = add_alias(state, "ops@example.org", "x@" + domain)
    assert (reply.status, reply.body) == (400, f"Invalid receiver email address (x@{domain}).")


def test_older_box_has_a_postmaster_as_soon_as_the_domain_has_a_user() -> None:
    state = with_ann("v0.51")
    assert add_alias(state, "postmaster@example.org", "me@box.example.com").status == 400
    assert add_alias(state, "postmaster@example.org", "me@box.example.com", update="1").body == "alias updated\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unneeded_alias_that_looks_automatic_is_removed_at_once(version: str) -> None:
    state = with_ann(version)
    reply = add_alias(state, "postmaster@shop.example", state.administrator)
    assert reply.status == 200
    assert "alias added" in reply.body
    assert "removed alias postmaster@shop.example" in reply.body
    assert "postmaster@shop.example" not in state.aliases


def test_older_boxes_remove_unneeded_aliases() -> None:
    state = with_ann("v0.51")
    reply = remove_user(state, "ann@example.org").body.splitlines()
    assert reply[1:4] == [
        f"removed alias {local}@example.org (was to administrator@box.example.com; domain no longer used for email)"
        for local in ("abuse", "admin", "postmaster")
    ]
    assert not any(address.endswith("@example.org") for address in state.aliases)


# Certificates


def signed_for_box(*names: str, days: int = 60, now: float = 1_800_000_000.0) -> str:
    start = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    return crypto.sign(names, crypto.box_key().public_key(), start, start + datetime.timedelta(days=days))


def install(state: State, domain: str, cert: str, chain: str = "") -> Answer:
    return answer(state, "POST", "/ssl/install", form={"domain": domain, "cert": cert, "chain": chain})


def test_certificate_that_ends_sooner_is_not_used() -> None:
    state = with_ann()
    state.clock = Clock(MOMENT).now
    assert install(state, "example.org", signed_for_box("example.org", days=60)).body == "web updated\n"
    assert install(state, "example.org", signed_for_box("example.org", days=30)).body == ""
    assert install(state, "example.org", signed_for_box("example.org", days=90)).body == "web updated\n"


def test_certificate_of_the_box_itself_restarts_mail() -> None:
    state = with_ann()
    state.clock = Clock(MOMENT).now
    reply = install(state, "box.example.com", signed_for_box("*.example.com", "box.example.com"))
    assert reply.body == "updating primary certificate\nmail services restarted\nweb updated\n"


@pytest.mark.parametrize(
    ("days", "passed", "start"),
    [
        (9, 0, "The certificate is expiring soon: The certificate expires in 9 days on "),
        (60, 61, "The certificate has expired or is not yet valid. It is valid from "),
        (60, -1, "The certificate has expired or is not yet valid. It is valid from "),
    ],
)
def test_certificate_and_time(days: int, passed: int, start: str) -> None:
    state, clock = with_ann(), Clock(MOMENT)
    state.clock = clock.now
    pem = signed_for_box("example.org", days=days)
    clock.time += passed * 86400
    reply = install(state, "example.org", pem)
    assert reply.status == 200
    assert reply.body.startswith(start)


def test_self_signed_certificate_is_not_installed() -> None:
    reply = install(new_state(), "box.example.com", crypto.self_signed("box.example.com"))
    assert reply.body == "This is a self-signed certificate. I can't install that."


def test_certificate_of_a_stranger_lacks_its_chain() -> None:
    state = with_ann()
    state.clock = Clock(MOMENT).now
    leaf = x509.load_pem_x509_certificate(signed_for_box("example.org").encode())
    # The same certificate, signed by the box's own key in the name of somebody else.
    builder = x509.CertificateBuilder(
        x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "Somebody")]),
        leaf.subject,
        leaf.public_key(),
        leaf.serial_number,
        leaf.not_valid_before_utc,
        leaf.not_valid_after_utc,
        list(leaf.extensions),
    )
    stranger = builder.sign(crypto.box_key(), hashes.SHA256())
    pem = stranger.public_bytes(serialization.Encoding.PEM).decode()
    assert install(state, "example.org", pem).body.startswith("The certificate is missing an intermediate chain")


def test_provisioning_reports_domains_that_failed() -> None:
    state = with_ann()
    state.elsewhere = {"autoconfig.example.org"}
    state.unsigned = {"mta-sts.box.example.com"}
    found = answer(state, "POST", "/ssl/provision").json()["requests"]
    results = {tuple(one["domains"]): one["result"] for one in found if isinstance(one, dict)}
    assert results[("autoconfig.example.org",)] == "skipped"
    assert "error" in results.values()
    assert "installed" in results.values()


# Logins


@pytest.mark.parametrize("version", NEWER)
def test_a_box_keeps_64_sessions(version: str) -> None:
    state = new_state(version)
    keys = [
        respond(state, request_of("me@box.example.com", "adminpass123", "POST", "/login")).json()["api_key"]
        for _unused in range(65)
    ]
    assert len(state.sessions) == 64
    statuses = [respond(state, request_of("me@box.example.com", key)).status for key in (keys[0], keys[1], keys[-1])]
    assert statuses == [401, 200, 200]


def logged_in(state: State, password: str = "adminpass123") -> str:
    method, path = ("POST", "/login") if state.capabilities.sessions else ("GET", "/me")
    key: str = respond(state, request_of("me@box.example.com", password, method, path)).json()["api_key"]
    return key


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("event", "survives"),
    [
        (lambda state: None, True),
        (lambda state: setattr(state.users["me@box.example.com"], "password", "another-password"), False),
        (lambda state: state.reboot(), False),
    ],
    ids=["nothing", "password", "restart"],
)
def test_keys_die_with_the_password_and_with_a_restart(
    version: str, event: Callable[[State], None], survives: bool
) -> None:
    state = new_state(version)
    key = logged_in(state)
    event(state)
    assert (respond(state, request_of("me@box.example.com", key)).status == 200) == survives


@pytest.mark.parametrize(("seconds", "status"), [(2 * 86400 - 1, 200), (2 * 86400 + 1, 401)])
def test_sessions_end_after_two_days_without_use(seconds: int, status: int) -> None:
    state, clock = new_state(), Clock(MOMENT)
    state.clock = clock.now
    key = logged_in(state)
    clock.time += seconds
    assert respond(state, request_of("me@box.example.com", key)).status == status


def test_logout_ends_the_session_and_always_succeeds() -> None:
    state = new_state()
    key = logged_in(state)
    for password in ("wrong", key, key):
        reply = respond(state, request_of("me@box.example.com", password, "POST", "/logout"))
        assert reply.json() == {"status": "ok"}
    assert not state.sessions
    assert state.failed_logins == []


def test_older_box_gives_keys_to_admins_only() -> None:
    state = with_ann("v0.51")
    reply = respond(state, request_of("ann@example.org", "some-password-1", path="/me"))
    assert reply.json() == {"status": "ok", "email": "ann@example.org", "privileges": []}


@pytest.mark.parametrize("version", VERSIONS)
def test_failed_logins_that_are_counted(version: str) -> None:
    state = new_state(version)
    login = ("GET", "/me") if version == "v0.51" else ("POST", "/login")

    def counted(request: Request) -> bool:
        before = len(state.failed_logins)
        respond(state, request)
        return len(state.failed_logins) > before

    me = "me@box.example.com"
    assert not counted(request_of(me, "adminpass123"))
    assert not counted(Request("GET", "/mail/users"))
    assert counted(request_of(me, "wrong"))
    assert counted(request_of(me, "wrong", *login))
    assert counted(Request("GET", "/mail/users", headers={"authorization": "Basic !"}))
    # A correct password without administrator rights is not a failure.
    add_user(state, "ann@example.org")
    assert not counted(request_of("ann@example.org", "some-password-1"))
    # A missing code is a failure, except at /login.
    enable_totp(state)
    assert counted(request_of(me, "adminpass123"))
    assert not counted(request_of(me, "adminpass123", *login))


def test_twenty_failures_in_thirty_seconds_ban() -> None:
    state, clock = new_state(), Clock(MOMENT)
    state.clock = clock.now
    for _unused in range(19):
        respond(state, request_of("me@box.example.com", "wrong"))
    assert not state.banned()
    clock.time += 31
    respond(state, request_of("me@box.example.com", "wrong"))
    assert not state.banned()
    for _unused in range(19):
        respond(state, request_of("me@box.example.com", "wrong"))
    assert state.banned()


def test_password_must_be_ascii() -> None:
    reply = respond(new_state(), request_of("me@box.example.com", "pässword"))
    assert reply.status == 401
    assert "ascii" in reply.headers["X-Reason"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("length", "reason"), [(511, "You are not an administrator."), (512, "password")])
def test_a_password_that_is_too_long_never_matches(version: str, length: int, reason: str) -> None:
    state = with_ann(version)
    password = "a" * length
    reply = answer(state, "POST", "/mail/users/password", form={"email": "ann@example.org", "password": password})
    assert reply.body == "OK"
    refused = respond(state, request_of("ann@example.org", password))
    assert refused.status == 401
    assert reason in refused.headers["X-Reason"]
    assert len(state.failed_logins) == (length == 512)


# MFA


def enable_totp(state: State) -> str:
    secret: str = answer(state, "POST", "/mfa/status").json()["new_mfa"]["totp"]["secret"]
    form = {"secret": secret, "token": totp_code(secret, state.clock()), "label": "phone"}
    assert answer(state, "POST", "/mfa/totp/enable", form=form).body == "OK"
    return secret


@pytest.mark.parametrize("version", VERSIONS)
def test_codes_work_once(version: str) -> None:
    state, clock = new_state(version), Clock(MOMENT)
    state.clock = clock.now
    secret = enable_totp(state)

    def tried(code: str) -> int:
        headers = {"x-auth-token": code}
        return respond(state, request_of("me@box.example.com", "adminpass123", **headers)).status

    code = totp_code(secret, clock.time)
    assert [tried(code), tried(code)] == [200, 401]
    # Clocks can differ by one time step, but not by two.
    assert [tried(totp_code(secret, clock.time + step)) for step in (-60, -30, 30, 60)] == [401, 200, 200, 401]


def test_mfa_of_rfc_6238() -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert [totp_code(secret, moment) for moment in (59, 1111111109, 20000000000)] == ["287082", "081804", "353130"]


def test_mfa_change_ends_sessions_and_without_id_all_is_disabled() -> None:
    state = new_state()
    key = logged_in(state)
    enable_totp(state)
    enable_totp(state)
    assert respond(state, request_of("me@box.example.com", key)).status == 401
    assert answer(state, "POST", "/mfa/disable", form={"mfa-id": ""}).body == "OK"
    assert answer(state, "POST", "/mfa/status").json()["enabled_mfa"] == []
    assert answer(state, "POST", "/mfa/disable", form={"mfa-id": ""}).status == 400


@pytest.mark.parametrize("version", VERSIONS)
def test_mfa_of_unknown_users_cannot_be_disabled(version: str) -> None:
    reply = answer(new_state(version), "POST", "/mfa/disable", form={"user": "nobody@example.org", "mfa-id": "1"})
    assert (reply.status, reply.body) == (400, "User does not exist.")


def test_picture_is_a_png() -> None:
    picture = answer(new_state(), "POST", "/mfa/status").json()["new_mfa"]["totp"]["qr_code_base64"]
    assert base64.b64decode(picture).startswith(b"\x89PNG\r\n\x1a\n")


# Backup and system


@pytest.mark.parametrize(
    ("target", "reply", "stored"),
    [
        ("rsync://u@backup.example.net//srv/box", "OK", True),
        ("s3://s3.example.net/bucket", "Could not connect to S3: the bucket can't be reached.", False),
        ("b2://key:secret@bucket", "B2 connection error: the bucket can't be reached.", False),
        ("file:///home/user-data/backup/encrypted", "OK", True),
    ],
)
def test_backup_targets(target: str, reply: str, stored: bool) -> None:
    state = new_state()
    state.backup_targets = {"rsync://u@backup.example.net//srv/box"}
    form = {"target": target, "target_user": "key", "target_pass": "secret", "min_age": "5"}
    assert answer(state, "POST", "/system/backup/config", form=form).json() == reply
    assert (state.backup.target == target) == stored
    shown = answer(state, "GET", "/system/backup/config").json()
    assert not shown.keys() & {"target_user", "target_pass"}


def test_backup_status_lists_the_newest_first() -> None:
    state = new_state()
    state.clock = Clock(MOMENT).now
    state.add_backup(5.25)
    state.add_backup(0.5, full=False, size=10)
    found = answer(state, "GET", "/system/backup/status").json()["backups"]
    assert [one["date_delta"] for one in found] == ["12 hours", "5 days, 6 hours"]
    assert found[0] == {
        "date": "20270114T200000Z",
        "date_str": "2027-01-14 20:00:00 UTC",
        "date_delta": "12 hours",
        "deleted_in": "approx. 4 days",
        "full": False,
        "size": 10,
        "volumes": 1,
    }
    state.backup_error = "Something is wrong with the backup"
    assert answer(state, "GET", "/system/backup/status").json() == {"error": state.backup_error}


def test_updates_are_installed_once_and_may_need_a_restart() -> None:
    state = new_state()
    state.updates = {"tzdata": "2026b", "linux-image-generic": "5.15"}
    assert answer(state, "GET", "/system/updates").body == "linux-image-generic (5.15)\ntzdata (2026b)\n"
    assert "2 upgraded" in answer(state, "POST", "/system/update-packages").body
    assert answer(state, "GET", "/system/updates").body == ""
    assert "0 upgraded" in answer(state, "POST", "/system/update-packages").body
    assert answer(state, "GET", "/system/reboot").json() is True
    assert answer(state, "POST", "/system/reboot").body == ""
    assert answer(state, "GET", "/system/reboot").json() is False


def test_status_checks_name_the_problems() -> None:
    state = with_ann()
    answer(state, "POST", "/dns/custom/example.org/CNAME", body="host.example.net")
    found = answer(state, "POST", "/system/status").json()
    assert {item["type"] for item in found} == {"heading", "ok", "warning", "error"}
    assert "The nameserver does not answer for this domain." in [item["text"] for item in found]
    state.status_checks = []
    assert answer(state, "POST", "/system/status").json() == []


def test_upstream_version() -> None:
    state = new_state()
    state.upstream_version = "v76"
    assert answer(state, "POST", "/system/latest-upstream-version").body == "v76"


# Requests


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/mail/users", False),
        ("HEAD", "/mail/users", False),
        ("POST", "/mfa/status", False),
        ("POST", "/system/status", False),
        ("POST", "/system/latest-upstream-version", False),
        ("POST", "/login", False),
        ("POST", "/logout", False),
        ("POST", "/ssl/csr/example.org", False),
        ("POST", "/dns/update", True),
        ("PUT", "/dns/custom/www.example.org/A", True),
        ("DELETE", "/dns/custom/www.example.org", True),
        ("POST", "/mail/users/quota", True),
        ("POST", "/no/such/thing", True),
        ("GET", "/no/such/thing", False),
    ],
)
def test_routes_that_are_writes(method: str, path: str, expected: bool) -> None:
    assert is_write(method, path) is expected


def test_paths_are_decoded() -> None:
    state = with_ann()
    assert answer(state, "POST", "/dns/custom/%2A.example.org/A", body="192.0.2.1").status == 200
    assert answer(state, "GET", "/dns/custom/*.example.org/A").json()[0]["value"] == "192.0.2.1"


def test_prepare_uses_the_rules_of_the_box() -> None:
    state = new_state()
    prepare(
        state,
        {
            "users": [{"email": "ann@example.org", "password": "some-password-1", "quota": "2G"}],
            "aliases": [{"address": "sales@example.org", "forwards_to": ["ann@example.org", "bob@example.net"]}],
            "dns_records": [{"qname": "www.example.org", "rtype": "A", "value": "192.0.2.1"}],
            "secondary_nameservers": ["ns2.example.net"],
            "mailboxes": {"old@example.org": 1024},
        },
    )
    assert state.users["ann@example.org"].quota == "2G"
    assert state.aliases["sales@example.org"].forwards_to == ["ann@example.org", "bob@example.net"]
    assert state.dns_records == [CustomRecord("www.example.org", "A", "192.0.2.1")]
    assert state.secondary_nameservers == ["ns2.example.net"]
    with pytest.raises(ValueError, match="User already exists"):
        prepare(state, {"users": [{"email": "ann@example.org", "password": "some-password-1"}]})
