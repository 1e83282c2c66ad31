"""From PDFs to an index that answers: `paperpath reindex` against txtai fed by pypdf, over the same files.

    python bench/end_to_end.py [FOLDER] [--papers 12] [--turns 2]

Each run is a process of its own into an empty folder, timed from outside, start included; the two take turns. Ours reads
structure, references and citations, and publishes a checked generation; txtai's side is pypdf's text of each page, cut
into stretches of so many words that they have about as many tokens as our passages, indexed with words and vectors, and
saved. A first short run of ours comes before the clock, so that an engine exported once for this model is there.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peers

SAMPLE = 200
ROOM = 1.15
"""A stretch may have so many times the words that our passages have in the mean: it ends where a sentence does."""
THEIRS = """
import json, logging, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import peers, pypdf
logging.getLogger("pypdf").setLevel(logging.CRITICAL)
texts = [text for file in sorted(Path(sys.argv[2]).glob("*.pdf")) for page in pypdf.PdfReader(file).pages
         for text in peers.cut(page.extract_text(), int(sys.argv[3]))]
passages = peers.Passages([str(number) for number in range(len(texts))], texts)
peers.index_txtai(Path(sys.argv[4]), passages).save(sys.argv[5])
passages.save(Path(sys.argv[5]))
"""


def timed(command: list[str]) -> float:
    """Seconds a command took."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=peers.PROJECT, stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 3):  # 3: of some document only part could be had
        raise SystemExit(f"{command} failed with exit code {done.returncode}")
    return time.perf_counter() - started


def run_ours(papers: Path, library: Path) -> float:
    """Seconds of a reindex of `papers` into `library`."""
    command = [sys.executable, "-m", "service.cli", "reindex", str(papers), "--library", str(library)]
    return timed([*command, "--offline", "--json"])


def run_theirs(papers: Path, index: Path, words: int) -> float:
    """Seconds of pypdf and txtai; the texts of the passages are left in `index`."""
    command = [sys.executable, "-c", THEIRS, str(Path(__file__).parent), str(papers), str(words)]
    return timed([*command, str(peers.model_folder()), str(index)])


def mean_tokens(texts: list[str]) -> float:
    """The mean count of the model's tokens, of a sample."""
    from indexer import embed
    from indexer.settings import load

    embedder = embed.load(embed.describe(load()))
    sample = texts[:: max(1, len(texts) // SAMPLE)]
    return sum(len(embedder.tokens(text)) for text in sample) / len(sample)


def mean_words(texts: list[str]) -> float:
    """The mean count of words."""
    return sum(len(text.split()) for text in texts) / len(texts)


def measure(folder: Path, count: int, turns: int) -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        papers, first = scratch / "papers", scratch / "first"
        for target, files in (
            (papers, sorted(folder.glob("*.pdf"))[:count]),
            (first, sorted(folder.glob("*.pdf"))[:1]),
        ):
            target.mkdir()
            for file in files:
                shutil.copy(file, target)
        run_ours(first, scratch / "library-first")
        times: dict[str, list[float]] = {"paperpath reindex": [], "pypdf and txtai": []}
        for turn in range(turns):
            library = scratch / f"library-{turn}"
            times["paperpath reindex"].append(run_ours(papers, library))
            if turn == 0:
                ours = peers.passages_of(library).texts
                words = round(mean_words(ours) * ROOM)
            seconds = run_theirs(papers, scratch / f"txtai-{turn}", words)
            times["pypdf and txtai"].append(seconds)
        theirs = peers.Passages.read(scratch / "txtai-0").texts
    print(f"{count} papers, {turns} turns, {peers.described()}\n")
    print("| how | seconds, median | each | passages with vectors | tokens in the mean |\n|---|---|---|---|---|")
    for (how, seconds), passages in zip(times.items(), (ours, theirs), strict=True):
        each = ", ".join(f"{second:.1f}" for second in seconds)
        print(f"| {how} | {statistics.median(seconds):.1f} | {each} | {len(passages)} | {mean_tokens(passages):.0f} |")
    ratios = [theirs_took / took for took, theirs_took in zip(*times.values(), strict=True)]
    print(f"\ntxtai's time over paperpath's, turn by turn: {', '.join(f'{ratio:.1f}' for ratio in ratios)}")


def main() -> None:
    """Prints a table in markdown."""
    options = argparse.ArgumentParser(description="From PDFs to an index that answers, against txtai fed by pypdf.")
    options.add_argument("folder", type=Path, nargs="?", default=peers.PROJECT.parent / "shared" / "papers")
    options.add_argument("--papers", type=int, default=12)
    options.add_argument("--turns", type=int, default=2)
    given = options.parse_args()
    if not any(given.folder.glob("*.pdf")):
        raise SystemExit(f"There is no PDF in {given.folder}.")
    measure(given.folder.resolve(), given.papers, given.turns)


if __name__ == "__main__":
    main()
