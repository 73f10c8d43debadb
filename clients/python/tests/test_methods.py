"""The table of methods."""

import pytest
from google.protobuf.message import Message

from polos import methods
from polos._gen.polos.v1 import worker_service_pb2, workflow_service_pb2

ALL = [value for value in vars(methods).values() if isinstance(value, methods.Method)]
SERVICES = {**worker_service_pb2.DESCRIPTOR.services_by_name, **workflow_service_pb2.DESCRIPTOR.services_by_name}


@pytest.mark.parametrize("method", ALL, ids=lambda method: str(method.path))
def test_path_and_messages_are_those_of_the_proto_file(method: "methods.Method[Message, Message]") -> None:
    _, service, name = method.path.split("/")
    described = SERVICES[service.rsplit(".", 1)[1]].methods_by_name[name]
    assert described.containing_service.full_name == service
    assert method.request.DESCRIPTOR is described.input_type
    assert method.response.DESCRIPTOR is described.output_type
