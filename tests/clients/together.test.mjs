// Devices of every kind in one conversation.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { xml } from "@xmpp/xml";

import { Server } from "./lib/server.mjs";
import { StropheJs } from "./lib/strophe-js.mjs";
import { Tab } from "./lib/tab.mjs";
import { XmppJs } from "./lib/xmpp-js.mjs";

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

async function devicesOf(t, account) {
  const ordinary = [
    await XmppJs.signIn(t, server.websocket, account),
    await StropheJs.signIn(t, server.websocket, account),
  ];
  for (const device of ordinary) {
    await device.enableCarbons();
    await device.send(xml("presence", { xmlns: "jabber:client" }));
    await device.ping();
  }
  return [...ordinary, await Tab.signIn(t, server.websocket, account)];
}

// proves: S11-10 S11-13 S11-40 S11-41 S11-42 RT-05 RT-06 RT-08 MAM-08 CO-07
test("@xmpp/client, strophe.js and the web client's protocol share a conversation", async (t) => {
  const people = [await server.account("romeo"), await server.account("juliet")];
  const [his, hers] = [await devicesOf(t, people[0]), await devicesOf(t, people[1])];
  const all = [...his, ...hers];

  // All six talk at once.
  const spoken = new Map();
  const talk = all.map(async (device, speaker) => {
    const to = people[speaker < his.length ? 1 : 0];
    for (let count = 1; count <= 10; count += 1) {
      const body = `line ${count} of ${speaker}`;
      spoken.set(body, { id: await device.say(to, body), device });
    }
  });
  await Promise.all(talk);
  // Six devices, of which one has said the line itself.
  for (const device of all) {
    for (const [body, { device: speaker }] of spoken) {
      if (device !== speaker) {
        await device.hears(body);
      }
    }
    await device.ping();
  }
  for (const device of all) {
    await device.settled?.();
  }

  for (const devices of [his, hers]) {
    const { bare } = devices[0].account;
    const archive = await devices[0].archive();
    assert.deepEqual(archive.map((entry) => entry.body).sort(), [...spoken.keys()].sort());
    const places = new Map(archive.map((entry, place) => [entry.archived, place]));

    for (const device of devices) {
      const lines = device.lines();
      assert.equal(lines.length, 50, `all lines but its own ten, once each: ${device.jid}`);
      assert.equal(new Set(lines.map((line) => line.body)).size, 50);
      let last = -1;
      for (const line of lines) {
        assert.equal(line.id, spoken.get(line.body).id);
        assert.deepEqual([line.archived.length, line.strange], [1, 0], line.body);
        const place = places.get(line.archived[0]);
        assert.equal(archive[place].body, line.body);
        assert.ok(place > last, `${line.body} stands in the order of the archive`);
        last = place;
        if (line.way !== "direct") {
          assert.equal(line.by, bare);
        }
      }
      // Every device reads the same archive.
      assert.deepEqual(await device.archive(), archive);
    }

    // The tab knew the ids of its own lines, and the place of each by the ack, before it ever asked.
    const tab = devices.at(-1);
    assert.deepEqual(tab.entries, archive.map((entry) => entry.archived));
    for (const entry of archive) {
      const isOwn = spoken.get(entry.body).device === tab;
      assert.equal(entry.archived === `${tab.prefix}.${entry.id}`, isOwn);
      assert.equal(entry.archived.includes("."), isOwn, "others have ids that say nothing");
    }
  }
});
