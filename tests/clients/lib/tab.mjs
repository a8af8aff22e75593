// A device that speaks as a tab of the web client does: s11, ids computed, no presence.

import { createHash, createHmac, pbkdf2Sync, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";

import { xml } from "@xmpp/xml";
import parse from "@xmpp/xml/lib/parse.js";
import WebSocket from "ws";

import { Device, NS, lineOf } from "./device.mjs";
import { Log, within } from "./log.mjs";
import { DOMAIN } from "./server.mjs";

const FRAMING = "urn:ietf:params:xml:ns:xmpp-framing";
const SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
const BIND = "urn:ietf:params:xml:ns:xmpp-bind";

export class Tab extends Device {
  /** The ids of the conversation as the tab knows it, in order: of what came, and of its own lines at their acks. */
  entries = [];
  #socket;
  #frames = new Log();
  #read = 0;
  #own = [];
  #acked = 0;
  #handled = 0;
  #live = false;

  /** Signs in for this test, with s11 and stream management. */
  static async signIn(t, service, account) {
    const tab = new Tab(account);
    tab.#socket = new WebSocket(service, "xmpp");
    t.after(() => tab.leave());
    tab.#socket.on("message", (data) => tab.#came(parse(data.toString())));
    await within(once(tab.#socket, "open"), "a WebSocket");
    await tab.#open();
    await tab.#authenticate();
    await tab.#open();
    tab.#write(xml("enable", { xmlns: NS.S11 }));
    const enabled = await tab.#next("enabled", NS.S11);
    tab.prefix = enabled.attrs.prefix;
    const bind = xml("bind", { xmlns: BIND });
    tab.#write(xml("iq", { xmlns: "jabber:client", type: "set", id: randomUUID() }, bind));
    const bound = await tab.#next("iq", "jabber:client");
    tab.jid = bound.getChild("bind", BIND).getChildText("jid");
    tab.#write(xml("enable", { xmlns: NS.SM, resume: "true" }));
    await tab.#next("enabled", NS.SM);
    return tab;
  }

  async send(stanza) {
    this.#own.push(stanza);
    this.#write(stanza);
    this.#write(xml("r", { xmlns: NS.SM }));
  }

  async request(iq) {
    await this.send(iq);
    const fits = (stanza) => stanza.is("iq") && stanza.attrs.id === iq.attrs.id;
    const answer = await this.received.until((items) => items.find(fits), `an answer to ${iq}`);
    if (answer.attrs.type !== "result") {
      throw new Error(`refused: ${answer}`);
    }
    return answer;
  }

  /** Returns when the server has acknowledged all that was sent. */
  async settled() {
    await this.received.until(() => this.#acked === this.#own.length, "acks of the server");
  }

  async leave() {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      this.#socket.terminate();
      return;
    }
    const closed = once(this.#socket, "close");
    this.#write(xml("close", { xmlns: FRAMING }));
    await within(closed, "the end of the connection");
  }

  #write(element) {
    this.#socket.send(element.toString());
  }

  #came(element) {
    if (!this.#live) {
      this.#frames.push(element);
      this.#live = element.is("enabled", NS.SM);
    } else if (element.is("r", NS.SM)) {
      this.#write(xml("a", { xmlns: NS.SM, h: this.#handled }));
    } else if (element.is("a", NS.SM)) {
      this.#covered(Number(element.attrs.h));
    } else {
      this.#handled += 1;
      this.received.push(element);
      this.entries.push(...(lineOf(element, this.account.bare)?.archived ?? []));
    }
  }

  /** An own line is part of the conversation where the ack stands that covers it. */
  #covered(count) {
    for (const stanza of this.#own.slice(this.#acked, count)) {
      if (stanza.is("message")) {
        this.entries.push(`${this.prefix}.${stanza.attrs.id}`);
      }
    }
    this.#acked = count;
    this.received.changed();
  }

  async #next(name, namespace) {
    const place = this.#read;
    this.#read += 1;
    const element = await this.#frames.until((items) => items[place], `<${name}/> for a tab`);
    if (!element.is(name, namespace)) {
      throw new Error(`expected <${name}/>, got ${element}`);
    }
    return element;
  }

  async #open() {
    this.#write(xml("open", { xmlns: FRAMING, to: DOMAIN, version: "1.0" }));
    await this.#next("open", FRAMING);
    await this.#next("features", "http://etherx.jabber.org/streams");
  }

  /** SCRAM-SHA-256 (RFC 5802, RFC 7677). */
  async #authenticate() {
    const { username, password } = this.account;
    const first = `n=${username},r=${randomBytes(18).toString("base64")}`;
    this.#write(xml("auth", { xmlns: SASL, mechanism: "SCRAM-SHA-256" }, base64(`n,,${first}`)));
    const challenge = text(await this.#next("challenge", SASL));
    const [nonce, salt, rounds] = ["r", "s", "i"].map((key) => field(challenge, key));
    const key = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(rounds), 32, "sha256");
    const last = `c=biws,r=${nonce}`;
    const signed = `${first},${challenge},${last}`;
    const clientKey = hmac(key, "Client Key");
    const signature = hmac(createHash("sha256").update(clientKey).digest(), signed);
    const proof = clientKey.map((byte, index) => byte ^ signature[index]);
    const response = `${last},p=${Buffer.from(proof).toString("base64")}`;
    this.#write(xml("response", { xmlns: SASL }, base64(response)));
    const told = field(text(await this.#next("success", SASL)), "v");
    if (told !== hmac(hmac(key, "Server Key"), signed).toString("base64")) {
      throw new Error("the server does not know the password");
    }
  }
}

function hmac(key, data) {
  return createHmac("sha256", key).update(data).digest();
}

function base64(string) {
  return Buffer.from(string).toString("base64");
}

function text(element) {
  return Buffer.from(element.text(), "base64").toString();
}

function field(message, key) {
  return message
    .split(",")
    .find((part) => part.startsWith(`${key}=`))
    .slice(2);
}
