# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: status, provisioning and installation."""

from __future__ import annotations

import datetime

from .. import certificates, crypto, names
from ..answers import Answer, BrokenError, Request, data, text
from ..certificates import RENEW_DAYS, Installed, check
from ..domains import served
from ..publishing import update_web
from ..state import State
from .web import certificate_status

_LIFETIME = datetime.timedelta(days=90)
_MAX_NAMES = 100


def _provisionable(state: State) -> tuple[set[str], dict[str, str]]:
    """The domains that need a certificate and can get one, and the reasons why the others don't or can't."""
    domains = served(state)
    installed = Installed(state)
    wanted: set[str] = set()
    others: dict[str, str] = {}
    for domain in domains.web_anywhere:
        if domain not in domains.web:
            others[domain] = "The domain has a custom DNS A/AAAA record that points the domain elsewhere."
        elif not state.points_here(domain):
            others[domain] = "The domain name does not resolve to this machine: [Not Set] (A), [Not Set] (AAAA)."
        elif installed.is_good(domain, RENEW_DAYS):
            others[domain] = "The domain has a valid certificate already."
        else:
            wanted.add(domain)
    return wanted, others


def status(state: State, request: Request) -> Answer:
    domains = served(state)
    wanted, others = _provisionable(state)
    installed = Installed(state)
    rows = []
    for domain in domains.web:
        rating, sentence = certificate_status(state, installed, domain)
        if not state.points_here(domain):
            sentence += " " + others[domain]
        rows.append({"domain": domain, "status": rating, "text": sentence})
    for domain in sorted(domains.web_anywhere - set(domains.web)):
        sentence = "The domain's website is hosted elsewhere."
        rows.append({"domain": domain, "status": "not-applicable", "text": sentence})
    return data({"can_provision": names.sort_domains(wanted, state.hostname), "status": rows})


def signing_request(state: State, request: Request) -> Answer:
    try:
        return text(crypto.signing_request(request.parts["domain"], request.form.get("countrycode", "")))
    except ValueError as error:
        raise BrokenError(str(error)) from None


def _after_install(state: State) -> list[str]:
    """Update mail and web servers to the best available certificates."""
    said = []
    best = Installed(state).find(state.hostname)
    if best is None:
        said.append("there is no valid certificate for " + state.hostname)
    elif best != state.primary_certificate:
        state.primary_certificate = best
        said += ["updating primary certificate", "mail services restarted"]
    said.append(update_web(state))
    return said


def _keep(state: State, pem: str) -> None:
    if pem not in state.certificates:
        state.certificates.append(pem)


def install(state: State, request: Request) -> Answer:
    """Errors are returned with status 200."""
    domain = request.form.get("domain", "")
    if domain not in served(state).web:
        return text("Invalid domain name.")
    if "cert" not in request.form or "chain" not in request.form:
        raise BrokenError("A field of the form is missing.")
    pem = request.form["cert"] + "\n" + request.form["chain"]
    if not pem.isascii():
        raise BrokenError("Only ASCII can be written to a file.")
    verdict = check(state, domain, pem)
    if verdict.is_self_signed:
        return text("This is a self-signed certificate. I can't install that.")
    if not verdict.is_good:
        return text(verdict.status)
    _keep(state, pem)
    return text("\n".join(_after_install(state)))


def _requests(state: State, wanted: set[str]) -> list[list[str]]:
    """Group names by certificate: the names of a zone share one.

    If a zone's own name needs a certificate, it comes after the box's own names in the box's order and then
    restarts the list: the names before it have to wait until the next run.
    """
    groups: dict[str, list[list[str]]] = {zone: [[]] for zone in served(state).zones}
    for domain in names.sort_domains(wanted, state.hostname):
        parent = next((one for one in groups if domain.endswith("." + one)), None)
        if parent is None:
            groups[domain] = [[domain]]
        elif len(groups[parent][-1]) == _MAX_NAMES:
            groups[parent].append([domain])
        else:
            groups[parent][-1].append(domain)
    return [group for of_zone in groups.values() for group in of_zone if group]


def provision(state: State, request: Request) -> Answer:
    wanted, others = _provisionable(state)
    reply: list[object] = [
        {"domains": [domain], "log": [reason], "result": "skipped"} for domain, reason in sorted(others.items())
    ]
    now = certificates.now(state)
    for group in _requests(state, wanted):
        if not state.unsigned.isdisjoint(group):
            reply.append({"domains": group, "log": ["The authority refused."], "result": "error"})
            continue
        key = crypto.box_key().public_key()
        _keep(state, crypto.sign(group, key, now - datetime.timedelta(hours=1), now + _LIFETIME))
        reply.append({"domains": group, "log": ["The certificate was signed."], "result": "installed"})
    reply += _after_install(state)
    return data({"requests": reply})
