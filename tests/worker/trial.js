// The production Worker on trial, for tests only: its bucket fails, its clock goes ahead and its alarms ring when a test says
// so, every alarm comes twice, and it tells what was done.
//
// POST /api/trial {"fails":["put"],"ahead_ms":30000,"session":"able-acid-…","rings":true} → {"alarms":2,…,"kept":{…}}

import production, { SessionObject as Production } from "../../web/bridge/worker.js";

/** How often an alarm comes: Cloudflare promises at least once. */
const TIMES = 2;
/** What the production Worker does with its bucket. */
const DEEDS = ["put", "get", "list", "delete"];

/** How often a deed that lasts looks whether it may end. */
const LOOK_MS = 20;

const told = { alarms: 0, lasting: 0, deleted: [], ends: 0, complaints: [] };
/** Deeds of the bucket that fail; with "!", after they are done; with "~", they last until they are not named any more. */
let fails = [];
let aheadMs = 0;

const TrueDate = Date;
globalThis.Date = class extends TrueDate {
  constructor(...parts) {
    super(...(parts.length > 0 ? parts : [TrueDate.now() + aheadMs]));
  }

  static now() {
    return TrueDate.now() + aheadMs;
  }
};

const complain = console.error;
console.error = (...words) => {
  told.complaints.push(words.join(" "));
  complain(...words);
};

/** The bindings, with a bucket that fails when it is to. */
function tried(env) {
  const deed = (name) => async (...what) => {
    const failure = new Error(`${name}: We encountered an internal error. Please try again. (10001)`);
    told.lasting += 1;
    while (fails.includes(`${name}~`)) await scheduler.wait(LOOK_MS);
    told.lasting -= 1;
    if (fails.includes(name)) throw failure;
    const done = await env.SAMPLES[name](...what);
    if (name === "delete") told.deleted.push(...what.flat());
    if (fails.includes(`${name}!`)) throw failure;
    return done;
  };
  const get = (bucket, name) => (DEEDS.includes(name) ? deed(name) : Reflect.get(bucket, name));
  return { ...env, SAMPLES: new Proxy(env.SAMPLES, { get }) };
}

export class SessionObject extends Production {
  #bucket;

  constructor(context, env) {
    super(context, tried(env));
    this.#bucket = env.SAMPLES;
    const { storage } = context;
    const deleteAll = storage.deleteAll.bind(storage);
    storage.deleteAll = async () => {
      await deleteAll();
      told.ends += 1;
    };
  }

  async alarm() {
    for (let time = 0; time < TIMES; time += 1) {
      try {
        await super.alarm();
      } catch (error) {
        told.complaints.push(String(error));
        throw error;
      }
    }
    told.alarms += 1;
  }

  /** Lets the alarm ring at once. */
  async ring() {
    await this.ctx.storage.setAlarm(TrueDate.now());
  }

  /** Takes all that the session has out of the bucket. */
  async lose(code) {
    const { objects } = await this.#bucket.list({ prefix: `${code}/` });
    await this.#bucket.delete(objects.map((object) => object.key));
  }

  /** What there is of the session. */
  async kept(code) {
    const { sql } = this.ctx.storage;
    const one = (query) => sql.exec(query).one().count;
    const isThere = one("SELECT count(*) AS count FROM sqlite_master WHERE name = 'session'") > 0;
    const samples = (kept) => (isThere ? one(`SELECT count(*) AS count FROM sample WHERE kept = ${kept}`) : 0);
    const { objects } = await this.#bucket.list({ prefix: `${code}/` });
    return {
      is_there: isThere,
      coming: samples(0),
      come: samples(1),
      in_bucket: objects.map((object) => object.key),
      has_alarm: (await this.ctx.storage.getAlarm()) !== null,
    };
  }
}

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname !== "/api/trial") {
      return production.fetch(request, tried(env), context);
    }
    const wish = await request.json();
    fails = wish.fails ?? fails;
    aheadMs += wish.ahead_ms ?? 0;
    const object = env.SESSIONS.getByName(wish.session);
    if (wish.rings) await object.ring();
    if (wish.loses) await object.lose(wish.session);
    return Response.json({ ...told, kept: await object.kept(wish.session) });
  },
};
