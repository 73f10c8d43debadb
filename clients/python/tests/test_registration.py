"""What a worker declares."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, TypeAdapter, WrapValidator

from polos._gen.polos.v1.worker_pb2 import WorkflowDefinition
from polos.json_schema import to_json_schema_text
from polos.registration import to_registration
from polos.version import SDK_VERSION
from polos.workflow import Workflow, workflow
from polos.workflow_state import WorkflowState

LOGGER = logging.getLogger("polos.test")


class Order(BaseModel):
    item_id: int = Field(alias="itemId")
    price: Decimal = Decimal(0)
    tags: tuple[str, ...] = ()


class Counter(WorkflowState):
    n: int = 0


def definition_of(made: Workflow[Any, Any, Any]) -> WorkflowDefinition:
    registration = to_registration([made], deployment_id="d", build_id=None, max_concurrent_workflows=7, logger=LOGGER)
    assert (registration.sdk_name, registration.sdk_version) == ("polos-python", SDK_VERSION)
    assert (registration.deployment_id, registration.max_concurrent_executions) == ("d", 7)
    return registration.workflows[0]


def test_all_that_is_configured_is_declared() -> None:
    @workflow(
        state_schema=Counter,
        state_index=["n"],
        description="takes orders",
        queue={"name": "orders", "concurrency_limit": 5},
        max_retries=0,
        max_delay=0.5,
        run_timeout_seconds=90,
        trigger_on_event="orders",
        batch_size=10,
        batch_timeout_seconds=2.5,
        auto_register=False,
    )
    async def order(ctx: Any, payload: Order) -> list[int]:
        return []

    made = definition_of(order)
    assert (made.id, made.description, made.queue, made.queue_concurrency_limit) == (
        "order",
        "takes orders",
        "orders",
        5,
    )
    assert json.loads(made.payload_schema)["properties"]["itemId"] == {"title": "Itemid", "type": "integer"}
    assert json.loads(made.payload_schema)["required"] == ["itemId"]
    assert json.loads(made.state_schema)["properties"] == {"n": {"default": 0, "title": "N", "type": "integer"}}
    assert json.loads(made.result_schema)["items"] == {"type": "integer"}
    assert list(made.state_index) == ["n"]
    assert made.retry_policy.HasField("max_retries")
    assert (made.retry_policy.max_retries, made.retry_policy.HasField("base_delay")) == (0, False)
    assert made.retry_policy.max_delay.nanos == 500_000_000
    assert made.run_timeout.seconds == 90
    assert (made.trigger.topic, made.trigger.batch_size) == ("orders", 10)
    assert (made.trigger.batch_timeout.seconds, made.trigger.batch_timeout.nanos) == (2, 500_000_000)
    assert not made.HasField("schedule")


def test_what_is_left_out_is_left_to_the_server() -> None:
    @workflow(schedule="0 3 * * *", auto_register=False)
    async def plain(ctx: Any) -> Any: ...

    made = definition_of(plain)
    assert (made.queue, made.payload_schema, made.state_schema, made.result_schema) == ("", "", "", "")
    assert not made.HasField("retry_policy")
    assert not made.HasField("run_timeout")
    assert not made.HasField("trigger")
    assert (made.schedule.cron, made.schedule.timezone) == ("0 3 * * *", "UTC")


def test_what_json_schema_cannot_say_is_left_open() -> None:
    class Held:
        pass

    class Holder(BaseModel, arbitrary_types_allowed=True):
        even: Annotated[int, AfterValidator(lambda n: n)]
        held: Held = Held()

    document = json.loads(to_json_schema_text(Holder, "input"))
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["properties"]["even"]["type"] == "integer"
    assert "type" not in document["properties"]["held"]


def test_what_a_function_changes_first_may_be_anything() -> None:
    class Lenient(BaseModel):
        number: Annotated[int, BeforeValidator(len)]
        wrapped: Annotated[int, WrapValidator(lambda given, handler: 0)]
        said: Annotated[int, BeforeValidator(int, json_schema_input_type=str)]

    document = json.loads(to_json_schema_text(Lenient, "input"))
    assert document["properties"]["number"] == {"title": "Number"}
    assert document["properties"]["wrapped"] == {"title": "Wrapped"}
    assert document["properties"]["said"]["type"] == "string"
    assert json.loads(to_json_schema_text(Lenient, "output"))["properties"]["number"]["type"] == "integer"


def test_a_schema_that_cannot_be_written_costs_the_check_only(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(BaseModel):
        @classmethod
        def __get_pydantic_json_schema__(cls, *_: Any) -> Any:
            raise RuntimeError("no schema today")

    @workflow(auto_register=False)
    async def broken(ctx: Any, payload: Broken) -> None: ...

    assert definition_of(broken).payload_schema == ""
    assert "no schema today" in caplog.text


def test_both_sides_of_a_schema_are_told_apart() -> None:
    schema = TypeAdapter(Decimal)
    assert to_json_schema_text(schema, "input") != to_json_schema_text(schema, "output")


def test_the_version_is_that_of_the_package() -> None:
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'\nversion = "{SDK_VERSION}"\n' in project
