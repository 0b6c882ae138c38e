// The wall's clock, by which an AudioWorklet tells when it has rendered something: it has no other. It counts whole
// milliseconds, so of many looks at it and at ours the largest difference is the true one.

/** How far it may go astray between two looks before it has been set, milliseconds. */
const ASTRAY_MS = 5;
/** Looks after which it is looked at anew: both clocks drift. */
const LOOKS = 100;

export class Wall {
  #looks = 0;
  #present = -Infinity;
  #before = -Infinity;

  /** The wall's clock less ours, milliseconds. */
  ahead() {
    const ahead = Date.now() - performance.now();
    if (Math.abs(ahead - Math.max(this.#present, this.#before)) > ASTRAY_MS) this.#present = this.#before = ahead;
    if (++this.#looks % LOOKS === 0) [this.#before, this.#present] = [this.#present, ahead];
    this.#present = Math.max(this.#present, ahead);
    return Math.max(this.#present, this.#before);
  }
}
