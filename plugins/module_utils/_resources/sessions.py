# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions: one login for many tasks.

A session is not part of the configuration of a box, and without it, later tasks could not sign in during check mode. So
sessions are started and ended by questions, and never count as a change.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .._model.plan import Change, Known, LogIn, LogOut, Planner, Question
from .._values.errors import InvalidOption
from .._values.secrets import MASK


def check(options: Mapping[str, Any]) -> bool:
    """Whether to begin a session. If false, end it.

    :raises InvalidOption: if the credentials don't fit.
    """
    if options["state"] == "absent":
        if not options["api_key"]:
            raise InvalidOption("api_key", None, "required with state: absent; set it to the key of the session to end")
        return False
    if options["api_key"]:
        raise InvalidOption("api_key", MASK, "not used with state: present, which needs a password; leave it out")
    return True


def needs(begins: bool, known: Known) -> Sequence[Question]:
    """Return the question that :func:`plan` still needs answered."""
    question = LogIn() if begins else LogOut()
    return [] if question.name in known else [question]


def plan(begins: bool, known: Known) -> Change:
    """Return a change without calls: answering the question has started or ended the session."""
    view = {"state": "present" if begins else "absent"}
    reveals = {"api_key": LogIn().of(known)} if begins else {}
    return Change("session", str(known["caller"]), view, view, reveals=reveals)


PLANNER = Planner(check, needs, plan)
