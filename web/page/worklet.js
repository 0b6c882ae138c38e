// The sound: the engine module inside the AudioWorklet.

/** Bytes of a sample that are copied between two blocks: all of it at once would be heard. */
const PIECE_BYTES = 65_536;

const encode = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));

class Sound extends AudioWorkletProcessor {
  constructor({ processorOptions: { module } }) {
    super();
    this.calls = new WebAssembly.Instance(module, {}).exports;
    this.works = this.calls.keyboardia_sound(sampleRate, 0) === 1;
    /** Samples that arrive, the first one piece by piece. */
    this.samples = [];
    this.at = 0;
    /** How late frames were rendered since the last report, by the wall's clock and in milliseconds; the least of it. */
    this.late = Infinity;
    this.port.onmessage = ({ data: { seat } }) => {
      this.seat = seat;
      seat.onmessage = ({ data }) => {
        if (data.tell) this.calls.keyboardia_sound_tell(this.write(data.tell));
        else if (data.sample) this.samples.push(data);
      };
    };
  }

  write(bytes) {
    const at = this.calls.keyboardia_room(bytes.length);
    new Uint8Array(this.calls.memory.buffer, at, bytes.length).set(bytes);
    return bytes.length;
  }

  /** Copies the next piece of what arrives. */
  copy() {
    const [{ sample, frames }] = this.samples;
    if (this.at === 0 && !this.calls.keyboardia_sound_sample(this.write(encode(sample)), frames.length / 8)) {
      return this.samples.shift();
    }
    const piece = frames.subarray(this.at, this.at + PIECE_BYTES);
    this.at += piece.length;
    if (this.calls.keyboardia_sound_piece(this.write(piece))) {
      this.at = 0;
      this.samples.shift();
    }
  }

  process(_inputs, [[left, right]]) {
    if (!this.works) return false;
    if (this.samples.length > 0) this.copy();
    const at = this.calls.keyboardia_sound_render(currentFrame, left.length);
    const frames = new Float32Array(this.calls.memory.buffer, at, 2 * left.length);
    left.set(frames.subarray(0, left.length));
    right?.set(frames.subarray(left.length));
    const end = currentFrame + left.length;
    this.late = Math.min(this.late, Date.now() - (end * 1e3) / sampleRate);
    if (this.seat && this.calls.keyboardia_sound_report(end)) {
      const report = this.calls.keyboardia_out(0);
      const bytes = new Uint8Array(this.calls.memory.buffer, report, this.calls.keyboardia_out_bytes(0)).slice();
      this.seat.postMessage({ report: bytes, at: this.late + (end * 1e3) / sampleRate }, [bytes.buffer]);
      this.late = Infinity;
    }
    return true;
  }
}

registerProcessor("keyboardia", Sound);
