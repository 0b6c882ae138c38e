// The service worker: keeps what never changes, so that the second start is quick, and asks the host for the rest.

const FILES = 'keyboardia-files';
const INDEX = 'keyboardia-index';
// Players' own sounds, which the decoder keeps.
const SAMPLES = 'keyboardia-samples';
/** How long the host may take to show the page before the one from last time is shown. */
const INDEX_PATIENCE_MS = 2500;

self.addEventListener('install', () => self.skipWaiting());

self.addEventListener('activate', (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith('keyboardia-') && ![FILES, INDEX, SAMPLES].includes(name)) {
        await caches.delete(name);
      }
    }
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

/** A file whose name says what is in it. */
async function file(event) {
  const { request } = event;
  const cache = await caches.open(FILES);
  if (request.cache !== 'reload' && request.cache !== 'no-store') {
    const kept = await cache.match(request, { ignoreVary: true });
    if (kept) {
      return kept;
    }
  }
  const response = await fetch(request);
  if (response.status === 200) {
    // A body that breaks off is not kept.
    event.waitUntil(cache.put(request, response.clone()).catch(() => {}));
  }
  return response;
}

/** The page itself: the host's; last time's if the host is slow or gone. */
async function index(event) {
  const cache = await caches.open(INDEX);
  const fresh = fetch(event.request).then((response) => {
    if (response.status === 200) {
      event.waitUntil(cache.put('/', response.clone()).catch(() => {}));
    }
    return response;
  });
  event.waitUntil(fresh.catch(() => {}));
  const kept = await cache.match('/', { ignoreVary: true });
  if (!kept) {
    return fresh;
  }
  const patience = new Promise((resolve) => setTimeout(() => resolve(kept), INDEX_PATIENCE_MS));
  return Promise.race([fresh.catch(() => kept), patience]);
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) {
    return;
  }
  if (url.pathname.startsWith('/files/')) {
    event.respondWith(file(event));
  } else if (request.mode === 'navigate' && (url.pathname === '/' || url.pathname === '/index.html')) {
    event.respondWith(index(event));
  }
});

/** Fetches what is not kept yet, and forgets what belongs to an older page. */
async function keep(urls, folders) {
  const cache = await caches.open(FILES);
  for (const request of await cache.keys()) {
    if (!urls.includes(request.url) && !folders.some((folder) => request.url.startsWith(folder))) {
      await cache.delete(request);
    }
  }
  for (const url of urls) {
    if (!(await cache.match(url, { ignoreVary: true }))) {
      await cache.add(url).catch(() => {});
    }
  }
}

self.addEventListener('message', (event) => {
  if (Array.isArray(event.data?.keep)) {
    event.waitUntil(keep(event.data.keep, event.data.folders ?? []));
  }
});
