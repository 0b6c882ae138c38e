// What the sound costs: renders the blocks of an AudioWorklet by the engine module in V8, outside of a browser.
//
// node engine.mjs ENGINE.wasm FOLDER → share of a block's time that rendering takes, on the average

import { readFileSync } from "node:fs";

const [, , wasm, folder] = process.argv;
const { rate, tracks, seconds, messages, samples } = JSON.parse(readFileSync(`${folder}/score.json`, "utf8"));
const { exports: calls } = await WebAssembly.instantiate(new WebAssembly.Module(readFileSync(wasm)), {});

const write = (bytes) => {
  const at = calls.keyboardia_room(bytes.length);
  new Uint8Array(calls.memory.buffer, at, bytes.length).set(bytes);
  return bytes.length;
};
const bytes = (name) => readFileSync(`${folder}/${name}`);

if (!calls.keyboardia_sound(rate, tracks)) throw new Error("no sound");
for (const name of samples) {
  const all = bytes(name);
  if (!calls.keyboardia_sound_sample(write(Buffer.from(name)), all.length / 8)) throw new Error(name);
  for (let at = 0, last = 0; !last; at += 65_536) last = calls.keyboardia_sound_piece(write(all.subarray(at, at + 65_536)));
}
for (let message = 0; message < messages; message++) {
  if (!calls.keyboardia_sound_tell(write(bytes(`message-${message}`)))) throw new Error("a message that is not understood");
}

const BLOCK = 128;
const blocks = Math.floor((seconds * rate) / BLOCK);
const run = (from, count) => {
  let loudest = 0;
  const begin = performance.now();
  for (let block = from; block < from + count; block++) {
    const at = calls.keyboardia_sound_render(block * BLOCK, BLOCK);
    if (block % 375 === 0) {
      loudest = Math.max(loudest, ...new Float32Array(calls.memory.buffer, at, 2 * BLOCK).map(Math.abs));
    }
  }
  return [(performance.now() - begin) / 1e3, loudest];
};
run(0, blocks / 4);
const [took, loudest] = run(blocks / 4, blocks);
if (!(loudest > 0)) throw new Error("nothing sounds");
console.log(took / ((blocks * BLOCK) / rate));
