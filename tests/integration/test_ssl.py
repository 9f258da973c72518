# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_ssl and miab_ssl_csr as playbooks use them: four versions, both doors."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.box import Box, crypto
from tests.box.answers import Request
from tests.box.faults import Fault
from tests.box.prepare import prepare

from .expected import Expected, check_tasks
from .playbooks import play

BOX_KEY = crypto.box_key().public_key()
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
DAY = datetime.timedelta(days=1)


def issued(*names: str, days: float = 60, key: Any = BOX_KEY) -> str:
    """A certificate from the authority of the simulated boxes, as PEM."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return crypto.sign(names, key, now - DAY, now + days * DAY)


def issued_by_a_stranger(name: str) -> str:
    """A certificate for the box's key by an authority that no box knows, as PEM."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A stranger")]))
        .public_key(BOX_KEY)
        .serial_number(7)
        .not_valid_before(now - DAY)
        .not_valid_after(now + 60 * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    return builder.sign(OTHER_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def certificate(**options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_ssl": options}


def user(email: str) -> dict[str, Any]:
    return {"users": [{"email": email, "password": "some-password-1"}]}


INSTALL_TASKS = """
- name: Install a certificate and its chain
  mailinabox.admin.miab_ssl:
    domain: example.org
    certificate: "{{ first_certificate }}"
    chain: "{{ chain }}"

- name: Write the domain in capitals, and leave the chain out
  mailinabox.admin.miab_ssl:
    domain: Example.ORG
    certificate: "{{ first_certificate }}"

- name: Install a renewed certificate, with the chain in the same text
  mailinabox.admin.miab_ssl:
    domain: example.org
    certificate: "{{ renewed_certificate }}{{ chain }}"

- name: Install a wildcard certificate
  mailinabox.admin.miab_ssl:
    domain: www.example.org
    certificate: "{{ wildcard_certificate }}"

- name: Replace the wildcard with a certificate for the exact name
  mailinabox.admin.miab_ssl:
    domain: www.example.org
    certificate: "{{ www_certificate }}"

- name: Install a certificate for the box itself
  mailinabox.admin.miab_ssl:
    domain: box.example.com
    certificate: "{{ box_certificate }}"
"""


def test_installed(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, user("ann@example.org"))
    first, renewed = issued("example.org"), issued("example.org", days=90)
    wildcard, named = issued("*.example.org", days=90), issued("www.example.org", days=30)
    of_box = issued("box.example.com", "mta-sts.box.example.com")
    authority = crypto.authority().pem

    def has(pem: str) -> Any:
        return lambda state: pem in "".join(state["certificates"])

    expected = {
        "Install a certificate and its chain": Expected(has(first), calls=1),
        "Write the domain in capitals, and leave the chain out": Expected(has(first), changed=False),
        "Install a renewed certificate, with the chain in the same text": Expected(has(renewed)),
        "Install a wildcard certificate": Expected(has(wildcard)),
        "Replace the wildcard with a certificate for the exact name": Expected(has(named)),
        "Install a certificate for the box itself": Expected(has(of_box)),
    }
    variables = {
        "first_certificate": first,
        "chain": authority,
        "renewed_certificate": renewed,
        "wildcard_certificate": wildcard,
        "www_certificate": named,
        "box_certificate": of_box,
    }
    check_tasks(box, INSTALL_TASKS, expected, tmp_path, door, variables)
    assert box.state.primary_certificate.startswith(of_box)


def test_the_served_certificate_is_returned(newest_box: Box, door: str, tmp_path: Path) -> None:
    pem = issued("box.example.com")
    outcome = play(newest_box, [certificate(domain="box.example.com", certificate=pem)], tmp_path, door).outcomes[0]
    leaf = x509.load_pem_x509_certificate(pem.encode())
    assert outcome.result["certificate"] == {
        "domain": "box.example.com",
        "state": "installed",
        "names": ["box.example.com"],
        "issuer": "CN=Authority of the simulated boxes",
        "ends": leaf.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sha256": leaf.fingerprint(hashes.SHA256()).hex(),
    }
    # The reads: the served certificate, the domains and the key before the write, and the served certificate after it.
    assert outcome.result["requests"] == {"reads": 4, "writes": 1}


def test_certificates_that_are_not_installed(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, user("ann@example.org"))
    wrong = [
        ({"domain": "example.net", "certificate": issued("example.net")}, "invalid_option", "domain: "),
        ({"certificate": issued("other.example.org")}, "invalid_option", "is not for example.org"),
        ({"certificate": issued("example.org", key=OTHER_KEY.public_key())}, "invalid_option", "not for the key"),
        ({"certificate": issued("example.org", days=9)}, "invalid_option", "within 10 days"),
        ({"certificate": "garbage"}, "invalid_option", "contains no certificate"),
        ({"certificate": issued_by_a_stranger("example.org")}, "refused", "missing an intermediate chain"),
    ]
    tasks = [certificate(**{"domain": "example.org", **options}) for options, _code, _words in wrong]
    held = list(box.state.certificates)
    *refused, without = play(box, [*tasks, certificate(domain="example.org")], tmp_path, door).outcomes
    for outcome, (_options, code, words) in zip(refused, wrong, strict=True):
        assert outcome.result["failure"]["code"] == code, outcome.result
        assert words in outcome.result["msg"]
        assert not outcome.result["changed"]
    assert "certificate" in without.result["msg"]
    assert box.state.certificates == held
    assert sum(entry.is_write for entry in box.log) == 1


def test_an_installation_whose_answer_is_lost(box: Box, door: str, tmp_path: Path) -> None:
    box.faults.append(Fault("504", "POST /ssl/install", after=True))
    pem = issued("box.example.com")
    outcome = play(box, [certificate(domain="box.example.com", certificate=pem)], tmp_path, door).outcomes[0]
    assert outcome.result["changed"]
    assert "stored anyway" in outcome.result["warnings"][0]
    # A box that fails after it has stored a certificate may not serve it yet.
    assert [entry.path for entry in box.log if entry.is_write] == ["/ssl/install", "/web/update"]


# A box obtains certificates for all its domains at once.
PROVISION_TASKS = """
- name: Let the box obtain a certificate
  mailinabox.admin.miab_ssl:
    domain: example.org
    state: provisioned

- name: Let it obtain another one, which it already has
  mailinabox.admin.miab_ssl:
    domain: www.box.example.com
    state: provisioned
"""


def test_provisioned(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, user("ann@example.org"))

    def valid(state: dict[str, Any]) -> bool:
        return len(state["certificates"]) > 1

    expected = {
        "Let the box obtain a certificate": Expected(valid, calls=1),
        "Let it obtain another one, which it already has": Expected(valid, changed=False),
    }
    check_tasks(box, PROVISION_TASKS, expected, tmp_path, door)


def test_the_result_for_each_domain(newest_box: Box, door: str, tmp_path: Path) -> None:
    prepare(newest_box.state, user("ann@example.org"))
    newest_box.state.unsigned = {"example.org"}
    tasks = [certificate(domain=name, state="provisioned") for name in ("mta-sts.box.example.com", "example.org")]
    good, bad = play(newest_box, tasks, tmp_path, door).outcomes
    reported = {item["domain"]: item["result"] for item in good.result["certificate"]["provisioned"]}
    assert reported["mta-sts.box.example.com"] == "installed"
    assert reported["example.org"] == "error"
    assert good.result["certificate"]["status"].startswith("Signed & valid.")
    assert bad.result["failure"]["code"] == "box_failed"
    assert bad.result["msg"] == "POST /ssl/provision: example.org: error. The box says: The authority refused."
    assert bad.result["failure"]["details"]["log"] == ["The authority refused."]
    assert {item["result"] for item in bad.result["failure"]["details"]["provisioned"]} == {"skipped", "error"}
    assert not bad.result["changed"]


def test_a_domain_that_a_box_forgets_the_first_time(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, user("ann@example.com"))
    outcome = play(box, [certificate(domain="box.example.com", state="provisioned")], tmp_path, door).outcomes[0]
    assert not outcome.failed, outcome.result
    assert [call["path"] for call in outcome.result["calls"]] == ["/ssl/provision"] * 2
    reported = [(item["domain"], item["result"]) for item in outcome.result["certificate"]["provisioned"]]
    assert reported.index(("example.com", "installed")) < reported.index(("box.example.com", "installed"))


def test_waiting_for_the_name(newest_box: Box, door: str, tmp_path: Path) -> None:
    prepare(newest_box.state, user("ann@example.org"))
    newest_box.state.elsewhere = {"example.org"}
    asked = []

    def name_arrives(request: Request) -> bool:
        # Each task reads once to plan. The last one then waits, and its second read is the fifth in total.
        if request.path == "/ssl/status":
            asked.append(request)
            if len(asked) == 5:
                newest_box.state.elsewhere = set()
        return False

    newest_box.faults.append(Fault("500", name_arrives))
    now = certificate(domain="example.org", state="provisioned")
    later = certificate(domain="example.org", state="provisioned", wait=600)
    tasks = [now, {**later, "check_mode": True}, later]
    at_once, predicted, real = play(newest_box, tasks, tmp_path, door).outcomes
    assert at_once.result["failure"]["code"] == "refused"
    assert "does not resolve to this machine" in at_once.result["msg"]
    assert predicted.result["requests"] == {"reads": 1, "writes": 0}
    assert predicted.result["changed"]
    assert real.result["changed"]
    assert real.result["calls"] == predicted.result["calls"]
    assert real.result["diff"] == predicted.result["diff"]
    assert real.result["certificate"]["state"] == "provisioned"


def request_for(domain: str, **options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_ssl_csr": {"domain": domain, "country_code": "GB", **options}}


def test_signing_request(box: Box, door: str, tmp_path: Path) -> None:
    tasks = [request_for("B\u00fccher.example", country_code="gb"), request_for("example.org")]
    outcomes = play(box, tasks, tmp_path, door).outcomes
    first, second = (outcome.result["signing_request"] for outcome in outcomes)
    assert not any(outcome.result["changed"] for outcome in outcomes)
    assert (first["domain"], first["country_code"]) == ("xn--bcher-kva.example", "GB")
    assert x509.load_pem_x509_csr(first["csr"].encode()).subject.rfc4514_string() == "CN=xn--bcher-kva.example,C=GB"
    assert second["csr"] == crypto.signing_request("example.org", "GB")
    assert outcomes[1].result["requests"] == {"reads": 1, "writes": 0}


def test_signing_request_in_a_file(newest_box: Box, door: str, tmp_path: Path) -> None:
    path = tmp_path / "example.org.csr"
    task = {**request_for("example.org", path=str(path), mode="0640"), "diff": True}
    tasks = [{**task, "check_mode": True}, task, task, {**task, "check_mode": True}]
    predicted, real, again, still = play(newest_box, tasks, tmp_path, door).outcomes
    assert [outcome.result["changed"] for outcome in (predicted, real, again, still)] == [True, True, False, False]
    assert predicted.result["diff"] == real.result["diff"]
    assert path.read_text(encoding="ascii") == real.result["signing_request"]["csr"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640

    # A different request for the same key, name and country is kept; a request for another name is replaced.
    subject = x509.load_pem_x509_csr(path.read_bytes()).subject
    by_hand = x509.CertificateSigningRequestBuilder().subject_name(subject)
    held = by_hand.sign(crypto.box_key(), hashes.SHA512()).public_bytes(serialization.Encoding.PEM).decode()
    path.write_text(held, encoding="ascii")
    tighter = request_for("example.org", path=str(path), mode="0600")
    other = request_for("www.example.org", path=str(path), mode="0600")
    kept, tightened, replaced = play(newest_box, [task, tighter, other], tmp_path, door).outcomes
    assert [outcome.result["changed"] for outcome in (kept, tightened, replaced)] == [False, True, True]
    assert kept.result["signing_request"]["csr"] == tightened.result["signing_request"]["csr"] == held
    assert path.read_text(encoding="ascii") == replaced.result["signing_request"]["csr"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("options", "keywords", "words"),
    [
        ({"country_code": "GBR"}, {}, "country_code: 'GBR': must be a two-letter country code"),
        ({"path": "."}, {}, "Is a directory"),
        ({"path": "no/such/folder/x.csr"}, {}, "no/such/folder"),
        ({"path": "x.csr"}, {"async": 10, "poll": 1}, "async"),
    ],
)
def test_no_signing_request(
    options: dict[str, Any], keywords: dict[str, Any], words: str, newest_box: Box, door: str, tmp_path: Path
) -> None:
    task = {**request_for("example.org", **options), **keywords}
    outcome = play(newest_box, [task], tmp_path, door).outcomes[0]
    assert outcome.failed
    assert words in outcome.result["msg"]
    assert not list(tmp_path.glob("*.csr"))
