// Brings the player's own sounds to the host, and keeps them for this browser's own ears meanwhile. The game decides what is
// brought, and whether it is tried again.

import { put } from "./samples.js";

/** A sound may take so long to go, milliseconds. */
const PATIENCE_MS = 60_000;

/** By their hashes: how many bytes have gone out, and the answer: its status, 0 where nobody answers, and its text. */
const ways = new Map();

/** Lets this browser have a sound that the host may not have yet. */
export const keep = (hash, bytes) => void put(hash, bytes);

/** Sends a sound to a session, as the seat of this token. */
export function bring(code, token, hash, bytes) {
  const way = { sent: 0, status: -1, text: "" };
  ways.set(hash, way);
  const request = new XMLHttpRequest();
  request.open("PUT", `/api/sessions/${code}/samples/${hash}`);
  request.timeout = PATIENCE_MS;
  request.setRequestHeader("authorization", `Bearer ${token}`);
  request.setRequestHeader("content-type", "audio/wav");
  request.upload.onprogress = ({ loaded }) => (way.sent = loaded);
  request.onloadend = () => {
    way.text = request.responseText;
    way.status = request.status;
  };
  request.send(bytes);
}

/** How many bytes have gone out. */
export const sent = (hash) => ways.get(hash)?.sent ?? 0;

/** The status of the answer, 0 where nobody answers; -1 until then. */
export const answered = (hash) => ways.get(hash)?.status ?? 0;

/** The text of the answer, which is forgotten then. */
export function answer(hash) {
  const text = ways.get(hash)?.text ?? "";
  ways.delete(hash);
  return text;
}
