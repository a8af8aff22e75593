// The server, as the lab sees it: its archives, its accidents, and whether it is there at all.

const LOOK_EVERY_MS = 300;
/** Where the browser keeps what failed, since the server forgets it with each start. */
const UNSAVED = "balcony:lab:unsaved";
const UNSAVED_MAX = 500;

export class Server {
  accounts = [];
  isUp = false;
  failing = [];
  full = [];
  unsaved = JSON.parse(localStorage.getItem(UNSAVED) ?? "[]");
  /** By account: what its archive holds, oldest first. */
  archives = new Map();
  /** When the archives that are known were asked for. */
  askedAt = 0;
  boot = null;
  /** When each entry was first seen, by account and archive id. */
  seenAt = new Map();

  /** Finds out who is there, and looks at the archives from then on. */
  async begin(onChange) {
    this.accounts = await ask("accounts");
    await this.look();
    onChange();
    const again = async () => {
      await this.look();
      onChange();
      setTimeout(again, LOOK_EVERY_MS);
    };
    setTimeout(again, LOOK_EVERY_MS);
  }

  async look() {
    const askedAt = performance.now();
    try {
      const told = await ask("state");
      Object.assign(this, { boot: told.boot, failing: told.failing, full: told.full, isUp: true, askedAt });
      const isNew = line => !this.unsaved.some(one => one.message === line.message && one.account === line.account);
      const unsaved = told.unsaved.filter(isNew);
      if (unsaved.length > 0) {
        this.unsaved = [...this.unsaved, ...unsaved].slice(-UNSAVED_MAX);
        localStorage.setItem(UNSAVED, JSON.stringify(this.unsaved));
      }
      for (const archive of told.archives) {
        this.archives.set(archive.account, archive);
        for (const entry of archive.entries) {
          const key = `${archive.account} ${entry.id}`;
          if (!this.seenAt.has(key)) this.seenAt.set(key, askedAt);
        }
      }
    } catch {
      this.isUp = false;
    }
  }

  /** Has an accident happen. */
  async act(what, value) {
    if (what === "restart") {
      const before = this.boot;
      // The server may be gone before it has answered.
      await ask("restart").catch(() => {});
      this.isUp = false;
      while (this.boot === before || !this.isUp) {
        await new Promise(resolve => setTimeout(resolve, 50));
        await this.look();
      }
      return;
    }
    const names = value.of === "both" ? ["romeo", "juliet"] : [value.of];
    const accounts = this.accounts.map(account => account.jid).filter(jid => names.includes(jid.split("@")[0]));
    await ask(what, { accounts, on: value.on });
    await this.look();
  }
}

async function ask(what, value) {
  const body = value === undefined ? undefined : JSON.stringify(value);
  const answer = await fetch(`/lab/api/${what}`, { method: "POST", body });
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  return answer.headers.get("content-type") === "application/json" ? answer.json() : null;
}
