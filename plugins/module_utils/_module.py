# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module door: a task run by AnsibleModule; and what it shares with the in-process door."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.module_utils.basic import FILE_COMMON_ARGUMENTS, AnsibleModule, env_fallback, missing_required_lib

from ._http import HAS_REQUESTS
from ._task import Progress, Task, run


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
}


def argument_rules(task: Task) -> dict[str, Any]:
    """The keyword arguments, ``argument_spec`` among them, by which Ansible validates a task's options."""
    rules = dict(task.rules)
    rules["required_one_of"] = [("password", "api_key"), *rules.get("required_one_of", ())]
    files = FILE_COMMON_ARGUMENTS if task.keeps else {}
    return {"argument_spec": {**CONNECTION_OPTIONS, **files, **task.options}, **rules}


def perform(
    task: Task, options: Mapping[str, Any], check_mode: bool, progress: Progress = lambda _step: None
) -> dict[str, Any]:
    """The result of a task with validated options; secrets are not yet masked in it."""
    if not HAS_REQUESTS:
        return {"failed": True, "msg": missing_required_lib("requests")}
    result = run(task, options, check_mode, progress=progress)
    failure = result.get("failure")
    if failure and failure["code"] == "missing_library":
        details = failure["details"]
        result["msg"] = missing_required_lib(details["library"], reason=details["reason"])
    return result


def run_module(task: Task) -> None:
    """Run a task as a module."""
    module = AnsibleModule(supports_check_mode=True, **argument_rules(task))
    module.no_log_values.update(task.secrets(module.params))
    result = perform(task, module.params, module.check_mode)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
