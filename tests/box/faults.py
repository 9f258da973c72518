# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between a client and a box, on purpose.

    box.faults.append(Fault("504", "POST /mail/users/add", after=True))

lets the next such request be done and then answered as by a proxy that has lost patience.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .answers import Answer, Request, error_page

KINDS = ("reset", "hang", "500", "502", "503", "504", "html", "cut")


@dataclass
class Fault:
    """One way to fail.

    reset  the connection is reset
    hang   no answer comes for `seconds`, then the connection is closed
    500, 502, 503, 504  that error, as a page
    html   200 with a page, as from another site
    cut    the true answer, but only its first half
    """

    kind: str
    # "METHOD /path" (relative to /admin), or a function of the request; nothing matches all.
    match: str | Callable[[Request], bool] = ""
    # How many requests still are to meet it.
    times: int = 1
    # Whether the request is done all the same, before it seems to fail.
    after: bool = False
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind} is not one of {', '.join(KINDS)}")

    @property
    def is_done(self) -> bool:
        """Whether the request reaches the box."""
        return self.after or self.kind == "cut"

    def meets(self, request: Request) -> bool:
        if self.times <= 0:
            return False
        if callable(self.match):
            return self.match(request)
        return self.match in ("", f"{request.method} {request.path}")

    def disguise(self, answer: Answer | None) -> Answer:
        """What the client gets to see; answer is the true one, if the request was done."""
        if self.kind == "cut" and answer is not None:
            return replace(answer, body=answer.body[: len(answer.body) // 2])
        if self.kind == "html":
            return replace(error_page(200, "Welcome to another site."), headers={})
        return error_page(int(self.kind), "The simulated box was told to fail.")


def take(faults: list[Fault], request: Request) -> Fault | None:
    """The first fault that the request meets, counted."""
    for fault in faults:
        if fault.meets(request):
            fault.times -= 1
            return fault
    return None
