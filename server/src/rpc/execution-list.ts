import { create } from '@bufbuild/protobuf';
import type { EngineApi, ExecutionView } from '../engine/api.js';
import {
  type ListExecutionsRequest,
  type ListExecutionsResponse,
  ListExecutionsResponseSchema,
} from '../gen/polos/v1/workflow_service_pb.js';
import { toExecution } from './codec/execution.js';
import { parseFilter } from './filter.js';
import { decodeExecutionsToken, encodeExecutionsToken } from './page-token.js';

const PAGE_SIZE_DEFAULT = 50;

/** Bytes of a page: what failures and attributes take of it, besides about 1 KB for each execution (500 at most). */
const PAGE_BYTES_MAX = 2_097_152;

/** One page of a project's executions, newest first. */
export async function listExecutions(
  engine: EngineApi,
  projectId: string,
  { pageSize, pageToken, filter }: ListExecutionsRequest,
): Promise<ListExecutionsResponse> {
  const size = pageSize === 0 ? PAGE_SIZE_DEFAULT : pageSize;
  const after = decodeExecutionsToken(pageToken);
  // One more than the page tells whether another one follows.
  const query = { projectId, ...parseFilter(filter), ...(after && { after }), limit: size + 1 };
  const { executions: found, stoppedAt } = await engine.listExecutions(query);
  const page = fitting(found.slice(0, size));
  const next = found.length > page.length ? page.at(-1)?.execution : stoppedAt;
  return create(ListExecutionsResponseSchema, {
    executions: page.map(toExecution),
    nextPageToken: next ? encodeExecutionsToken(next) : '',
  });
}

/** As many as fit one message; one at least. */
function fitting(views: readonly ExecutionView[]): readonly ExecutionView[] {
  let bytes = 0;
  const end = views.findIndex(({ execution: { failure, searchAttributes } }, index) => {
    // Three bytes for each UTF-16 unit at most; what JSON adds to the text is more than protobuf does.
    bytes += failure ? JSON.stringify(failure).length * 3 : 0;
    bytes += JSON.stringify(searchAttributes).length * 3;
    return index > 0 && bytes > PAGE_BYTES_MAX;
  });
  return end < 0 ? views : views.slice(0, end);
}
