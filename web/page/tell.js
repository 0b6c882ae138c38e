// Sentences: at the title when something is in the way, over the game when it goes on.

/** How long a sentence over the game stays, unless it asks for something. */
const NOTE_MS = 6000;

/** The part of the page that has this id. */
export const element = (id) => document.getElementById(id);

/** Ends the game, or the way to it, with a sentence; `href` and `label` lead out of it, or else a reload does. */
export function trouble(text, { href, label } = {}) {
  console.error(`keyboardia: ${text}`);
  for (const id of ['progress', 'status', 'play', 'invitation', 'note']) {
    element(id).hidden = true;
  }
  element('why').textContent = text;
  const way = element('way');
  way.hidden = href === undefined;
  if (href !== undefined) {
    way.href = href;
    way.textContent = label;
  }
  element('again').hidden = href !== undefined;
  element('trouble').hidden = false;
  element('title').hidden = false;
  element('title').classList.remove('gone');
}

let noteTimer;

/** Takes back the sentence over the game. */
export function hush() {
  clearTimeout(noteTimer);
  element('note').hidden = true;
}

/** Shows a sentence over the game; with an action, until that is pressed. */
export function note(text, action, act) {
  clearTimeout(noteTimer);
  element('told').textContent = text;
  const button = element('act');
  button.hidden = action === undefined;
  button.textContent = action ?? '';
  button.onclick = () => {
    hush();
    act?.();
  };
  element('note').hidden = false;
  if (action === undefined) {
    noteTimer = setTimeout(hush, NOTE_MS);
  }
}
