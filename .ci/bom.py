"""Writes the bill of materials of what runs paperpath, as CycloneDX JSON: the same bytes from the same installation.

    .venv/bin/python .ci/bom.py CYCLONEDX-PY FILE

cyclonedx-py lists all of an environment; what only the tests need is left out here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from licences import HERE, closure, plain


def main(tool: str, file: Path) -> None:
    """Runs the tool on this environment and keeps what `paperpath` needs."""
    command = [tool, "environment", f"--pyproject={HERE / 'pyproject.toml'}", "--output-reproducible", "--validate",
               "--output-format=JSON", "--output-file=-", sys.executable]  # fmt: skip
    bill = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    needed = closure()
    bill["components"] = [one for one in bill["components"] if plain(one["name"]) in needed]
    kept = {one["bom-ref"] for one in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    bill["dependencies"] = [
        {**one, "dependsOn": on}
        if (on := [ref for ref in one.get("dependsOn", []) if ref in kept])
        else {"ref": one["ref"]}
        for one in bill["dependencies"]
        if one["ref"] in kept
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", "utf-8")
    print(f"bill of materials: {len(bill['components'])} distributions in {file}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
