# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A local Galaxy server with one artifact, so that ``ansible-galaxy`` can install it before it is published."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_file
from werkzeug.serving import make_server

COLLECTION = "/api/v3/collections/mailinabox/admin/"


def application(artifact: Path) -> Flask:
    """The part of Galaxy's API v3 that is needed to install a collection."""
    app = Flask(__name__)
    version = artifact.name.removesuffix(".tar.gz").rpartition("-")[2]
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()

    @app.get("/api/")
    def root() -> dict[str, Any]:
        return {"available_versions": {"v3": "v3/"}}

    @app.get(COLLECTION)
    def collection() -> dict[str, Any]:
        return {"namespace": "mailinabox", "name": "admin", "highest_version": {"version": version}}

    @app.get(COLLECTION + "versions/")
    def versions() -> dict[str, Any]:
        href = f"{COLLECTION}versions/{version}/"
        return {"meta": {"count": 1}, "links": {"next": None}, "data": [{"version": version, "href": href}]}

    @app.get(COLLECTION + "versions/<wanted>/")
    def details(wanted: str) -> dict[str, Any] | tuple[str, int]:
        if wanted != version:
            return "There is no such version.", 404
        return {
            "namespace": {"name": "mailinabox"},
            "collection": {"name": "admin"},
            "name": "admin",
            "version": version,
            "href": f"{COLLECTION}versions/{version}/",
            "download_url": f"/download/{artifact.name}",
            "artifact": {"filename": artifact.name, "sha256": digest, "size": artifact.stat().st_size},
            "metadata": {"dependencies": {}},
            "signatures": [],
        }

    @app.get(f"/download/{artifact.name}")
    def download() -> Response:
        return send_file(artifact.resolve(), mimetype="application/gzip")

    return app


@contextmanager
def serving(artifact: Path) -> Iterator[str]:
    """The URL of the server while it runs."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, application(artifact), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
