// The page's end of the sound and of the seat: makes them, joins them by ports, and reads the speaker. Whatever the page
// does afterwards, they go on without it.

import { Ear } from "./ear.js";

/** How often the speaker is read, milliseconds. */
const READING_MS = 200;
/** A reading that comes so much later than it should is one of a page that stalls, milliseconds. */
const STALL_MS = 30;
/** Messages of the seat that may wait for the window; it asks for each. */
const WAITING_MAX = 64;
/** A sound that does not play is told of after so long, milliseconds: the press that starts it may have been a moment ago. */
const SILENCE_MS = 1_000;
/** The token of this tab's seat, kept over a reload. */
const SEAT_KEY = "keyboardia-seat";

const SUSPENDED = "The browser has suspended the sound; click or press a key to hear it.";
const INTERRUPTED = "Something else on this device has taken the sound; it comes back by itself.";
const CLOSED = "The browser has closed the sound; reload the page to hear it.";
const BROKEN = "The sound device has failed; look whether it is plugged in.";
const OTHER_DEVICES = "The sound devices have changed; the sound goes on in time.";

/** The seat that this tab had before it was reloaded; taken out, so that a copy of the tab does not have it too. */
function remembered() {
  try {
    const seat = JSON.parse(sessionStorage.getItem(SEAT_KEY) ?? "null");
    sessionStorage.removeItem(SEAT_KEY);
    return seat ?? {};
  } catch {
    return {};
  }
}

/**
 * Opens the sound and the seat; to be called within a click or a key press.
 *
 * @param {object} options
 * @param {WebAssembly.Module} options.engineModule the engine
 * @param {string} options.seatUrl the seat's worker
 * @param {string} options.workletUrl the AudioWorklet
 * @param {string} options.soundsUrl the folder of the sounds
 * @param {(text: string, how: {fatal?: boolean, stale?: boolean}) => void} options.onFailure what went wrong, as a sentence:
 *   for good, or because the host speaks another version, or until the sound is let go on
 * @param {(text: string) => void} options.onNews what is good to know, as a sentence; an empty one takes back what went wrong
 * @param {() => void} options.onReturn the host is back after a while, perhaps with another page
 * @returns {Promise<{now: Function, ear: Ear, post: Function, take: Function, resume: Function, tokenOf: Function}>}
 */
export async function open({
  engineModule, seatUrl, workletUrl, soundsUrl, onFailure, onNews = () => {}, onReturn = () => {},
}) {
  const fail = (text) => onFailure(text, { fatal: true });
  const context = new AudioContext({ latencyHint: "interactive" });
  const resume = () => context.state !== "running" && context.state !== "closed" && context.resume().catch(() => {});
  resume();
  const memory = remembered();
  const waiting = [];
  const worker = (url) => {
    const worker = new Worker(url, { type: "module" });
    worker.onerror = () => fail("A part of the game could not be started; reload the page.");
    return worker;
  };

  const [seat, decoder] = [worker(seatUrl), worker(new URL("./decoder.js", import.meta.url).href)];
  decoder.onmessage = ({ data }) => data.failed && fail(`Sounds cannot be decoded here (${data.failed}); reload the page.`);
  const [toDecoder, toSound] = [new MessageChannel(), new MessageChannel()];
  decoder.postMessage({ module: engineModule, soundsUrl, port: toDecoder.port2 }, [toDecoder.port2]);
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  const ready = new Promise((resolve, reject) => {
    seat.onmessage = ({ data }) => {
      if (data.ready) resolve(data.origin);
      else if (data.failed) reject(new Error(data.failed));
      else if (data.picture) {
        waiting.push(data.picture);
        if (waiting.length > WAITING_MAX) waiting.shift();
      } else if (data.code) Object.assign(memory, data);
      else if (data.stale) onFailure(data.stale, { stale: true });
      else if (data.returned) onReturn();
    };
  });
  seat.postMessage(
    {
      module: engineModule,
      soundPort: toSound.port1,
      decoderPort: toDecoder.port1,
      host: location.origin,
      timeOrigin: performance.timeOrigin,
      seed: random + 1,
    },
    [toSound.port1, toDecoder.port1],
  );
  addEventListener("pagehide", () => {
    if (memory.token) sessionStorage.setItem(SEAT_KEY, JSON.stringify({ code: memory.code, token: memory.token }));
  });

  await context.audioWorklet.addModule(workletUrl);
  const node = new AudioWorkletNode(context, "keyboardia", {
    numberOfInputs: 0,
    outputChannelCount: [2],
    processorOptions: { module: engineModule },
  });
  node.onprocessorerror = () => fail("The sound has stopped; reload the page.");
  node.port.postMessage({ seat: toSound.port2 }, [toSound.port2]);
  node.connect(context.destination);
  const origin = await ready;
  const now = () => performance.now() + performance.timeOrigin - origin;

  const silent = () => ({ running: "", suspended: SUSPENDED, interrupted: INTERRUPTED, closed: CLOSED })[context.state];
  let silence;
  const tell = () => {
    seat.postMessage({ rate: context.sampleRate, silent: silent() ?? SUSPENDED });
    if (context.state === "running") {
      if (silence === "told") onNews("");
      clearTimeout(silence);
      silence = undefined;
    } else {
      silence ??= setTimeout(() => {
        silence = "told";
        onFailure(silent() ?? SUSPENDED);
      }, SILENCE_MS);
    }
  };
  context.onstatechange = tell;
  context.onerror = () => {
    onFailure(BROKEN);
    resume();
  };
  tell();
  for (const gesture of ["pointerdown", "keydown", "touchend"]) addEventListener(gesture, resume, { passive: true });
  document.addEventListener("visibilitychange", resume);

  const read = () => {
    if (context.state !== "running") return;
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const latency = ((context.outputLatency || 0) + (context.baseLatency || 0)) * 1e3;
    seat.postMessage({ reading: [contextTime * context.sampleRate, performanceTime, latency] });
  };
  let due = performance.now() + READING_MS;
  setInterval(() => {
    const late = performance.now() - due;
    due = performance.now() + READING_MS;
    if (late <= STALL_MS) read();
  }, READING_MS);

  // What was read of another speaker says nothing of this one.
  const moved = () => {
    seat.postMessage({ moved: true });
    read();
    onNews(OTHER_DEVICES);
  };
  context.onsinkchange = moved;
  navigator.mediaDevices?.addEventListener("devicechange", moved);

  return {
    /** The seat's clock, milliseconds. */
    now,
    /** Frames a second, Hz. */
    rate: () => context.sampleRate,
    /** The microphone. */
    ear: new Ear(context, now, new URL("./ear-worklet.js", import.meta.url).href),
    /** Says something to the seat. */
    post: (bytes) => seat.postMessage({ say: bytes.slice() }),
    /** What the seat has shown since, oldest first. */
    take: () => waiting.shift(),
    /** Lets the sound go on where the browser has suspended it; in a click or a key press. */
    resume,
    /** The token of the seat that this tab had in a session. */
    tokenOf: (code) => (memory.code === code ? memory.token : "") ?? "",
  };
}
