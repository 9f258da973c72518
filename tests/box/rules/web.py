# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Websites."""

from __future__ import annotations

from ..answers import Answer, Request, data, text
from ..certificates import Installed, check
from ..domains import served
from ..publishing import update_web
from ..state import State


def certificate_status(state: State, installed: Installed, domain: str) -> tuple[str, str]:
    """The status of a website's certificate, and its description."""
    pem = installed.used(domain)
    if pem is None:
        return "danger", "No certificate installed."
    verdict = check(state, domain, pem)
    if verdict.is_good:
        return "success", "Signed & valid. " + verdict.details
    if verdict.is_self_signed:
        return "warning", "Self-signed. Get a signed certificate to stop warnings."
    return "danger", "Certificate has a problem: " + verdict.status


def domains(state: State, request: Request) -> Answer:
    known = served(state)
    installed = Installed(state)
    return data(
        [
            {
                "domain": domain,
                "root": f"{state.storage}/www/default",
                "custom_root": f"{state.storage}/www/{domain}",
                "ssl_certificate": certificate_status(state, installed, domain),
                "static_enabled": domain not in known.redirects,
            }
            for domain in known.web
        ]
    )


def update(state: State, request: Request) -> Answer:
    return text(update_web(state))
