// The decoder's worker: fetches sounds and decodes them, one after the other.

import { Engine } from "./engine.js";

/** A sound may take so long to come, milliseconds. */
const PATIENCE_MS = 20_000;
/** Attempts to fetch one. */
const ATTEMPTS = 3;

/** @type {Engine} */ let engine;
let port, sounds;
const encoder = new TextEncoder();

async function file(name) {
  let why = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const answer = await fetch(sounds(name), { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
      why = `The sound ${name} is not on this host (${answer.status}).`;
      if (answer.status < 500) break;
    } catch {
      why = `The sound ${name} could not be fetched.`;
    }
    await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
  }
  throw new Error(why);
}

async function load(name) {
  try {
    const bytes = await file(name);
    const [a, b] = engine.write(encoder.encode(name), bytes);
    if (!engine.calls.keyboardia_decode(a, b)) throw new Error(engine.text(0));
    const [overview, frames] = [engine.read(0), engine.read(1)];
    port.postMessage({ name, overview, frames }, [frames.buffer]);
  } catch (error) {
    port.postMessage({ name, why: error.message });
  }
}

onmessage = async ({ data }) => {
  engine = await Engine.of(data.module);
  sounds = (name) => `${data.soundsUrl.replace(/\/$/, "")}/${name}.ogg`;
  port = data.port;
  let last = Promise.resolve();
  port.onmessage = ({ data }) => {
    last = last.then(() => load(data.load));
  };
};
