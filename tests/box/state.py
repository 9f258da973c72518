# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The complete state of a box: plain values. Rules change it; tests inspect and prepare it."""

from __future__ import annotations

import copy
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import crypto, names, zones
from .versions import NEWEST, UPSTREAM, Capabilities
from .zones import CustomRecord, ZoneInputs

FIRST_USER = "me@box.example.com"
FIRST_PASSWORD = "adminpass123"

# fail2ban bans an address after this many failures within this many seconds.
_BAN_AFTER = 20
_BAN_WITHIN = 30.0

# In bytes.
_TOO_LONG_A_PASSWORD = 512


@dataclass
class Totp:
    """A TOTP scheme of a user."""

    id: int
    secret: str
    label: str | None
    # The last accepted code, which can't be used again.
    last_code: str = ""


@dataclass
class User:
    email: str
    password: str
    privileges: list[str] = field(default_factory=list)
    quota: str = "0"
    totp: list[Totp] = field(default_factory=list)

    def has_password(self, given: str) -> bool:
        """A password that is too long for the hash function is stored as a hash that never matches."""
        return given == self.password and len(given.encode()) < _TOO_LONG_A_PASSWORD


@dataclass
class Alias:
    """A manual alias. Without receivers, it only permits senders."""

    address: str
    forwards_to: list[str]
    permitted_senders: list[str] | None = None


@dataclass(frozen=True)
class Session:
    email: str
    # A hash of the user's password and MFA at its start: it ends when they change.
    credentials: str
    since: float


@dataclass(frozen=True)
class ZoneFile:
    """The last written version of a zone."""

    inputs: ZoneInputs
    serial: int
    # Whether it was ever signed. If not, each update tries again.
    was_signed: bool

    @property
    def text(self) -> str:
        return zones.file_body(self.inputs).replace("{serial}", str(self.serial), 1)


@dataclass
class BackupConfig:
    target: str = "local"
    target_user: str = ""
    target_pass: str = ""
    min_age_in_days: int = 3


@dataclass(frozen=True)
class Backup:
    made: float
    full: bool = True
    size: int = 1_048_576
    volumes: int = 1


def _first_users() -> dict[str, User]:
    return {FIRST_USER: User(FIRST_USER, FIRST_PASSWORD, ["admin"])}


def _first_aliases() -> dict[str, Alias]:
    address = "administrator@box.example.com"
    return {address: Alias(address, [FIRST_USER])}


@dataclass
class State:
    """A box. State() and State(KNOWN["v60"]) return a box that has just been set up.

    You can change its fields directly, and replace `clock`, `random_hex` and `random_secret` so that no test has to
    wait.
    """

    capabilities: Capabilities = UPSTREAM[NEWEST]
    # The version that it reports; forks report various names.
    version_text: str = ""

    hostname: str = "box.example.com"
    ipv4: str = "203.0.113.10"
    ipv6: str = "2001:db8::10"
    storage: str = "/home/user-data"

    clock: Callable[[], float] = time.time
    random_hex: Callable[[int], str] = secrets.token_hex
    random_secret: Callable[[], str] = lambda: "".join(
        secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _unused in range(32)
    )
    # Stops and restarts the server when the box restarts. Without it, a restart takes no time.
    on_reboot: Callable[[], None] | None = None

    # Mail
    users: dict[str, User] = field(default_factory=_first_users)
    aliases: dict[str, Alias] = field(default_factory=_first_aliases)
    automatic_aliases: dict[str, str] = field(default_factory=dict)
    # The size in bytes of each mailbox on disk. The first mail creates it; nothing removes it.
    mailboxes: dict[str, int] = field(default_factory=dict)

    # DNS
    dns_records: list[CustomRecord] = field(default_factory=list)
    secondary_nameservers: list[str] = field(default_factory=list)
    # Nothing removes zone files, so there may be files of removed zones.
    zone_files: dict[str, ZoneFile] = field(default_factory=dict)
    zone_names: tuple[str, ...] = ()
    # The zones in the configuration of the name server, and the domains in that of the mail signer.
    nameserver_config: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    signer_config: frozenset[str] | None = None
    # Names that its resolver can resolve, and names that point to another machine.
    known_hosts: set[str] = field(default_factory=lambda: {"ns2.example.net", "ns3.example.net"})
    elsewhere: set[str] = field(default_factory=set)

    # TLS and web: PEM texts, with the chain after the certificate.
    certificates: list[str] = field(default_factory=list)
    primary_certificate: str = ""
    # Names for which the certificate authority refuses certificates.
    unsigned: set[str] = field(default_factory=set)
    web_config: tuple[tuple[str, str], ...] | None = None
    # Whether it stops after a change is stored and before it is published.
    publishing_fails: bool = False

    # Backup
    backup: BackupConfig = field(default_factory=BackupConfig)
    backups: list[Backup] = field(default_factory=list)
    backup_error: str = ""
    # Remote targets that can be reached, as written in the configuration.
    backup_targets: set[str] = field(default_factory=set)
    ssh_public_key: str = ""

    # System
    privacy: bool = True
    updates: dict[str, str] = field(
        default_factory=lambda: {"openssl": "3.0.2-0ubuntu1.21", "tzdata": "2026b-0ubuntu0.22.04"}
    )
    reboot_required: bool = False
    # The latest version according to the project; None if the project's website can't be reached.
    upstream_version: str = ""
    status_checks: list[dict[str, object]] | None = None

    # Logins
    master_key: str = ""
    sessions: OrderedDict[str, Session] = field(default_factory=OrderedDict)
    failed_logins: list[float] = field(default_factory=list)
    next_mfa_id: int = 1

    # Mail domains that a fork omits.
    unserved: set[str] = field(default_factory=set)
    # State that only a fork has, by keys that its rules choose.
    of_fork: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.version_text = self.version_text or self.capabilities.version_text or self.capabilities.name
        self.master_key = self.master_key or self.random_hex(32)
        if not self.primary_certificate:
            self.primary_certificate = crypto.self_signed(self.hostname)
            self.certificates.append(self.primary_certificate)

    def copy(self) -> State:
        """A copy of the state. It shares the clock and the random functions with the original."""
        functions = (self.clock, self.random_hex, self.random_secret, self.on_reboot)
        return copy.deepcopy(self, {id(function): function for function in functions})

    @property
    def administrator(self) -> str:
        """The receiver of automatic aliases."""
        return "administrator@" + self.hostname

    def deliver(self, email: str, size: int = 1024) -> None:
        """Receive mail. For an address without a user, it is the mail of a removed user."""
        self.mailboxes[email] = self.mailboxes.get(email, 0) + size

    def resolves(self, name: str) -> bool:
        """Whether its resolver can resolve a name."""
        ours = {"example.com", "example.org", *map(names.domain_of, self.users), *map(names.domain_of, self.aliases)}
        return name in self.known_hosts or any(names.is_within(name, domain) for domain in ours)

    def points_here(self, name: str) -> bool:
        return name not in self.elsewhere and self.resolves(name)

    def add_backup(self, age_in_days: float, full: bool = True, size: int = 1_048_576) -> None:
        self.backups.append(Backup(self.clock() - age_in_days * 86400, full, size))

    def reboot(self) -> None:
        """Restart. A restart remains pending until the box has stopped."""
        if self.on_reboot is None:
            self.start_anew()
        else:
            self.on_reboot()

    def start_anew(self) -> None:
        """Apply a restart to the state: sessions and keys are only in memory."""
        self.reboot_required = False
        self.forget_keys()

    def forget_keys(self) -> None:
        """End all sessions, and invalidate all keys of older boxes."""
        self.sessions.clear()
        self.master_key = self.random_hex(32)

    def banned(self) -> bool:
        """Whether fail2ban would have banned the client."""
        times = self.failed_logins
        return any(late - early <= _BAN_WITHIN for early, late in zip(times, times[_BAN_AFTER - 1 :], strict=False))

    def _published(self) -> dict[str, ZoneInputs]:
        return {zone: self.zone_files[zone].inputs for zone in self.zone_names if zone in self.zone_files}

    def broken_zones(self) -> list[str]:
        """Zones whose last version could not be signed: the name server continues to serve the previous version."""
        return sorted(zone for zone, inputs in self._published().items() if zones.is_broken(inputs))

    def dropped_zones(self) -> list[str]:
        """Zones that the name server doesn't load, for example because of a CNAME beside other records."""
        return sorted(zone for zone, inputs in self._published().items() if zones.is_dropped(inputs))
