// What a device has received, and waiting for it: by events, never by the clock.

/** How long anything may take before the test says what did not come. */
const PATIENCE = 30_000;

/** Returns what `promise` becomes, or fails by saying that `what` did not come. */
export async function within(promise, what) {
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not come in time: ${what}`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** A list that grows, and that can be waited on. */
export class Log {
  items = [];
  #checks = new Set();

  push(item) {
    this.items.push(item);
    this.changed();
  }

  /** Lets waiting tests look again, once everybody else has dealt with what came. */
  changed() {
    setImmediate(() => {
      for (const check of [...this.#checks]) {
        check();
      }
    });
  }

  /** Returns the first truthy answer of `look`, which is asked now and after each change. */
  async until(look, what) {
    let check;
    const found = new Promise((resolve, reject) => {
      check = () => {
        try {
          const answer = look(this.items);
          if (answer) {
            resolve(answer);
          }
        } catch (error) {
          reject(error);
        }
      };
      this.#checks.add(check);
      check();
    });
    try {
      return await within(found, what);
    } catch (error) {
      const last = this.items.slice(-5).map(String).join("\n  ");
      error.message += `\nlast received:\n  ${last}`;
      throw error;
    } finally {
      this.#checks.delete(check);
    }
  }
}
