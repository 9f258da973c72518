# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run tasks directly against a box, without Ansible."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailinabox.admin.plugins.module_utils._box.client import Client
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.module import argument_rules
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import Task, run

from .box import Box

CONNECTION: dict[str, Any] = {
    "host": "box.example.com",
    "username": "me@box.example.com",
    "password": "adminpass123",
    "api_key": None,
    "totp_secret": None,
    "ca_path": None,
    "validate_certs": True,
    "timeout": 120,
    "unknown_box": "stop",
}
"""Validated connection options for a box that does not exist."""


class Clock:
    """A simulated clock, which advances only through sleep."""

    def __init__(self, start: float | None = None) -> None:
        self.time = time.time() if start is None else start
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def task(name: str) -> Task:
    """The task of a module."""
    found: Task = import_module("ansible_collections.mailinabox.admin.plugins.modules." + name).TASK
    return found


def connection(box: Box) -> dict[str, Any]:
    """The options of the connection to a box."""
    return {"host": box.url, "username": box.username, "password": box.password, "ca_path": box.cacert}


def validated(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Validated options with their defaults."""
    reported = ArgumentSpecValidator(**argument_rules(task(name))).validate(dict(options))
    assert not reported.error_messages, reported.error_messages
    parameters: dict[str, Any] = reported.validated_parameters
    return parameters


def run_task(
    box: Box,
    name: str,
    options: Mapping[str, Any],
    check_mode: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """The result of a task; options of the connection that are given go before those to the box."""
    given = validated(name, {**connection(box), **options})
    box.read_only = check_mode
    result = run(task(name), given, check_mode, lambda connection: Client(connection, sleep, now))
    box.read_only = False
    assert box.violations == [], "a write reached the box in check mode"
    return result
