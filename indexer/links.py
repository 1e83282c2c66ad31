"""Links: the one address that all spellings of a link share, and what kind of thing stands behind it."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from urllib.parse import unquote, urlsplit, urlunsplit

from indexer import arxiv

_DOI = re.compile(r"10\.\d{4,9}/\S+")
_PORTS = {"http": 80, "https": 443}


class Kind(IntEnum):
    """What a link leads to, the best thing to read first."""

    ARXIV = 0
    PAPER = 1
    PAGE = 2
    CODE = 3


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# A host stands for all below it too.
_PAPERS = _set(
    """aaai.org aclanthology.org aclweb.org acm.org aimsciences.org ams.org annualreviews.org arxiv.org/abs biorxiv.org
    cell.com citeseerx.ist.psu.edu computer.org cv-foundation.org doi.org ecva.net elifesciences.org eprint.iacr.org
    hal.science ieee.org ijcai.org inria.fr isca-speech.org jmlr.org jstor.org jair.org mdpi.com medrxiv.org
    microsoft.com/en-us/research/publication mlr.press mlsys.org nature.com ncbi.nlm.nih.gov neurips.cc
    openaccess.thecvf.com openreview.net osf.io oup.com papers.nips.cc papers.ssrn.com plos.org pnas.org
    proceedings.com pubmed.ncbi.nlm.nih.gov quantum-journal.org research.google/pubs researchgate.net/publication
    robotics.sagepub.com roboticsproceedings.org royalsocietypublishing.org sagepub.com science.org sciencedirect.com
    semanticscholar.org siam.org springer.com tandfonline.com transacl.org usenix.org vldb.org wiley.com
    worldscientific.com zenodo.org"""
)
_CODE = _set(
    """bilibili.com bitbucket.org bsky.app codeberg.org colab.research.google.com discord.com discord.gg facebook.com
    gist.github.com github.com gitlab.com hf.co huggingface.co instagram.com kaggle.com linkedin.com mastodon.social
    modelscope.cn paperswithcode.com reddit.com slideshare.net sourceforge.net t.co t.me threads.net
    tiktok.com twitter.com vimeo.com x.com youtu.be youtube.com"""
)
_WITH_PATH = frozenset(known for known in _PAPERS if "/" in known)
_BADGES = _set(
    """awesome.re badge.fury.io badgen.net buymeacoffee.com contrib.rocks codecov.io creativecommons.org img.shields.io
    ko-fi.com opensource.org patreon.com shields.io star-history.com travis-ci.org"""
)
_KEEPING = re.compile(  # a repository's own housekeeping: nobody's reading
    r"/[^/]+/[^/]+/(?:pulls?|issues|fork|stargazers|watchers|graphs/contributors|discussions|actions\b.*"
    r"|issues/new.*|(?:blob|tree)/[^/]+/(?:\.github/)?(?:CONTRIBUTING|LICENSE|CODE_OF_CONDUCT)[^/]*)/?",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def address(link: str) -> tuple[str, int | None] | None:
    """What a link is called here: `arxiv:ID`, `doi:10.…` or the URL in its normal form, and the arXiv version it names.

    None if it is neither a DOI nor an http(s) URL.
    """
    link = link.strip()
    if identifier := arxiv.parse(link) or arxiv.parse(unquote(link)):
        return f"arxiv:{identifier.id}", identifier.version
    if found := doi(link):
        return f"doi:{found}", None
    return (url, None) if (url := normal_url(link)) else None


def doi(link: str) -> str | None:
    """The DOI that a link is (`10.…`, `doi:10.…`, a doi.org URL), in lower case; None if it is none."""
    bare = re.sub(r"^(?:https?://(?:www\.|dx\.)?doi\.org/|doi:?\s*)+", "", link.strip(), flags=re.IGNORECASE)
    if bare is link and not link.startswith("10."):
        return None
    bare = unquote(bare).partition("#")[0].partition("?")[0].strip()
    return bare.lower() if _DOI.fullmatch(bare) else None


def normal_url(link: str) -> str | None:
    """An http(s) URL with scheme and host in lower case, without default port and fragment; None if it is none."""
    try:
        parts = urlsplit(link)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host or re.search(r"\s", link):
        return None
    user = parts.netloc.rpartition("@")[0]
    host = f"[{host}]" if "[" in parts.netloc else host
    netloc = (f"{user}@" if user else "") + host + (f":{port}" if port not in (None, _PORTS[parts.scheme]) else "")
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))


@lru_cache(maxsize=4096)
def kind(link: str) -> Kind:
    """What stands behind a link, as far as its address tells."""
    found = address(link)
    if found is None or not found[0].startswith("http"):
        return Kind.ARXIV if found and found[0].startswith("arxiv:") else Kind.PAPER
    parts = urlsplit(found[0])
    path = unquote(parts.path).lower()
    if path.endswith(".pdf") or "/pdf/" in path or _among(_PAPERS, parts.hostname or "", path):
        return Kind.PAPER
    return Kind.CODE if _among(_CODE, parts.hostname or "", path) else Kind.PAGE


@lru_cache(maxsize=4096)
def is_furniture(link: str) -> bool:
    """Whether a link is a page's furniture (a badge, a licence, a repository's issues) and nobody's reading."""
    parts = urlsplit(link)
    host = parts.hostname or ""
    return _among(_BADGES, host, "") or (_among(_CODE, host, "") and bool(_KEEPING.fullmatch(parts.path)))


def _among(hosts: frozenset[str], host: str, path: str) -> bool:
    labels = host.split(".")
    names = [".".join(labels[i:]) for i in range(len(labels))]
    return any(name in hosts for name in names) or any(
        path.startswith("/" + known.partition("/")[2]) and known.partition("/")[0] in names
        for known in hosts & _WITH_PATH
    )
