//! A player in a session, or on the way to one: asking for a seat, opening the line, and coming back when it is lost.

use super::{Ask, WebLoader, WebSeat};
use crate::{
    json::{Object, Texts},
    sound::{SessionClock, ToSound},
};
use keyboardia_audio::{RemoteEngine, ToEngine};
use keyboardia_player::{
    Connection, Hearing, body::Body, port::Painter, shared::Shared, shelf::LoadFault, view::PlayerView,
};
use keyboardia_session::{
    Farewell, Micros, Profile, SeatToken,
    api::{ApiErrorKind, JoinRequest},
    limits::{PING_INTERVAL_S, WEB_SILENCE_S},
    probing::Probing,
    wire::{self, Hello, Probe},
};
use serde::{
    Deserialize,
    de::{
        IntoDeserializer,
        value::{Error as Unreadable, StrDeserializer},
    },
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// Waits between attempts to reconnect, microseconds.
const BACKOFF_US: std::ops::RangeInclusive<u64> = 250_000..=8_000_000;
/// How long a host may take to answer a request, or to open a connection, microseconds.
const ANSWER_US: i64 = 8_000_000;
/// How often the seat tells the sound when frames leave the speaker, microseconds.
const WAY_US: i64 = 100_000;
/// Frames of an AudioWorklet's block.
const BLOCK_FRAMES: f64 = 128.0;

/// Where the player stands with the host.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// A session is asked for.
    Creating { request: u32, since: Micros },
    /// A seat is asked for.
    Joining { request: u32, since: Micros },
    /// The connection is being opened.
    Opening { since: Micros },
    /// On the line.
    Open { heard: Micros, pinged: Micros },
    /// The connection was lost; the next attempt is at this time.
    Waiting { until: Micros },
    /// It is over.
    Over,
}

/// A player in a session, or on the way to one.
pub(super) struct Life {
    pub(super) shared: Arc<Shared>,
    pub(super) body: Body<RemoteEngine, WebLoader>,
    pub(super) painter: Painter,
    pub(super) stage: Stage,
    code: Option<String>,
    profile: Profile,
    token: Option<String>,
    /// Number of the WebSocket.
    line: u32,
    backoff_us: u64,
    probing: Probing,
    pub(super) pictured: Option<Arc<PlayerView>>,
    told_clock: Option<SessionClock>,
    told_way: Option<Micros>,
}

impl Life {
    /// A player who has not set out yet.
    pub(super) fn new(shared: Arc<Shared>, profile: Profile, token: Option<String>) -> Self {
        Self {
            body: Body::new(&shared, RemoteEngine::default(), WebLoader::default()),
            painter: Painter::default(),
            stage: Stage::Over,
            code: None,
            profile,
            token,
            line: 0,
            backoff_us: *BACKOFF_US.start(),
            probing: Probing::default(),
            pictured: None,
            told_clock: None,
            told_way: None,
            shared,
        }
    }

    /// The session is known; asks for a seat.
    pub(super) fn knows(&mut self, seat: &mut WebSeat, code: String) {
        self.shared.change_view(|view| view.code = Some(code.clone()));
        self.code = Some(code);
        self.ask_for_seat(seat);
    }

    fn ask_for_seat(&mut self, seat: &mut WebSeat) {
        let Some(code) = &self.code else { return };
        let profile = self.body.profile().unwrap_or_else(|| self.profile.clone());
        let body = body(&JoinRequest::new(&profile, self.token.as_deref()));
        let request = seat.number();
        seat.ask(Ask::Post { id: request, path: format!("/api/sessions/{code}/join"), body });
        self.stage = Stage::Joining { request, since: self.shared.local() };
    }

    /// Comes back later if there is something to come back to; else it is over.
    fn lost(&mut self, seat: &mut WebSeat, why: &str) {
        seat.ask(Ask::Close);
        if !self.body.has_arrived() && self.token.is_none() {
            return self.over(why);
        }
        self.shared.change_view(|view| view.connection = Connection::Reconnecting(why.to_owned()));
        let wait_us = (self.backoff_us as f64 * (0.5 + seat.share() / 2.0)) as u64;
        self.backoff_us = (self.backoff_us * 2).min(*BACKOFF_US.end());
        self.stage = Stage::Waiting { until: Micros(self.shared.local().0 + wait_us) };
    }

    /// The token is worth nothing any more.
    pub(super) fn forget(&self, seat: &mut WebSeat) {
        if let Some(code) = self.code.clone() {
            seat.ask(Ask::Remember { code, token: String::new() });
        }
    }

    /// This page is older than the host, or newer. A newer one may find this seat again, so all stays as it is until the
    /// page has looked for one; it ends with the sentence if there is none.
    fn stale(&mut self, seat: &mut WebSeat, why: &str) {
        seat.ask(Ask::Close);
        seat.ask(Ask::Stale(why.to_owned()));
        self.shared.change_view(|view| view.connection = Connection::Reconnecting(why.to_owned()));
        self.stage = Stage::Over;
    }

    fn over(&mut self, why: &str) {
        self.shared.fail(why.to_owned());
        self.stage = Stage::Over;
    }

    pub(super) fn answer(&mut self, seat: &mut WebSeat, id: u32, status: u16, body: &[u8]) {
        let is_expected =
            matches!(self.stage, Stage::Creating { request, .. } | Stage::Joining { request, .. } if request == id);
        if !is_expected {
            return;
        }
        let not_a_host = "What answers is not a Keyboardia host of this version.";
        if status == 0 {
            return self.lost(seat, "The host does not answer.");
        }
        let answer = Texts::of(body).unwrap_or_default();
        if !(200..300).contains(&status) {
            return match refusal(&answer) {
                Some((ApiErrorKind::HostFull | ApiErrorKind::TooOften, why)) => self.lost(seat, why),
                Some((ApiErrorKind::OtherProtocol, why)) => self.stale(seat, why),
                Some((_, why)) => self.refused(seat, why),
                // A proxy between us and a host that is starting, perhaps.
                None if status >= 500 => self.lost(seat, "The host does not answer."),
                None if status == ApiErrorKind::OtherProtocol.status() => self.stale(seat, not_a_host),
                None => self.over(not_a_host),
            };
        }
        if matches!(self.stage, Stage::Creating { .. }) {
            return match created(&answer) {
                Some(code) => self.knows(seat, code.to_owned()),
                None => self.over(not_a_host),
            };
        }
        let Some(token) = joined(&answer) else { return self.over(not_a_host) };
        self.token = Some(token.to_owned());
        if let (Some(code), Some(token)) = (self.code.clone(), self.token.clone()) {
            seat.ask(Ask::Remember { code: code.clone(), token });
            self.line = seat.number();
            seat.ask(Ask::Open { id: self.line, path: format!("/api/sessions/{code}/ws") });
        }
        self.stage = Stage::Opening { since: self.shared.local() };
    }

    /// There is no way back, or the token is worth nothing any more and a new seat may be had.
    fn refused(&mut self, seat: &mut WebSeat, why: &str) {
        self.forget(seat);
        if self.body.has_arrived() {
            seat.ask(Ask::Returned);
        }
        self.over(why);
    }

    pub(super) fn opened(&mut self, seat: &mut WebSeat, line: u32) {
        let token = self.token.as_deref().and_then(SeatToken::from_hex);
        let (Stage::Opening { .. }, true, Some(token)) = (&self.stage, line == self.line, token) else { return };
        seat.ask(Ask::Send(wire::encode(&Hello { token })));
        if self.body.has_arrived() {
            seat.ask(Ask::Returned);
        }
        self.body.reconnect();
        self.probing = Probing::default();
        let now = self.shared.local();
        self.stage = Stage::Open { heard: now, pinged: now };
    }

    pub(super) fn message(&mut self, line: u32, bytes: &[u8]) {
        let now = self.shared.local();
        let Stage::Open { heard, .. } = &mut self.stage else { return };
        if line != self.line {
            return;
        }
        *heard = now;
        match Probe::decode(bytes) {
            Some(probe) => self.shared.probe_returned(probe, now),
            // The text that answers a ping comes as nothing.
            None if bytes.is_empty() => {}
            None => {
                self.body.seat().receive(now, bytes);
                self.backoff_us = *BACKOFF_US.start();
            }
        }
    }

    pub(super) fn closed(&mut self, seat: &mut WebSeat, line: u32, code: u16) {
        if line != self.line || !matches!(self.stage, Stage::Opening { .. } | Stage::Open { .. }) {
            return;
        }
        match Farewell::of_code(code).or_else(|| self.body.seat().farewell()) {
            Some(farewell @ Farewell::OtherProtocol) => self.stale(seat, &farewell.to_string()),
            Some(farewell) if !farewell.may_return() => {
                self.forget(seat);
                self.over(&farewell.to_string());
            }
            Some(farewell) => self.lost(seat, &farewell.to_string()),
            None => self.lost(seat, "The connection broke."),
        }
    }

    pub(super) fn turn(&mut self, seat: &mut WebSeat) {
        let now = self.shared.local();
        match self.stage.clone() {
            Stage::Open { heard, pinged } => {
                for message in self.body.turn() {
                    seat.ask(Ask::Send(message));
                }
                let (playing, uncertain) = (self.shared.playing.load(Relaxed), self.shared.uncertain.load(Relaxed));
                if self.probing.is_due(now, playing, uncertain) {
                    let probe = Probe { sent: now, received: Micros(0), answered: Micros(0) };
                    seat.ask(Ask::Send(probe.encode().to_vec()));
                }
                if now.since(pinged) >= PING_INTERVAL_S as i64 * 1_000_000 {
                    seat.ask(Ask::Ping);
                    self.stage = Stage::Open { heard, pinged: now };
                }
                if now.since(heard) > WEB_SILENCE_S as i64 * 1_000_000 {
                    self.lost(seat, "The host has gone silent.");
                }
            }
            stage => {
                self.body.turn_alone();
                match stage {
                    Stage::Creating { since, .. } | Stage::Joining { since, .. } | Stage::Opening { since }
                        if now.since(since) > ANSWER_US =>
                    {
                        self.lost(seat, "The host does not answer.");
                    }
                    Stage::Waiting { until } if until <= now => self.ask_for_seat(seat),
                    _ => {}
                }
            }
        }
        self.supply_sound(seat, now);
    }

    /// Tells the sound what is new, and JavaScript which sounds are to be loaded.
    fn supply_sound(&mut self, seat: &mut WebSeat, now: Micros) {
        for id in std::mem::take(&mut self.body.loader().wanted) {
            match (id.sample(), &self.code, &self.token) {
                (None, ..) => seat.ask(Ask::Load(id)),
                (Some(hash), Some(code), Some(token)) => {
                    let path = format!("/api/sessions/{code}/samples/{hash}");
                    seat.ask(Ask::Fetch { path, token: token.clone() });
                }
                (Some(_), ..) => self.body.loader().loaded.push_back((id, Err(LoadFault::Later))),
            }
        }
        let clock = self.body.seat().clock();
        let nudge = self.shared.latency_nudge();
        let jumps = clock.jumps().wrapping_add(nudge.changes);
        let clock = clock.line().map(|line| SessionClock { line, jumps, nudge_us: nudge.us });
        if clock != self.told_clock {
            self.told_clock = clock;
            seat.tell_sound(&ToSound::Clock(clock));
        }
        if self.told_way.is_none_or(|told| now.since(told) >= WAY_US) {
            self.told_way = Some(now);
            let way = seat.device.way();
            if let Some(way) = way {
                let block_us = BLOCK_FRAMES * way.frame_ns / 1e3;
                self.shared.set_latency(seat.device.latency_us() as u32, block_us as u32);
            }
            seat.tell_sound(&ToSound::Way(way));
            if let Hearing::Playing { latency_us, .. } = &mut seat.hearing {
                *latency_us = seat.device.latency_us() as u32;
                self.shared.set_hearing(seat.hearing.clone());
            }
        }
        while let Some(message) = self.body.engine().next_message() {
            match message {
                ToEngine::Sample(id) => seat.ask(Ask::Sample(id)),
                message => seat.tell_sound(&ToSound::Engine(message)),
            }
        }
    }
}

/// A request for a seat, as JSON.
fn body(request: &JoinRequest) -> Vec<u8> {
    let JoinRequest { protocol, name, colour, avatar, token } = request;
    let mut object = Object::default();
    object.number("protocol", *protocol);
    if let Some(avatar) = avatar {
        object.number("avatar", avatar.index());
    }
    let colour = colour.map(|colour| colour.to_string());
    for (field, text) in [("name", name), ("colour", &colour), ("token", token)] {
        if let Some(text) = text {
            object.text(field, text);
        }
    }
    object.into_bytes()
}

/// The code of the session that was created, see [`keyboardia_session::api::Created`].
fn created(answer: &Texts) -> Option<&str> {
    answer.get("code")
}

/// The seat's token, see [`keyboardia_session::api::Joined`].
fn joined(answer: &Texts) -> Option<&str> {
    answer.get("token")
}

/// Why a request was refused, see [`keyboardia_session::api::ApiError`].
fn refusal(answer: &Texts) -> Option<(ApiErrorKind, &str)> {
    let kind: StrDeserializer<'_, Unreadable> = answer.get("kind")?.into_deserializer();
    Some((ApiErrorKind::deserialize(kind).ok()?, answer.get("message")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{
        Avatar, Colour,
        api::{ApiError, Created, Joined},
    };
    use serde_json::{json, to_vec};

    type Tested = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn hosts_read_a_request_for_a_seat_as_it_was_meant() -> Tested {
        let profile = Profile {
            name: Some(keyboardia_session::Name::sanitised("Ada \"ä😀\\\"")),
            colour: Colour::parse("#0080ff"),
            avatar: Avatar::new(3),
        };
        for request in [JoinRequest::new(&Profile::default(), None), JoinRequest::new(&profile, Some("0123abcd"))] {
            assert_eq!(JoinRequest::parse(&body(&request))?, request);
        }
        Ok(())
    }

    #[test]
    fn what_hosts_answer_is_read_as_it_was_meant() -> Tested {
        let texts = |json: Vec<u8>| Texts::of(&json).unwrap_or_default();
        let code = "amber-otter-piano-lake-sun".to_owned();
        assert_eq!(created(&texts(to_vec(&Created { code: code.clone() })?)), Some(&*code));
        let udp = json!({ "connect_token": "00", "time": "127.0.0.1:5000" });
        let answer = json!({ "seat": 1, "token": "0123", "udp": udp, "elsewhere": "https://example.org" });
        assert_eq!(serde_json::from_value::<Joined>(answer.clone())?.token, "0123");
        assert_eq!(joined(&texts(to_vec(&answer)?)), Some("0123"));
        for kind in [ApiErrorKind::UnknownSession, ApiErrorKind::TooOften, ApiErrorKind::HostFull] {
            let message = "It is \"full\".\n".to_owned();
            let answer = texts(to_vec(&ApiError { kind, message: message.clone() })?);
            assert_eq!(refusal(&answer), Some((kind, &*message)));
        }
        for other in [json!({}), json!({ "kind": "locked" }), json!({ "kind": "of another kind", "message": "" })] {
            assert_eq!(refusal(&texts(to_vec(&other)?)), None);
        }
        Ok(())
    }
}
