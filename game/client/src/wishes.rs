//! What the session will be once every command of this player has its answer.
//!
//! Buttons show the truth, but decide what the next press asks for by this: two quick presses must not ask for the
//! same thing twice only because the first answer is still on its way.

use keyboardia_session::{Cell, Command, Edit, Quantise, SceneId, TrackId, View};

/// Whether the transport will run.
pub(crate) fn playing(view: &View) -> bool {
    let settled = view.state.transport().last().playing;
    latest(view, |command| match command {
        Command::SetPlaying(playing) => Some(*playing),
        // A launch starts a resting transport.
        Command::Launch { .. } | Command::LaunchScene { .. } => Some(true),
        _ => None,
    })
    .unwrap_or(settled)
}

/// Whether a track will be muted.
pub(crate) fn mute(view: &View, track: TrackId) -> bool {
    let settled = view.state.track(track).is_some_and(|track| track.mute);
    latest(view, |command| match command {
        Command::SetMute { track: of, mute } if *of == track => Some(*mute),
        _ => None,
    })
    .unwrap_or(settled)
}

/// Whether a track will be soloed.
pub(crate) fn solo(view: &View, track: TrackId) -> bool {
    let settled = view.state.track(track).is_some_and(|track| track.solo);
    latest(view, |command| match command {
        Command::SetSolo { track: of, solo } if *of == track => Some(*solo),
        _ => None,
    })
    .unwrap_or(settled)
}

/// The boundary of later launches.
pub(crate) fn quantise(view: &View) -> Quantise {
    latest(view, |command| if let Command::SetQuantise(quantise) = command { Some(*quantise) } else { None })
        .unwrap_or(view.state.quantise())
}

/// Whether an answer is awaited that concerns this pad.
pub(crate) fn concerns_pad(command: &Command, view: &View, at: TrackId, row: SceneId) -> bool {
    let plays_here = || {
        let beat = view.beat();
        let track = view.state.track(at);
        let playing = track.and_then(|track| track.playing_at(beat)).is_some_and(|playing| playing.scene == row);
        playing && track.is_some_and(|track| track.is_sounding_at(beat))
    };
    match command {
        Command::Launch { track, scene } => (*track, *scene) == (at, row),
        Command::LaunchScene { scene } => {
            *scene == row && view.state.track(at).is_some_and(|track| track.clip(row).is_some())
        }
        Command::StopTrack { track } => *track == at && plays_here(),
        Command::StopAll => plays_here(),
        Command::Unqueue { track } => {
            use keyboardia_session::Action::Launch;
            let queued = view.state.track(at).and_then(|track| track.queued_at(view.beat()));
            *track == at && queued.is_some_and(|queued| queued.action == Launch(row))
        }
        Command::Edit(edit) => {
            let is_here = |cell: &Cell| *cell == Cell::new(at, row);
            match edit {
                Edit::SetClip { cell, .. } => is_here(cell),
                Edit::SwapClips { a, b } => is_here(a) || is_here(b),
                _ => false,
            }
        }
        _ => false,
    }
}

/// This edit; but if it fills a slot that this player is filling already, it replaces what they put there themselves.
pub(crate) fn over_own(view: &View, edit: Edit) -> Edit {
    match edit {
        Edit::SetClip { cell, clip, replace: false } => {
            let fills = |command: &Command| match command {
                Command::Edit(Edit::SetClip { cell: of, clip, .. }) if *of == cell => Some(clip.is_some()),
                _ => None,
            };
            Edit::SetClip { cell, clip, replace: latest(view, fills).unwrap_or(false) }
        }
        edit => edit,
    }
}

fn latest<T>(view: &View, wish: impl Fn(&Command) -> Option<T>) -> Option<T> {
    view.pending.iter().rev().find_map(|pending| wish(&pending.command))
}
