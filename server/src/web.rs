//! WebSockets, as the host's loop sees them. Each is served by a task of HTTP's runtime (see [`crate::http`]); what
//! arrives comes through one bounded queue, what leaves waits in a bounded queue of its own.

use crate::{
    limits::{WEB_CONGESTED_BYTES, WEB_INBOX_MAX, WEB_OUTBOX_MAX},
    metrics::Metrics,
    tickets::Ticket,
};
use keyboardia_session::{
    Farewell,
    limits::{CHANNEL_BYTES_MAX, CHANNEL_UNRELIABLE},
};
use renet::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::sync::{Notify, mpsc};

/// Number of a WebSocket, never used twice.
pub(crate) type WebId = u64;

/// The next of these numbers.
pub(crate) fn next_id() -> WebId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed)
}

/// From the tasks to the loop.
#[derive(Debug)]
pub(crate) enum FromWeb {
    /// Somebody came and said whose seat they want.
    Opened(WebId, Ticket, Line),
    /// A message.
    Message(WebId, Bytes),
    /// The connection is gone.
    Closed(WebId, &'static str),
}

/// From the loop to a task.
#[derive(Debug)]
pub(crate) enum ToWeb {
    /// A message to be sent.
    Message(Bytes),
    /// The last frame: close, and say why.
    Close(Farewell),
}

/// The loop's end of one WebSocket.
#[derive(Debug)]
pub(crate) struct Line {
    out: mpsc::Sender<ToWeb>,
    /// Bytes in `out`.
    waiting: Arc<AtomicUsize>,
    /// Says that the consumer is too slow.
    slow: Arc<Notify>,
}

/// The task's end.
#[derive(Debug)]
pub(crate) struct TaskEnd {
    pub(crate) out: mpsc::Receiver<ToWeb>,
    pub(crate) waiting: Arc<AtomicUsize>,
    pub(crate) slow: Arc<Notify>,
}

impl Line {
    /// Both ends of a WebSocket's way from the loop.
    pub(crate) fn new() -> (Self, TaskEnd) {
        let (sender, out) = mpsc::channel(WEB_OUTBOX_MAX);
        let (slow, waiting) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        (Self { out: sender, waiting: waiting.clone(), slow: slow.clone() }, TaskEnd { out, waiting, slow })
    }

    /// Queues a message; `false` if there is no room for it.
    fn send(&self, channel: u8, bytes: Bytes) -> bool {
        let length = bytes.len();
        let waiting = self.waiting.load(Relaxed);
        if channel == CHANNEL_UNRELIABLE && waiting > WEB_CONGESTED_BYTES {
            return true;
        }
        if waiting + length > CHANNEL_BYTES_MAX {
            return false;
        }
        self.waiting.fetch_add(length, Relaxed);
        self.out.try_send(ToWeb::Message(bytes)).is_ok()
    }
}

/// Something that happened to a WebSocket.
#[derive(Debug)]
pub(crate) enum WebEvent {
    /// Somebody came.
    Connected(WebId, Ticket),
    /// A message came.
    Message(WebId, Bytes),
    /// A connection is gone.
    Disconnected(WebId, &'static str),
}

/// All WebSockets.
pub(crate) struct Web {
    inbox: mpsc::Receiver<FromWeb>,
    lines: HashMap<WebId, Line>,
    /// Connections that the loop gave up.
    gone: VecDeque<(WebId, &'static str)>,
    metrics: Metrics,
}

impl Web {
    /// No WebSockets yet, and the way in for the tasks.
    pub(crate) fn new(metrics: Metrics) -> (Self, mpsc::Sender<FromWeb>) {
        let (sender, inbox) = mpsc::channel(WEB_INBOX_MAX);
        (Self { inbox, lines: HashMap::new(), gone: VecDeque::new(), metrics }, sender)
    }

    /// How many are connected.
    pub(crate) fn clients(&self) -> usize {
        self.lines.len()
    }

    /// What happened, oldest first.
    pub(crate) fn next_event(&mut self) -> Option<WebEvent> {
        if let Some((id, why)) = self.gone.pop_front() {
            return Some(WebEvent::Disconnected(id, why));
        }
        loop {
            match self.inbox.try_recv().ok()? {
                FromWeb::Opened(id, ticket, line) => {
                    self.lines.insert(id, line);
                    return Some(WebEvent::Connected(id, ticket));
                }
                FromWeb::Message(id, bytes) if self.lines.contains_key(&id) => {
                    return Some(WebEvent::Message(id, bytes));
                }
                FromWeb::Closed(id, why) if self.lines.remove(&id).is_some() => {
                    return Some(WebEvent::Disconnected(id, why));
                }
                // Of a connection that the loop has closed already.
                FromWeb::Message(..) | FromWeb::Closed(..) => {}
            }
        }
    }

    /// Queues a message. A connection that has no room for it is given up.
    pub(crate) fn send(&mut self, id: WebId, channel: u8, bytes: Bytes) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        self.metrics.sent.inc();
        if !line.send(channel, bytes) {
            self.metrics.closed(Farewell::TooSlow);
            line.slow.notify_one();
            self.lines.remove(&id);
            self.gone.push_back((id, "too slow"));
        }
    }

    /// Ends a connection after what is queued.
    pub(crate) fn close(&mut self, id: WebId, why: Farewell) {
        if let Some(line) = self.lines.remove(&id) {
            self.metrics.closed(why);
            // Where even that has no room, the end of the queue ends the connection.
            line.out.try_send(ToWeb::Close(why)).unwrap_or_default();
            self.gone.push_back((id, "closed"));
        }
    }

    /// Ends every connection after what is queued.
    pub(crate) fn close_all(&mut self, why: Farewell) {
        let ids: Vec<WebId> = self.lines.keys().copied().collect();
        for id in ids {
            self.close(id, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::limits::{CHANNEL_RELIABLE, MESSAGE_BYTES_MAX};

    #[test]
    fn what_waits_for_a_slow_consumer_is_bounded_and_then_the_connection_is_given_up() {
        let (mut web, inbox) = Web::new(Metrics::new());
        let (line, task) = Line::new();
        let ticket = Ticket {
            seat: keyboardia_session::SeatToken([1; 32]),
            code: keyboardia_session::SessionCode::from_entropy(1),
        };
        inbox.try_send(FromWeb::Opened(7, ticket, line)).unwrap();
        assert!(matches!(web.next_event(), Some(WebEvent::Connected(7, _))));
        let message = Bytes::from(vec![0; MESSAGE_BYTES_MAX]);
        for _ in 0..CHANNEL_BYTES_MAX / MESSAGE_BYTES_MAX {
            web.send(7, CHANNEL_RELIABLE, message.clone());
            web.send(7, CHANNEL_UNRELIABLE, message.clone());
        }
        assert!(web.next_event().is_none(), "what may be lost is, and what must arrive has just so much room");
        assert!(task.waiting.load(Relaxed) <= CHANNEL_BYTES_MAX);
        web.send(7, CHANNEL_RELIABLE, message);
        assert!(matches!(web.next_event(), Some(WebEvent::Disconnected(7, _))));
        assert_eq!(web.clients(), 0);
        inbox.try_send(FromWeb::Message(7, Bytes::new())).unwrap();
        inbox.try_send(FromWeb::Closed(7, "gone")).unwrap();
        assert!(web.next_event().is_none(), "nothing more of it");
    }
}
