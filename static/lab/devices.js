// A device: the app in a frame, with a place of its own, and what can happen to it.

/** What is said of a device that is kept from knowing everything. */
const FAULTS = { cut: "cut", freeze: "acks frozen", delay: "slow", hide: "inactive" };
const SLOW_MS = 1500;

export class Device {
  state = "starting";
  lines = [];
  /** Which faults are on. */
  faults = {};
  /** Since when nothing keeps it from knowing everything. */
  freeSince = Infinity;

  constructor({ name, account, peer, byHand, onWrote, onChange }) {
    this.name = name;
    [this.person, this.place] = name.split("/");
    this.place = Number(this.place);
    Object.assign(this, { account: account.jid, password: account.password, byHand, onWrote, onChange });
    this.frame = document.createElement("iframe");
    this.frame.src = `/?lab=${account.jid}/${this.place}#/chat/${encodeURIComponent(peer)}`;
    this.frame.title = this.title;
    this.card = this.#card();
  }

  get title() {
    return `${this.person === "romeo" ? "Romeo" : "Juliet"} ${this.place}`;
  }

  #card() {
    const card = document.createElement("article");
    card.className = "device";
    card.dataset.device = this.name;
    card.ariaLabel = this.title;
    const head = document.createElement("header");
    const name = document.createElement("h2");
    name.textContent = this.title;
    this.chip = document.createElement("span");
    this.chip.className = "chip";
    head.append(name, this.chip);
    const tools = document.createElement("div");
    tools.className = "tools";
    tools.role = "group";
    tools.ariaLabel = `What happens to ${this.title}`;
    this.toggles = {};
    for (const [what, label, why] of [
      ["cut", "Cut", "No network until it is healed."],
      ["freeze", "Freeze", "Acks are held back on both ways, and what comes behind the server's."],
      ["delay", "Slow", `Every frame takes ${SLOW_MS} ms more, both ways.`],
      ["hide", "Hide", "The page is hidden; after ten seconds the device is inactive."],
    ]) {
      const toggle = button(label, why, () => {
        const on = !this.faults[what];
        this.byHand({ who: this.name, do: what, value: what === "delay" ? (on ? SLOW_MS : 0) : on });
      });
      this.toggles[what] = toggle;
      tools.append(toggle);
    }
    tools.append(
      button("Reload", "Loads the page again.", () => this.byHand({ who: this.name, do: "reload" })),
      button("Wipe", "Forgets everything that the browser keeps of this device.",
        () => this.byHand({ who: this.name, do: "wipe" })),
    );
    const screen = document.createElement("div");
    screen.className = "screen";
    screen.append(this.frame);
    card.append(head, tools, screen);
    return card;
  }

  /** Does something to the device; done when it is under way. */
  async act(what, value) {
    if (what in FAULTS) {
      this.faults[what] = Boolean(value);
      this.freeSince = this.#isFree() ? performance.now() : Infinity;
      this.#tell(what, value);
    } else if (what === "write") {
      await this.#until(() => this.isThere);
      this.#tell("write", value);
    } else if (what === "reload" || what === "wipe") {
      this.#lose();
      if (what === "wipe") this.#tell("wipe", true);
      else this.frame.contentWindow.location.reload();
      await this.#until(() => this.isThere);
    } else {
      throw new Error(`nobody knows how to ${what}`);
    }
    this.draw();
  }

  #lose() {
    this.isThere = false;
    this.state = "starting";
    this.freeSince = Infinity;
  }

  #tell(what, value) {
    this.frame.contentWindow?.postMessage([what, value], location.origin);
  }

  async #until(holds) {
    const by = performance.now() + 60_000;
    while (!holds()) {
      if (performance.now() > by) throw new Error(`${this.name} does not answer`);
      await new Promise(resolve => setTimeout(resolve, 25));
    }
  }

  #isFree() {
    return Object.values(this.faults).every(on => !on);
  }

  /** The device says something. */
  hear(told) {
    if (told?.here) {
      this.#lose();
      this.#tell("sign-in", this.password);
      // A page that was loaded again knows nothing of its faults.
      for (const [what, on] of Object.entries(this.faults)) {
        if (on) this.#tell(what, what === "delay" ? SLOW_MS : true);
      }
    } else if (told?.wrote !== undefined) {
      this.onWrote(this.name, told.wrote);
    } else if (told?.shows) {
      const [state, lines] = told.shows;
      if (state === "live" && this.state !== "live" && this.#isFree()) this.freeSince = performance.now();
      if (state !== "live") this.freeSince = Infinity;
      this.state = state;
      this.isThere = true;
      this.reportedAt = performance.now();
      this.lines = lines.map(([key, id, mark, own, text]) => ({ key, id, mark, own, text }));
    }
    this.draw();
    this.onChange();
  }

  /** Why it may not know everything; nothing if it should. */
  get behind() {
    const faults = Object.entries(this.faults).filter(([, on]) => on).map(([what]) => FAULTS[what]);
    if (faults.length > 0) return faults.join(", ");
    return this.state === "live" ? "" : this.state;
  }

  draw() {
    const behind = this.behind;
    this.chip.textContent = behind || "up to date";
    this.chip.dataset.state = behind ? "waiting" : "good";
    this.card.dataset.state = this.state;
    this.card.dataset.behind = behind;
    for (const [what, toggle] of Object.entries(this.toggles)) {
      toggle.ariaPressed = String(Boolean(this.faults[what]));
    }
  }

  remove() {
    this.card.remove();
  }
}

function button(label, why, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.title = why;
  made.addEventListener("click", act);
  return made;
}
