//! Carries out presses: what pads and buttons of the playfield do when they go down.

use super::{layout::Target, pointer};
use crate::{ClientSet, deed::Deed, link::Link, screen::Screen};
use bevy::prelude::*;
use keyboardia_session::Command;

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, press.after(pointer::point).run_if(in_state(Screen::Jam)).in_set(ClientSet::Act));
}

fn press(mut deeds: MessageReader<Deed>, mut link: ResMut<Link>, time: Res<Time<Real>>) {
    for deed in deeds.read() {
        match deed {
            Deed::Press(Target::Pad(track, scene)) => link.press(time.elapsed(), *track, *scene),
            Deed::Press(Target::Scene(scene)) => link.command(Command::LaunchScene { scene: *scene }),
            Deed::Press(Target::Stop(track)) => link.command(Command::StopTrack { track: *track }),
            Deed::Press(Target::StopAll) => link.command(Command::StopAll),
            _ => {}
        }
    }
}
