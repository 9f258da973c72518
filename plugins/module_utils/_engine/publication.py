# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make sure that the box publishes in DNS and web what it has stored."""

from __future__ import annotations

from typing import Sequence

from .._box.client import Client
from .._box.unpublished import Unpublished
from .._model.plan import Call
from .._model.publishing import REBUILD_DNS, REBUILD_WEB
from .._values.errors import BoxError, BoxFailed, OutcomeUnknown
from .ledger import Ledger

PUBLISH_ALL = (REBUILD_DNS, REBUILD_WEB)
"""The calls that make the box publish everything that it has stored."""

HOW_TO_PUBLISH = "run again on this machine to publish it, or run miab_dns_update with force, and miab_web_update."
"""What users can do about a change that was stored and may not be published."""

_LEFT_UNPUBLISHED = (
    "An earlier run from this machine ended before the box had published all that it had stored, so DNS and web are"
    " published again."
)


class Publication:
    """Knows which writes of a run the box may have stored and not published."""

    def __init__(self, client: Client, ledger: Ledger) -> None:
        self._client = client
        self._ledger = ledger
        self._unpublished = Unpublished(client.connection.url)
        # The latest call that was to repair a zone and after which the box failed, and how it failed.
        self._due: tuple[Call, OutcomeUnknown] | None = None

    def close(self) -> None:
        self._unpublished.close()

    def find_left_over(self) -> tuple[Call, ...]:
        """The calls that publish what earlier runs may have left unpublished."""
        if not self._unpublished.find():
            return ()
        self._ledger.warnings.append(_LEFT_UNPUBLISHED)
        return PUBLISH_ALL

    def publish_left_over(self, calls: Sequence[Call]) -> None:
        """Publish what earlier runs may have left unpublished.

        :raises BoxFailed: if the box fails at it.
        """
        for call in calls:
            try:
                self._client.send(call)
            except OutcomeUnknown as failure:
                raise BoxFailed(
                    "%s The box could not publish what it holds.%s Once that is mended, %s"
                    % (failure.message, self.diagnose(call), HOW_TO_PUBLISH),
                    status=failure.status,
                ) from failure
            self._ledger.confirm(call, True, ())
        self._unpublished.forget()

    def begin(self, call: Call) -> None:
        """Note that a call is about to be sent."""
        if call.rebuild:
            self._unpublished.begin()

    def end(self) -> None:
        """Note that the latest write is published or was not stored.

        Those before it are published then, too, unless a rebuild is still due.
        """
        if self._due is None:
            self._unpublished.end()

    def postpone(self, call: Call, error: OutcomeUnknown) -> None:
        """Rebuild only after the last call that repairs the zone: until then it is broken, and a rebuild would fail."""
        self._due = (call, error)

    def rebuild_postponed(self) -> None:
        """Rebuild what was postponed.

        :raises BoxFailed: if the box fails at it.
        """
        if self._due is not None:
            self.rebuild(*self._due)
            self._due = None
            self.end()

    def rebuild(self, call: Call, error: OutcomeUnknown) -> None:
        """Make the box rebuild DNS and web after a call that it stored before it failed.

        :param error: how it failed.
        :raises BoxFailed: if it fails again.
        """
        try:
            for again in call.rebuild:
                self._client.send(again)
        except BoxError as failure:
            raise BoxFailed(
                "%s The change itself was stored; what the box rebuilds after it failed again: %s%s"
                " Once that is mended, %s" % (error.message, failure.message, self.diagnose(call), HOW_TO_PUBLISH),
                status=error.status,
            ) from failure

    def diagnose(self, call: Call) -> str:
        """The stored values that most likely made the box fail, as a sentence after a blank; empty if there are none."""
        for read in (item.diagnosis for item in (call, *call.rebuild) if item.diagnosis):
            try:
                found = self._client.ask(read)
            except BoxError:
                continue
            if found:
                return " It most likely fails at what it holds already: %s." % "; ".join(found)
        return ""
