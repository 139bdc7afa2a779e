import { within } from "./within.js";

/** What has arrived and was not asked for yet, in order. */
export class Queue {
  #items = [];
  #waiters = [];
  #end = null;

  push(item) {
    const waiter = this.#waiters.shift();
    if (waiter) waiter.resolve(item);
    else this.#items.push(item);
  }

  /** Makes every later `next` on the emptied queue reject with `error`. */
  end(error) {
    this.#end ??= error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#end);
  }

  next(what = "the next item", ms) {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    if (this.#end) return Promise.reject(this.#end);
    const waiter = deferred();
    this.#waiters.push(waiter);
    return within(waiter.promise, what, ms).finally(() => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
    });
  }
}

export function deferred() {
  let resolve, reject;
  const promise = new Promise((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}
