// Ordinary clients publish for each other: nodes of an account, and who hears of them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { xml } from "@xmpp/client";

import { NS } from "./lib/device.mjs";
import { Server } from "./lib/server.mjs";
import { StropheJs } from "./lib/strophe-js.mjs";
import { XmppJs } from "./lib/xmpp-js.mjs";

const PUBSUB = "http://jabber.org/protocol/pubsub";
const EVENT = `${PUBSUB}#event`;
const NODE = "urn:xmpp:mds:displayed:0";
const VER = "Qgv6h+VMU8Gk6eOQ0d5DlKrg2hI=";

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

const PRESENCE = xml(
  "presence",
  { xmlns: "jabber:client" },
  xml("c", { xmlns: "http://jabber.org/protocol/caps", hash: "sha-1", node: "urn:example", ver: VER }),
);

const DESCRIPTION = xml(
  "query",
  { xmlns: NS.DISCO, node: `urn:example#${VER}` },
  xml("identity", { category: "client", type: "pc" }),
  xml("feature", { var: `${NODE}+notify` }),
  xml("feature", { var: "urn:example:mood+notify" }),
);

function option(name, value) {
  return xml("field", { var: name }, xml("value", {}, value));
}

function publish(chat, displayed) {
  const payload = xml("displayed", { xmlns: NODE }, displayed);
  const options = xml(
    "x",
    { xmlns: "jabber:x:data", type: "submit" },
    option("FORM_TYPE", `${PUBSUB}#publish-options`),
    option("pubsub#persist_items", "true"),
    option("pubsub#max_items", "max"),
    option("pubsub#send_last_published_item", "never"),
    option("pubsub#access_model", "whitelist"),
  );
  return xml(
    "pubsub",
    { xmlns: PUBSUB },
    xml("publish", { node: NODE }, xml("item", { id: chat }, payload)),
    xml("publish-options", {}, options),
  );
}

// proves: PE-01 PE-02 PE-04 PE-05 DI-03
test("what strophe.js publishes, @xmpp/client hears, and nobody else reads", async (t) => {
  const [romeo, juliet] = [await server.account("romeo"), await server.account("juliet")];
  const hers = await StropheJs.signIn(t, server.websocket, juliet);
  const desk = await StropheJs.signIn(t, server.websocket, romeo);
  const phone = await XmppJs.signIn(t, server.websocket, romeo);
  const own = await phone.features(romeo.bare);
  for (const feature of ["publish", "publish-options", "persistent-items", "access-whitelist"]) {
    assert.ok(own.includes(`${PUBSUB}#${feature}`), String(own));
  }
  let asked = 0;
  phone.client.iqCallee.get(NS.DISCO, "query", () => {
    asked += 1;
    return DESCRIPTION;
  });
  await phone.send(PRESENCE);
  await phone.received.until(() => asked === 1, "the server's question");
  await phone.ping();

  const stanzaId = xml("stanza-id", { xmlns: NS.SID, by: romeo.bare, id: "one" });
  await desk.ask("set", publish(juliet.bare, stanzaId));
  const event = await phone.gets("message", { type: "headline", from: romeo.bare });
  const item = event.getChild("event", EVENT).getChild("items").getChild("item");
  assert.equal(item.attrs.id, juliet.bare);
  assert.equal(item.getChild("displayed", NODE).getChild("stanza-id", NS.SID).attrs.id, "one");

  const items = xml("pubsub", { xmlns: PUBSUB }, xml("items", { node: NODE }));
  const answer = await phone.ask("get", items);
  const kept = answer.getChild("pubsub", PUBSUB).getChild("items").getChildren("item");
  assert.deepEqual(kept.map((one) => one.attrs.id), [juliet.bare]);
  await assert.rejects(hers.ask("get", items, romeo.bare));
  assert.deepEqual(await phone.archive(), [], "no archive holds it");
  assert.deepEqual(phone.errors, []);
});
