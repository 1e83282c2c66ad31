"""Bibliographies: lines to entries, entries to their fields."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import SHARED, needs_shared
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.document import Extracted, Reference
from indexer.extract.reference_names import read_names
from indexer.extract.references import (
    end,
    find,
    join,
    looks_like_entry,
    parse,
    parse_all,
    raw_of,
    read,
    split,
)
from indexer.extract.sheet import PrintedLine


def fields(references: tuple[Reference, ...]) -> list[tuple[tuple[str, ...], str, int | None]]:
    return [(r.authors, r.title, r.year) for r in references]


def understood(*raws: str) -> tuple[Reference, ...]:
    return parse_all([(raw, "", 0) for raw in raws])


def printed(*rows: str, page: int = 0, size: float = 10.0) -> list[PrintedLine]:
    """Lines from `indent gap text`; `|` before it begins a column."""
    lines = []
    for row in rows:
        new = row.startswith("|")
        indent, gap, text = row.lstrip("|").split(" ", 2)
        lines.append(PrintedLine(text, page, float(indent), float(gap), size, new))
    return lines


def entries(lines: list[PrintedLine]) -> list[tuple[str, str]]:
    return [(entry.label, raw_of(lines, entry)) for entry in split(lines)]


# Styles. Each list is read as one, as a vote needs it.

STYLES: dict[str, list[tuple[str, tuple[str, ...], str, int | None]]] = {
    "IEEE": [
        (
            "V. Mnih, K. Kavukcuoglu, D. Silver et al., “Human-level control through deep reinforcement learning,” "
            "Nature, vol. 518, no. 7540, pp. 529–533, 2015.",
            ("V. Mnih", "K. Kavukcuoglu", "D. Silver"),
            "Human-level control through deep reinforcement learning",
            2015,
        ),
        (
            'D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization," in Proc. 3rd Int. Conf. Learn. '
            "Represent. (ICLR), San Diego, CA, USA, May 2015, pp. 1–15.",
            ("D. P. Kingma", "J. Ba"),
            "Adam: A method for stochastic optimization",
            2015,
        ),
        ("OpenAI, “GPT-4 technical report,” 2023, arXiv:2303.08774.", ("OpenAI",), "GPT-4 technical report", 2023),
    ],
    "APA": [
        (
            "van der Maaten, L., & Hinton, G. (2008). Visualizing data using t-SNE. Journal of Machine Learning "
            "Research, 9(86), 2579–2605.",
            ("van der Maaten, L.", "Hinton, G."),
            "Visualizing data using t-SNE",
            2008,
        ),
        (
            "Vaswani, A., Shazeer, N., Parmar, N., Uszkoreit, J., Jones, L., Gomez, A. N., Kaiser, Ł., & "
            "Polosukhin, I. "
            "(2017). Attention is all you need. Advances in Neural Information Processing Systems, 30.",
            (
                "Vaswani, A.",
                "Shazeer, N.",
                "Parmar, N.",
                "Uszkoreit, J.",
                "Jones, L.",
                "Gomez, A. N.",
                "Kaiser, Ł.",
                "Polosukhin, I.",
            ),
            "Attention is all you need",
            2017,
        ),
        ("OpenAI. (2023). GPT-4 technical report. arXiv:2303.08774.", ("OpenAI",), "GPT-4 technical report", 2023),
    ],
    "ACM": [
        (
            "Jeffrey Dean and Sanjay Ghemawat. 2008. MapReduce: Simplified Data Processing on Large Clusters. "
            "Commun. ACM 51, 1 (Jan. 2008), 107–113.",
            ("Jeffrey Dean", "Sanjay Ghemawat"),
            "MapReduce: Simplified Data Processing on Large Clusters",
            2008,
        ),
        (
            "Reza Shokri and Vitaly Shmatikov. 2015. Privacy-Preserving Deep Learning (CCS ’15). Association for "
            "Computing Machinery, New York, NY, USA, 1310–1321.",
            ("Reza Shokri", "Vitaly Shmatikov"),
            "Privacy-Preserving Deep Learning",
            2015,
        ),
        (
            "Jaideep Vaidya and Chris Clifton. [n. d.]. Privacy Preserving Naive Bayes Classifier. In SDM, 2004. "
            "522–526.",
            ("Jaideep Vaidya", "Chris Clifton"),
            "Privacy Preserving Naive Bayes Classifier",
            2004,
        ),
    ],
    "ACL": [
        (
            "Jacob Devlin, Ming-Wei Chang, Kenton Lee, and Kristina Toutanova. 2019. BERT: Pre-training of deep "
            "bidirectional transformers for language understanding. In Proceedings of NAACL-HLT, pages 4171–4186.",
            ("Jacob Devlin", "Ming-Wei Chang", "Kenton Lee", "Kristina Toutanova"),
            "BERT: Pre-training of deep bidirectional transformers for language understanding",
            2019,
        ),
        (
            "Marta R. Costa-jussà, James Cross, and Onur Çelebi. 2022a. No language left behind. ArXiv, "
            "abs/2207.04672.",
            ("Marta R. Costa-jussà", "James Cross", "Onur Çelebi"),
            "No language left behind",
            2022,
        ),
        (
            "Xiang Lisa Li and Percy Liang. 2021. Prefix-Tuning: Optimizing Continuous Prompts for Generation. "
            "pages 4582–4597.",
            ("Xiang Lisa Li", "Percy Liang"),
            "Prefix-Tuning: Optimizing Continuous Prompts for Generation",
            2021,
        ),
    ],
    "plain": [
        (
            "Diederik P. Kingma and Jimmy Ba. Adam: A method for stochastic optimization. In Yoshua Bengio and Yann "
            "LeCun, editors, 3rd International Conference on Learning Representations, ICLR 2015, San Diego, CA, USA, "
            "May 7-9, 2015, Conference Track Proceedings, 2015.",
            ("Diederik P. Kingma", "Jimmy Ba"),
            "Adam: A method for stochastic optimization",
            2015,
        ),
        (
            "Ashish Vaswani, Noam Shazeer, Niki Parmar, Jakob Uszkoreit, Llion Jones, Aidan N. Gomez, Lukasz Kaiser, "
            "and Illia Polosukhin. Attention is all you need, 2017.",
            (
                "Ashish Vaswani",
                "Noam Shazeer",
                "Niki Parmar",
                "Jakob Uszkoreit",
                "Llion Jones",
                "Aidan N. Gomez",
                "Lukasz Kaiser",
                "Illia Polosukhin",
            ),
            "Attention is all you need",
            2017,
        ),
        (
            'Marco Tulio Ribeiro, Sameer Singh, and Carlos Guestrin. "Why should I trust you?": Explaining the '
            "predictions of any classifier. In KDD, pp. 1135–1144, 2016.",
            ("Marco Tulio Ribeiro", "Sameer Singh", "Carlos Guestrin"),
            '"Why should I trust you?": Explaining the predictions of any classifier',
            2016,
        ),
        (
            "Łukasz Kaiser and Samy Bengio. Can active memory replace attention? In Advances in Neural Information "
            "Processing Systems, 2016.",
            ("Łukasz Kaiser", "Samy Bengio"),
            "Can active memory replace attention?",
            2016,
        ),
        (
            "Peter Clark, Isaac Cowhey, et al. Think you have solved question answering? try arc, the ai2 reasoning "
            "challenge. arXiv preprint arXiv:1803.05457, 2018.",
            ("Peter Clark", "Isaac Cowhey"),
            "Think you have solved question answering? try arc, the ai2 reasoning challenge",
            2018,
        ),
        (
            "Yu. Nesterov. A method of solving a convex programming problem. Soviet Mathematics Doklady, 27:372–376, "
            "1983.",
            ("Yu. Nesterov",),
            "A method of solving a convex programming problem",
            1983,
        ),
    ],
    "ICML": [
        (
            "Kingma, D. P. and Ba, J. L. Layernorm. CoRR, abs/1607.06450, 2016. URL http://arxiv.org/abs/1607.06450.",
            ("Kingma, D. P.", "Ba, J. L."),
            "Layernorm",
            2016,
        ),
        (
            "O’Donoghue, B. and Candès, E. Adaptive restart for accelerated gradient schemes. Foundations of "
            "Computational Mathematics, 15(3):715–732, 2015.",
            ("O’Donoghue, B.", "Candès, E."),
            "Adaptive restart for accelerated gradient schemes",
            2015,
        ),
        (
            "de Freitas, N., van Hasselt, H., and Jia-Wei, H. A tale of two titles. JMLR, 5:1–20, 2012b.",
            ("de Freitas, N.", "van Hasselt, H.", "Jia-Wei, H."),
            "A tale of two titles",
            2012,
        ),
        ("OpenAI. AI and compute, 2018. URL https://openai.com/blog/.", ("OpenAI",), "AI and compute", 2018),
    ],
    "ICML of 2015": [
        (
            "Deng, Li, Li, Jinyu, Huang, Jui-Ting, Yao, Kaisheng, Williams, Jason, et al. Recent advances in deep "
            "learning for speech research at microsoft. ICASSP 2013, 2013.",
            ("Deng, Li", "Li, Jinyu", "Huang, Jui-Ting", "Yao, Kaisheng", "Williams, Jason"),
            "Recent advances in deep learning for speech research at microsoft",
            2013,
        ),
        (
            "Duchi, John, Hazan, Elad, and Singer, Yoram. Adaptive subgradient methods for online learning and "
            "stochastic optimization. The Journal of Machine Learning Research, 12:2121–2159, 2011.",
            ("Duchi, John", "Hazan, Elad", "Singer, Yoram"),
            "Adaptive subgradient methods for online learning and stochastic optimization",
            2011,
        ),
        (
            "Polyak, Boris T and Juditsky, Anatoli B. Acceleration of stochastic approximation by averaging. SIAM "
            "Journal on Control and Optimization, 30(4):838–855, 1992.",
            ("Polyak, Boris T", "Juditsky, Anatoli B."),
            "Acceleration of stochastic approximation by averaging",
            1992,
        ),
    ],
    "LNCS": [
        (
            "LeCun, Y., Bengio, Y., Hinton, G.: Deep learning. Nature 521(7553), 436–444 (2015)",
            ("LeCun, Y.", "Bengio, Y.", "Hinton, G."),
            "Deep learning",
            2015,
        ),
        (
            "He, K., Zhang, X., Ren, S., Sun, J.: Deep residual learning for image recognition. In: CVPR, pp. 770–778 "
            "(2016)",
            ("He, K.", "Zhang, X.", "Ren, S.", "Sun, J."),
            "Deep residual learning for image recognition",
            2016,
        ),
    ],
    "Elsevier": [
        (
            "K. He, X. Zhang, S. Ren, J. Sun, Deep residual learning for image recognition, in: Proceedings of "
            "the IEEE "
            "Conference on Computer Vision and Pattern Recognition, 2016, pp. 770–778.",
            ("K. He", "X. Zhang", "S. Ren", "J. Sun"),
            "Deep residual learning for image recognition",
            2016,
        ),
        (
            "Y. LeCun, Y. Bengio, G. Hinton, Deep learning, Nature 521 (7553) (2015) 436–444.",
            ("Y. LeCun", "Y. Bengio", "G. Hinton"),
            "Deep learning",
            2015,
        ),
    ],
    "SIAM": [
        (
            "L. Bottou, F. E. Curtis, and J. Nocedal, Optimization methods for large-scale machine learning, SIAM "
            "Review, 60 (2018), pp. 223–311.",
            ("L. Bottou", "F. E. Curtis", "J. Nocedal"),
            "Optimization methods for large-scale machine learning",
            2018,
        ),
        (
            "D. P. Kingma and J. Ba, Adam: A method for stochastic optimization, arXiv preprint arXiv:1412.6980, "
            "(2014).",
            ("D. P. Kingma", "J. Ba"),
            "Adam: A method for stochastic optimization",
            2014,
        ),
    ],
    "Vancouver": [
        (
            "LeCun Y, Bengio Y, Hinton G. Deep learning. Nature. 2015;521(7553):436–44.",
            ("LeCun Y", "Bengio Y", "Hinton G"),
            "Deep learning",
            2015,
        ),
        (
            "Jumper J, Evans R, Pritzel A, et al. Highly accurate protein structure prediction with AlphaFold. Nature. "
            "2021;596:583–9.",
            ("Jumper J", "Evans R", "Pritzel A"),
            "Highly accurate protein structure prediction with AlphaFold",
            2021,
        ),
    ],
    "Chicago": [
        (
            "Devlin, Jacob, Ming-Wei Chang, Kenton Lee, and Kristina Toutanova. “BERT: Pre-Training of Deep "
            "Bidirectional Transformers.” In Proceedings of NAACL-HLT, 4171–86, 2019.",
            ("Devlin, Jacob", "Ming-Wei Chang", "Kenton Lee", "Kristina Toutanova"),
            "BERT: Pre-Training of Deep Bidirectional Transformers",
            2019,
        ),
        (
            "Dean, Jeffrey, and Sanjay Ghemawat. “MapReduce: Simplified Data Processing on Large Clusters.” "
            "Communications of the ACM 51, no. 1 (2008): 107–13.",
            ("Dean, Jeffrey", "Sanjay Ghemawat"),
            "MapReduce: Simplified Data Processing on Large Clusters",
            2008,
        ),
        (
            "Shannon, Claude E. “A Mathematical Theory of Communication.” Bell System Technical Journal 27, no. 3 "
            "(1948): 379–423.",
            ("Shannon, Claude E.",),
            "A Mathematical Theory of Communication",
            1948,
        ),
    ],
    "Nature": [
        (
            "Silver, D. et al. Mastering the game of Go with deep neural networks and tree search. Nature 529, 484–489 "
            "(2016).",
            ("Silver, D.",),
            "Mastering the game of Go with deep neural networks and tree search",
            2016,
        ),
        (
            "LeCun, Y., Bengio, Y. & Hinton, G. Deep learning. Nature 521, 436–444 (2015).",
            ("LeCun, Y.", "Bengio, Y.", "Hinton, G."),
            "Deep learning",
            2015,
        ),
    ],
    "Harvard": [
        (
            "Simonyan, K. and Zisserman, A., 2014. Very deep convolutional networks for large-scale image recognition. "
            "arXiv preprint arXiv:1409.1556.",
            ("Simonyan, K.", "Zisserman, A."),
            "Very deep convolutional networks for large-scale image recognition",
            2014,
        ),
    ],
    "colons": [
        (
            "J. Dean, S. Ghemawat: MapReduce: simplified data processing. OSDI 2004, pp. 137–150.",
            ("J. Dean", "S. Ghemawat"),
            "MapReduce: simplified data processing",
            2004,
        ),
        (
            "M. Abadi and P. Barham: TensorFlow: a system for large-scale machine learning. OSDI 2016, pp. 265–283.",
            ("M. Abadi", "P. Barham"),
            "TensorFlow: a system for large-scale machine learning",
            2016,
        ),
    ],
}


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_read(style: str) -> None:
    listed = STYLES[style]
    assert fields(understood(*(raw for raw, *_ in listed))) == [tuple(wanted) for _, *wanted in listed]


def test_the_list_decides_where_an_entry_allows_two_readings() -> None:
    # By itself, four persons with one name each or two with two.
    doubtful = "Deng, Li, Huang, Yao. Two readings of one line. 2013."
    whole = [raw for raw, *_ in STYLES["ICML of 2015"]]
    assert understood(*whole, doubtful)[-1].authors == ("Deng, Li", "Huang, Yao")
    direct = [raw for raw, *_ in STYLES["plain"]]
    assert understood(*direct, doubtful)[-1].authors == ("Deng", "Li", "Huang", "Yao")


@pytest.mark.parametrize(
    ("raw", "authors", "title"),
    [
        ("PyTorch. https://pytorch.org/.", (), "PyTorch"),
        (
            "NVIDIA A100 Tensor Core GPU. https://www.nvidia.com/en-us/data-center/a100/.",
            (),
            "NVIDIA A100 Tensor Core GPU",
        ),
        (
            "Tensorflow federated: Machine learning on decentralized data. URL https://www.tensorflow.org/federated.",
            (),
            "Tensorflow federated: Machine learning on decentralized data",
        ),
        (
            "2019 recent trends in GPU price per FLOPS. https://aiimpacts.org/a/.",
            (),
            "2019 recent trends in GPU price per FLOPS",
        ),
        ("Global Internet Condition (2019). https://www.atlasandboots.com/x.", (), "Global Internet Condition"),
        (
            "Microsoft. ONNX Runtime, 2020. URL https://microsoft.github.io/onnxruntime/.",
            ("Microsoft",),
            "ONNX Runtime",
        ),
        (
            "OpenAI kernel team. Openai triton fused attention, 2023.",
            ("OpenAI kernel team",),
            "Openai triton fused attention",
        ),
        ("A. Doan. http://dblife.cs.wisc.edu.", ("A. Doan",), ""),
        (
            "Mu Li, Dave Andersen, and Alex Smola. Parameter server. parameterserver.org.",
            ("Mu Li", "Dave Andersen", "Alex Smola"),
            "Parameter server",
        ),
        (
            "J. Lee, , B. Recht, and J. A. Tropp. Practical large-scale optimization. In NIPS, 2010.",
            ("J. Lee", "B. Recht", "J. A. Tropp"),
            "Practical large-scale optimization",
        ),
        (
            "Joel Hestness, Md. Mostofa Ali Patwary, and Yang Yang. Deep learning scaling is predictable, "
            "empirically, 2017.",
            ("Joel Hestness", "Md. Mostofa Ali Patwary", "Yang Yang"),
            "Deep learning scaling is predictable, empirically",
        ),
        (
            "Reinhard Kneser and Hermann. Ney. Improved backingoff for m-gram language modeling., 1995.",
            ("Reinhard Kneser", "Hermann. Ney"),
            "Improved backingoff for m-gram language modeling",
        ),
        (
            "Vinyals & Kaiser, Koo, Petrov, Sutskever, and Hinton. Grammar as a foreign language. In NIPS, 2015.",
            ("Vinyals", "Kaiser", "Koo", "Petrov", "Sutskever", "Hinton"),
            "Grammar as a foreign language",
        ),
        (
            "K. Asanovic and et al. The landscape of parallel computing research: A view from berkeley. "
            "Technical Report, 2006.",
            ("K. Asanovic",),
            "The landscape of parallel computing research: A view from berkeley",
        ),
        (
            "Tieleman, T. and Hinton, G. Lecture 6.5 - RMSProp, COURSERA: Neural Networks for Machine Learning. "
            "Technical report, 2012.",
            ("Tieleman, T.", "Hinton, G."),
            "Lecture 6.5 - RMSProp, COURSERA: Neural Networks for Machine Learning",
        ),
        (
            "Mercer, R. L., Jr., Doe, J. Q., and Roe, R. A title of four words. JMLR, 2001.",
            ("Mercer, R. L., Jr.", "Doe, J. Q.", "Roe, R."),
            "A title of four words",
        ),
        (
            "Chenxin Ma, Virginia Smith, and Martin Taka´c. Adding vs. averaging in distributed primal-dual "
            "optimization. In ICML, 2015.",
            ("Chenxin Ma", "Virginia Smith", "Martin Takać"),
            "Adding vs. averaging in distributed primal-dual optimization",
        ),
        (
            "H. B. McMahan and B. A. y Arcas. Federated learning of deep networks. arXiv:1602.05629, 2016.",
            ("H. B. McMahan", "B. A. y Arcas"),
            "Federated learning of deep networks",
        ),
    ],
)
def test_odd_entries(raw: str, authors: tuple[str, ...], title: str) -> None:
    found = parse(raw)
    assert (found.authors, found.title) == (authors, title)
    assert found.raw == raw


@pytest.mark.parametrize(
    ("raw", "year"),
    [
        ("A. Bcd. A title. In ICLR 2015, San Diego, May 7-9, 2015, Conference Track Proceedings, 2016.", 2016),
        ("Monica Anderson. Technology device ownership: 2015. http://www.pewinternet.org/2014/10/29/x/, 2016.", 2016),
        ("A. Bcd and C. Def. A title of five words. JMLR, 12:1998–2003, 2011.", 2011),
        ("A. Bcd and C. Def. A title of five words. SIGIR, pages 2010–2015. ACM, 2009.", 2009),
        ("A. Bcd and C. Def. A title of five words. In ICLR, 2019b.", 2019),
        ("A. Bcd. A title of five words. https://x.org/a. Accessed: 2019-12-05.", None),
        ("A. Bcd. A title of five words. URL http://arxiv.org/abs/1904.12043.", None),
        ("A. Bcd and C. Def. A title of five words, October 2021. URL http://a.org/2022/.", 2021),
        ("A. Bcd and C. Def. A title of five words. dec 2018. URL https://arxiv. org/abs, 1812.", 2018),
        ("A. Bcd. 2001. A title of five words. Reprinted 2015.", 2001),
    ],
)
def test_the_year_is_the_publication_s(raw: str, year: int | None) -> None:
    assert parse(raw).year == year


@pytest.mark.parametrize(
    ("raw", "venue"),
    [
        (
            "A. Bcd. A long title. In Proceedings of the 2016 ACM SIGSAC Conference (CCS ’16), pages 3–5, 2016.",
            "Proceedings of the 2016 ACM SIGSAC Conference (CCS ’16)",
        ),
        ("A. Bcd. A long title. J. Mach. Learn. Res., 12:1–9, 2011.", "J. Mach. Learn. Res"),
        ("A. Bcd. A long title. arXiv preprint arXiv:1607.06450, 2016.", "arXiv"),
        ("A. Bcd. A long title. CoRR, abs/1607.06450, 2016.", "CoRR"),
        (
            "A. Bcd. A long title. In Yoshua Bengio and Yann LeCun, editors, 3rd Conference of Learning, 2015.",
            "3rd Conference of Learning",
        ),
        (
            "A. Bcd. A long title. Athena Scientific, Belmont, MA, 2nd edition, 1999.",
            "Athena Scientific, Belmont, MA, 2nd edition",
        ),
        ("A. Bcd. A long title. 2019. URL http://a.org/b.", ""),
        ("A. Bcd. A long title. From http://a.org/b.", ""),
    ],
)
def test_the_venue(raw: str, venue: str) -> None:
    assert parse(raw).venue == venue


@pytest.mark.parametrize(
    ("rest", "arxiv_id", "doi"),
    [
        ("arXiv preprint arXiv:1810.04805, 2018.", "1810.04805", None),
        ("CoRR, abs/1811.02084, 2018.", "1811.02084", None),
        ("ArXiv, abs/1811.06965, 2018.", "1811.06965", None),
        ("arXiv, 2017, 1710.03667. 11, 18, 22", "1710.03667", None),
        ("2018, arXiv:1812.04754. 18", "1812.04754", None),
        ("arXiv:1604.06174 [cs.LG]", "1604.06174", None),
        ("CoRR, cs.CL/0108005, 2001. URL http://arxiv.org/abs/cs.CL/0108005. 18", "cs/0108005", None),
        ("https://doi.org/10.48550/ARXIV.2112.10684", "2112.10684", "10.48550/ARXIV.2112.10684"),
        (
            "doi: 10.1609/aaai.v34i05.6239. URL https://doi.org/10.1609/aaai.v34i05.6239.",
            None,
            "10.1609/aaai.v34i05.6239",
        ),
        ("(see 10.1002/(SICI)1097-0258(19980815/30)17:15).", None, "10.1002/(SICI)1097-0258(19980815/30)17:15"),
        ("JMLR, 1710(3):1710.03667, 2017.", None, None),
    ],
)
def test_identifiers(rest: str, arxiv_id: str | None, doi: str | None) -> None:
    found = parse(f"A. Bcd and C. Def. A title of five words. {rest}")
    assert (found.arxiv_id, found.doi) == (arxiv_id, doi)


# Lines to entries


def test_numbers_in_brackets() -> None:
    lines = printed(
        "|0.5 0 [9] A. Bcd. The first of two. In",
        "2.1 1.2 ICML, 2001.",
        "0.0 1.9 [10] C. Def. The second, cited as [3]",
        "2.1 1.2 [sic]. In ICML, 2002.",
        "|2.1 0 [Online]. http://a.org/b.",
        "0.0 1.9 [11] E. Fgh. The third, 2003.",
    )
    assert entries(lines) == [
        ("9", "A. Bcd. The first of two. In ICML, 2001."),
        ("10", "C. Def. The second, cited as [3] [sic]. In ICML, 2002. [Online]. http://a.org/b."),
        ("11", "E. Fgh. The third, 2003."),
    ]


@pytest.mark.parametrize("form", ["{}.", "({})"])
def test_other_numbers_are_not_mistaken_for_pages_and_years(form: str) -> None:
    lines = []
    for n in range(1, 8):
        lines += printed(
            f"{0.0 if n == 1 else 0.1} {1.8 if n > 1 else 0} {form.format(n)} A. Bcd and C. Def. A title of some "
            f"words, pages 3–",
            f"1.5 1.2 {n + 20}. In a book of {2000 + n}, volume",
            f"1.5 1.2 {form.format(n + 1)} of the series.",
        )
    found = entries(lines)
    assert [label for label, _ in found] == [str(n) for n in range(1, 8)]
    assert all(raw.endswith("of the series.") for _, raw in found)


def test_labels_of_letters() -> None:
    lines = printed(
        "|0.1 0 [ACDE12] Eduardo G Altmann and Mirko Degli Esposti. On the origin of texts,",
        "5.2 1.1 2012. 25",
        "0.1 1.5 [DGV^+18] Mostafa Dehghani. Universal transformers. CoRR,",
        "5.2 1.1 abs/1807.03819, 2018. 6, 9",
        "0.1 1.5 [Fou] The Common Crawl Foundation. Common crawl. URL http://commoncrawl.org. 7",
    )
    found = read(lines)
    assert [r.label for r in found] == ["ACDE12", "DGV^+18", "Fou"]
    assert fields(found) == [
        (("Eduardo G Altmann", "Mirko Degli Esposti"), "On the origin of texts", 2012),
        (("Mostafa Dehghani",), "Universal transformers", 2018),
        (("The Common Crawl Foundation",), "Common crawl", None),
    ]


HANGING = (
    "Abadi, M., Barham, P., Chen, J., Dean,",
    "+J., and Zheng, X. Tensorflow: A system. In",
    "+OSDI, 2016.",
    "Dean, J. and Ghemawat, S. MapReduce, 2004.",
    "Kingma, D. P. and Ba, J. Adam: A method for",
    "+stochastic optimization, 2014.",
)


def hanging(first: float, depth: float, gap: float, rows: tuple[str, ...] = HANGING) -> list[PrintedLine]:
    marked = [
        f"{first + depth * row.startswith('+')} {1.2 if row.startswith('+') else gap} {row.lstrip('+')}" for row in rows
    ]
    return printed("|" + marked[0], *marked[1:])


@pytest.mark.parametrize(("first", "depth", "gap"), [(0.0, 1.0, 1.9), (-1.0, 1.0, 1.2), (0.05, 2.2, 1.2)])
def test_a_hanging_indent_wherever_the_column_s_edge_is(first: float, depth: float, gap: float) -> None:
    two_columns = hanging(0.0, depth, gap) + hanging(first, depth, gap)
    assert [raw[:6] for _, raw in entries(two_columns)] == ["Abadi,", "Dean, ", "Kingma"] * 2


def test_a_column_of_nothing_but_hanging_lines_goes_on_an_entry() -> None:
    names = tuple(f"+Surname, A., Surname, B., Surname, {c}.," for c in "CDEF")
    lines = hanging(0.0, 1.0, 1.9) + hanging(0.0, 1.0, 1.9, ("Zhang, A., Zhang, B.,", *names))
    lines += [line._replace(indent=0.0) for line in hanging(0.0, 1.0, 1.2, (*names, "+and Zhou, G. The last, 2020."))]
    found = entries(lines)
    assert len(found) == 4 and found[-1][1].endswith("and Zhou, G. The last, 2020.")


def test_gaps_without_an_indent() -> None:
    lines = hanging(0.0, 0.0, 1.8) + hanging(0.0, 0.0, 1.8)
    assert [raw[:6] for _, raw in entries(lines)] == ["Abadi,", "Dean, ", "Kingma"] * 2


def test_sense_alone() -> None:
    lines = hanging(0.0, 0.0, 1.2) + hanging(0.0, 0.0, 1.2)
    assert [raw[:6] for _, raw in entries(lines)] == ["Abadi,", "Dean, ", "Kingma"] * 2


def test_a_float_and_what_follows_the_list_are_left_out() -> None:
    lines = printed(
        "|0.0 0 [1] X. Yza. A title that takes more",
        "2.0 1.2 than two lines, in fact it",
        "2.0 1.2 takes three, 2000.",
        "0.0 1.9 [2] A. Bcd. The first title, which goes",
        "2.0 1.2 on at some",
        "|0.0 0 Figure 7: What a figure shows when it stands",
        "0.0 1.2 at the top of a page.",
        "2.0 3.4 length and ends here, 2001.",
        "0.0 1.9 [3] C. Def. The second title, 2002,",
        "2.0 1.2 goes on and on",
        "2.0 1.2 and on.",
        "|3.0 0 It is",
        "2.7 1.5 this",
    )
    assert entries(lines)[1:] == [
        ("2", "A. Bcd. The first title, which goes on at some length and ends here, 2001."),
        ("3", "C. Def. The second title, 2002, goes on and on and on."),
    ]
    assert end(lines) == 11


def test_prose_that_follows_a_list_without_labels_is_no_entry() -> None:
    prose = tuple(f"This line says that nothing happened on day {n} of our stay" for n in range(30))
    lines = hanging(0.0, 1.0, 1.9, HANGING * 4) + hanging(0.0, 1.0, 1.2, prose)
    assert end(lines) == len(HANGING) * 4


def test_an_entry_has_the_page_where_it_begins() -> None:
    first, second = hanging(0.0, 1.0, 1.9), hanging(0.0, 1.0, 1.9, ("+at the end, 2015.", *HANGING))
    lines = first[:-1] + [line._replace(page=1) for line in second]
    assert [r.page for r in read(lines)] == [0, 0, 0, 1, 1, 1]


def test_an_accent_on_a_line_of_its_own_is_dropped() -> None:
    lines = printed(
        "|0.0 0 [1] Dan Mane, Rajat Monga, and Sherry Moore. A",
        "|9.0 0 ´",
        "2.0 1.2 title, 2001.",
        "0.0 1.8 [2] C. Def. Another title, 2002.",
    )
    assert entries(lines)[0][1] == "Dan Mane, Rajat Monga, and Sherry Moore. A title, 2001."


def test_nothing_gives_nothing() -> None:
    assert split([]) == [] and read([]) == () and end([]) == 0 and find([]) is None and read_names([]) == []
    assert parse("").title == "" and parse("").authors == ()


@pytest.mark.parametrize(
    ("lines", "words", "whole"),
    [
        (["deep decen-", "tralized learning"], {"decentralized"}, "deep decentralized learning"),
        (["the low-", "communication case"], {"low-communication"}, "the low-communication case"),
        (["Gary Good-", "fellow, Andrew"], {"good", "fellow"}, "Gary Goodfellow, Andrew"),
        (["out-of-", "vocabulary words"], {"of", "vocabulary"}, "out-of-vocabulary words"),
        (["Jean-Sé-", "bastien Coron"], {"coron"}, "Jean-Sébastien Coron"),
        (["Fast first-", "and zeroth-order methods"], set(), "Fast first- and zeroth-order methods"),
        (["K.-", "K. Wong"], set(), "K.-K. Wong"),
        (["pages 1124–", "1137, 2004"], set(), "pages 1124–1137, 2004"),
        (["GPT-J-", "6B is a model"], set(), "GPT-J-6B is a model"),
        (
            ["See http://www.", "pewinternet.org/2015/", "device-ownership/."],
            set(),
            "See http://www.pewinternet.org/2015/device-ownership/.",
        ),
        (["https:", "//www.a.org/b."], set(), "https://www.a.org/b."),
        (["URL http://arxiv.org/abs/1611.", "06194."], set(), "URL http://arxiv.org/abs/1611.06194."),
        (["URL https://a.org/bl", "ob/main/CARD.md. And more"], set(), "URL https://a.org/blob/main/CARD.md. And more"),
        (
            ["URL http://tensorflow.org/.", "Software available"],
            set(),
            "URL http://tensorflow.org/. Software available",
        ),
        (["URL https://a.org/b/c", "accessed in May"], set(), "URL https://a.org/b/c accessed in May"),
        (["URL https://openai.com/blog/", "2019."], set(), "URL https://openai.com/blog/ 2019."),
        (["doi: 10.1145/", "2901318.2901323. ACM"], set(), "doi: 10.1145/2901318.2901323. ACM"),
        (["", "  one ", "", "two  "], set(), "one two"),
    ],
)
def test_joining_lines(lines: list[str], words: set[str], whole: str) -> None:
    assert join(lines, words) == whole


# Lists without a heading


def test_a_list_without_a_heading_is_found_at_the_end() -> None:
    prose = hanging(
        0.0, 0.0, 1.2, tuple(f"We did the work of day {n} and of the next (see Fig. {n})." for n in range(60))
    )
    numbered = printed(*(f"0 1.8 [{n}] A. Bcd. A title of some words. In ICML, {2000 + n}." for n in range(1, 9)))
    assert find(prose + numbered) == (60, 68)
    assert find(prose) is None
    start, stop = find(prose + hanging(0.0, 1.0, 1.9, HANGING * 6)) or (0, 0)
    assert start == 60 and stop == 60 + 6 * len(HANGING)


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("Kingma, D. P. and Ba, J. Adam: A method for stochastic optimization. ICLR, 2015.", True),
        ("A. Bcd. A title of some words. https://a.org/b.", True),
        ("This line says that nothing happened on the day of our stay.", False),
        ("2015", False),
        ("", False),
    ],
)
def test_what_looks_like_an_entry(text: str, like: bool) -> None:
    assert looks_like_entry(text) is like


# Properties

PIECES = st.sampled_from(
    ["A. Bcd", "Bcd, A.", "and", "&", "et al.", ", ", ". ", ": ", "“", "”", '"', "(2015)", "2015a", "arXiv:1412.6980",
     "In ", "Proc.", "pp. 3–5", "[1]", "[", "]", "(", ")", "http://a.org/b-", "10.1145/1.2", "A title", "van der", "´",
     "-", "–", "n.d.", "eds.", "editors, ", "Jr.", "\n", "é", "中", "..", ", , "]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=300)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_any_text_is_read_and_nothing_is_made_up(raws: list[str]) -> None:
    for reference, raw in zip(understood(*raws), raws, strict=True):
        assert reference.raw == raw
        plain = (
            re.sub("[^a-zA-Z]", "", raw) + " arXiv"
        )  # an accent that is drawn apart goes to its letter, without a space
        fields = " ".join((reference.title, *reference.authors, reference.venue))
        assert all(word in plain for word in re.findall("[a-zA-Z]+", fields))
        assert reference.year is None or str(reference.year) in raw
        assert reference.doi is None or reference.doi in raw
        assert all(author.strip() for author in reference.authors)


LINES = st.builds(
    PrintedLine,
    text=TEXTS,
    page=st.integers(0, 3),
    indent=st.floats(-3, 6),
    gap=st.floats(0, 6),
    size=st.floats(0, 20),
    new_column=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=40))
@example([PrintedLine("[1]", 0, 0.0, 0.0, 0.0)])
@example([PrintedLine("1.", 0, 0.0, 0.0, 0.0)] * 3)
@example([PrintedLine(text, 0, 0.0, 0.0, 0.0) for text in ("", "", "", "", "", "", "[1]", "[1]")])
def test_any_lines_are_split_in_order(lines: list[PrintedLine]) -> None:
    used = [i for entry in split(lines) for i in entry.lines]
    assert used == sorted(set(used)) and all(0 <= i < len(lines) for i in used)
    assert all(entry.lines for entry in split(lines))
    assert end(lines) <= len(lines)
    assert len(read(lines)) == sum(bool(raw_of(lines, entry).strip()) for entry in split(lines))  # bare labels are none
    found = find(lines)
    assert found is None or 0 <= found[0] < found[1] <= len(lines)


@given(st.lists(st.text("ab-. /:", max_size=12), max_size=6))
def test_joining_loses_nothing_but_hyphens_and_spaces(lines: list[str]) -> None:
    assert re.sub(r"[\s-]", "", join(lines)) == re.sub(r"[\s-]", "", "".join(lines))


@pytest.mark.parametrize(
    "unit",
    ["[", "(", "A. ", "A, ", "Bcd, A., ", "and ", "et al. ", "“", '"', "1. ", "[1] ", "(2019", "a", ". ", "- ", "http://a/",
     "10.1/", "´ ", "A.-", "van ", "(Eds.) ", ", editors, ", "2019-", "{", "pp. 1–", "x ", "[A+19] "],
)  # fmt: skip
def test_hostile_text_takes_no_long(unit: str) -> None:
    """At these lengths anything worse than linear would not end."""
    text = unit * (100_000 // len(unit))
    parse(text)
    join([text] * 3)
    looks_like_entry(text)
    lines = [PrintedLine(text[:2000], n // 50, float(n % 2), 1.2, 10.0, n % 50 == 0) for n in range(500)]
    assert len(read(lines)) <= 500
    find(lines)


# Real papers

# Counted by eye in the papers: the last number printed, or the entries.
PRINTED = {
    "1106.5730": 30,
    "1412.6980": 23,
    "1602.05629": 46,
    "1701.06538": 44,
    "1703.03400": 40,
    "1706.03762": 40,
    "1803.02999": 21,
    "1810.04805": 56,
    "1812.06127": 46,
    "1902.04885": 77,
    "1909.08053": 51,
    "1910.02054": 26,
    "1912.04977": 438,
    "2001.08361": 50,
    "2006.16668": 89,
    "2007.00072": 141,
    "2101.03961": 61,
    "2104.04473": 47,
    "2204.02632": 57,
    "2205.01068": 96,
    "2205.14135": 94,
    "2303.06318": 43,
    "2309.14509": 31,
    "2310.01889": 41,
    "2401.04088": 35,
    "2403.03507": 34,
    "2405.04434": 62,
    "2407.06204": 220,
    "2411.00284": 42,
    "2506.04113": 29,
    "communication-efficient-fl-with-adaptive-parameter-freezing": 45,
    "diloco-swarm-report": 26,
    "llama-open-and-efficient-foundation-language-models": 82,
    "parallelized-stochastic-gradient-descent": 11,
    "scaling-distributed-ml-with-the-parameter-server": 50,
    "tensorflow-large-scale-machine-learning": 56,
}
UNNUMBERED = ("1412", "1701", "1703", "1810", "1812", "1909", "2001", "2007", "2101", "2205.01", "2309", "2403", "2405",
              "2411", "diloco", "llama")  # fmt: skip


@needs_shared
@pytest.mark.parametrize("paper", PRINTED)
def test_the_entries_of_a_paper_are_those_printed(paper: str, read_paper: Callable[[str], Extracted]) -> None:
    found = read_paper(f"{paper}.pdf").references
    assert len(found) == PRINTED[paper], [f"{r.n} [{r.label}] {r.raw[:50]}" for r in found]
    if not paper.startswith(UNNUMBERED):
        assert [r.label for r in found] == [str(n) for n in range(1, len(found) + 1)]
    assert [r.page for r in found] == sorted(r.page for r in found)
    # addresses stand there instead of titles (1106.5730: 11, 15)
    assert [r.n for r in found if not r.title] == ([11, 15] if paper == "1106.5730" else [])
    assert all(r.year is None or 1900 <= r.year <= 2025 for r in found)


@needs_shared
def test_a_paper_s_references_are_those_of_its_bib(read_paper: Callable[[str], Extracted]) -> None:
    bib = (SHARED / "papers" / "diloco-swarm-report.bib").read_text("utf-8")
    wanted = {}
    for entry in re.findall(r"@\w+\{.*?\n\}", bib, re.DOTALL):
        values = {}
        for name in ("title", "year", "author"):
            value = re.search(rf"\b{name}\s*=\s*[{{\"](.*?)[}}\"],?\s*\n", entry, re.DOTALL)
            values[name] = re.sub(r"[{}\\]", "", value[1]) if value else ""
        authors = [a for a in re.split(r"\s+and\s+", values["author"]) if a not in ("others", "dots")]
        wanted[re.sub(r"\W", "", values["title"]).lower()] = (int(values["year"] or 0), len(authors))
    found = read_paper("diloco-swarm-report.pdf").references
    assert len(found) == 26
    for r in found:
        assert (r.year, len(r.authors)) == wanted.get(re.sub(r"\W", "", r.title).lower()), r


def test_a_label_without_text_is_no_entry() -> None:
    printed = [
        "[1] A. Bcd. One title of it. In Proc. X, 2015.",
        "[2]",
        "[3] E. Fgh. Another title of it. In Proc. X, 2016.",
    ]
    found = read([PrintedLine(text, 0, 0.0, 1.2, 10.0) for text in printed])
    assert [(r.n, r.label) for r in found] == [(1, "1"), (2, "3")]
