import type { Socket } from 'node:net';

/** Who serves a connection. */
export interface ConnectionRoutes {
  http1(socket: Socket): void;
  http2(socket: Socket): void;
}

/** An HTTP/2 connection begins with "PRI * HTTP/2.0" (RFC 9113, 3.4); one letter would be shared with PUT and POST. */
const HTTP2_PREFACE = Buffer.from('PRI');

/** How long a connection may take to send its first bytes. */
const FIRST_BYTES_MS = 10_000;

/** Reads the first three bytes of a connection, puts them back, and hands it to who speaks its protocol. */
export function routeConnection(socket: Socket, routes: ConnectionRoutes): void {
  let head: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), FIRST_BYTES_MS);
  const onData = (chunk: Buffer): void => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    if (head.length < HTTP2_PREFACE.length) return;
    release();
    if (head.subarray(0, HTTP2_PREFACE.length).equals(HTTP2_PREFACE)) {
      // node:http2 takes what is put back in the next turn; a flowing socket would have dropped it by then.
      socket.pause();
      socket.unshift(head);
      routes.http2(socket);
    } else {
      // node:http listens for data in this turn, and would leave a paused socket paused.
      socket.unshift(head);
      routes.http1(socket);
    }
  };
  const onEnd = (): void => {
    release();
    socket.destroy();
  };
  const release = (): void => {
    clearTimeout(timer);
    socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onEnd);
  };
  socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onEnd);
}
