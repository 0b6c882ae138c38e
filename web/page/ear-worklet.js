// What the microphone hears, inside the AudioWorklet: handed on block by block.

/** Frames of a block. */
const BLOCK = 512;

class Ear extends AudioWorkletProcessor {
  constructor({ processorOptions: { channels } }) {
    super();
    this.channels = channels;
    this.begin();
    this.port.onmessage = () => (this.over = true);
  }

  begin() {
    this.samples = new Float32Array(BLOCK * this.channels);
    this.frames = 0;
  }

  process([input]) {
    if (this.over) return false;
    // Before its first sound a microphone has no channels.
    if (input.length === 0) return true;
    const quantum = input[0].length;
    if (this.frames === 0) this.frame = currentFrame;
    for (let side = 0; side < this.channels; side++) {
      const from = input[side] ?? input[0];
      for (let at = 0; at < quantum; at++) this.samples[(this.frames + at) * this.channels + side] = from[at];
    }
    this.frames += quantum;
    if (this.frames >= BLOCK) {
      const { frame, samples } = this;
      this.port.postMessage({ frame, end: currentFrame + quantum, wall: Date.now(), samples }, [samples.buffer]);
      this.begin();
    }
    return true;
  }
}

registerProcessor("keyboardia-ear", Ear);
