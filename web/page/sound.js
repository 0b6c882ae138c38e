// The page's end of the sound and of the seat: makes them, joins them by ports, and reads the speaker. Whatever the page
// does afterwards, they go on without it.

/** How often the speaker is read, milliseconds. */
const READING_MS = 200;
/** A reading that comes so much later than it should is one of a page that stalls, milliseconds. */
const STALL_MS = 30;
/** Messages of the seat that may wait for the window; it asks for each. */
const WAITING_MAX = 64;
/** The token of this tab's seat, kept over a reload. */
const SEAT_KEY = "keyboardia-seat";

const SUSPENDED = "The browser has suspended the sound; click or press a key to hear it.";
const INTERRUPTED = "Something else on this device has taken the sound; it comes back by itself.";
const CLOSED = "The browser has closed the sound; reload the page to hear it.";

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
 * @param {(text: string, how: {fatal: boolean}) => void} options.onFailure what went wrong for good, as a sentence
 * @returns {Promise<{post: Function, take: Function, resume: Function, tokenOf: Function}>}
 */
export async function open({ engineModule, seatUrl, workletUrl, soundsUrl, onFailure }) {
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
  const [toDecoder, toSound] = [new MessageChannel(), new MessageChannel()];
  decoder.postMessage({ module: engineModule, soundsUrl, port: toDecoder.port2 }, [toDecoder.port2]);
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  const ready = new Promise((resolve, reject) => {
    seat.onmessage = ({ data }) => {
      if (data.ready) resolve();
      else if (data.failed) reject(new Error(data.failed));
      else if (data.picture) {
        waiting.push(data.picture);
        if (waiting.length > WAITING_MAX) waiting.shift();
      } else if (data.code) Object.assign(memory, data);
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
  await ready;

  const silent = () => ({ running: "", suspended: SUSPENDED, interrupted: INTERRUPTED, closed: CLOSED })[context.state];
  const tell = () => seat.postMessage({ rate: context.sampleRate, silent: silent() ?? SUSPENDED });
  context.onstatechange = tell;
  tell();
  for (const gesture of ["pointerdown", "keydown", "touchend"]) addEventListener(gesture, resume, { passive: true });
  document.addEventListener("visibilitychange", resume);

  let due = performance.now() + READING_MS;
  setInterval(() => {
    const late = performance.now() - due;
    due = performance.now() + READING_MS;
    if (late > STALL_MS || context.state !== "running") return;
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const latency = ((context.outputLatency || 0) + (context.baseLatency || 0)) * 1e3;
    seat.postMessage({ reading: [contextTime * context.sampleRate, performanceTime, latency] });
  }, READING_MS);

  return {
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
