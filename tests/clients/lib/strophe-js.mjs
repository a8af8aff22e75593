// A device that is made of strophe.js.

import parse from "@xmpp/xml/lib/parse.js";
import { Strophe, toStanza } from "strophe.js";

import { Device } from "./device.mjs";
import { Log, within } from "./log.mjs";

// It tells every cut of the network, and a test cuts on purpose.
Strophe.setLogLevel(Strophe.LogLevel.FATAL);

const { Status } = Strophe;

export class StropheJs extends Device {
  statuses = new Log();

  constructor(service, account, options = {}) {
    super(account);
    this.connection = new Strophe.Connection(service, options);
  }

  /** Connects, and returns as soon as it is known whether that worked: `{ status, condition }`. */
  async connect() {
    const { statuses, connection, account } = this;
    const known = statuses.items.length;
    const ends = [Status.CONNECTED, Status.AUTHFAIL, Status.CONNFAIL, Status.DISCONNECTED];
    connection.connect(`${account.bare}/strophe`, account.password, (status, condition) => {
      if (status === Status.CONNECTED) {
        // A lost connection takes all handlers with it.
        for (const name of ["message", "presence"]) {
          connection.addHandler((stanza) => this.#heard(stanza), null, name);
        }
        connection.addHandler((iq) => this.#pushed(iq), Strophe.NS.ROSTER, "iq", "set");
      }
      statuses.push({ status, condition });
    });
    const outcome = (items) => items.slice(known).find(({ status }) => ends.includes(status));
    return statuses.until(outcome, "an answer to strophe.js");
  }

  /** Signs in for this test with stream management and waits until that is on. */
  static async signIn(t, service, account, options = {}) {
    const device = new StropheJs(service, account, { enableStreamManagement: true, ...options });
    t.after(() => device.leave());
    const { status, condition } = await device.connect();
    if (status !== Status.CONNECTED) {
      throw new Error(`strophe.js cannot sign in: ${status} ${condition}`);
    }
    await device.ping();
    if (!device.connection.isStreamManagementEnabled()) {
      throw new Error("strophe.js has no stream management");
    }
    return device;
  }

  get jid() {
    return this.connection.jid;
  }

  async send(stanza) {
    this.connection.send(toStanza(stanza.toString()));
  }

  async request(iq) {
    const answer = new Promise((resolve, reject) => {
      const refused = (stanza) => reject(new Error(`refused: ${stanza && Strophe.serialize(stanza)}`));
      this.connection.sendIQ(toStanza(iq.toString()), resolve, refused);
    });
    return parsed(await within(answer, `an answer to ${iq}`));
  }

  /** Returns when the connection is lost, as the client sees it. */
  async lost() {
    const gone = (items) => [undefined, Status.DISCONNECTED].includes(items.at(-1)?.status);
    await this.statuses.until(gone, "the loss of the connection");
  }

  async leave() {
    this.connection.disconnect();
    await this.lost();
  }

  #heard(stanza) {
    this.received.push(parsed(stanza));
    return true;
  }

  #pushed(iq) {
    this.received.push(parsed(iq));
    const result = `<iq xmlns="jabber:client" type="result" id="${iq.getAttribute("id")}"/>`;
    this.connection.send(toStanza(result));
    return true;
  }
}

function parsed(element) {
  return parse(Strophe.serialize(element));
}
