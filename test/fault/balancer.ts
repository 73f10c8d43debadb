import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What a load balancer of TCP connections does: gives each new one to the next server that takes it, and knows nothing of
 * what goes over it. Connections to a server that dies break, and go to another one when they are made again.
 */
export class Balancer {
  readonly #entrances: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #ports: readonly number[] = [];
  #turn = 0;

  /** The ports on 127.0.0.1 that connections are given to from now on; the ones that were made stay. */
  use(ports: readonly number[]): void {
    this.#ports = ports;
  }

  /**
   * Listens on one more port of 127.0.0.1.
   * @returns its URL. Within one process grpc-js has one connection to a URL, however many clients there are.
   */
  async openEntrance(): Promise<string> {
    const entrance = createServer({ pauseOnConnect: true }, (client) => void this.#forward(client));
    this.#entrances.push(entrance);
    await once(entrance.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(entrance.address() as AddressInfo).port}`;
  }

  /** Breaks all connections and stops listening. */
  close(): void {
    for (const entrance of this.#entrances) entrance.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #forward(client: Socket): Promise<void> {
    this.#keep(client);
    const server = await this.#connectToNext();
    if (server === undefined || client.destroyed) {
      server?.destroy();
      client.destroy();
      return;
    }
    this.#keep(server);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
    client.pipe(server).pipe(client);
  }

  /** Each server is tried once; undefined if none takes the connection. */
  async #connectToNext(): Promise<Socket | undefined> {
    for (let attempt = 0; attempt < this.#ports.length; attempt++) {
      const port = this.#ports[this.#turn++ % this.#ports.length]!;
      const server = connect(port, '127.0.0.1').setNoDelay();
      try {
        await once(server, 'connect');
        return server;
      } catch {
        server.destroy();
      }
    }
    return undefined;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay();
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
