//! What a test does to a world: players press, come and go; clocks, networks and sound cards behave badly.

use super::{Jam, Task};
use crate::sim::{player::Player, seconds};
use keyboardia_session::{Command, Micros, Notice, Seat, wire::Probe};

impl Jam {
    /// A player asks for something.
    pub fn command(&mut self, index: usize, command: Command) {
        let now = self.now;
        if let Some(player) = &mut self.places[index].player {
            let local = player.local(now);
            // A refusal on the spot is a notice of the seat's.
            let _ = player.seat.command(local, command);
            self.wake_player(index);
        }
    }

    /// The seat of a player who is there.
    pub fn seat(&self, index: usize) -> Option<&Seat> {
        self.places[index].player.as_ref().map(|player| &player.seat)
    }

    /// A player comes.
    pub fn join(&mut self, index: usize) {
        self.happen(index, Task::Join);
    }

    /// A player goes.
    pub fn leave(&mut self, index: usize) {
        self.happen(index, Task::Leave);
    }

    /// The host's clock is set forward, seconds.
    pub fn set_host_clock(&mut self, by_s: f64) {
        self.host.set_us += (by_s * 1e6) as i64;
        self.wake_host();
    }

    /// A player's machine sleeps for so long, seconds: nothing happens on it, and its own clock stands still.
    pub fn sleep(&mut self, index: usize, time_s: f64) {
        let (now, slept) = (self.now, seconds(time_s));
        if let Some(player) = &mut self.places[index].player {
            (player.asleep_until, player.next_turn) = (Some(now + slept), None);
            self.schedule(now + slept, index, Task::Wake(slept));
        }
    }

    /// A player's own clock leaps forward, seconds.
    pub fn leap_clock(&mut self, index: usize, by_s: f64) {
        if let Some(player) = &mut self.places[index].player {
            player.set_clock(seconds(by_s));
        }
    }

    /// What a player has been told since this was asked last.
    pub fn take_notices(&mut self, index: usize) -> Vec<Notice> {
        self.places[index].player.as_mut().map(|player| player.seat.take_notices()).unwrap_or_default()
    }

    /// The largest deviation of each player's speed from the tempo since this was asked last, as a share.
    pub fn take_hurries(&mut self) -> Vec<f64> {
        self.places.iter_mut().filter_map(|place| place.player.as_mut()).map(Player::take_hurry).collect()
    }

    /// A player's probes are answered with this as well, now.
    pub fn forge_reply(&mut self, index: usize, reply: impl Fn(Micros, Micros) -> Probe) {
        let (now, session) = (self.now, self.session_time());
        if let Some(player) = &mut self.places[index].player {
            let probe = reply(player.local(now), session);
            player.probe_returned(now, probe);
            self.wake_player(index);
        }
    }

    /// A player's sound card runs dry for so long, milliseconds.
    pub fn run_dry(&mut self, index: usize, gap_ms: f64) {
        if let Some(player) = &mut self.places[index].player {
            player.card.run_dry(gap_ms * 1e3);
        }
    }

    /// A player's sound goes to another sound card, of another rate.
    pub fn change_card(&mut self, index: usize) {
        let now = self.now;
        if let Some(player) = &mut self.places[index].player {
            player.change_card(now);
        }
    }

    /// A player's sound card asks for so many frames at once from now on.
    pub fn set_buffer(&mut self, index: usize, frames: usize) {
        if let Some(player) = &mut self.places[index].player {
            player.card.set_buffer(frames);
        }
    }
}
