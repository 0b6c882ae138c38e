// The decoder's worker: fetches sounds and decodes them, one after the other. What nobody brings may come later; the seat
// asks again.

import { Engine } from "./engine.js";
import { sample } from "./samples.js";

/** A sound may take so long to come, milliseconds. */
const PATIENCE_MS = 20_000;
/** Answers that may be others in a while, beside those of a host that fails (5xx). */
const PASSING = [408, 425, 429];

/** @type {Engine} */ let engine;
let port, sounds;
const encoder = new TextEncoder();

/** A sound's file, or nothing if nobody brings it now. */
async function file(name) {
  let answer;
  try {
    answer = await fetch(sounds(name), { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  } catch {
    return undefined;
  }
  if (answer.status >= 500 || PASSING.includes(answer.status)) return undefined;
  throw new Error(`The sound ${name} is not on this host (${answer.status}).`);
}

/** @param {{ load?: string, fetch?: string, token?: string }} wish a sound of the library, or the address of a player's own */
async function load(wish) {
  const name = wish.load ?? wish.fetch.split("/").pop();
  try {
    const bytes = await (wish.load ? file(name) : sample(wish.fetch, wish.token));
    if (!bytes) return port.postMessage({ name, why: "", later: true });
    const [a, b] = engine.write(encoder.encode(name), bytes);
    if (!engine.calls.keyboardia_decode(a, b)) throw new Error(engine.text(0));
    const [overview, frames] = [engine.read(0), engine.read(1)];
    port.postMessage({ name, overview, frames }, [frames.buffer]);
  } catch (error) {
    port.postMessage({ name, why: error.message });
  }
}

async function start({ module, soundsUrl, port: given }) {
  engine = await Engine.of(module);
  sounds = (name) => `${soundsUrl.replace(/\/$/, "")}/${name}.ogg`;
  port = given;
  let last = Promise.resolve();
  port.onmessage = ({ data }) => {
    last = last.then(() => load(data));
  };
}

onmessage = ({ data }) => start(data).catch((error) => postMessage({ failed: String(error?.message ?? error) }));
