// The title: looks what this browser has, fetches the game with a true progress bar, and starts it on a click, which is
// also what lets browsers make sound. Whatever goes wrong is a sentence here, never an empty canvas.

import { code, connect, keyboardia, resume } from './bridge.js';
import { download, DownloadError } from './download.js';
import { missing } from './support.js';
import { element, hush, note, trouble } from './tell.js';
import { assets, isOld } from './version.js';

/** How long the game waits for the sound before it begins without. */
const SOUND_PATIENCE_MS = 15_000;
/** How long a page that is ready waits to hear whether it is old. */
const VERSION_PATIENCE_MS = 300;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

/** Fetches everything that the game needs to start. */
async function load() {
  const { 'keyboardia.wasm': game, 'keyboardia.js': glue, 'engine.wasm': engine } = assets.files;
  const total = game.bytes + glue.bytes + engine.bytes;
  let come = 0;
  const onBytes = (bytes) => {
    come += bytes;
    element('progress').value = come / total;
    element('status').textContent = `Loading … ${megabytes(come)} of ${megabytes(total)} MB`;
  };
  onBytes(0);
  const script = async () => {
    const module = await import(new URL(glue.url, document.baseURI)).catch((error) => {
      throw new DownloadError('missing', `The game's script cannot be had: ${error.message}.`);
    });
    onBytes(glue.bytes);
    return module;
  };
  const audio = () => import('./sound.js').catch((error) => {
    throw new DownloadError('missing', `The sound's script cannot be had: ${error.message}.`);
  });
  const parts = [
    download('the game', game, onBytes),
    script(),
    download('the sound engine', engine, onBytes),
    audio(),
  ];
  const [module, bindings, engineModule, { open }] = await Promise.all(parts);
  element('progress').value = 1;
  performance.mark('keyboardia-loaded');
  return { module, bindings, engineModule, open };
}

/** What the sound has to say: `fatal` ends the game, `stale` says that the host speaks another version. */
function onFailure(text, { fatal = false, stale = false } = {}) {
  if (stale) {
    void isOld({ canGoOn: false }).then((old) => old || trouble(text));
  } else if (fatal) {
    trouble(text);
  } else {
    note(text, 'Try again', resume);
  }
}

async function openSound({ engineModule, open }) {
  const opened = await open({
    engineModule,
    seatUrl: new URL('./seat.js', import.meta.url).href,
    workletUrl: new URL('./worklet.js', import.meta.url).href,
    soundsUrl: new URL(assets.sounds, document.baseURI).href,
    onFailure,
    onNews: (text) => (text ? note(text) : hush()),
    onReturn: () => void isOld(),
  });
  connect(opened);
}

/** Keeps a phone's screen on while the page is to be seen. */
async function stayAwake() {
  if (document.visibilityState === 'visible') {
    await navigator.wakeLock?.request('screen').catch(() => {});
  }
}

/** Starts the game; called within the player's first press. */
async function start(parts) {
  keyboardia.started = true;
  element('play').disabled = true;
  element('status').hidden = false;
  element('status').textContent = 'Starting …';
  // Begun within the press, or the browser would keep the sound to itself.
  const opening = openSound(parts).catch((error) => {
    trouble(`The sound cannot be started: ${error?.message ?? error}.`);
  });
  const late = pause(SOUND_PATIENCE_MS).then(() => 'late');
  const isLate = (await Promise.race([opening, late])) === 'late';
  if (!element('trouble').hidden) {
    return;
  }
  if (isLate) {
    note('The sound takes long to start, and the jam waits for it.', 'Reload', () => location.reload());
    void opening.then(hush);
  }
  try {
    await parts.bindings.default({ module_or_path: parts.module });
  } catch (error) {
    // A window's loop that leaves by way of an exception is running.
    if (!String(error?.message ?? error).includes('Using exceptions for control flow')) {
      throw error;
    }
  }
  performance.mark('keyboardia-started');
  const title = element('title');
  if (element('trouble').hidden) {
    title.classList.add('gone');
    setTimeout(() => {
      title.hidden = title.classList.contains('gone');
    }, 500);
  }
  element('keyboardia').focus();
  void stayAwake();
  document.addEventListener('visibilitychange', stayAwake);
}

/** Lets the next start be quick. */
async function remember() {
  if (!('serviceWorker' in navigator)) {
    return;
  }
  try {
    await navigator.serviceWorker.register('/sw.js', { scope: '/' });
    const { active } = await navigator.serviceWorker.ready;
    const urls = Object.values(assets.files).map((file) => new URL(file.url, document.baseURI).href);
    active?.postMessage({ keep: urls, folders: [new URL(assets.sounds, document.baseURI).href] });
  } catch {
    // Behind a certificate that the browser only tolerates there is none; then the browser's own cache must do.
  }
}

function invite() {
  const words = code();
  const press = matchMedia('(pointer: coarse)').matches ? 'Tap' : 'Click';
  element('invitation').hidden = words === '';
  if (words !== '') {
    const name = document.createElement('b');
    name.textContent = words;
    element('invitation').replaceChildren('You are invited to the jam', name);
    element('play').textContent = `${press} to join`;
  } else {
    element('play').textContent = `${press} to play`;
  }
}

/** A wave of light runs through the name. */
function shine() {
  for (const tile of document.querySelectorAll('h1 rect.lit')) {
    const across = Number(tile.getAttribute('x')) / 440;
    tile.style.animationDelay = `${(across * 8.75 - 16).toFixed(2)}s`;
  }
  document.querySelector('h1 svg').classList.add('moving');
}

function watch() {
  element('again').onclick = () => location.reload();
  // Some phones do not turn the page with them.
  element('upright').onclick = () => element('turn').classList.add('waived');
  addEventListener('hashchange', () => {
    // Another link in the same tab is another jam.
    if (keyboardia.started) {
      location.reload();
    } else {
      invite();
    }
  });
  const canvas = element('keyboardia');
  canvas.addEventListener('webglcontextlost', () => {
    trouble('The browser has taken the graphics away from the game. Reload to go on; your seat is kept for a moment.');
  });
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  for (const gesture of ['gesturestart', 'gesturechange']) {
    document.addEventListener(gesture, (event) => event.preventDefault(), { passive: false });
  }
  const fell = (reason) => {
    if (keyboardia.started && element('trouble').hidden && reason instanceof WebAssembly.RuntimeError) {
      trouble(`The game has stopped by a fault of its own (${reason.message}). Reload to go on.`);
    }
  };
  addEventListener('error', (event) => fell(event.error));
  addEventListener('unhandledrejection', (event) => fell(event.reason));
}

async function main() {
  element('slow').remove();
  watch();
  invite();
  shine();
  const lacking = missing();
  if (lacking) {
    trouble(lacking.text, lacking);
    return;
  }
  const old = isOld();
  let parts;
  try {
    parts = await load();
  } catch (error) {
    // Files of an old page are gone from a new host.
    if (!(await old) && !(await isOld())) {
      const known = error instanceof DownloadError;
      trouble(known ? error.message : `The game cannot be loaded: ${error?.message ?? error}.`);
    }
    return;
  }
  // A page that knows in time that it is old does not begin; a slow answer does not hold it up.
  if (await Promise.race([old, pause(VERSION_PATIENCE_MS)])) {
    return;
  }
  const play = element('play');
  element('progress').hidden = true;
  element('status').hidden = true;
  play.hidden = false;
  play.focus();
  play.addEventListener('click', () => {
    start(parts).catch((error) => trouble(`The game cannot start: ${error?.message ?? error}.`));
  }, { once: true });
  void remember();
}

main().catch((error) => trouble(`The page has a fault: ${error?.message ?? error}.`));
