# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the installed certificate for a domain, and check certificates."""

from __future__ import annotations

import datetime
import functools
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from . import crypto
from .state import State

# Days before expiry at which the box warns about a certificate, and at which it renews it.
WARN_DAYS = 10
RENEW_DAYS = 14

_OK = "OK"
_SELF_SIGNED = "SELF-SIGNED"


@dataclass(frozen=True)
class Verdict:
    """The result of a check, with the box's own texts."""

    status: str
    details: str = ""

    @property
    def is_good(self) -> bool:
        return self.status == _OK

    @property
    def is_self_signed(self) -> bool:
        return self.status == _SELF_SIGNED


@dataclass(frozen=True)
class Leaf:
    """A certificate with its chain, parsed from PEM."""

    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    @functools.cached_property
    def names(self) -> frozenset[str]:
        found = {str(name.value) for name in self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
        try:
            alternatives = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return frozenset(found)
        return frozenset(found | set(alternatives.get_values_for_type(x509.DNSName)))

    @functools.cached_property
    def is_self_signed(self) -> bool:
        return self.certificate.issuer == self.certificate.subject

    @functools.cached_property
    def is_for_box_key(self) -> bool:
        return self.certificate.public_key() == crypto.box_key().public_key()

    @functools.cached_property
    def is_trusted(self) -> bool:
        return crypto.is_signed_by_authority(self.chain)

    @functools.cached_property
    def file_name(self) -> str:
        end = self.certificate.not_valid_after_utc
        return f"{min(self.names)}-{end:%Y%m%d}-{self.certificate.fingerprint(hashes.SHA256()).hex()[:8]}.pem"

    def is_valid_at(self, now: datetime.datetime) -> bool:
        return self.certificate.not_valid_before_utc <= now <= self.certificate.not_valid_after_utc


@functools.lru_cache(maxsize=1024)
def read(pem: str) -> Leaf:
    """The certificates in a PEM text. Raises ValueError if there is none."""
    try:
        return Leaf(tuple(x509.load_pem_x509_certificates(pem.encode("ascii"))))
    except ValueError:
        raise ValueError("File does not contain valid PEM data.") from None


def now(state: State) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(state.clock(), datetime.timezone.utc)


def _wildcard(domain: str) -> str:
    return "*." + domain.partition(".")[2]


class Installed:
    """The certificates of a box at one time, and which one it uses for each domain.

    If there are several for a name, it prefers valid ones, then signed ones, then the one that expires last. So
    installing a certificate that expires sooner than the one in use has no effect.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        moment = now(state)

        def merit(pem: str) -> tuple[bool, bool, datetime.datetime, str]:
            leaf = read(pem)
            end = leaf.certificate.not_valid_after_utc
            return leaf.is_valid_at(moment), not leaf.is_self_signed, end, leaf.file_name

        self._by_name = {name: pem for pem in sorted(state.certificates, key=merit) for name in read(pem).names}

    def find(self, domain: str) -> str | None:
        """The certificate installed for a domain."""
        return self._by_name.get(domain) or self._by_name.get(_wildcard(domain))

    def used(self, domain: str) -> str | None:
        """The certificate that the web server presents for a domain. The box's own hostname has a separate one."""
        return self._state.primary_certificate if domain == self._state.hostname else self.find(domain)

    def is_good(self, domain: str, warn_days: int = WARN_DAYS) -> bool:
        """Whether the certificate installed for a domain is valid."""
        pem = self.find(domain)
        return pem is not None and check(self._state, domain, pem, warn_days).is_good


def check(state: State, domain: str, pem: str, warn_days: int = WARN_DAYS) -> Verdict:
    """Whether a certificate is valid for a domain."""
    try:
        leaf = read(pem)
    except ValueError as error:
        return Verdict(f"There is a problem with the certificate file: {error}")
    if leaf.names.isdisjoint({domain, _wildcard(domain)}):
        return Verdict(f"The certificate is for the wrong domain name. It is for {', '.join(sorted(leaf.names))}.")
    if not leaf.is_for_box_key:
        path = f"{state.storage}/ssl/ssl_private_key.pem"
        return Verdict(f"The certificate does not correspond to the private key at {path}.")
    if leaf.is_self_signed:
        return Verdict(_SELF_SIGNED)
    moment = now(state)
    start, end = leaf.certificate.not_valid_before_utc, leaf.certificate.not_valid_after_utc
    if not leaf.is_valid_at(moment):
        validity = f"It is valid from {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S}."
        return Verdict(f"The certificate has expired or is not yet valid. {validity}")
    if not leaf.is_trusted:
        what = "The certificate is missing an intermediate chain or the intermediate chain is incorrect or incomplete."
        return Verdict(f"{what} (unable to get local issuer certificate)")
    days = (end - moment).days
    expiry = f"The certificate expires in {days} days on {end.date().isoformat()}."
    if days <= warn_days:
        return Verdict(f"The certificate is expiring soon: {expiry}")
    return Verdict(_OK, expiry)
