"""A citation graph as a test gives it, and orders made with it: so that what they should be is clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from indexer.library import Generation
from service import citations
from service.citations import Basis, Citation, Place, Wanted
from service.citations.roles import Role
from service.reading_order import Order, Solved, reading_order, solved


@dataclass(frozen=True)
class Cites:
    """How one paper cites another. `sections` has that of each mention."""

    role: Role
    sections: Sequence[str] = ()
    weight: float = 1.0
    basis: Basis = "bibliography"
    count: int = 1


Roles = Mapping[tuple[str, str], "Role | Cites"]


@dataclass
class Given:
    """The graph of {(citing, cited): role} by ids; what the library does not hold is wanted."""

    generation: Generation
    roles: Roles
    years: dict[int, int] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.at = {summary.id: summary.position for summary in self.generation.catalogue.summaries}
        self.same_as = tuple(self.at[self.copies.get(one, one)] for one in self.at)
        every = {ends: how if isinstance(how, Cites) else Cites(how) for ends, how in sorted(self.roles.items())}
        self.citations = tuple(
            Citation(self.at[a], self.at[b], max(how.count, len(how.sections)), how.role, self._places(a, how),
                     how.basis, "title", how.weight)
            for (a, b), how in every.items() if b in self.at
        )  # fmt: skip
        lacked = sorted({b for _, b in every} - self.at.keys())
        self.wanted = tuple(
            Wanted(one, (), None, None, None, tuple((self.at[a], how.count, how.role)
                                                   for (a, b), how in every.items() if b == one))
            for one in lacked
        )  # fmt: skip

    def _places(self, citing: str, how: Cites) -> tuple[Place, ...]:
        text = self.generation.catalogue.page_texts([(self.at[citing], 0)])[self.at[citing], 0].text
        return tuple(Place(text, 1, section, 0, len(text), 0) for section in how.sections)

    def cites(self, position: int) -> tuple[Citation, ...]:
        return tuple(c for c in self.citations if c.citing == self.same_as[position])

    def cited_by(self, position: int) -> tuple[Citation, ...]:
        return tuple(c for c in self.citations if c.cited == self.same_as[position])


def ordered(generation: Generation, roles: Roles, **asked) -> Order:
    """The order that this graph leads to."""
    given = Given(generation, roles, **{name: asked.pop(name) for name in ("years", "copies") if name in asked})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(citations, "of", lambda _: given)
        return reading_order(generation, **asked)


def whole_of(generation: Generation, roles: Roles) -> Solved:
    """What that order is made from, of all papers."""
    return solved(generation, Given(generation, roles), range(len(generation.catalogue.summaries)))  # type: ignore[arg-type]


def ids_of(order: Order) -> list[str]:
    return [step.id for step in order.order]
