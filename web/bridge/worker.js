// What the Workers runtime calls, handed to the program in build/. Where that has failed (which it never should), it is
// started anew, and the next message finds its session as it was written down.
import { DurableObject } from "cloudflare:workers";
import * as bridge from "./build/bridge.js";
import module from "./build/bridge.wasm";

bridge.initSync({ module });
let lives = 0;
let hasFailed = false;
globalThis.keyboardiaHasFailed = () => {
  hasFailed = true;
};

/** The program, anew if it has failed. */
function alive() {
  if (hasFailed) {
    hasFailed = false;
    lives += 1;
    bridge.__wbg_reset_state();
  }
  return bridge;
}

/** The object of one session. */
export class SessionObject extends DurableObject {
  #inner;
  #life = -1;

  #session() {
    const { SessionObject: Inner } = alive();
    if (this.#life !== lives) {
      this.#inner = new Inner(this.ctx, this.env);
      this.#life = lives;
    }
    return this.#inner;
  }

  fetch(request) {
    return this.#session().fetch(request);
  }

  alarm() {
    return this.#session().alarm();
  }

  webSocketMessage(socket, message) {
    return this.#session().webSocketMessage(socket, message);
  }

  webSocketClose(socket, code, reason, wasClean) {
    return this.#session().webSocketClose(socket, code, reason, wasClean);
  }

  webSocketError(socket, error) {
    return this.#session().webSocketError(socket, error);
  }
}

export default {
  fetch(request, env, context) {
    return alive().fetch(request, env, context);
  },
};
