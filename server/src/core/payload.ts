/** A value of the user's as it came: the text of JSON, or bytes that only the two ends understand. */
export type Payload = { readonly json: string } | { readonly data: Uint8Array; readonly encoding: string };

/** About how many bytes a payload takes: characters of JSON text, or bytes. */
export function payloadBytes(payload: Payload | undefined): number {
  if (!payload) return 0;
  return 'json' in payload ? payload.json.length : payload.data.length;
}
