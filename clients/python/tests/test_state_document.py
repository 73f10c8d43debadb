"""States as models and as open objects."""

from __future__ import annotations

import datetime
import enum
import json
import random
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, computed_field, model_validator

from polos.errors import StateSizeError, StateValidationError
from polos.state.state_document import Recorded, StateDocument
from polos.workflow_state import WorkflowState


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    name: str
    amount: Decimal = Decimal(0)


class Rich(WorkflowState):
    when: datetime.datetime = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    color: Color = Color.RED
    tags: set[str] = set()
    pair: tuple[int, str] = (1, "one")
    by_number: dict[int, str] = {}
    items: list[Item] = []
    raw: bytes = b""
    ratio: float = 0.0
    anything: Any = None
    camel_case: int = Field(default=0, alias="camelCase")
    _private: int = PrivateAttr(default=5)

    model_config = ConfigDict(populate_by_name=True)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def count(self) -> int:
        return len(self.items)


def opened(model: type[BaseModel] | None = None, initial: dict[str, Any] | None = None) -> StateDocument:
    text = "" if initial is None else json.dumps(initial)
    return StateDocument.open(text, Recorded(text, 1), model)


def saved(document: StateDocument) -> dict[str, Any]:
    """Saves what changed. Returns what is saved by then."""
    change = document.change()
    if change is not None:
        document.committed(change, document.revision + 1)
    state: dict[str, Any] = document._committed
    return state


def test_a_model_fills_in_defaults_and_writes_its_own_json() -> None:
    document = opened(Rich, {"camelCase": 3, "unknown": 1})
    state = document.current
    assert state.camel_case == 3
    state.tags |= {"b", "a", "c"}
    state.by_number[1] = "one"
    state.items.append(Item(name="x", amount=Decimal("1.50")))
    state.raw = b"bytes"
    state.ratio = 2.0
    state._private = 7
    expected = {
        "when": "2026-01-01T00:00:00Z",
        "color": "red",
        "tags": ["a", "b", "c"],
        "pair": [1, "one"],
        "by_number": {"1": "one"},
        "items": [{"name": "x", "amount": "1.50"}],
        "raw": "bytes",
        "ratio": 2,
        "anything": None,
        "camelCase": 3,
    }
    assert saved(document) == expected
    assert document.change() is None
    draft = document.draft()
    assert draft.current.model_dump() == state.model_dump()
    assert draft.patch() == ""


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("anything", {1, 2}, "/anything"),
        ("anything", (1, 2), "/anything"),
        ("anything", {"deep": [datetime.date(2026, 1, 1)]}, "/anything/deep/0"),
        ("anything", {"deep": {1: 2}}, "/anything/deep/1"),
        ("anything", Color.RED, "/anything"),
        ("anything", float("nan"), "/anything"),
        ("anything", 2**53, "/anything"),
        ("anything", "\ud800", "/anything"),
        ("anything", Item(name="x"), "/anything"),
        ("ratio", float("inf"), "/ratio"),
        ("camel_case", 2**60, "/camelCase"),
    ],
)
def test_a_model_refuses_what_json_would_alter_and_says_where(field: str, value: Any, path: str) -> None:
    document = opened(Rich)
    setattr(document.current, field, value)
    with pytest.raises(StateValidationError) as caught:
        document.change()
    assert caught.value.issues[0].path.startswith(path)


def test_a_model_checks_assignments_at_once_and_other_changes_when_it_is_saved() -> None:
    document = opened(Rich)
    with pytest.raises(StateValidationError) as caught:
        document.current.camel_case = "many"
    assert caught.value.issues[0].path == "/camel_case"
    assert isinstance(caught.value, ValueError)
    document.current.items.append("no item")
    with pytest.raises(StateValidationError) as caught:
        document.change()
    assert caught.value.issues[0].path == "/items/0"
    cyclic: dict[str, Any] = {}
    cyclic["again"] = cyclic
    document.current.items.clear()
    document.current.anything = cyclic
    with pytest.raises(StateValidationError):
        document.change()


def test_a_state_can_be_assigned_as_a_whole() -> None:
    document = opened(Rich)
    document.assign(Rich(camelCase=4))
    assert saved(document)["camelCase"] == 4
    document.assign({"camelCase": 5})
    assert document.current.camel_case == 5
    values: tuple[Any, ...] = (None, [], {"camelCase": "x"}, Item(name="x"))
    for value in values:
        with pytest.raises(StateValidationError):
            document.assign(value)
    open_document = opened()
    open_document.assign([1])
    with pytest.raises(StateValidationError, match="plain dict"):
        open_document.change()


def test_an_initial_state_that_does_not_fit_is_refused() -> None:
    with pytest.raises(StateValidationError, match="the initial state is not valid: /camelCase"):
        opened(Rich, {"camelCase": "x"})


def test_a_size_of_1_048_576_bytes_is_the_most() -> None:
    for model in (None, Rich):
        document = opened(model)
        document.assign({"anything": ""})
        rest = len(json.dumps(saved(document), separators=(",", ":")))
        document.assign({"anything": "ü" * ((1_048_576 - rest) // 2)})
        assert document.change() is not None
        document.assign({"anything": "ü" * ((1_048_576 - rest) // 2 + 1)})
        with pytest.raises(StateSizeError) as caught:
            document.change()
        assert caught.value.max_size == 1_048_576
        assert caught.value.size > 1_048_576


def test_a_step_s_changes_are_applied_in_place() -> None:
    document = opened(Rich, {"items": [{"name": "a"}, {"name": "b"}]})
    items, second = document.current.items, document.current.items[1]
    draft = document.draft()
    draft.current.items.insert(0, Item(name="zero"))
    draft.current.by_number[3] = "three"
    draft.current.when = datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone.utc)
    patch = draft.patch()
    assert document.conflict(patch, draft.base) is None
    document.apply(patch)
    assert document.current.items is items
    assert [item.name for item in items] == ["zero", "a", "b"]
    assert document.current.by_number == {3: "three"}
    assert document.current.when.year == 2027
    assert items[2] is second
    draft = document.draft()
    draft.current.items[2].amount = Decimal(9)
    document.apply(draft.patch())
    assert second.amount == Decimal(9)
    assert saved(document) == document._form.document(document.current)


def test_fields_that_depend_on_each_other_are_checked_together() -> None:
    class Span(WorkflowState):
        low: int = 0
        high: int = 10

        @model_validator(mode="after")
        def ordered(self) -> Span:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    document = opened(Span)
    draft = document.draft()
    draft.current.low = 8
    document.current.high = 5
    patch = draft.patch()
    assert document.conflict(patch, draft.base) is None
    with pytest.raises(StateValidationError, match="low is above high"):
        document.apply(patch)


def test_frozen_models_are_replaced() -> None:
    class Point(BaseModel):
        model_config = ConfigDict(frozen=True)
        x: int = 0

    class Points(WorkflowState):
        first: Point = Point()
        all: list[Point] = []

    document = opened(Points)
    draft = document.draft()
    draft.current.first = Point(x=1)
    draft.current.all.append(Point(x=2))
    document.apply(draft.patch())
    assert saved(document) == {"first": {"x": 1}, "all": [{"x": 2}]}


@pytest.mark.parametrize("seed", range(100))
def test_a_model_that_is_changed_by_patches_is_what_its_document_says(seed: int) -> None:
    class Node(BaseModel):
        value: int = 0
        children: list[Node] = []
        named: dict[str, Node] = {}

    Node.model_rebuild(_types_namespace={"Node": Node})

    class Tree(WorkflowState):
        root: Node = Node()

    source = random.Random(seed)

    def change(node: Node) -> None:
        for _ in range(source.randint(1, 4)):
            kind = source.randint(0, 5)
            if kind == 0:
                node.value = source.randint(0, 9)
            elif kind == 1:
                node.children.insert(source.randint(0, len(node.children)), Node(value=source.randint(0, 9)))
            elif kind == 2 and node.children:
                del node.children[source.randrange(len(node.children))]
            elif kind == 3:
                node.named[source.choice("ab")] = Node(value=source.randint(0, 9))
            elif kind == 4 and node.named:
                node.named.popitem()
            elif node.children:
                change(source.choice(node.children))

    document = opened(Tree)
    root = document.current.root
    for _ in range(6):
        draft = document.draft()
        change(draft.current.root)
        patch = draft.patch()
        if patch:
            document.apply(patch)
        assert document.current == draft.current
        assert document.current.root is root
