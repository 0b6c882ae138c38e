//! Keys. [`map`] says what each does, [`bank`] which pads lie under them, [`walk`] where the arrows lead, and [`overlay`]
//! draws it all for the player.
//!
//! Nothing happens while somebody types into a field or a menu is open, and a key that is held down launches nothing
//! twice.

mod bank;
mod escape;
mod map;
mod overlay;
mod walk;

pub(crate) use bank::Bank;
pub(crate) use overlay::KeyMap;

use crate::{
    ClientSet,
    deed::{Deed, Hand, RecordKey, RecorderOpen, Selection, Tap, ToggleLibrary, ToggleMetronome},
    link::{Link, Now},
    playfield::{
        layout::{Layout, Target},
        pointer,
        scroll::Scroll,
    },
    screen::Screen,
    wishes,
};
use bevy::{
    ecs::system::SystemParam,
    input::{ButtonState, keyboard::KeyboardInput},
    prelude::*,
};
use bevy_egui::input::EguiWantsInput;
use escape::Escape;
use keyboardia_session::Command;
use map::{Action, Stroke};

pub(super) fn plugin(app: &mut App) {
    app.add_plugins((bank::plugin, escape::plugin, overlay::plugin))
        .add_systems(Update, strike.before(pointer::point).run_if(in_state(Screen::Jam)).in_set(ClientSet::Act));
}

/// What keys act on.
#[derive(SystemParam)]
struct Effect<'w> {
    link: Res<'w, Link>,
    now: Res<'w, Now>,
    layout: Res<'w, Layout>,
    bank: ResMut<'w, Bank>,
    selection: ResMut<'w, Selection>,
    hand: ResMut<'w, Hand>,
    scroll: ResMut<'w, Scroll>,
    keys: ResMut<'w, KeyMap>,
    deeds: MessageWriter<'w, Deed>,
    taps: MessageWriter<'w, Tap>,
    metronome: MessageWriter<'w, ToggleMetronome>,
    library: MessageWriter<'w, ToggleLibrary>,
    recorder: Res<'w, RecorderOpen>,
    records: MessageWriter<'w, RecordKey>,
    escape: MessageWriter<'w, Escape>,
}

fn strike(
    mut strokes: MessageReader<KeyboardInput>,
    held: Res<ButtonInput<KeyCode>>,
    egui: Res<EguiWantsInput>,
    mut effect: Effect,
) {
    if egui.wants_any_keyboard_input() {
        return strokes.clear();
    }
    let control = if cfg!(target_os = "macos") {
        [KeyCode::SuperLeft, KeyCode::SuperRight]
    } else {
        [KeyCode::ControlLeft, KeyCode::ControlRight]
    };
    for input in strokes.read().filter(|input| input.state == ButtonState::Pressed) {
        let stroke = Stroke {
            ctrl: held.any_pressed(control),
            shift: held.any_pressed([KeyCode::ShiftLeft, KeyCode::ShiftRight]),
            alt: held.any_pressed([KeyCode::AltLeft, KeyCode::AltRight]),
            ..Stroke::typing(&input.logical_key)
        };
        if let Some(action) = map::action(input.key_code, stroke).filter(|action| !input.repeat || action.repeats()) {
            effect.carry_out(action);
        }
    }
}

impl Effect<'_> {
    fn carry_out(&mut self, action: Action) {
        self.hand.set_if_neq(Hand::Keys);
        let selected = self.selection.0.filter(|target| self.layout.has(*target));
        match action {
            Action::Pad { row, column } => {
                let pad = self.bank.pad(&self.layout, row, column);
                self.press(pad);
            }
            Action::Scene(row) => {
                let scene = self.layout.scenes().nth(row);
                self.press(scene.map(Target::Scene));
            }
            Action::StopAll => self.press(Some(Target::StopAll)),
            Action::StopTrack => match selected {
                Some(Target::Pad(track, _) | Target::Stop(track) | Target::Head(track)) => {
                    self.deeds.write(Deed::Press(Target::Stop(track)));
                }
                Some(Target::Scene(_) | Target::StopAll | Target::AddTrack | Target::AddScene) | None => {}
            },
            Action::Press => self.press(selected),
            Action::Walk(way) => {
                self.selection.0 = walk::walk(&self.layout, self.selection.0, way);
                if let Some(target) = self.selection.0 {
                    self.scroll.show(target, &self.layout);
                }
            }
            Action::Bank(way) => self.bank.go(way, &self.layout),
            Action::Menu => {
                let menu = selected.map(|target| Deed::Menu(target, self.layout.rect(target).center()));
                self.deeds.write_batch(menu);
            }
            Action::Edit(deed) => {
                self.deeds.write(deed);
            }
            Action::Play => {
                if let Some(view) = self.now.session() {
                    self.link.command(Command::SetPlaying(!wishes::playing(view)));
                }
            }
            Action::Tap => {
                self.taps.write(Tap);
            }
            Action::Metronome => {
                self.metronome.write(ToggleMetronome);
            }
            Action::Library => {
                self.library.write(ToggleLibrary);
            }
            Action::Record => match selected {
                // One key opens it, and is its button from then on.
                Some(target @ Target::Pad(..)) if !self.recorder.0 => {
                    self.deeds.write(Deed::Record(target));
                }
                _ => {
                    self.records.write(RecordKey);
                }
            },
            Action::Keys => self.keys.toggle(),
            Action::Escape => {
                self.escape.write(Escape);
            }
        }
    }

    fn press(&mut self, target: Option<Target>) {
        if let Some(target) = target {
            self.selection.0 = Some(target);
            self.deeds.write(Deed::Press(target));
        }
    }
}
