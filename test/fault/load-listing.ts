/** An execution as ListExecutions has it. */
export interface ListedExecution {
  readonly id: string;
  readonly status: string;
  readonly parentExecutionId?: string;
}

interface Page {
  readonly executions?: readonly ListedExecution[];
  readonly nextPageToken?: string;
}

const LIST = '/polos.v1.WorkflowService/ListExecutions';
const PAGE_SIZE = 500;

/** All executions of a workflow, as a server lists them. */
export async function listExecutions(url: string, workflowId: string): Promise<ListedExecution[]> {
  const filter = `workflow_id = ${JSON.stringify(workflowId)}`;
  const listed: ListedExecution[] = [];
  let pageToken = '';
  do {
    const response = await fetch(`${url}${LIST}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ pageSize: PAGE_SIZE, pageToken, filter }),
    });
    if (!response.ok) throw new Error(`ListExecutions: ${response.status} ${await response.text()}`);
    const { executions = [], nextPageToken = '' } = (await response.json()) as Page;
    listed.push(...executions);
    pageToken = nextPageToken;
  } while (pageToken !== '');
  return listed;
}
