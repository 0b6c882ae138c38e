//! The world of the simulation: what happens when, to whom, and what is heard of it.

mod hands;

use super::{
    START, Time,
    host::{Host, Sent},
    player::{Parcel, Player},
    scenario::Scenario,
    script, seconds,
    tally::{Distribution, Tally},
};
use crate::world::Dice;
use keyboardia_session::{Command, Micros, SeatToken, SessionState, Transport, limits::SEATS_MAX, wire::Probe};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Time between two looks at all speakers.
const LOOK_EVERY: Time = 200_000_000;
/// Time between two looks at the speaker of somebody who joins.
const WATCH_EVERY: Time = 10_000_000;
/// Within this time the players of a world come, seconds.
const ARRIVALS_S: f64 = 60.0;
/// The baselines are simulated for this time of each world, and ours for all of it, minutes.
const BASELINE_MINUTES: f64 = 6.0;
/// Mean time that a player stays, and is away, seconds.
const STAY_S: f64 = 900.0;
const AWAY_S: f64 = 30.0;

/// How a world goes on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// Players.
    pub players: usize,
    /// Whether they come one by one, leave and come back; otherwise all come at once and stay.
    pub come_and_go: bool,
    /// Whether they play by themselves.
    pub play: bool,
    /// Whether the baselines are simulated, too.
    pub baselines: bool,
}

impl Course {
    /// Ten players who come and go and play.
    pub const JAM: Self = Self { players: SEATS_MAX, come_and_go: true, play: true, baselines: false };
    /// So many players who come, stay, and wait for what a test does.
    pub const fn rehearsal(players: usize) -> Self {
        Self { players, come_and_go: false, play: false, baselines: false }
    }
}

/// Something that happens to a player, or to all. What happens to one who has left meanwhile does not.
enum Task {
    Join,
    Connected,
    Leave,
    Callback,
    Turn,
    ProbeTurn,
    ProbeAtHost(Micros),
    ProbeBack(Probe),
    Up(Parcel),
    Down(Parcel),
    Watch,
    Wake(Time),
    Tick,
    Look,
    Act,
}

struct Due {
    at: Time,
    number: u64,
    player: usize,
    life: u32,
    task: Task,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// A place for a player, whether somebody is there or not.
struct Place {
    token: SeatToken,
    life: u32,
    player: Option<Player>,
}

/// See the module.
pub struct Jam {
    scenario: Scenario,
    course: Course,
    now: Time,
    dice: Dice,
    host: Host,
    next_tick: Option<Time>,
    places: Vec<Place>,
    queue: BinaryHeap<Reverse<Due>>,
    numbers: u64,
    tally: Tally,
}

impl Jam {
    /// A world at its beginning.
    pub fn new(scenario: &Scenario, course: Course, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let host = Host::new(dice.roll());
        let place = |dice: &mut Dice| Place {
            token: SeatToken(std::array::from_fn(|_| dice.roll() as u8)),
            life: 0,
            player: None,
        };
        let places = (0..course.players).map(|_| place(&mut dice)).collect();
        let queue = BinaryHeap::new();
        let (now, next_tick, numbers, tally) = (0, None, 0, Tally::default());
        let scenario = *scenario;
        let mut jam = Self { scenario, course, now, dice, host, next_tick, places, queue, numbers, tally };
        for player in 0..course.players {
            let comes = if course.come_and_go && player > 0 { jam.dice.between(0.0, ARRIVALS_S) } else { 0.0 };
            jam.schedule(seconds(comes), player, Task::Join);
        }
        jam.schedule(LOOK_EVERY, 0, Task::Look);
        if course.play {
            jam.schedule(seconds(1.0), 0, Task::Act);
        }
        jam
    }

    /// Lets virtual time pass, seconds.
    pub fn pass(&mut self, time_s: f64) {
        let until = self.now + seconds(time_s);
        while self.queue.peek().is_some_and(|next| next.0.at <= until) {
            let Some(Reverse(due)) = self.queue.pop() else { break };
            self.now = due.at;
            let is_for_all = matches!(due.task, Task::Join | Task::Tick | Task::Look | Task::Act);
            if is_for_all || self.places[due.player].life == due.life {
                self.happen(due.player, due.task);
            }
        }
        self.now = until;
    }

    /// The baselines have been looked at for long enough.
    fn drop_baselines(&mut self) {
        self.course.baselines = false;
        self.places.iter_mut().filter_map(|place| place.player.as_mut()).for_each(Player::drop_baselines);
    }

    /// Places for players.
    pub fn players(&self) -> usize {
        self.places.len()
    }

    /// What was found so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Begins to look anew.
    pub fn forget(&mut self) {
        self.tally = Tally::default();
    }

    /// The session as its authority has it.
    pub fn state(&self) -> &SessionState {
        self.host.authority.state()
    }

    /// Session time.
    pub fn session_time(&self) -> Micros {
        self.host.now(self.now)
    }

    /// How far ahead of a command its effect lies, milliseconds.
    pub fn lead_ms(&self) -> f64 {
        self.host.lead_us() as f64 / 1e3
    }

    /// How far each speaker is ahead of the session (negative: behind), milliseconds; `None` for silent ones.
    pub fn errors_ms(&mut self) -> Vec<Option<f64>> {
        (0..self.places.len()).map(|index| self.error_ms(index)).collect()
    }

    /// What a beat's distance from the session is measured by; `None` while the session rests.
    fn ruler(&self) -> Option<Ruler<'_>> {
        let (transport, time) = (self.host.authority.state().transport(), self.host.now(self.now));
        // Session time counts whole microseconds, a speaker does not.
        let now_us = (time.0 - START.0) as f64 + (self.now % 1_000) as f64 / 1e3;
        transport.is_playing_at(time).then_some(Ruler { transport, now_us })
    }

    fn error_ms(&mut self, index: usize) -> Option<f64> {
        let now = self.now;
        let beat = self.places[index].player.as_mut()?.beat(now)?;
        Some(self.ruler()?.ahead_ms(beat))
    }

    fn schedule(&mut self, at: Time, player: usize, task: Task) {
        self.numbers += 1;
        let life = self.places.get(player).map_or(0, |place| place.life);
        self.queue.push(Reverse(Due { at, number: self.numbers, player, life, task }));
    }

    fn happen(&mut self, index: usize, task: Task) {
        match task {
            Task::Join => self.begin(index),
            Task::Leave => self.end(index),
            Task::Tick => self.tick(),
            Task::Look => self.look(),
            Task::Act => self.act(),
            Task::ProbeAtHost(sent) => {
                let (probe, leaves) = self.host.echo(self.now, sent);
                let link = self.places[index].player.as_mut().map(|player| &mut player.down);
                if let Some(arrives) = link.and_then(|link| link.carry(leaves)) {
                    self.schedule(arrives, index, Task::ProbeBack(probe));
                }
            }
            Task::Up(Parcel::Bytes(bytes)) => {
                self.host.arrive(index, bytes);
                self.wake_host();
            }
            // A stream's messages are answered where they arrive.
            Task::Up(Parcel::Probe(probe)) => {
                let (answer, leaves) = self.host.echo(self.now, probe.sent);
                if let Some(player) = &mut self.places[index].player {
                    let arrives = player.down.stream(leaves);
                    self.schedule(arrives, index, Task::Down(Parcel::Probe(answer)));
                }
            }
            Task::Connected
            | Task::Callback
            | Task::Turn
            | Task::ProbeTurn
            | Task::ProbeBack(_)
            | Task::Down(_)
            | Task::Watch
            | Task::Wake(_) => self.happen_to(index, task),
        }
    }

    fn happen_to(&mut self, index: usize, task: Task) {
        let now = self.now;
        let Some(player) = &mut self.places[index].player else { return };
        if let Some(until) = player.asleep_until.filter(|_| !matches!(task, Task::Wake(_))) {
            // Threads go on where they were, and a stream waits; datagrams do not.
            let waits = match task {
                Task::Connected | Task::Callback | Task::ProbeTurn | Task::Watch => true,
                Task::Down(_) => player.is_stream,
                _ => false,
            };
            if waits {
                if matches!(task, Task::ProbeTurn) && player.next_probe_turn == Some(now) {
                    player.next_probe_turn = Some(until);
                }
                self.schedule(until, index, task);
            } else if matches!(task, Task::Turn) {
                player.next_turn = None;
            }
            return;
        }
        match task {
            Task::Wake(slept) => {
                player.wake(slept);
                self.wake_player(index);
            }
            Task::Connected => {
                player.connected(now);
                let (client, is_stream) = (self.numbers, player.is_stream);
                self.host.connect(now, index, client, &self.places[index].token, is_stream);
                self.wake_host();
                self.wake_player(index);
            }
            Task::Callback => {
                // One that was planned before the card was changed, or stood still, comes too early.
                if player.card.is_due(now) {
                    player.callback(now);
                }
                let next = player.card.next_callback(now, &mut player.dice);
                self.schedule(next, index, Task::Callback);
            }
            Task::Turn => self.turn(index),
            // Of several that were planned, the first is the one.
            Task::ProbeTurn if player.next_probe_turn == Some(now) => {
                if let Some(sent) = player.probe_turn(now)
                    && let Some(arrives) = player.up.carry(now)
                {
                    self.schedule(arrives, index, Task::ProbeAtHost(sent));
                }
                self.plan_probe_turn(index);
            }
            Task::ProbeBack(probe) => {
                let woken = now + super::micros(player.dice.wait(30.0).min(300.0));
                player.probe_returned(woken, probe);
                self.wake_player(index);
            }
            Task::Down(parcel) => {
                player.arrive(parcel);
                self.wake_player(index);
            }
            Task::Watch => {
                let error = self.error_ms(index);
                if let Some(player) = &mut self.places[index].player
                    && player.judge_lock(now, error, &mut self.tally)
                {
                    self.schedule(now + WATCH_EVERY, index, Task::Watch);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, index: usize) {
        let now = self.now;
        let dice = Dice::new(self.dice.roll());
        let mut player = Player::new(&self.scenario, index, now, dice, self.course.baselines);
        let mut connects = now;
        for is_up in [true, false, true, false] {
            connects = player.handshake(connects, is_up);
        }
        if self.ruler().is_none() {
            player.forget_lock();
        }
        let callback = player.card.next_callback(now, &mut player.dice);
        let is_stream = player.is_stream;
        let place = &mut self.places[index];
        place.life += 1;
        place.player = Some(player);
        self.schedule(connects, index, Task::Connected);
        self.schedule(callback, index, Task::Callback);
        if !is_stream {
            self.plan_probe_turn(index);
        }
        self.schedule(now + WATCH_EVERY, index, Task::Watch);
        if self.course.come_and_go && index > 0 {
            let stays = seconds(5.0 + self.dice.wait(STAY_S));
            self.schedule(now + stays, index, Task::Leave);
        }
    }

    fn end(&mut self, index: usize) {
        let now = self.now;
        self.places[index].player = None;
        self.places[index].life += 1;
        self.host.disconnect(now, index);
        self.wake_host();
        if self.course.come_and_go {
            let away = seconds(5.0 + self.dice.wait(AWAY_S));
            self.schedule(now + away, index, Task::Join);
        }
    }

    fn wake_host(&mut self) {
        let at = self.host.next_look(self.now);
        if self.next_tick.is_none_or(|next| next > at) {
            self.next_tick = Some(at);
            self.schedule(at, 0, Task::Tick);
        }
    }

    fn tick(&mut self) {
        let now = self.now;
        // Of several that were planned, the first is the one.
        if self.next_tick != Some(now) {
            return;
        }
        let mut sent = Vec::new();
        self.host.tick(now, &mut sent);
        for Sent { player: index, bytes } in sent {
            let Some(player) = &mut self.places[index].player else { continue };
            let arrives = if player.is_stream { Some(player.down.stream(now)) } else { player.down.carry(now) };
            if let Some(arrives) = arrives {
                self.schedule(arrives, index, Task::Down(Parcel::Bytes(bytes)));
            }
            self.wake_player_for_acknowledgement(index);
        }
        let places = &self.places;
        let in_flight = |index: usize| places[index].player.as_ref().is_some_and(Player::is_in_flight);
        self.next_tick = self.host.due_at(in_flight).map(|at| self.host.next_look(at.max(now)));
        if let Some(at) = self.next_tick {
            self.schedule(at, 0, Task::Tick);
        }
    }

    fn turn(&mut self, index: usize) {
        let now = self.now;
        let Some(player) = &mut self.places[index].player else { return };
        if player.next_turn != Some(now) {
            return;
        }
        player.next_turn = None;
        let parcels = player.turn(now, &mut self.tally);
        let is_stream = player.is_stream;
        let waits = player.is_in_flight();
        for parcel in parcels {
            let Some(player) = &mut self.places[index].player else { return };
            let arrives = if is_stream { Some(player.up.stream(now)) } else { player.up.carry(now) };
            if let Some(arrives) = arrives {
                self.schedule(arrives, index, Task::Up(parcel));
            }
        }
        if is_stream {
            self.wake_player(index);
        } else {
            if waits {
                self.wake_host();
            }
            self.wake_player_for_acknowledgement(index);
            self.plan_probe_turn(index);
        }
    }

    /// Plans when a player's prober looks around, or that it does so earlier than planned.
    fn plan_probe_turn(&mut self, index: usize) {
        let now = self.now;
        if let Some(at) = self.places[index].player.as_mut().and_then(|player| player.plan_probe_turn(now)) {
            self.schedule(at, index, Task::ProbeTurn);
        }
    }

    /// The player's thread turns a thousand times a second; the turns at which nothing has come are left out.
    fn wake_player(&mut self, index: usize) {
        let now = self.now;
        let Some(player) = &mut self.places[index].player else { return };
        let at = player.next_look(now);
        if player.next_turn.is_none_or(|next| next > at) {
            player.next_turn = Some(at);
            self.schedule(at, index, Task::Turn);
        }
    }

    /// Packets that only acknowledge are left out where nobody waits for them.
    fn wake_player_for_acknowledgement(&mut self, index: usize) {
        let host_waits = self.host.awaits(index);
        let Some(player) = &mut self.places[index].player else { return };
        if player.next_turn.is_none() && !player.is_stream && (host_waits || player.is_in_flight()) {
            let due = player.quiet_packet_at().max(self.now);
            let at = player.next_look(due);
            player.next_turn = Some(at);
            self.schedule(at, index, Task::Turn);
        }
    }

    fn act(&mut self) {
        let index = self.dice.below(self.places.len() as u64) as usize;
        let state = self.places[index].player.as_ref().and_then(|player| player.seat.state()).cloned();
        if let Some(state) = state {
            let command = if state.transport().last().playing {
                script::act(&mut self.dice, &state)
            } else {
                Command::SetPlaying(true)
            };
            self.command(index, command);
        }
        let next = self.now + seconds(self.dice.wait(script::ACT_EVERY_S));
        self.schedule(next, 0, Task::Act);
    }

    /// Compares all speakers, and judges the clocks.
    fn look(&mut self) {
        let (now, time) = (self.now, self.host.now(self.now));
        self.schedule(now + LOOK_EVERY, 0, Task::Look);
        let mut chains: [Vec<f64>; 4] = std::array::from_fn(|_| Vec::new());
        for place in &mut self.places {
            let Some(player) = &mut place.player else { continue };
            player.judge_clock(now, time, &mut self.tally);
            let is_settled = player.is_settled(now);
            let jumps = player.take_jumps();
            // Whoever has settled but is silent is as far off as can be.
            let beats: Vec<f64> = player.beats(now).map(|beat| beat.unwrap_or(f64::NAN)).collect();
            if is_settled {
                self.tally.jumps += u64::from(jumps);
                for (chain, beat) in chains.iter_mut().zip(beats) {
                    chain.push(beat);
                }
            }
        }
        let Some(ruler) = self.ruler() else { return };
        let chains = chains.map(|beats| -> Vec<f64> { beats.into_iter().map(|beat| ruler.ahead_ms(beat)).collect() });
        for ahead in &chains[0] {
            self.tally.session.add(*ahead);
        }
        let Tally { phase, compared, baselines, .. } = &mut self.tally;
        add_pairs(phase, &chains[0]);
        if self.course.baselines {
            add_pairs(compared, &chains[0]);
            for (tally, chain) in baselines.iter_mut().zip(&chains[1..]) {
                add_pairs(tally, chain);
            }
        }
    }
}

/// Adds how far each two are apart.
fn add_pairs(times: &mut Distribution, ahead_ms: &[f64]) {
    for (index, one) in ahead_ms.iter().enumerate() {
        for other in &ahead_ms[index + 1..] {
            times.add(one - other);
        }
    }
}

/// Turns beats into time by the session's own transport, so that a change of tempo between two speakers is none.
struct Ruler<'a> {
    transport: &'a Transport,
    /// Session time since [`START`], microseconds.
    now_us: f64,
}

impl Ruler<'_> {
    /// By how much a beat that is heard now is ahead of the session, milliseconds.
    fn ahead_ms(&self, nano_beat: f64) -> f64 {
        let lines = || self.transport.timelines().filter(|line| line.playing);
        let reached = lines().filter(|line| line.anchor_beat.0 as f64 <= nano_beat).last();
        let Some(line) = reached.or_else(|| lines().next()) else { return f64::NAN };
        let since_us = (nano_beat - line.anchor_beat.0 as f64) / line.tempo.beats_per_second() / 1e3;
        (line.anchor_time.since(START) as f64 + since_us - self.now_us) / 1e3
    }
}

/// A world of ten players who come, go and play for so many virtual minutes.
pub fn simulate(scenario: &Scenario, seed: u64, minutes: f64, baselines: bool) -> Tally {
    let mut jam = Jam::new(scenario, Course { baselines, ..Course::JAM }, seed);
    let compared = minutes.min(BASELINE_MINUTES);
    jam.pass(compared * 60.0);
    jam.drop_baselines();
    jam.pass((minutes - compared) * 60.0);
    jam.tally
}
