# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reads of the API, and the types of their values.

All differences between versions are handled here. Versions are recognized by the content of an answer, not by a
version string.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional, Tuple, TypeVar, Union
from urllib.parse import quote

from .._values import names
from .._values.errors import UnexpectedAnswer
from . import shape
from .plan import Read


class User(NamedTuple):
    """A user of the box, or an archived mailbox.

    :ivar email: the address in lower case, which identifies a user.
    :ivar active: False for an archived mailbox, which has the mail of a removed user.
    :ivar quota: the quota as the box writes it; None on a box without quotas (before v73), and for an archived mailbox.
    :ivar mailbox: the folder of an archived mailbox.
    :ivar used: the size of the mailbox, such as ``1.5M``; None if it is unknown.
    :ivar stored: the address as the box stores it, if it differs from ``email``.
    """

    email: str
    privileges: Tuple[str, ...]
    active: bool
    quota: Optional[str]
    mailbox: Optional[str]
    used: Optional[str] = None
    stored: Optional[str] = None

    @property
    def spelling(self) -> str:
        """The address as the box stores it, which API calls need."""
        return self.stored or self.email


class Alias(NamedTuple):
    """An alias as the box lists it.

    :ivar address: the address as the box stores it, which is needed to remove it.
    :ivar forwards_to: receivers, each with a canonical domain; empty if the alias only permits senders.
    :ivar permitted_senders: canonical addresses; empty if unset, in which case the receivers may send.
    :ivar automatic: whether the box created it by itself.
    :ivar apart: whether the box stores automatic aliases separately from manual ones (v55 and newer).
    :ivar others: more rows with this address in other capitalization, as the box stores them.
    :ivar description: the description on mailinabox-ldap; None elsewhere.
    """

    address: str
    forwards_to: Tuple[str, ...]
    permitted_senders: Tuple[str, ...]
    automatic: bool = False
    apart: bool = True
    others: Tuple[str, ...] = ()
    description: Optional[str] = None

    @property
    def canonical(self) -> str:
        return canonical_address(self.address)

    @property
    def receivers(self) -> Tuple[str, ...]:
        """The receivers as canonical addresses."""
        return tuple(receiver.lower() for receiver in self.forwards_to)


class Record(NamedTuple):
    """A custom DNS record, with its name and value as the box stores them, which are needed to delete it."""

    name: str
    rtype: str
    value: str

    @property
    def canonical_name(self) -> str:
        """The canonical name, or the stored name if it is malformed."""
        try:
            return names.dns_name(self.name)
        except ValueError:
            return self.name


Users = Dict[str, User]
"""Users and archived mailboxes by address."""

Aliases = Dict[str, Alias]
"""Aliases by canonical address."""

Records = Dict[Tuple[str, str], Tuple[Record, ...]]
"""Custom records by canonical name and type."""


def by_email(users: Iterable[User]) -> Users:
    found: Users = {}
    for user in users:
        # A user with capital letters has a mailbox folder in lower case, which a box also lists as an archived mailbox.
        if user.active or user.email not in found:
            found[user.email] = user
    return found


def by_address(aliases: Iterable[Alias]) -> Aliases:
    found: Aliases = {}
    for alias in aliases:
        other = found.get(alias.canonical)
        if other is not None:
            # Mail is delivered by the row in lower case.
            first, second = (alias, other) if alias.address == alias.canonical else (other, alias)
            alias = first._replace(others=(*first.others, second.address, *second.others))
        found[alias.canonical] = alias
    return found


def by_name_and_type(records: Iterable[Record]) -> Records:
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.setdefault((record.canonical_name, record.rtype), []).append(record)
    return {key: tuple(rows) for key, rows in found.items()}


class Published(NamedTuple):
    """A published record, with the explanation of the box."""

    zone: str
    name: str
    rtype: str
    value: str
    explanation: str


class CertificateStatus(NamedTuple):
    """The status of a domain's certificate: ``success``, ``warning``, ``danger`` or ``not-applicable``, and the reason."""

    domain: str
    status: str
    text: str


class SslStatus(NamedTuple):
    """The certificates of a box.

    :ivar can_provision: domains for which the box can provision a certificate now.
    """

    certificates: Tuple[CertificateStatus, ...]
    can_provision: Tuple[str, ...]


class Scheme(NamedTuple):
    """A second factor of a user.

    :ivar id: a number; on mailinabox-ldap a string, which changes with each code that is used.
    """

    id: Union[int, str]
    kind: str
    label: Optional[str]


@dataclass(frozen=True)
class Mfa:
    """The second factors of a user.

    :ivar new_secret: a secret that can be enabled. A box generates a new one for each read, only for the caller.
    """

    schemes: Tuple[Scheme, ...]
    new_secret: Optional[str] = field(default=None, repr=False)


@dataclass(frozen=True)
class BackupConfig:
    """The backup settings, without the credentials, which the API never returns.

    :ivar target: the target URL, or ``local`` for the default folder. A Backblaze target contains its key.
    :ivar rsync_port: the port on power-mailinabox, which resets it if a write leaves it out; None elsewhere.
    """

    target: str = field(repr=False)
    min_age_in_days: int
    folder: str
    rsync_port: Optional[int] = None


def canonical_address(stored: str) -> str:
    """The canonical form of a stored address, or the address itself if it is malformed."""
    try:
        return names.address(stored, catch_all=True)
    except ValueError:
        return stored


def stored_receiver(stored: str) -> str:
    """A stored receiver with a canonical domain, or the receiver itself if it is malformed."""
    try:
        return names.receiver(stored)
    except ValueError:
        return stored


def _shape_is_wrong(what: str, item: Any) -> UnexpectedAnswer:
    return UnexpectedAnswer("The list of %s has an unexpected format: %.200r" % (what, item), what=what)


_BACKUP_DATE = "%Y%m%dT%H%M%SZ"

_Value = TypeVar("_Value")
_Parse = Callable[[Any], _Value]


def _shape_of(what: str, secret: bool = False) -> Callable[[_Parse[_Value]], _Parse[_Value]]:
    """Make a parser raise ``UnexpectedAnswer`` for an answer with an unexpected format.

    :param what: what the answer is a list of.
    :param secret: whether the answer may contain a secret and must not be quoted.
    """

    def of(parse: _Parse[_Value]) -> _Parse[_Value]:
        @wraps(parse)
        def checked(answer: Any) -> _Value:
            try:
                return parse(answer)
            except shape.WrongShapeError as error:
                raise _shape_is_wrong(what, type(answer).__name__ if secret else answer) from error

        return checked

    return of


@_shape_of("users")
def _parse_users(answer: Any) -> Users:
    return by_email(
        _parse_user(row) for group in shape.items(answer) for row in shape.items(shape.part(group, "users"))
    )


def _parse_user(row: Any) -> User:
    stored = shape.text(row, "email")
    used = shape.text_or_none(row, "box_size")
    return User(
        email=stored.lower(),
        privileges=tuple(sorted(shape.texts(shape.part(row, "privileges")))),
        active=shape.text(row, "status") == "active",
        quota=shape.text_or_none(row, "quota"),
        mailbox=shape.text_or_none(row, "mailbox"),
        used=None if used == "?" else used,
        stored=stored if stored != stored.lower() else None,
    )


@_shape_of("aliases")
def _parse_aliases(answer: Any) -> Aliases:
    rows = [row for group in shape.items(answer) for row in shape.items(shape.part(group, "aliases"))]
    # v0.51 stores automatic aliases together with manual ones, as required aliases that forward to the
    # administrator. A required alias with other receivers was edited manually.
    administrator = {
        (shape.text(row, "address"),)
        for row in rows
        if shape.text(row, "address").startswith("administrator@") and "required" in row and shape.flag(row, "required")
    }
    found = []
    for row in rows:
        # An alias that only permits senders has one empty receiver.
        receivers = shape.texts(shape.part(row, "forwards_to"))
        forwards_to = tuple(stored_receiver(receiver) for receiver in receivers if receiver)
        senders = shape.part(row, "permitted_senders")
        apart = "auto" in row
        found.append(
            Alias(
                address=shape.text(row, "address"),
                forwards_to=forwards_to,
                permitted_senders=tuple(map(canonical_address, () if senders is None else shape.texts(senders))),
                automatic=shape.flag(row, "auto")
                if apart
                else shape.flag(row, "required") and forwards_to in administrator,
                apart=apart,
                description=shape.text_or_none(row, "description"),
            )
        )
    return by_address(found)


@_shape_of("custom DNS records")
def _parse_records(answer: Any) -> Records:
    return by_name_and_type(
        Record(shape.text(row, "qname"), shape.text(row, "rtype"), shape.text(row, "value"))
        for row in shape.items(answer)
    )


@_shape_of("DNS zones")
def _parse_zones(answer: Any) -> tuple[str, ...]:
    return tuple(shape.texts(answer))


@_shape_of("published DNS records")
def _parse_dump(answer: Any) -> tuple[Published, ...]:
    return tuple(
        Published(
            zone,
            shape.text(row, "qname"),
            shape.text(row, "rtype"),
            shape.text(row, "value"),
            shape.text_or_none(row, "explanation") or "",
        )
        for zone, rows in map(shape.pair, shape.items(answer))
        for row in rows
    )


@_shape_of("secondary nameservers")
def _parse_nameservers(answer: Any) -> tuple[str, ...]:
    return tuple(shape.texts(shape.part(answer, "hostnames")))


@_shape_of("certificates")
def _parse_ssl_status(answer: Any) -> SslStatus:
    rows = tuple(
        CertificateStatus(shape.text(row, "domain"), shape.text(row, "status"), shape.text(row, "text"))
        for row in shape.items(shape.part(answer, "status"))
    )
    return SslStatus(rows, tuple(shape.texts(shape.part(answer, "can_provision"))))


@_shape_of("second factors", secret=True)
def _parse_mfa(answer: Any) -> Mfa:
    schemes = tuple(
        Scheme(shape.number_or_text(row, "id"), shape.text(row, "type"), shape.text_or_none(row, "label"))
        for row in shape.items(shape.part(answer, "enabled_mfa"))
    )
    new = answer.get("new_mfa")
    return Mfa(schemes, shape.text(shape.part(new, "totp"), "secret") if new else None)


@_shape_of("backup settings", secret=True)
def _parse_backup_config(answer: Any) -> BackupConfig:
    target, folder = shape.text(answer, "target"), shape.text(answer, "file_target_directory")
    days = shape.number(answer, "min_age_in_days")
    port = shape.number(answer, "target_rsync_port") if "target_rsync_port" in answer else None
    return BackupConfig("local" if target == "file://" + folder else target, days, folder, port)


def _parse_lines(answer: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in answer.splitlines() if line.strip())


def _parse_signing_request(answer: str) -> str:
    if not answer.startswith("-----BEGIN CERTIFICATE REQUEST-----"):
        raise _shape_is_wrong("requests for certificates", answer)
    return answer


def _parse_flag(answer: Any) -> bool:
    if not isinstance(answer, bool):
        raise _shape_is_wrong("settings", answer)
    return answer


@_shape_of("objects")
def _parse_rows(answer: Any) -> list[dict[str, Any]]:
    """A list of objects as the box returns them. Planning does not use them."""
    return [shape.fields(row) for row in shape.items(answer)]


@_shape_of("status checks")
def _parse_status_checks(answer: Any) -> list[dict[str, Any]]:
    rows = [shape.fields(row) for row in shape.items(answer)]
    for row in rows:
        shape.text(row, "type")
        shape.text(row, "text")
        for line in shape.items(row.get("extra") or []):
            shape.text(line, "text")
    return rows


@_shape_of("backups")
def _parse_backup_status(answer: Any) -> dict[str, Any]:
    """``{error}``, or ``{backups}`` with the time and the size of each backup; empty if backups are off."""
    shape.text_or_none(answer, "error")
    for row in shape.items(answer.get("backups", [])):
        try:
            datetime.strptime(shape.text(row, "date"), _BACKUP_DATE)
        except ValueError as error:
            raise shape.WrongShapeError("date") from error
        if "size" in row:
            shape.number(row, "size")
    return shape.fields(answer)


USERS = Read("users", "/mail/users?format=json", _parse_users)
ALIASES = Read("aliases", "/mail/aliases?format=json", _parse_aliases)
DNS_RECORDS = Read(
    "dns_records",
    "/dns/custom",
    _parse_records,
    hint="A box with v55 fails at this while it has a custom record for a domain without addresses. Add an address in"
    " that domain (miab_user, miab_alias), remove the record, then remove the address. miab_config does the first two"
    " in one task.",
)
DNS_ZONES = Read("dns_zones", "/dns/zones", _parse_zones)
DNS_DUMP = Read("dns_dump", "/dns/dump", _parse_dump)
SECONDARY_NAMESERVERS = Read("secondary_nameservers", "/dns/secondary-nameserver", _parse_nameservers)
DOMAINS = Read("domains", "/mail/domains", _parse_lines, json=False)
SSL_STATUS = Read("ssl_status", "/ssl/status", _parse_ssl_status)
WEB_DOMAINS = Read("web_domains", "/web/domains", _parse_rows)
BACKUP_CONFIG = Read("backup_config", "/system/backup/config", _parse_backup_config)
BACKUP_STATUS = Read("backup_status", "/system/backup/status", _parse_backup_status)
PRIVACY = Read("privacy", "/system/privacy", _parse_flag)
REBOOT_REQUIRED = Read("reboot_required", "/system/reboot", _parse_flag)
# A box caches this list for up to eight hours, so it still has the upgraded packages after an upgrade.
UPDATES = Read("updates", "/system/updates", _parse_lines, json=False, once=True)
VERSION = Read("version", "/system/version", str.strip, json=False)
LATEST_VERSION = Read("latest_version", "/system/latest-upstream-version", str.strip, method="POST", json=False)
STATUS_CHECKS = Read("status_checks", "/system/status", _parse_status_checks, method="POST")


def mfa_status(user: str) -> Read[Mfa]:
    """The second factors of a user of the box."""
    return Read("mfa of " + user, "/mfa/status", _parse_mfa, method="POST", form={"user": user})


def signing_request(domain: str, country: str) -> Read[str]:
    """A certificate signing request (PEM). A box creates a new one for each read and does not store it.

    :param country: two letters. A box fails for anything else.
    """
    path = "/ssl/csr/" + quote(domain, safe="")
    form = {"countrycode": country}
    return Read("signing request of " + domain, path, _parse_signing_request, method="POST", form=form, json=False)


def zone_file(zone: str) -> Read[str]:
    """The text of a zone's file."""
    return Read("zonefile of " + zone, "/dns/zonefile/" + quote(zone, safe=""), str, json=False)
