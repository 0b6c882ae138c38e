//! The hands of a script: gestures become the messages that the window system would send, once by kind and once in one
//! stream.

use super::{
    keys,
    parse::{Chord, Step},
};
use bevy::{
    ecs::system::SystemParam,
    input::{
        ButtonState,
        keyboard::KeyboardInput,
        mouse::MouseButtonInput,
        touch::{TouchInput, TouchPhase},
    },
    prelude::*,
    window::{CursorMoved, PrimaryWindow, WindowEvent},
};
use std::{collections::VecDeque, time::Duration};

/// How long a finger stays that wants more than a press.
const STAY: Duration = Duration::from_millis(600);
/// The finger of scripts.
const FINGER: u64 = 1;

/// Something that a hand does within one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Gesture {
    Move(Vec2),
    Button(MouseButton, ButtonState),
    Key(KeyCode, ButtonState, bool),
    Type(char, ButtonState),
    Touch(TouchPhase, Vec2),
    /// Does nothing for as long.
    Stay(Duration),
    /// Lets the window follow.
    Rest,
}

/// What the hands are going to do, one gesture a frame.
#[derive(Debug, Default)]
pub(super) struct Gestures(VecDeque<Gesture>);

impl Gestures {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next gesture.
    pub(super) fn next(&mut self) -> Option<Gesture> {
        self.0.pop_front()
    }

    /// Lets some frames go by.
    pub(super) fn rest(&mut self, frames: usize) {
        self.0.extend(std::iter::repeat_n(Gesture::Rest, frames));
    }

    pub(super) fn go(&mut self, to: Vec2) {
        self.0.extend([Gesture::Move(to), Gesture::Rest]);
    }

    pub(super) fn click(&mut self, at: Vec2, button: MouseButton) {
        let [down, up] = [ButtonState::Pressed, ButtonState::Released].map(|state| Gesture::Button(button, state));
        // egui learns of the hovered widget a frame after the move.
        self.0.extend([Gesture::Move(at), Gesture::Rest, down, up, Gesture::Rest]);
    }

    pub(super) fn drag(&mut self, from: Vec2, to: Vec2, copy: bool) {
        let button = |state| Gesture::Button(MouseButton::Left, state);
        let held = |state| copy.then_some(Gesture::Key(KeyCode::ControlLeft, state, false));
        self.0.extend([Gesture::Move(from), Gesture::Rest, button(ButtonState::Pressed)]);
        self.0.extend([Gesture::Move(from.midpoint(to)), Gesture::Move(to)]);
        self.0.extend(held(ButtonState::Pressed));
        self.0.extend([Gesture::Rest, button(ButtonState::Released)]);
        self.0.extend(held(ButtonState::Released));
        self.0.push_back(Gesture::Rest);
    }

    pub(super) fn tap(&mut self, at: Vec2) {
        let phases = [TouchPhase::Started, TouchPhase::Ended].map(|phase| Gesture::Touch(phase, at));
        self.0.extend(phases.into_iter().chain([Gesture::Rest]));
    }

    /// A finger stays, then goes somewhere else if `to` says so, then is lifted.
    pub(super) fn hold(&mut self, at: Vec2, to: Option<Vec2>) {
        self.0.extend([Gesture::Touch(TouchPhase::Started, at), Gesture::Stay(STAY), Gesture::Rest]);
        if let Some(to) = to {
            self.0.extend([at.midpoint(to), to].map(|place| Gesture::Touch(TouchPhase::Moved, place)));
        }
        self.0.extend([Gesture::Touch(TouchPhase::Ended, to.unwrap_or(at)), Gesture::Rest]);
    }

    /// A finger touches, goes somewhere else, and is lifted.
    pub(super) fn swipe(&mut self, from: Vec2, to: Vec2) {
        self.0.extend([Gesture::Touch(TouchPhase::Started, from), Gesture::Rest]);
        self.0.extend([from.midpoint(to), to].map(|place| Gesture::Touch(TouchPhase::Moved, place)));
        self.0.extend([Gesture::Rest, Gesture::Touch(TouchPhase::Ended, to), Gesture::Rest]);
    }

    pub(super) fn strike(&mut self, chord: Chord) {
        let Chord { ctrl, shift, alt, key } = chord;
        let held = [(ctrl, KeyCode::ControlLeft), (shift, KeyCode::ShiftLeft), (alt, KeyCode::AltLeft)];
        let held: Vec<KeyCode> = held.into_iter().filter(|(held, _)| *held).map(|(_, key)| key).collect();
        self.0.extend(held.iter().map(|key| Gesture::Key(*key, ButtonState::Pressed, false)));
        self.0.extend([ButtonState::Pressed, ButtonState::Released].map(|state| Gesture::Key(key, state, shift)));
        self.0.extend(held.iter().rev().map(|key| Gesture::Key(*key, ButtonState::Released, false)));
        self.0.push_back(Gesture::Rest);
    }

    pub(super) fn press_key(&mut self, key: KeyCode) {
        self.strike(Chord { ctrl: false, shift: false, alt: false, key });
    }

    pub(super) fn type_text(&mut self, text: &str) {
        for sign in text.chars() {
            self.0.extend([ButtonState::Pressed, ButtonState::Released].map(|state| Gesture::Type(sign, state)));
        }
        self.0.push_back(Gesture::Rest);
    }

    /// What a step makes hands do at a place.
    pub(super) fn at(&mut self, step: &Step, at: Vec2) {
        match step {
            Step::Press(_) => self.click(at, MouseButton::Left),
            Step::Menu(_) => self.click(at, MouseButton::Right),
            Step::Tap(_) => self.tap(at),
            Step::Hold(_) => self.hold(at, None),
            _ => self.go(at),
        }
    }
}

/// The window's messages.
#[derive(SystemParam)]
pub(super) struct Hands<'w, 's> {
    pub(super) window: Single<'w, 's, (Entity, &'static mut Window), With<PrimaryWindow>>,
    all: MessageWriter<'w, WindowEvent>,
    moves: MessageWriter<'w, CursorMoved>,
    buttons: MessageWriter<'w, MouseButtonInput>,
    keys: MessageWriter<'w, KeyboardInput>,
    touches: MessageWriter<'w, TouchInput>,
}

impl Hands<'_, '_> {
    /// Makes a gesture.
    pub(super) fn make(&mut self, gesture: Gesture) {
        let window = self.window.0;
        match gesture {
            Gesture::Move(position) => {
                let moved = CursorMoved { window, position, delta: None };
                self.all.write(moved.clone().into());
                self.moves.write(moved);
            }
            Gesture::Button(button, state) => {
                let button = MouseButtonInput { button, state, window };
                self.all.write(button.into());
                self.buttons.write(button);
            }
            Gesture::Key(key_code, state, shift) => self.key(key_code, keys::logical(key_code, shift), state),
            Gesture::Type(sign, state) => self.key(keys::typing(sign), keys::typed(sign), state),
            Gesture::Touch(phase, position) => {
                let touch = TouchInput { phase, position, window, force: None, id: FINGER };
                self.all.write(touch.into());
                self.touches.write(touch);
            }
            Gesture::Stay(_) | Gesture::Rest => {}
        }
    }

    fn key(&mut self, key_code: KeyCode, logical_key: bevy::input::keyboard::Key, state: ButtonState) {
        let key = KeyboardInput { key_code, logical_key, state, text: None, repeat: false, window: self.window.0 };
        self.all.write(key.clone().into());
        self.keys.write(key);
    }
}
