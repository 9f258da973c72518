# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the result of a run, in the form that Ansible expects."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from .._model.plan import Call, Change, Note
from .._values.errors import BoxError
from .._values.texts import printable


def result(changed: bool, calls: Iterable[Call], warnings: Sequence[str], details: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a run that succeeded.

    :param calls: the calls that were sent, or in check mode would be sent.
    :param details: the values that the module itself returns.
    """
    made: dict[str, Any] = {"changed": changed, "calls": [call.as_result() for call in calls], **details}
    if warnings:
        made["warnings"] = [printable(warning) for warning in warnings]
    return made


def plan(planned: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of a box as part of a result: its changes, and the other data for a saved plan."""
    return {"changes": planned["changes"], "plan": {name: planned[name] for name in planned if name != "changes"}}


def failure(error: BoxError, calls: Iterable[Call] = (), changed: bool = False) -> dict[str, Any]:
    """The result of a run that failed.

    :param calls: the calls that were sent.
    :param changed: whether they changed anything.
    """
    return {
        "failed": True,
        "changed": changed,
        "msg": error.message,
        "failure": error.as_failure(),
        "calls": [call.as_result() for call in calls],
    }


def note(made: Note) -> dict[str, str]:
    """A note of a plan. It may quote a box, so its text is one printable line."""
    return {"kind": made.kind, "about": printable(made.about), "text": printable(made.text)}


def requests(reads: int, writes: int) -> dict[str, int]:
    """How many requests a run has sent: reads, and writes, which may change something."""
    return {"reads": reads, "writes": writes}


def diff(first: Change, last: Change, url: str) -> dict[str, Any]:
    """The difference between an object before and after a run.

    :param url: the URL of the box.
    """
    header = printable("%s on %s" % (first.label, url))
    return {"before_header": header, "after_header": header, "before": first.before, "after": last.after}
