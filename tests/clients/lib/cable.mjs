// The network between a client and the server, which can be cut.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Cable {
  #listener;
  #sockets = new Set();
  #whole = true;

  static async to(port) {
    const cable = new Cable();
    cable.#listener = createServer((near) => cable.#carry(near, port));
    cable.#listener.listen(0, "127.0.0.1");
    await once(cable.#listener, "listening");
    return cable;
  }

  get websocket() {
    return `ws://127.0.0.1:${this.#listener.address().port}/xmpp-websocket`;
  }

  /** Resets every connection, and every new one until it is mended. */
  cut() {
    this.#whole = false;
    for (const socket of this.#sockets) {
      socket.resetAndDestroy();
    }
  }

  mend() {
    this.#whole = true;
  }

  remove() {
    this.cut();
    this.#listener.close();
  }

  #carry(near, port) {
    // What a reset does to either end is what is tested; there is nobody else to tell.
    near.on("error", () => {});
    if (!this.#whole) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, "127.0.0.1");
    far.on("error", () => {});
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
