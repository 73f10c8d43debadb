import type { ExecutionEvent, StateSnapshot } from '@polos/sdk';
import type { ProcessingState } from './workflow.js';

/** An event on one line: time, number, type, step, and its data in short. */
export function eventLine({ createdAt, sequence, type, stepKey, data }: ExecutionEvent): string {
  const time = createdAt ? timeText(createdAt) : '';
  const rest = [stepKey ?? '', dataText(data)].filter((part) => part !== '').join('  ');
  return `  ${time}  ${String(sequence).padStart(3)}  ${type.padEnd(15)}  ${rest}`.trimEnd();
}

/** The state of a batch, a member a line. */
export function stateLines({ value, revision, sizeBytes }: StateSnapshot<ProcessingState>): string[] {
  return [
    `Final state (revision ${revision}, ${sizeBytes} bytes):`,
    `  processedCount  ${value.processedCount}`,
    `  failedItems     ${value.failedItems.join(', ') || 'none'}`,
    `  startedAt       ${value.startedAt}`,
  ];
}

/** What to type next to look at an execution. */
export function nextCommands(executionId: string, url: string): string[] {
  const isDefault = url.endsWith(':8080');
  const command = isDefault ? 'npx polos' : `POLOS_API_URL=${url} npx polos`;
  const payload = `'{"timestamp":"today","items":["README.md"]}'`;
  return [
    `${command} execution list`,
    `${command} execution steps ${executionId}`,
    `${command} execution state ${executionId} --revision 2`,
    `${command} invoke batch_processor --payload ${payload} --wait`,
  ];
}

function timeText(time: Date): string {
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** `name=value` of each member; of a failure its message. */
function dataText(data: unknown): string {
  if (typeof data !== 'object' || data === null) return '';
  const parts = Object.entries(data).map(([name, value]) => `${name}=${memberText(value)}`);
  return parts.join(' ');
}

function memberText(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'message' in value) return `"${value.message}"`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
