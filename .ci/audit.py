"""Asks the OSV database whether a pinned version has a known vulnerability, with pip-audit.

    build/tools/bin/python .ci/audit.py [--osv-url URL]

Exit code 0: asked, and none is known. 1: some are, each with the versions that mend it. 3: not audited, for the reason
given; that nothing was found then means nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
# Vulnerabilities that don't reach paperpath: their id, and why.
IGNORED: dict[str, str] = {}


def main(more: Sequence[str], pins: Path = HERE / "constraints.txt") -> int:
    """Audits a file of pins; `more` goes to pip-audit."""
    command = [sys.executable, "-m", "pip_audit", f"--requirement={pins}", "--no-deps", "--disable-pip", "--format=json",
               "--vulnerability-service=osv", "--progress-spinner=off", "--timeout=20",
               *(f"--ignore-vuln={one}" for one in IGNORED), *more]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        asked = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):  # the service, or pip-audit itself, failed
        said = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        print(f"NOT AUDITED: the vulnerability service gave no answer ({said[:300]})", file=sys.stderr)
        return 3
    skipped = [one for one in asked if "skip_reason" in one]
    if not asked or skipped:
        what = ", ".join(f"{one['name']} ({one['skip_reason']})" for one in skipped) or f"{pins} pins nothing"
        print(f"NOT AUDITED: {what}", file=sys.stderr)
        return 3
    known = [(one, found) for one in asked for found in one["vulns"]]
    for one, found in known:
        mended = ", ".join(found["fix_versions"]) or "no version yet"
        print(f"{one['name']} {one['version']}: {found['id']}, mended in {mended}", file=sys.stderr)
    print(f"audit: {len(asked)} pins, {len(known)} known vulnerabilities")
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
