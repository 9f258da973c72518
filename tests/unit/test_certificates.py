# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: options, required reads, and calls."""

from __future__ import annotations

import builtins
import datetime
import json
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import CurrentTime, ServedCertificate
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    SSL_STATUS,
    WEB_DOMAINS,
    CertificateStatus,
    SslStatus,
    signing_request,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import certificates
from ansible_collections.mailinabox.admin.plugins.module_utils._values import pem as _pem
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import (
    BoxFailed,
    InvalidOption,
    MissingLibrary,
    Refused,
    UnexpectedAnswer,
)
from tests.box import crypto

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
BOX_KEY = crypto.box_key().public_key()
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def issued(*names: str, days: float = 60, key: Any = BOX_KEY, since: float = 1) -> str:
    """A certificate from the authority of the simulated boxes, as PEM."""
    return crypto.sign(names, key, NOW - since * DAY, NOW + days * DAY)


def root(name: str) -> str:
    """The self-signed certificate of an authority with this name, as PEM."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(OTHER_KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - DAY).not_valid_after(NOW + 999 * DAY)
    signed = builder.sign(OTHER_KEY, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


GOOD = issued("example.org", "www.example.org")
LATER = issued("example.org", days=90)
WILDCARD = issued("*.example.org", days=90)
AUTHORITY = crypto.authority().pem
STRANGER = root("Somebody else")
SELF_SIGNED = crypto.self_signed("example.org")
PRIVATE = crypto.private_pem(OTHER_KEY)


def wanted(domain: str = "example.org", **options: Any) -> certificates.WantedCertificate:
    return certificates.check(
        {
            "domain": domain,
            "certificate": GOOD,
            "chain": None,
            "state": "installed",
            "wait": 0,
            "new_domains": [],
            **options,
        }
    )


def leaf(pem: str) -> _pem.Certificate:
    return _pem.certificates(pem)[0]


def known(served: str, domain: str = "example.org", **more: Any) -> dict[str, Any]:
    der = x509.load_pem_x509_certificate(served.encode()).public_bytes(serialization.Encoding.DER)
    return {
        ServedCertificate(domain).name: der,
        WEB_DOMAINS.name: [{"domain": "box.example.com"}, {"domain": domain}],
        signing_request(domain, "ZZ").name: crypto.signing_request(domain, "ZZ"),
        CurrentTime().name: NOW.timestamp(),
        **more,
    }


def test_parsing_a_certificate() -> None:
    found = leaf(GOOD)
    assert found.names == ("example.org", "www.example.org")
    assert (found.subject, found.issuer) == ("CN=example.org", "CN=Authority of the simulated boxes")
    assert (_pem.moment(found.starts), _pem.moment(found.ends)) == ("2026-11-21T12:00:00Z", "2027-01-21T12:00:00Z")
    assert found.sha256 == x509.load_pem_x509_certificate(GOOD.encode()).fingerprint(hashes.SHA256()).hex()
    assert found.pem == GOOD
    assert _pem.certificates("a remark\r\n" + GOOD.replace("\n", "\r\n")) == (found,)


@pytest.mark.parametrize(
    ("names", "domain", "covers"),
    [
        (("example.org",), "example.org", True),
        (("EXAMPLE.org",), "example.org", True),
        (("*.example.org",), "www.example.org", True),
        (("*.example.org",), "example.org", False),
        (("*.example.org",), "a.www.example.org", False),
        (("www.example.org",), "example.org", False),
        (("xn--bcher-kva.example",), "xn--bcher-kva.example", True),
        ((), "example.org", False),
    ],
)
def test_names(names: tuple[str, ...], domain: str, covers: bool) -> None:
    found = leaf(issued(*names)) if names else leaf(STRANGER)
    assert found.covers(domain) is covers


@pytest.mark.parametrize(
    ("options", "option", "words"),
    [
        ({"domain": "not a domain"}, "domain", "can't be part"),
        ({"wait": -1}, "wait", "number of seconds"),
        ({"certificate": "garbage"}, "certificate", "contains no certificate"),
        ({"certificate": None}, "certificate", "contains no certificate"),
        (
            {"certificate": "-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----"},
            "certificate",
            "not base64",
        ),
        (
            {"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            "certificate",
            "can't be read",
        ),
        ({"certificate": PRIVATE + GOOD}, "certificate", "private key"),
        ({"chain": PRIVATE}, "chain", "private key"),
        ({"chain": "garbage"}, "chain", "contains no certificate"),
        ({"domain": "example.com"}, "certificate", "not for example.com"),
        ({"certificate": AUTHORITY + GOOD}, "certificate", "of the domain first"),
        ({"certificate": SELF_SIGNED}, "certificate", "self-signed"),
        ({"chain": STRANGER}, "chain", "wrong order"),
        ({"chain": STRANGER + AUTHORITY}, "chain", "wrong order"),
        ({"certificate": GOOD + STRANGER}, "chain", "wrong order"),
    ],
)
def test_bad_options(options: dict[str, Any], option: str, words: str) -> None:
    with pytest.raises(InvalidOption, match=words) as caught:
        wanted(**options)
    assert caught.value.details["option"] == option
    assert "BEGIN" not in str(caught.value.as_failure()).replace("-----BEGIN CERTIFICATE-----)", "")


def test_without_the_library_only_installing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingLibrary, match="cryptography"):
        wanted()
    assert wanted(state="provisioned", certificate=None).leaf is None


def test_a_chain_may_stand_in_either_text() -> None:
    one, other = wanted(certificate=GOOD + AUTHORITY), wanted(chain=AUTHORITY)
    assert one == other
    form = dict(certificates.plan(one, known(STRANGER)).calls[0].form or {})
    assert form == {"domain": "example.org", "cert": GOOD, "chain": AUTHORITY}


def test_what_is_asked_for() -> None:
    served = ServedCertificate("example.org")
    assert certificates.needs(wanted(), {}) == [served]
    rest = [WEB_DOMAINS.name, "signing request of example.org", "now"]
    only = {served.name: known(LATER)[served.name]}
    assert [question.name for question in certificates.needs(wanted(), only)] == rest
    assert certificates.needs(wanted(), known(LATER)) == []
    # If the box serves the declared certificate, nothing else is read.
    assert certificates.needs(wanted(), {served.name: known(GOOD)[served.name]}) == []
    assert certificates.needs(wanted(state="provisioned"), {}) == [SSL_STATUS]


@pytest.mark.parametrize(
    ("held", "new"),
    [
        (STRANGER, GOOD),
        (SELF_SIGNED, GOOD),
        (issued("example.org", days=30), GOOD),
        (issued("example.org", days=90, key=OTHER_KEY.public_key()), GOOD),
        (issued("box.example.com", days=90), GOOD),
        (issued("example.org", days=-0.5), GOOD),
        (GOOD, issued("example.org", days=60.5)),
    ],
)
def test_a_certificate_is_installed(held: str, new: str) -> None:
    change = certificates.plan(wanted(certificate=new), known(held))
    assert [call.path for call in change.calls] == ["/ssl/install"]
    assert change.before["sha256"] == leaf(held).sha256
    assert change.after == {
        "domain": "example.org",
        "state": "installed",
        "names": list(leaf(new).names),
        "issuer": "CN=Authority of the simulated boxes",
        "ends": _pem.moment(leaf(new).ends),
        "sha256": leaf(new).sha256,
    }


def test_a_certificate_that_is_served_is_not_installed_again() -> None:
    change = certificates.plan(wanted(chain=AUTHORITY), known(GOOD))
    assert change.calls == ()
    assert change.before == change.after
    assert change.after["state"] == "installed"


@pytest.mark.parametrize(
    ("domain", "pem", "facts", "words"),
    [
        (
            "example.net",
            issued("example.net"),
            {WEB_DOMAINS.name: [{"domain": "example.org"}]},
            "websites are: example.org",
        ),
        ("example.org", issued("example.org", since=-1), {}, "valid from"),
        ("example.org", issued("example.org", days=-0.5), {}, "and now is 2026-11-22T12:00:00Z"),
        ("example.org", issued("example.org", days=10.5), {}, "within 10 days"),
        ("example.org", issued("example.org", key=OTHER_KEY.public_key()), {}, "not for the key of the box"),
    ],
)
def test_certificates_that_the_box_would_reject(domain: str, pem: str, facts: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        certificates.plan(wanted(domain, certificate=pem), {**known(STRANGER, domain), **facts})


@pytest.mark.parametrize(
    ("domain", "held", "new", "words"),
    [
        ("example.org", LATER, GOOD, "expires later, on 2027-02-20"),
        ("www.example.org", issued("www.example.org", days=20), WILDCARD, "lists www.example.org"),
        ("www.example.org", WILDCARD, issued("*.example.org", days=60), "expires later, on 2027-02-20"),
    ],
)
def test_certificates_that_the_box_would_not_use_are_rejected(domain: str, held: str, new: str, words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        certificates.plan(wanted(domain, certificate=new), known(held, domain))


def test_an_exact_name_takes_precedence_over_a_wildcard() -> None:
    one = issued("www.example.org", days=20)
    assert certificates.plan(wanted("www.example.org", certificate=one), known(WILDCARD, "www.example.org")).calls


def test_an_answer_to_provisioning_that_is_nested_too_deeply() -> None:
    with pytest.raises(UnexpectedAnswer):
        certificates._outcomes("[" * 200_000)


@pytest.mark.parametrize(
    "facts", [{"certificate of example.org": b"garbage"}, {"signing request of example.org": "garbage"}]
)
def test_answers_that_no_box_gives(facts: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedAnswer):
        certificates.plan(wanted(), {**known(STRANGER), **facts})


@pytest.mark.parametrize(
    ("said", "installed"),
    [
        ("web updated\n", True),
        ("updating primary certificate\nmail services restarted\nweb updated\n", True),
        ("there is no valid certificate for box.example.com\nweb updated\n", True),
        ("", False),
    ],
)
def test_successful_answers(said: str, installed: bool) -> None:
    call = certificates.plan(wanted(), known(STRANGER)).calls[0]
    assert call.parse is not None
    assert call.parse(said) is installed


@pytest.mark.parametrize(
    "said",
    [
        "Invalid domain name.",
        "This is a self-signed certificate. I can't install that.",
        "The certificate is missing an intermediate chain or the intermediate chain is incorrect or incomplete.",
        "web updated\nnginx is not well",
    ],
)
def test_errors_with_a_success_status(said: str) -> None:
    call = certificates.plan(wanted(), known(STRANGER)).calls[0]
    assert call.parse is not None
    with pytest.raises(Refused, match="the box refused") as caught:
        call.parse(said)
    assert caught.value.details["text"] == said


NONE = "No certificate installed."
VALID = "Signed & valid. The certificate expires in 89 days on 2027-02-19."
ROWS = {
    "example.org": ("danger", NONE),
    "good.example.org": ("success", VALID),
    "soon.example.org": ("success", "Signed & valid. The certificate expires in 12 days on 2026-12-04."),
    "box.example.com": ("warning", "Self-signed. Get a signed certificate to stop warnings."),
    "lost.example.org": ("danger", NONE + " The domain name does not resolve to this machine."),
    "elsewhere.example.org": ("not-applicable", "The domain's website is hosted elsewhere."),
}


def status(**changed: tuple[str, str]) -> SslStatus:
    rows = {**ROWS, **{name.replace("_", "."): row for name, row in changed.items()}}
    can = [
        name for name in ("example.org", "soon.example.org", "box.example.com") if name.replace(".", "_") not in changed
    ]
    return SslStatus(tuple(CertificateStatus(name, *row) for name, row in rows.items()), tuple(can))


def provision(domain: str, wait: int = 0, new_domains: Sequence[str] = (), **facts: Any) -> Any:
    declared = wanted(domain, state="provisioned", certificate=None, wait=wait, new_domains=new_domains)
    return certificates.plan(declared, {SSL_STATUS.name: status(), **facts})


@pytest.mark.parametrize(
    ("domain", "calls"), [("example.org", 1), ("soon.example.org", 1), ("box.example.com", 1), ("good.example.org", 0)]
)
def test_provisioning(domain: str, calls: int) -> None:
    change = provision(domain)
    assert [call.path for call in change.calls] == ["/ssl/provision"] * calls
    assert (change.before != change.after) == bool(calls)
    assert change.after["state"] == "provisioned"


@pytest.mark.parametrize("domain", ["new.example", "www.new.example", "mta-sts.new.example"])
def test_a_domain_that_is_added_in_the_same_run(domain: str) -> None:
    change = provision(domain, new_domains=["New.Example"])
    assert [call.path for call in change.calls] == ["/ssl/provision"]
    assert change.after == {"domain": domain, "state": "provisioned"}
    assert "The box does not have the domain %s yet" % domain in change.warnings[0]
    # If the domain was not added in the meantime, the box is read once.
    with pytest.raises(InvalidOption, match="this box has no website for the domain"):
        provision(domain, new_domains=["new.example"], **{str(change.calls[0].name): certificates.Outcomes(())})
    declared = wanted(domain, certificate=issued(domain), new_domains=["new.example"])
    change = certificates.plan(declared, {**known(SELF_SIGNED, domain), WEB_DOMAINS.name: []})
    assert [call.path for call in change.calls] == ["/ssl/install"]
    assert "The box does not have the domain" in change.warnings[0]


def test_an_invalid_new_domain() -> None:
    with pytest.raises(InvalidOption, match="new_domains"):
        wanted(new_domains=["no domain"])


@pytest.mark.parametrize(
    ("domain", "error", "words"),
    [
        ("lost.example.org", Refused, "does not resolve to this machine"),
        ("elsewhere.example.org", InvalidOption, "this box has no website for the domain"),
        ("example.net", InvalidOption, "this box has no website for the domain"),
    ],
)
def test_domains_that_cannot_be_provisioned(domain: str, error: type[Exception], words: str) -> None:
    for new_domains in ([], ["example.com", "elsewhere.example.org"]):
        with pytest.raises(error, match=words):
            provision(domain, new_domains=new_domains)


def test_waiting_for_the_name() -> None:
    wait = provision("lost.example.org", wait=60).calls[0].wait
    assert wait is not None
    assert (wait.seconds, wait.option) == (60, "wait")
    assert "does not resolve" in wait.what
    assert wait.over.parse({"can_provision": ["lost.example.org"], "status": []}) is True
    assert wait.over.parse({"can_provision": [], "status": []}) is False
    assert provision("example.org", wait=60).calls[0].wait is None


def outcomes(**results: str) -> certificates.Outcomes:
    return certificates.Outcomes(
        tuple(
            {"domain": name.replace("_", "."), "result": result, "log": ["It was so."]}
            for name, result in results.items()
        )
    )


def test_the_result_for_each_domain() -> None:
    said = json.dumps(
        {
            "requests": [
                {"domains": ["a.example", "b.example"], "result": "installed", "log": ["It was so."]},
                {"domains": ["c.example"], "result": "skipped", "log": ["It was so."]},
                "web updated\n",
            ]
        }
    )
    call = provision("example.org").calls[0]
    assert call.parse(said) == outcomes(a_example="installed", b_example="installed", c_example="skipped")
    assert not call.parse('{"requests": [{"domains": ["c.example"], "result": "skipped", "log": []}]}')
    for wrong in ("OK", "[]", '{"requests": [{"domains": ["a.example"], "log": []}]}'):
        with pytest.raises(UnexpectedAnswer):
            call.parse(wrong)


def test_provisioned_certificates_are_listed_with_the_others() -> None:
    done = {
        "provisioning 0": outcomes(good_example_org="installed", example_org="error"),
        SSL_STATUS.name: status(),
    }
    change = certificates.plan(wanted("good.example.org", state="provisioned"), done)
    assert change.calls == ()
    assert change.before["provisioned"] == list(done["provisioning 0"].items)
    assert change.after == {"domain": "good.example.org", "state": "provisioned"}


def test_a_domain_that_the_box_left_out_is_asked_for_again() -> None:
    first = {"provisioning 0": outcomes(example_com="installed")}
    again = provision("example.org", **first)
    assert [call.name for call in again.calls] == ["provisioning 1"]
    with pytest.raises(BoxFailed, match="left out"):
        provision("example.org", **first, **{"provisioning 1": outcomes(example_com="skipped")})


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("error", r"example.org: error. The box says: It was so\."),
        ("skipped", r"example.org: skipped. The box says: It was so\."),
        ("installed", "installed. The box says: It was so."),
    ],
)
def test_a_domain_without_a_new_certificate(result: str, words: str) -> None:
    with pytest.raises(BoxFailed, match=words) as caught:
        provision("example.org", **{"provisioning 0": outcomes(example_org=result, example_com="installed")})
    assert caught.value.details["result"] == result
    assert len(caught.value.details["provisioned"]) == 2
