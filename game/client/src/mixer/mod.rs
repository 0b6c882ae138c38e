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
use keyboardia_session::TrackId;
use meter::Peaks;
use std::collections::BTreeMap;
use strip::{Hands, Strip};

/// The hands on the mixer. They hold on to their track, wherever it goes while others add and remove tracks beside it.
#[derive(Resource, Default)]
struct AllHands {
    strips: BTreeMap<TrackId, Hands>,
    master_at: Option<f64>,
}

impl AllHands {
    /// The hands on a track's strip.
    fn on(&mut self, track: TrackId) -> &mut Hands {
        self.strips.entry(track).or_default()
    }

    /// Lets go of tracks that are gone.
    fn keep_only(&mut self, is_there: impl Fn(TrackId) -> bool) {
        self.strips.retain(|track, _| is_there(*track));
    }
}

pub(super) fn plugin(app: &mut App) {
    app.add_plugins(ears::plugin)
        .init_resource::<AllHands>()
        .init_resource::<Peaks>()
        .add_systems(OnExit(Screen::Jam), |mut hands: ResMut<AllHands>| *hands = AllHands::default())
        .add_systems(
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
    let is_there = |track| view.state.track(track).is_some();
    // A strip that cannot be seen is in nobody's hand.
    hands.keep_only(|track| is_there(track) && layout.has(Target::Stop(track)));
    peaks.keep_only(is_there);
    let context = contexts.ctx_mut()?;
    panel::area(context, "mixer", strips, |ui| {
        let mut mesh = Mesh::default();
        let shown = view.state.tracks().iter().filter(|track| layout.has(Target::Stop(track.id)));
        for (column, track) in shown.enumerate() {
            let index = track.id;
            let hands = hands.on(index);
            let place = theme::egui_rect(layout.strip(index));
            let levels = peaks.track(index, &player.levels, present);
            let strip = Strip { place, column, index, track, view, levels };
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
        master::show(ui, theme::egui_rect(layout.corner()), &mut mix, &mut hands.master_at, levels, &mut mesh);
        ui.painter().add(Shape::mesh(mesh));
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{Gain, Pan};
    use std::time::Duration;

    const NOW: Duration = Duration::from_millis(20);

    #[test]
    fn a_hand_stays_with_its_track_and_lets_go_when_the_track_is_gone() {
        let (held, other) = (TrackId(3), TrackId(9));
        let mut hands = AllHands::default();
        hands.on(held).gain.hold(Gain::SILENCE);
        hands.on(held).pan.hold(Pan::new(-40).unwrap());
        // Somebody adds a track to its left, and it is another one's turn at the place where it was.
        assert_eq!(hands.on(other).gain.shown(Gain::UNITY, NOW), Gain::UNITY);
        assert_eq!((hands.on(other).gain.due(NOW), hands.on(other).pan.due(NOW)), (None, None));
        assert_eq!(hands.on(held).gain.shown(Gain::UNITY, NOW), Gain::SILENCE);
        assert_eq!(hands.on(held).pan.due(NOW), Pan::new(-40));
        hands.keep_only(|track| track != held);
        assert_eq!(hands.on(held).gain.shown(Gain::UNITY, NOW), Gain::UNITY, "it is no longer held");
    }
}
