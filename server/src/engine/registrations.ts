import type { RegisteredWorker, WorkerRegistration } from './api.js';
import type { Schedules } from './schedules.js';
import type { SchemaRegistry } from './schema-registry.js';
import type { SchemaReports } from './schema-reports.js';
import type { Slots } from './slots.js';
import type { StateIndexes } from './state-indexes.js';
import type { Triggers } from './triggers.js';
import type { Workers } from './workers.js';

/** Those whom a registration tells something. */
export interface RegistrationsPort {
  readonly schedules: Schedules;
  readonly triggers: Triggers;
  readonly slots: Slots;
  readonly stateIndexes: StateIndexes;
  readonly schemas: SchemaRegistry;
  readonly schemaReports: SchemaReports;
  readonly workers: Workers;
  readonly leaseMs: number;
}

/** Takes what workers declare to whom it concerns. All of it may be repeated, and a worker that died half-way repeats it. */
export class Registrations {
  private readonly port: RegistrationsPort;

  constructor(port: RegistrationsPort) {
    this.port = port;
  }

  /** @throws EngineError for a declaration that is refused: then nothing was declared. */
  async register(registration: WorkerRegistration): Promise<RegisteredWorker> {
    const { schedules, triggers, slots, stateIndexes, schemas, schemaReports, workers, leaseMs } = this.port;
    schedules.check(registration);
    stateIndexes.check(registration);
    await slots.register(registration);
    const { registered, workflows } = await schemas.register(registration);
    const reports = await schemaReports.ofRegistration(registration.projectId, registered);
    await schedules.register(registration);
    await triggers.register(registration);
    await stateIndexes.register(registration);
    const workerId = await workers.register({ ...registration, workflows });
    return { workerId, leaseMs, schemaReports: reports };
  }
}
