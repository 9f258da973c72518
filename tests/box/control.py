# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control API for tests whose playbook runs in another process: JSON, without credentials.

POST /test/read-only {"on": true}
POST /test/reset
POST /test/prepare   the content of a state file, see prepare.py
POST /test/faults    [{"kind": "504", "match": "POST /mail/users/add", "times": 1, "after": true}], see faults.py
POST /test/finish    finish requests that no client waits for any longer
GET  /test/log       {"log": […], "violations": […], "failed_logins": 0}
GET  /test/state     the state: users, aliases, custom records and so on
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import flask

from .faults import Fault
from .prepare import prepare

if TYPE_CHECKING:
    from .server import Box


def control_door(box: Box) -> flask.Blueprint:
    door = flask.Blueprint("control", "box", url_prefix="/test")

    @door.post("/read-only")
    def read_only() -> flask.Response:
        box.read_only = bool(flask.request.get_json()["on"])
        return flask.jsonify(on=box.read_only)

    @door.post("/reset")
    def reset() -> flask.Response:
        box.reset()
        return flask.jsonify(status="ok")

    @door.post("/prepare")
    def fill() -> tuple[flask.Response, int]:
        try:
            prepare(box.state, flask.request.get_json())
        except ValueError as error:
            return flask.jsonify(status="error", reason=str(error)), 400
        return flask.jsonify(status="ok"), 200

    @door.post("/faults")
    def faults() -> flask.Response:
        box.faults[:] = [Fault(**fault) for fault in flask.request.get_json()]
        return flask.jsonify(faults=len(box.faults))

    @door.post("/finish")
    def finish() -> flask.Response:
        box.finish()
        return flask.jsonify(status="ok")

    @door.get("/log")
    def log() -> flask.Response:
        return flask.jsonify(
            log=[asdict(entry) for entry in box.log],
            violations=[asdict(entry) for entry in box.violations],
            failed_logins=len(box.failed_logins),
        )

    @door.get("/state")
    def state() -> flask.Response:
        return flask.jsonify(box.described())

    return door
