# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated GitHub and GitLab: the parts of their APIs that the pipelines in examples/ use."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-job"
OWN, FORK = 1, 2


@dataclass
class Artifact:
    """The files that a job has uploaded.

    :param head: the commit of the job.
    :param run: the ID of the workflow run or pipeline.
    :param job: the name of the job, by which GitLab finds artifacts.
    :param repository: the ID of the repository that contains the commit.
    """

    name: str
    head: str
    run: int
    files: dict[str, bytes]
    job: str = ""
    repository: int = OWN
    expired: bool = False

    def extract(self, folder: Path) -> None:
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    def archive(self) -> bytes:
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as archive:
            for name, content in self.files.items():
                archive.writestr(name, content)
        return written.getvalue()


@dataclass
class Forge:
    """A repository with its pull requests or merge requests.

    :ivar merges: for each merge commit of the main branch, the head and the number of the merged request.
    :ivar comments: the comments by the number of the request.
    :ivar refused: the paths of API calls without the token.
    """

    url: str = ""
    merges: dict[str, tuple[str, int]] = field(default_factory=dict)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def upload(self, name: str, head: str, folder: Path, job: str = "", below: str = "") -> Artifact:
        """Store the files of a folder as an artifact. The newest artifact with a name is found first."""
        files = {
            below + str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        made = Artifact(name, head, 100 + len(self.artifacts), files, job)
        # The API lists the latest first.
        self.artifacts.insert(0, made)
        return made

    def answer(self, method: str, path: str, query: dict[str, str], data: Any) -> Any:
        for pattern, handler in ROUTES.items():
            found = re.fullmatch(pattern, f"{method} {path}")
            if found:
                return handler(self, found, query, data)
        return None


def _page(rows: list[Any], query: dict[str, str]) -> list[Any]:
    page, size = int(query.get("page", "1")), int(query.get("per_page", "20"))
    return rows[(page - 1) * size : page * size]


def _comment(forge: Forge, number: int, data: Any) -> Any:
    rows = forge.comments.setdefault(number, [])
    rows.append({"id": 1000 * number + len(rows), "user": {"type": "Bot"}, "author": {"id": 7}, "body": data["body"]})
    return rows[-1]


def _edit(forge: Forge, comment: int, data: Any) -> Any:
    row = next(row for rows in forge.comments.values() for row in rows if row["id"] == comment)
    row["body"] = data["body"]
    return row


def _pulls(forge: Forge, sha: str) -> list[Any]:
    if sha not in forge.merges:
        return []
    head, number = forge.merges[sha]
    return [{"merge_commit_sha": sha, "number": number, "head": {"sha": head}}]


def _artifacts(forge: Forge, query: dict[str, str]) -> dict[str, Any]:
    rows = [
        {
            "name": one.name,
            "expired": one.expired,
            "workflow_run": {
                "id": one.run,
                "head_sha": one.head,
                "repository_id": OWN,
                "head_repository_id": one.repository,
            },
        }
        for one in forge.artifacts
        if one.name == query["name"]
    ]
    return {"total_count": len(rows), "artifacts": rows}


def _merge_requests(forge: Forge, sha: str) -> list[Any]:
    return [
        {
            "state": "merged",
            "iid": pull["number"],
            "sha": pull["head"]["sha"],
            "merge_commit_sha": sha,
            "squash_commit_sha": None,
        }
        for pull in _pulls(forge, sha)
    ]


def _pipelines(forge: Forge, number: int) -> list[Any]:
    heads = {head for head, own in forge.merges.values() if own == number}
    return [
        {"id": one.run, "sha": one.head, "project_id": one.repository} for one in forge.artifacts if one.head in heads
    ]


def _archive(forge: Forge, chosen: Callable[[Artifact], bool]) -> bytes | None:
    return next((one.archive() for one in forge.artifacts if chosen(one)), None)


_REPO, _PROJECT = r"/repos/company/mail", r"/projects/1"
ROUTES: dict[str, Callable[[Forge, re.Match[str], dict[str, str], Any], Any]] = {
    rf"GET {_REPO}/issues/(\d+)/comments": lambda forge, found, query, _data: _page(
        forge.comments.get(int(found[1]), []), query
    ),
    rf"POST {_REPO}/issues/(\d+)/comments": lambda forge, found, _query, data: _comment(forge, int(found[1]), data),
    rf"PATCH {_REPO}/issues/comments/(\d+)": lambda forge, found, _query, data: _edit(forge, int(found[1]), data),
    rf"GET {_REPO}/commits/(\w+)/pulls": lambda forge, found, _query, _data: _pulls(forge, found[1]),
    rf"GET {_REPO}/actions/artifacts": lambda forge, _found, query, _data: _artifacts(forge, query),
    r"GET /user": lambda _forge, _found, _query, _data: {"id": 7},
    rf"GET {_PROJECT}/merge_requests/(\d+)/notes": lambda forge, found, query, _data: _page(
        forge.comments.get(int(found[1]), []), query
    ),
    rf"POST {_PROJECT}/merge_requests/(\d+)/notes": lambda forge, found, _query, data: _comment(
        forge, int(found[1]), data
    ),
    rf"PUT {_PROJECT}/merge_requests/\d+/notes/(\d+)": lambda forge, found, _query, data: _edit(
        forge, int(found[1]), data
    ),
    rf"GET {_PROJECT}/repository/commits/(\w+)/merge_requests": lambda forge, found, _query, _data: _merge_requests(
        forge, found[1]
    ),
    rf"GET {_PROJECT}/merge_requests/(\d+)/pipelines": lambda forge, found, _query, _data: _pipelines(
        forge, int(found[1])
    ),
    rf"GET {_PROJECT}/pipelines/(\d+)/jobs": lambda forge, found, _query, _data: [
        {"id": one.run, "name": one.job} for one in forge.artifacts if one.run == int(found[1])
    ],
    rf"GET {_PROJECT}/jobs/(\d+)/artifacts": lambda forge, found, _query, _data: _archive(
        forge, lambda one: one.run == int(found[1])
    ),
    rf"GET {_PROJECT}/jobs/artifacts/main/download": lambda forge, _found, query, _data: _archive(
        forge, lambda one: one.job == query["job"]
    ),
}


def _handler(forge: Forge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            data = json.loads(self.rfile.read(length)) if length else None
            given = {
                self.headers.get("Authorization"),
                self.headers.get("PRIVATE-TOKEN"),
                self.headers.get("JOB-TOKEN"),
            }
            reply = forge.answer(self.command, parts.path, query, data)
            if not given & {TOKEN, f"Bearer {TOKEN}"}:
                forge.refused.append(self.path)
                reply = None
            content = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            self.send_response(404 if reply is None else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = _answer

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler


@contextmanager
def running() -> Iterator[Forge]:
    """Run a simulated forge on the loopback interface."""
    forge = Forge()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(forge)) as server:
        forge.url = "http://127.0.0.1:%d" % server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield forge
        finally:
            server.shutdown()
            thread.join()
