// The page in Chromium, served by a real host: node title.mjs ORIGIN. What is in the way is put there by the browser,
// whose requests can be answered by others. Prints a line for each thing that was tried; ends with 1 if one has failed.

import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const origin = process.argv[2];
const tools = process.env.KEYBOARDIA_BROWSER ?? join(homedir(), '.cache/keyboardia-browser');
const { chromium } = createRequire(join(tools, 'package.json'))('playwright-core');

const PATIENCE_MS = 20_000;
const WORDS = 'able-acid-aged-also-area';
const GAME = '**/files/keyboardia-*.wasm';

const browser = await chromium.launch({
  executablePath: process.env.KEYBOARDIA_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-quic',
    '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

let failed = 0;

/** Tries one thing on a fresh page; `prepare` may change the browser before anything is loaded. */
async function test(name, { prepare, hash = '', workers = 'block', viewport = { width: 1280, height: 720 } }, check) {
  const context = await browser.newContext({ serviceWorkers: workers, viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.said = [];
  page.on('console', (message) => page.said.push(message.text()));
  page.on('pageerror', (error) => page.said.push(`error: ${error.message}`));
  try {
    await prepare?.(page);
    await page.goto(`${origin}/${hash}`);
    await check(page);
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${error.message}\n     ${page.said.join('\n     ')}`);
  }
  await context.close();
}

function assert(holds, what) {
  if (!holds) {
    throw new Error(what);
  }
}

const ready = (page) => page.waitForSelector('#play:not([hidden])');

async function play(page) {
  await ready(page);
  await page.click('#play');
  await page.waitForFunction(() => performance.getEntriesByName('keyboardia-started').length === 1);
}

/** The sentence that the page shows instead of the game. */
async function why(page) {
  await page.waitForSelector('#trouble:not([hidden])');
  return page.textContent('#why');
}

/** Changes the page's world before its first line runs. */
const without = (change) => ({ prepare: (page) => page.addInitScript(change) });

const answer = (path, response) => ({ prepare: (page) => page.route(path, (route) => route.fulfill(response)) });

/** Notes where the bar has been. */
const watchBar = () => {
  const { set, ...rest } = Object.getOwnPropertyDescriptor(HTMLProgressElement.prototype, 'value');
  globalThis.bar = [];
  const note = function (value) {
    globalThis.bar.push(value);
    set.call(this, value);
  };
  Object.defineProperty(HTMLProgressElement.prototype, 'value', { ...rest, set: note });
};

await test('loads with a bar that moves, starts on a click, and plays', without(watchBar), async (page) => {
  await ready(page);
  const bar = await page.evaluate(() => globalThis.bar);
  const grows = bar.every((value, index) => index === 0 || value >= bar[index - 1]);
  assert(grows && new Set(bar).size > 3 && bar.at(-1) === 1, `the bar stood at ${bar}`);
  assert((await page.textContent('#play')) === 'Click to play', 'another button');
  await play(page);
  await page.waitForSelector('#title', { state: 'hidden' });
  assert(await page.evaluate(() => document.activeElement.id === 'keyboardia'), 'keys go elsewhere');
  assert(await page.evaluate(() => opened.engineModule instanceof WebAssembly.Module), 'no engine');
  assert(await page.evaluate(() => opened.context.state === 'running'), 'no sound');
  const manifest = await page.evaluate(async () => (await fetch(`${opened.soundsUrl}manifest.json`)).status);
  assert(manifest === 200, 'no sounds');
  const complaints = page.said.filter((text) => !text.includes('blocked by Playwright'));
  assert(complaints.length === 0, complaints.join('; '));
});

await test('what the game posts reaches the seat, and back', {}, async (page) => {
  await ready(page);
  await page.evaluate(() => keyboardia.post(new Uint8Array([1, 2])));
  await play(page);
  const bytes = await page.waitForFunction(() => keyboardia.take());
  assert(String(await bytes.evaluate((bytes) => [...bytes])) === '2,3', 'other bytes');
  assert((await page.evaluate(() => keyboardia.tokenOf('one'))) === 'token of one', 'no token');
});

await test('a link with five words is an invitation', { hash: `#${WORDS}` }, async (page) => {
  await ready(page);
  assert((await page.textContent('#invitation')).includes(WORDS), 'no invitation');
  assert((await page.evaluate(() => keyboardia.code())) === WORDS, 'no code');
  await page.evaluate(() => keyboardia.arrived('one-two-three-four-five'));
  assert(page.url().endsWith('/#one-two-three-four-five'), page.url());
});

await test('what is no code is none', { hash: '#%E0%A4%A-<b>' }, async (page) => {
  await ready(page);
  assert((await page.evaluate(() => keyboardia.code())) === '', 'a code');
  assert(await page.isHidden('#invitation'), 'an invitation');
});

for (const [name, change, word] of [
  ['WebAssembly', () => delete globalThis.WebAssembly, 'WebAssembly'],
  ['AudioWorklet', () => delete globalThis.AudioWorkletNode, 'AudioWorklet'],
  ['WebGL 2', () => (HTMLCanvasElement.prototype.getContext = () => null), 'WebGL 2'],
  ['module workers', () => (globalThis.Worker = class {}), 'module workers'],
  ['a secure connection', () => Object.defineProperty(globalThis, 'isSecureContext', { value: false }), 'secure'],
]) {
  await test(`a browser without ${name} is told so`, without(change), async (page) => {
    const sentence = await why(page);
    assert(sentence.includes(word) && sentence.endsWith('.'), sentence);
  });
}

const assets = await (await fetch(`${origin}/assets.json`)).json();
const bytes = Buffer.from(await (await fetch(`${origin}/${assets.files['keyboardia.wasm'].url}`)).arrayBuffer());
const wasm = (body) => answer(GAME, { body, contentType: 'application/wasm' });

await test('a game that came halfway is fetched again, then named', wasm(bytes.subarray(0, 1000)), async (page) => {
  const sentence = await why(page);
  assert(sentence === `Only 1,000 of ${bytes.length.toLocaleString('en')} bytes of the game arrived.`, sentence);
  await page.unroute(GAME);
  await page.click('#again');
  await ready(page);
});

await test('a damaged game is named', wasm(Buffer.alloc(bytes.length, 1)), async (page) => {
  assert((await why(page)).includes('damaged'), await why(page));
});

await test('a game that is not there is named', answer(GAME, { status: 404, body: '' }), async (page) => {
  assert((await why(page)) === 'The host does not have the game (404).', await why(page));
});

await test('a script that is not there is named', answer('**/files/sound-*.js', { status: 404 }), async (page) => {
  assert((await why(page)).startsWith("The sound's script cannot be had"), await why(page));
});

const old = answer('**/assets.json', { json: { version: 'another' } });
await test('an old page before a new host loads itself again, once', old, async (page) => {
  let loads = 1;
  page.on('load', () => (loads += 1));
  assert((await why(page)).includes('older than the game'), await why(page));
  assert(loads === 2, `loaded ${loads} times`);
});

await test('trouble with the sound is told over the game, and can be tried again', {}, async (page) => {
  await play(page);
  await page.evaluate(() => opened.onFailure('The browser has stopped the sound.'));
  assert((await page.textContent('#told')) === 'The browser has stopped the sound.', 'another sentence');
  await page.click('#act');
  assert(await page.evaluate(() => opened.resumed === 1), 'not tried again');
  await page.evaluate(() => opened.onFailure('It is over.', { fatal: true }));
  assert((await why(page)) === 'It is over.', await why(page));
});

await test('what was wrong with the sound is taken back', {}, async (page) => {
  await play(page);
  await page.evaluate(() => opened.onFailure('The browser has suspended the sound.'));
  assert(await page.isVisible('#act'), 'no way to try again');
  await page.evaluate(() => opened.onNews(''));
  assert(await page.isHidden('#note'), 'still said');
  await page.evaluate(() => opened.onNews('The sound devices have changed.'));
  assert((await page.textContent('#told')).includes('changed') && await page.isHidden('#act'), 'not said');
});

const hang = () => {
  globalThis.hangs = true;
  const real = setTimeout;
  globalThis.setTimeout = (act, ms, ...rest) => real(act, ms === 15_000 ? 100 : ms, ...rest);
};
await test('a sound that does not open is told, until it does', without(hang), async (page) => {
  await play(page);
  assert((await page.textContent('#told')).startsWith('The sound takes long'), await page.textContent('#told'));
  assert(await page.isVisible('#act'), 'no way out');
  await page.evaluate(() => opened.goOn());
  await page.waitForSelector('#note', { state: 'hidden' });
});

const another = (page) => page.route('**/assets.json', (route) => route.fulfill({ json: { version: 'another' } }));
await test('a game that cannot go on loads the newer page by itself, once', {}, async (page) => {
  await play(page);
  await another(page);
  let loads = 0;
  page.on('load', () => (loads += 1));
  await page.evaluate(() => opened.onFailure('The host speaks another version.', { stale: true }));
  assert((await why(page)).includes('older than the game'), await why(page));
  assert(loads === 1, `loaded ${loads} times`);
});

await test('a game that cannot go on ends with a sentence where there is no newer page', {}, async (page) => {
  await play(page);
  await page.evaluate(() => opened.onFailure('The host speaks another version.', { stale: true }));
  assert((await why(page)) === 'The host speaks another version.', await why(page));
});

await test('a newer page of a host that is back is offered, and not forced', {}, async (page) => {
  await play(page);
  await another(page);
  await page.evaluate(() => opened.onReturn());
  await page.waitForSelector('#note:not([hidden])');
  assert((await page.textContent('#told')) === 'The host has a newer game.', await page.textContent('#told'));
  assert(await page.isHidden('#trouble'), 'the game is gone');
  const again = page.waitForEvent('load');
  await page.click('#act');
  await again;
});

await test('covers the screen, and no longer', {}, async (page) => {
  await play(page);
  await page.waitForSelector('#title', { state: 'hidden' });
  await page.evaluate(() => addEventListener('pointerup', () => keyboardia.fullscreen()));
  await page.mouse.click(600, 400);
  await page.waitForFunction(() => document.fullscreenElement !== null);
  await page.mouse.click(600, 400);
  await page.waitForFunction(() => document.fullscreenElement === null);
});

await test('a phone that cannot be turned is played upright', { viewport: { width: 390, height: 844 } }, async (page) => {
  await play(page);
  await page.waitForSelector('#turn', { state: 'visible' });
  await page.click('#upright');
  await page.waitForSelector('#turn', { state: 'hidden' });
});

await test('graphics that are lost are told', {}, async (page) => {
  await play(page);
  const lose = () => document.getElementById('keyboardia').dispatchEvent(new Event('webglcontextlost'));
  await page.evaluate(lose);
  assert((await why(page)).includes('graphics'), await why(page));
});

await test('a link is shared by the clipboard, or shown', {}, async (page) => {
  await play(page);
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await page.evaluate((words) => keyboardia.share(words), WORDS);
  await page.waitForSelector('#link[open]');
  assert((await page.inputValue('#address')) === `${origin}/#${WORDS}`, 'another link');
});

const guests = { json: assets, headers: { 'keyboardia-guests': 'https://192.0.2.7:7373' } };
await test('a link from the host\'s own machine is one that others can open', answer('**/assets.json', guests), async (page) => {
  await play(page);
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await page.evaluate((words) => keyboardia.share(words), WORDS);
  assert((await page.inputValue('#address')) === `https://192.0.2.7:7373/#${WORDS}`, 'another link');
  assert((await page.evaluate(() => keyboardia.guests())) === 'https://192.0.2.7:7373', 'another origin');
  assert((await page.evaluate(() => keyboardia.host())) === origin, 'another host');
});

for (const viewport of [{ width: 390, height: 844 }, { width: 844, height: 390 }, { width: 1920, height: 1080 }]) {
  await test(`fits ${viewport.width} × ${viewport.height}`, { viewport }, async (page) => {
    await ready(page);
    const button = await page.locator('#play').boundingBox();
    assert(button.x >= 0 && button.x + button.width <= viewport.width, 'the button is not to be seen');
    assert(button.y >= 0 && button.y + button.height <= viewport.height, 'the button is not to be seen');
    await play(page);
    const canvas = await page.locator('#keyboardia').boundingBox();
    assert(canvas.width === viewport.width && canvas.height === viewport.height, JSON.stringify(canvas));
  });
}

await test('the second start asks the host for the page only', { workers: 'allow' }, async (page) => {
  await ready(page);
  const kept = async () => {
    const files = await caches.open('keyboardia-files');
    return (await files.keys()).filter(({ url }) => url.endsWith('.wasm')).length === 2;
  };
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.waitForFunction(kept);
  await page.reload();
  await ready(page);
  const sizes = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => [
    entry.name, entry.workerStart > 0, entry.transferSize,
  ]));
  const fetched = sizes.filter(([name, , size]) => name.includes('/files/') && size > 0);
  assert(fetched.length === 0, `fetched again: ${fetched}`);
  await page.context().setOffline(true);
  await page.reload();
  await ready(page);
});

if (process.env.KEYBOARDIA_PICTURES) {
  await test('is to be seen', { hash: `#${WORDS}` }, async (page) => {
    await ready(page);
    await page.screenshot({ path: join(process.env.KEYBOARDIA_PICTURES, 'page.png') });
  });
}

await browser.close();
process.exit(failed === 0 ? 0 : 1);
