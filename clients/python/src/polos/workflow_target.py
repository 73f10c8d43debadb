"""What can be started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .workflow import Workflow

WorkflowTarget: TypeAlias = "Workflow[Any, Any, Any] | str"
"""A workflow, or the id of one in any language."""
