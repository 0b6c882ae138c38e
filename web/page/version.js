// An old page in front of a new host: it says so and loads itself again, once.

import { element, note, trouble } from './tell.js';

/** Where this tab remembers for which version of the page it has been loaded again. */
const RELOADED = 'keyboardia.reloaded';

/** What the page consists of: written into it when it was packed. */
export const assets = JSON.parse(element('assets').textContent);

/** What the host has now; nothing if it does not say. */
async function hostVersion() {
  try {
    const response = await fetch('/assets.json', { cache: 'no-store' });
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
  element('status').textContent = 'The host has a newer game: reload …';
  await globalThis.caches?.delete('keyboardia-index').catch(() => {});
  location.reload();
}

/** Whether this page is another than the host's; if so, it is being reloaded or has said so. */
export async function isOld() {
  const version = await hostVersion();
  if (version === undefined || version === assets.version) {
    return false;
  }
  if (globalThis.keyboardia.started) {
    note('The host has a newer game.', 'Reload', () => reload(version));
  } else {
    await reload(version);
  }
  return true;
}
