# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All kinds of faults, and the conditions under which they can occur."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# A worker that finishes after the task has stopped checking.
LONG = 10_000
# A hanging box keeps the connection open a little longer than the client's timeout.
HANG = {"seconds": 0.3}


@dataclass(frozen=True)
class Kind:
    """A row of the matrix.

    :ivar fault: the arguments of the simulated box's fault.
    :ivar lasts: whether the fault affects all later requests, too.
    :ivar signs_in: the credentials: ``password``, ``key``, or ``code`` (a password and a one-time code).
    :ivar versions: the versions of boxes on which it is tried. The errors of proxies are the same on all versions.
    :ivar dies: whether the process of the task crashes before it gets the answer.
    """

    name: str
    fault: dict[str, Any] = field(default_factory=dict)
    lasts: bool = False
    signs_in: str = "password"
    versions: tuple[str, ...] = ("v0.51", "v75")
    dies: bool = False

    @property
    def is_rival(self) -> bool:
        return self.fault["kind"] == "meanwhile"


def _of(name: str, kind: str, **more: Any) -> Kind:
    own = {key: more.pop(key) for key in ("lasts", "signs_in", "versions", "dies") if key in more}
    return Kind(name, {"kind": kind, **more}, **own)


_NEWEST = ("v75",)
_ALL = ("v0.51", "v55", "v60", "v75")

AT_WRITES = (
    _of("connection refused", "refuse"),
    _of("reset, and not done", "reset"),
    _of("reset, and done", "reset", after=True),
    _of("reset, stored and not published", "reset", after=True, published=False, versions=_ALL),
    _of("no answer, and not done", "hang", **HANG),
    _of("no answer, and done", "hang", after=True, **HANG),
    _of("no answer, and done a moment later", "hang", late=1, **HANG),
    _of("500, and not done", "500"),
    _of("500, and done", "500", after=True),
    _of("500, stored and not published", "500", after=True, published=False, versions=_ALL),
    _of("502, and not done", "502", versions=_NEWEST),
    _of("502, and done", "502", after=True, versions=_NEWEST),
    _of("503, and not done", "503", versions=_NEWEST),
    _of("503, and done", "503", after=True, versions=_NEWEST),
    _of("504, and not done", "504"),
    _of("504, and done", "504", after=True),
    _of("504, stored and not published", "504", after=True, published=False, versions=_ALL),
    _of("504, and done a moment later", "504", late=1),
    _of("504, and done after the task", "504", late=LONG),
    _of("another site's page, and not done", "html"),
    _of("another site's page, and done", "html", after=True),
    _of("answer cut short", "cut"),
    _of("session ended, by key", "session", signs_in="key"),
    _of("session ended, by code", "session", signs_in="code"),
    _of("box restarted, and not done", "restart"),
    _of("box restarted, and done", "restart", after=True),
    _of("box restarted, and done, by code", "restart", after=True, signs_in="code"),
    _of("another administrator was quicker", "meanwhile"),
)

CRASHES = (
    _of("crash before the box gets it", "500", dies=True, versions=_ALL),
    _of("crash once it is done", "500", after=True, dies=True, versions=_ALL),
    _of("crash once it is stored, and not published", "500", after=True, published=False, dies=True, versions=_ALL),
    _of("crash after a 504, done after the task", "504", late=LONG, dies=True, versions=_NEWEST),
)

AT_READS = (
    _of("read: connection refused", "refuse"),
    _of("read: reset once", "reset"),
    _of("read: reset again and again", "reset", lasts=True),
    _of("read: no answer", "hang", **HANG),
    _of("read: 500", "500"),
    _of("read: 502 once", "502", versions=_NEWEST),
    _of("read: 503 again and again", "503", lasts=True, versions=_NEWEST),
    _of("read: 504 once", "504"),
    _of("read: another site's page", "html"),
    _of("read: answer cut short", "cut"),
    _of("read: session ended, by key", "session", signs_in="key"),
    _of("read: session ended, by code", "session", signs_in="code"),
    _of("read: box restarted", "restart"),
)

AT_SIGN_IN = (_of("one-time code used already", "code", signs_in="code"),)
