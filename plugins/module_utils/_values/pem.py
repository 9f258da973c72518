# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents of certificates and certificate signing requests, as plain values."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Optional, Tuple

from .errors import MissingLibrary

_CERTIFICATE = "CERTIFICATE"
_REQUEST = "CERTIFICATE REQUEST"


@dataclass(frozen=True)
class Certificate:
    """One certificate.

    :ivar pem: the certificate in canonical PEM form.
    :ivar sha256: the fingerprint, in hexadecimal digits.
    :ivar names: the DNS names of the certificate, in lower case.
    :ivar key: the public key (SubjectPublicKeyInfo in DER).
    :ivar starts: the start of its validity, in seconds since 1970.
    :ivar ends: the end of its validity, in seconds since 1970.
    """

    pem: str
    sha256: str
    names: Tuple[str, ...]
    subject: str
    issuer: str
    key: bytes
    starts: float
    ends: float

    @property
    def is_self_signed(self) -> bool:
        return self.subject == self.issuer

    def names_exactly(self, domain: str) -> bool:
        return domain in self.names

    def covers(self, domain: str) -> bool:
        """Whether it is valid for a domain, by exact name or by wildcard."""
        return domain in self.names or "*." + domain.partition(".")[2] in self.names

    def is_valid_at(self, now: float) -> bool:
        return self.starts <= now <= self.ends


@dataclass(frozen=True)
class SigningRequest:
    """A request for a certificate.

    :ivar key: the public key (SubjectPublicKeyInfo in DER).
    """

    domain: Optional[str]
    country: Optional[str]
    key: bytes


def certificates(text: str) -> tuple[Certificate, ...]:
    """The certificates in a PEM text, in their order.

    :raises ValueError: if there is no certificate, an unreadable one, or a private key.
    :raises MissingLibrary: if cryptography is missing.
    """
    if "PRIVATE KEY-----" in text:
        raise ValueError("it contains a private key; remove the key, because the box uses its own")
    found = tuple(certificate(der) for der in _blocks(text, _CERTIFICATE))
    if not found:
        raise ValueError("it contains no certificate (a PEM block that starts with -----BEGIN CERTIFICATE-----)")
    return found


def certificate(der: bytes) -> Certificate:
    """Parse a certificate. Raises the same errors as :func:`certificates`."""
    x509 = _x509()
    try:
        found = x509.load_der_x509_certificate(der)
        key = _key(found)
        names = _names(found)
    except Exception as error:
        # For malformed certificates, cryptography does not always raise a ValueError.
        raise ValueError("the certificate can't be read: %s" % error) from error
    return Certificate(
        pem=_armour(der, _CERTIFICATE),
        sha256=hashlib.sha256(der).hexdigest(),
        names=names,
        subject=found.subject.rfc4514_string(),
        issuer=found.issuer.rfc4514_string(),
        key=key,
        starts=_seconds(found, "not_valid_before"),
        ends=_seconds(found, "not_valid_after"),
    )


def signing_request(text: str) -> SigningRequest:
    """The request for a certificate in a PEM text.

    :raises ValueError: if there isn't exactly one readable request.
    :raises MissingLibrary: if cryptography is missing.
    """
    x509 = _x509()
    blocks = _blocks(text, _REQUEST)
    if len(blocks) != 1:
        raise ValueError("must contain exactly one certificate request (PEM)")
    try:
        found = x509.load_der_x509_csr(blocks[0])
        key = _key(found)
    except Exception as error:
        raise ValueError("the certificate request can't be read: %s" % error) from error

    def value_of(oid: Any) -> str | None:
        values = [str(item.value) for item in found.subject.get_attributes_for_oid(oid)]
        return values[0] if len(values) == 1 else None

    oids = x509.oid.NameOID
    return SigningRequest(value_of(oids.COMMON_NAME), value_of(oids.COUNTRY_NAME), key)


def moment(seconds: float) -> str:
    """Format seconds since 1970 as a UTC time."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _x509() -> Any:
    try:
        from cryptography import x509
    except ImportError as error:
        raise MissingLibrary("cryptography", "to read certificates") from error
    return x509


def _blocks(text: str, kind: str) -> list[bytes]:
    try:
        return [
            base64.b64decode("".join(inner.split()), validate=True)
            for inner in re.findall("-----BEGIN %s-----(.*?)-----END %s-----" % (kind, kind), text, re.DOTALL)
        ]
    except ValueError as error:
        raise ValueError("not valid PEM: the text between the first and the last line is not base64") from error


def _armour(der: bytes, kind: str) -> str:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN %s-----" % kind, *lines, "-----END %s-----" % kind, ""])


def _key(found: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key: bytes = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key


def _names(found: Any) -> tuple[str, ...]:
    x509 = _x509()
    try:
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(sorted({str(name).lower() for name in alternatives.get_values_for_type(x509.DNSName)}))


def _seconds(found: Any, field: str) -> float:
    # Before version 42, cryptography returns times without a time zone.
    at: datetime = getattr(found, field + "_utc", None) or getattr(found, field).replace(tzinfo=timezone.utc)
    return at.timestamp()
