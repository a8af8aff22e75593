// Scripts: what is done to whom and when; noted by hand or ready-made, played with a seed.

const VERSION = 1;
const SETTLE_MAX_MS = 120_000;
const DEVICE_DOES = ["write", "cut", "freeze", "delay", "hide", "reload", "wipe"];
const SERVER_DOES = ["fail", "fill", "restart", "settle"];

/** What people say where a script does not. */
const LINES = [
  "But soft, what light through yonder window breaks?", "It is the east, and Juliet is the sun.",
  "O Romeo, Romeo, wherefore art thou Romeo?", "What’s in a name?", "Ay me!", "She speaks.",
  "That which we call a rose by any other word would smell as sweet.", "I take thee at thy word.",
  "How cam’st thou hither, tell me, and wherefore?", "With love’s light wings did I o’erperch these walls.",
  "My bounty is as boundless as the sea, my love as deep.", "Parting is such sweet sorrow.",
  "Good night, good night!", "Hist! Romeo, hist!", "It is my soul that calls upon my name.", "A thousand times good night!",
];

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A script that can be played, or what is wrong with it. */
export function check(script) {
  if (script?.["balcony-lab"] !== VERSION) throw new Error(`"balcony-lab" must be ${VERSION}`);
  if (!Array.isArray(script.steps)) throw new Error("there are no steps");
  for (const [index, step] of script.steps.entries()) {
    const known = step.who === undefined ? SERVER_DOES : DEVICE_DOES;
    if (!known.includes(step.do)) throw new Error(`step ${index + 1}: nobody knows how to “${step.do}”`);
    if (step.who !== undefined && !/^(romeo|juliet)\/[123]$/.test(step.who)) {
      throw new Error(`step ${index + 1}: there is no ${step.who}`);
    }
  }
  return { name: "unnamed", about: "", seed: 1, devices: 2, ...script };
}

/** The steps with all that the seed decides filled in: texts, delays, bursts. */
export function spelledOut({ steps, seed }) {
  const next = chance(seed);
  const between = span => Array.isArray(span) ? Math.round(span[0] + next() * (span[1] - span[0])) : span;
  let count = 0;
  return steps.flatMap(step => {
    const { after, burst = 1, every, ...rest } = step;
    const times = step.do === "write" ? burst : 1;
    return Array.from({ length: times }, (_, index) => {
      const one = { ...rest, after: between((index > 0 ? every : after) ?? 0) };
      if (step.do === "write" && step.value === undefined) {
        count += 1;
        one.value = `${count}. ${LINES[Math.floor(next() * LINES.length)]}`;
      } else if (Array.isArray(step.value)) {
        one.value = between(step.value);
      }
      return one;
    });
  });
}

/** Notes what is done by hand. */
export class Recorder {
  steps = [];
  isOn = true;
  #isPaused = false;
  #last = null;

  constructor(onChange) {
    this.onChange = onChange;
    this.wrote = (who, text) => this.note({ who, do: "write", value: text });
  }

  note(step) {
    if (!this.isOn || this.#isPaused) return;
    const now = performance.now();
    this.steps.push({ after: this.#last === null ? 0 : Math.round(now - this.#last), ...step });
    this.#last = now;
    this.onChange();
  }

  /** What a script does is not noted. */
  pause(isPaused) {
    this.#isPaused = isPaused;
    this.#last = null;
  }

  clear() {
    this.steps = [];
    this.#last = null;
    this.onChange();
  }

  script(seed) {
    return check({
      "balcony-lab": VERSION, name: "recorded", about: "What was done by hand.", seed,
      devices: Math.max(1, ...this.steps.map(step => Number(step.who?.split("/")[1] ?? 1))),
      steps: [...this.steps, { do: "settle" }],
    });
  }
}

/** One playing of a script. */
export class Run {
  #isStopped = false;

  constructor(script, hooks) {
    this.steps = spelledOut(script);
    this.hooks = hooks;
  }

  stop() {
    this.#isStopped = true;
  }

  /** Plays it to its end, where everything is healed, and every promise must hold. */
  async play() {
    try {
      for (const [index, step] of this.steps.entries()) {
        this.hooks.onStep(this.steps, index);
        await this.#wait(step.after);
        if (step.do === "settle") await this.#settle();
        else await this.hooks.act(step);
      }
    } finally {
      await this.#heal();
    }
    await this.#settle();
  }

  async #heal() {
    for (const device of this.hooks.devices()) {
      for (const [fault, on] of Object.entries(device.faults)) {
        if (on) await this.hooks.act({ who: device.name, do: fault, value: fault === "delay" ? 0 : false });
      }
    }
    if (!this.hooks.isUp()) return;
    for (const what of ["fail", "fill"]) await this.hooks.act({ do: what, value: { of: "both", on: false } });
  }

  async #wait(ms) {
    const by = performance.now() + ms;
    do {
      if (this.#isStopped) throw new Error("stopped");
      const left = by - performance.now();
      await new Promise(resolve => setTimeout(resolve, Math.min(100, Math.max(0, left))));
    } while (performance.now() < by);
  }

  /** Waits until all is calm for a moment; a promise that is broken ends the run. */
  async #settle() {
    const by = performance.now() + SETTLE_MAX_MS;
    let calm = 0;
    while (calm < 5) {
      await this.#wait(200);
      const verdict = this.hooks.verdict();
      const broken = Object.values(verdict.lights).flatMap(light => light.broken);
      if (broken.length > 0) throw new Error(`a promise is broken: ${broken[0]}`);
      calm = verdict.isSettled ? calm + 1 : 0;
      if (performance.now() > by) throw new Error("it does not settle");
    }
  }
}

const made = (name, about, steps, more = {}) => ({ "balcony-lab": VERSION, name, about, seed: 1, devices: 2, ...more, steps });
const soon = [60, 220];

export const READY_MADE = [
  made("Cut while typing", "Romeo’s first device loses its network in the middle of writing, and goes on writing. What waited goes out once, in order.", [
    { who: "romeo/1", do: "write", burst: 3, every: soon },
    { after: 20, who: "romeo/1", do: "cut", value: true },
    { who: "romeo/1", do: "write", burst: 3, every: soon },
    { who: "juliet/1", do: "write", burst: 3, every: soon },
    { after: 400, who: "romeo/1", do: "cut", value: false },
    { do: "settle" },
  ]),
  made("Server restart under typing", "The server is killed and started again while both write. Nothing is lost, nothing comes twice.", [
    { who: "romeo/1", do: "write", burst: 3, every: soon },
    { who: "juliet/2", do: "write", burst: 3, every: soon },
    { do: "restart" },
    { who: "romeo/1", do: "write", burst: 3, every: soon },
    { who: "juliet/1", do: "write", burst: 2, every: soon },
    { do: "settle" },
  ]),
  made("Failed append", "Both archives fail to take one line. It is delivered all the same, and every device that shows it says that it is not saved.", [
    { who: "romeo/1", do: "write", value: "This line is saved." },
    { do: "settle" },
    { do: "fail", value: { of: "both", on: true } },
    { after: 100, who: "romeo/1", do: "write", value: "This line is delivered, and not saved." },
    { after: 600, who: "romeo/1", do: "write", value: "This line is saved again." },
    { do: "settle" },
  ]),
  made("Full archive", "Juliet’s archive is full for a while. What comes meanwhile is not saved there, and Romeo has it.", [
    { do: "fill", value: { of: "juliet", on: true } },
    { after: 100, who: "romeo/2", do: "write", burst: 2, every: soon },
    { after: 600, do: "fill", value: { of: "juliet", on: false } },
    { who: "romeo/2", do: "write" },
    { do: "settle" },
  ]),
  made("Everybody offline, then back", "All devices lose their network, and all write. They come back one by one.", [
    ...["romeo/1", "romeo/2", "juliet/1", "juliet/2"].map(who => ({ who, do: "cut", value: true })),
    ...["romeo/1", "juliet/1", "romeo/2", "juliet/2"].map(who => ({ who, do: "write", burst: 2, every: soon })),
    ...["juliet/2", "romeo/1", "romeo/2", "juliet/1"].map(who => ({ after: [100, 900], who, do: "cut", value: false })),
    { do: "settle" },
  ]),
  made("Wipe a device", "A device of Juliet’s forgets everything while the others write, and comes back complete.", [
    { who: "romeo/1", do: "write", burst: 2, every: soon },
    { who: "juliet/2", do: "wipe" },
    { who: "romeo/1", do: "write", burst: 2, every: soon },
    { who: "juliet/2", do: "write" },
    { do: "settle" },
  ]),
  made("Acks lost, then a reload", "The server has Romeo’s lines, and its acks do not reach him. After a reload he sends them again; the archive keeps each once.", [
    { who: "romeo/1", do: "freeze", value: true },
    { who: "romeo/1", do: "write", burst: 3, every: soon },
    { after: 1500, who: "romeo/1", do: "reload" },
    { who: "romeo/1", do: "freeze", value: false },
    { who: "romeo/1", do: "write" },
    { do: "settle" },
  ]),
  made("Hidden, then looked at", "A device of Juliet’s is hidden until it is inactive; what its own person writes elsewhere may wait for it. Shown again, it is complete.", [
    { who: "juliet/2", do: "hide", value: true },
    { after: 11000, who: "juliet/1", do: "write", burst: 3, every: soon },
    { who: "romeo/1", do: "write" },
    { after: 300, who: "juliet/2", do: "hide", value: false },
    { do: "settle" },
  ]),
  made("Slow and crossing", "Frames of two devices take long, and both sides write at once. All end with one order.", [
    { who: "romeo/2", do: "delay", value: [300, 900] },
    { who: "juliet/1", do: "delay", value: [300, 900] },
    ...["romeo/2", "juliet/1", "romeo/1", "juliet/1", "romeo/2", "juliet/2"].map(who => ({ after: soon, who, do: "write" })),
    { after: 1500, who: "romeo/2", do: "delay", value: 0 },
    { who: "juliet/1", do: "delay", value: 0 },
    { do: "settle" },
  ]),
];
