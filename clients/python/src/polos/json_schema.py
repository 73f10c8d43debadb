"""Schemas as JSON Schema (2020-12), so that the server can check values before a worker sees them."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core import core_schema

SchemaSide = Literal["input", "output"]
"""Which side of a schema: what it accepts, or what it returns."""


def to_json_schema_text(schema: TypeAdapter[Any] | type[BaseModel], side: SchemaSide) -> str:
    """Writes a schema.

    What JSON Schema cannot say, such as a validator of one's own, is left open: the SDK checks it in any case.

    Raises whatever pydantic raises for a schema that it cannot express.
    """
    mode: Literal["validation", "serialization"] = "validation" if side == "input" else "serialization"
    if isinstance(schema, TypeAdapter):
        document = schema.json_schema(by_alias=True, mode=mode, schema_generator=_Lenient)
    else:
        document = schema.model_json_schema(by_alias=True, mode=mode, schema_generator=_Lenient)
    return json.dumps(
        {"$schema": GenerateJsonSchema.schema_dialect, **document}, ensure_ascii=False, separators=(",", ":")
    )


class _Lenient(GenerateJsonSchema):
    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        return {} if self._is_open(schema) else super().function_before_schema(schema)

    def function_wrap_schema(self, schema: core_schema.WrapValidatorFunctionSchema) -> JsonSchemaValue:
        return {} if self._is_open(schema) else super().function_wrap_schema(schema)

    def _is_open(self, schema: Any) -> bool:
        """What a function changes before it is checked, or replaces if it does not fit, may be anything."""
        return self.mode == "validation" and "json_schema_input_schema" not in schema
