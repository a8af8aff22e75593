// The lab's page: devices on both sides, in the middle what is true of every message, and the runs.

import { Device } from "./devices.js";
import { Server } from "./server.js";
import { judge } from "./promises.js";
import { drawLights, drawTable } from "./table.js";
import { READY_MADE, Recorder, Run, check } from "./runs.js";

const PEOPLE = ["romeo", "juliet"];
const DRAW_EVERY_MS = 250;

const el = id => document.getElementById(id);
const server = new Server();
const recorder = new Recorder(drawRecorded);
/** All devices, by their name such as `romeo/1`. */
const devices = new Map();
/** The script that is chosen, and the run that plays it. */
let script = READY_MADE[0];
let run = null;
let imported = null;
let verdict = null;

/** What happens to a device or the server, by whatever hand; all of it goes through here. */
async function act(step) {
  if (step.who) {
    const device = devices.get(step.who);
    if (!device) throw new Error(`there is no device ${step.who}`);
    await device.act(step.do, step.value);
  } else {
    await server.act(step.do, step.value);
  }
  draw();
}

/** The same, by the hand of the person at this page. */
function byHand(step) {
  recorder.note(step);
  act(step).catch(error => say("failed", error.message));
}

const accountOf = name => server.accounts.find(account => account.jid.startsWith(`${name}@`));

function seat(count) {
  for (const [index, person] of PEOPLE.entries()) {
    const account = accountOf(person);
    const peer = accountOf(PEOPLE[1 - index]);
    for (let place = 1; place <= 3; place += 1) {
      const name = `${person}/${place}`;
      const has = devices.has(name);
      if (place > count && has) {
        devices.get(name).remove();
        devices.delete(name);
      } else if (place <= count && !has) {
        const device = new Device({ name, account, peer: peer.jid, byHand, onWrote: recorder.wrote, onChange: draw });
        devices.set(name, device);
        el(person).append(device.card);
      }
    }
  }
  document.body.dataset.count = count;
  draw();
}

const byName = () => [...devices.values()].sort((a, b) =>
  PEOPLE.indexOf(a.person) - PEOPLE.indexOf(b.person) || a.place - b.place);

let drawing = null;
function draw() {
  // A timer, and no frame of the screen: runs go on where nobody looks.
  drawing ??= setTimeout(() => {
    drawing = null;
    const shown = byName();
    verdict = judge({ server, devices: shown, now: performance.now() });
    drawLights(el("lights"), verdict);
    drawTable(el("table"), verdict, shown, server);
    drawServer();
  }, 16);
}

function drawServer() {
  const chip = el("server");
  chip.dataset.state = server.isUp ? "good" : "bad";
  chip.textContent = server.isUp ? "up" : "away";
  const whose = PEOPLE.map(accountOf).filter(account => account && whoseArchive().includes(account.jid.split("@")[0]));
  const all = key => whose.length > 0 && whose.every(account => server[key].includes(account.jid));
  el("fail").ariaPressed = String(all("failing"));
  el("fill").ariaPressed = String(all("full"));
}

const whoseArchive = () => el("whose").value === "both" ? PEOPLE : [el("whose").value];

function say(state, text) {
  const chip = el("run");
  chip.dataset.state = state;
  chip.textContent = text;
}

function drawRecorded() {
  const count = recorder.steps.length;
  el("recorded").textContent = `${count} step${count === 1 ? "" : "s"}`;
  el("replay").disabled = count === 0;
  el("forget").disabled = count === 0;
  if (!run) drawSteps(recorder.steps, -1);
}

const told = step => [
  step.after === undefined ? "" : `+${step.after} ms`, step.who ?? "server", step.do,
  step.value === undefined || step.value === true ? "" : JSON.stringify(step.value),
].filter(Boolean).join(" ");

function drawSteps(steps, at) {
  el("steps").replaceChildren(...steps.map((step, index) => {
    const item = document.createElement("li");
    item.textContent = told(step);
    if (index === at) item.ariaCurrent = "step";
    return item;
  }));
  el("steps").children[Math.max(at, 0)]?.scrollIntoView({ block: "nearest" });
}

function drawScripts() {
  const all = imported ? [...READY_MADE, imported] : READY_MADE;
  el("script").replaceChildren(...all.map((one, index) => new Option(one.name, index, false, one === script)));
  el("about").textContent = script.about;
  el("seed").value = script.seed;
}

function load(chosen) {
  imported = chosen;
  script = chosen;
  drawScripts();
}

async function play(chosen) {
  if (run) return;
  seat(Math.max(Number(el("count").value), chosen.devices ?? 2));
  el("count").value = document.body.dataset.count;
  run = new Run(chosen, {
    act, verdict: () => verdict, devices: () => byName(), onStep: drawSteps, isUp: () => server.isUp,
  });
  el("play").disabled = true;
  el("replay").disabled = true;
  el("stop").disabled = false;
  recorder.pause(true);
  say("running", `playing “${chosen.name}”`);
  try {
    await run.play();
    say("done", `“${chosen.name}”: every promise holds`);
  } catch (error) {
    say("failed", `“${chosen.name}”: ${error.message}`);
  } finally {
    run = null;
    recorder.pause(false);
    el("play").disabled = false;
    el("stop").disabled = true;
    drawRecorded();
  }
}

function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function wire() {
  const byServer = (id, what) => el(id).addEventListener("click", () => {
    const on = el(id).ariaPressed !== "true";
    byHand({ do: what, value: { of: el("whose").value, on } });
  });
  byServer("fail", "fail");
  byServer("fill", "fill");
  el("restart").addEventListener("click", () => byHand({ do: "restart" }));
  el("whose").addEventListener("change", draw);
  el("count").addEventListener("change", () => seat(Number(el("count").value)));
  el("script").addEventListener("change", () => {
    script = [...READY_MADE, imported][Number(el("script").value)];
    drawScripts();
  });
  el("play").addEventListener("click", () => play({ ...script, seed: Number(el("seed").value) || 0 }));
  el("stop").addEventListener("click", () => run?.stop());
  el("record").addEventListener("click", () => {
    recorder.isOn = !recorder.isOn;
    el("record").ariaPressed = String(recorder.isOn);
  });
  el("replay").addEventListener("click", () => play(recorder.script(Number(el("seed").value) || 0)));
  el("forget").addEventListener("click", () => recorder.clear());
  el("export").addEventListener("click", () => {
    const chosen = recorder.steps.length > 0 ? recorder.script(Number(el("seed").value) || 0) : script;
    download("balcony-run.json", `${JSON.stringify(chosen, null, 2)}\n`);
  });
  el("import").addEventListener("click", () => el("file").click());
  el("file").addEventListener("change", async () => {
    const [file] = el("file").files;
    if (!file) return;
    try {
      load(check(JSON.parse(await file.text())));
      say("idle", `“${imported.name}” is loaded`);
    } catch (error) {
      say("failed", `not a script: ${error.message}`);
    }
    el("file").value = "";
  });
  addEventListener("message", event => {
    if (event.origin !== location.origin) return;
    const device = byName().find(one => one.frame.contentWindow === event.source);
    device?.hear(event.data);
  });
}

/** What tests and the curious ask. */
globalThis.lab = {
  play: text => {
    load(check(JSON.parse(text)));
    return play(script);
  },
  verdict: () => verdict,
  scripts: () => READY_MADE.map(one => one.name),
  recorded: () => recorder.script(1),
};

document.documentElement.dataset.theme = localStorage.getItem("balcony:theme") ?? "system";
wire();
drawScripts();
drawRecorded();
await server.begin(draw);
const strangers = server.accounts.filter(account => !account.password);
if (strangers.length > 0) {
  say("failed", `the password of ${strangers.map(account => account.jid).join(", ")} is not known here`);
}
seat(Number(el("count").value));
setInterval(draw, DRAW_EVERY_MS);
