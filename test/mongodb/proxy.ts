import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** What a direction holds back before it stops reading, in bytes. */
const HELD_BYTES_MAX = 1024 * 1024;

/** What becomes of what is sent: forwarded, kept without a word, or the connection is reset. */
type Passage = 'open' | 'frozen' | 'cut';

/** How a proxy is set up. */
export interface ProxyOptions {
  /** The port on 127.0.0.1 that it stands before. */
  readonly target: number;
  /** Who opened a connection, by the port that it comes from; undefined for anybody. */
  readonly originOf?: (port: number) => object | undefined;
}

/**
 * A TCP proxy on a port of its own of 127.0.0.1 that can be cut, frozen and slowed down: as a whole, or for the
 * connections of one origin only.
 */
export class TcpProxy {
  readonly changes = new EventEmitter().setMaxListeners(0);
  readonly #server: Server;
  readonly #target: number;
  readonly #links = new Set<Link>();
  readonly #byOrigin = new Map<object, Passage>();
  #whole: Passage = 'open';
  #delayMs = 0;

  private constructor({ target, originOf }: ProxyOptions) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
      const origin = originOf?.(client.remotePort ?? 0);
      const link = new Link(this, client, origin);
      this.#links.add(link);
      link.over.signal.addEventListener('abort', () => this.#links.delete(link));
      void link.open(this.#target);
    });
  }

  static async start(options: ProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How late each chunk is forwarded that comes in now. */
  get delayMs(): number {
    return this.#delayMs;
  }

  /** Resets all connections, and new ones as soon as they are made. */
  cut(origin?: object): void {
    this.#let('cut', origin);
  }

  /** A black hole: connections stay and are accepted, and nothing comes through until it is healed. */
  freeze(origin?: object): void {
    this.#let('frozen', origin);
  }

  /** Ends cut() and freeze(), for an origin or altogether; what was frozen is forwarded now. */
  heal(origin?: object): void {
    if (origin === undefined) this.#byOrigin.clear();
    this.#let('open', origin);
  }

  /** Forwards everything that comes in from now on this much later; 0 ends it. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Resets all connections and stops listening. */
  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** The worse of what holds for all and for the origin. */
  passage(origin: object | undefined): Passage {
    const own = (origin && this.#byOrigin.get(origin)) ?? 'open';
    if (this.#whole === 'cut' || own === 'cut') return 'cut';
    return this.#whole === 'frozen' ? 'frozen' : own;
  }

  #let(passage: Passage, origin: object | undefined): void {
    if (origin === undefined) this.#whole = passage;
    else this.#byOrigin.set(origin, passage);
    for (const link of this.#links) if (link.passage === 'cut') link.reset();
    this.changes.emit('change');
  }
}

/** A connection to the proxy, and the one that it makes to the target for it. */
class Link {
  /** Aborted once the connections are gone. */
  readonly over = new AbortController();
  readonly #proxy: TcpProxy;
  readonly #client: Socket;
  readonly #origin: object | undefined;
  #server: Socket | undefined;

  constructor(proxy: TcpProxy, client: Socket, origin: object | undefined) {
    this.#proxy = proxy;
    this.#client = client;
    this.#origin = origin;
    this.#watch(client);
  }

  get passage(): Passage {
    return this.#proxy.passage(this.#origin);
  }

  /** Connects to the target, as soon as anything can come through. */
  async open(target: number): Promise<void> {
    if (!(await this.isPassable())) return;
    const server = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    this.#server = server;
    this.#watch(server);
    new Direction(this, this.#client, server, () => this.#proxy.delayMs);
    new Direction(this, server, this.#client, () => this.#proxy.delayMs);
    this.#client.resume();
  }

  /** Waits while it is frozen; false if it is cut or over. */
  async isPassable(): Promise<boolean> {
    while (this.passage === 'frozen' && !this.over.signal.aborted) {
      await once(this.#proxy.changes, 'change', this.over).catch(() => {});
    }
    if (this.passage === 'cut') this.reset();
    return !this.over.signal.aborted;
  }

  reset(): void {
    for (const socket of [this.#client, this.#server]) {
      // Node.js never closes a socket that is reset while its end is still being sent (EINVAL).
      if (socket?.writableEnded) socket.destroy();
      else socket?.resetAndDestroy();
    }
    this.over.abort();
  }

  /** In a black hole the other side does not learn of a broken connection either. */
  #watch(socket: Socket): void {
    socket.on('error', () => {});
    socket.on('close', async (hadError) => {
      if (hadError && (await this.isPassable())) this.reset();
      else if (this.#client.destroyed && (this.#server?.destroyed ?? true)) this.over.abort();
    });
  }
}

/** Takes what one socket of a link receives to the other one, in order. */
class Direction {
  readonly #link: Link;
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #queue: { readonly chunk: Buffer | undefined; readonly dueAt: number }[] = [];
  #heldBytes = 0;
  #isBusy = false;

  constructor(link: Link, source: Socket, target: Socket, delayMs: () => number) {
    this.#link = link;
    this.#source = source;
    this.#target = target;
    const take = (chunk: Buffer | undefined) => {
      this.#queue.push({ chunk, dueAt: performance.now() + delayMs() });
      this.#heldBytes += chunk?.length ?? 0;
      if (this.#heldBytes > HELD_BYTES_MAX) source.pause();
      if (!this.#isBusy) void this.#forward();
    };
    source.on('data', take);
    source.on('end', () => take(undefined));
  }

  async #forward(): Promise<void> {
    this.#isBusy = true;
    const { over } = this.#link;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const earlyMs = next.dueAt - performance.now();
      if (earlyMs > 0) await wait(earlyMs, undefined, over).catch(() => {});
      if (!(await this.#link.isPassable())) return;
      if (next.chunk === undefined) this.#target.end();
      else if (!this.#target.write(next.chunk)) await once(this.#target, 'drain', over).catch(() => {});
      this.#heldBytes -= next.chunk?.length ?? 0;
      if (this.#heldBytes <= HELD_BYTES_MAX) this.#source.resume();
    }
    this.#isBusy = false;
  }
}
