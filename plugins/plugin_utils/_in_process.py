# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a task inside Ansible's worker process if its connection is local.

A module takes 300 ms to start, because Ansible packs it, starts a Python process and unpacks it there. The worker is
already a forked process of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.basic import FILE_COMMON_ARGUMENTS
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._box.https import HAS_REQUESTS, IdleConnections
from ..module_utils._engine.module import (
    CONNECTION_OPTIONS,
    argument_rules,
    perform,
    secrets,
    with_variables,
    without_secrets,
)
from ..module_utils._engine.task import Task
from ..module_utils._values.errors import BoxError, InvalidDeclaration, InvalidOption, Mistake
from . import _arguments, _origins
from ._progress import IS_WATCHED, ProgressLines, pace
from ._refused_logins import RefusedLogins

# A worker runs all items of a loop and then exits. They share one TLS handshake.
_IDLE: IdleConnections = {}
# They also share one rejection of the credentials.
_REFUSED = RefusedLogins()
# The variable of a playbook or role with the errors in its variable names, each as ``{where, why}``.
MISTAKES = "_miab_mistakes"
# The interval at which a worker that waits for a module checks whether Ansible is still running.
_WATCH_SECONDS = 0.5
_NULL = "it has no value, most likely because a variable is empty; to leave it out, remove it"


class InProcess(ActionBase):
    """An action that runs its module's task in the worker.

    :cvar definition: the task.
    """

    definition: ClassVar[Task]

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        # These arguments know the file and line where they were written. The copies below don't.
        given = self._task.args
        result = self._run(tmp, task_vars)
        commands = _origins.annotate(result, given, task_vars or {})
        if _origins.on_github():
            for command in commands:
                Display().display(command, stderr=True)
        return result

    def _run(self, tmp: str | None, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        # Ansible sends the arguments back with the result, so they are converted first.
        self._task.args = _plain(self._task.args)
        task = self.definition
        keeps_file = task.file_key is not None and self._task.args.get("path") is not None
        if keeps_file and self._task.async_val:
            raise AnsibleActionFail("path: an async task can't write a file. Remove path, or async.")
        try:
            self._check(task, task_vars or {})
        except BoxError as error:
            return {"failed": True, "msg": error.message, "failure": error.as_failure()}
        credentials = self._credentials()
        refused = _REFUSED.find(credentials)
        if refused is not None:
            return refused
        if self._can_run_here():
            with self._environment():
                result = self._run_here(task, task_vars)
        else:
            with _ending_with_ansible():
                result = self._execute_module(
                    module_name=self._task.action, task_vars=task_vars, wrap_async=self._task.async_val
                )
        _REFUSED.note(credentials, result)
        if keeps_file and not result.get("failed"):
            self._keep_file(task, result, task_vars)
        return result

    def _check(self, task: Task, task_vars: dict[str, Any]) -> None:
        """Reject wrong arguments before the task runs. For a declaration, report all errors together.

        :raises BoxError: without any value, because it isn't known yet which values are secret.
        """
        rules = argument_rules(task)
        if not task.many:
            _arguments.check(rules["argument_spec"], self._task.args)
            for name in self._null(task):
                raise InvalidOption(name, None, _NULL)
            return
        found = list(_arguments.find(rules["argument_spec"], self._task.args))
        # Errors in the names of variables, which the playbooks and the role box have found.
        variables = [Mistake(**one) for one in self._templar.template(task_vars.get(MISTAKES, []))]
        variables += [Mistake(name, _NULL) for name in self._null(task)]
        if found or variables:
            mistakes = _arguments.declaration(rules, self._task.args, found, task.planner.check)
            raise InvalidDeclaration([*variables, *mistakes])

    def _null(self, task: Task) -> list[str]:
        """The options that are null and must not be. Ansible would take them for options that were left out."""
        return [name for name in task.not_null if name in self._task.args and self._task.args[name] is None]

    def _credentials(self) -> Hashable:
        """The key of a login: the host that the task runs on and the connection options."""
        given = [str(self._task.args.get(name)) for name in CONNECTION_OPTIONS]
        return (self._play_context.remote_addr, str(self._task.environment), *given)

    def _can_run_here(self) -> bool:
        """Whether the task can run in the worker: on this machine and as this user."""
        return (
            self._connection.transport == "local"
            and not self._task.async_val
            and not self._connection.become
            # The Python for modules may have requests even if Ansible's own Python does not.
            and HAS_REQUESTS
        )

    def _run_here(self, task: Task, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Validate the options, run the task and mask secrets, like AnsibleModule does."""
        validated = ArgumentSpecValidator(**argument_rules(task)).validate(self._task.args)
        options = validated.validated_parameters
        if validated.error_messages:
            message = with_variables(validated.errors.msg)
            if isinstance(validated.errors[0], UnsupportedError):
                message = "Unsupported parameters for (%s) module: %s" % (self._task.action, message)
            result: dict[str, Any] = {"failed": True, "msg": message}
            if _shows_invocation(task_vars):
                # The options are invalid, so their secrets are not known for certain.
                result["invocation"] = {}
            return dict(without_secrets(result, validated._no_log_values))
        own = secrets(task, options, validated._no_log_values)
        progress = self._progress(task_vars or {}, own)
        result = perform(task, options, self._task.check_mode, own, progress, _IDLE, _is_orphan)
        if _shows_invocation(task_vars):
            result["invocation"] = {"module_args": options}
        # Ansible masks the output of a module, but not the result of an action plugin.
        masked: dict[str, Any] = without_secrets(result, own)
        return masked

    def _progress(self, task_vars: dict[str, Any], own: set[str]) -> ProgressLines:
        """Progress lines on standard error, because a program may read standard output."""
        host = task_vars.get("inventory_hostname", "localhost")
        hosts = task_vars.get("ansible_play_batch") or [host]
        together = min(len(hosts), task_vars.get("ansible_forks") or 1)
        position = hosts.index(host) % together if host in hosts else 0

        def show(line: str) -> None:
            Display().display(without_secrets(line, own), stderr=True, screen_only=True)

        # Some callbacks show the title of the task only after it has ended, so each line has a title of its own.
        title = "%s: [%s]" % (self._task.action.rpartition(".")[2], host)
        return ProgressLines(title, show, pace(IS_WATCHED, together, position), names=not self._task.no_log)

    def _keep_file(self, task: Task, result: dict[str, Any], task_vars: dict[str, Any] | None) -> None:
        """Write the file with Ansible's own action, which supports its file options, check mode and all connections."""
        asked = self._task.args
        names = {name for option, spec in FILE_COMMON_ARGUMENTS.items() for name in (option, *spec.get("aliases", ()))}
        copy = self._task.copy()
        copy.args = {name: asked[name] for name in names if name in asked}
        copy.args.update(dest=asked["path"], content=result[str(task.name)][task.file_key])
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.copy",
            task=copy,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        copied = action.run(task_vars=task_vars)
        result["changed"] = copied.get("changed", False)
        if copied.get("diff"):
            result["diff"] = copied["diff"]
        if copied.get("failed"):
            message = "path: %r: %s" % (asked["path"], copied.get("msg"))
            failure = {"code": "file", "message": message, "details": {"option": "path", "value": asked["path"]}}
            result.update(failed=True, msg=message, failure=failure)

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """The task's ``environment``, which Ansible sets for modules only."""
        extra: dict[str, str] = {}
        self._compute_environment_string(extra)
        before = dict(os.environ)
        os.environ.update({key: str(value) for key, value in extra.items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _is_orphan() -> bool:
    """Whether the ansible-playbook process that started this worker has ended."""
    parent = multiprocessing.parent_process()
    return parent is not None and os.getppid() != parent.pid


@contextmanager
def _ending_with_ansible() -> Iterator[None]:
    """End this worker if Ansible ends while the worker waits for a module. The module then notices that, too."""
    is_done = threading.Event()

    def watch() -> None:
        while not is_done.wait(_WATCH_SECONDS):
            if _is_orphan():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        is_done.set()


def _plain(value: Any) -> Any:
    """Options without Ansible's tags, which record where each text came from.

    Modules never see the tags, and copying, masking and sending them takes ten times as long as for the plain texts.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _shows_invocation(task_vars: dict[str, Any] | None) -> bool:
    """Whether Ansible includes the options of a module in its result. Releases before 2.21 always do."""
    try:
        return bool(constants.config.get_config_value("INJECT_INVOCATION", variables=task_vars or {}))
    except AnsibleError:
        return True
