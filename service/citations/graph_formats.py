"""The citation graph in the formats of other programs: JSON, GraphML, Graphviz's dot, Mermaid. Any title is safe in each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from service.citations.graph import Edge, GraphAnswer, Node

_NO_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEPT_IN_MERMAID = re.compile(r"[^\w .,-]|_")  # the rest is written by its number: none of it can be syntax
_LABEL = 60  # characters of a title on a drawing
_STYLES = {"builds on": "bold", "uses": "solid", "compares with": "dashed", "mentions": "dotted"}
_ARROWS = {"builds on": "==>", "uses": "-->", "compares with": "-.->", "mentions": "-.->"}
MOST_IN_MERMAID = 500
"""Edges that Mermaid draws unless it is told otherwise (its `maxEdges`)."""


def as_data(answer: GraphAnswer) -> dict[str, Any]:
    """The graph as plain data, in the names of the JSON."""
    from pydantic import TypeAdapter

    return TypeAdapter(GraphAnswer).dump_python(answer, mode="json", by_alias=True)


def as_json(answer: GraphAnswer) -> str:
    """The graph as one line of JSON, in ASCII: no character of a title can steer a terminal."""
    return json.dumps(as_data(answer)) + "\n"


def as_graphml(answer: GraphAnswer) -> str:
    """The graph in GraphML (Brandes et al., "GraphML Progress Report" (2002)): Gephi, yEd, Cytoscape and networkx read it.

    A node's id is the document's. Characters that XML has no room for are left out.
    """
    root = ElementTree.Element("graphml", {"xmlns": "http://graphml.graphdrawing.org/xmlns"})
    keys = (("node", "title", "string"), ("node", "year", "int"), ("node", "text", "string"), ("edge", "role", "string"),
            ("edge", "count", "int"), ("edge", "basis", "string"), ("edge", "weight", "double"))  # fmt: skip
    for kind, name, type_ in keys:
        ElementTree.SubElement(root, "key", {"id": name, "for": kind, "attr.name": name, "attr.type": type_})
    graph = ElementTree.SubElement(root, "graph", {"id": "citations", "edgedefault": "directed"})
    for node in answer.nodes:
        made = ElementTree.SubElement(graph, "node", {"id": _xml(node.id)})
        _data(made, {"title": node.title, "year": node.year, "text": node.text})
    for edge in answer.edges:
        made = ElementTree.SubElement(graph, "edge", {"source": _xml(edge.from_), "target": _xml(edge.to)})
        _data(made, {"role": edge.role, "count": edge.count, "basis": edge.basis, "weight": edge.weight})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def as_dot(answer: GraphAnswer) -> str:
    """The graph in Graphviz's language, an arrow from the citing to the cited; bold where it builds on it."""
    lines = ["digraph citations {", "  rankdir=BT;", "  node [shape=box];"]
    lines += [
        f"  {_quoted(node.id)} [label={_quoted(_label(node))}, tooltip={_quoted(node.title)}];" for node in answer.nodes
    ]
    lines += [
        f"  {_quoted(edge.from_)} -> {_quoted(edge.to)}"
        f" [style={_STYLES[edge.role]}, tooltip={_quoted(_said(edge))}, role={_quoted(edge.role)}, count={edge.count}];"
        for edge in answer.edges
    ]
    return "\n".join([*lines, "}"]) + "\n"


def as_mermaid(answer: GraphAnswer) -> str:
    """The graph as a Mermaid flowchart, for markdown; see `MOST_IN_MERMAID`."""
    number = {node.id: f"n{n}" for n, node in enumerate(answer.nodes)}
    lines = ["flowchart BT"]
    lines += [f'  {number[node.id]}["{_coded(_label(node))}"]' for node in answer.nodes]
    lines += [
        f'  {number[edge.from_]} {_ARROWS[edge.role]}|"{_coded(_said(edge))}"| {number[edge.to]}'
        for edge in answer.edges
    ]
    return "\n".join(lines) + "\n"


FORMATS: Mapping[str, Callable[[GraphAnswer], str]] = {
    "json": as_json, "graphml": as_graphml, "dot": as_dot, "mermaid": as_mermaid
}  # fmt: skip


def _label(node: Node) -> str:
    title = " ".join(node.title.split())
    short = title if len(title) <= _LABEL else title[:_LABEL].rsplit(" ", 1)[0] + " …"
    return f"{short} ({node.year})" if node.year else short


def _said(edge: Edge) -> str:
    return edge.role if edge.count == 1 else f"{edge.role}, {edge.count} times"


def _data(element: ElementTree.Element, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if value is not None:
            ElementTree.SubElement(element, "data", {"key": name}).text = _xml(str(value))


def _xml(text: str) -> str:
    return _NO_XML.sub("", text)


def _quoted(text: str) -> str:
    """A string of the dot language, in which backslashes, quotes and line ends stand for nothing but themselves."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _coded(text: str) -> str:
    """A text of Mermaid's, all but letters, digits and a few signs by their numbers."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return _KEPT_IN_MERMAID.sub(lambda match: f"#{ord(match[0])};", plain)
