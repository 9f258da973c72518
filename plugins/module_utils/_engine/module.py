# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module door, which runs a task as an AnsibleModule, and the functions that it shares with the in-process door."""

from __future__ import annotations

import os
import select
import sys
import traceback
from functools import partial
from typing import Any, Callable, Iterable, Mapping

from ansible.module_utils.basic import FILE_COMMON_ARGUMENTS, AnsibleModule, env_fallback, missing_required_lib

from .._box.client import Client
from .._box.https import HAS_REQUESTS, IdleConnections
from .._box.interruption import Interruption
from .._values.secrets import by_length, in_url, masked, masked_as_given, without_words
from .._values.texts import printable
from .progress import Progress
from .task import Task, run


def _option(name: str, **spec: Any) -> dict[str, Any]:
    return {"fallback": (env_fallback, ["MIAB_" + name.upper()]), **spec}


CONNECTION_OPTIONS = {
    "host": _option("host", type="str", required=True),
    "username": _option("username", type="str", required=True),
    "password": _option("password", type="str", no_log=True),
    "api_key": _option("api_key", type="str", no_log=True),
    "totp_secret": _option("totp_secret", type="str", no_log=True),
    "ca_path": _option("ca_path", type="path"),
    "validate_certs": _option("validate_certs", type="bool", default=True),
    "timeout": _option("timeout", type="int", default=120),
    "unknown_box": _option("unknown_box", type="str", choices=["stop", "write"], default="stop"),
}


def argument_rules(task: Task) -> dict[str, Any]:
    """The keyword arguments for validating the options of a task, including ``argument_spec``."""
    rules = dict(task.rules)
    # With one of these options, the task sends no requests, so it needs no credentials.
    offline = [name for name in ("snapshot", "validate_only") if name in task.options]
    rules["required_one_of"] = [("password", "api_key", *offline), *rules.get("required_one_of", ())]
    files = FILE_COMMON_ARGUMENTS if task.file_key else {}
    return {"argument_spec": {**CONNECTION_OPTIONS, **files, **task.options}, **rules}


def with_variables(message: str) -> str:
    """Ansible's message about missing options, with the environment variables that can set them."""
    kind, _colon, names = message.partition(": ")
    if kind not in ("missing required arguments", "one of the following is required"):
        return message
    missing = [name for name in names.split(", ") if name in CONNECTION_OPTIONS]
    if not missing:
        return message
    variables = " or ".join("MIAB_" + name.upper() for name in missing)
    if kind == "missing required arguments":
        variables = variables.replace(" or ", " and ")
    return "%s. Set them as options of the task, in module_defaults, or as %s in the environment." % (
        message,
        variables,
    )


def secrets(task: Task, options: Mapping[str, Any], no_log_values: Iterable[Any]) -> set[str]:
    """The secrets in the options of a task, including those in options that are not meant for secrets.

    :param options: validated.
    :param no_log_values: the values that Ansible itself masks.
    """
    misplaced = [*in_url(options["host"]), options["username"].partition(":")[2]]
    return {str(value) for value in (*no_log_values, *misplaced, *task.secrets(options)) if value}


def without_secrets(value: Any, secrets: Iterable[Any]) -> Any:
    """A result, or a part of it, without unchanged secrets: long ones are removed anywhere, short ones as whole words."""
    long, short = by_length(map(str, secrets))
    return without_words(masked_as_given(value, long), short)


def perform(
    task: Task,
    options: Mapping[str, Any],
    check_mode: bool,
    secrets: Iterable[str],
    progress: Progress = lambda _step: None,
    idle: IdleConnections | None = None,
    is_abandoned: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """The result of a task with validated options.

    :param secrets: the secrets in the options. Here they are masked, in all their forms, only in messages that may repeat
        them, such as those of the box. The caller has to mask them in the rest of the result.
    :param idle: open connections of earlier tasks in this process.
    :param is_abandoned: returns whether nothing waits for the result any more.
    :raises Interrupted: if the run had to end early.
    """
    if not HAS_REQUESTS:
        return {"failed": True, "msg": missing_required_lib("requests")}
    try:
        with Interruption(is_abandoned) as interruption:
            connect = partial(Client, idle=idle, interruption=interruption, secrets=secrets)
            result = run(task, options, check_mode, connect, progress, secrets)
    except Exception as error:
        # Ansible would show the error without masking secrets.
        message = "This is a bug in mailinabox.admin. Please report it: %s: %s" % (type(error).__name__, error)
        result = {"failed": True, "msg": printable(message), "exception": traceback.format_exc()}
    failure = result.get("failure")
    if failure and failure["code"] == "authentication" and _is_misplaced_password(task, options):
        failure["message"] += _MISPLACED_PASSWORD
        result["msg"] += _MISPLACED_PASSWORD
    if failure and failure["code"] == "missing_library":
        details = failure["details"]
        result["msg"] = missing_required_lib(details["library"], reason=details["reason"])
    return dict(masked(result, secrets)) if result.get("failed") else result


_MISPLACED_PASSWORD = (
    " The option password is for the account that signs in, and it differs from MIAB_PASSWORD in the environment. To set"
    " the password of the declared user, use user_password."
)


def _is_misplaced_password(task: Task, options: Mapping[str, Any]) -> bool:
    """Whether the option ``password`` may be meant for the declared user, by mistake."""
    usual = os.environ.get("MIAB_PASSWORD")
    misses_one = "user_password" in task.options and not options["user_password"]
    return misses_one and bool(usual) and options["password"] not in (None, usual)


class _Module(AnsibleModule):
    """A module that masks all its secrets, also in the system log."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._is_valid = False
        super().__init__(supports_check_mode=True, **argument_rules(task))
        self._is_valid = True
        self.no_log_values: set[Any] = secrets(task, self.params, self.no_log_values)

    def _log_invocation(self) -> None:
        """Log the options without secrets. Ansible masks neither secrets in other options nor escaped forms."""
        given = self.params
        self.params: dict[str, Any] = masked(given, secrets(self._task, given, self.no_log_values))
        super()._log_invocation()
        self.params = given

    def hide_secrets(self, result: dict[str, Any]) -> dict[str, Any]:
        """Mask the secrets in the options, and return the result without them.

        Since ansible-core 2.22, Ansible masks nothing in the result of a module. Earlier releases also mask parts of words.
        """
        own, self.no_log_values = self.no_log_values, set()
        self.params = without_secrets(self.params, own)
        return dict(without_secrets(result, own))

    def fail_json(self, msg: str, **details: Any) -> None:
        if not self._is_valid:
            # The options are invalid, so their secrets are not known for certain: if an option is misspelt or has the
            # wrong type, Ansible masks none of them.
            details["invocation"] = {}
            self.no_log_values.update(
                str(self.params[name])
                for name, spec in CONNECTION_OPTIONS.items()
                if spec.get("no_log") and self.params.get(name)
            )
            msg = without_secrets(with_variables(msg), self.no_log_values)
        super().fail_json(msg, **details)


def _nobody_listens() -> bool:
    """Whether the process that reads the output of this module has ended: Ansible, or the SSH connection to it."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def run_module(task: Task) -> None:
    """Run a task as a module."""
    module = _Module(task)
    result = perform(task, module.params, module.check_mode, module.no_log_values, is_abandoned=_nobody_listens)
    result = module.hide_secrets(result)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
