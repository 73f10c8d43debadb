"""The model of a workflow's state."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import StateValidationError
from .issue import describe_issues
from .schema import issues_of


class WorkflowState(BaseModel):
    """A workflow's state: derive from it, give each field a default, and name the class as the workflow's `state_schema`.

    ```python
    class ProcessingState(WorkflowState):
        processed_count: int = 0
        failed_items: list[str] = []
    ```

    It is a pydantic model whose fields are checked when they are assigned to: what does not fit raises StateValidationError.
    What is changed in place (`state.failed_items.append(...)`) is checked when the state is saved, with every step.

    The document that is saved is the model's own JSON: fields by their alias if they have one, dates and decimals as text,
    enums by value, sets as sorted arrays, without computed fields and private attributes. It must come back from that JSON
    as it was; 1,048,576 bytes at most.
    """

    model_config = ConfigDict(validate_assignment=True)

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            issues = issues_of(error)
            raise StateValidationError(describe_issues("the state", issues), issues) from error
