// Clients that know nothing but the domain.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { http } from "@xmpp/resolve/resolve.js";
import parse from "@xmpp/xml/lib/parse.js";

import { Server } from "./lib/server.mjs";
import { XmppJs } from "./lib/xmpp-js.mjs";

const WEBSOCKET = "urn:xmpp:alt-connections:websocket";

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

// proves: HM-01 HM-02
test("both kinds of host-meta name the WebSocket, for every origin", async () => {
  const [xrd, jrd] = await Promise.all(
    ["host-meta", "host-meta.json"].map((name) => fetch(`${server.origin}/.well-known/${name}`)),
  );
  for (const [answer, type] of [
    [xrd, "application/xrd+xml"],
    [jrd, "application/json"],
  ]) {
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type").split(";")[0], type);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    assert.equal(answer.headers.get("access-control-allow-credentials"), null);
  }
  const document = parse(await xrd.text());
  assert.ok(document.is("XRD", "http://docs.oasis-open.org/ns/xri/xrd-1.0"));
  const links = document.getChildren("Link").map(({ attrs: { rel, href } }) => ({ rel, href }));
  assert.deepEqual(links, [{ rel: WEBSOCKET, href: server.websocket }]);
  assert.deepEqual((await jrd.json()).links, links);
  const page = await fetch(server.origin);
  assert.equal(page.headers.get("access-control-allow-origin"), null, "nothing else is for all");
});

// proves: HM-01
test("@xmpp/client finds the WebSocket by host-meta and signs in there", async (t) => {
  // It asks by https only. What ends TLS before a server stands on this machine in place of a proxy.
  const { fetch } = globalThis;
  t.mock.method(globalThis, "fetch", (url) => fetch(String(url).replace(/^https:/, "http:")));
  const found = await http.resolve(server.host);
  assert.deepEqual(
    found.map(({ method, uri }) => ({ method, uri })),
    [{ method: "websocket", uri: server.websocket }],
  );
  const device = await XmppJs.signIn(t, found[0].uri, await server.account("romeo"));
  await device.ping();
});
