"""What the text of a link says of the link and not of the paper it leads to: "pdf", "[code]", "NeurIPS", "here"."""

from __future__ import annotations

import re
from functools import lru_cache

from indexer import arxiv, links


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What the text of a link says of the link and not of the paper. Only together with one of `_LABELS` do `_FILLING` and
# `FRAMEWORKS` ("official PyTorch code") make a label.
_LABELS = _set(
    """about abs abstract alphaxiv amazon appendix ar5iv article arxiv bib bibtex biorxiv blog blogpost book chinese
    citation code codebase colab data dataset datasets demo docs documentation doi download ebook english epub
    fulltext git github gitlab here hf home homepage html huggingface implementation japanese journal kaggle
    korean landing link links manuscript medium mirror notebook openreview page paper papers pdf podcast post
    poster preprint presentation press program project ps publication read readme recording repo report
    repository review scholar site slide slides slideshare source summary supp supplement supplemental
    supplementary talk thread tldr tutorial tweet twitter url video web webpage website wiki youtube zhihu 中文
    主页 代码 博客 原文 地址 日本語 论文 链接 项目"""
)
_FILLING = _set(
    """a also an and author authors camera cf check cn coming conference en extended for from full in long new of
    official on online open or original our ready see short soon text the their this to v v1 v2 v3 version via
    with workshop x"""
)
FRAMEWORKS = frozenset(("caffe", "jax", "keras", "mxnet", "pytorch", "tensorflow", "tf", "torch"))
_VENUES = _set(
    """aaai acl acm aclanthology aistats asplos atc cacm chi cikm colm colt computer conll corl crypto csur cvf cvpr dac
    date dlacm eacl eccv elsevier emnlp eurosys fast fgcs hotnets hpca hpdc iccv iclr icml icpp icra ics ieee ijcai
    ijcv infocom interspeech ipdps isca iros jair jmlr kdd mdpi micro middleware mlr mlsys mobicom naacl nature ndss
    neurips nips nsdi openreview osdi pact plos pmlr pnas podc ppopp pvldb recsys rss sc science sciencedirect
    sigcomm sigir sigmod sigmetrics siam socc sosp spaa springer sysml taco tmlr tacl tkde tnnls tpami tpds uai
    usenix vldb wacv wiley workshop www"""
)
# Beside the paper, whatever the file: never the entry's own address while there is another.
SIDE = _set(
    """appendix bib bibtex citation code codebase colab data dataset datasets demo git github gitlab hf huggingface
    implementation kaggle notebook podcast poster presentation program recording repo repository slide slides supp
    supplement supplemental supplementary talk thread tweet twitter video wiki youtube 代码"""
)


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|v\d", text.casefold())


def only_labels(text: str) -> bool:
    """Whether a text says nothing but "arxiv version (2023)": labels, venues, years."""
    words = words_of(text)
    return all(w in _LABELS or w in _FILLING or w in _VENUES or w in FRAMEWORKS for w in words)


@lru_cache(maxsize=4096)
def is_label(text: str) -> bool:
    """Whether the text of a link is no title of what it leads to."""
    text = text.strip()
    words = words_of(text)
    if not words or re.match(r"https?://|www\.", text) or arxiv.parse(text) or links.doi(text):
        return True
    return len(words) <= 6 and only_labels(text) and any(w in _LABELS or w in _VENUES for w in words)
