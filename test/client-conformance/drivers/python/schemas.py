from typing import Annotated, Any

from polos import WorkflowState
from pydantic import BaseModel, Field, Strict, create_model


def to_model(fields: dict[str, Any], *, is_state: bool = False) -> type[BaseModel]:
    """The model of an object whose fields the runner describes."""
    members: dict[str, Any] = {name: _to_field(described) for name, described in fields.items()}
    base = WorkflowState if is_state else BaseModel
    made: type[BaseModel] = create_model("Described", __base__=base, **members)
    return made


def _to_field(described: Any) -> tuple[Any, Any]:
    rest = {"type": described} if isinstance(described, str) else described
    kind = _to_type(rest)
    if rest.get("optional"):
        return kind | None, None
    if "default" not in rest:
        return kind, ...
    return kind, Field(default_factory=lambda: rest["default"], validate_default=True)


def _to_type(described: Any) -> Any:
    rest = {"type": described} if isinstance(described, str) else described
    kind = _BASES[rest["type"]](rest)
    limits = {own: rest[name] for name, own in (("min", "ge"), ("max", "le")) if name in rest}
    if limits:
        kind = Annotated[kind, Field(**limits)]
    return kind | None if rest.get("nullable") else kind


_BASES: dict[str, Any] = {
    "string": lambda _: str,
    "integer": lambda _: Annotated[int, Strict()],
    "number": lambda _: float,
    "boolean": lambda _: Annotated[bool, Strict()],
    "any": lambda _: Any,
    "list": lambda rest: list[_to_type(rest.get("of", "any"))],
    "map": lambda rest: dict[str, _to_type(rest.get("of", "any"))],
    "object": lambda rest: to_model(rest["fields"]),
}
