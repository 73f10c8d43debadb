"""What the workflows of tests are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from polos import WorkflowState, workflow
from polos.workflow import WorkflowDecorator


class Order(BaseModel):
    item: str
    amount: int = 1


@dataclass
class Receipt:
    number: int
    at: datetime


class Counter(WorkflowState):
    n: int = 0
    seen: list[str] = []


def unlisted(**options: Any) -> WorkflowDecorator[Any]:
    """`@workflow` that registers nothing: each test serves its own."""
    return workflow(auto_register=False, **options)
