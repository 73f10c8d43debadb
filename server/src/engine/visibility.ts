import type { Execution } from '../core/execution.js';
import { EngineError } from './errors.js';

/** An execution of another project is as good as none. */
export function assertVisible(execution: Execution, projectId: string): void {
  if (execution.projectId === projectId) return;
  throw new EngineError({ type: 'not_found', resource: 'execution', id: execution.id });
}
