// Players' own sounds: fetched from the session with the seat's token, believed only when they have the hash they are named
// by, and kept by the browser, so that nobody fetches the same one twice.

/** A sound may take so long to come, milliseconds. */
const PATIENCE_MS = 60_000;
/** Where they are kept, and how many; beyond that, those that were used least recently go. */
const CACHE = "keyboardia-samples";
const KEPT_MAX = 64;

const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

const isWhole = async (hash, bytes) => hex(await crypto.subtle.digest("SHA-256", bytes)) === hash;

/** What is kept, or nothing where the browser keeps nothing for this page. */
const kept = () => globalThis.caches?.open(CACHE).catch(() => undefined);

/** Keeps a sound as the one that was used last. What cannot be kept is fetched again. */
async function keep(cache, key, bytes) {
  try {
    await cache.delete(key);
    await cache.put(key, new Response(bytes));
    const keys = await cache.keys();
    await Promise.all(keys.slice(0, Math.max(0, keys.length - KEPT_MAX)).map((old) => cache.delete(old)));
  } catch {
    // The disk is full, perhaps.
  }
}

const keyOf = (hash, base) => new URL(`/samples/${hash}`, base).href;

/** Keeps a sound that was made here. */
export async function put(hash, bytes) {
  const cache = await kept();
  if (cache) await keep(cache, keyOf(hash, location.href), bytes);
}

/** The file of a sound whose address ends with its hash, or nothing if nobody brings it now. */
export async function sample(url, token) {
  const hash = url.split("/").pop();
  const key = keyOf(hash, url);
  const cache = await kept();
  const found = await cache?.match(key).then((answer) => answer?.arrayBuffer()).catch(() => undefined);
  if (found && (await isWhole(hash, found))) {
    await keep(cache, key, found);
    return new Uint8Array(found);
  }
  let bytes;
  try {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) return undefined;
    bytes = await answer.arrayBuffer();
  } catch {
    return undefined;
  }
  if (!(await isWhole(hash, bytes))) return undefined;
  if (cache) await keep(cache, key, bytes);
  return new Uint8Array(bytes);
}
