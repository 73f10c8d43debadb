"""Definitions of workflows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypedDict

from polos.automatic_starts import ScheduleConfig
from polos.queue import Queue
from polos.registry import get_all_workflows, get_workflow, global_registry
from polos.workflow import Workflow, workflow
from polos.workflow_state import WorkflowState


class Order(BaseModel):
    item: str


@dataclass
class Parcel:
    weight: float


class Note(TypedDict):
    text: str


class Counter(WorkflowState):
    n: int = 0


def test_a_bare_decorator_takes_its_id_from_the_function() -> None:
    @workflow
    async def bare(ctx: Any, order: Order) -> int:
        return 1

    assert isinstance(bare, Workflow)
    assert (bare.id, bare.is_async, bare.takes_payload) == ("bare", True, True)
    assert get_workflow("bare") is bare
    assert get_all_workflows()["bare"] is bare


def test_options_become_the_configuration() -> None:
    @workflow(
        id="full",
        state_schema=Counter,
        queue={"concurrency_limit": 3},
        schedule={"cron": "0 3 * * *", "timezone": "Europe/Berlin"},
        max_retries=5,
        auto_register=False,
    )
    def full(ctx: Any) -> None: ...

    config = full.config
    assert config.queue == Queue("full", 3)
    assert config.schedule == ScheduleConfig("0 3 * * *", "Europe/Berlin")
    assert (config.state_schema, config.max_retries) == (Counter, 5)
    assert (full.is_async, full.takes_payload) == (False, False)
    assert global_registry.get("full") is None


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (Order, '{"item":"a"}', Order(item="a")),
        (Parcel, '{"weight":1}', Parcel(weight=1.0)),
        (Note, '{"text":"a"}', {"text": "a"}),
        (dict, '{"a":1}', {"a": 1}),
        ("Order | Parcel", '{"weight":1}', Parcel(weight=1.0)),
        ("list[Order]", '[{"item":"a"}]', [Order(item="a")]),
    ],
)
def test_the_annotation_is_the_schema_of_the_payload(annotation: Any, text: str, value: object) -> None:
    async def handler(ctx: Any, payload: Any) -> Any: ...

    handler.__annotations__["payload"] = annotation
    schema = workflow(handler).config.payload_schema
    assert schema is not None
    assert schema.validate_json(text) == value


def test_what_says_nothing_is_no_schema() -> None:
    @workflow(auto_register=False)
    async def unannotated(ctx, payload): ...  # type: ignore[no-untyped-def]

    assert unannotated.takes_payload
    assert (unannotated.config.payload_schema, unannotated.config.output_schema) == (None, None)


def test_annotations_may_name_what_a_function_holds() -> None:
    class Local(BaseModel):
        n: int

    @workflow(auto_register=False)
    async def local(ctx: Any, payload: Local) -> Local:
        return payload

    assert local.config.payload_schema is not None
    assert local.config.payload_schema.validate_json('{"n":1}') == Local(n=1)
    assert local.config.output_schema is not None


def test_annotations_may_name_what_comes_later() -> None:
    @workflow(auto_register=False)
    async def early(ctx: Any, payload: Late) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NameError, match="Late"):
        _ = early.config
    globals()["Late"] = Order
    try:
        assert early.config.payload_schema is not None
    finally:
        del globals()["Late"]


def test_the_contexts_annotation_may_be_for_type_checkers_only() -> None:
    @workflow(auto_register=False)
    async def typed(ctx: OnlyForTypeCheckers, order: Order) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert typed.config.payload_schema is not None


def test_an_output_schema_wins_over_the_annotation() -> None:
    @workflow(output_schema=list[int], auto_register=False)
    async def listed(ctx: Any) -> Any: ...

    assert isinstance(listed.config.output_schema, TypeAdapter)
    assert listed.config.output_schema.validate_json("[1]") == [1]


def test_an_object_with_call_can_be_a_handler() -> None:
    class Handler:
        async def __call__(self, ctx: Any, order: Order) -> int:
            return 1

    made = workflow(id="object", auto_register=False)(Handler())
    assert (made.is_async, made.takes_payload) == (True, True)
    assert made.config.payload_schema is not None


async def _no_context() -> None: ...
async def _three(ctx: Any, a: int, b: int) -> None: ...
async def _keyword(ctx: Any, *, a: int) -> None: ...


@pytest.mark.parametrize("handler", [_no_context, _three, _keyword])
def test_a_handler_of_other_parameters_is_refused(handler: Any) -> None:
    with pytest.raises(TypeError, match="must take a context"):
        workflow(handler)


class _NoSchema:
    pass


def test_a_type_without_a_schema_is_refused() -> None:
    async def handler(ctx: Any, payload: _NoSchema) -> None: ...

    with pytest.raises(TypeError, match="no schema for"):
        workflow(handler)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"id": ""}, TypeError),
        ({"id": "a\n"}, TypeError),
        ({"id": "ä" * 101}, TypeError),
        ({"queue": 7}, TypeError),
        ({"state_schema": dict}, TypeError),
        ({"state_index": "n"}, TypeError),
        ({"schedule": {"cron": 5}}, TypeError),
        ({"schedule": {"cron": "* * * * *", "key": "a"}}, TypeError),
        ({"schedule": 7}, TypeError),
        ({"trigger_on_event": ""}, TypeError),
        ({"batch_size": 2}, TypeError),
        ({"trigger_on_event": "a", "batch_size": 0}, ValueError),
        ({"trigger_on_event": "a", "batch_size": 1_001}, ValueError),
        ({"trigger_on_event": "a", "batch_timeout_seconds": -1}, ValueError),
        ({"trigger_on_event": "a", "batch_timeout_seconds": float("nan")}, ValueError),
        ({"max_retry": 1}, TypeError),
        ({"on_start": "no hook"}, TypeError),
    ],
)
def test_what_no_server_takes_is_refused(options: dict[str, Any], kind: type[Exception]) -> None:
    async def handler(ctx: Any) -> None: ...

    with pytest.raises(kind):
        workflow(**options)(handler)
