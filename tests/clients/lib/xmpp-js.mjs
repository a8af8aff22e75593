// A device that is made of @xmpp/client.

import { client } from "@xmpp/client";
import WebSocket from "ws";

import { Device } from "./device.mjs";
import { within } from "./log.mjs";
import { DOMAIN } from "./server.mjs";

// Node 20 has none of its own, and @xmpp/client brings none.
globalThis.WebSocket = WebSocket;

export class XmppJs extends Device {
  errors = [];

  constructor(service, account, options = {}) {
    super(account);
    const { username, password } = account;
    this.client = client({ service, domain: DOMAIN, username, password, ...options });
    // The default is a second.
    this.client.reconnect.delay = 50;
    this.client.on("error", (error) => this.errors.push(error));
    this.client.on("stanza", (stanza) => this.received.push(stanza));
    this.client.on("nonza", () => this.received.changed());
    this.client.iqCallee.set("jabber:iq:roster", "query", () => true);
  }

  /** Signs in for this test and waits until stream management is on. */
  static async signIn(t, service, account) {
    const device = new XmppJs(service, account, { resource: "xmppjs" });
    t.after(() => device.leave());
    await within(device.client.start(), "the session of @xmpp/client");
    const management = device.client.streamManagement;
    await device.received.until(() => management.enabled, "stream management of @xmpp/client");
    return device;
  }

  get jid() {
    return String(this.client.jid);
  }

  async send(stanza) {
    await this.client.send(stanza);
  }

  async request(iq) {
    return this.client.iqCaller.request(iq);
  }

  /** Returns when the connection is lost, as the client sees it. */
  async lost() {
    if (this.client.status === "online") {
      await within(
        new Promise((resolve) => this.client.once("disconnect", resolve)),
        "the loss of the connection",
      );
    }
  }

  async resumed() {
    await within(
      new Promise((resolve) => this.client.streamManagement.once("resumed", resolve)),
      "a resumption by @xmpp/client",
    );
  }

  /** Returns when the server has acknowledged all that was sent. */
  async settled() {
    const management = this.client.streamManagement;
    await this.received.until(() => management.outbound_q.length === 0, "acks of the server");
  }

  async leave() {
    this.client.reconnect.stop();
    if (this.client.status === "offline") {
      return;
    }
    await within(this.client.stop(), "the end of @xmpp/client");
  }
}
