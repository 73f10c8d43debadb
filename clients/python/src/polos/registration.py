"""What a worker declares of its workflows."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter

from ._gen.polos.v1 import worker_pb2 as pb
from ._gen.polos.v1.execution_pb2 import RetryPolicy
from ._gen.polos.v1.worker_service_pb2 import RegisterWorkerRequest
from .json_schema import SchemaSide, to_json_schema_text
from .queue import queue_name
from .time import to_optional_duration
from .version import SDK_NAME, SDK_VERSION
from .workflow import Workflow, WorkflowConfig


def to_registration(
    workflows: Sequence[Workflow[Any, Any, Any]],
    *,
    deployment_id: str | None,
    build_id: str | None,
    max_concurrent_workflows: int,
    logger: logging.Logger,
) -> RegisterWorkerRequest:
    """Declares a worker's workflows with their schemas. A schema that cannot be written only costs the server's check."""
    return RegisterWorkerRequest(
        workflows=[_to_definition(each.config, logger) for each in workflows],
        deployment_id=deployment_id or "",
        build_id=build_id or "",
        sdk_name=SDK_NAME,
        sdk_version=SDK_VERSION,
        identity=f"{socket.gethostname()}:{os.getpid()}"[:200],
        max_concurrent_executions=max_concurrent_workflows,
    )


def _to_definition(config: WorkflowConfig, logger: logging.Logger) -> pb.WorkflowDefinition:
    def write(what: str, schema: TypeAdapter[Any] | type[BaseModel] | None, side: SchemaSide) -> str:
        if schema is None:
            return ""
        try:
            return to_json_schema_text(schema, side)
        except Exception as error:
            logger.warning(
                'the %s schema of "%s" is not known to the server, because of this: %s', what, config.id, error
            )
            return ""

    queue = config.queue
    return pb.WorkflowDefinition(
        id=config.id,
        description=config.description or "",
        queue=queue_name(queue),
        queue_concurrency_limit=(queue.concurrency_limit or 0) if queue is not None else 0,
        payload_schema=write("payload", config.payload_schema, "input"),
        state_schema=write("state", config.state_schema, "input"),
        result_schema=write("output", config.output_schema, "output"),
        retry_policy=_to_retry_policy(config),
        run_timeout=to_optional_duration(f'run_timeout_seconds of "{config.id}"', config.run_timeout_seconds),
        state_index=config.state_index,
        state_version=config.state_version,
        schedule=_to_schedule(config),
        trigger=_to_trigger(config),
    )


def _to_retry_policy(config: WorkflowConfig) -> RetryPolicy | None:
    if config.max_retries is None and config.base_delay is None and config.max_delay is None:
        return None
    return RetryPolicy(
        max_retries=config.max_retries,
        base_delay=to_optional_duration(f'base_delay of "{config.id}"', config.base_delay),
        max_delay=to_optional_duration(f'max_delay of "{config.id}"', config.max_delay),
    )


def _to_schedule(config: WorkflowConfig) -> pb.ScheduleDeclaration | None:
    rule = config.schedule
    return None if rule is None else pb.ScheduleDeclaration(cron=rule.cron, timezone=rule.timezone)


def _to_trigger(config: WorkflowConfig) -> pb.TriggerDeclaration | None:
    if config.trigger_on_event is None:
        return None
    return pb.TriggerDeclaration(
        topic=config.trigger_on_event,
        batch_size=config.batch_size or 1,
        batch_timeout=to_optional_duration("batch_timeout_seconds", config.batch_timeout_seconds),
    )
