# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate signing requests (CSRs), which the box creates with its own key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence

from .._model.plan import Change, FileText, Known, Planner, Question, View
from .._model.reads import signing_request
from .._values import names, pem
from .._values.errors import InvalidOption, UnexpectedAnswer

_COUNTRY = re.compile(r"[A-Za-z]{2}\Z")


@dataclass(frozen=True)
class WantedRequest:
    """The declared signing request.

    :param path: the file to write it to, on the machine that runs the task.
    """

    domain: str
    country: str
    path: Optional[str] = None


def check(options: Mapping[str, Any]) -> WantedRequest:
    """The options of ``miab_ssl_csr`` in canonical form.

    :raises InvalidOption: for a value that no box accepts.
    """
    try:
        domain = names.dns_name(options["domain"])
    except ValueError as error:
        raise InvalidOption("domain", options["domain"], str(error)) from error
    country = options["country_code"].strip()
    if not _COUNTRY.match(country):
        raise InvalidOption(
            "country_code", options["country_code"], "must be a two-letter country code (ISO 3166), such as GB"
        )
    return WantedRequest(domain, country.upper(), options["path"])


def needs(wanted: WantedRequest, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    questions: list[Question] = [signing_request(wanted.domain, wanted.country)]
    if wanted.path is not None:
        questions.append(FileText(wanted.path))
    return [question for question in questions if question.name not in known]


def plan(wanted: WantedRequest, known: Known) -> Change:
    """Return a change without calls, because the box stores no requests. Its view contains the request."""
    made: str = signing_request(wanted.domain, wanted.country).of(known)
    view: View = {"domain": wanted.domain, "country_code": wanted.country, "csr": made}
    if wanted.path is not None:
        view["path"] = wanted.path
        held: str | None = FileText(wanted.path).of(known)
        # Two requests for the same key, domain and country can differ in their encoding and signature.
        if held is not None and held != made and _is_right(wanted, held, made):
            view["csr"] = held
    return Change("signing_request", wanted.domain, view, view)


def _is_right(wanted: WantedRequest, held: str, made: str) -> bool:
    """Whether a file already has a request for the box's key, the domain and the country."""
    try:
        new = pem.signing_request(made)
    except ValueError as error:
        raise UnexpectedAnswer("POST /ssl/csr/%s: %s" % (wanted.domain, error), domain=wanted.domain) from error
    try:
        old = pem.signing_request(held)
    except ValueError:
        return False
    return old == pem.SigningRequest(wanted.domain, wanted.country, new.key)


PLANNER = Planner(check, needs, plan)
