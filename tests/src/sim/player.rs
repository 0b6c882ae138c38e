//! One player: the production seat, probe schedule and message layer, driven as the player's thread drives them.

use super::{
    Time,
    baseline::Baselines,
    machine::{LocalClock, RATES, SoundCard},
    network::Link,
    scenario::{Machine, Scenario, Transport},
    seconds,
    speaker::Speaker,
    tally::Tally,
};
use crate::world::Dice;
use keyboardia_audio::{ClockOffset, Nanos};
use keyboardia_server::connection_config;
use keyboardia_session::{
    Beats, Event, EventKind, Micros, Seat, SessionState,
    limits::{CHANNEL_BYTES_MAX, CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, RESEND_MS},
    probing::Probing,
    reporting::Way,
    wire::{self, HostMessage, Probe},
};
use renet::RenetClient;
use std::{sync::Arc, time::Duration};

/// How long after joining a player counts.
pub(super) const SETTLED_AFTER: Time = 2_000_000_000;
/// Time between packets that only acknowledge, as in production.
const QUIET_PACKET: Time = 10_000_000;
/// Time after which what is not acknowledged is repeated.
const RESEND: Time = RESEND_MS as Time * 1_000_000;
/// Share of the turns that come late, and the mean of how late, microseconds.
const LATE_TURNS: f64 = 0.002;
const LATE_TURN_US: f64 = 4_000.0;
/// Longest wait of the prober for an answer before it looks around, microseconds.
const PROBER_PATIENCE_US: f64 = 10_000.0;
/// A player is locked once it has been this close to the session, milliseconds, for so long.
const LOCK_MS: f64 = 5.0;
const LOCK_FOR: Time = 1_000_000_000;
/// A player that has not locked by then counts with this time.
const LOCK_GIVEN_UP: Time = 5_000_000_000;

/// What arrives for a player.
pub(super) enum Parcel {
    /// A packet of renet's, or a message on a stream.
    Bytes(Vec<u8>),
    /// The answer to a probe that went by the stream.
    Probe(Probe),
}

/// How a player's joining goes.
#[derive(Clone, Copy)]
enum Lock {
    /// Close to the session since then, or not close.
    Waits(Option<Time>),
    Done,
}

/// See the module.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Player {
    pub(super) seat: Seat,
    pub(super) up: Link,
    pub(super) down: Link,
    pub(super) card: SoundCard,
    pub(super) joined: Time,
    pub(super) is_stream: bool,
    pub(super) is_connected: bool,
    is_in_flight: bool,
    pub(super) next_turn: Option<Time>,
    /// When the prober looks around next.
    pub(super) next_probe_turn: Option<Time>,
    /// Until then the machine does nothing.
    pub(super) asleep_until: Option<Time>,
    pub(super) dice: Dice,
    machine: Machine,
    clock: LocalClock,
    client: RenetClient,
    updated: Time,
    inbox: Vec<Parcel>,
    probes: Vec<(Probe, Micros)>,
    schedule: Probing,
    packet_sent: Time,
    /// A packet has come since.
    has_come: bool,
    was_playing: bool,
    seen: Option<Arc<SessionState>>,
    /// Ours, and those that follow the baselines.
    speakers: Vec<Speaker>,
    baselines: Baselines,
    lock: Lock,
    jumps: u32,
}

impl Player {
    /// A player who joins now. With `with_baselines`, the sound is also steered by theirs.
    pub(super) fn new(scenario: &Scenario, index: usize, now: Time, mut dice: Dice, with_baselines: bool) -> Self {
        let is_second = index % 2 == 1;
        let (up, down) = scenario.second.filter(|_| is_second).unwrap_or((scenario.up, scenario.down));
        let card = SoundCard::new(&scenario.machine, now, &mut dice);
        let speakers = (0..if with_baselines { 4 } else { 1 }).map(|_| Speaker::new(card.sample_rate)).collect();
        Self {
            seat: Seat::new(),
            up: Link::new(up, dice.roll()),
            down: Link::new(down, dice.roll()),
            clock: LocalClock::new(&scenario.machine, now, &mut dice),
            card,
            joined: now,
            is_stream: scenario.transport == Transport::Stream,
            is_in_flight: false,
            is_connected: false,
            next_turn: None,
            next_probe_turn: None,
            asleep_until: None,
            dice,
            machine: scenario.machine,
            client: RenetClient::new(connection_config()),
            updated: now,
            inbox: Vec::new(),
            probes: Vec::new(),
            schedule: Probing::default(),
            packet_sent: now,
            has_come: false,
            was_playing: false,
            seen: None,
            speakers,
            baselines: Baselines::default(),
            lock: Lock::Waits(None),
            jumps: 0,
        }
    }

    /// Whether the player counts.
    pub(super) fn is_settled(&self, now: Time) -> bool {
        self.is_connected && now - self.joined >= SETTLED_AFTER
    }

    /// The connection stands; messages flow from now on.
    pub(super) fn connected(&mut self, now: Time) {
        self.client.set_connected();
        self.updated = now;
        self.is_connected = true;
    }

    /// The player's own clock.
    pub(super) fn local(&self, now: Time) -> Micros {
        self.clock.micros(now)
    }

    /// When the player's thread sees what happens now.
    pub(super) fn next_look(&mut self, now: Time) -> Time {
        if self.is_stream {
            // Browsers look once a frame.
            let frame = super::micros(self.machine.turn_us);
            let phase = self.joined % frame;
            return ((now - phase).div_euclid(frame) + 1) * frame + phase;
        }
        let late = if self.dice.share() < LATE_TURNS { self.dice.wait(LATE_TURN_US) } else { 0.0 };
        now + super::micros(self.dice.between(10.0, self.machine.turn_us) + late)
    }

    pub(super) fn arrive(&mut self, parcel: Parcel) {
        self.inbox.push(parcel);
    }

    /// The answer to a probe arrives on the prober's own socket.
    pub(super) fn probe_returned(&mut self, now: Time, probe: Probe) {
        self.probes.push((probe, self.clock.micros(now)));
    }

    /// The probe that the prober sends now, if one is due.
    pub(super) fn probe_turn(&mut self, now: Time) -> Option<Micros> {
        self.next_probe_turn = None;
        let local = self.local(now);
        let uncertain = self.seat.is_uncertain(local);
        self.schedule.is_due(local, self.was_playing, uncertain).then_some(local)
    }

    /// When the prober looks around next, unless that is planned. It does so all the time; the looks at which no probe
    /// is due are left out, so a clock that has become uncertain changes the plan.
    pub(super) fn plan_probe_turn(&mut self, now: Time) -> Option<Time> {
        let local = self.local(now);
        let due = self.schedule.due_at(local, self.was_playing, self.seat.is_uncertain(local));
        let due = now + super::micros(due.map_or(0, |due| due.since(local).max(0)) as f64);
        if self.next_probe_turn.is_some_and(|next| next <= due + super::micros(PROBER_PATIENCE_US)) {
            return None;
        }
        let at = due + super::micros(self.dice.between(100.0, PROBER_PATIENCE_US));
        self.next_probe_turn = Some(at);
        Some(at)
    }

    /// Whether something of the player's is still to be acknowledged.
    pub(super) fn is_in_flight(&self) -> bool {
        self.is_in_flight
    }

    /// When the next packet that only acknowledges or repeats is due; those that would say what the last one said are
    /// left out.
    pub(super) fn quiet_packet_at(&self) -> Time {
        self.packet_sent + if self.has_come { QUIET_PACKET } else { RESEND }
    }

    /// A turn of the player's thread: what arrived goes in; what is to be sent comes out.
    pub(super) fn turn(&mut self, now: Time, tally: &mut Tally) -> Vec<Parcel> {
        let local = self.local(now);
        self.client.update(Duration::from_nanos((now - self.updated) as u64));
        self.updated = now;
        for parcel in std::mem::take(&mut self.inbox) {
            match parcel {
                Parcel::Bytes(bytes) if self.is_stream => self.hear(now, local, &bytes, tally),
                Parcel::Bytes(bytes) => {
                    self.client.process_packet(&bytes);
                    self.has_come = true;
                }
                Parcel::Probe(probe) => self.probes.push((probe, local)),
            }
        }
        for channel in [CHANNEL_RELIABLE, CHANNEL_UNRELIABLE] {
            while let Some(bytes) = self.client.receive_message(channel) {
                self.hear(now, local, &bytes, tally);
            }
        }
        for (probe, returned) in std::mem::take(&mut self.probes) {
            tally.round_trip.add((returned.since(probe.sent) - probe.answered.since(probe.received)) as f64 / 1e3);
            self.seat.probe_reply(returned, &probe);
            self.baselines.probe(&probe, returned);
        }
        self.report(local);
        self.feed_speakers();
        let mut sent = Vec::new();
        if self.is_stream {
            sent.extend(self.seat.take_outgoing().map(Parcel::Bytes));
            if self.schedule.is_due(local, self.was_playing, self.seat.is_uncertain(local)) {
                sent.push(Parcel::Probe(Probe { sent: local, received: Micros(0), answered: Micros(0) }));
            }
            return sent;
        }
        let mut has_news = false;
        for message in self.seat.take_outgoing() {
            self.client.send_message(CHANNEL_RELIABLE, message);
            has_news = true;
        }
        if has_news || now >= self.quiet_packet_at() {
            (self.packet_sent, self.has_come) = (now, false);
            sent.extend(self.client.get_packets_to_send().into_iter().map(Parcel::Bytes));
        }
        self.is_in_flight = self.client.channel_available_memory(CHANNEL_RELIABLE) < CHANNEL_BYTES_MAX;
        sent
    }

    fn hear(&mut self, now: Time, local: Micros, bytes: &[u8], tally: &mut Tally) {
        if let Ok(HostMessage::Event(Event {
            kind: EventKind::Launched { stamp, .. } | EventKind::SceneLaunched { stamp, .. },
            ..
        })) = wire::decode(bytes)
            && self.is_settled(now)
        {
            tally.heard += 1;
            tally.lead.add(f64::from(stamp.lead_us) / 1e3);
            tally.late += u64::from(self.speakers[0].rendered_until().is_some_and(|until| Beats(until) > stamp.at));
        }
        self.seat.receive(local, bytes);
    }

    fn report(&mut self, local: Micros) {
        // The card's latency has the block in it already.
        let phase_error_us = (self.speakers[0].phase_error_ns() / 1_000) as i32;
        self.seat.report(local, Way { latency_us: self.card.latency_us(), block_us: 0, phase_error_us });
    }

    fn feed_speakers(&mut self) {
        let Some(state) = self.seat.state() else { return };
        if self.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, state)) {
            return;
        }
        for speaker in &mut self.speakers {
            speaker.follow(state.transport());
        }
        self.was_playing = state.transport().last().playing;
        self.seen = Some(state.clone());
    }

    /// The sound card asks for frames.
    pub(super) fn callback(&mut self, now: Time) {
        let local = self.clock.nanos(now);
        let ahead = self.card.says_ahead(now, &mut self.dice);
        let (first, frames) = (self.card.next, self.card.frames);
        self.card.next += frames as u64;
        let Some(line) = self.seat.clock().line() else { return };
        // The thread of the sound knows the offset of the last turn.
        let stale = if self.is_stream { 0.0 } else { self.dice.between(0.0, self.machine.turn_us) };
        let offset_us = line.offset_at(local.micros().offset(-(stale as i64))).round() as i64;
        let at = Nanos(local.0 + ahead);
        let clock = |offset_us: i64, jumps: u32| ClockOffset { offset_ns: offset_us * 1_000, jumps };
        let frame_ns = self.card.frame_ns;
        self.speakers[0].render(first, frames, at, clock(offset_us, self.seat.clock().jumps()), frame_ns);
        if self.speakers.len() > 1
            && let Some(offsets) = self.baselines.offsets()
        {
            for (speaker, offset_us) in self.speakers[1..].iter_mut().zip(offsets) {
                speaker.render(first, frames, at, clock(offset_us as i64, 0), frame_ns);
            }
        }
    }

    /// The baselines are not looked at any more.
    pub(super) fn drop_baselines(&mut self) {
        self.speakers.truncate(1);
    }

    /// The beats that leave the speaker now, nano-beats: ours, and those of the baselines.
    pub(super) fn beats(&mut self, now: Time) -> impl Iterator<Item = Option<f64>> {
        let frame = self.card.leaving(now);
        self.speakers.iter_mut().map(move |speaker| speaker.beat_at(frame))
    }

    /// The beat that leaves the speaker now, nano-beats.
    pub(super) fn beat(&mut self, now: Time) -> Option<f64> {
        let frame = self.card.leaving(now);
        self.speakers[0].beat_at(frame)
    }

    /// Looks how far the clock is off, and what the seat says of it.
    pub(super) fn judge_clock(&self, now: Time, truth: Micros, tally: &mut Tally) {
        let local = self.local(now);
        let clock = self.seat.clock();
        let (Some(shown), Some(uncertainty_us)) = (clock.session_time(local), clock.uncertainty_us(local)) else {
            return;
        };
        tally.looks += 1;
        // A clock cannot be truer than its steps.
        let grain_us = self.machine.clock_grain_us;
        tally.honest += u64::from(shown.since(truth).unsigned_abs() <= uncertainty_us + grain_us);
        tally.uncertainty.add(uncertainty_us as f64 / 1e3);
    }

    /// The largest deviation of the sound's speed from the tempo since this was asked last, as a share.
    pub(super) fn take_hurry(&mut self) -> f64 {
        self.speakers[0].take_hurry()
    }

    /// The sound goes to another sound card, of another rate.
    pub(super) fn change_card(&mut self, now: Time) {
        let other = RATES.into_iter().find(|rate| *rate != self.card.sample_rate).unwrap_or(self.card.sample_rate);
        self.card = SoundCard::of_rate(other, &self.machine, now, &mut self.dice);
        self.speakers.iter_mut().for_each(|speaker| speaker.set_device(other));
    }

    /// The machine wakes up after so long: its clock has stood still meanwhile, and its sound, too.
    pub(super) fn wake(&mut self, slept: Time) {
        self.asleep_until = None;
        self.clock.lose(slept);
        self.card.run_dry(slept as f64 / 1e3);
    }

    /// The player's own clock is suddenly that much further.
    pub(super) fn set_clock(&mut self, further: Time) {
        self.clock.lose(-further);
    }

    /// Jumps of the sound since the last look.
    pub(super) fn take_jumps(&mut self) -> u32 {
        let jumps = self.speakers[0].jumps();
        jumps - std::mem::replace(&mut self.jumps, jumps)
    }

    /// Looks whether the player has come close to the session, `error_ms` off now. Returns whether to look again.
    pub(super) fn judge_lock(&mut self, now: Time, error_ms: Option<f64>, tally: &mut Tally) -> bool {
        let Lock::Waits(since) = self.lock else { return false };
        let is_close = error_ms.is_some_and(|error| error.abs() <= LOCK_MS);
        let since = is_close.then(|| since.unwrap_or(now));
        let locked = since.filter(|since| now - since >= LOCK_FOR).map(|since| since - self.joined);
        let locked = locked.or_else(|| (now - self.joined > LOCK_GIVEN_UP + LOCK_FOR).then_some(LOCK_GIVEN_UP));
        self.lock = if locked.is_some() { Lock::Done } else { Lock::Waits(since) };
        if let Some(locked) = locked {
            tally.lock.add(locked as f64 / 1e6);
        }
        locked.is_none()
    }

    /// Joining does not count: there was nothing to lock to.
    pub(super) fn forget_lock(&mut self) {
        self.lock = Lock::Done;
    }

    /// When a link delivers a handshake's message; lost ones are sent again.
    pub(super) fn handshake(&mut self, now: Time, is_up: bool) -> Time {
        let link = if is_up { &mut self.up } else { &mut self.down };
        if self.is_stream {
            return link.stream(now);
        }
        let mut sent = now;
        loop {
            if let Some(arrives) = link.carry(sent) {
                return arrives;
            }
            sent += seconds(0.1);
        }
    }
}
