"""Bringing a model to another one's values in place."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from .diff import equal_ends
from .json import json_equals


def graft(target: Any, target_json: Any, source: Any, source_json: Any) -> Any:
    """Changes `target` in place so that it says what `source` says, so that references into it stay valid: its models,
    dicts and lists stay the objects that they are, and elements of a list stay with their values where others were added
    before or after them. The `_json` of both is what they are written as.

    Returns the target, or the source where nothing of the target can stay.
    """
    if json_equals(target_json, source_json):
        return target
    is_same_kind = type(target) is type(source) and type(target_json) is type(source_json)
    if is_same_kind and type(target) is list and type(target_json) is list:
        _graft_list(target, target_json, source, source_json)
    elif is_same_kind and type(target) is dict and _keys_are(target, target_json) and _keys_are(source, source_json):
        _graft_members(target, target_json, source, source_json, {key: key for key in source})
    elif is_same_kind and isinstance(target, BaseModel) and not target.model_config.get("frozen"):
        _graft_model(target, target_json, source, source_json)
    else:
        return source
    return target


def json_names(model: type[BaseModel]) -> dict[str, str]:
    """The names under which a model's fields are written."""
    return {name: field.serialization_alias or field.alias or name for name, field in model.model_fields.items()}


def _graft_list(target: list[Any], target_json: list[Any], source: list[Any], source_json: list[Any]) -> None:
    start, end = equal_ends(target_json, source_json)
    shared = min(len(target), len(source)) - start - end
    middle = [
        graft(target[index], target_json[index], source[index], source_json[index])
        for index in range(start, start + shared)
    ]
    added = source[start + shared : len(source) - end]
    target[start : len(target) - end] = middle + added


def _graft_members(
    target: dict[str, Any], target_json: Any, source: dict[str, Any], source_json: Any, names: dict[str, str]
) -> None:
    """`names`: the members' names in the documents."""
    for key in [key for key in target if key not in source]:
        del target[key]
    for key, value in source.items():
        name = names[key]
        if key in target and name in target_json and name in source_json:
            target[key] = graft(target[key], target_json[name], value, source_json[name])
        else:
            target[key] = value


def _graft_model(target: BaseModel, target_json: Any, source: BaseModel, source_json: Any) -> None:
    _graft_members(vars(target), target_json, vars(source), source_json, json_names(type(source)))
    extra, source_extra = target.__pydantic_extra__, source.__pydantic_extra__
    if extra is not None and source_extra is not None:
        _graft_members(extra, target_json, source_extra, source_json, {key: key for key in source_extra})
    target.__pydantic_fields_set__.update(source.__pydantic_fields_set__)


def _keys_are(value: dict[Any, Any], written: dict[str, Any]) -> bool:
    """Whether a dict is written under its own keys, and not under texts for them."""
    return value.keys() == written.keys()
