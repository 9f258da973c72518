# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of the box's domains: installed from PEM, or provisioned by the box."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Optional, Sequence, Tuple

from .._model import shape
from .._model.plan import Call, Change, CurrentTime, Known, Planner, Question, Read, ServedCertificate, View, Wait
from .._model.publishing import REBUILD_WEB
from .._model.reads import SSL_STATUS, WEB_DOMAINS, CertificateStatus, SslStatus, signing_request
from .._values import names, pem
from .._values.errors import BoxFailed, InvalidOption, Refused, UnexpectedAnswer
from .._values.pem import Certificate
from .._values.secrets import private_keys

# A user-assigned country code. The box requires a country, but it does not affect the key.
_NO_COUNTRY = "ZZ"
# A box rejects certificates that expire within this many days.
_DAYS_LEFT = 10
_DAY = 86400
# After a reload, the web server may serve the old certificate for a few seconds.
_SETTLES = 10
# The certificate authority may need a while for each zone.
_PROVISIONING_SECONDS = 600
# The prefix of the names under which the results of provisioning calls are stored.
_PROVISIONING = "provisioning"
_LEFT_OUT = "left out"
# The lines of a successful installation. The answer may also have a remark about another certificate.
_INSTALLED = ("updating primary certificate", "mail services restarted", "web updated")
_REMARK = "there is no valid certificate for "

PROVISIONED = "provisioned"

_NOT_YET = "The box does not have the domain %s yet, so the certificate can be checked only after the domain is added."
# The prefixes of the websites that a box adds for each mail domain.
_ADDED_NAMES = ("www.", "autoconfig.", "autodiscover.", "mta-sts.")


@dataclass(frozen=True)
class WantedCertificate:
    """The declared certificate of one domain.

    :param leaf: the certificate to install; None if the box provisions one.
    :param chain: the intermediate certificates.
    :param wait: how many seconds to wait until the box can provision a certificate.
    :param is_new: whether the domain may be added to the box in the same run.
    """

    domain: str
    leaf: Optional[Certificate] = None
    chain: Tuple[Certificate, ...] = ()
    wait: int = 0
    is_new: bool = False


@dataclass(frozen=True)
class Outcomes:
    """The result of provisioning for each domain: ``domain``, ``result`` and ``log``.

    True in a boolean context if at least one certificate was installed.
    """

    items: Tuple[Mapping[str, Any], ...]

    def __bool__(self) -> bool:
        return any(item["result"] == "installed" for item in self.items)

    def of(self, domain: str) -> tuple[str, list[str]]:
        """The result and the log lines for a domain."""
        for item in self.items:
            if item["domain"] == domain:
                return item["result"], item["log"]
        return _LEFT_OUT, []


def check(options: Mapping[str, Any]) -> WantedCertificate:
    """The options of ``miab_ssl`` in canonical form.

    :raises InvalidOption: for a value that no box accepts.
    :raises MissingLibrary: if there are certificates to parse, and the library for it is missing.
    """
    try:
        domain = names.domain(options["domain"].strip())
    except ValueError as error:
        raise InvalidOption("domain", options["domain"], str(error)) from error
    if options["wait"] < 0:
        raise InvalidOption("wait", options["wait"], "must be a number of seconds, 0 or more")
    is_new = _is_new(domain, options["new_domains"])
    if options["state"] == PROVISIONED:
        return WantedCertificate(domain, wait=options["wait"], is_new=is_new)
    # For Ansible, an option without a value counts as given.
    leaf, *chain = _read("certificate", options["certificate"] or "")
    # The chain may follow the certificate in the same option, or be in its own option.
    chain.extend(_read("chain", options["chain"]) if (options["chain"] or "").strip() else ())
    if not leaf.covers(domain):
        raise InvalidOption(
            "certificate",
            _summary(leaf),
            "the certificate is not for %s; put the certificate of the domain first" % domain,
        )
    if leaf.is_self_signed:
        raise InvalidOption("certificate", _summary(leaf), "the certificate is self-signed, and boxes reject those")
    below = leaf
    for issuer in chain:
        if below.issuer != issuer.subject:
            raise InvalidOption(
                "chain",
                issuer.subject,
                "wrong order: the certificate before it (%s) was issued by %s, which must come next"
                % (below.subject, below.issuer),
            )
        below = issuer
    return WantedCertificate(domain, leaf, tuple(chain), is_new=is_new)


def _is_new(domain: str, new_domains: Sequence[str]) -> bool:
    """Whether the domain is one of the new domains, or a website that the box adds for one of them."""
    for text in new_domains:
        try:
            new = names.domain(text.strip())
        except ValueError as error:
            raise InvalidOption("new_domains", text, str(error)) from error
        if domain in (new, *(prefix + new for prefix in _ADDED_NAMES)):
            return True
    return False


def secrets(options: Mapping[str, Any]) -> Iterable[str]:
    """Private keys that users put into the options by mistake."""
    return [key for option in ("certificate", "chain") for key in private_keys(options[option] or "")]


def needs(wanted: WantedCertificate, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    if wanted.leaf is None:
        return [] if SSL_STATUS.name in known else [SSL_STATUS]
    served = ServedCertificate(wanted.domain)
    if served.name not in known:
        # Ask only for this first: if it is the declared certificate, nothing else is needed.
        return [served]
    if _served(wanted, known).sha256 == wanted.leaf.sha256:
        return []
    return [question for question in (WEB_DOMAINS, _key_of(wanted.domain), CurrentTime()) if question.name not in known]


def plan(wanted: WantedCertificate, known: Known) -> Change:
    """Plan the change to the declared certificate.

    :raises InvalidOption: for a domain or a certificate that this box does not accept.
    :raises Refused: if the box can't provision a certificate, with its reason.
    :raises BoxFailed: if the box tried to provision one and failed.
    """
    if wanted.leaf is None:
        return _plan_provision(wanted, known)
    served = _served(wanted, known)
    before, after = _view(wanted.domain, served), _view(wanted.domain, wanted.leaf)
    if served.sha256 == wanted.leaf.sha256:
        return Change("certificate", wanted.domain, after, after)
    domains = [str(row.get("domain")) for row in WEB_DOMAINS.of(known)]
    is_coming = wanted.is_new and wanted.domain not in domains
    if not is_coming:
        _check_domain(wanted.domain, domains)
    _check_leaf(wanted, wanted.leaf, served, known)
    form = {
        "domain": wanted.domain,
        "cert": wanted.leaf.pem,
        "chain": "".join(issuer.pem for issuer in wanted.chain),
    }
    call = Call("POST", "/ssl/install", form, parse=_installed, rebuild=(REBUILD_WEB,))
    warnings = (_NOT_YET % wanted.domain,) if is_coming else ()
    return Change("certificate", wanted.domain, before, after, (call,), warnings, settle_seconds=_SETTLES)


def _plan_provision(wanted: WantedCertificate, known: Known) -> Change:
    domain = wanted.domain
    read: SslStatus = SSL_STATUS.of(known)
    rows = {row.domain: row for row in read.certificates}
    done: list[Outcomes] = [known[name] for name in sorted(known) if name.startswith(_PROVISIONING)]
    if wanted.is_new and domain not in rows and not done:
        return Change(
            "certificate",
            domain,
            {"domain": domain, "state": "absent"},
            {"domain": domain, "state": PROVISIONED},
            (_provision(0),),
            (_NOT_YET % domain,),
            needs_replan=True,
        )
    _check_domain(domain, [row.domain for row in read.certificates if row.status != "not-applicable"])
    row = rows[domain]
    can_provision = domain in read.can_provision
    after: View = {"domain": domain, "state": PROVISIONED}
    if row.status == "success" and not can_provision:
        view: View = {**after, "status": row.text}
        if not done:
            return Change("certificate", domain, view, view)
        view["provisioned"] = [dict(item) for outcomes in done for item in outcomes.items]
        # The status text after provisioning can't be predicted.
        return Change("certificate", domain, view, after)
    if done:
        _check_outcome(row, done[-1])
    wait = None
    if not can_provision:
        if not wanted.wait:
            raise Refused(
                "domain: %s: the box can't get a certificate for it: %s Usually the name must point to the box first;"
                " to wait for that, set wait." % (domain, row.text),
                option="domain",
                value=domain,
                text=row.text,
            )
        wait = Wait(
            Read(SSL_STATUS.name, SSL_STATUS.path, lambda answer: domain in SSL_STATUS.parse(answer).can_provision),
            wanted.wait,
            "the box to be able to get a certificate for %s: %s" % (domain, row.text),
            option="wait",
        )
    before = {"domain": domain, "state": "absent", "status": row.text}
    return Change("certificate", domain, before, after, (_provision(len(done), wait),), needs_replan=True)


def _provision(number: int, wait: Optional[Wait] = None) -> Call:
    """The call that makes the box provision certificates.

    :param number: how many such calls were made before in this run.
    """
    return Call(
        "POST",
        "/ssl/provision",
        parse=_outcomes,
        name="%s %d" % (_PROVISIONING, number),
        wait=wait,
        seconds=_PROVISIONING_SECONDS,
        rebuild=(REBUILD_WEB,),
    )


def _check_outcome(row: CertificateStatus, outcomes: Outcomes) -> None:
    """Check whether another provisioning call can succeed for a domain without a certificate.

    One call provisions one certificate for the names of a zone. A zone that needs a certificate itself makes the box skip
    the names that come before it in its list, such as its own host name. The next call provisions those.

    :raises BoxFailed: if another call would not help.
    """
    result, log = outcomes.of(row.domain)
    if result == _LEFT_OUT and outcomes:
        return
    raise BoxFailed(
        "POST /ssl/provision: %s: %s. The box says: %s" % (row.domain, result, " ".join(log).strip() or row.text),
        domain=row.domain,
        result=result,
        log=log,
        status=row.text,
        provisioned=[dict(item) for item in outcomes.items],
    )


def _outcomes(answer: str) -> Outcomes:
    """Parse the answer to ``/ssl/provision``: the result of each domain."""
    try:
        # The list also has strings, with messages about all certificates. Skip them.
        groups = [item for item in shape.items(shape.part(json.loads(answer), "requests")) if isinstance(item, dict)]
        return Outcomes(
            tuple(
                {
                    "domain": domain,
                    "result": shape.text(group, "result"),
                    "log": [str(line) for line in shape.items(group.get("log", []))],
                }
                for group in groups
                for domain in shape.texts(shape.part(group, "domains"))
            )
        )
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswer(
            "POST /ssl/provision: unexpected answer: %.200r" % answer, path="/ssl/provision"
        ) from error


def _installed(answer: str) -> bool:
    """Parse the answer to ``/ssl/install``: whether a certificate was installed. Errors also come with HTTP 200.

    :raises Refused: with the message of the box.
    :raises UnexpectedAnswer: if the last line is incomplete.
    """
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    if lines and any(whole != lines[-1] and whole.startswith(lines[-1]) for whole in (*_INSTALLED, _REMARK)):
        raise UnexpectedAnswer("POST /ssl/install: the answer is incomplete: %.200r" % answer, path="/ssl/install")
    if not all(line in _INSTALLED or line.startswith(_REMARK) for line in lines):
        raise Refused(
            "POST /ssl/install: the box refused the request: %s" % answer.strip(),
            path="/ssl/install",
            text=answer.strip(),
        )
    return bool(lines)


def _check_domain(domain: str, domains: Sequence[str]) -> None:
    if domain not in domains:
        raise InvalidOption(
            "domain",
            domain,
            "this box has no website for the domain; its websites are: %s. A box has a website for each domain with mail"
            % (", ".join(sorted(domains)) or "none"),
        )


def _check_leaf(wanted: WantedCertificate, leaf: Certificate, served: Certificate, known: Known) -> None:
    """Refuse a certificate that the box would reject, or store but not use."""
    now: float = CurrentTime().of(known)
    if not leaf.is_valid_at(now):
        raise InvalidOption(
            "certificate",
            _summary(leaf),
            "the certificate is valid from %s to %s, and now is %s"
            % (pem.moment(leaf.starts), pem.moment(leaf.ends), pem.moment(now)),
        )
    if (leaf.ends - now) // _DAY <= _DAYS_LEFT:
        raise InvalidOption(
            "certificate",
            _summary(leaf),
            "the certificate expires on %s; boxes reject certificates that expire within %d days"
            % (pem.moment(leaf.ends), _DAYS_LEFT),
        )
    try:
        key = pem.signing_request(_key_of(wanted.domain).of(known)).key
    except ValueError as error:
        raise UnexpectedAnswer("POST /ssl/csr/%s: %s" % (wanted.domain, error), domain=wanted.domain) from error
    if leaf.key != key:
        raise InvalidOption(
            "certificate",
            _summary(leaf),
            "the certificate is not for the key of the box; order one with a CSR from the box (mailinabox.admin.miab_ssl_csr)",
        )
    # If a box has several certificates for a domain, it prefers one with the exact name, then the one that expires last.
    # A served certificate with another key is not from the box, so it is ignored.
    if served.key != key or not served.covers(wanted.domain) or served.is_self_signed:
        return
    has_name, new_has_name = served.names_exactly(wanted.domain), leaf.names_exactly(wanted.domain)
    if has_name and not new_has_name:
        raise InvalidOption(
            "certificate",
            _summary(leaf),
            "the box would not use it: its present certificate lists %s, and this one has only a wildcard"
            % wanted.domain,
        )
    if has_name == new_has_name and served.is_valid_at(now) and served.ends > leaf.ends:
        raise InvalidOption(
            "certificate",
            _summary(leaf),
            "the certificate expires on %s, and the box would not use it: its present one expires later, on %s"
            % (pem.moment(leaf.ends), pem.moment(served.ends)),
        )


def _read(option: str, text: str) -> tuple[Certificate, ...]:
    try:
        return pem.certificates(text)
    except ValueError as error:
        # Don't quote the text: it may be the wrong file, such as a private key.
        raise InvalidOption(option, "(%d characters)" % len(text), str(error)) from error


def _served(wanted: WantedCertificate, known: Known) -> Certificate:
    try:
        return pem.certificate(ServedCertificate(wanted.domain).of(known))
    except ValueError as error:
        raise UnexpectedAnswer(
            "The certificate that is served for %s: %s" % (wanted.domain, error), domain=wanted.domain
        ) from error


def _key_of(domain: str) -> Read[str]:
    return signing_request(domain, _NO_COUNTRY)


def _summary(leaf: Certificate) -> str:
    return "%s, for %s" % (leaf.subject, ", ".join(leaf.names) or "no name")


def _view(domain: str, held: Certificate) -> View:
    return {
        "domain": domain,
        "state": "installed" if held.covers(domain) and not held.is_self_signed else "absent",
        "names": list(held.names),
        "issuer": held.issuer,
        "ends": pem.moment(held.ends),
        "sha256": held.sha256,
    }


PLANNER = Planner(check, needs, plan)
