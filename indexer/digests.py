"""The digests: pages written for this project about listed papers, used when the papers themselves can't be had."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from indexer.document import Extracted
from indexer.errors import BadSetting, NoText
from indexer.extract.markdown import read_markdown


def load(folder: Path) -> dict[str, Extracted]:
    """The digests in `folder`, by the address of what they are about; {} where there is no such folder.

    Raises `BadSetting` naming a page whose header can't be read.
    """
    import yaml

    found = {}
    for path in sorted(folder.glob("*.md")):
        try:
            _, header, body = path.read_text("utf-8").split("---\n", 2)
            fields = yaml.safe_load(header)
            text = read_markdown(
                re.sub(r"^\*A digest .*\*$", "", body, count=1, flags=re.MULTILINE)
            )  # said by its mark
            found[str(fields["address"])] = replace(
                text, title=str(fields["title"]), authors=tuple(map(str, fields.get("authors") or ())),
                date=str(fields.get("date") or ""),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, yaml.YAMLError, NoText) as error:
            raise BadSetting(f"The digest {path} can't be read: {error}.",
                             cure="Mend its header, or point PAPERPATH_DIGESTS elsewhere.") from None  # fmt: skip
    return found
