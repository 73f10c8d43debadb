"""Running workflows in tests, without a server: see `WorkflowRun`."""

from .workflow_run import WorkflowRun

__all__ = ["WorkflowRun"]
