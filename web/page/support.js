// What a browser must have for the game, each with the sentence that its absence deserves.

const NEWER = 'Please open the page in a newer browser.';

const hasWebGL2 = () => {
  const context = document.createElement('canvas').getContext('webgl2');
  // Browsers allow a few contexts only; this one has served.
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return context !== null && context !== undefined;
};

const hasModuleWorkers = () => {
  let asked = false;
  const ask = {
    get type() {
      asked = true;
      throw new Error('asked');
    },
  };
  try {
    new Worker('', ask);
  } catch {
    // It throws either way; what matters is whether the option is known.
  }
  return asked;
};

/**
 * The first thing that is missing here.
 * @returns {{text: string, href?: string, label?: string} | undefined} a sentence, and perhaps a way out of it
 */
export function missing() {
  if (typeof WebAssembly !== 'object' || typeof WebAssembly.instantiate !== 'function') {
    return { text: `This browser has no WebAssembly, in which the game is written. ${NEWER}` };
  }
  if (!globalThis.isSecureContext) {
    // The host speaks both on the same port.
    const href = `https://${location.host}${location.pathname}${location.hash}`;
    const text = 'Browsers allow sound over secure connections only, and this one is not. ' +
      'The secure page is one click away; if the browser warns of its certificate, compare the fingerprint ' +
      'with the one that the host shows.';
    return { text, href, label: 'Open the secure page' };
  }
  if (!('AudioWorkletNode' in globalThis)) {
    return { text: `This browser has no AudioWorklet, so it cannot play in time. ${NEWER}` };
  }
  if (!hasModuleWorkers()) {
    return { text: `This browser has no module workers, in which the jam runs. ${NEWER}` };
  }
  if (!hasWebGL2()) {
    const text = 'This browser has no WebGL 2, with which the game is drawn. It may be switched off: look for ' +
      '“hardware acceleration” in the settings, or open the page in another browser.';
    return { text };
  }
  return undefined;
}
