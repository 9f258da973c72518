# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All kinds of writes of the modules: the initial box, the declaration, and a check of the result."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.box import BackupConfig, State, Totp, crypto
from tests.box.prepare import prepare
from tests.box.publishing import update_dns, update_web

ME = "me@box.example.com"
ANN, BOB, CAT = "ann@example.org", "bob@example.org", "cat@example.com"
SECRET, OTHER_SECRET = "JBSWY3DPEHPK3PXP" * 2, "GEZDGNBVGY3TQOJQ" * 2
S3 = "s3://s3.eu-central-1.amazonaws.com/backups/box"

# Each box also has an undeclared object of the same kind, which must not change.
START: dict[str, Any] = {
    "users": [
        {"email": ANN, "password": "ann-password-1"},
        {"email": BOB, "password": "bob-password-1", "privileges": ["admin"]},
    ],
    "aliases": [
        {"address": "sales@example.org", "forwards_to": [ANN], "permitted_senders": [BOB]},
        {"address": "team@example.org", "forwards_to": [ANN, BOB], "permitted_senders": [ANN, BOB]},
    ],
    "dns_records": [
        *({"qname": "www.example.org", "rtype": "A", "value": f"192.0.2.{number}"} for number in range(1, 8)),
        {"qname": "www.example.org", "rtype": "TXT", "value": "of another hand"},
        {"qname": "mx.example.org", "rtype": "MX", "value": "5 other.example.net."},
        {"qname": "example.org", "rtype": "TXT", "value": "of another hand"},
    ],
    "secondary_nameservers": ["xfr:192.0.2.99"],
}


def nothing(_state: State) -> None:
    """Only the initial content of each box."""


@dataclass(frozen=True)
class Scenario:
    """A task.

    :ivar holds: whether a box is as the task declares.
    :ivar rival: what another administrator does between what the task reads and what it writes, about the same thing.
    :ivar before: what else is made of the box first.
    :ivar settle_seconds: whether a second run finds nothing to do.
    :ivar since: the versions of boxes that can do it begin with this one.
    """

    name: str
    module: str
    options: Mapping[str, Any]
    holds: Callable[[State], bool]
    rival: Sequence[Mapping[str, Any]] = ()
    before: Callable[[State], None] = nothing
    settle_seconds: bool = True
    since: str = "v0.51"

    def set_up(self, state: State) -> None:
        prepare(state, START)
        state.backup_targets.add(S3)
        state.backup = BackupConfig("local", "user", "credentials-1", 5)
        self.before(state)
        update_dns(state)
        update_web(state)


def post(path: str, **form: str) -> dict[str, Any]:
    return {"method": "POST", "path": path, "form": form}


def records(state: State, name: str, rtype: str) -> set[str]:
    return {record.value for record in state.dns_records if record[:2] == (name, rtype)}


def alias(state: State, address: str) -> tuple[set[str], set[str]] | None:
    found = state.aliases.get(address)
    return found and (set(found.forwards_to), set(found.permitted_senders or ()))


def own_scheme(state: State) -> None:
    state.users[ME].totp = [Totp(7, SECRET, "phone")]


def scheme_of_bob(state: State) -> None:
    state.users[BOB].totp = [Totp(7, SECRET, "phone")]


def schemes_of_bob(state: State) -> None:
    state.users[BOB].totp = [Totp(7, SECRET, "phone"), Totp(8, OTHER_SECRET, "tablet")]


def restart_due(state: State) -> None:
    state.reboot_required = True


def kernel_to_come(state: State) -> None:
    state.updates["linux-image-generic"] = "5.15.0.130"


def labels(state: State, email: str) -> list[str | None]:
    return [scheme.label for scheme in state.users[email].totp]


def certificate() -> str:
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    return crypto.sign(["example.org"], crypto.box_key().public_key(), start, start + datetime.timedelta(days=60))


CERTIFICATE = certificate()

CONFIG: dict[str, Any] = {
    "users": [
        {"email": CAT, "user_password": "cat-password-1"},
        {"email": ANN, "user_password": "ann-password-2"},
        {"email": BOB, "privileges": ["admin"]},
    ],
    "aliases": [
        {"address": "info@example.com", "forwards_to": [CAT]},
        {"address": "sales@example.org", "forwards_to": [ANN, BOB]},
    ],
    "dns_records": [
        {"name": "www.example.org", "type": "A", "values": ["192.0.2.1", "192.0.2.9"]},
        {"name": "example.com", "type": "TXT", "value": "hello"},
    ],
    "secondary_nameservers": ["ns2.example.net"],
    "backup": {"min_age_in_days": 9},
    "privacy": False,
    "purge": ["users", "aliases"],
}


def before_config(state: State) -> None:
    prepare(
        state,
        {
            "users": [{"email": "old@example.org", "password": "old-password-1"}],
            "aliases": [{"address": "stale@example.org", "forwards_to": [ANN]}],
        },
    )


def config_holds(state: State) -> bool:
    return (
        set(state.users) == {ME, ANN, BOB, CAT}
        and state.users[CAT].password == "cat-password-1"
        and state.users[ANN].password == "ann-password-2"
        and alias(state, "info@example.com") == ({CAT}, set())
        and alias(state, "sales@example.org") == ({ANN, BOB}, {BOB})
        and alias(state, "stale@example.org") is None
        and records(state, "www.example.org", "A") == {"192.0.2.1", "192.0.2.9"}
        and records(state, "example.com", "TXT") == {"hello"}
        and state.secondary_nameservers == ["ns2.example.net"]
        and state.backup.min_age_in_days == 9
        and not state.privacy
    )


SCENARIOS = (
    Scenario(
        "user made",
        "miab_user",
        {"email": CAT, "user_password": "cat-password-1", "privileges": ["admin"]},
        lambda state: (
            CAT in state.users
            and state.users[CAT].password == "cat-password-1"
            and state.users[CAT].privileges == ["admin"]
        ),
        [post("/mail/users/add", email=CAT, password="another-password")],
    ),
    Scenario(
        "user changed",
        "miab_user",
        {"email": ANN, "user_password": "ann-password-2", "privileges": ["admin"]},
        lambda state: (
            ANN in state.users
            and state.users[ANN].password == "ann-password-2"
            and state.users[ANN].privileges == ["admin"]
        ),
        [post("/mail/users/remove", email=ANN)],
    ),
    Scenario(
        "user with a quota changed",
        "miab_user",
        {"email": ANN, "user_password": "ann-password-2", "privileges": ["admin"], "quota": "2G"},
        lambda state: (
            state.users[ANN].password == "ann-password-2"
            and state.users[ANN].privileges == ["admin"]
            and state.users[ANN].quota == "2G"
        ),
        [post("/mail/users/password", email=ANN, password="another-password")],
        since="v75",
    ),
    Scenario(
        "user removed",
        "miab_user",
        {"email": ANN, "state": "absent"},
        lambda state: ANN not in state.users,
        [post("/mail/users/remove", email=ANN)],
    ),
    Scenario(
        "own password",
        "miab_user",
        {"email": ME, "user_password": "another-password-1"},
        lambda state: state.users[ME].password == "another-password-1",
    ),
    Scenario(
        "password of an administrator with MFA",
        "miab_user",
        {"email": BOB, "user_password": "bob-password-2"},
        lambda state: (
            state.users[BOB].password == "bob-password-2"
            and state.users[BOB].privileges == ["admin"]
            and labels(state, BOB) == ["phone"]
        ),
        before=scheme_of_bob,
    ),
    Scenario(
        "alias made",
        "miab_alias",
        {"address": "info@example.com", "forwards_to": [ANN, BOB]},
        lambda state: alias(state, "info@example.com") == ({ANN, BOB}, set()),
        [post("/mail/aliases/add", update_if_exists="0", address="info@example.com", forwards_to=BOB)],
    ),
    Scenario(
        "alias changed",
        "miab_alias",
        {"address": "sales@example.org", "forwards_to": [BOB]},
        lambda state: alias(state, "sales@example.org") == ({BOB}, {BOB}),
        [post("/mail/aliases/add", update_if_exists="1", address="sales@example.org", forwards_to=CAT)],
    ),
    Scenario(
        "senders of an alias changed",
        "miab_alias",
        {"address": "team@example.org", "permitted_senders": [ANN]},
        lambda state: alias(state, "team@example.org") == ({ANN, BOB}, {ANN}),
    ),
    Scenario(
        "alias removed",
        "miab_alias",
        {"address": "sales@example.org", "state": "absent"},
        lambda state: alias(state, "sales@example.org") is None,
        [post("/mail/aliases/remove", address="sales@example.org")],
    ),
    Scenario(
        "DNS values added",
        "miab_dns_record",
        {
            "name": "mx.example.org",
            "type": "MX",
            "values": ["10 a.example.net.", "20 b.example.net.", "30 c.example.net."],
        },
        lambda state: (
            records(state, "mx.example.org", "MX") >= {"10 a.example.net.", "20 b.example.net.", "30 c.example.net."}
        ),
        [{"method": "POST", "path": "/dns/custom/mx.example.org/MX", "body": "20 b.example.net."}],
    ),
    Scenario(
        "DNS values replaced",
        "miab_dns_record",
        {"name": "www.example.org", "type": "A", "values": ["192.0.2.8", "192.0.2.9"], "exclusive": True},
        lambda state: records(state, "www.example.org", "A") == {"192.0.2.8", "192.0.2.9"},
        [{"method": "PUT", "path": "/dns/custom/www.example.org/A", "body": "192.0.2.7"}],
    ),
    Scenario(
        "DNS values removed",
        "miab_dns_record",
        {
            "name": "www.example.org",
            "type": "A",
            "values": ["192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.7"],
            "state": "absent",
        },
        lambda state: records(state, "www.example.org", "A") == {"192.0.2.2", "192.0.2.6"},
        [{"method": "DELETE", "path": "/dns/custom/www.example.org/A", "body": "192.0.2.1"}],
    ),
    Scenario(
        "all DNS values removed",
        "miab_dns_record",
        {"name": "www.example.org", "type": "A", "state": "absent"},
        lambda state: not records(state, "www.example.org", "A"),
        [{"method": "DELETE", "path": "/dns/custom/www.example.org/A", "body": "192.0.2.1"}],
    ),
    Scenario(
        "name servers",
        "miab_secondary_nameserver",
        {"hostnames": ["ns2.example.net", "xfr:192.0.2.53"]},
        lambda state: state.secondary_nameservers == ["ns2.example.net", "xfr:192.0.2.53"],
        [post("/dns/secondary-nameserver", hostnames="ns3.example.net")],
    ),
    Scenario(
        "backup",
        "miab_backup_config",
        {"target": "off", "min_age_in_days": 9},
        lambda state: (state.backup.target, state.backup.min_age_in_days) == ("off", 9),
        [post("/system/backup/config", target="local", target_user="", target_pass="", min_age="2")],
    ),
    Scenario(
        "age of backups",
        "miab_backup_config",
        {"min_age_in_days": 9},
        lambda state: (state.backup.target, state.backup.min_age_in_days) == ("local", 9),
    ),
    Scenario(
        "backup credentials",
        "miab_backup_config",
        {"target": S3, "target_user": "key", "target_password": "s3-secret-1", "update_credentials": "always"},
        lambda state: (state.backup.target, state.backup.target_pass) == (S3, "s3-secret-1"),
        [post("/system/backup/config", target="local", target_user="", target_pass="", min_age="2")],
        # Credentials can't be read back, so they are written each time.
        settle_seconds=False,
    ),
    Scenario(
        "own MFA made",
        "miab_mfa",
        {"label": "automation"},
        lambda state: "automation" in labels(state, ME),
    ),
    Scenario(
        "own MFA made of a secret",
        "miab_mfa",
        {"label": "automation", "secret": OTHER_SECRET},
        lambda state: OTHER_SECRET in [scheme.secret for scheme in state.users[ME].totp],
    ),
    Scenario(
        "own MFA removed",
        "miab_mfa",
        {"label": "phone", "state": "absent"},
        lambda state: not labels(state, ME),
        [post("/mfa/disable", user=ME)],
        own_scheme,
    ),
    Scenario(
        "MFA of another removed",
        "miab_mfa",
        {"user": BOB, "state": "absent"},
        lambda state: not labels(state, BOB),
        [post("/mfa/disable", user=BOB)],
        scheme_of_bob,
    ),
    Scenario(
        "one of two second factors removed",
        "miab_mfa",
        {"user": BOB, "label": "phone", "state": "absent"},
        lambda state: labels(state, BOB) == ["tablet"],
        before=schemes_of_bob,
    ),
    Scenario(
        "privacy",
        "miab_system",
        {"privacy": False},
        lambda state: not state.privacy,
        [post("/system/privacy", value="off")],
    ),
    Scenario(
        "packages",
        "miab_system",
        {"packages": "latest"},
        lambda state: not state.updates,
        [post("/system/update-packages")],
    ),
    Scenario(
        "restart",
        "miab_system",
        {"reboot": "if_required"},
        lambda state: not state.reboot_required,
        before=restart_due,
    ),
    Scenario(
        "packages and a restart",
        "miab_system",
        {"privacy": False, "packages": "latest", "reboot": "if_required"},
        lambda state: not state.privacy and not state.updates and not state.reboot_required,
        before=kernel_to_come,
    ),
    Scenario(
        "certificate installed",
        "miab_ssl",
        {"domain": "example.org", "certificate": CERTIFICATE},
        lambda state: any(CERTIFICATE.strip() in pem for pem in state.certificates),
        [post("/ssl/install", domain="example.org", cert=CERTIFICATE, chain="")],
    ),
    Scenario(
        "certificate provisioned",
        "miab_ssl",
        {"domain": "example.org", "state": "provisioned"},
        lambda state: len(state.certificates) > 1,
        [post("/ssl/provision")],
    ),
    Scenario("DNS update", "miab_dns_update", {"force": True}, lambda _state: True, settle_seconds=False),
    Scenario("web update", "miab_web_update", {}, lambda _state: True),
    Scenario(
        "config",
        "miab_config",
        CONFIG,
        config_holds,
        [
            post("/mail/users/password", email=ANN, password="another-password"),
            {"method": "PUT", "path": "/dns/custom/www.example.org/A", "body": "192.0.2.7"},
        ],
        before_config,
    ),
)
