"""A WorkerService over real gRPC that does what the test says, with the one method of WorkflowService that workers call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc.aio

from polos._gen.polos.v1 import execution_pb2
from polos._gen.polos.v1 import worker_service_pb2 as pb
from polos._gen.polos.v1.step_pb2 import StepRecord
from polos._gen.polos.v1.workflow_service_pb2 import ListStepsRequest, ListStepsResponse
from polos.methods import LIST_STEPS, REGISTER_WORKER, WORK, Method


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what other tasks bring about."""
    end = asyncio.get_running_loop().time() + 10
    while not condition():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.002)


def assign(stream: FakeStream, workflow_id: str = "one-step", *, epoch: int = 1, **more: Any) -> None:
    stream.send(
        assignment=pb.Assignment(
            lease=pb.Lease(execution_id="e1", epoch=epoch, token="t"),
            execution=execution_pb2.Execution(id="e1", workflow_id=workflow_id, state_revision=1),
            state="{}",
            **more,
        )
    )


def commands_of(completion: pb.WorkRequest.Complete) -> list[str | None]:
    return [command.WhichOneof("command") for command in completion.request.commands]


class FakeStream:
    """One Work stream as the server sees it."""

    def __init__(self) -> None:
        self.received: list[pb.WorkRequest] = []
        """What the worker has sent, in order."""
        self.outbox: asyncio.Queue[pb.WorkResponse | grpc.StatusCode | None] = asyncio.Queue()

    @property
    def cases(self) -> list[str | None]:
        """What sort each of them is."""
        return [message.WhichOneof("message") for message in self.received]

    @property
    def completions(self) -> list[pb.WorkRequest.Complete]:
        """The completions among them."""
        return [message.complete for message in self.received if message.HasField("complete")]

    @property
    def released(self) -> list[pb.Lease]:
        """The leases that the worker has said it has let go of."""
        beats = [message.extend_leases for message in self.received if message.HasField("extend_leases")]
        return [lease for beat in beats for lease in beat.released]

    def send(self, **message: Any) -> None:
        """Sends a message, given by its case."""
        self.outbox.put_nowait(pb.WorkResponse(**message))

    def answer(self, call_id: int, status: int) -> None:
        """Answers a completion: that is the execution's status now."""
        response = pb.CompleteStepResponse(status=status, state_revision=1)  # type: ignore[arg-type]
        self.send(completed=pb.WorkResponse.Completed(call_id=call_id, response=response))

    def fail(self, code: grpc.StatusCode) -> None:
        """Ends the stream with an error."""
        self.outbox.put_nowait(code)


class FakeWorkerService:
    """Listens on a port of its own, and again on the same one after `stop`."""

    def __init__(self) -> None:
        self.streams: list[FakeStream] = []
        self.registrations = 0
        self.steps: dict[str, list[list[StepRecord]]] = {}
        """What ListSteps answers, by execution, one page for each element."""
        self.listed: list[str] = []
        """The executions whose steps were asked for, once for each page."""
        self.may_list = asyncio.Event()
        """Waited for before steps are answered."""
        self.may_list.set()
        self.answers_heartbeats = True
        """Nothing is lost unless a notice says so."""
        self._server: grpc.aio.Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listens."""
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        handlers = {
            REGISTER_WORKER.path: _handler(grpc.unary_unary_rpc_method_handler, REGISTER_WORKER, self._register),
            LIST_STEPS.path: _handler(grpc.unary_unary_rpc_method_handler, LIST_STEPS, self._list_steps),
            WORK.path: _handler(grpc.stream_stream_rpc_method_handler, WORK, self._work),
        }
        server.add_generic_rpc_handlers((_Handlers(handlers),))
        self._port = server.add_insecure_port(f"127.0.0.1:{self._port}")
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Cuts every connection."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    async def _register(self, request: pb.RegisterWorkerRequest, _: Any) -> pb.RegisterWorkerResponse:
        self.registrations += 1
        answer = pb.RegisterWorkerResponse(worker_id=f"worker-{self.registrations}")
        answer.lease_duration.FromMilliseconds(300)
        return answer

    async def _list_steps(self, request: ListStepsRequest, _: Any) -> ListStepsResponse:
        self.listed.append(request.execution_id)
        await self.may_list.wait()
        pages = self.steps[request.execution_id]
        page = int(request.page_token or "0")
        following = str(page + 1) if page + 1 < len(pages) else ""
        return ListStepsResponse(steps=pages[page], next_page_token=following)

    async def _work(
        self, requests: AsyncIterator[pb.WorkRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.WorkResponse]:
        stream = FakeStream()
        self.streams.append(stream)

        async def read() -> None:
            async for request in requests:
                stream.received.append(request)
                if request.HasField("hello"):
                    stream.send(welcome=pb.WorkResponse.Welcome())
                elif request.HasField("extend_leases") and self.answers_heartbeats:
                    stream.send(leases_extended=_all_held(request.extend_leases))
            stream.outbox.put_nowait(None)

        reading = asyncio.create_task(read())
        try:
            while (message := await stream.outbox.get()) is not None:
                if isinstance(message, grpc.StatusCode):
                    await context.abort(message, "told to fail")
                else:
                    yield message
        finally:
            reading.cancel()


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, handlers: dict[str, Any]) -> None:
        self._handlers = handlers

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)


def _handler(make: Callable[..., Any], method: Method[Any, Any], answer: Callable[..., Any]) -> Any:
    return make(
        answer,
        request_deserializer=method.request.FromString,
        response_serializer=method.response.SerializeToString,
    )


def _all_held(request: pb.ExtendLeasesRequest) -> pb.ExtendLeasesResponse:
    """The answer to a heartbeat while no lease is lost."""
    reports = [
        pb.LeaseReport(execution_id=lease.execution_id, epoch=lease.epoch, held=True) for lease in request.leases
    ]
    return pb.ExtendLeasesResponse(reports=reports)
