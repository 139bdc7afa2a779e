/**
 * Settles as `promise` does, or rejects after `ms`: a cap on a wait, generous because it is only reached on failure.
 * `Infinity` is for a reader that nobody waits for directly.
 */
export function within(promise, what, ms = 5000) {
  if (ms === Infinity) return promise;
  let timer;
  const cap = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  return Promise.race([promise, cap]).finally(() => clearTimeout(timer));
}
