# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of one box: it answers questions and sends calls."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from typing import AbstractSet, Any, Callable, Iterable

from .._model import forks
from .._model.plan import (
    BoxQuestion,
    Call,
    CurrentTime,
    LogIn,
    LogOut,
    Outage,
    PasswordProof,
    Read,
    ServedCertificate,
    Wait,
)
from .._values.errors import TimedOut, UnexpectedStatus
from .clock import Clock
from .connection import Connection
from .https import Http, IdleConnections
from .interruption import Interruption
from .login_limit import LoginLimit
from .sign_in import SignIn

# The delays between checks whether a box is back. The last one is repeated.
_POLL_SECONDS = (0.25, 0.5, 1.0, 2.0, 5.0)
_POLL_TIMEOUT = 10.0


class Client:
    """A signed-in client of one box. Use it as a context manager, so that it always signs out.

    :param sleep: waits for a number of seconds.
    :param now: returns the time in seconds since 1970, for one-time codes.
    :param idle: open connections of earlier clients. This client reuses one, and returns its connection at the end.
    :param secrets: more secrets that the box may repeat, besides those of the connection and of calls.
    :param interruption: detects that the run has to end early.

    :ivar marks: parts of answers that upstream does not have.
    """

    def __init__(
        self,
        connection: Connection,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        idle: IdleConnections | None = None,
        interruption: Interruption | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self.connection = connection
        self.marks: set[forks.Mark] = set()
        self._interruption = interruption or Interruption()
        self._clock = clock = Clock(sleep, now)
        self._limit = LoginLimit(
            connection.url, partial(clock.wait, "the box bans an address after too many failed logins"), clock.now
        )
        self._http = Http(connection, partial(clock.wait, "the box didn't answer"), self._limit, idle, secrets, now)
        self._sign_in = SignIn(connection, self._http, self._limit, clock, self._interruption)

    @property
    def on_wait(self) -> Callable[[float, str], None]:
        """Called before each wait with the number of seconds and the reason, as a clause after "because"."""
        return self._clock.on_wait

    @on_wait.setter
    def on_wait(self, report: Callable[[float, str], None]) -> None:
        self._clock.on_wait = report

    def now(self) -> float:
        """The time in seconds since 1970, on this machine."""
        return self._clock.now()

    @property
    def reads(self) -> int:
        """The number of requests that change nothing."""
        return self._http.reads

    @property
    def writes(self) -> int:
        """The number of requests that may change something."""
        return self._http.writes

    @property
    def keys(self) -> AbstractSet[str]:
        """The API keys that the box returned for a password."""
        return self._sign_in.keys

    @property
    def warnings(self) -> list[str]:
        """Warnings about the connection."""
        found = [self._limit.warning] if self._limit.warning else []
        if self.connection.verify is False:
            found.append(
                "validate_certs is false: the task can't tell whether it talks to the box. Another server could read the"
                " password and change every answer."
            )
        return found

    @property
    def box(self) -> forks.Box:
        """The kind of the box, as far as its answers have shown it."""
        return replace(forks.recognize(self.marks), clock_offset=self._http.clock_offset)

    @property
    def signed_out(self) -> bool:
        """Whether the API key became invalid during the run, and there is no password to sign in again."""
        return self._sign_in.signed_out

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        try:
            with self._interruption.defer_signals():
                self._sign_in.sign_out()
        finally:
            self._http.close()

    def ask(self, question: BoxQuestion) -> Any:
        """Answer a question.

        :raises BoxError: if the box can't be reached, rejects the credentials, or sends an unexpected answer.
        """
        if isinstance(question, CurrentTime):
            return self._clock.now()
        if isinstance(question, ServedCertificate):
            return self._http.served(question.domain)
        if isinstance(question, LogIn):
            return self._sign_in.begin_session()
        if isinstance(question, LogOut):
            return self._sign_in.end_session()
        if isinstance(question, PasswordProof):
            return self._sign_in.proves(question)
        return self._ask_box(question)

    def _ask_box(self, question: Read[Any]) -> Any:
        try:
            answer = self._sign_in.read(question)
        except UnexpectedStatus as error:
            if error.box_failed and question.hint:
                error.message += " " + question.hint
            raise
        content = answer.json() if question.json else answer.text
        value = question.parse(content)
        self.marks |= forks.marks(question.name, content)
        return value

    def send(self, call: Call) -> str:
        """Send a write once, and return the text of the answer.

        :raises OutcomeUnknown: if the box may have stored the change anyway.
        :raises BoxError: if the box has certainly not stored it.
        :raises Interrupted: if the run has to end; nothing was sent.
        """
        self._interruption.check()
        return self._sign_in.send(call)

    def wait_for(self, wait: Wait) -> None:
        """Poll until the precondition of a call is met.

        :raises TimedOut: if it is not met in time.
        """
        end = self._clock.now() + wait.seconds
        delays = chain(_POLL_SECONDS, repeat(_POLL_SECONDS[-1]))
        while not self.ask(wait.over):
            left = end - self._clock.now()
            if left <= 0:
                raise TimedOut(
                    "%s: waited %g s without success for %s" % (wait.option, wait.seconds, wait.what),
                    option=wait.option,
                    value=wait.seconds,
                )
            self._clock.wait("the call needs " + wait.what, min(left, next(delays)))

    def pause(self, seconds: float) -> None:
        """Give the box time to show what was written."""
        self._clock.pause(seconds)

    def wait_for_turn(self, seconds: float) -> None:
        """Wait while another run changes the box.

        :raises Interrupted: if the run has to end.
        """
        self._interruption.check()
        self._clock.wait("another run on this machine is changing the same box", seconds)

    def wait_for_restart(self, outage: Outage) -> None:
        """Wait until the box is back, and sign in again with the password if the session has ended.

        :raises TimedOut: if the box is not back in time.
        """
        end = self._clock.now() + outage.seconds
        delays = chain(_POLL_SECONDS, repeat(_POLL_SECONDS[-1]))
        why = "the box isn't back yet"
        self._clock.wait(why, next(delays))
        while not self._sign_in.is_over(outage.over, _POLL_TIMEOUT):
            if self._clock.now() >= end:
                raise TimedOut(
                    "%s: the box is not back after %g s. It may still be restarting: check the box, or increase the limit."
                    % (outage.option, outage.seconds),
                    option=outage.option,
                    value=outage.seconds,
                )
            self._clock.wait(why, next(delays))
