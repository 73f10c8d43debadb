import type { ExecutionHandle } from '@polos/sdk';
import { vi } from 'vitest';
import type { Program } from '../fault/processes.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Resolves to the time of the first event of a type, as soon as it is there; of a step, if one is named. */
export async function happened(execution: ExecutionHandle, type: string, stepKey?: string): Promise<number> {
  for await (const event of execution.events()) {
    const isIt = event.type === type && (stepKey === undefined || event.stepKey === stepKey);
    if (isIt) return event.createdAt?.getTime() ?? Number.NaN;
  }
  throw new Error(`the execution ${execution.id} ended without ${type} ${stepKey ?? ''}`);
}

/** The steps whose function a worker called, in order. */
export function stepsOf({ lines }: Program): string[] {
  return lines.filter((line) => line.startsWith('step ')).map((line) => line.slice('step '.length));
}
