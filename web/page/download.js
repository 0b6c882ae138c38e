// Fetches what the list of assets names, counts the bytes as they come, and compiles modules while they do.

/** Something of the page that could not be had. */
export class DownloadError extends Error {
  /**
   * @param {'missing' | 'incomplete' | 'damaged' | 'offline'} kind
   * @param {string} message a sentence
   */
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

async function request(name, entry, cache) {
  let response;
  try {
    response = await fetch(entry.url, { cache });
  } catch {
    throw new DownloadError('offline', 'The host does not answer. Look at the connection, then reload.');
  }
  if (!response.ok) {
    throw new DownloadError('missing', `The host does not have ${name} (${response.status}).`);
  }
  return response;
}

/** Reads a body to its end, whatever that is; returns how many bytes came. */
async function count(body, onBytes) {
  const reader = body.getReader();
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return bytes;
      }
      bytes += value.length;
      onBytes(value.length);
    }
  } catch {
    return bytes;
  }
}

function compile(response) {
  const type = response.headers.get('content-type') ?? '';
  // Streaming keeps what has been compiled for the next start; it insists on the type.
  if (WebAssembly.compileStreaming && type.startsWith('application/wasm')) {
    return WebAssembly.compileStreaming(response);
  }
  return response.arrayBuffer().then((bytes) => WebAssembly.compile(bytes));
}

async function attempt(name, entry, cache, onBytes) {
  const response = await request(name, entry, cache);
  const counted = count(response.clone().body, onBytes);
  const [compiled, bytes] = await Promise.allSettled([compile(response), counted]);
  if (bytes.value !== entry.bytes) {
    const text = `Only ${bytes.value.toLocaleString()} of ${entry.bytes.toLocaleString()} bytes of ${name} arrived.`;
    throw new DownloadError('incomplete', text);
  }
  if (compiled.status === 'rejected') {
    const reason = compiled.reason?.message ?? compiled.reason;
    throw new DownloadError('damaged', `The host's copy of ${name} is damaged: ${reason}.`);
  }
  return compiled.value;
}

/**
 * Fetches and compiles a module; one that came halfway is fetched a second time, past every cache.
 * @param {string} name what people call it
 * @param {{url: string, bytes: number}} entry its place in the list of assets
 * @param {(bytes: number) => void} onBytes is told of each piece that has come; takes it back if it counts no more
 * @returns {Promise<WebAssembly.Module>}
 * @throws {DownloadError}
 */
export async function download(name, entry, onBytes) {
  let come = 0;
  const note = (bytes) => {
    come += bytes;
    onBytes(bytes);
  };
  try {
    return await attempt(name, entry, 'default', note);
  } catch (error) {
    if (!(error instanceof DownloadError) || error.kind === 'missing') {
      throw error;
    }
    onBytes(-come);
    return attempt(name, entry, 'reload', onBytes);
  }
}
