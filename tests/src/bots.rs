//! Players without a window, in this process: the real ones, silent.

use crate::process::wait_for;
use keyboardia_player::{Connection, Heard, Output, Player, PlayerOptions, PlayerView, Transport};
use keyboardia_session::{SeatId, SessionState, TrackId};
use std::sync::Arc;

/// Somebody who joins a session, or opens one.
pub fn bot(host: &str, code: Option<&str>) -> Player {
    Player::join(PlayerOptions {
        host: host.to_owned(),
        code: code.map(str::to_owned),
        output: Output::Silent,
        ..PlayerOptions::default()
    })
}

/// Somebody who joins a session by this way.
pub fn bot_by(transport: Transport, host: &str, code: &str) -> Player {
    Player::join(PlayerOptions {
        host: host.to_owned(),
        code: Some(code.to_owned()),
        transport,
        output: Output::Silent,
        ..PlayerOptions::default()
    })
}

/// Waits until the player is in the session, knows the time and has loaded its sounds.
pub fn ready(player: &Player) -> Arc<PlayerView> {
    wait_for("a player that is ready", || {
        let view = player.view();
        if let Connection::Failed(why) = &view.connection {
            panic!("{why}");
        }
        let session = view.session.as_ref()?;
        let is_ready = session.now.is_some() && view.loading.is_empty() && !session.state.tracks().is_empty();
        is_ready.then(|| view.clone())
    })
}

/// The session, as a player knows it.
pub fn state(player: &Player) -> Arc<SessionState> {
    player.view().session.as_ref().expect("a session").state.clone()
}

/// A player's seat.
pub fn seat(player: &Player) -> SeatId {
    player.view().session.as_ref().expect("a session").me
}

/// Waits until all know the same.
pub fn agree(players: &[&Player]) {
    wait_for("replicas that agree", || {
        let hashes: Vec<_> = players.iter().map(|player| state(player).hash()).collect();
        hashes.windows(2).all(|pair| pair[0] == pair[1]).then_some(())
    });
}

/// Waits until a clip of this track begins to sound.
pub fn heard(player: &Player, track: TrackId) -> Heard {
    wait_for("a clip that sounds", || player.take_heard().into_iter().find(|heard| heard.track == track))
}
