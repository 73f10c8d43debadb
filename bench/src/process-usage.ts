import { readFile } from 'node:fs/promises';

/** What a process took. */
export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly memoryMiB: number;
  readonly writtenBytes: number;
}

/** Kernel ticks in a second; Linux has said 100 for decades. */
const TICKS_PER_SECOND = 100;

/** What a process of this machine has taken so far. */
export async function usageOf(pid: number): Promise<ProcessUsage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const io = await readFile(`/proc/${pid}/io`, 'utf8');
  const kibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    memoryMiB: kibibytes / 1024,
    writtenBytes: Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? 0),
  };
}
