/** A value of the user's as it came: the text of JSON, or bytes that only the two ends understand. */
export type Payload = { readonly json: string } | { readonly data: Uint8Array; readonly encoding: string };
