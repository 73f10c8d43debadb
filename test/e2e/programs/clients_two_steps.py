"""Runs a workflow of two steps with plain grpcio and unary calls alone, and prints what came of it as JSON.

Usage: clients_two_steps.py HOST:PORT. The stubs are made from proto/ at run time.
"""

import json
import sys
import tempfile
from importlib import resources
from pathlib import Path

import grpc
from grpc_tools import protoc

ROOT = Path(__file__).parents[3]
STUBS = tempfile.TemporaryDirectory()

FOLDERS = [ROOT / "proto", ROOT / "third_party/proto", resources.files("grpc_tools") / "_proto"]
FILES = [*ROOT.glob("proto/polos/v1/*.proto"), *ROOT.glob("third_party/proto/**/*.proto")]
OUT = [f"--python_out={STUBS.name}", f"--grpc_python_out={STUBS.name}"]
if protoc.main(["protoc", *(f"-I{folder}" for folder in FOLDERS), *OUT, *map(str, FILES)]) != 0:
    sys.exit("the .proto files do not compile")
sys.path.insert(0, STUBS.name)

from google.protobuf import any_pb2  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from polos.v1 import command_pb2, error_details_pb2 as polos_details_pb2  # noqa: E402
from polos.v1 import payload_pb2, worker_pb2, worker_service_pb2, worker_service_pb2_grpc  # noqa: E402
from polos.v1 import workflow_service_pb2, workflow_service_pb2_grpc  # noqa: E402

DETAILS = [error_details_pb2.BadRequest, error_details_pb2.ResourceInfo, *(
    getattr(polos_details_pb2, name) for name in ("LeaseLost", "LimitExceeded", "ResultConflict", "ExecutionClosed")
)]


def main() -> None:
    options = [("grpc.max_receive_message_length", 16 * 1024 * 1024), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(sys.argv[1], options=options) as channel:
        callers = workflow_service_pb2_grpc.WorkflowServiceStub(channel)
        workers = worker_service_pb2_grpc.WorkerServiceStub(channel)
        print(json.dumps(two_steps(callers, workers) | {"errors": errors(callers, workers)}))


def two_steps(callers, workers) -> dict:
    workflow = worker_pb2.WorkflowDefinition(id="two-steps")
    registered = workers.RegisterWorker(worker_service_pb2.RegisterWorkerRequest(workflows=[workflow]))
    invoked = callers.Invoke(
        workflow_service_pb2.InvokeRequest(workflow_id="two-steps", payload=value(3), initial_state='{"sum":0}')
    )
    polled = workers.Poll(worker_service_pb2.PollRequest(worker_id=registered.worker_id))
    (assignment,) = polled.assignments
    assert assignment.execution.id == invoked.execution_id
    number = json.loads(assignment.execution.payload.json)
    first = complete(workers, assignment, 1, step("double", 2 * number), state(1, 2 * number))
    again = complete(workers, assignment, 1, step("double", 2 * number), state(1, 2 * number))
    complete(workers, assignment, 2, step("square", number**2), state(2, number**2), finish(number**2 + 2 * number))
    final = callers.AwaitResult(workflow_service_pb2.AwaitResultRequest(execution_id=invoked.execution_id))
    steps = callers.ListSteps(workflow_service_pb2.ListStepsRequest(execution_id=invoked.execution_id))
    events = callers.StreamEvents(workflow_service_pb2.StreamEventsRequest(execution_id=invoked.execution_id, follow=True))
    late = refused(lambda: complete(workers, assignment, 3, step("third", 3)))
    return {
        "sent again": again == first,
        "result": json.loads(final.execution.result.json),
        "states": [state_at(callers, invoked.execution_id, revision) for revision in (1, 2, 3)],
        "steps": [[record.key, record.sequence, json.loads(record.result.json)] for record in steps.steps],
        "events": [message.event.type for message in events if message.HasField("event")],
        "late": late,
    }


def errors(callers, workers) -> dict:
    broken = payload_pb2.Payload(json='{"a":1,"a":2}')
    large = payload_pb2.Payload(json=json.dumps("x" * 2_097_152))
    requests = {
        "unknown": lambda: callers.GetExecution(workflow_service_pb2.GetExecutionRequest(execution_id="nobody")),
        "no worker": lambda: workers.Poll(worker_service_pb2.PollRequest(worker_id="nobody")),
        "no I-JSON": lambda: callers.Invoke(workflow_service_pb2.InvokeRequest(workflow_id="w", payload=broken)),
        "too large": lambda: callers.Invoke(workflow_service_pb2.InvokeRequest(workflow_id="w", payload=large)),
        "later": lambda: callers.ForkExecution(workflow_service_pb2.ForkExecutionRequest(execution_id="x")),
    }
    return {name: refused(call) for name, call in requests.items()}


def complete(workers, assignment, sequence, *commands):
    request = worker_service_pb2.CompleteStepRequest(lease=assignment.lease, sequence=sequence, commands=commands)
    return workers.CompleteStep(request)


def step(key, result):
    return command_pb2.Command(step_completed=command_pb2.StepCompleted(step_key=key, result=value(result)))


def state(base_revision, amount):
    patch = json.dumps([{"op": "replace", "path": "/sum", "value": amount}])
    return command_pb2.Command(state_changed=command_pb2.StateChanged(base_revision=base_revision, patch=patch))


def finish(result):
    return command_pb2.Command(execution_completed=command_pb2.ExecutionCompleted(result=value(result)))


def value(item):
    return payload_pb2.Payload(json=json.dumps(item))


def state_at(callers, execution_id, revision):
    request = workflow_service_pb2.GetStateRequest(execution_id=execution_id, revision=revision)
    return json.loads(callers.GetState(request).state.json)


def refused(call):
    """The code of the error that a call has to have, and its details by type."""
    try:
        call()
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
        return [error.code().name, {name_of(detail): unpacked(detail) for detail in status.details}]
    raise AssertionError("it was not refused")


def name_of(detail: any_pb2.Any) -> str:
    return detail.type_url.split("/")[-1]


def unpacked(detail: any_pb2.Any) -> str:
    for kind in DETAILS:
        message = kind()
        if detail.Unpack(message):
            return str(message).strip().replace("\n", " ")
    return detail.type_url


main()
