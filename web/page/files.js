// Sound files that the player picks, or lets fall on the page. They wait here until the game takes them.

/** Largest file that is read, bytes; the game says so of a larger one, which comes without its bytes. */
const BYTES_MAX = 64 * 1024 * 1024;
/** Files that may wait. */
const WAITING_MAX = 16;
/** What is offered where files are picked. */
const KINDS = "audio/*,.wav,.ogg,.mp3,.flac";

const waiting = [];

async function read(file, fell) {
  if (waiting.length >= WAITING_MAX) return;
  let bytes;
  try {
    bytes = new Uint8Array(await (file.size > BYTES_MAX ? new Blob() : file).arrayBuffer());
  } catch {
    bytes = new Uint8Array();
  }
  waiting.push({ name: file.name, bytes, fell, large: file.size > BYTES_MAX });
}

/** Lets the player pick a file; in a click or a key press. */
export function pick() {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = KINDS;
  input.onchange = () => [...input.files].forEach((file) => void read(file, false));
  input.click();
}

/** The oldest file that was not taken. */
export const next = () => waiting.shift();

/** Lets files fall on an element. Where they fall, the pointer is. */
export function catchOn(element) {
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    const { clientX, clientY } = event;
    const options = { clientX, clientY, bubbles: true, pointerId: 1, pointerType: "mouse", isPrimary: true };
    element.dispatchEvent(new PointerEvent("pointermove", options));
    for (const file of event.dataTransfer?.files ?? []) void read(file, true);
  });
}
