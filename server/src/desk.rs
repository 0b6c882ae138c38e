//! The desk between HTTP and the host's loop: bounded questions in, one answer each.

use crate::limits::{REPLY_TIMEOUT, REQUESTS_WAITING_MAX};
use keyboardia_session::{Profile, SeatId, SeatToken, SessionCode};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tokio::sync::oneshot;

/// Why the host's loop said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No session has this code.
    UnknownSession,
    /// All seats of the session are taken.
    SessionFull,
    /// Nobody new is let into the session.
    Locked,
    /// The player was removed from the session.
    Removed,
    /// The host holds all the sessions that it can.
    TooManySessions,
    /// The host holds all the seats that it can.
    TooManySeats,
    /// The operating system gave no random bytes.
    NoRandomness,
    /// No answer came in time: the host is overloaded, or going down.
    NoAnswer,
}

/// Where an answer goes.
pub(crate) type Reply<T> = Box<dyn FnOnce(Result<T, Refused>) + Send>;

/// A seat that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// Which.
    pub(crate) seat: SeatId,
    /// The UDP socket that has room for it.
    pub(crate) socket: usize,
}

/// A question to the host's loop.
pub(crate) enum Request {
    /// Open a session.
    Create(Reply<SessionCode>),
    /// Keep a seat.
    Admit {
        /// In which session.
        code: SessionCode,
        /// For whom.
        token: SeatToken,
        /// What they want to be called.
        profile: Profile,
        /// The seat.
        reply: Reply<Admitted>,
    },
    /// Who has which seat.
    Seat {
        /// In which session.
        code: SessionCode,
        /// The token that they show.
        token: SeatToken,
        /// The seat, if it is one's.
        reply: Reply<Option<SeatId>>,
    },
    /// Whether a session is open: it is, or [`Refused::UnknownSession`].
    IsOpen {
        /// Which.
        code: SessionCode,
        /// That it is.
        reply: Reply<()>,
    },
}

/// The asking end.
#[derive(Debug, Clone)]
pub(crate) struct Desk(SyncSender<Request>);

impl Desk {
    /// A desk, and the answering end.
    pub(crate) fn open() -> (Self, Receiver<Request>) {
        let (sender, receiver) = sync_channel(REQUESTS_WAITING_MAX);
        (Self(sender), receiver)
    }

    /// Asks and waits, on a runtime.
    pub(crate) async fn ask<T: Send + 'static>(&self, ask: impl FnOnce(Reply<T>) -> Request) -> Result<T, Refused> {
        let (sender, receiver) = oneshot::channel();
        // Whoever no longer waits for the answer does not miss it.
        let request = ask(Box::new(move |answer| drop(sender.send(answer))));
        self.0.try_send(request).map_err(|_| Refused::NoAnswer)?;
        match tokio::time::timeout(REPLY_TIMEOUT, receiver).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(Refused::NoAnswer),
        }
    }

    /// Asks and waits, on a thread.
    pub(crate) fn ask_blocking<T: Send + 'static>(&self, ask: impl FnOnce(Reply<T>) -> Request) -> Result<T, Refused> {
        let (sender, receiver) = sync_channel(1);
        let request = ask(Box::new(move |answer| drop(sender.send(answer))));
        self.0.try_send(request).map_err(|_| Refused::NoAnswer)?;
        receiver.recv_timeout(REPLY_TIMEOUT).unwrap_or(Err(Refused::NoAnswer))
    }
}
