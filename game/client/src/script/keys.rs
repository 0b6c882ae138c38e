//! The keys that scripts know: their names, and what each types on a keyboard as most have it.

use bevy::{
    input::keyboard::{Key, NativeKeyCode},
    prelude::KeyCode::{self, *},
};

/// Keys that type a sign: the key, the sign, and the sign with shift.
#[rustfmt::skip]
const SIGNS: [(KeyCode, char, char); 47] = [
    (KeyA, 'a', 'A'), (KeyB, 'b', 'B'), (KeyC, 'c', 'C'), (KeyD, 'd', 'D'), (KeyE, 'e', 'E'), (KeyF, 'f', 'F'),
    (KeyG, 'g', 'G'), (KeyH, 'h', 'H'), (KeyI, 'i', 'I'), (KeyJ, 'j', 'J'), (KeyK, 'k', 'K'), (KeyL, 'l', 'L'),
    (KeyM, 'm', 'M'), (KeyN, 'n', 'N'), (KeyO, 'o', 'O'), (KeyP, 'p', 'P'), (KeyQ, 'q', 'Q'), (KeyR, 'r', 'R'),
    (KeyS, 's', 'S'), (KeyT, 't', 'T'), (KeyU, 'u', 'U'), (KeyV, 'v', 'V'), (KeyW, 'w', 'W'), (KeyX, 'x', 'X'),
    (KeyY, 'y', 'Y'), (KeyZ, 'z', 'Z'), (Digit1, '1', '!'), (Digit2, '2', '@'), (Digit3, '3', '#'), (Digit4, '4', '$'),
    (Digit5, '5', '%'), (Digit6, '6', '^'), (Digit7, '7', '&'), (Digit8, '8', '*'), (Digit9, '9', '('), (Digit0, '0', ')'),
    (Minus, '-', '_'), (Equal, '=', '+'), (BracketLeft, '[', '{'), (BracketRight, ']', '}'), (Backslash, '\\', '|'),
    (Semicolon, ';', ':'), (Quote, '\'', '"'), (Comma, ',', '<'), (Period, '.', '>'), (Slash, '/', '?'),
    (Backquote, '`', '~'),
];
/// Keys that have a name: the key, its name, and what it types.
const NAMES: [(KeyCode, &str, Key); 22] = [
    (Space, "space", Key::Space),
    (Escape, "esc", Key::Escape),
    (Enter, "enter", Key::Enter),
    (Tab, "tab", Key::Tab),
    (Backspace, "backspace", Key::Backspace),
    (Delete, "delete", Key::Delete),
    (ArrowUp, "up", Key::ArrowUp),
    (ArrowDown, "down", Key::ArrowDown),
    (ArrowLeft, "left", Key::ArrowLeft),
    (ArrowRight, "right", Key::ArrowRight),
    (PageUp, "pageup", Key::PageUp),
    (PageDown, "pagedown", Key::PageDown),
    (Home, "home", Key::Home),
    (End, "end", Key::End),
    (ContextMenu, "menu", Key::ContextMenu),
    (F1, "f1", Key::F1),
    (F2, "f2", Key::F2),
    (F10, "f10", Key::F10),
    (F11, "f11", Key::F11),
    (ControlLeft, "ctrl", Key::Control),
    (ShiftLeft, "shift", Key::Shift),
    (AltLeft, "alt", Key::Alt),
];

/// The key of this name: `q`, `KeyQ`, `1`, `Digit1`, `esc`.
pub(super) fn named(name: &str) -> Option<KeyCode> {
    let sign = name.strip_prefix("Key").or_else(|| name.strip_prefix("Digit"));
    let only = |text: &str| Some(text.chars().next()?).filter(|_| text.chars().count() == 1);
    match (sign.map(only), only(name)) {
        (Some(sign), _) => {
            let sign = sign?;
            let is_right = if name.starts_with("Key") { sign.is_ascii_uppercase() } else { sign.is_ascii_digit() };
            key_of(sign.to_ascii_lowercase()).filter(|_| is_right)
        }
        (None, Some(sign)) => key_of(sign),
        (None, None) => NAMES.iter().find(|(_, known, _)| *known == name).map(|(key, ..)| *key),
    }
}

fn key_of(sign: char) -> Option<KeyCode> {
    SIGNS.iter().find(|(_, known, _)| *known == sign).map(|(key, ..)| *key)
}

/// What a key types.
pub(super) fn logical(key: KeyCode, shift: bool) -> Key {
    if let Some((_, sign, shifted)) = SIGNS.iter().find(|(known, ..)| *known == key) {
        return typed(if shift { *shifted } else { *sign });
    }
    let named = NAMES.iter().find(|(known, ..)| *known == key);
    named.map_or(Key::Space, |(.., logical)| logical.clone())
}

/// A sign as a key types it.
pub(super) fn typed(sign: char) -> Key {
    if sign == ' ' { Key::Space } else { Key::Character(sign.to_string().into()) }
}

/// The key that types a sign; some unknown one for signs that most keyboards lack.
pub(super) fn typing(sign: char) -> KeyCode {
    let found = SIGNS.iter().find(|(_, small, shifted)| *small == sign || *shifted == sign).map(|(key, ..)| *key);
    found.unwrap_or(if sign == ' ' { Space } else { Unidentified(NativeKeyCode::Unidentified) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_sign_by_place_and_by_name() {
        for (name, key) in
            [("q", KeyQ), ("KeyQ", KeyQ), ("1", Digit1), ("Digit1", Digit1), ("[", BracketLeft), ("pageup", PageUp)]
        {
            assert_eq!(named(name), Some(key), "{name}");
        }
        for name in ["", "Q", "Key", "Key1", "DigitA", "Keyq", "shrug"] {
            assert_eq!(named(name), None, "{name}");
        }
    }

    #[test]
    fn keys_type_what_is_printed_on_them() {
        assert_eq!(logical(Slash, true), Key::Character("?".into()));
        assert_eq!(logical(KeyZ, false), Key::Character("z".into()));
        assert_eq!(logical(Escape, true), Key::Escape);
        assert_eq!((typing('Q'), typing(' ')), (KeyQ, Space));
    }
}
