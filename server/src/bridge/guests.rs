//! Players who have come to the place: for the host's loop, each is a WebSocket like those of its own.

use super::Hub;
use crate::{
    desk::Request,
    limits::{BRIDGE_ADMISSIONS_MAX, BRIDGE_GUESTS_MAX},
    tickets::Ticket,
    web::{FromWeb, Line, TaskEnd, ToWeb, WebId, next_id},
};
use keyboardia_session::{
    Allowance, Farewell, Profile, SeatToken, SessionCode,
    bridge::{FromHost, LineId, Parcel},
    denial::Denial,
    limits::{LINE_MESSAGES_BURST, LINE_MESSAGES_PER_S},
    wire::Probe,
};
use renet::Bytes;
use std::{collections::HashMap, sync::atomic::Ordering::Relaxed};
use tokio::{sync::mpsc, task::JoinSet};

/// Something for the place.
#[derive(Debug)]
pub(super) enum Out {
    /// A message for a player.
    Message(LineId, Bytes),
    /// Anything else.
    Word(FromHost),
}

impl Out {
    /// Bytes of a message.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Message(_, bytes) => bytes.len(),
            Self::Word(_) => 0,
        }
    }
}

/// Puts what waits for the place together: what several players are told is said once, and what each of them is told stays
/// in its order.
pub(super) fn pack(waiting: impl IntoIterator<Item = Out>) -> Vec<FromHost> {
    let mut words = Vec::new();
    let mut parcels: Vec<(Vec<LineId>, Bytes)> = Vec::new();
    // How far each player's messages have come in these parcels.
    let mut reached: HashMap<LineId, usize> = HashMap::new();
    let seal = |parcels: &mut Vec<(Vec<LineId>, Bytes)>| {
        let parcels = parcels.drain(..).map(|(lines, bytes)| Parcel { lines, bytes: bytes.to_vec() });
        FromHost::Messages(parcels.collect())
    };
    for out in waiting {
        match out {
            Out::Message(line, bytes) => {
                let from = reached.get(&line).copied().unwrap_or_default();
                let is_same = |(_, other): &(Vec<LineId>, Bytes)| *other == bytes;
                let at = parcels[from..].iter().position(is_same).map_or(parcels.len(), |at| from + at);
                match parcels.get_mut(at) {
                    Some((lines, _)) => lines.push(line),
                    None => parcels.push((vec![line], bytes)),
                }
                reached.insert(line, at + 1);
            }
            Out::Word(word) => {
                if !parcels.is_empty() {
                    words.push(seal(&mut parcels));
                    reached.clear();
                }
                words.push(word);
            }
        }
    }
    if !parcels.is_empty() {
        words.push(seal(&mut parcels));
    }
    words
}

/// A player who has come to the place.
struct Guest {
    id: WebId,
    /// What is left to say.
    pace: Allowance,
}

/// See the module. Whoever calls this also drains `out`, so nothing here waits for room there: what the place has to hear of
/// a call is its answer.
pub(super) struct Guests {
    hub: Hub,
    code: SessionCode,
    /// What is for the place.
    out: mpsc::Sender<Out>,
    lines: HashMap<LineId, Guest>,
    /// What is carried to the place, which gives whose it was, and what is asked of the loop; they end with this.
    carrying: JoinSet<(LineId, WebId)>,
    asking: JoinSet<()>,
}

impl Guests {
    /// Nobody yet.
    pub(super) fn new(hub: Hub, code: SessionCode, out: mpsc::Sender<Out>) -> Self {
        Self { hub, code, out, lines: HashMap::new(), carrying: JoinSet::new(), asking: JoinSet::new() }
    }

    /// Somebody came. Gives what the place is to be told.
    pub(super) async fn open(&mut self, line: LineId, token: SeatToken) -> Option<FromHost> {
        // Whom the loop has closed makes room.
        while let Some(ended) = self.carrying.try_join_next() {
            let Ok((line, id)) = ended else { continue };
            if self.lines.get(&line).is_some_and(|guest| guest.id == id) {
                self.lines.remove(&line);
            }
        }
        if self.lines.len() >= BRIDGE_GUESTS_MAX || self.lines.contains_key(&line) {
            return Some(FromHost::Close { line, why: Farewell::Full });
        }
        let (way, end) = Line::new();
        let id = next_id();
        let ticket = Ticket { seat: token, code: self.code };
        if self.hub.to_loop.send(FromWeb::Opened(id, ticket, way)).await.is_ok() {
            self.lines.insert(line, Guest { id, pace: Allowance::default() });
            self.carrying.spawn(carry(line, id, end, self.out.clone()));
        }
        None
    }

    /// A player said something. Time probes are answered here, where they arrive.
    pub(super) async fn hear(&mut self, line: LineId, bytes: Vec<u8>) {
        let received = self.hub.clocks.now(self.code);
        let Some(guest) = self.lines.get_mut(&line) else { return };
        if !guest.pace.take(received, (LINE_MESSAGES_BURST, LINE_MESSAGES_PER_S)) {
            // The end of the way from the loop closes the connection.
            return self.close(line, "the player floods the host").await;
        }
        let id = guest.id;
        if let Some(probe) = Probe::decode(&bytes) {
            let reply = Probe { received, answered: self.hub.clocks.now(self.code), ..probe };
            // Where there is no room it comes too late to tell the time.
            return self.out.try_send(Out::Message(line, Bytes::copy_from_slice(&reply.encode()))).unwrap_or_default();
        }
        // Without a loop nobody wants to know, here as below.
        self.hub.to_loop.send(FromWeb::Message(id, Bytes::from(bytes))).await.unwrap_or_default();
    }

    /// A player's connection is gone; why, for the log.
    pub(super) async fn close(&mut self, line: LineId, why: &'static str) {
        if let Some(guest) = self.lines.remove(&line) {
            self.hub.to_loop.send(FromWeb::Closed(guest.id, why)).await.unwrap_or_default();
        }
    }

    /// Somebody wants a seat. Gives what the place is to be told at once.
    pub(super) fn admit(&mut self, ask: u32, token: SeatToken, profile: Profile) -> Option<FromHost> {
        while self.asking.try_join_next().is_some() {}
        if self.asking.len() >= BRIDGE_ADMISSIONS_MAX {
            return Some(FromHost::Admitted { ask, outcome: Err(Denial::busy()) });
        }
        let (desk, code, out) = (self.hub.desk.clone(), self.code, self.out.clone());
        self.asking.spawn(async move {
            // The place knows where they come from, and limits them.
            let admit = |reply| Request::Admit { code, token, profile, from: None, reply };
            let admitted = desk.ask(admit).await;
            let outcome = admitted.map(|admitted| admitted.seat.0).map_err(|no| no.denial(&code.to_string()));
            // A place that is gone asks again when it is back.
            out.send(Out::Word(FromHost::Admitted { ask, outcome })).await.unwrap_or_default();
        });
        None
    }

    /// The place is gone, and all who came there with it.
    pub(super) async fn end(self) {
        for guest in self.lines.into_values() {
            self.hub.to_loop.send(FromWeb::Closed(guest.id, "the bridge is down")).await.unwrap_or_default();
        }
    }
}

/// Carries what the loop has for a player to the place, until one of them ends it; gives whose it was.
async fn carry(line: LineId, id: WebId, mut end: TaskEnd, out: mpsc::Sender<Out>) -> (LineId, WebId) {
    loop {
        let (message, length) = match end.out.recv().await {
            Some(ToWeb::Message(bytes)) => (Out::Message(line, bytes.clone()), bytes.len()),
            Some(ToWeb::Close(why)) => (Out::Word(FromHost::Close { line, why }), 0),
            None => (Out::Word(FromHost::Close { line, why: Farewell::TooSlow }), 0),
        };
        let is_last = matches!(message, Out::Word(_));
        if out.send(message).await.is_err() || is_last {
            return (line, id);
        }
        end.waiting.fetch_sub(length, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(line: LineId, text: &'static str) -> Out {
        Out::Message(line, Bytes::from_static(text.as_bytes()))
    }

    fn told(words: &[FromHost], to: LineId) -> Vec<String> {
        let parcels = words.iter().flat_map(|word| match word {
            FromHost::Messages(parcels) => parcels.clone(),
            _ => Vec::new(),
        });
        let theirs = parcels.filter(|parcel| parcel.lines.contains(&to));
        theirs.map(|parcel| String::from_utf8(parcel.bytes).unwrap()).collect()
    }

    #[test]
    fn what_all_are_told_is_said_once_and_each_hears_it_in_order() {
        let words = pack([
            message(1, "a"),
            message(1, "b"),
            message(2, "a"),
            message(2, "b"),
            message(3, "b"),
            message(3, "a"),
        ]);
        assert_eq!([1, 2, 3].map(|line| told(&words, line).concat()), ["ab", "ab", "ba"]);
        let FromHost::Messages(parcels) = &words[0] else { panic!("{words:?}") };
        assert_eq!((words.len(), parcels.len()), (1, 3));
        let words = pack([message(1, "a"), message(1, "a"), message(2, "a")]);
        assert_eq!([1, 2].map(|line| told(&words, line).concat()), ["aa", "a"], "the same twice is twice");
    }

    #[test]
    fn nothing_overtakes_a_word() {
        let close = || Out::Word(FromHost::Close { line: 1, why: Farewell::Removed });
        let words = pack([message(1, "a"), close(), message(2, "a")]);
        let kinds: Vec<bool> = words.iter().map(|word| matches!(word, FromHost::Close { .. })).collect();
        assert_eq!(kinds, [false, true, false]);
        assert!(pack([]).is_empty());
    }
}
