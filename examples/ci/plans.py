"""Helper for the pipelines: write the comment with the plan, and find the plan of a merged request.

usage:
  plans.py comment FILE      show FILE as the comment of the request; later calls update that comment
  plans.py find              GitHub: write which artifact has the plan of the merged request, and the run that made it
  plans.py fetch FOLDER      GitLab: download the plan of the merged request to FOLDER
  plans.py snapshots FOLDER  download the latest snapshots of the boxes to FOLDER (on GitHub: find them, as above)
  plans.py without-vault     delete the encrypted variable files, for jobs that have no password for them

It needs only Python's standard library, and the environment variables that GitHub and GitLab set.
"""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

# The first line of the comment. Later runs find the comment by it.
MARK = "<!-- mailinabox.admin: plan -->"
# GitHub accepts comments of up to 65536 characters.
LONGEST = 60000
# Names of the artifacts.
PLAN, SNAPSHOTS = "plan-%s", "snapshots"
NO_PLAN = (
    "There is no plan for %s, so nothing is applied. Make a plan of the main branch, have it reviewed, and apply it by its"
    " digest: docs/pull-requests.md says how."
)

ON_GITHUB = os.environ.get("GITHUB_ACTIONS") == "true"


def call(path: str, method: str = "GET", data: Any = None) -> bytes:
    """Send a request to the API of GitHub or GitLab."""
    if ON_GITHUB:
        url = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}"
        headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
    else:
        url = f"{os.environ['CI_API_V4_URL']}/{path}"
        token = os.environ.get("GITLAB_TOKEN")
        headers = {"PRIVATE-TOKEN": token} if token else {"JOB-TOKEN": os.environ["CI_JOB_TOKEN"]}
    body = None if data is None else json.dumps(data).encode()
    request = Request(url, body, {**headers, "Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=60) as answer:
            return bytes(answer.read())
    except HTTPError as error:
        sys.exit(f"{method} {url}: HTTP {error.code}")


def ask(path: str, **query: Any) -> Any:
    return json.loads(call(f"{path}?{urlencode(query)}" if query else path))


def ask_all(path: str) -> list[Any]:
    """Return the entries of all pages of a list."""
    found: list[Any] = []
    for page in range(1, 100):
        rows = ask(path, per_page=100, page=page)
        found += rows
        if len(rows) < 100:
            break
    return found


def comment(file: str) -> None:
    text = Path(file).read_text(encoding="utf-8")
    if len(text) > LONGEST:
        text = text[:LONGEST] + "\n\n(The rest doesn't fit here. The artifact of this run has the whole plan.)\n"
    body = f"{MARK}\n{text}"
    if ON_GITHUB:
        listed, edited, method = f"issues/{os.environ['NUMBER']}/comments", "issues/comments/%s", "PATCH"
        # Check the author, too: anyone can write a comment that begins with the mark.
        own = [one for one in ask_all(listed) if one["user"]["type"] == "Bot" and one["body"].startswith(MARK)]
    else:
        listed = f"projects/{os.environ['CI_PROJECT_ID']}/merge_requests/{os.environ['CI_MERGE_REQUEST_IID']}/notes"
        edited, method = listed + "/%s", "PUT"
        me = ask("user")["id"]
        own = [one for one in ask_all(listed) if one["author"]["id"] == me and one["body"].startswith(MARK)]
    if own:
        call(edited % own[0]["id"], method, {"body": body})
    else:
        call(listed, "POST", {"body": body})


def find() -> None:
    sha = os.environ["GITHUB_SHA"]
    merged = [pull for pull in ask(f"commits/{sha}/pulls") if pull["merge_commit_sha"] == sha]
    if not merged:
        sys.exit(NO_PLAN % f"the commit {sha}, because it was not merged from a pull request")
    head = merged[0]["head"]["sha"]
    write_artifact(PLAN % head, head)


def write_artifact(name: str, head: str | None = None) -> None:
    """Write the name of an artifact, and the ID of the run that made it, for the next step. Runs of forks are ignored."""
    own = [
        found["workflow_run"]
        for found in ask("actions/artifacts", name=name, per_page=100)["artifacts"]
        if not found["expired"]
        and found["workflow_run"]["head_repository_id"] == found["workflow_run"]["repository_id"]
        and head in (None, found["workflow_run"]["head_sha"])
    ]
    if not own:
        sys.exit(NO_PLAN % f"the commit {head}" if head else "There are no snapshots yet. The nightly job makes them.")
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as output:
        output.write(f"name={name}\nrun={own[0]['id']}\n")


def fetch(folder: str) -> None:
    own, sha = os.environ["CI_PROJECT_ID"], os.environ["CI_COMMIT_SHA"]
    project = f"projects/{own}"
    merged = [
        request
        for request in ask(f"{project}/repository/commits/{sha}/merge_requests")
        if request["state"] == "merged"
        and sha in (request["merge_commit_sha"], request["squash_commit_sha"], request["sha"])
    ]
    if not merged:
        sys.exit(NO_PLAN % f"the commit {sha}, because it was not merged from a merge request")
    head = merged[0]["sha"]
    pipelines = ask(f"{project}/merge_requests/{merged[0]['iid']}/pipelines")
    # Pipelines of a fork belong to another project.
    for pipeline in pipelines:
        if pipeline["sha"] == head and str(pipeline["project_id"]) == own:
            for job in ask(f"{project}/pipelines/{pipeline['id']}/jobs"):
                if job["name"] == "plan":
                    unpack(call(f"{project}/jobs/{job['id']}/artifacts"), Path(folder), "plan/")
                    return
    sys.exit(NO_PLAN % f"the commit {head}")


def snapshots(folder: str) -> None:
    if ON_GITHUB:
        write_artifact(SNAPSHOTS)
        return
    project, branch = os.environ["CI_MERGE_REQUEST_PROJECT_ID"], os.environ["CI_DEFAULT_BRANCH"]
    archive = call(f"projects/{project}/jobs/artifacts/{quote(branch, safe='')}/download?job=nightly")
    unpack(archive, Path(folder), "snapshots/")


def unpack(archive: bytes, folder: Path, below: str) -> None:
    """Extract the files in a folder of an archive, without subfolders."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        for name in files.namelist():
            if name.startswith(below) and name != below:
                (folder / Path(name).name).write_bytes(files.read(name))


def without_vault() -> None:
    for folder in ("group_vars", "host_vars"):
        for path in Path(folder).rglob("*"):
            if path.is_file() and path.read_bytes().startswith(b"$ANSIBLE_VAULT;"):
                path.unlink()


def main() -> None:
    commands = {
        "comment": comment,
        "find": find,
        "fetch": fetch,
        "snapshots": snapshots,
        "without-vault": without_vault,
    }
    name, *arguments = sys.argv[1:] or ["help"]
    if name not in commands:
        sys.exit(__doc__)
    commands[name](*arguments)


if __name__ == "__main__":
    main()
