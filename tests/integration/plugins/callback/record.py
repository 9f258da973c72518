# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records every result for a test, and makes the box refuse writes while a task is in check mode."""

from __future__ import annotations

import json
import os
import ssl
import urllib.request
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: notification
short_description: Record results for tests
version_added: 1.0.0
description: Writes one JSON object a result to the file that MIAB_TEST_RECORD names.
requirements:
  - enabled in the configuration
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def _box(self, path: str, data: Any = None) -> Any:
        """What the box's door for tests answers."""
        request = urllib.request.Request(
            os.environ["MIAB_TEST_BOX"] + path,
            data=None if data is None else json.dumps(data).encode(),
            headers={"Content-Type": "application/json"},
        )
        context = ssl.create_default_context(cafile=os.environ["MIAB_TEST_CACERT"])
        with urllib.request.urlopen(request, context=context) as answer:
            return json.load(answer)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        if "MIAB_TEST_BOX" in os.environ:
            self._box("/test/read-only", {"on": bool(task.check_mode)})

    def _record(self, result: Any, failed: bool = False) -> None:
        # The attributes were renamed in ansible-core 2.20.
        host = getattr(result, "host", None) or result._host
        task = getattr(result, "task", None) or result._task
        reported = getattr(result, "result", None) or result._result
        entry = {"host": host.get_name(), "task": task.get_name(), "failed": failed, "result": reported}
        if "MIAB_TEST_BOX" in os.environ:
            entry["state"] = self._box("/test/state")
        with open(os.environ["MIAB_TEST_RECORD"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, default=str) + "\n")

    v2_runner_on_ok = v2_runner_on_skipped = _record

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._record(result, failed=True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._record(result, failed=True)
