//! The link of one session: dials in, takes the session over, and carries it, again and again until the session is over.

use super::{
    Hub, Stream, StreamEnd,
    dial::{Socket, dial},
    guests::{Guests, Out, pack},
    stopped,
};
use crate::{
    desk::{Grant, Refused, Request},
    limits::{
        BRIDGE_BACKOFF_MAX, BRIDGE_BACKOFF_MIN, BRIDGE_FRAMES_MAX, BRIDGE_GREETING_PROBES, BRIDGE_OPEN_MAX,
        BRIDGE_PACKED_BYTES_MAX, BRIDGE_PROBES_KEPT, BRIDGE_SHIFT_STEP_US, BRIDGE_STOP_MAX, WEB_WRITE_MAX,
    },
};
use futures_util::{SinkExt, StreamExt};
use keyboardia_session::{
    Farewell, Micros, SessionCode,
    bridge::{self, FromHost, FromPlace},
    limits::{BRIDGE_ENTRIES_BYTES_MAX, BRIDGE_PING_S, WEB_SILENCE_S},
    wire::Probe,
};
use renet::Bytes;
use std::{collections::VecDeque, sync::atomic::Ordering::Relaxed, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message;

/// The keep-alive that a place answers in its sleep.
const PING: &str = "ping";

/// How a link ended.
enum End {
    /// The session is over, or the host stops.
    Over,
    /// There is no way to the place now; why.
    Lost(String),
    /// Another host has the session.
    Replaced,
}

/// Keeps a session linked.
pub(super) async fn keep(hub: Hub, code: SessionCode) {
    let mut stop = hub.stop.clone();
    let mut granted = None;
    let mut backoff = BRIDGE_BACKOFF_MIN;
    let mut is_known = false;
    loop {
        let (end, epoch) = link(&hub, code, granted).await;
        if epoch.is_some() {
            (granted, backoff, is_known) = (epoch, BRIDGE_BACKOFF_MIN, false);
        }
        match end {
            End::Over => return,
            End::Replaced => {
                tracing::warn!(target: "host", "another host has taken a session over");
                // Where the loop does not answer, the host is at its end.
                hub.desk.ask(|reply| Request::Release { code, reply }).await.unwrap_or_default();
                return;
            }
            // Said once, and tried quietly from then on.
            End::Lost(why) if !is_known => tracing::warn!(target: "host", "{why} Trying again and again."),
            End::Lost(_) => {}
        }
        is_known = true;
        tokio::select! {
            () = sleep(backoff) => {}
            () = stopped(&mut stop) => return,
        }
        backoff = (backoff * 2).min(BRIDGE_BACKOFF_MAX);
    }
}

/// Links a session once; how that ended, and the epoch that was granted, if it was.
async fn link(hub: &Hub, code: SessionCode, granted: Option<u32>) -> (End, Option<u32>) {
    let known = match hub.desk.ask(|reply| Request::Epoch { code, reply }).await {
        Ok(epoch) => epoch,
        // One that the host takes from the place.
        Err(Refused::UnknownSession) if granted.is_none() => 0,
        Err(Refused::UnknownSession) => return (End::Over, None),
        Err(_) => return (End::Lost("The host is overloaded.".into()), None),
    };
    let mut socket = match dial(hub, code).await {
        Ok(socket) => socket,
        Err(why) => return (End::Lost(why), None),
    };
    let Met { epoch, session, ahead_us } = match timeout(BRIDGE_OPEN_MAX, meet(&mut socket, hub, known, granted)).await
    {
        Ok(Ok(met)) => met,
        Ok(Err(end)) => return (end, None),
        Err(_) => return (End::Lost(format!("{} does not say who has the session.", hub.place)), None),
    };
    let is_ours = session.is_none();
    let (stream, end) = Stream::new();
    let grant = Grant { epoch, session, ahead_us, stream };
    match hub.desk.ask(|reply| Request::Grant { code, grant, reply }).await {
        Ok(()) => {}
        Err(Refused::UnknownSession) => {
            tracing::error!(target: "host", %code, "there is no such session, here or there");
            return (End::Over, None);
        }
        Err(_) => return (End::Lost("The host is overloaded.".into()), None),
    }
    tracing::info!(target: "host", place = %hub.place, epoch, is_ours, "a session is on the internet");
    let _levelling = hub.crossing.begin(code);
    (Linked::new(hub.clone(), code, socket).run(end).await, Some(epoch))
}

/// What has become of a session at the place.
struct Met {
    /// Under which the host has it.
    epoch: u32,
    /// The session, if the host's is not the newest.
    session: Option<bridge::Written>,
    /// How far its time there is ahead of the host's clock, microseconds.
    ahead_us: i64,
}

/// Asks for the time, says hello, and hears what has become of the session.
async fn meet(socket: &mut Socket, hub: &Hub, epoch: u32, granted: Option<u32>) -> Result<Met, End> {
    let mut there = Ahead::default();
    for _ in 0..BRIDGE_GREETING_PROBES {
        let probe = Probe { sent: hub.clocks.host.now(), received: Micros(0), answered: Micros(0) };
        say(socket, probe.encode().to_vec()).await?;
        let answer = Probe::decode(&hear(socket).await?).ok_or_else(other_protocol)?;
        there.learn(answer, hub.clocks.host.now());
    }
    say(socket, bridge::encode(&FromHost::Hello { epoch, granted })).await?;
    match bridge::decode(&hear(socket).await?) {
        Ok(FromPlace::Granted { epoch, session }) => Ok(Met { epoch, session, ahead_us: -there.best().unwrap_or(0) }),
        Ok(_) | Err(_) => Err(other_protocol()),
    }
}

async fn say(socket: &mut Socket, frame: Vec<u8>) -> Result<(), End> {
    socket.send(Message::Binary(frame.into())).await.map_err(|_| broken())
}

/// The next frame that is one.
async fn hear(socket: &mut Socket) -> Result<Bytes, End> {
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Binary(bytes) => return Ok(bytes),
            Message::Close(frame) => return Err(closed(frame.map(|frame| frame.code.into()))),
            _ => {}
        }
    }
    Err(broken())
}

fn broken() -> End {
    End::Lost("The connection to the place broke.".into())
}

fn other_protocol() -> End {
    End::Lost("The place speaks another protocol.".into())
}

/// What a close frame of the place means.
fn closed(code: Option<u16>) -> End {
    match code.and_then(Farewell::of_code) {
        Some(Farewell::Replaced) => End::Replaced,
        Some(why) => End::Lost(format!("The place ends the bridge: {why}")),
        None => End::Lost("The place ends the bridge.".into()),
    }
}

/// A session that is linked.
struct Linked {
    hub: Hub,
    code: SessionCode,
    socket: Socket,
    guests: Guests,
    waiting: mpsc::Receiver<Out>,
    ahead: Ahead,
    /// Whether the music plays, as far as this has noticed.
    plays: bool,
    heard: Instant,
}

impl Linked {
    fn new(hub: Hub, code: SessionCode, socket: Socket) -> Self {
        let (out, waiting) = mpsc::channel(BRIDGE_FRAMES_MAX);
        let guests = Guests::new(hub.clone(), code, out);
        let (ahead, plays, heard) = (Ahead::default(), false, Instant::now());
        Self { hub, code, socket, guests, waiting, ahead, plays, heard }
    }

    async fn run(mut self, mut stream: StreamEnd) -> End {
        let end = self.carry(&mut stream).await;
        self.guests.end().await;
        if matches!(end, End::Over) {
            // What the room has said last, and then the end of it.
            let parting = async {
                while let Some(step) = stream.steps.recv().await {
                    for frame in frames(step) {
                        self.socket.send(Message::Binary(frame.into())).await.unwrap_or_default();
                    }
                }
                self.socket.close(None).await.unwrap_or_default();
            };
            timeout(BRIDGE_STOP_MAX, parting).await.unwrap_or_default();
        }
        end
    }

    async fn carry(&mut self, stream: &mut StreamEnd) -> End {
        let mut stop = self.hub.stop.clone();
        let mut ping = tokio::time::interval(self.ahead.pause());
        loop {
            if self.plays != stream.plays.load(Relaxed) {
                self.plays = !self.plays;
                if self.plays {
                    // The clocks have gone their own ways while nobody looked.
                    self.ahead.forget();
                    ping.reset_immediately();
                }
            }
            let sent = tokio::select! {
                message = self.socket.next() => match message {
                    Some(Ok(message)) => match self.came(message, stream).await {
                        Some(end) => return end,
                        None => continue,
                    },
                    Some(Err(_)) | None => return broken(),
                },
                step = stream.steps.recv() => match step {
                    Some(step) => {
                        let is_last = step == FromHost::Over;
                        let sent = self.send_all(frames(step)).await;
                        if is_last {
                            return End::Over;
                        }
                        sent
                    }
                    None => return End::Lost("The place does not keep up.".into()),
                },
                Some(first) = self.waiting.recv() => {
                    // What the others are told at the same moment comes along.
                    tokio::task::yield_now().await;
                    let mut size = first.size();
                    let mut waiting = vec![first];
                    while size < BRIDGE_PACKED_BYTES_MAX && let Ok(next) = self.waiting.try_recv() {
                        size += next.size();
                        waiting.push(next);
                    }
                    let words = pack(waiting);
                    self.send_all(words.iter().map(bridge::encode).collect()).await
                }
                _ = ping.tick() => {
                    if self.heard.elapsed() > Duration::from_secs(BRIDGE_PING_S + WEB_SILENCE_S) {
                        return End::Lost("The place has gone silent.".into());
                    }
                    let sent = self.ping().await;
                    ping.reset_after(self.ahead.pause());
                    sent
                }
                () = stopped(&mut stop) => return End::Over,
            };
            if !sent {
                return End::Lost("The place takes nothing any more.".into());
            }
        }
    }

    /// Shows that the host is there: with a time probe, or, while nothing plays and the time is known well enough, by a word
    /// that is answered without waking the place.
    async fn ping(&mut self) -> bool {
        if self.plays || self.ahead.is_new() {
            let now = self.hub.clocks.now(self.code);
            let probe = Probe { sent: now, received: Micros(0), answered: Micros(0) };
            return self.send_all(vec![probe.encode().to_vec()]).await;
        }
        self.send(Message::Text(PING.into())).await
    }

    /// Sends frames; `false` if that takes too long, or cannot be.
    async fn send_all(&mut self, frames: Vec<Vec<u8>>) -> bool {
        for frame in frames {
            if !self.send(Message::Binary(frame.into())).await {
                return false;
            }
        }
        true
    }

    async fn send(&mut self, message: Message) -> bool {
        matches!(timeout(WEB_WRITE_MAX, self.socket.send(message)).await, Ok(Ok(())))
    }

    /// A frame came; the end, if it is one.
    async fn came(&mut self, message: Message, stream: &StreamEnd) -> Option<End> {
        let at = self.hub.clocks.now(self.code);
        self.heard = Instant::now();
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Close(frame) => return Some(closed(frame.map(|frame| frame.code.into()))),
            _ => return None,
        };
        let word = if let Some(probe) = Probe::decode(&bytes) {
            self.ahead.learn(probe, at).map(FromHost::Shift)
        } else {
            match bridge::decode(&bytes) {
                Ok(FromPlace::Opened { line, token }) => self.guests.open(line, token).await,
                Ok(FromPlace::Admit { ask, token, profile }) => self.guests.admit(ask, token, profile),
                Ok(FromPlace::Held(seq)) => {
                    stream.held.fetch_max(seq, Relaxed);
                    None
                }
                Ok(FromPlace::Heard { line, bytes }) => {
                    self.guests.hear(line, bytes).await;
                    None
                }
                Ok(FromPlace::Closed(line)) => {
                    self.guests.close(line, "the player left").await;
                    None
                }
                Ok(FromPlace::SamplesChanged) => {
                    self.hub.crossing.has_news(self.code);
                    None
                }
                Ok(FromPlace::Granted { .. }) | Err(_) => return Some(other_protocol()),
            }
        };
        let is_sent = self.send_all(vec![bridge::encode(&word?)]).await;
        (!is_sent).then(|| End::Lost("The place takes nothing any more.".into()))
    }
}

/// A room's word as frames; many steps are several, of which the last says how far they go.
fn frames(step: FromHost) -> Vec<Vec<u8>> {
    let FromHost::Entries { entries, seq } = step else { return vec![bridge::encode(&step)] };
    let (mut frames, mut part, mut size) = (Vec::new(), Vec::new(), 0);
    for entry in entries {
        if size + entry.len() > BRIDGE_ENTRIES_BYTES_MAX && !part.is_empty() {
            let entries = std::mem::take(&mut part);
            frames.push(bridge::encode(&FromHost::Entries { entries, seq: 0 }));
            size = 0;
        }
        size += entry.len();
        part.push(entry);
    }
    frames.push(bridge::encode(&FromHost::Entries { entries: part, seq }));
    frames
}

/// How far the host's clock is ahead of the place's, by the probe of the last few that was answered soonest.
#[derive(Debug, Default)]
struct Ahead {
    /// Round trip and difference of each, microseconds.
    probes: VecDeque<(i64, i64)>,
    told: Option<i64>,
}

impl Ahead {
    /// Whether more probes are needed to know the time well.
    fn is_new(&self) -> bool {
        self.probes.len() < BRIDGE_PROBES_KEPT
    }

    /// When the next probe is to be sent: soon until enough have come, then to show that the host is there.
    fn pause(&self) -> Duration {
        if self.is_new() { Duration::from_millis(50) } else { Duration::from_secs(BRIDGE_PING_S) }
    }

    /// What the probes have said is old; what the place was told stands.
    fn forget(&mut self) {
        self.probes.clear();
    }

    /// The difference, microseconds; nothing before the first probe.
    fn best(&self) -> Option<i64> {
        self.probes.iter().min().map(|(_, ahead)| *ahead)
    }

    /// A probe came back; what the place is to be told, if that is news.
    fn learn(&mut self, probe: Probe, at: Micros) -> Option<i64> {
        let middle = probe.sent.offset(at.since(probe.sent) / 2);
        self.probes.push_back((at.since(probe.sent), middle.since(probe.received)));
        if self.probes.len() > BRIDGE_PROBES_KEPT {
            self.probes.pop_front();
        }
        let ahead = self.best()?;
        let is_news = self.told.is_none_or(|told| told.abs_diff(ahead) >= BRIDGE_SHIFT_STEP_US);
        is_news.then(|| *self.told.insert(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_that_was_answered_soonest_tells_the_difference() {
        let mut ahead = Ahead::default();
        let probe =
            |sent, received| Probe { sent: Micros(sent), received: Micros(received), answered: Micros(received) };
        // The place's clock is a second behind; the way back of the first took long.
        assert_eq!(ahead.learn(probe(5_000_000, 4_005_000), Micros(5_100_000)), Some(1_045_000));
        assert_eq!(ahead.learn(probe(6_000_000, 5_005_000), Micros(6_010_000)), Some(1_000_000));
        assert_eq!(ahead.learn(probe(7_000_000, 6_045_000), Micros(7_050_000)), None, "nothing new");
    }

    #[test]
    fn many_steps_are_several_frames_and_only_the_last_says_how_far() {
        let entries: Vec<Vec<u8>> = (0..5).map(|number| vec![number; BRIDGE_ENTRIES_BYTES_MAX / 2]).collect();
        let sent = frames(FromHost::Entries { entries: entries.clone(), seq: 9 });
        let read = |frame: &Vec<u8>| match bridge::decode(frame) {
            Ok(FromHost::Entries { entries, seq }) => (entries, seq),
            other => panic!("{other:?}"),
        };
        let parts: Vec<(Vec<Vec<u8>>, u64)> = sent.iter().map(read).collect();
        assert_eq!(parts.iter().flat_map(|(entries, _)| entries.clone()).collect::<Vec<_>>(), entries);
        assert_eq!(parts.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), [0, 0, 9]);
    }
}
