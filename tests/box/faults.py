# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injected faults between a client and a box.

    box.faults.append(Fault("504", "POST /mail/users/add", after=True))

The box executes the next matching request, but the client gets a proxy's timeout page as the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .answers import Answer, Request, error_page
from .prepare import ask
from .state import State

# No answer, or an answer that isn't from the box.
_LOST = ("reset", "hang", "restart", "404", "500", "502", "503", "504", "html")
# The request is executed and answered normally, but the state isn't the one that the client expects.
_TWISTED = ("cut", "field", "refuse", "session", "code", "meanwhile")
KINDS = (*_LOST, *_TWISTED)


@dataclass
class Fault:
    """A fault.

    reset      the connection is reset
    hang       no answer comes for `seconds`, then the connection is closed
    restart    the connection is reset, every session ends, and nothing listens for `seconds`
    404, 500, 502, 503, 504  that error, as a page
    html       200 with a page, as from another website
    cut        the first half of the real answer
    field      the real answer, in which each user has an additional field "never_seen"
    refuse     the real answer, and then nothing listens for `seconds`
    session    every session ends first, and every key of an older box
    code       the one-time code in it has been used before
    meanwhile  another administrator is faster: `requests` are executed first
    """

    kind: str
    # "METHOD /path" (relative to /admin), or a function of the request; nothing matches all.
    match: str | Callable[[Request], bool] = ""
    # How many more requests the fault applies to.
    times: int = 1
    # Whether the request is executed before it seems to fail.
    after: bool = False
    # With after: whether the box also publishes the change. If not, it stops once the change is stored.
    published: bool = True
    # Without after: the number of requests after which the request is executed, without a client that waits for it.
    late: int | None = None
    seconds: float = 60.0
    # Each {"method": …, "path": …} and "form" or "body".
    requests: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind} is not one of {', '.join(KINDS)}")

    @property
    def is_done(self) -> bool:
        """Whether the box executes the request now."""
        return self.after or self.kind in _TWISTED

    @property
    def takes_the_box_away(self) -> bool:
        return self.kind in ("refuse", "restart")

    def meets(self, request: Request) -> bool:
        if self.times <= 0:
            return False
        if callable(self.match):
            return self.match(request)
        return self.match in ("", f"{request.method} {request.path}")

    def prepare(self, state: State, request: Request) -> None:
        """Run the part of the fault that precedes the request."""
        if self.kind == "session":
            state.forget_keys()
        elif self.kind == "code":
            for scheme in (scheme for user in state.users.values() for scheme in user.totp):
                scheme.last_code = request.headers.get("x-auth-token", "")
        elif self.kind == "meanwhile":
            for one in self.requests:
                ask(state, one["method"], one["path"], one.get("form"), one.get("body", ""))

    def disguise(self, answer: Answer | None) -> Answer:
        """The answer that the client gets. `answer` is the real one, if the request was executed."""
        if answer is not None and self.kind in _TWISTED:
            if self.kind == "field":
                return replace(answer, body=answer.body.replace('"email": ', '"never_seen": 1, "email": '))
            return replace(answer, body=answer.body[: len(answer.body) // 2]) if self.kind == "cut" else answer
        if self.kind == "html":
            return replace(error_page(200, "Welcome to another site."), headers={})
        return error_page(int(self.kind), "The simulated box was told to fail.")


def take(faults: list[Fault], request: Request) -> Fault | None:
    """The first fault that applies to the request. This counts as a use of the fault."""
    for fault in faults:
        if fault.meets(request):
            fault.times -= 1
            return fault
    return None
