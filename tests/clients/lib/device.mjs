// What all clients have in common for a test, whatever they are made of.

import { randomUUID } from "node:crypto";

import { xml } from "@xmpp/xml";

import { Log } from "./log.mjs";

export const NS = {
  BIND2: "urn:xmpp:bind:0",
  CARBONS: "urn:xmpp:carbons:2",
  FAST: "urn:xmpp:fast:0",
  DISCO: "http://jabber.org/protocol/disco#info",
  FORWARD: "urn:xmpp:forward:0",
  MAM: "urn:xmpp:mam:2",
  MR2: "urn:xmpp:mr2:0",
  PING: "urn:xmpp:ping",
  ROSTER: "jabber:iq:roster",
  RSM: "http://jabber.org/protocol/rsm",
  S11: "urn:x-balcony:s11:0",
  SASL2: "urn:xmpp:sasl:2",
  SID: "urn:xmpp:sid:0",
  SM: "urn:xmpp:sm:3",
};

export class Device {
  /** Every stanza that came, in order. */
  received = new Log();

  constructor(account) {
    this.account = account;
  }

  /** Sends a line to `to` and returns its id. */
  async say(to, body, id = randomUUID()) {
    const attributes = { xmlns: "jabber:client", to: to.bare ?? to, type: "chat", id };
    await this.send(xml("message", attributes, xml("body", {}, body)));
    return id;
  }

  /** Every line that came, direct or as a copy, in order. */
  lines() {
    return this.received.items.flatMap((stanza) => lineOf(stanza, this.account.bare) ?? []);
  }

  bodies() {
    return this.lines().map((line) => line.body);
  }

  /** Waits for the line with this text. */
  async hears(body) {
    const find = () => this.lines().find((line) => line.body === body);
    return this.received.until(find, `"${body}" at ${this.jid}`);
  }

  /** Waits for a stanza of this kind. */
  async gets(name, attributes, look = () => true) {
    const wanted = Object.entries(attributes);
    const fits = (stanza) =>
      stanza.is(name) && wanted.every(([key, value]) => stanza.attrs[key] === value) && look(stanza);
    const what = `${name} ${JSON.stringify(attributes)} at ${this.jid}`;
    return this.received.until((items) => items.find(fits), what);
  }

  /** Asks the server to do or tell something; fails if it refuses. */
  async ask(type, payload, to) {
    const attributes = { xmlns: "jabber:client", type, id: randomUUID(), ...(to && { to }) };
    return this.request(xml("iq", attributes, payload));
  }

  /** Once it is answered, all that the server had sent to this device before has come, too. */
  async ping() {
    return this.ask("get", xml("ping", { xmlns: NS.PING }));
  }

  async enableCarbons() {
    return this.ask("set", xml("enable", { xmlns: NS.CARBONS }));
  }

  async features(of) {
    const answer = await this.ask("get", xml("query", { xmlns: NS.DISCO }), of);
    const info = answer.getChild("query", NS.DISCO);
    return info.getChildren("feature").map((feature) => feature.attrs.var);
  }

  /** Asks for a page of the own archive; `where` has `after` or `before`. */
  async page(max, where = {}) {
    const queryid = randomUUID();
    const bounds = Object.entries(where).map(([name, id]) => xml(name, {}, id));
    const set = xml("set", { xmlns: NS.RSM }, xml("max", {}, String(max)), ...bounds);
    const answer = await this.ask("set", xml("query", { xmlns: NS.MAM, queryid }, set));
    const fin = answer.getChild("fin", NS.MAM);
    const results = this.received.items.flatMap((stanza) => {
      const result = stanza.is("message") && stanza.getChild("result", NS.MAM);
      return result && result.attrs.queryid === queryid ? [entryOf(stanza, result)] : [];
    });
    const pages = fin.getChild("set", NS.RSM);
    return {
      results,
      complete: fin.attrs.complete === "true",
      first: pages.getChildText("first"),
      last: pages.getChildText("last"),
    };
  }

  /** The whole own archive, read forward. */
  async archive() {
    const entries = [];
    let page;
    do {
      page = await this.page(50, page ? { after: page.last } : {});
      entries.push(...page.results);
    } while (!page.complete);
    return entries;
  }
}

/** A live message with text: how it came (`direct`, `sent` or `received`), from where, and its id in the archive. */
export function lineOf(stanza, own) {
  if (!stanza.is("message")) {
    return undefined;
  }
  for (const way of ["sent", "received"]) {
    const wrap = stanza.getChild(way, NS.CARBONS) ?? stanza.getChild(way, NS.MR2);
    if (wrap) {
      const message = wrap.getChild("forwarded", NS.FORWARD).getChild("message", "jabber:client");
      return { ...described(message, own), way, by: stanza.attrs.from };
    }
  }
  const line = described(stanza, own);
  return line.body === null ? undefined : { ...line, way: "direct", by: stanza.attrs.from };
}

function described(message, own) {
  const ids = message.getChildren("stanza-id", NS.SID);
  return {
    body: message.getChildText("body"),
    id: message.attrs.id,
    origin: originOf(message),
    from: message.attrs.from,
    to: message.attrs.to,
    archived: ids.filter((id) => id.attrs.by === own).map((id) => id.attrs.id),
    strange: ids.filter((id) => id.attrs.by !== own).length,
    delayed: message.getChild("delay", "urn:xmpp:delay") !== undefined,
  };
}

function entryOf(stanza, result) {
  const message = result.getChild("forwarded", NS.FORWARD).getChild("message", "jabber:client");
  return {
    archived: result.attrs.id,
    by: stanza.attrs.from,
    id: message.attrs.id,
    origin: originOf(message),
    body: message.getChildText("body"),
  };
}

function originOf(message) {
  return message.getChild("origin-id", NS.SID)?.attrs.id;
}
