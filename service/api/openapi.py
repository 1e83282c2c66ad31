"""Prints the API's OpenAPI document: `python -m service.api.openapi > service/api/openapi.json`."""

from __future__ import annotations

import json
import sys

from indexer.settings import Settings


def main() -> None:
    """Writes the document to standard output."""
    from service.api import create_app

    json.dump(create_app(Settings(model="toy")).openapi(), sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
