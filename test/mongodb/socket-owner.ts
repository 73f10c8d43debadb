import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The two ports of a TCP connection over 127.0.0.1, seen from the side that is asked about. */
export interface Connection {
  readonly port: number;
  readonly peerPort: number;
}

/** Which of these processes holds this side of the connection, by its pid; undefined for none. Linux only. */
export function socketOwner({ port, peerPort }: Connection, pids: readonly number[]): number | undefined {
  const inode = socketInode({ port, peerPort });
  if (inode === undefined) return undefined;
  return pids.find((pid) => filesOf(pid).includes(`socket:[${inode}]`));
}

/** Lines of /proc/net/tcp: number, own address, the other's, state, queues, timer, retries, user, timeout, inode. */
function socketInode({ port, peerPort }: Connection): string | undefined {
  const wanted = `${loopback(port)} ${loopback(peerPort)}`;
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((each) => each.includes(wanted));
  return line?.trim().split(/\s+/)[9];
}

function loopback(port: number): string {
  return `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** What a process has open; nothing once it is gone. */
function filesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return orNone(() => readdirSync(folder)).flatMap((file) =>
    orNone(() => [readlinkSync(`${folder}/${file}`)]),
  );
}

function orNone(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    return [];
  }
}
