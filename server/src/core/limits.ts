/** Bytes of a state's JSON text in UTF-8. */
export const STATE_BYTES_MAX = 1_048_576;

/** Bytes of one payload, step result, workflow result or event. */
export const PAYLOAD_BYTES_MAX = 2_097_152;

/** Bytes of one message on the wire. */
export const MESSAGE_BYTES_MAX = 4_194_304;

/** Bytes of one registered JSON Schema. */
export const SCHEMA_BYTES_MAX = 262_144;

/** Steps of one execution that may be resumed before they wait. */
export const RESUMES_MAX = 100;

/** Bytes of what was given to them, together. */
export const RESUMES_BYTES_MAX = 1_048_576;

/** Events that the steps of one execution may wait for at once. */
export const EVENT_WAITS_MAX = 50;

/** Topics of which one execution may be given events, in all. */
export const EVENT_TOPICS_MAX = 1_000;

/** Bytes of the results of a step's children, together. */
export const BATCH_RESULTS_BYTES_MAX = 2_097_152;

/** Bytes of all that a step's children came to, ids and errors included: it travels in one message. */
export const BATCH_OUTCOME_BYTES_MAX = 4_128_768;

/** Characters of the errors of a step's children, together; each may have the same part of it. */
export const BATCH_ERRORS_LENGTH_MAX = 524_288;

/** Workers that may be lost in a row, none of them with a finished step, before an execution is held back. */
export const WORKERS_LOST_MAX = 5;

/** How long a worker may take to end an execution that somebody cancelled. */
export const CANCEL_GRACE_MS = 60_000;
