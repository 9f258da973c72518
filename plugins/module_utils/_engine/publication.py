# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make sure that the box publishes its stored changes in DNS and web."""

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

HOW_TO_PUBLISH = (
    "run the task again on this machine to publish it, or run miab_dns_update with force: true, and miab_web_update."
)
"""What users can do about a stored change that may not be published."""

_LEFT_UNPUBLISHED = (
    "An earlier run on this machine ended before the box had published all its changes, so DNS and web are published"
    " again."
)


class Publication:
    """Keeps track of the writes that the box may have stored but not published."""

    def __init__(self, client: Client, ledger: Ledger) -> None:
        self._client = client
        self._ledger = ledger
        self._unpublished = Unpublished(client.connection.url)
        # The last call that repairs a zone and after which the box failed, with its error.
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

        :raises BoxFailed: if it fails.
        """
        for call in calls:
            try:
                self._client.send(call)
            except OutcomeUnknown as failure:
                raise BoxFailed(
                    "%s The box could not publish its stored changes.%s Once you have fixed that, %s"
                    % (failure.message, self.diagnose(call), HOW_TO_PUBLISH),
                    status=failure.status,
                ) from failure
            self._ledger.confirm(call, True, ())
        self._unpublished.forget()

    def begin(self, call: Call) -> None:
        """Record that a call is about to be sent."""
        if call.rebuild:
            self._unpublished.begin()

    def end(self) -> None:
        """Record that the last write is published, or was not stored.

        All writes before it are then published, too, unless a rebuild was postponed.
        """
        if self._due is None:
            self._unpublished.end()

    def postpone(self, call: Call, error: OutcomeUnknown) -> None:
        """Postpone the rebuild until the last call that repairs the zone. Before that, a rebuild would fail."""
        self._due = (call, error)

    def rebuild_postponed(self) -> None:
        """Make the postponed rebuild.

        :raises BoxFailed: if it fails.
        """
        if self._due is not None:
            self.rebuild(*self._due)
            self._due = None
            self.end()

    def rebuild(self, call: Call, error: OutcomeUnknown) -> None:
        """Make the box rebuild DNS and web after a call that it stored before it failed to publish it.

        :param error: the error of the call.
        :raises BoxFailed: if it fails again.
        """
        try:
            for again in call.rebuild:
                self._client.send(again)
        except BoxError as failure:
            raise BoxFailed(
                "%s The change was stored, but the box failed again to publish it: %s%s"
                " Once you have fixed that, %s" % (error.message, failure.message, self.diagnose(call), HOW_TO_PUBLISH),
                status=error.status,
            ) from failure

    def diagnose(self, call: Call) -> str:
        """A sentence, after a space, with the stored values that most likely made the box fail; empty if there are none."""
        for read in (item.diagnosis for item in (call, *call.rebuild) if item.diagnosis):
            try:
                found = self._client.ask(read)
            except BoxError:
                continue
            if found:
                return " The most likely cause is a value that the box already has: %s." % "; ".join(found)
        return ""
