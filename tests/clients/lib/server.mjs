// A Balcony server of its own for a file of tests.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { within } from "./log.mjs";

const BINARY =
  process.env.BALCONY_BIN ??
  fileURLToPath(new URL("../../../target/debug/balcony", import.meta.url));

/** What the server calls itself when it is told nothing. */
export const DOMAIN = "localhost";

export class Server {
  #process;
  #data;
  #accounts = 0;

  /** Starts a server on a free port of this machine, with an empty data folder. */
  static async start() {
    const server = new Server();
    server.#data = await mkdtemp(join(tmpdir(), "balcony-clients-"));
    const options = ["serve", "--listen", "127.0.0.1:0"];
    server.#process = server.#run(options, ["ignore", "pipe", "inherit"]);
    const lines = createInterface({ input: server.#process.stdout });
    const listens = new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        const address = line.match(/listening on http:\/\/([^\s/]+)/);
        if (address) {
          resolve(address[1]);
        }
      });
      lines.on("close", () => reject(new Error("the server ended before it could be reached")));
      server.#process.on("error", reject);
    });
    try {
      server.host = await within(listens, "the address of the server");
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get port() {
    return Number(this.host.split(":").at(-1));
  }

  get origin() {
    return `http://${this.host}`;
  }

  get websocket() {
    return `ws://${this.host}/xmpp-websocket`;
  }

  /** Makes an account that no other test has, as an operator does beside the running server. */
  async account(name) {
    this.#accounts += 1;
    const username = `${name}${this.#accounts}`;
    const account = { username, bare: `${username}@${DOMAIN}`, password: `the moon of ${username}` };
    const add = this.#run(["user", "add", account.bare], ["pipe", "ignore", "inherit"]);
    add.stdin.end(`${account.password}\n`);
    const [code] = await within(once(add, "close"), "a new account");
    if (code !== 0) {
      throw new Error(`balcony user add ended with ${code}`);
    }
    return account;
  }

  /** Ends the server and removes its data. */
  async stop() {
    const program = this.#process;
    if (program.pid !== undefined && program.exitCode === null && program.signalCode === null) {
      const ended = once(program, "close");
      program.kill("SIGTERM");
      try {
        await within(ended, "the end of the server");
      } catch (error) {
        program.kill("SIGKILL");
        throw error;
      }
    }
    await rm(this.#data, { recursive: true, force: true });
  }

  #run(options, stdio) {
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith("BALCONY_"));
    const env = { RUST_LOG: "warn", ...Object.fromEntries(others), BALCONY_DATA: this.#data };
    return spawn(BINARY, options, { stdio, env });
  }
}
