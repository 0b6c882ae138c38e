// What the game asks of the page around it: `globalThis.keyboardia`.

import * as carrier from './carrier.js';
import * as files from './files.js';
import { element, note, trouble } from './tell.js';
import { origin } from './version.js';

/** Messages to the jam that may wait until it is there. */
const POSTS_WAITING_MAX = 256;

/** The five words in the address, joined by hyphens; empty if it has none. */
export function code() {
  let text = location.hash.slice(1);
  try {
    text = decodeURIComponent(text);
  } catch {
    // What cannot be decoded is no code.
  }
  text = text.trim().toLowerCase().split(/[\s\-_+.]+/).join('-');
  return /^[a-z]+(-[a-z]+){4}$/.test(text) ? text : '';
}

const linkTo = (words) => `${origin()}/#${words}`;

/** Hands a link to whatever shares links here, else to the clipboard, else shows it. */
async function share(words) {
  const url = linkTo(words);
  if (navigator.share) {
    try {
      await navigator.share({ title: 'Keyboardia', text: 'Play with me on Keyboardia', url });
      return;
    } catch (error) {
      if (error.name === 'AbortError') {
        return;
      }
    }
  }
  try {
    await navigator.clipboard.writeText(url);
    note('The link is on the clipboard.');
  } catch {
    element('address').value = url;
    element('link').showModal();
    element('address').select();
  }
}

/** Covers the screen, or no longer. */
async function fullscreen() {
  const page = document.documentElement;
  try {
    if (document.fullscreenElement) {
      await document.exitFullscreen();
    } else if (page.requestFullscreen) {
      await page.requestFullscreen({ navigationUI: 'hide' });
      if (matchMedia('(pointer: coarse)').matches) {
        // A phone need not be turned then; those that cannot do it say so by failing.
        await screen.orientation?.lock?.('landscape').catch(() => {});
      }
    } else {
      note('This browser shows no page on the full screen; from the home screen it does.');
    }
  } catch {
    note('The browser does not allow the full screen now; press once more.');
  }
}

/** The jam is shown and can be played: writes it into the address, so that a reload leads back to it. */
function arrived(words) {
  if (words) {
    performance.mark('keyboardia-arrived');
  }
  history.replaceState(null, '', words ? `#${words}` : location.pathname);
}

let sound;
let file;
let at = 0;
const waiting = [];

/** The jam is there: what waited goes out. */
export function connect(opened) {
  sound = opened;
  files.catchOn(element('keyboardia'));
  for (const bytes of waiting.splice(0)) {
    sound.post(bytes);
  }
}

/** Asks the browser once more to let the sound go on. */
export const resume = () => sound?.resume();

/** All that the game knows of the page around it; see web/README.md. */
export const keyboardia = {
  started: false,
  post(bytes) {
    if (sound) {
      sound.post(bytes);
    } else if (waiting.length < POSTS_WAITING_MAX) {
      // The bytes may be a view of the game's memory, which goes on changing.
      waiting.push(bytes.slice());
    }
  },
  take: () => sound?.take(),
  tokenOf: (words) => sound?.tokenOf(words) ?? '',
  code,
  host: () => location.origin,
  guests: origin,
  share: (words) => void share(words),
  fullscreen: () => void fullscreen(),
  /** Whether whoever plays wants less motion, as they have told their system. */
  calm: () => matchMedia('(prefers-reduced-motion: reduce)').matches,
  /** The seat's clock, milliseconds. */
  now: () => sound?.now() ?? 0,
  microphoneOpen: () => sound?.ear.open(),
  microphoneClose: () => sound?.ear.close(),
  microphoneFault: () => sound?.ear.fault ?? '',
  microphoneChannels: () => sound?.ear.channels ?? 0,
  microphoneIsGone: () => sound?.ear.gone ?? false,
  microphoneGaps: () => sound?.ear.gaps ?? 0,
  microphoneRate: () => sound?.rate() ?? 0,
  /** The oldest block that was not taken: interleaved samples; `microphoneAt` is when it was captured. */
  microphoneBlock() {
    const block = sound?.ear.next();
    at = block?.at ?? at;
    return block?.samples;
  },
  microphoneAt: () => at,
  keepSample: (hash, bytes) => carrier.keep(hash, bytes.slice()),
  bring: (words, hash, bytes) => carrier.bring(words, sound?.tokenOf(words) ?? '', hash, bytes.slice()),
  sent: carrier.sent,
  answered: carrier.answered,
  answer: carrier.answer,
  pick: files.pick,
  /** The oldest file that was not taken: its bytes; what is said of a file is said of that one. */
  file() {
    file = files.next();
    return file?.bytes;
  },
  fileName: () => file?.name ?? '',
  fileFell: () => file?.fell ?? false,
  fileIsLarge: () => file?.large ?? false,
  arrived,
  failed: (text) => trouble(text),
};
globalThis.keyboardia = keyboardia;
