"""The order in the reader's list: nothing else is touched, writing twice is writing once, taking out gives back the bytes."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from indexer import sources
from indexer.document import Entry
from indexer.sources import list_file, ordered_list
from indexer.sources.list_file import ListChanged, ListUnwritable
from indexer.sources.ordered_list import Absent, Changed, Item, NotWritable, Stage, apart, changed, removed, written
from indexer.sources.reading_list import read_markdown

ATTENTION = Item(
    "arxiv:1706.03762", "Attention Is All You Need", link="https://arxiv.org/abs/1706.03762", remark="2017"
)
ODD = Item(
    "https://example.org/a--b?q=<!--x-->&é", "<b>[A]</b> *title* `of`\n# 1. two_lines & &amp; $x$ -->", read=True
)
STAGES = (Stage("Foundations", (ATTENTION, ODD)), Stage("Then *this* <!-- one", (Item("file:/a b/ü.pdf", "C#"),)))
MISSING = (
    Absent("Deep Residual Learning [for] Image_Recognition", "1512.03385", remark="cited by 3 papers here"),
    Absent("A Title --> Alone of *Some* Length", remark="2015"),
    Absent("Learning Without Any Tears", doi="10.1000/(X)y<1>"),
)
LISTS = sorted(path.name for path in (SHARED / "lists").glob("*.md")) if SHARED.is_dir() else []
FRAGMENTS = st.sampled_from(
    ["\n", "\r\n", "\r", "- a", "```", "~~~", "<!--", "-->", "<!-- paperpath:order x -->", "<!-- /paperpath:order -->", "# A", "x\n---",
     "<!-- paperpath:missing -->", "<!-- /paperpath:missing title:a b -->", "<pre>", "<div>", "</div>", " ", "    ", "\t", "> ", "* ",
     "1. ", "---", "...", "\ufeff", "\x0c", "\x00", "[a]: <b", "[x](https://arxiv.org/abs/1706.03762)", "| a | b |", "|---|---|",
     "===", "é", "<script>", "<?", "<![CDATA[", "<!X", "\u2028", "`", "- [ ] a <!-- arxiv:1 -->", "https://arxiv.org/abs/2311.08105"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(st.one_of(FRAGMENTS, st.text(max_size=5)), max_size=25).map("".join))


def seen(text: str) -> list[tuple[Entry, ...]]:
    """What the parser makes of a list, lines aside."""
    entries, _ = read_markdown(text, "list.md")
    return [replace(e, mentions=tuple(replace(m, line=0) for m in e.mentions)) for e in entries]


def all_of(text: str) -> tuple[Stage, ...]:
    """An order of everything that a list holds."""
    items = {e.address: Item(e.address, e.title or e.address, n % 3 == 0, f"https://example.org/{n}", "2020")
             for n, e in enumerate(read_markdown(text, "list.md")[0])}  # fmt: skip
    found = list(items.values())
    return (Stage("One", tuple(found[::2])), Stage("Two", tuple(found[1::2])))


# ---------------------------------------------------------------- any text


@given(TEXTS)
@hypothesis_settings(deadline=None, max_examples=150)
@example("")
@example("\ufeff")
@example("\n\r")
@example("a\r")
@example("- a\n```\nunclosed <!-- paperpath:order x -->")
@example("<!-- a comment\n- never closed https://arxiv.org/abs/1706.03762")
@example("---\ntitle: x\n---\r\n- a")
@example("```\n<!-- paperpath:order x -->\n## H\n<!-- /paperpath:order -->\n```\n")
def test_what_is_written_into_any_text_can_be_taken_out(text: str) -> None:
    once = written(text, STAGES, MISSING)
    assert written(once, STAGES, MISSING) == once
    before = removed(text)
    assert removed(once) == before
    if before == text:
        assert changed(once) == {}
    assert removed(written(once, STAGES[:1], MISSING[:1])) == before
    assert removed(written(written(text, STAGES), STAGES, MISSING)) == before
    assert removed(written(written(text, (), MISSING), STAGES)) == before
    assert removed(written(once, ())) == before


@given(TEXTS)
@hypothesis_settings(deadline=None, max_examples=100)
def test_the_order_lists_nothing(text: str) -> None:
    if removed(text) != text:
        return
    assert seen(written(text, STAGES)) == seen(text)


@given(st.text(max_size=60))
@hypothesis_settings(deadline=None, max_examples=100)
@example("1. [x](y) ![z] <a> &lt; #")
@example("a_b _c_ C#")
def test_any_title_is_shown_as_it_is(title: str) -> None:
    shown = MarkdownIt("commonmark").enable("strikethrough")
    text = written(
        "# List\n", (Stage(title, (Item("title:x", title), Item("title:y", title, link="https://example.org/(a b)"))),)
    )
    plain = " ".join("".join(c if c.isprintable() else " " for c in title).split())
    said = [
        "".join(c.content for c in token.children or [] if c.type in ("text", "code_inline"))
        for token in shown.parse(text)
        if token.type == "inline"
    ]
    assert said[1:] == ["Reading order", f"1. {plain}".strip(), *[f"[ ] {plain or '?'} " if plain else "[ ] ? "] * 2]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), st.booleans())
@hypothesis_settings(deadline=None, max_examples=100)
@example("a--b-->", True)
@example("--", False)
def test_a_box_is_read_back_under_any_address(address: str, read: bool) -> None:
    text = written("- x", (Stage("S", (Item(address, "Title", read, also=("arxiv:1", "title:b--")),)),))
    assert changed(text) == {}
    turned = text.replace("- [x]", "- [ ]") if read else text.replace("- [ ]", "- [X]")
    assert changed(turned) == dict.fromkeys((address, "arxiv:1", "title:b--"), Changed(not read))
    assert written(turned, (Stage("S", (Item(address, "Title", not read),)),)) != turned


# ---------------------------------------------------------------- the block


LIST = "# Mine\n\n## Old\n- [ ] [Attention](https://arxiv.org/abs/1706.03762) a note\n- [x] [DiLoCo](https://arxiv.org/abs/2311.08105)\n"


def test_how_it_looks() -> None:
    text = written(
        LIST,
        (Stage("Foundations", (ATTENTION, replace(ATTENTION, address="arxiv:2311.08105", read=True))),),
        MISSING[:2],
    )
    assert (
        text
        == LIST
        + """
<!-- paperpath:order tick the boxes, they are read back; all else in here is written anew -->
## Reading order

### 1. Foundations

- [ ] [Attention Is All You Need](https://arxiv.org/abs/1706.03762) (2017) <!-- arxiv:1706.03762 -->
- [x] [Attention Is All You Need](https://arxiv.org/abs/1706.03762) (2017) <!-- read arxiv:2311.08105 -->

<!-- /paperpath:order -->

<!-- paperpath:missing cited by papers of this list; from the next reindex on these are listed too -->
## Missing from this list

- [ ] [Deep Residual Learning \\[for\\] Image_Recognition](https://arxiv.org/abs/1512.03385) <!-- paperpath: -->(cited by 3 papers here)<!-- : -->
- [ ] A Title --> Alone of \\*Some\\* Length <!-- title:a-title-alone-of-some-length --> <!-- paperpath: -->(2015)<!-- : -->

<!-- /paperpath:missing arxiv:1512.03385 title:a-title-alone-of-some-length -->
"""
    )


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("begins", ["", "\ufeff"])
@pytest.mark.parametrize("ends", [True, False])
def test_line_ends_and_marks_stay(line_end: str, begins: str, ends: bool) -> None:
    text = begins + LIST.replace("\n", line_end)
    text = text if ends else text.removesuffix(line_end)
    whole = written(text, STAGES, MISSING)
    assert whole.startswith(text) and set(re.findall(r"\r\n|\n|\r", whole)) == {line_end}
    assert whole.endswith(line_end) is ends and removed(whole) == text


def test_it_stays_where_it_was_put_and_what_is_added_around_it_too() -> None:
    text = written(LIST, STAGES)
    moved = (
        removed(text).replace("## Old", text[len(LIST) + 1 :] + "\n## Old")
        + "- [new](https://arxiv.org/abs/2401.04088)\n"
    )
    again = written(moved, STAGES[:1])
    assert again.index("### 1. Foundations") < again.index("## Old") and "### 2." not in again
    assert removed(again) == LIST + "- [new](https://arxiv.org/abs/2401.04088)\n"
    assert [e.mentions[0].section for e in read_markdown(again, "")[0]] == [("Mine", "Old")] * 3


def test_text_below_the_block_never_runs_into_the_line_above_it() -> None:
    text = written("- a", STAGES) + "\n- b"
    assert removed(text) == "- a\n- b"
    glued = text.replace("- a\n\n<!--", "- a\n<!--")  # somebody took the blank line out
    assert removed(glued) == "- a\n- b"


def test_of_two_orders_the_first_stays() -> None:
    text = written(LIST, STAGES)
    double = text + text[len(LIST) :]
    assert written(double, STAGES) == text


def test_a_broken_block_is_the_readers() -> None:
    text = written(LIST, STAGES)
    for broken in (
        text.replace("<!-- /paperpath:order -->", ""),
        text.replace("\n## Reading order", "\n```\n## Reading order"),
    ):
        assert removed(broken) == broken
        again = written(broken, STAGES)
        assert written(again, STAGES) == again and removed(again) == broken


# ---------------------------------------------------------------- check boxes


def boxes(folder: Path, text: str) -> dict[str, tuple[bool | None, bool | None]]:
    (folder / "list.md").write_bytes(text.encode())
    entries = sources.read_all([str(folder / "list.md")]).entries
    return {e.address: (e.mentions[0].checked, e.mentions[0].by_hand) for e in entries}


def test_boxes_changed_in_the_order_count_before_those_in_the_list(tmp_path: Path) -> None:
    stages = (Stage("S", (ATTENTION, Item("arxiv:2311.08105", "DiLoCo", read=True))),)
    text = written(LIST, stages)
    own = {"arxiv:1706.03762": (False, None), "arxiv:2311.08105": (True, None)}
    assert boxes(tmp_path, LIST) == boxes(tmp_path, text) == own
    ticked = text.replace("- [ ] [Attention Is", "- [x] [Attention Is")
    assert boxes(tmp_path, ticked) == own | {"arxiv:1706.03762": (False, True)}
    unticked = text.replace("- [x] DiLoCo", "- [ ] DiLoCo")
    assert boxes(tmp_path, unticked) == own | {"arxiv:2311.08105": (True, False)}
    assert {len(e.mentions) for e in sources.read(str(tmp_path / "list.md")).entries} == {1}
    assert not sources.read(str(tmp_path / "list.md")).warnings


def test_a_box_counts_for_what_another_source_lists(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("- https://arxiv.org/abs/1412.6980\n")
    text = written(LIST, (Stage("S", (Item("arxiv:1412.6980", "Adam"), Item("arxiv:1602.05629", "not listed"))),))
    (tmp_path / "list.md").write_text(text.replace("[ ] Adam", "[x] Adam").replace("[ ] not", "[x] not"))
    entries = sources.read_all([str(tmp_path / "list.md"), str(tmp_path / "other.md")]).entries
    found = {e.address: e.mentions[0] for e in entries}
    assert set(found) == {"arxiv:1706.03762", "arxiv:2311.08105", "arxiv:1412.6980"}
    assert found["arxiv:1412.6980"].checked is None and found["arxiv:1412.6980"].by_hand


def test_a_changed_box_says_by_which_mark_it_was_written() -> None:
    since = "2026-03-01T10:00:00+00:00"
    dated = Item("arxiv:1706.03762", "Attention", since=since, also=("doi:10.1/x",))
    text = written(LIST, (Stage("S", (dated, Item("arxiv:1412.6980", "Adam", read=True, since="2026--> 03"))),))
    assert removed(text) == LIST and changed(text) == {}
    other = text.replace("[ ] Attention", "[x] Attention").replace("[x] Adam", "[ ] Adam")
    said = Changed(True, since)
    assert changed(other) == {
        "arxiv:1706.03762": said,
        "doi:10.1/x": said,
        "arxiv:1412.6980": Changed(False, "2026--> 03"),
    }


def test_an_editor_that_drops_comments_in_items_loses_no_tick() -> None:
    text = written(LIST, (Stage("S", (ATTENTION,)),)).replace(" <!-- arxiv:1706.03762 -->", "")
    assert changed(text) == {}
    assert changed(text.replace("- [ ] [Attention Is", "- [x] [Attention Is")) == {"arxiv:1706.03762": Changed(True)}


# ---------------------------------------------------------------- missing papers


def test_missing_papers_are_entries_at_the_next_reading() -> None:
    text = written(LIST, STAGES, MISSING)
    entries, warnings = read_markdown(text, "list.md")
    assert not warnings and [e.address for e in entries] == [
        "arxiv:1706.03762", "arxiv:2311.08105", "arxiv:1512.03385", "title:a-title-alone-of-some-length", "doi:10.1000/(x)y<1>",
    ]  # fmt: skip
    new = entries[2:]
    assert [e.title for e in new] == [
        "Deep Residual Learning [for] Image_Recognition",
        "A Title --> Alone of *Some* Length",
        "Learning Without Any Tears",
    ]
    assert {(m.section, m.note, m.checked) for e in new for m in e.mentions} == {((), "", False)}, (
        "our heading is no section of the reader's"
    )
    lines = text.split("\n")
    assert all(e.title[:9] in lines[(e.mentions[0].line or 0) - 1] for e in new)


def test_what_stands_among_the_missing_is_the_readers() -> None:
    text = written(LIST, STAGES, MISSING[:2])
    kept = text.replace("- [ ] A Title", "- [x] A Title").replace("<!-- : -->\n- [x]", "<!-- : --> my words\n- [x]")
    entries, _ = read_markdown(kept, "list.md")
    assert entries[2].mentions[0].note == "my words" and entries[3].mentions[0].checked
    more = written(
        kept, STAGES, (*MISSING, Absent("Attention, once more", "1706.03762v5"), Absent("DiLoCo", "2311.08105"))
    )
    assert len(read_markdown(more, "")[0]) == 6  # the DOI, and an id with a version is another address
    assert " my words\n" in more and "- [x] A Title" in more
    assert written(more, STAGES, ()) == more


def test_what_is_taken_out_of_the_missing_is_not_put_back() -> None:
    text = written(LIST, STAGES, MISSING)
    (line,) = (line for line in text.splitlines(keepends=True) if "1512.03385)" in line)
    without = text.replace(line, "")
    assert written(without, STAGES, MISSING) == without
    linked = text.replace("A Title --> Alone of \\*Some\\* Length", "[A Title](https://example.org/x.pdf)")
    assert "https://example.org/x.pdf" in {e.address for e in read_markdown(linked, "")[0]}


# ---------------------------------------------------------------- other people's lists


@needs_shared
@pytest.mark.parametrize("name", LISTS)
def test_a_real_list(name: str, tmp_path: Path) -> None:
    data = (SHARED / "lists" / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data)
    before = sources.read(str(path))
    file = list_file.opened(str(path))
    assert list_file.replace(file, written(file.text, all_of(file.text), MISSING))
    once = path.read_bytes()
    assert once != data
    file = list_file.opened(str(path))
    assert not list_file.replace(file, written(file.text, all_of(removed(file.text)), MISSING))
    assert path.read_bytes() == once and changed(file.text) == {}
    after = sources.read(str(path))
    known = {e.address for e in before.entries}
    assert tuple(e for e in after.entries if e.address in known) == before.entries
    assert {e.address for e in after.entries} == known | {paper.address for paper in MISSING}
    assert after.warnings == before.warnings
    list_file.replace(file, removed(file.text))
    assert path.read_bytes() == data


# ---------------------------------------------------------------- the file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "list.md"
    path.write_bytes(b"\xef\xbb\xbf- [a](https://arxiv.org/abs/1706.03762)\r\n")
    return path


def test_a_list_is_replaced_as_a_whole_with_its_mode_through_a_link(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "link.md"
    link.symlink_to(path)
    file = list_file.opened(str(link))
    assert file.text.startswith("\ufeff") and not list_file.replace(file, file.text)
    assert list_file.replace(file, written(file.text, STAGES))
    assert link.is_symlink() and path.stat().st_mode & 0o777 == 0o640
    assert path.read_bytes() == written(file.text, STAGES).encode() and sorted(os.listdir(tmp_path)) == [
        "link.md",
        "list.md",
    ]


@pytest.mark.parametrize("text", ["", "new"])
def test_a_list_that_was_changed_meanwhile_is_left_alone(path: Path, text: str) -> None:
    file = list_file.opened(str(path))
    path.write_bytes(b"- mine\n")
    with pytest.raises(ListChanged, match="changed"):
        list_file.replace(file, text or file.text)
    assert path.read_bytes() == b"- mine\n"
    path.unlink()
    with pytest.raises(ListChanged, match="removed"):
        list_file.replace(file, text or file.text)
    assert os.listdir(path.parent) == []


def test_a_list_that_can_not_be_written_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = list_file.opened(str(path))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(list_file.files, "replace", full)
    with pytest.raises(ListUnwritable, match="no space left"):
        list_file.replace(file, "new")
    assert path.read_bytes() == file.data and os.listdir(path.parent) == ["list.md"]
    path.chmod(0o444)
    with pytest.raises(ListUnwritable, match="read-only"):
        list_file.opened(str(path))


@pytest.mark.parametrize(
    "name", ["-", "", "folder", "folder.md", "list.bib", "paper.pdf", "missing.md", "latin.md", "arxiv:1706.03762"]
)
def test_what_is_no_list_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("folder", "folder.md"):
        (tmp_path / folder).mkdir()
    for file in ("list.bib", "paper.pdf"):
        (tmp_path / file).write_text("@misc{a, title = {b}}")
    (tmp_path / "latin.md").write_bytes(b"- a\n- caf\xe9\n")
    with pytest.raises(NotWritable) as refused:
        list_file.opened(name)
    assert refused.value.cure and (name == "" or name == "-" or name in refused.value.message)
    if name == "latin.md":
        assert "line 2" in refused.value.message


def test_lists_without_our_blocks_are_read_as_they_are() -> None:
    assert apart(LIST) == (LIST, []) and ordered_list.removed(LIST) == LIST
