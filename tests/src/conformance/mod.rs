//! What every authority promises its players, as scenarios that know nothing of it but its address.
//!
//! The same scenarios are played with the headless host over UDP, over WebSockets and with both mixed, and with whatever
//! else answers to the interface of [`keyboardia_session::api`]. [`SCENARIOS`] are for every way of connecting,
//! [`WEB_SCENARIOS`] for WebSockets. They wait for conditions, never for time; and each opens sessions of its own, so
//! that they can be played side by side.

/// Ends a scenario with a sentence unless a condition holds.
macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            return Err(format!($($why)+));
        }
    };
}

mod harm;
mod play;
pub mod samples;
mod seats;
mod time;
mod web;

use keyboardia_session::{Command, Edit, Name, Profile, TrackChange, TrackId, api::Joined};
use keyboardia_visitor::{Failure, Visitor, create, join};
use std::cell::Cell;

pub use keyboardia_visitor::{PATIENCE, Way};

/// How a scenario ends: well, or with a sentence.
pub type Outcome = Result<(), String>;
/// Something that an authority promises.
pub type Scenario = fn(&Authority) -> Outcome;

/// Somebody who keeps sessions and their truth: a host, or a bridge.
#[derive(Debug)]
pub struct Authority {
    /// Where it answers: `host:port`, with or without `http://`.
    pub url: String,
    /// How visitors connect, one after the other, and then again from the first.
    pub ways: Vec<Way>,
    visitors: Cell<usize>,
}

impl Authority {
    /// The one at this address, reached in these ways.
    ///
    /// # Panics
    /// Without a way.
    pub fn at(url: impl Into<String>, ways: &[Way]) -> Self {
        assert!(!ways.is_empty(), "there is no way to an authority");
        Self { url: url.into(), ways: ways.to_vec(), visitors: Cell::new(0) }
    }

    /// Opens a session; its code.
    fn open(&self) -> Result<String, Failure> {
        create(&self.url)
    }

    /// Asks for a seat, without connecting.
    fn join(&self, code: &str, name: &str, token: Option<&str>) -> Result<Joined, Failure> {
        join(&self.url, code, &profile(name), token)
    }

    /// The way of the next visitor.
    fn way(&self) -> Way {
        let number = self.visitors.replace(self.visitors.get() + 1);
        self.ways[number % self.ways.len()]
    }

    /// Brings somebody into a session.
    fn enter(&self, code: &str, name: &str) -> Result<Visitor, Failure> {
        Visitor::enter(self.way(), &self.url, code, &profile(name), None)
    }

    /// Brings somebody back to their seat, by the next way.
    fn come_back(&self, code: &str, token: &str) -> Result<Visitor, Failure> {
        Visitor::enter(self.way(), &self.url, code, &Profile::default(), Some(token))
    }

    /// A new session, and players in it.
    fn jam<const N: usize>(&self, names: [&str; N]) -> Result<(String, [Visitor; N]), Failure> {
        let code = self.open()?;
        let mut players = Vec::new();
        for name in names {
            players.push(self.enter(&code, name)?);
        }
        match players.try_into() {
            Ok(players) => Ok((code, players)),
            Err(_) => Err(Failure::Broken("Players got lost.".into())),
        }
    }
}

fn profile(name: &str) -> Profile {
    Profile { name: Some(Name::sanitised(name)), ..Profile::default() }
}

/// Renames a track.
pub fn rename(track: u8, name: &str) -> Command {
    Command::Edit(Edit::ChangeTrack { track: TrackId(track), change: TrackChange::Name(Name::sanitised(name)) })
}

/// What a track is called, as far as somebody knows.
pub fn name_of(visitor: &Visitor, track: u8) -> String {
    visitor.state().track(TrackId(track)).map(|track| track.name.as_str().to_owned()).unwrap_or_default()
}

/// The refusal that must have been given, and its sentence must be one.
fn refused<T: std::fmt::Debug>(
    answer: Result<T, Failure>,
    expected: u16,
    kind: keyboardia_session::api::ApiErrorKind,
) -> Result<String, String> {
    match answer {
        Err(Failure::Refused { status, error }) => {
            ensure!(status == expected && error.kind == kind, "{expected} {kind:?} was due, not {status} {error:?}");
            ensure!(error.message.ends_with('.'), "“{}” is no sentence", error.message);
            Ok(error.message)
        }
        Err(Failure::Broken(why)) => Err(why),
        Ok(given) => Err(format!("{expected} {kind:?} was due, not {given:?}")),
    }
}

/// Hands the names of all scenarios of [`SCENARIOS`] to a macro.
#[macro_export]
macro_rules! each_scenario {
    ($take:ident) => {
        $take! {
            a_session_has_a_code_of_five_words_and_its_host_is_well,
            a_player_is_welcomed_then_gets_the_snapshot_then_the_news,
            each_player_has_a_seat_a_token_and_a_name_of_its_own,
            a_code_that_is_nobody_s_is_not_found,
            what_cannot_be_read_over_http_is_refused_in_a_sentence,
            a_session_begins_with_the_song_that_it_is_given_or_not_at_all,
            another_protocol_is_told_to_update,
            a_full_session_refuses_the_eleventh_and_lets_its_own_back_in,
            whoever_comes_back_has_the_same_seat_name_and_colour,
            the_newest_connection_has_the_seat_and_the_older_one_hears_that,
            a_locked_session_refuses_the_new_with_a_sentence_until_it_is_open_again,
            whoever_is_removed_hears_why_and_is_barred,
            launches_begin_on_bars_and_everybody_gets_the_same_events_in_the_same_order,
            an_echo_comes_back_once_with_the_number_of_its_command,
            edits_reach_everybody_and_are_taken_back_and_made_again,
            nobody_takes_back_what_somebody_else_has_changed_since,
            refusals_are_typed_and_told_only_to_whom_they_concern,
            whoever_lost_the_thread_gets_a_new_snapshot,
            sessions_do_not_hear_each_other,
            what_is_safe_follows_what_was_done,
            pointers_and_pings_reach_the_others,
            a_message_that_cannot_be_read_is_answered_and_costs_only_its_sender,
            a_message_that_is_too_large_is_refused_and_costs_only_its_sender,
            whoever_asks_too_often_is_refused_and_the_others_are_not,
            beacons_come_while_the_music_plays_and_not_while_it_rests,
            the_time_is_told_whenever_it_is_asked_for,
            a_sound_is_brought_by_one_and_fetched_by_all,
            a_sound_without_a_seat_s_token_is_refused,
            what_is_no_sample_is_refused,
        }
    };
}

/// Hands the names of all scenarios of [`WEB_SCENARIOS`] to a macro.
#[macro_export]
macro_rules! each_web_scenario {
    ($take:ident) => {
        $take! {
            a_text_ping_is_answered_and_another_text_is_no_message,
            whoever_does_not_say_who_comes_is_turned_away_with_a_code_and_a_sentence,
            a_removed_player_s_close_frame_says_not_to_come_back,
        }
    };
}

/// What must hold for every way of connecting, by name.
#[allow(clippy::wildcard_imports, reason = "the scenarios are named in one place only")]
pub const SCENARIOS: &[(&str, Scenario)] = &{
    use {harm::*, play::*, samples::*, seats::*, time::*};
    macro_rules! table { ($($name:ident,)*) => { [$((stringify!($name), $name as Scenario)),*] }; }
    each_scenario!(table)
};

/// What must hold for WebSockets besides, by name.
#[allow(clippy::wildcard_imports, reason = "the scenarios are named in one place only")]
pub const WEB_SCENARIOS: &[(&str, Scenario)] = &{
    use web::*;
    macro_rules! table { ($($name:ident,)*) => { [$((stringify!($name), $name as Scenario)),*] }; }
    each_web_scenario!(table)
};

/// Plays a scenario of either table.
///
/// # Panics
/// When there is none of this name, or the authority does not keep its promise.
pub fn play(name: &str, authority: &Authority) {
    let all = SCENARIOS.iter().chain(WEB_SCENARIOS);
    let (_, scenario) = all.into_iter().find(|(known, _)| *known == name).expect("a scenario of this name");
    if let Err(why) = scenario(authority) {
        panic!("{} by {:?}: {why}", authority.url, authority.ways);
    }
}
