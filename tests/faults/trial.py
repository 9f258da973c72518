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

# The possible results of a trial.
SUCCEEDED, REPAIRED, LOST, UNPUBLISHED = "succeeded", "repaired by the next run", "lost", "unpublished"

# Requests that are safe to repeat: they only make the box publish its state.
HARMLESS = {"/dns/update", "/web/update"}
# The sentences about completed writes in the message of a failure.
UNCHANGED, WRITTEN, UNKNOWN = (
    "Nothing was changed.",
    "All changes were made before this error:",
    "Run the task again to make sure.",
)
SUMMARIES = (UNCHANGED, WRITTEN, UNKNOWN, "Run the task again to complete it.")

# The timeout of the client for a box that hangs, in seconds.
_CLIENT_TIMEOUT = 0.1
_ADAPTER = requests.adapters.HTTPAdapter.send


class DeathError(BaseException):
    """Simulates a crash of the process that runs a task. No code handles it, and nothing more is sent."""


class AtRequest:
    """Matches one request by its position, counted from 0, or all requests from there on."""

    def __init__(self, place: int, lasts: bool) -> None:
        self.left = place
        self._lasts = lasts

    def __call__(self, _request: Request) -> bool:
        self.left -= 1
        return self.left == -1 or (self._lasts and self.left < 0)


class Network:
    """Replaces the HTTP transport of the client, so that a trial can shorten a timeout, simulate a crash, or need no network.

    :ivar hang: the request at which the box hangs. It gets a short timeout.
    :ivar death: the request at which the process of the task crashes.
    :ivar state: the box that answers without a network; None to use the network.
    :ivar baselines: the requests of each task without a fault, by version, scenario and credentials.
    """

    def __init__(self) -> None:
        self.hang: AtRequest | None = None
        self.death: AtRequest | None = None
        self.state: State | None = None
        self.baselines: dict[tuple[str, str, str], Baseline] = {}

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
            timeout = _CLIENT_TIMEOUT
        answer = _ADAPTER(adapter, request, stream, timeout, *options, **more)
        self._die_if_due()
        return answer

    def _die_if_due(self) -> None:
        """Raise an error for each request after the crash: a crashed process sends nothing and gets no answers."""
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
class Baseline:
    """The requests of a task without a fault: the positions of the important ones, and the result."""

    writes: tuple[int, ...]
    first_read: int
    read_back: int | None
    sign_in: int | None
    sent: Counter[str]
    # Whether the box leaves something unpublished even without a fault, such as the MTA-STS policies of new certificates.
    unpublished: bool
    # The whole content of the box at the end, including undeclared objects.
    end: Mapping[str, Any]


class Trial:
    """A scenario and a kind of fault, on one box."""

    def __init__(self, box: Box, scenario: Scenario, kind: Kind, network: Network) -> None:
        self.box = box
        self.scenario = scenario
        self.kind = kind
        self.network = network
        self.clock = Clock()

    @property
    def is_possible(self) -> bool:
        """Whether the scenario works on this version, with these credentials and this fault."""
        names = list(VERSIONS)
        capable = names.index(self.box.state.capabilities.name) >= names.index(self.scenario.since)
        # Without a password, a task can't change the MFA of its own account.
        by_key = self.kind.signs_in == "key" and self.scenario.name.startswith("own MFA")
        # A secret that the box generates is known only to the run, so it is lost in a crash.
        lost = self.kind.dies and self.scenario.name == "own MFA made"
        return capable and not by_key and not lost and (not self.kind.is_rival or bool(self.scenario.rival))

    def baseline(self) -> Baseline:
        """The requests of the scenario without a fault. They are measured once."""
        key = (self.box.state.capabilities.name, self.scenario.name, self.kind.signs_in)
        if key not in self.network.baselines:
            self.network.baselines[key] = self._measure_baseline()
        return self.network.baselines[key]

    def _measure_baseline(self) -> Baseline:
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
        return Baseline(
            tuple(writes),
            others[0],
            later[0] if later else None,
            sign_ins[0] if sign_ins else None,
            Counter(log[place].path for place in writes),
            _is_unpublished(self.box.state),
            self._content(),
        )

    def run(self, place: int, baseline: Baseline) -> tuple[str, str]:
        """Run the scenario with the fault at one request. Return the result, and what is wrong; empty if nothing is."""
        self._begin()
        before = self._content()
        at = AtRequest(place, self.kind.lasts)
        more = {"times": 10**6} if self.kind.lasts else {}
        rival = {"requests": self.scenario.rival} if self.kind.is_rival else {}
        fault = Fault(match=at, **self.kind.fault, **more, **rival)
        self.box.faults.append(fault)
        self.network.hang = at if fault.kind == "hang" else None
        self.network.death = at if self.kind.dies else None
        try:
            result = self._run(box_returns=fault.kind != "refuse")
        except DeathError:
            result = {"failed": True}
        self.network.death = None
        assert at.left < 0, f"{self.scenario.name}: no request came at place {place}"
        wrong = self._sent_twice(baseline) or self._lost_values(before, baseline)
        self.network.hang = None
        self.box.faults.clear()
        if fault.kind == "refuse":
            self.box.come_back()
        end = SUCCEEDED
        reply = str(result.get("msg", ""))
        if result.get("failed"):
            end = REPAIRED
        if result.get("failed") and not self.kind.dies:
            wrong = wrong or self._wrong_message(reply, before, place, baseline)
        wrong = wrong or self._locked_out(result)
        self.box.finish()
        self.box.come_back()
        wrong = wrong or self._wrong_at_the_end(result, baseline)
        if wrong:
            return LOST, f"{wrong}\n    {reply}"
        if _is_unpublished(self.box.state) and not baseline.unpublished:
            return UNPUBLISHED, f"the box has unpublished changes\n    {reply}"
        return end, ""

    def _begin(self) -> None:
        # Each trial starts with an empty state folder, like a new machine.
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

    def _run(self, box_returns: bool = True) -> dict[str, Any]:
        def wait(seconds: float) -> None:
            self.clock.sleep(seconds)
            if box_returns:
                self.box.come_back()

        options = {**self.scenario.options, **self._sign_in}
        return run_task(self.box, self.scenario.module, options, sleep=wait, now=self.clock.now)

    def _run_again(self) -> dict[str, Any]:
        """Run the task again a minute later, with credentials that are valid then. This run needs no network."""
        self.clock.sleep(60)
        state = self.box.state
        self._sign_in = _credentials(state, self.kind.signs_in)
        restart, state.on_reboot = state.on_reboot, None
        self.network.state = state
        try:
            return self._run()
        finally:
            self.network.state = None
            state.on_reboot = restart

    def _content(self) -> dict[str, Any]:
        return {key: value for key, value in copy.deepcopy(self.box.described()).items() if key != "sessions"}

    def _sent_twice(self, baseline: Baseline) -> str:
        """The writes that were sent twice, although that is not safe. Requests with one-time codes all differ, so they are counted."""
        writes = [entry for entry in self.box.log if entry.is_write and entry.path not in HARMLESS]
        if not self.kind.fault.get("after"):
            # A write of users or aliases may be repeated after a 500 if reading has shown that nothing was stored.
            writes = [entry for entry in writes if not (entry.status == 500 and entry.path.startswith("/mail/"))]
        same = Counter((entry.method, entry.path, entry.content) for entry in writes)
        often = [f"{method} {path}" for (method, path, _content), number in same.items() if number > 1]
        codes = Counter(entry.path for entry in writes if entry.path.startswith("/mfa/"))
        often += [path for path, number in codes.items() if number > baseline.sent[path]]
        return f"sent twice: {', '.join(often)}" if often else ""

    def _lost_values(self, before: Mapping[str, Any], baseline: Baseline) -> str:
        """The values that neither the task nor the fault should change, but that are missing. The user may never run the task again."""
        # Upgrading packages changes whether a restart is required.
        end = {key: value for key, value in baseline.end.items() if key != "reboot_required"}
        gone = [] if self.kind.is_rival else list(_missing(before, end, self._content()))
        return f"the box has lost: {gone}" if gone else ""

    def _wrong_message(self, reply: str, before: Mapping[str, Any], place: int, baseline: Baseline) -> str:
        """What is wrong with the message of a failure; empty if nothing is."""
        came_to_write = any(entry.is_write for entry in self.box.log)
        if not reply or "Traceback" in reply:
            return "no plain message"
        if came_to_write and not any(words in reply for words in SUMMARIES):
            return "the message doesn't say which calls succeeded"
        if UNCHANGED in reply and not self.kind.is_rival and _comparable(self._content()) != _comparable(before):
            return "the message says that nothing was changed"
        if WRITTEN in reply and not self.kind.is_rival and not self.scenario.holds(self.box.state):
            return "the message says that everything was written"
        return ""

    def _locked_out(self, result: Mapping[str, Any]) -> str:
        """An error if the account has an MFA secret that the user doesn't know; otherwise empty."""
        known = {
            self.scenario.options.get("secret"),
            *self._known_secrets,
            str(dict(result.get("mfa") or {}).get("secret")),
        }
        unknown = [scheme.label for scheme in self.box.state.users[ME].totp if scheme.secret not in known]
        return f"the user does not know the secret of {unknown}" if unknown else ""

    def _wrong_at_the_end(self, result: Mapping[str, Any], baseline: Baseline) -> str:
        """What is wrong with the box after the next run; empty if nothing is."""
        state = self.box.state
        if result.get("failed"):
            again = self._run_again()
            if again.get("failed"):
                return f"the next run fails: {again['msg']}"
        if not self.scenario.holds(state):
            return "the box doesn't match the declaration"
        if not self.kind.is_rival and _comparable(self._content()) != _comparable(baseline.end):
            return f"the box differs from the result without a fault: {self._content()}, not {baseline.end}"
        if self.scenario.settle_seconds:
            again = self._run_again()
            if again.get("failed") or again["changed"]:
                return f"another run reports a change: {again.get('msg', again['calls'])}"
        return ""


def _credentials(state: State, signs_in: str) -> dict[str, Any]:
    """The connection options that are valid for the current state of the box."""
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
    """The content of a box without what differs between runs: obtained certificates, and the order of lists."""
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
    """The values that exist before and after a task without a fault, but not now."""
    if isinstance(before, dict) and isinstance(end, dict) and isinstance(now, dict):
        for key in before.keys() & end.keys():
            yield from _missing(before[key], end[key], now.get(key), f"{where} {key}".strip())
    elif isinstance(before, list) and isinstance(end, list) and isinstance(now, list):
        yield from (f"{where} {item}" for item in before if item in end and item not in now)
    elif before == end != now:
        yield f"{where} {before}"


def _is_unpublished(state: State) -> bool:
    """Whether the box has stored changes that it has not published."""
    looked_at = state.copy()
    try:
        return bool(update_dns(looked_at) or update_web(looked_at))
    except BrokenError:
        return True
