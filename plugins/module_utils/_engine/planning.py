# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from the box what a planner needs, and make the plan."""

from __future__ import annotations

from typing import Any

from .._box.client import Client
from .._model import forks
from .._model.plan import FileText, Known, Plan, Planner, Question, Read
from .._values.errors import UnexpectedStatus, Unsupported
from . import files
from .freshness import Freshness
from .progress import Reporter, Step


class Planning:
    """Makes plans from the current state of the box. It can plan again after each write.

    :ivar secrets: the secrets in all calls that were planned so far.
    :ivar freshness: knows the answers to all reads so far.
    """

    def __init__(self, planner: Planner[Any, Any], wanted: Any, client: Client, reporter: Reporter) -> None:
        self.secrets: set[str] = set()
        self.freshness = Freshness(client.now)
        self._planner = planner
        self._wanted = wanted
        self._client = client
        self._reporter = reporter
        # Values that stay valid when the box is read again.
        self._kept: Known = {
            "url": client.connection.url,
            "caller": client.connection.username,
            "by_password": client.connection.password is not None,
        }

    def plan(self) -> Plan:
        """Read what the planner needs, and make a plan.

        :raises BoxError: if the box can't be read, or the planner refuses.
        """
        known = dict(self._kept)
        while True:
            known[forks.BOX] = self._client.box
            questions = self._planner.needs(self._wanted, known)
            if not questions:
                break
            for done, question in enumerate(questions):
                self._reporter.begin(Step("read", done, len(questions) - done, question.name))
                known[question.name] = self.ask(question)
        planned = self._planner.plan(self._wanted, known)
        plan = planned if isinstance(planned, Plan) else Plan((planned,))
        for change in plan.changes:
            forks.refuse_losses(change, self._client.box)
        self.secrets.update(secret for call in plan.calls for secret in call.secrets)
        return plan

    def ask(self, question: Question) -> Any:
        """The value of one question. For an optional read that the box can't answer, it is the error."""
        if isinstance(question, FileText):
            return files.text(question.path)
        if not isinstance(question, Read):
            return self._client.ask(question)
        asked_at = self._client.now()
        try:
            value = self._client.ask(question)
        except (Unsupported, UnexpectedStatus) as error:
            if not question.optional:
                raise
            value = error
        self.freshness.note_answer(question.name, asked_at, value)
        if question.once:
            self._kept[question.name] = value
        return value

    def remember(self, name: str, value: Any) -> None:
        """Keep the value of the answer to a call, for later plans."""
        self._kept[name] = value
