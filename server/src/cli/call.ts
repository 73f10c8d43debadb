import type { Client } from '@connectrpc/connect';
import type { WorkflowService } from '../gen/polos/v1/workflow_service_pb.js';
import type { Document } from './document.js';
import type { Terminal } from './terminal.js';
import type { ExitStatus } from './usage-error.js';

/** What a command that talks to the server works with. */
export interface Call {
  readonly client: Client<typeof WorkflowService>;
  readonly terminal: Terminal;
  /** Whether the answer is for a script: JSON on stdout, and no remarks. */
  readonly isJson: boolean;
  /** Prints the answer: the document for a script, the text for a person. */
  answer(document: Document, text: () => string): void;
  /** Tells a person something that is not the answer, on stderr. */
  remark(text: string): void;
}

/** The option that all of these commands have. */
export interface OutputOption {
  readonly output: 'text' | 'json';
}

/** Carries out a command: connects, works, reports what fails, and sets the exit status. */
export type RunCall = (options: OutputOption, work: (call: Call) => Promise<ExitStatus>) => Promise<void>;
