# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate signing requests: options, and whether a file already has the right one."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import FileText
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import signing_request
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import signing_requests
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import InvalidOption, UnexpectedAnswer
from tests.box import crypto

MADE = crypto.signing_request("example.org", "GB")


def wanted(**options: Any) -> signing_requests.WantedRequest:
    return signing_requests.check({"domain": "example.org", "country_code": "GB", "path": None, **options})


def requested(domain: str, country: str, key: Any) -> str:
    """A signing request for another key, as PEM."""
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, domain),
        ]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(key, hashes.SHA512()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"domain": "not a domain"}, "domain"),
        ({"country_code": "GBR"}, "country_code"),
        ({"country_code": "G"}, "country_code"),
        ({"country_code": ""}, "country_code"),
        ({"country_code": "4U"}, "country_code"),
        ({"country_code": "\u00c9S"}, "country_code"),
        # In upper case, these become SS and FI.
        ({"country_code": "\u00df"}, "country_code"),
        ({"country_code": "\ufb01"}, "country_code"),
    ],
)
def test_bad_options(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        wanted(**options)
    assert caught.value.details["option"] == option


def test_canonical_options() -> None:
    declared = wanted(domain="B\u00fccher.Example.", country_code=" gb ")
    assert (declared.domain, declared.country) == ("xn--bcher-kva.example", "GB")
    assert wanted(domain="*.example.org").domain == "*.example.org"


def test_what_is_asked_for() -> None:
    read = signing_request("example.org", "GB")
    assert (read.method, read.path, read.form) == ("POST", "/ssl/csr/example.org", {"countrycode": "GB"})
    assert [question.name for question in signing_requests.needs(wanted(), {})] == [read.name]
    names = [question.name for question in signing_requests.needs(wanted(path="/tmp/x.csr"), {})]  # noqa: S108 - nothing opens it
    assert names == [read.name, "file /tmp/x.csr"]
    with pytest.raises(UnexpectedAnswer):
        read.parse("OK")


@pytest.mark.parametrize(
    ("held", "stays"),
    [
        (None, False),
        (MADE, True),
        ("made by the box\n" + MADE.replace("\n", "\r\n"), True),
        (requested("example.org", "GB", crypto.box_key()), True),
        (requested("example.org", "DE", crypto.box_key()), False),
        (requested("www.example.org", "GB", crypto.box_key()), False),
        (requested("example.org", "GB", ec.generate_private_key(ec.SECP256R1())), False),
        (MADE + MADE, False),
        ("garbage", False),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", False),
        ("", False),
    ],
)
def test_a_file_that_is_right_stays(held: str | None, stays: bool) -> None:
    declared = wanted(path="example.org.csr")
    facts = {signing_request("example.org", "GB").name: MADE, FileText("example.org.csr").name: held}
    change = signing_requests.plan(declared, facts)
    assert change.calls == ()
    assert change.before == change.after
    assert change.after["csr"] == (held if stays else MADE)
    assert change.after["path"] == "example.org.csr"


def test_a_request_without_a_file() -> None:
    change = signing_requests.plan(wanted(), {signing_request("example.org", "GB").name: MADE})
    assert change.after == {"domain": "example.org", "country_code": "GB", "csr": MADE}
