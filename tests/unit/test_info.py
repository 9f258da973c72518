# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The subsets of miab_info: their reads and their facts."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    ALIASES,
    BACKUP_CONFIG,
    DNS_RECORDS,
    DNS_ZONES,
    DOMAINS,
    LATEST_VERSION,
    PRIVACY,
    SECONDARY_NAMESERVERS,
    UPDATES,
    USERS,
    VERSION,
    Alias,
    BackupConfig,
    Mfa,
    Record,
    Scheme,
    User,
    by_address,
    by_email,
    by_name_and_type,
    mfa_status,
    zone_file,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import info
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import MissingLibrary, Unsupported

ME = User("me@box.example.com", ("admin",), True, "0", None, "1.5M")
OLD = User("old@example.org", (), False, None, "/mailboxes/old")
LACKING = Unsupported("GET /x: the box does not support this request.", path="/x")


def wanted(*subsets: str) -> info.WantedInfo:
    return info.check({"gather_subset": list(subsets)})


def gathered(*subsets: str, **known: Any) -> Any:
    return info.plan(wanted(*subsets), {"caller": "me", **known})


def test_all_selects_the_quick_subsets() -> None:
    quick = tuple(name for name, subset in info.SUBSETS.items() if not subset.slow)
    assert wanted("all").subsets == quick
    assert wanted("users", "users", "mfa").subsets == ("users", "mfa")
    assert set(wanted("all", "mfa").subsets) == {*quick, "mfa"}


def test_each_thing_is_asked_for_once() -> None:
    reads = info.needs(wanted("all"), {})
    assert len(reads) == len({read.name for read in reads}) == 10
    assert not any(read.optional for read in reads)
    assert [read.name for read in info.needs(wanted("users", "config"), {USERS.name: {}})] == [
        *(ALIASES.name, DNS_RECORDS.name, SECONDARY_NAMESERVERS.name, BACKUP_CONFIG.name, PRIVACY.name)
    ]


def test_some_reads_depend_on_the_results_of_others() -> None:
    assert info.needs(wanted("mfa"), {}) == [USERS]
    assert info.needs(wanted("zonefiles"), {}) == [DNS_ZONES]
    (read,) = info.needs(wanted("mfa"), {USERS.name: by_email((ME, OLD))})
    assert (read.name, read.form, read.optional) == (mfa_status(ME.email).name, {"user": ME.email}, True)
    (read,) = info.needs(wanted("zonefiles"), {DNS_ZONES.name: ("example.org",)})
    assert (read.path, read.optional) == ("/dns/zonefile/example.org", True)
    assert info.needs(wanted("mfa"), {USERS.name: by_email((OLD,))}) == []


def test_slow_subsets_are_optional() -> None:
    (read,) = info.needs(wanted("latest_version"), {})
    assert read.optional


def test_missing_subsets_are_reported() -> None:
    zones = {DNS_ZONES.name: ("example.org",), zone_file("example.org").name: LACKING}
    change = gathered("zonefiles", "version", **zones, **{VERSION.name: "v0.51"})
    assert change.after == {"zonefiles": None, "version": "v0.51"}
    assert change.warnings == ("zonefiles is left empty: GET /x: the box does not support this request.",)
    with pytest.raises(Unsupported):
        gathered("zonefiles", **zones)
    with pytest.raises(Unsupported):
        gathered("zonefiles", "latest_version", **zones, **{LATEST_VERSION.name: LACKING})


def test_without_dnspython_only_dns_problems_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dnspython, all other subsets are still returned."""
    monkeypatch.setitem(sys.modules, "dns.exception", None)
    records = by_name_and_type([Record("x.example.org", "MX", "10 a.example.net.")])
    known: dict[str, Any] = {DNS_RECORDS.name: records, DNS_ZONES.name: ("example.org",), VERSION.name: "v75"}
    known |= {USERS.name: {}, ALIASES.name: {}}
    change = gathered("dns_problems", "version", **known)
    assert change.after == {"dns_problems": None, "version": "v75"}
    assert "dns_problems is left empty: The Python library dnspython is needed" in change.warnings[0]
    with pytest.raises(MissingLibrary):
        gathered("dns_records", "version", **known)


def test_requested_subsets_are_required_reads() -> None:
    asked = info.needs(wanted("dns_problems"), {})
    assert {read.name for read in asked if read.optional} == {DNS_RECORDS.name, ALIASES.name}
    assert not any(read.optional for read in info.needs(wanted("dns_problems", "config"), {}))


def test_users_and_their_second_factors() -> None:
    scheme = Mfa((Scheme(1, "totp", "phone"),), "new secret")
    facts = gathered("users", "mfa", **{USERS.name: by_email((ME, OLD)), mfa_status(ME.email).name: scheme}).after
    assert facts["users"] == [
        {"email": ME.email, "privileges": ["admin"], "quota": "0", "used": "1.5M", "status": "active"},
        {"email": OLD.email, "privileges": [], "mailbox": "/mailboxes/old", "status": "inactive"},
    ]
    assert facts["mfa"] == {ME.email: [{"id": 1, "type": "totp", "label": "phone"}]}
    assert "new secret" not in str(facts) + repr(scheme)


def test_domains_are_readable() -> None:
    assert gathered("domains", **{DOMAINS.name: ("xn--bcher-kva.example",)}).after == {"domains": ["bücher.example"]}


def test_updates() -> None:
    facts = gathered("updates", **{UPDATES.name: ("openssl (3.0.2-0ubuntu1.21)", "[something odd] ()")}).after
    assert facts["updates"][0] == {"package": "openssl", "version": "3.0.2-0ubuntu1.21"}


def test_configuration_has_what_was_set_up_by_hand_and_no_secret() -> None:
    config = gathered(
        "config",
        **{
            USERS.name: by_email((ME, OLD)),
            ALIASES.name: by_address(
                (
                    Alias("sales@example.org", ("b@example.org", "a@example.org"), ()),
                    Alias("abuse@example.org", ("administrator@box.example.com",), (), automatic=True),
                )
            ),
            DNS_RECORDS.name: by_name_and_type(
                (
                    Record("WWW.example.org", "A", "192.0.2.2"),
                    Record("www.example.org", "AAAA", "2001:0DB8::1"),
                    Record("www.example.org", "A", "192.0.2.1"),
                )
            ),
            SECONDARY_NAMESERVERS.name: ("xfr:192.0.2.1", "NS2.example.net"),
            BACKUP_CONFIG.name: BackupConfig("b2://id:secret@bucket", 3, "/backup"),
            PRIVACY.name: False,
        },
    ).after["config"]
    assert config == {
        "users": [{"email": ME.email, "privileges": ["admin"], "quota": "0"}],
        "aliases": [
            {
                "address": "sales@example.org",
                "forwards_to": ["a@example.org", "b@example.org"],
                "permitted_senders": [],
            }
        ],
        "dns_records": [
            {"name": "www.example.org", "type": "A", "values": ["192.0.2.1", "192.0.2.2"]},
            {"name": "www.example.org", "type": "AAAA", "values": ["2001:db8::1"]},
        ],
        "secondary_nameservers": ["ns2.example.net", "xfr:192.0.2.1"],
        "backup": {"b2": {"key_id": "id", "bucket": "bucket"}, "min_age_in_days": 3},
        "privacy": False,
    }
