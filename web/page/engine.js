// The engine module, instantiated here: bytes in, bytes out.

const decoder = new TextDecoder();

export class Engine {
  /** An instance of the module, which imports nothing. */
  static async of(module) {
    return new Engine(await WebAssembly.instantiate(module, {}));
  }

  constructor(instance) {
    this.calls = instance.exports;
  }

  /** Writes one or two byte arrays where the module finds them; returns their lengths. */
  write(first = [], second = []) {
    const at = this.calls.keyboardia_room(first.length + second.length);
    if (first.length + second.length > 0) {
      if (at === 0) throw new Error("too many bytes at once");
      const memory = new Uint8Array(this.calls.memory.buffer, at, first.length + second.length);
      memory.set(first);
      memory.set(second, first.length);
    }
    return [first.length, second.length];
  }

  /** A copy of the first or second part of the answer. */
  read(part) {
    const at = this.calls.keyboardia_out(part);
    return new Uint8Array(this.calls.memory.buffer, at, this.calls.keyboardia_out_bytes(part)).slice();
  }

  text(part) {
    return decoder.decode(this.read(part));
  }
}
