// The seat's worker: carries what the engine module asks for, and tells it what has come. It decides nothing.
//
// | tells the seat | number | status | first | second |
// |---|---|---|---|---|
// | 0 time passes | | | | |
// | 1 the window says | | | message | |
// | 2 an answer | request | HTTP status, 0: nobody | body | |
// | 3 a WebSocket is open | which | | | |
// | 4 it brought | which | | message | |
// | 5 it is closed | which | code | | |
// | 6 the sound reports | | | report | when it was rendered (µs): float |
// | 7 a sound is decoded | frames | | name | shape |
// | 8 a sound is not | | 1: nobody brought it, it may come later | name | why |
// | 9 the speaker is read | | | frame, time (µs), latency (µs): floats | |
// | 10 the device | | | rate: float | why it is silent |
// | 11 the speaker may be another one | | | | |
//
// | the seat asks | number | first | second |
// |---|---|---|---|
// | 1 tell the window | | picture | |
// | 2 POST | request | path | body |
// | 3 open a WebSocket | which | path | |
// | 4 send on it | | message | |
// | 5 send `ping` | | | |
// | 6 close it | | | |
// | 7 tell the sound | | message | |
// | 8 hand it a sound's frames | | name | |
// | 9 load a sound | | name | |
// | 10 remember a token | | code | token |
// | 11 look for a newer page, for the host speaks another version | | why | |
// | 12 look whether there is one, for the host is back | | | |
// | 13 load a player's own sound | | path | token |

import { Engine } from "./engine.js";
import { Wall } from "./wall.js";

/** Time passes at least so often, milliseconds. */
const TURN_MS = 5;
/** Decoded sounds that wait to be handed over. */
const SAMPLES_MAX = 4;
/** A frame: two floats. */
const FRAME_BYTES = 8;

/** @type {Engine} */ let engine;
let sound, decoder, origin;
let socket = null;
const samples = new Map();
const wall = new Wall();
const encoder = new TextEncoder();

function take(kind, { number = 0, status = 0, first, second } = {}, at = performance.now()) {
  const [a, b] = engine.write(first, second);
  engine.calls.keyboardia_seat_take(kind, at, number, status, a, b);
  for (let ask; (ask = engine.calls.keyboardia_seat_next()); ) {
    carry(ask, engine.calls.keyboardia_number());
  }
}

function carry(ask, number) {
  switch (ask) {
    case 1: {
      const picture = engine.read(0);
      return postMessage({ picture }, [picture.buffer]);
    }
    case 2:
      return post(number, engine.text(0), engine.read(1));
    case 3:
      return open(number, engine.text(0));
    case 4:
      return socket?.readyState === WebSocket.OPEN && socket.send(engine.read(0));
    case 5:
      return socket?.readyState === WebSocket.OPEN && socket.send("ping");
    case 6:
      return close();
    case 7:
      return sound.postMessage({ tell: engine.read(0) });
    case 8: {
      const name = engine.text(0);
      const frames = samples.get(name);
      samples.delete(name);
      return frames && sound.postMessage({ sample: name, frames }, [frames.buffer]);
    }
    case 9:
      return decoder.postMessage({ load: engine.text(0) });
    case 10:
      return postMessage({ code: engine.text(0), token: engine.text(1) });
    case 11:
      return postMessage({ stale: engine.text(0) });
    case 12:
      return postMessage({ returned: true });
    case 13:
      return decoder.postMessage({ fetch: origin + engine.text(0), token: engine.text(1) });
  }
}

async function post(number, path, body) {
  let status = 0;
  let first = new Uint8Array();
  try {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(origin + path, { method: "POST", headers, body, cache: "no-store" });
    first = new Uint8Array(await answer.arrayBuffer());
    status = answer.status;
  } catch {
    // Nobody answers, or not to the end: status 0.
  }
  take(2, { number, status, first });
}

function open(number, path) {
  close();
  let mine;
  try {
    mine = new WebSocket(origin.replace(/^http/, "ws") + path);
  } catch {
    return queueMicrotask(() => take(5, { number, status: 1006 }));
  }
  socket = mine;
  mine.binaryType = "arraybuffer";
  mine.onopen = () => take(3, { number });
  mine.onmessage = ({ data }) => {
    // The moment of arrival is what the clock is made of; the text `pong` is only a sign of life.
    const at = performance.now();
    take(4, { number, first: typeof data === "string" ? new Uint8Array() : new Uint8Array(data) }, at);
  };
  mine.onclose = ({ code }) => {
    if (socket === mine) socket = null;
    take(5, { number, status: code });
  };
}

function close() {
  const old = socket;
  socket = null;
  if (old) {
    old.onopen = old.onmessage = old.onclose = null;
    old.close(1000);
  }
}

function reported({ data: { report, at } }) {
  take(6, { first: report, second: floats((at - wall.ahead()) * 1e3) });
}

function loaded({ data }) {
  const first = encoder.encode(data.name);
  if (data.frames) {
    samples.set(data.name, data.frames);
    if (samples.size > SAMPLES_MAX) samples.delete(samples.keys().next().value);
    take(7, { first, second: data.overview, number: data.frames.length / FRAME_BYTES });
  } else {
    take(8, { first, second: encoder.encode(data.why), status: data.later ? 1 : 0 });
  }
}

const floats = (...numbers) => new Uint8Array(new Float64Array(numbers).buffer);

async function start({ module, soundPort, decoderPort, host, timeOrigin, seed }) {
  engine = await Engine.of(module);
  [sound, decoder, origin] = [soundPort, decoderPort, host];
  engine.calls.keyboardia_seat(engine.write(encoder.encode(host))[0], seed);
  // The page's clock and ours began at different times.
  const later = timeOrigin - performance.timeOrigin;
  sound.onmessage = reported;
  decoder.onmessage = loaded;
  onmessage = ({ data }) => {
    if (data.say) return take(1, { first: data.say });
    if (data.reading) {
      const [frame, at, latency] = data.reading;
      return take(9, { first: floats(frame, (at + later) * 1e3, latency * 1e3) });
    }
    if (data.moved) return take(11);
    if (data.rate) return take(10, { first: floats(data.rate), second: encoder.encode(data.silent) });
  };
  setInterval(() => take(0), TURN_MS);
  postMessage({ ready: true, origin: performance.timeOrigin });
}

onmessage = ({ data }) => start(data).catch((error) => postMessage({ failed: String(error) }));
