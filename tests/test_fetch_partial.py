"""What a download leaves when it breaks off, and when that may be gone on with: never may two bodies become one."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from loopback_arxiv import LAST_MODIFIED, Fault, LoopbackArxiv, Page, answer, cut
from test_fetch import ID, LARGE, NAME, THIRD, Make, cache, elsewhere, make, server, time  # noqa: F401

from indexer.errors import Refused, TooLarge, Unreachable
from indexer.fetch.partial import Note
from indexer.library.cache import Cache, Download

ADDRESS = f"arxiv:{THIRD}"


def ranges(server: LoopbackArxiv) -> list[str | None]:  # noqa: F811
    """What part of a body each request asked for."""
    return [seen.headers.get("range") for seen in server.requests]


def rest(first: int, last: int, total: object, body: bytes, **headers: str) -> Fault:
    return answer(206, body, content_type="application/pdf", content_range=f"bytes {first}-{last}/{total}", **headers)


def broken_off_without_a_length(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    """Leaves 100,000 bytes of a body of which nobody said how long it is."""
    head = ('HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n'
            f'ETag: "{hashlib.sha1(LARGE).hexdigest()[:16]}"\r\nLast-Modified: {LAST_MODIFIED}\r\n'
            'Transfer-Encoding: chunked\r\n\r\n186A0\r\n')  # fmt: skip
    server.on(THIRD, Fault(raw=head.encode() + LARGE[:100_000]))  # ends within its chunks
    with pytest.raises(Unreachable):
        make(retries=0).fetch(ADDRESS, newest=1)


def test_a_rest_without_an_end_that_anyone_names_begins_anew(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    broken_off_without_a_length(server, make)
    server.on(THIRD, rest(100_000, 149_999, "*", LARGE[100_000:150_000]))
    assert make().fetch(ADDRESS, newest=1).path.read_bytes() == LARGE
    assert ranges(server) == [None, "bytes=100000-", None]


def test_a_rest_is_measured_by_the_length_that_it_names(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    broken_off_without_a_length(server, make)
    short = rest(100_000, len(LARGE) - 1, len(LARGE), LARGE[100_000:150_000])
    server.on(THIRD, replace(short, no_length=True))
    assert make().fetch(ADDRESS, newest=1).path.read_bytes() == LARGE
    assert ranges(server) == [None, "bytes=100000-", "bytes=150000-"]


@pytest.mark.parametrize(("date", "taken"), [(LAST_MODIFIED, True), ("Wed, 15 Nov 2023 12:00:00 GMT", False)])
def test_a_rest_of_another_date_begins_anew(server: LoopbackArxiv, make: Make, date: str, taken: bool) -> None:  # noqa: F811
    """Many a server takes no notice of If-Range."""
    server.pages["/a.pdf"] = Page(LARGE, "application/pdf", etag="")
    server.on("/a.pdf", cut(100_000), rest(100_000, len(LARGE) - 1, len(LARGE), LARGE[100_000:], last_modified=date))
    assert make().fetch(elsewhere(server, "/a.pdf")).path.read_bytes() == LARGE
    assert ranges(server) == [None, "bytes=100000-"] + [None] * (not taken)


def test_a_refusal_of_a_range_is_never_the_rest(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    wrong = replace(rest(100_000, len(LARGE) - 1, len(LARGE), b"x" * (len(LARGE) - 100_000)), status=416)
    server.on(THIRD, cut(100_000), wrong)
    assert make().fetch(ADDRESS, newest=1).path.read_bytes() == LARGE


@pytest.mark.parametrize("after", [0, 1])
def test_what_broke_off_at_its_beginning(server: LoopbackArxiv, make: Make, after: int) -> None:  # noqa: F811
    server.on(THIRD, cut(after))
    assert make().fetch(ADDRESS, newest=1).path.read_bytes() == LARGE
    assert ranges(server) == [None, "bytes=1-" if after else None]


def test_what_stands_behind_the_end_is_cut_off(server: LoopbackArxiv, cache: Cache, make: Make) -> None:  # noqa: F811
    server.on(THIRD, cut(100_000))
    with pytest.raises(Unreachable):
        make(retries=0).fetch(ADDRESS, newest=1)
    cache.part(f"{ADDRESS}v1").write_bytes(LARGE + b"of an older body")
    assert make().fetch(ADDRESS, newest=1).path.read_bytes() == LARGE
    assert ranges(server) == [None, f"bytes={len(LARGE) - 1}-"]


def test_a_rest_that_makes_it_too_large_is_not_read(server: LoopbackArxiv, cache: Cache, make: Make) -> None:  # noqa: F811
    broken_off_without_a_length(server, make)
    with pytest.raises(TooLarge):
        make(max_megabytes=0.15).fetch(ADDRESS, newest=1)
    assert list((cache.folder / "parts").iterdir()) == []


def test_a_body_of_just_the_size_allowed_is_taken(server: LoopbackArxiv, make: Make) -> None:  # noqa: F811
    size = len(LARGE)
    assert make(max_megabytes=size / 1e6).fetch(ADDRESS, newest=1).bytes == size
    with pytest.raises(TooLarge):
        make(max_megabytes=(size - 1) / 1e6).fetch(elsewhere(server, f"/pdf/{THIRD}v1"))


# Answers that say that nothing has changed


def test_nothing_has_changed_is_no_answer_where_that_was_not_asked(
    server: LoopbackArxiv, cache: Cache, make: Make  # noqa: F811
) -> None:  # fmt: skip
    server.on(f"/pdf/{ID}v3", answer(304), answer(304))
    with pytest.raises(Refused, match="304"):
        make().fetch(NAME, newest=3)
    make().fetch(NAME, newest=2)
    kept = make().fetch(NAME, newest=3)  # the second version is no answer to who asks for the third
    assert (kept.version, "304" in kept.note) == (2, True)
    assert cache.download(NAME).outcome == "failed"  # type: ignore[union-attr]


def test_a_part_is_dropped_where_the_held_body_is_still_good(
    server: LoopbackArxiv, cache: Cache, make: Make  # noqa: F811
) -> None:  # fmt: skip
    first = Page(LARGE, "application/pdf")
    server.pages["/a.pdf"] = first
    url = elsewhere(server, "/a.pdf")
    held = make().fetch(url)
    server.pages["/a.pdf"] = Page(LARGE + b"more", "application/pdf", last_modified="Wed, 15 Nov 2023 12:00:00 GMT")
    server.on("/a.pdf", cut(100_000))
    assert make(retries=0).fetch(url).note
    assert len(list((cache.folder / "parts").iterdir())) == 2
    server.pages["/a.pdf"] = first
    assert make().fetch(url).sha256 == held.sha256
    assert list((cache.folder / "parts").iterdir()) == []


# What a kill or a bad disk leaves


def test_a_body_that_was_whole_when_killed_costs_no_request(
    server: LoopbackArxiv, cache: Cache, make: Make  # noqa: F811
) -> None:  # fmt: skip
    """Killed after the note said so, and before the part file had a body's name."""
    body = make().fetch(ADDRESS, newest=1)
    line = cache.download(ADDRESS)
    assert line is not None
    cache.record(Download(ADDRESS, "", outcome="failed", reason="as it was before"))
    part = cache.part(f"{ADDRESS}v1")
    body.path.rename(part)
    Note(complete=line).write(part)
    again = make().fetch(ADDRESS, newest=1)
    assert (again.path.read_bytes(), cache.download(ADDRESS)) == (LARGE, line)
    assert len(server.requests) == 1
    assert list((cache.folder / "parts").iterdir()) == []


def test_a_part_that_is_not_what_its_note_says_is_no_body(
    server: LoopbackArxiv, cache: Cache, make: Make  # noqa: F811
) -> None:  # fmt: skip
    first = make().fetch(ADDRESS, newest=1)
    first.path.unlink()
    part = cache.part(f"{ADDRESS}v1")
    part.write_bytes(LARGE[:-5])
    Note(complete=cache.download(ADDRESS)).write(part)
    assert make().fetch(ADDRESS, newest=1).transferred
    assert [path.name for path in (cache.folder / "bodies").iterdir()] == [first.sha256]


def test_a_tag_that_a_bad_disk_has_altered_is_not_sent(server: LoopbackArxiv, cache: Cache, make: Make) -> None:  # noqa: F811
    part = cache.part(f"{ADDRESS}v1")
    part.write_bytes(LARGE[:1000])
    Note('"alt\x7fred"', total=len(LARGE)).write(part)
    assert make().fetch(ADDRESS, newest=1).transferred
    server.pages["/a"] = Page(b"<html>x</html>", last_modified="")
    make().fetch(elsewhere(server, "/a"))
    line = cache.download(elsewhere(server, "/a"))
    assert line is not None
    cache.record(replace(line, etag='"alt\x12red"', last_modified="\x12"))
    assert make().fetch(elsewhere(server, "/a")).note == ""
    assert not {"range", "if-none-match", "if-modified-since"} & server.requests[-1].headers.keys()
