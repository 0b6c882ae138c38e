// An old page in front of a new host: it says so and loads itself again, once.

import { element, note, trouble } from './tell.js';

/** Where this tab remembers for which version of the page it has been loaded again. */
const RELOADED = 'keyboardia.reloaded';

/** What the page consists of: written into it when it was packed. */
export const assets = JSON.parse(element('assets').textContent);

/** Where others find the page, if the host says so to a browser on its own machine: that one's address leads nobody here. */
let elsewhere = '';

/** The origin at which others find the page. */
export const origin = () => elsewhere || location.origin;

/** What the host has now; nothing if it does not say. */
async function hostVersion() {
  try {
    const response = await fetch('/assets.json', { cache: 'no-store' });
    elsewhere = response.headers.get('keyboardia-guests') ?? '';
    return response.ok ? (await response.json()).version : undefined;
  } catch {
    return undefined;
  }
}

/** Reloads, once for each version of the host's: a page that stays old must not do so for ever. */
async function reload(version) {
  let before = version;
  try {
    before = sessionStorage.getItem(RELOADED);
    sessionStorage.setItem(RELOADED, version);
  } catch {
    // Without a memory there is no telling how often; the player may press the button.
  }
  if (before === version) {
    trouble('This page is older than the game that the host has now: reload it.');
    return;
  }
  const text = 'The host has a newer game: reload …';
  element('status').textContent = text;
  if (globalThis.keyboardia.started) {
    note(text);
  }
  await globalThis.caches?.delete('keyboardia-index').catch(() => {});
  location.reload();
}

/**
 * Whether this page is another than the host's; if so, it is being reloaded or has said so. A game that runs is not taken
 * away from its player, unless it cannot go on.
 */
export async function isOld({ canGoOn = true } = {}) {
  const version = await hostVersion();
  if (version === undefined || version === assets.version) {
    return false;
  }
  if (globalThis.keyboardia.started && canGoOn) {
    note('The host has a newer game.', 'Reload', () => reload(version));
  } else {
    await reload(version);
  }
  return true;
}
