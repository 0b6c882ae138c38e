// The page's microphone: asked for when something is recorded, let go of afterwards. What it hears waits here, block by
// block, each with the time at which it was captured, until the game takes it.

import { Wall } from "./wall.js";

/** Blocks that may wait for the game: some 40 s, longer than any window stalls. */
const WAITING_MAX = 4_096;
/** Blocks of which the one that came least late counts: 2 s, for clocks drift. */
const LATES_MAX = 192;
/** Latency that a microphone may claim, seconds; more is not believed. */
const LATENCY_MAX_S = 1;

const ABSENT = "No microphone was found; everything else works.";
const REFUSED = "The microphone was refused to this page; allow it beside the page's address, then record again.";
const BUSY = "Another program holds the microphone, or it does not work.";
const INSECURE = "Browsers give a microphone only to pages that came by https; everything else works.";

/** Sentences by what browsers call it. */
const FAULTS = {
  NotAllowedError: REFUSED,
  SecurityError: REFUSED,
  NotFoundError: ABSENT,
  NotReadableError: BUSY,
  Insecure: INSECURE,
};

/** What is recorded is what is sung: nothing takes away from it, and nothing is added. */
const WISHES = {
  echoCancellation: false,
  noiseSuppression: false,
  autoGainControl: false,
  channelCount: { ideal: 2 },
  latency: { ideal: 0 },
};

export class Ear {
  #context;
  #now;
  #url;
  #loaded;
  /** Counts openings: what was asked for and is not wanted any more is let go of when it comes. */
  #turn = 0;
  #parts = [];
  #lates = [];
  #wall = new Wall();
  #blocks = [];
  #late = 0;

  /** The number of channels once it is open; until then 0. */
  channels = 0;
  /** Why it does not open, as a sentence. */
  fault = "";
  /** It was open, and is not there any more. */
  gone = false;
  /** How often sound was lost on its way. */
  gaps = 0;

  /**
   * @param {AudioContext} context the sound
   * @param {() => number} now the seat's clock, milliseconds
   * @param {string} url the AudioWorklet that hands the blocks on
   */
  constructor(context, now, url) {
    [this.#context, this.#now, this.#url] = [context, now, url];
  }

  /** Begins to open it. */
  open() {
    this.close();
    const turn = this.#turn;
    this.#listen(turn).catch((error) => {
      if (turn !== this.#turn) return;
      this.fault = FAULTS[error?.name] ?? `The microphone does not open. (${error?.message ?? error})`;
    });
  }

  async #listen(turn) {
    const context = this.#context;
    if (!navigator.mediaDevices?.getUserMedia) throw Object.assign(new Error(), { name: "Insecure" });
    const stream = await navigator.mediaDevices.getUserMedia({ audio: WISHES });
    const [track] = stream.getAudioTracks();
    const isWanted = () => turn === this.#turn;
    if (!isWanted()) return track.stop();
    this.#parts.push(() => track.stop());
    this.#loaded ??= context.audioWorklet.addModule(this.#url);
    await this.#loaded;
    if (!isWanted()) return;
    const { latency, channelCount } = track.getSettings();
    this.#late = Math.min(Math.max(Number(latency) || 0, 0), LATENCY_MAX_S);
    const channels = Math.min(Math.max(channelCount || 1, 1), 2);
    const source = context.createMediaStreamSource(stream);
    const options = { numberOfInputs: 1, numberOfOutputs: 0, channelCount: channels, channelCountMode: "explicit" };
    const node = new AudioWorkletNode(context, "keyboardia-ear", { ...options, processorOptions: { channels } });
    this.#parts.push(() => {
      source.disconnect();
      node.port.postMessage("end");
      node.port.onmessage = null;
    });
    node.port.onmessage = ({ data }) => isWanted() && this.#heard(data);
    node.onprocessorerror = () => (this.gone = true);
    track.onended = () => isWanted() && (this.gone = true);
    source.connect(node);
    this.channels = channels;
  }

  /** A block has come: it was captured when it was rendered, less what the microphone is late by. Blocks are rendered a few
   * at once, and the AudioWorklet has no clock but the wall's; the block that was least late tells of them all. */
  #heard({ frame, end, wall, samples }) {
    const ms = 1e3 / this.#context.sampleRate;
    this.#lates.push(wall - this.#wall.ahead() - end * ms);
    if (this.#lates.length > LATES_MAX) this.#lates.shift();
    const at = Math.min(...this.#lates) + frame * ms - this.#late * 1e3;
    if (this.#blocks.length >= WAITING_MAX) return this.gaps++;
    this.#blocks.push({ at: at + this.#now() - performance.now(), samples });
  }

  /** The oldest block that was not taken: when its first frame was captured, by the seat's clock in milliseconds, and its
   * interleaved samples. */
  next() {
    return this.#blocks.shift();
  }

  /** Lets go of it. */
  close() {
    this.#turn++;
    for (const part of this.#parts.splice(0)) part();
    [this.channels, this.fault, this.gone, this.gaps] = [0, "", false, 0];
    [this.#lates, this.#blocks] = [[], []];
  }
}
