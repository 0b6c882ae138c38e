// Drives a Chromium for the tests: a JSON object a line comes in, one goes out.
//
// {"id":1,"do":"open","page":"ada","url":"https://…"} → {"id":1,"value":…} or {"id":1,"error":"…"}

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const { chromium } = createRequire(`${process.env.KEYBOARDIA_BROWSER}/`)("playwright-core");

const ARGUMENTS = [
  "--no-sandbox",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=user-gesture-required",
];

let browser;
/** What a browser that was started as people start it leaves behind. */
let home;
let child;
const pages = new Map();

const page = ({ page }) => pages.get(page).page;

const deeds = {
  /**
   * `plain`: as people start it, so that a tab in the background is hidden and slowed down, which others never are; all
   * pages are then tabs of one window and share its storage.
   */
  async launch({ executable, args = [], plain = false }) {
    if (plain) {
      home = mkdtempSync(join(tmpdir(), "keyboardia-browser-"));
      const own = ["--headless", "--remote-debugging-port=0", `--user-data-dir=${home}`, "--window-size=1280,800"];
      const all = ["--pdeathsig", "KILL", executable, ...own, ...ARGUMENTS, ...args, "about:blank"];
      child = spawn("setpriv", all, { stdio: ["ignore", "ignore", "pipe"] });
      let said = "";
      const address = await new Promise((resolve, reject) => {
        child.on("error", reject);
        child.on("exit", () => reject(new Error(said)));
        child.stderr.on("data", (data) => {
          said += data;
          const found = /ws:\/\/\S+/.exec(said);
          if (found) resolve(found[0]);
        });
      });
      browser = await chromium.connectOverCDP(address, { noDefaults: true });
      return browser.version();
    }
    browser = await chromium.launch({
      executablePath: executable,
      args: [...ARGUMENTS, ...args],
      ignoreDefaultArgs: ["--mute-audio"],
      headless: true,
    });
    return browser.version();
  },
  /**
   * A page with a storage of its own; `touch` for a phone, `calm` for somebody who wants less motion, `sounds` for a library
   * of its own in that folder, `init` for what its world is like before its first line runs.
   */
  async open(what) {
    const { page: name, url, width = 1280, height = 720, scale = 1, sounds, init } = what;
    const { touch = false, calm = false, insecure = false } = what;
    const options = {
      viewport: { width, height },
      deviceScaleFactor: scale,
      hasTouch: touch,
      isMobile: touch,
      reducedMotion: calm ? "reduce" : "no-preference",
      ignoreHTTPSErrors: insecure,
    };
    const context = child ? browser.contexts()[0] : await browser.newContext(options);
    if (sounds) {
      // Another library than the host's, file by file.
      await context.route(/\/sounds-[^/]*\/[^/]+\.ogg$/, (route) => {
        const path = `${sounds}/${route.request().url().split("/").pop()}`;
        return existsSync(path) ? route.fulfill({ path, contentType: "audio/ogg" }) : route.fulfill({ status: 404 });
      });
    }
    const page = await context.newPage();
    if (child) await page.setViewportSize({ width, height });
    if (init) await page.addInitScript(init);
    const kept = { page, console: [], errors: [], requests: [], bytes: 0 };
    page.on("console", (message) => kept.console.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => kept.errors.push(String(error)));
    page.on("request", (request) => kept.requests.push(request.url()));
    page.on("requestfinished", async (request) => {
      kept.bytes += (await request.sizes().catch(() => ({ responseBodySize: 0 }))).responseBodySize;
    });
    page.on("crash", () => kept.errors.push("the page crashed"));
    pages.set(name, kept);
    const answer = await page.goto(url, { waitUntil: "load", timeout: 60_000 });
    return { status: answer?.status() ?? 0, headers: answer?.headers() ?? {} };
  },
  async reload(what) {
    await page(what).reload({ waitUntil: "load", timeout: 60_000 });
  },
  async click(what) {
    await page(what).mouse.click(what.x, what.y, { button: what.button ?? "left", delay: 60 });
  },
  /** A finger comes down on a place, stays, and leaves it. */
  async touch(what) {
    const session = await page(what).context().newCDPSession(page(what));
    const touchPoints = [{ x: what.x, y: what.y }];
    await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints });
    await new Promise((resolve) => setTimeout(resolve, what.ms));
    await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await session.detach();
  },
  /** Two fingers touch places, move together, and are lifted. */
  async swipe(what) {
    const session = await page(what).context().newCDPSession(page(what));
    const points = (share) => what.from.map(([x, y], id) => ({ id, x: x + share * what.by[0], y: y + share * what.by[1] }));
    await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: points(0) });
    for (let step = 1; step <= 10; step += 1) {
      await session.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: points(step / 10) });
    }
    await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await session.detach();
  },
  /** Brings a tab to the front: others of its window are hidden. */
  async show(what) {
    await page(what).bringToFront();
  },
  async press(what) {
    await page(what).click(what.selector, { timeout: 120_000 });
  },
  async evaluate(what) {
    return page(what).evaluate(what.code);
  },
  /** Waits for an expression to be true, in whatever document the page has by then. */
  async wait(what) {
    const end = performance.now() + (what.ms ?? 120_000);
    for (let why = "it is not"; ; ) {
      // Not by playwright's own way, which the page's security policy refuses.
      const is = await page(what).evaluate(what.code).catch((error) => void (why = String(error)));
      if (is) return;
      if (performance.now() > end) throw new Error(`waited in vain for ${what.code}: ${why}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  },
  async screenshot(what) {
    await page(what).screenshot({ path: what.path, timeout: 120_000 });
  },
  /** What the page has said, what went wrong, and what it asked for. */
  async heard({ page: name }) {
    const { console, errors, requests, bytes } = pages.get(name);
    return { console, errors, requests, bytes };
  },
  async shut({ page: name }) {
    const { page } = pages.get(name);
    pages.delete(name);
    await (child ? page.close() : page.context().close());
  },
  async end() {
    await browser?.close();
    if (child) {
      child.kill("SIGKILL");
      rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const what = JSON.parse(line);
  // One deed does not wait for another: two pages are clicked at once.
  deeds[what.do](what).then(
    (value) => console.log(JSON.stringify({ id: what.id, value: value ?? null })),
    (error) => console.log(JSON.stringify({ id: what.id, error: String(error) })),
  );
}
await deeds.end();
