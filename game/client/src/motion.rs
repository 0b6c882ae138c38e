//! The time of what moves for beauty only: the light behind everything, the wave through the name, wandering dashes. It
//! can be held, so that two pictures of the same thing are the same, and who wants less motion has none of it.

use crate::{ClientSet, settings::Settings};
use bevy::prelude::*;

/// Seconds after which it begins anew, so that it stays precise; a whole number of every movement's own round.
const SECONDS_WRAP: f32 = 600.0;

/// Seconds that the movements have gone on.
#[derive(Resource, Debug, Default)]
pub(crate) struct Motion {
    /// Wrapped after ten minutes.
    pub(crate) seconds: f32,
    held: bool,
}

impl Motion {
    /// Puts everything where it begins, and keeps it there.
    pub(crate) fn hold(&mut self) {
        *self = Self { seconds: 0.0, held: true };
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Motion>().add_systems(Update, go_on.in_set(ClientSet::Read));
}

fn go_on(time: Res<Time<Real>>, settings: Res<Settings>, mut motion: ResMut<Motion>) {
    let still = motion.held || settings.graphics.calm;
    motion.seconds = if still { 0.0 } else { time.elapsed_secs_wrapped() % SECONDS_WRAP };
}
