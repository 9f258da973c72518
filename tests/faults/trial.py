# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a task with a fault at one request, and then again without the fault."""

from __future__ import annotations

import base64
import copy
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
import requests.adapters

from tests.box import Box, Fault, State
from tests.box.answers import BrokenError, Request
from tests.box.auth import login, me, totp_code
from tests.box.publishing import update_dns, update_web
from tests.box.routes import respond
from tests.box.versions import VERSIONS
from tests.tasks import Clock, run_task

from .kinds import Kind
from .scenarios import ME, Scenario, own_scheme

# How a trial ends.
AT_ONCE, NEXT_RUN, LOST, UNPUBLISHED = "right at once", "repaired by the next run", "lost", "unpublished"

# Requests that are safe to repeat: they only make the box publish its state.
HARMLESS = {"/dns/update", "/web/update"}
# What a message says of the writes, if the task came so far.
UNCHANGED, WRITTEN, DOUBT = (
    "Nothing was changed.",
    "All changes were made before this error:",
    "Run the task again to make sure.",
)
STOCK = (UNCHANGED, WRITTEN, DOUBT, "Run the task again to complete it.")

# How long a client waits for an answer from a box that hangs, in seconds.
_PATIENCE = 0.1
_ADAPTER = requests.adapters.HTTPAdapter.send


class DeathError(BaseException):
    """Simulates the death of the process that runs a task: nothing handles it, and nothing more is sent."""


class At:
    """Matches the request at a place, counted from 0; or all from there on."""

    def __init__(self, place: int, lasts: bool) -> None:
        self.left = place
        self._lasts = lasts

    def __call__(self, _request: Request) -> bool:
        self.left -= 1
        return self.left == -1 or (self._lasts and self.left < 0)


class Wire:
    """Stands in for the way to the box, to lose patience where the box hangs, and to do without a network at all.

    :ivar hang: the place at which the box hangs.
    :ivar death: the place at which the process dies that runs the task.
    :ivar state: the box that is asked without a network.
    :ivar courses: what each task asks for, by version, scenario and way to sign in.
    """

    def __init__(self) -> None:
        self.hang: At | None = None
        self.death: At | None = None
        self.state: State | None = None
        self.courses: dict[tuple[str, str, str], Course] = {}

    def send(
        self,
        adapter: Any,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        *options: Any,
        **more: Any,
    ) -> requests.Response:
        if self.state is not None:
            return _ask(self.state, request)
        self._die_if_due()
        if self.hang is not None and self.hang.left == 0:
            timeout = _PATIENCE
        answer = _ADAPTER(adapter, request, stream, timeout, *options, **more)
        self._die_if_due()
        return answer

    def _die_if_due(self) -> None:
        """From its place on, a process that has died gets no answer, and sends nothing."""
        if self.death is not None and self.death.left < 0:
            raise DeathError


def _ask(state: State, prepared: requests.PreparedRequest) -> requests.Response:
    url = urlsplit(str(prepared.url))
    body = prepared.body or b""
    body = body.encode() if isinstance(body, str) else bytes(body)
    headers = {name.lower(): value for name, value in prepared.headers.items()}
    is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    reply = respond(
        state,
        Request(
            str(prepared.method),
            unquote(url.path).removeprefix("/admin"),
            dict(parse_qsl(url.query, keep_blank_values=True)),
            dict(parse_qsl(body.decode(), keep_blank_values=True)) if is_form else {},
            body,
            headers,
        ),
    )
    answer = requests.Response()
    answer.status_code = reply.status
    answer.headers.update({"Content-Type": reply.content_type, **reply.headers})
    answer._content = reply.body.encode()
    answer._content_consumed = True
    answer.encoding = "utf-8"
    answer.url, answer.request = str(prepared.url), prepared
    return answer


@dataclass(frozen=True)
class Course:
    """What a task asks of a box if nothing fails: the places of the requests that matter."""

    writes: tuple[int, ...]
    first_read: int
    read_back: int | None
    sign_in: int | None
    sent: Counter[str]
    # Whether a box leaves something unpublished by itself, as it does with the policies of new certificates.
    unpublished: bool
    # All that the box holds in the end, declared or not.
    end: Mapping[str, Any]


class Trial:
    """A scenario and a kind of fault, on one box."""

    def __init__(self, box: Box, scenario: Scenario, kind: Kind, wire: Wire) -> None:
        self.box = box
        self.scenario = scenario
        self.kind = kind
        self.wire = wire
        self.clock = Clock()

    @property
    def can_be(self) -> bool:
        """Whether the box and the account can do what is tried."""
        names = list(VERSIONS)
        capable = names.index(self.box.state.capabilities.name) >= names.index(self.scenario.since)
        # A key alone can't change what it hangs on.
        by_key = self.kind.signs_in == "key" and self.scenario.name.startswith("own MFA")
        # A secret that the box makes is known only to the run, and dies with it.
        lost = self.kind.dies and self.scenario.name == "own MFA made"
        return capable and not by_key and not lost and (not self.kind.is_rival or bool(self.scenario.rival))

    def course(self) -> Course:
        """What is asked if nothing fails."""
        key = (self.box.state.capabilities.name, self.scenario.name, self.kind.signs_in)
        if key not in self.wire.courses:
            self.wire.courses[key] = self._course()
        return self.wire.courses[key]

    def _course(self) -> Course:
        self._begin()
        result = self._run()
        assert not result.get("failed"), (self.scenario.name, result)
        assert self.scenario.holds(self.box.state), self.scenario.name
        log = self.box.log
        writes = [place for place, entry in enumerate(log) if entry.is_write]
        signs_in = {"/login", "/me"}
        others = [place for place, entry in enumerate(log) if entry.path not in {*signs_in, "/logout"}]
        later = [place for place in others if place > writes[-1]]
        sign_ins = [place for place, entry in enumerate(log) if entry.path in signs_in]
        return Course(
            tuple(writes),
            others[0],
            later[0] if later else None,
            sign_ins[0] if sign_ins else None,
            Counter(log[place].path for place in writes),
            _is_unpublished(self.box.state),
            self._held(),
        )

    def run(self, place: int, course: Course) -> tuple[str, str]:
        """How it ends if the request at a place meets the fault, and what is wrong about it, if anything."""
        self._begin()
        before = self._held()
        at = At(place, self.kind.lasts)
        more = {"times": 10**6} if self.kind.lasts else {}
        rival = {"requests": self.scenario.rival} if self.kind.is_rival else {}
        fault = Fault(match=at, **self.kind.fault, **more, **rival)
        self.box.faults.append(fault)
        self.wire.hang = at if fault.kind == "hang" else None
        self.wire.death = at if self.kind.dies else None
        try:
            result = self._run(comes_back=fault.kind != "refuse")
        except DeathError:
            result = {"failed": True}
        self.wire.death = None
        assert at.left < 0, f"{self.scenario.name}: no request came at place {place}"
        wrong = self._sent_twice(course) or self._gone(before, course)
        self.wire.hang = None
        self.box.faults.clear()
        if fault.kind == "refuse":
            self.box.come_back()
        end = AT_ONCE
        reply = str(result.get("msg", ""))
        if result.get("failed"):
            end = NEXT_RUN
        if result.get("failed") and not self.kind.dies:
            wrong = wrong or self._untrue(reply, before, place, course)
        wrong = wrong or self._locked_out(result)
        self.box.finish()
        self.box.come_back()
        wrong = wrong or self._ends_right(result, course)
        if wrong:
            return LOST, f"{wrong}\n    {reply}"
        if _is_unpublished(self.box.state) and not course.unpublished:
            return UNPUBLISHED, f"the box doesn't publish what it holds\n    {reply}"
        return end, ""

    def _begin(self) -> None:
        # Each trial has a machine of its own.
        shutil.rmtree(os.environ["ANSIBLE_HOME"], ignore_errors=True)
        self.box.reset()
        self.box.reboot_seconds = 0
        state = self.box.state
        state.clock = self.clock.now
        self.scenario.set_up(state)
        if self.kind.signs_in == "code" and not state.users[ME].totp:
            own_scheme(state)
        self._known_secrets = {scheme.secret for scheme in state.users[ME].totp}
        self._sign_in = _credentials(state, self.kind.signs_in)

    def _run(self, comes_back: bool = True) -> dict[str, Any]:
        def wait(seconds: float) -> None:
            self.clock.sleep(seconds)
            if comes_back:
                self.box.come_back()

        options = {**self.scenario.options, **self._sign_in}
        return run_task(self.box, self.scenario.module, options, sleep=wait, now=self.clock.now)

    def _run_again(self) -> dict[str, Any]:
        """Another run a minute later, with credentials that are good now, and without the network that matters no more."""
        self.clock.sleep(60)
        state = self.box.state
        self._sign_in = _credentials(state, self.kind.signs_in)
        restart, state.on_reboot = state.on_reboot, None
        self.wire.state = state
        try:
            return self._run()
        finally:
            self.wire.state = None
            state.on_reboot = restart

    def _held(self) -> dict[str, Any]:
        return {key: value for key, value in copy.deepcopy(self.box.described()).items() if key != "sessions"}

    def _sent_twice(self, course: Course) -> str:
        """What was sent twice and must not be. A one-time code makes each request another one, so these are counted."""
        writes = [entry for entry in self.box.log if entry.is_write and entry.path not in HARMLESS]
        if not self.kind.fault.get("after"):
            # The box says that it failed at a write of users or aliases, and reading shows that it stored nothing.
            writes = [entry for entry in writes if not (entry.status == 500 and entry.path.startswith("/mail/"))]
        same = Counter((entry.method, entry.path, entry.content) for entry in writes)
        often = [f"{method} {path}" for (method, path, _content), number in same.items() if number > 1]
        codes = Counter(entry.path for entry in writes if entry.path.startswith("/mfa/"))
        often += [path for path, number in codes.items() if number > course.sent[path]]
        return f"sent twice: {', '.join(often)}" if often else ""

    def _gone(self, before: Mapping[str, Any], course: Course) -> str:
        """What nobody wants to change, and the box no longer holds: nobody may run the task again."""
        # That a restart is due comes and goes with the packages.
        end = {key: value for key, value in course.end.items() if key != "reboot_required"}
        gone = [] if self.kind.is_rival else list(_missing(before, end, self._held()))
        return f"the box doesn't hold any more: {gone}" if gone else ""

    def _untrue(self, reply: str, before: Mapping[str, Any], place: int, course: Course) -> str:
        """What is wrong about the message of a failure."""
        came_to_write = any(entry.is_write for entry in self.box.log)
        if not reply or "Traceback" in reply:
            return "no plain message"
        if came_to_write and not any(words in reply for words in STOCK):
            return "the message doesn't say what is done and what isn't"
        if UNCHANGED in reply and not self.kind.is_rival and _comparable(self._held()) != _comparable(before):
            return "the message says that nothing was changed"
        if WRITTEN in reply and not self.kind.is_rival and not self.scenario.holds(self.box.state):
            return "the message says that everything was written"
        return ""

    def _locked_out(self, result: Mapping[str, Any]) -> str:
        """Whether the caller has a second factor now whose secret nobody was told."""
        known = {
            self.scenario.options.get("secret"),
            *self._known_secrets,
            str(dict(result.get("mfa") or {}).get("secret")),
        }
        unknown = [scheme.label for scheme in self.box.state.users[ME].totp if scheme.secret not in known]
        return f"nobody knows the secret of {unknown}" if unknown else ""

    def _ends_right(self, result: Mapping[str, Any], course: Course) -> str:
        """What is wrong with the box in the end."""
        state = self.box.state
        if result.get("failed"):
            again = self._run_again()
            if again.get("failed"):
                return f"the next run fails: {again['msg']}"
        if not self.scenario.holds(state):
            return "the box doesn't hold what was declared"
        if not self.kind.is_rival and _comparable(self._held()) != _comparable(course.end):
            return f"the box holds something else than after a run without a fault: {self._held()}, not {course.end}"
        if self.scenario.settle_seconds:
            again = self._run_again()
            if again.get("failed") or again["changed"]:
                return f"another run finds something to do: {again.get('msg', again['calls'])}"
        return ""


def _credentials(state: State, signs_in: str) -> dict[str, Any]:
    """The options of a connection, good as the box is now."""
    user = state.users[ME]
    secret = user.totp[-1].secret if user.totp else None
    if signs_in != "key":
        return {"password": user.password, **({"totp_secret": secret} if secret else {})}
    header = "Basic " + base64.b64encode(f"{ME}:{user.password}".encode()).decode()
    code = totp_code(secret, state.clock()) if secret else ""
    asks = login if state.capabilities.sessions else me
    reply = asks(state, Request("POST", "/login", headers={"authorization": header, "x-auth-token": code})).json()
    return {"password": None, "api_key": reply["api_key"]}


def _comparable(held: Mapping[str, Any]) -> dict[str, Any]:
    """What a box holds, without what differs from run to run: certificates that it gets, and the order of lists."""
    sets = {"dns_records": lambda record: sorted(record.items()), "secondary_nameservers": str}
    return {
        **held,
        "certificates": len(held["certificates"]),
        **{key: sorted(held[key], key=order) for key, order in sets.items()},
        "aliases": {
            address: {key: sorted(value) if isinstance(value, list) else value for key, value in alias.items()}
            for address, alias in held["aliases"].items()
        },
    }


def _missing(before: Any, end: Any, now: Any, where: str = "") -> Iterator[str]:
    """What is there before a task and after it, and isn't there now."""
    if isinstance(before, dict) and isinstance(end, dict) and isinstance(now, dict):
        for key in before.keys() & end.keys():
            yield from _missing(before[key], end[key], now.get(key), f"{where} {key}".strip())
    elif isinstance(before, list) and isinstance(end, list) and isinstance(now, list):
        yield from (f"{where} {item}" for item in before if item in end and item not in now)
    elif before == end != now:
        yield f"{where} {before}"


def _is_unpublished(state: State) -> bool:
    """Whether there is something that the box holds, and doesn't show to the world."""
    looked_at = state.copy()
    try:
        return bool(update_dns(looked_at) or update_web(looked_at))
    except BrokenError:
        return True
