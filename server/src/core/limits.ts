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

/** How long a worker may take to end an execution that somebody cancelled. */
export const CANCEL_GRACE_MS = 60_000;
