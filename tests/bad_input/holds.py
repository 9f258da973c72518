# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expected content of a box after a task, computed independently of the collection, with other libraries.

Each function takes the options with defaults, and the content of the box before and after the task, and returns
the expected content.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote, urlsplit

import dns.exception
import dns.name
import dns.rdata
import email_validator
from cryptography import x509

from tests.box.state import FIRST_USER

Held = dict[str, Any]


def address(text: Any) -> str:
    """The canonical form of an address. Invalid ones, which can only be declared absent, are returned unchanged."""
    try:
        found = email_validator.validate_email(
            str(text).strip(), allow_smtputf8=False, check_deliverability=False, allow_empty_local=True
        )
    except email_validator.EmailNotValidError:
        return str(text)
    return f"{found.ascii_local_part}@{found.ascii_domain}".lower()


def name(text: Any) -> str:
    return dns.name.from_text(str(text).strip(), idna_codec=dns.name.IDNA_2008).to_text(omit_final_dot=True).lower()


def value(rtype: str, text: Any) -> object:
    """The canonical form of a value. Invalid values, which can only be declared absent, are returned unchanged."""
    text = str(text).strip()
    if rtype == "TXT" or text == "local":
        return text
    try:
        return name(text) if rtype in ("CNAME", "NS") else dns.rdata.from_text("IN", rtype, text)
    except dns.exception.DNSException:
        return text


def size(text: Any) -> int:
    """A quota in bytes."""
    text = str(text).strip().upper()
    return int(text.rstrip("MG")) * {"M": 2**20, "G": 2**30}.get(text[-1], 1)


def users(declared: list[Mapping[str, Any]], before: Held) -> Held:
    found = dict(before["users"])
    for user in declared:
        email = address(user["email"])
        if user["state"] == "absent":
            found.pop(email, None)
            continue
        password, privileges, quota, codes = found.get(email, (None, [], "0", []))
        if user["user_password"] is not None and (email not in found or user["update_password"] == "always"):
            password = str(user["user_password"])
        if user["privileges"] is not None:
            privileges = sorted(set(user["privileges"]))
        found[email] = (password, privileges, quota if user["quota"] is None else user["quota"], codes)
    return {
        email: (password, privileges, size(quota), codes)
        for email, (password, privileges, quota, codes) in found.items()
    }


def aliases(declared: list[Mapping[str, Any]], before: Held) -> Held:
    found = {address(key): alias for key, alias in before["aliases"].items()}
    for alias in declared:
        key = address(alias["address"])
        if alias["state"] == "absent":
            found.pop(key, None)
            continue
        old = found.get(key, ([], []))
        found[key] = tuple(
            old[place] if alias[option] is None else [address(one) for one in alias[option]]
            for place, option in enumerate(("forwards_to", "permitted_senders"))
        )
    return {key: tuple({address(one) for one in part} for part in alias) for key, alias in found.items()}


def records(declared: list[Mapping[str, Any]], before: Held) -> set[Any]:
    found = {(qname, rtype, value(rtype, text)) for qname, rtype, text in before["dns_records"]}
    for record in declared:
        key = (name(record["name"]), str(record["type"]).upper())
        given = record["values"] if record["value"] is None else [record["value"]]
        given = [given] if isinstance(given, (str, int)) else given
        wanted = None if given is None else {(*key, value(key[1], one)) for one in given}
        same = {row for row in found if row[:2] == key}
        if record["state"] == "absent":
            found -= same if wanted is None else wanted
        else:
            found = (found - same if record.get("exclusive", True) else found) | (wanted or set())
    return found


def nameservers(declared: list[Any]) -> set[Any]:
    return {
        ipaddress.ip_network(str(entry).strip()[4:].strip())
        if str(entry).strip().lower().startswith("xfr:")
        else name(entry)
        for entry in declared
    }


def target(wanted: Mapping[str, Any], stored: str, before: str) -> bool:
    """Whether a target equals the declared one."""
    parts = urlsplit(stored)
    if wanted["rsync"] is not None:
        rsync = wanted["rsync"]
        return (parts.scheme, parts.username, parts.hostname, parts.port or 22, parts.path, parts.query) == (
            "rsync",
            rsync["user"],
            name(rsync["host"]),
            rsync["port"] or 22,
            "/" + rsync["path"],
            "",
        )
    if wanted["s3"] is not None:
        s3 = wanted["s3"]
        host = f"s3.{s3['region']}.amazonaws.com".lower() if s3["host"] is None else name(s3["host"])
        region = None if s3["host"] is None else s3["region"]
        path = f"/{s3['bucket']}/{s3['path'].strip('/')}"
        return (parts.scheme, parts.username, parts.hostname, parts.path, parts.query) == ("s3", region, host, path, "")
    if wanted["b2"] is not None:
        b2 = wanted["b2"]
        key = unquote(urlsplit(before).password or "") if b2["application_key"] is None else b2["application_key"]
        return (parts.scheme, parts.username, unquote(parts.password or ""), parts.netloc.rpartition("@")[2]) == (
            "b2",
            b2["key_id"],
            key,
            b2["bucket"],
        )
    if wanted["target"] is None:
        return stored == before
    return _target(stored) == _target(wanted["target"].strip())


def _target(text: str) -> tuple[str, ...]:
    """A Backblaze key can be percent-encoded or not."""
    found = re.fullmatch("b2://([^:]*):(.*)@([^@]*)", text)
    return (found[1], unquote(found[2]), found[3]) if found else (text,)


def backup(wanted: Mapping[str, Any], before: Held, now: Held) -> None:
    old, new = before["backup"], now["backup"]
    assert target(wanted, new["target"], old["target"])
    age = wanted["min_age_in_days"]
    assert new["min_age_in_days"] == (old["min_age_in_days"] if age is None else age)
    if wanted["target_user"] is not None and (wanted["update_credentials"] == "always" or old != new):
        assert (new["target_user"], new["target_pass"]) == (wanted["target_user"], wanted["target_password"])


def certificate(options: Mapping[str, Any], before: Held, now: Held) -> None:
    if options["state"] == "installed":
        # Spaces inside it are ignored.
        inner = options["certificate"].split("-----")[2]
        wanted = x509.load_der_x509_certificate(base64.b64decode("".join(inner.split())))
        assert any(wanted in x509.load_pem_x509_certificates(pem.encode()) for pem in now["certificates"])
    else:
        assert len(now["certificates"]) >= len(before["certificates"])


def scheme(options: Mapping[str, Any], before: Held, now: Held) -> None:
    email = FIRST_USER if options["user"] is None else address(options["user"])
    old, new = (held["users"].get(email, (None, None, None, []))[3] for held in (before, now))
    label = options["label"]
    if options["state"] == "absent":
        assert new == [one for one in old if label not in (None, one[1])]
    elif label in [one[1] for one in old]:
        assert new == old
    else:
        assert new[:-1] == old
        assert new[-1][1] == label
        if options["secret"] is not None:
            assert new[-1][0] == "".join(options["secret"].split()).upper()
    after = {**now["users"], email: before["users"].get(email)}
    assert {**before["users"], email: before["users"].get(email)} == after


def config(options: Mapping[str, Any], before: Held, now: Held) -> None:
    if options["validate_only"]:
        assert now == before
        return
    expected = {
        "users": users(options["users"] or [], before),
        "aliases": aliases(options["aliases"] or [], before),
        "dns_records": records(options["dns_records"] or [], before),
    }
    declared = {
        "users": {address(user["email"]) for user in options["users"] or []} | {FIRST_USER},
        "aliases": {address(alias["address"]) for alias in options["aliases"] or []} | SPARED,
        "dns_records": {(name(row["name"]), str(row["type"]).upper()) for row in options["dns_records"] or []},
    }
    for section in options["purge"]:
        expected[section] = _purged(expected[section], declared[section], options["keep"])
    assert expected == {"users": users([], now), "aliases": aliases([], now), "dns_records": records([], now)}
    if options["secondary_nameservers"] is not None:
        assert nameservers(options["secondary_nameservers"]) == nameservers(now["secondary_nameservers"])
    if options["backup"] is not None:
        backup(options["backup"], before, now)
    assert options["privacy"] in (None, now["privacy"])


# The receiver of the box's own mail.
SPARED = {"administrator@box.example.com", "hostmaster@box.example.com"}


def _purged(held: Any, declared: set[Any], keep: list[Any]) -> Any:
    """The rest of a section after a purge: what is declared or matched by keep."""

    def stays(key: Any) -> bool:
        called = key if isinstance(key, str) else key[0]
        patterns = [str(pattern).strip().lower() for pattern in keep]
        return (
            key in declared
            or key[:2] in declared
            or any(fnmatchcase(form, pattern) for form in (called, called + ".") for pattern in patterns)
        )

    if isinstance(held, set):
        return {key for key in held if stays(key)}
    return {key: value for key, value in held.items() if stays(key)}
