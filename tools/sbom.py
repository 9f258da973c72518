# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a CycloneDX SBOM of the Python packages that an execution environment needs for this collection."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml
from checkout import CACHE, ROOT, environment

FOLDER = CACHE / "sbom"
REQUIREMENTS = ROOT / "meta" / "ee-requirements.txt"


def run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, env=environment(), check=True)


def installed() -> Path:
    """Create a virtual environment with exactly the packages of the execution environment."""
    run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(FOLDER))
    python = FOLDER / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--requirement", str(REQUIREMENTS))
    return python


def main() -> None:
    about = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    target = CACHE / "artifact" / f"mailinabox-admin-{about['version']}.cdx.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    run("cyclonedx-py", "environment", "--output-reproducible", "--output-file", str(target), str(installed()))
    bom = json.loads(target.read_text(encoding="utf-8"))
    bom["metadata"]["component"] = {
        "type": "application",
        "bom-ref": "mailinabox.admin",
        "name": "mailinabox.admin",
        "version": about["version"],
        "licenses": [{"license": {"id": about["license"][0]}}],
        "externalReferences": [{"type": "vcs", "url": about["repository"]}],
    }
    target.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {len(bom['components'])} packages")


if __name__ == "__main__":
    main()
