//! The mixer: under each column its volume, pan, mute, solo and meter, and in the corner what is this player's own.
//!
//! ```text
//! shared    hands → Held → Command → session → everybody's strips
//! private   hands → PrivateMix → Ears → this player's engine
//! ```

mod ears;
mod fader;
mod master;
mod meter;
mod pan;
mod strip;

use crate::{
    ClientSet,
    link::{Link, Now},
    panel,
    playfield::layout::{Layout, Target},
    screen::Screen,
    theme,
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{Mesh, Shape},
};
use ears::PrivateMix;
use keyboardia_session::limits::TRACKS_MAX;
use meter::Peaks;
use strip::{Hands, Strip};

/// The hands on the mixer.
#[derive(Resource, Default)]
struct AllHands {
    strips: [Hands; TRACKS_MAX],
    master_at: Option<f64>,
}

pub(super) fn plugin(app: &mut App) {
    app.add_plugins(ears::plugin).init_resource::<AllHands>().init_resource::<Peaks>().add_systems(
        EguiPrimaryContextPass,
        show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).in_set(ClientSet::Panels),
    );
}

fn show(
    mut contexts: EguiContexts,
    now: Res<Now>,
    link: Res<Link>,
    layout: Res<Layout>,
    time: Res<Time<Real>>,
    mut hands: ResMut<AllHands>,
    mut peaks: ResMut<Peaks>,
    mut mix: ResMut<PrivateMix>,
) -> Result {
    let (Some(player), Some(view)) = (now.player(), now.session()) else { return Ok(()) };
    if !layout.has_mixer {
        return Ok(());
    }
    let strips = layout.tracks().map(|track| layout.strip(track)).reduce(|all, strip| all.union(strip));
    let Some(strips) = strips else { return Ok(()) };
    let present = time.elapsed();
    let AllHands { strips: hands, master_at } = &mut *hands;
    peaks.keep_only(|track| view.state.track(track).is_some());
    let context = contexts.ctx_mut()?;
    panel::area(context, "mixer", strips, |ui| {
        let mut mesh = Mesh::default();
        let shown = view.state.tracks().iter().zip(hands).filter(|(track, _)| layout.has(Target::Stop(track.id)));
        for (track, hands) in shown {
            let index = track.id;
            let place = theme::egui_rect(layout.strip(index));
            let levels = peaks.track(index, &player.levels, present);
            let strip = Strip { place, index, track, view, levels };
            if mix.shown {
                strip.show_private(ui, hands, &mut mix, &mut mesh);
            } else {
                strip.show_shared(ui, hands, &mix, &link, present, &mut mesh);
            }
        }
        ui.painter().add(Shape::mesh(mesh));
    });
    panel::area(context, "master", layout.corner(), |ui| {
        let mut mesh = Mesh::default();
        let levels = peaks.master(&player.levels, present);
        master::show(ui, theme::egui_rect(layout.corner()), &mut mix, master_at, levels, &mut mesh);
        ui.painter().add(Shape::mesh(mesh));
    });
    Ok(())
}
