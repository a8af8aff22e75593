// strophe.js as it is.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { xml } from "@xmpp/xml";
import { Strophe } from "strophe.js";

import { Cable } from "./lib/cable.mjs";
import { Server } from "./lib/server.mjs";
import { StropheJs } from "./lib/strophe-js.mjs";

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

const PRESENCE = xml("presence", { xmlns: "jabber:client" });

// proves: AU-04
test("strophe.js signs in by either SCRAM and prefers the stronger", async (t) => {
  const romeo = await server.account("romeo");
  for (const [mechanisms, taken] of [
    [undefined, "SCRAM-SHA-256"],
    [[Strophe.SASLSHA1], "SCRAM-SHA-1"],
    [[Strophe.SASLSHA256], "SCRAM-SHA-256"],
  ]) {
    const device = await StropheJs.signIn(t, server.websocket, romeo, { mechanisms });
    assert.equal(device.connection._sasl_mechanism.mechname, taken);
    assert.equal(device.jid, `${romeo.bare}/strophe`);
    await device.leave();
  }
});

test("strophe.js is told that a password is wrong", async () => {
  const romeo = await server.account("romeo");
  const device = new StropheJs(server.websocket, { ...romeo, password: "a rose" });
  const { status } = await device.connect();
  assert.equal(status, Strophe.Status.AUTHFAIL);
});

// proves: BI-02 CC-01 CC-03 RT-05 SI-03
test("two strophe.js of one account have carbons of both sides of a conversation", async (t) => {
  const [romeo, juliet] = [await server.account("romeo"), await server.account("juliet")];
  const phone = await StropheJs.signIn(t, server.websocket, romeo);
  const desk = await StropheJs.signIn(t, server.websocket, romeo);
  const hers = await StropheJs.signIn(t, server.websocket, juliet);
  assert.notEqual(phone.jid, desk.jid, "both asked for one resource");
  for (const device of [phone, desk, hers]) {
    await device.enableCarbons();
    await device.send(PRESENCE);
    await device.ping();
  }

  await phone.say(juliet, "it is my lady");
  const sent = await desk.hears("it is my lady");
  assert.equal(sent.way, "sent");
  assert.equal(sent.by, romeo.bare, "carbons come from the own account");
  assert.equal(sent.from, phone.jid);
  assert.equal(sent.archived.length, 1);
  await hers.hears("it is my lady");
  await hers.say(phone.jid, "ay me");
  const direct = await phone.hears("ay me");
  const received = await desk.hears("ay me");
  assert.equal(direct.way, "direct");
  assert.equal(received.way, "received");
  assert.equal(received.by, romeo.bare);
  assert.deepEqual(received.archived, direct.archived, "the same line of the same archive");

  await hers.say(romeo, "good night");
  for (const device of [phone, desk]) {
    await device.hears("good night");
    await device.ping();
  }
  assert.deepEqual(phone.bodies(), ["ay me", "good night"]);
  assert.deepEqual(desk.bodies(), ["it is my lady", "ay me", "good night"]);
  assert.deepEqual(hers.bodies(), ["it is my lady"]);
});

// proves: SM-17
test("strophe.js resumes after a cut, and nothing is missing or double", async (t) => {
  const [romeo, juliet] = [await server.account("romeo"), await server.account("juliet")];
  const cable = await Cable.to(server.port);
  const his = await StropheJs.signIn(t, cable.websocket, romeo);
  const hers = await StropheJs.signIn(t, server.websocket, juliet);
  t.after(() => cable.remove());
  await his.enableCarbons();
  for (const device of [his, hers]) {
    await device.send(PRESENCE);
    await device.ping();
  }
  const jid = his.jid;

  await hers.say(romeo, "line 1");
  await his.hears("line 1");
  // Whether the first still arrives is up to the network; the second does not. strophe.js repeats what was not
  // acknowledged.
  await his.say(juliet, "answer 1");
  cable.cut();
  await his.say(juliet, "answer 2");
  await his.lost();
  await hers.say(romeo, "line 2");
  await hers.say(romeo, "line 3");
  await hers.ping();

  cable.mend();
  assert.equal((await his.connect()).status, Strophe.Status.CONNECTED);
  assert.ok(his.connection.hasResumed());
  assert.equal(his.jid, jid, "the same session");
  await hers.say(romeo, "line 4");
  await his.hears("line 4");
  await his.say(juliet, "answer 3");
  await hers.hears("answer 3");
  await his.ping();

  assert.deepEqual(his.bodies(), ["line 1", "line 2", "line 3", "line 4"]);
  assert.deepEqual(hers.bodies(), ["answer 1", "answer 2", "answer 3"]);
  for (const line of [...his.lines(), ...hers.lines()]) {
    assert.equal(line.delayed, false, "resumption leaves no trace in a line");
  }
  assert.equal((await his.archive()).length, 7);
});

// proves: RT-01 RT-06 SI-03
test("strophe.js gets what was said while it was away, once and in order", async (t) => {
  const [romeo, juliet] = [await server.account("romeo"), await server.account("juliet")];
  const hers = await StropheJs.signIn(t, server.websocket, juliet);
  const words = ["one", "two", "three"];
  for (const word of words) {
    await hers.say(romeo, word);
  }
  await hers.ping();
  // Without stream management: what it was sent once is never sent again.
  const comes = async () => {
    const his = new StropheJs(server.websocket, romeo);
    t.after(() => his.leave());
    assert.equal((await his.connect()).status, Strophe.Status.CONNECTED);
    await his.ping();
    assert.deepEqual(his.bodies(), [], "before it is available");
    await his.send(PRESENCE);
    await his.ping();
    return his;
  };

  const his = await comes();
  await his.hears("three");
  assert.deepEqual(his.bodies(), words);
  const archived = (await his.archive()).map((entry) => entry.archived);
  assert.deepEqual(
    his.lines().map((line) => line.archived),
    archived.map((id) => [id]),
  );
  assert.ok(his.lines().every((line) => line.delayed));
  await hers.say(romeo, "live");
  assert.equal((await his.hears("live")).delayed, false);
  await his.leave();

  const later = await comes();
  await hers.say(romeo, "four");
  await later.hears("four");
  assert.deepEqual(later.bodies(), ["four"]);
});

// proves: MAM-13 MAM-14 MAM-15 MAM-16
test("strophe.js pages backward through 120 lines, each once and in order", async (t) => {
  const [romeo, juliet] = [await server.account("romeo"), await server.account("juliet")];
  const his = await StropheJs.signIn(t, server.websocket, romeo);
  const lines = Array.from({ length: 120 }, (_, index) => `line ${index + 1}`);
  for (const line of lines) {
    await his.say(juliet, line);
  }
  await his.ping();

  const entries = [];
  const sizes = [];
  let page;
  do {
    page = await his.page(50, { before: page?.first ?? "" });
    sizes.push(page.results.length);
    entries.unshift(...page.results);
  } while (!page.complete);
  assert.deepEqual(sizes, [50, 50, 20]);
  assert.deepEqual(entries.map((entry) => entry.body), lines);
});
