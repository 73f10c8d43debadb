"""Workflows by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .workflow import Workflow


class WorkflowRegistry:
    """Workflows by id. A program of its own makes one, for example for a test; `@workflow` adds to the global one."""

    def __init__(self) -> None:
        """Makes an empty registry."""
        self._workflows: dict[str, Workflow[Any, Any, Any]] = {}

    def register(self, workflow: Workflow[Any, Any, Any]) -> None:
        """Adds a workflow. A later one with the same id takes its place."""
        self._workflows[workflow.id] = workflow

    def get(self, workflow_id: str) -> Workflow[Any, Any, Any] | None:
        """The workflow of an id, or None."""
        return self._workflows.get(workflow_id)

    def all(self) -> list[Workflow[Any, Any, Any]]:
        """All workflows, in the order in which their ids were first registered."""
        return list(self._workflows.values())


global_registry = WorkflowRegistry()
"""Every workflow that `@workflow` made in this process, unless it was told `auto_register=False`."""


def get_workflow(workflow_id: str) -> Workflow[Any, Any, Any] | None:
    """The workflow of an id that `@workflow` made in this process, or None."""
    return global_registry.get(workflow_id)


def get_all_workflows() -> dict[str, Workflow[Any, Any, Any]]:
    """Every workflow that `@workflow` made in this process, by id."""
    return {each.id: each for each in global_registry.all()}
