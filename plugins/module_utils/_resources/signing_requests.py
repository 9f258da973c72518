# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for certificates, which the box makes with its own key."""

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
    """What a task declares of a request.

    :param path: the file that is to hold it, on the machine that runs the task.
    """

    domain: str
    country: str
    path: Optional[str] = None


def check(options: Mapping[str, Any]) -> WantedRequest:
    """The options of ``miab_ssl_csr`` in canonical form.

    :raises InvalidOption: for a value that no box takes.
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
    """What has to be read, beyond what is known, before :func:`plan` can tell."""
    questions: list[Question] = [signing_request(wanted.domain, wanted.country)]
    if wanted.path is not None:
        questions.append(FileText(wanted.path))
    return [question for question in questions if question.name not in known]


def plan(wanted: WantedRequest, known: Known) -> Change:
    """No change of the box, which keeps no requests; the view holds the one that was asked for."""
    made: str = known[signing_request(wanted.domain, wanted.country).name]
    view: View = {"domain": wanted.domain, "country_code": wanted.country, "csr": made}
    if wanted.path is not None:
        view["path"] = wanted.path
        held: str | None = known[FileText(wanted.path).name]
        # The same request may be written in more than one way, and only the signature may differ.
        if held is not None and held != made and _is_right(wanted, held, made):
            view["csr"] = held
    return Change("signing request", wanted.domain, view, view)


def _is_right(wanted: WantedRequest, held: str, made: str) -> bool:
    """Whether a file holds a request for the box's key, the domain and the country already."""
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
