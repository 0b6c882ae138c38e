//! Editing: what hands want done with clips, columns and rows becomes [`Edit`]s, which the session carries out in its
//! one order and everybody sees at once.
//!
//! ```text
//! Deed + Selection + Clipboard ──→ plan (pure) ──→ Command ──→ Link
//!           menu (egui) ─────────────────────────────┘
//! ```
//!
//! [`plan`] decides, [`menu`] shows what can be done with a pad, a column or a row, [`palette`] has the colours.

mod menu;
pub(crate) mod palette;
mod plan;

use crate::{
    ClientSet,
    deed::{Deed, Selection},
    link::{Link, Now},
    playfield::layout::{Layout, Target},
    screen::Screen,
    theme,
    toasts::Toasts,
    wishes,
};
use bevy::prelude::*;
use keyboardia_session::{Cell, Clip, Command, Edit, View};
pub(crate) use menu::{Menu, choice, name_field};
use plan::{Clipboard, plan};

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Clipboard>()
        .add_systems(Update, carry_out.run_if(in_state(Screen::Jam)).in_set(ClientSet::Act))
        .add_plugins(menu::plugin);
}

/// Puts a clip into a slot: it replaces what this player sees there, and nothing that somebody else has put there
/// meanwhile.
pub(crate) fn put(cell: Cell, clip: &Clip, view: &View) -> Edit {
    wishes::over_own(view, plan::put(cell, clip, &view.state))
}

/// Carries out what hands and menus want.
fn carry_out(
    mut deeds: MessageReader<Deed>,
    now: Res<Now>,
    link: Res<Link>,
    layout: Res<Layout>,
    time: Res<Time<Real>>,
    mut selection: ResMut<Selection>,
    mut clipboard: ResMut<Clipboard>,
    mut menu: ResMut<Menu>,
    mut toasts: ResMut<Toasts>,
) {
    let Some(view) = now.session() else { return };
    // What was selected may have been removed, by anybody.
    selection.0 = selection.0.filter(|target| layout.knows(*target));
    for deed in deeds.read() {
        match *deed {
            Deed::Press(Target::AddTrack) => {
                let at = view.state.tracks().len() as u8;
                link.command(Command::Edit(Edit::AddTrack { at, column: None }));
            }
            Deed::Press(Target::AddScene) => {
                let at = view.state.scenes().len() as u8;
                link.command(Command::Edit(Edit::AddScene { at, row: None }));
            }
            Deed::Menu(target, at) => {
                selection.0 = Some(target);
                menu.open(target, at);
            }
            Deed::Rename => match selection.0 {
                Some(target) => menu.rename(target, layout.rect(target).center()),
                None => toasts.say(time.elapsed(), plan::NOTHING_SELECTED.into(), theme::WARNING),
            },
            Deed::Undo => link.command(Command::Undo),
            Deed::Redo => link.command(Command::Redo),
            deed => match plan(deed, selection.0, &clipboard, &view.state) {
                Ok(plan) => {
                    for edit in plan.edits {
                        link.command(Command::Edit(wishes::over_own(view, edit)));
                    }
                    clipboard.0 = plan.keep.or(clipboard.0.take());
                    selection.0 = plan.select.or(selection.0);
                }
                Err(sentence) => toasts.say(time.elapsed(), sentence.into(), theme::WARNING),
            },
        }
    }
}
