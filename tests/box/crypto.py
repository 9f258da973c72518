# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates.

Expensive objects are created once per process and shared by its boxes: the certificate authority, the admin
server's certificate and the box's private key. No request can change them.
"""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Valid at any time that a test may set.
_LONG_AGO = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
_LONG_AHEAD = datetime.datetime(2099, 12, 31, tzinfo=datetime.timezone.utc)

_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True)
class Authority:
    """The certificate authority that signs certificates for a box, and that the box trusts."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return _pem(self.certificate)

    @property
    def key_pem(self) -> str:
        return private_pem(self.key)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def private_pem(key: _PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: _PublicKey,
    issuer_key: _PublicKey,
    validity: tuple[datetime.datetime, datetime.datetime],
    authority: bool,
) -> x509.CertificateBuilder:
    """A certificate with all extensions that Python 3.13's strict verification requires."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@functools.cache
def authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Authority of the simulated boxes")
    builder = _builder(name, name, key.public_key(), key.public_key(), (_LONG_AGO, _LONG_AHEAD), authority=True)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def sign(
    names: Sequence[str], public_key: _PublicKey, not_before: datetime.datetime, not_after: datetime.datetime
) -> str:
    """A server certificate signed by the authority, as PEM."""
    signer = authority()
    issuer = signer.certificate.subject
    builder = _builder(
        _name(names[0]), issuer, public_key, signer.key.public_key(), (not_before, not_after), authority=False
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return _pem(builder.sign(signer.key, hashes.SHA256()))


@functools.cache
def admin_identity(hostname: str) -> str:
    """The key and the certificate of the admin server, in one PEM text."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = ["localhost", hostname, "127.0.0.1", "::1"]
    return private_pem(key) + sign(names, key.public_key(), _LONG_AGO, _LONG_AHEAD)


@functools.cache
def box_key() -> rsa.RSAPrivateKey:
    """The private key of all certificates of a box. It also signs mail."""
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def self_signed(hostname: str) -> str:
    """The self-signed certificate of a new box, as PEM."""
    key = box_key()
    name = _name(hostname)
    builder = _builder(name, name, key.public_key(), key.public_key(), (_LONG_AGO, _LONG_AHEAD), authority=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
    return _pem(builder.sign(key, hashes.SHA256()))


def signing_request(domain: str, country: str) -> str:
    """A certificate signing request, as PEM. Raises ValueError if the country code is not two letters."""
    subject = [x509.NameAttribute(NameOID.COUNTRY_NAME, country)] if country else []
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, domain))
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    return request.sign(box_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@functools.cache
def _public_key_der() -> bytes:
    return (
        box_key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


@functools.cache
def tlsa_digest() -> str:
    return hashlib.sha256(_public_key_der()).hexdigest()


@functools.cache
def second_dkim_key() -> str:
    """The second public key for mail signatures of some forks: raw, as base64."""
    return base64.b64encode(hashlib.sha256(b"ed25519").digest()).decode("ascii")


@functools.cache
def dkim_key() -> str:
    return base64.b64encode(_public_key_der()).decode()


def is_signed_by_authority(chain: Sequence[x509.Certificate]) -> bool:
    """Whether each certificate is signed by the next, and the last by the authority."""
    try:
        for certificate, issuer in zip(chain, [*chain[1:], authority().certificate], strict=True):
            # The chain may include the authority's own certificate.
            if certificate != authority().certificate:
                certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
