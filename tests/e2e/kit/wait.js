// Waiting with a cap: a test that hangs must say what it was waiting for.

const CAP_MS = 15_000;

export async function within(what, promise, cap = CAP_MS) {
  let timer;
  const expired = new Promise((_, fail) => {
    const error = new Error(`waited ${cap} ms for ${what}`);
    timer = setTimeout(() => fail(error), cap);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
