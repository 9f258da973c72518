# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base class of actions that run on the controller only and send no requests to a box."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ..module_utils._values import secrets
from ..module_utils._values.errors import BoxError


class ControllerAction(ActionBase):
    """An action with options of its own, whose errors become the ``failure`` of its result.

    :cvar options: its argument spec.
    """

    options: ClassVar[Mapping[str, Any]]

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        validated = ArgumentSpecValidator(dict(self.options)).validate(dict(self._task.args))
        if validated.error_messages:
            raise AnsibleActionFail("; ".join(validated.error_messages))
        options: dict[str, Any] = validated.validated_parameters
        try:
            result = self.act(options, bool(self._task.check_mode))
        except BoxError as error:
            result = {"failed": True, "msg": error.message, "failure": error.as_failure(), **self.after(error)}
        masked: dict[str, Any] = secrets.masked({"changed": False, **result}, self.secrets(options))
        return masked

    def act(self, options: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        """Run the action and return the result."""
        raise NotImplementedError

    def after(self, error: BoxError) -> dict[str, Any]:
        """Additional keys of the result of a failed task."""
        return {}

    def secrets(self, options: Mapping[str, Any]) -> set[str]:
        """Values to mask in the result."""
        return set()
