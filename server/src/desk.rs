//! The desk between HTTP and the host's loop: bounded questions in, one answer each.

use crate::{
    bridge::Stream,
    limits::{REPLY_TIMEOUT, REQUESTS_WAITING_MAX},
};
use keyboardia_session::{
    JoinError, Profile, SeatId, SeatToken, SessionCode, SessionSetup, api::ApiErrorKind, bridge::Written,
    denial::Denial, limits::SESSIONS_MAX,
};
use std::{
    net::IpAddr,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};
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
    /// As many seats are kept for players of one address as may be; one of them is given up in so many seconds.
    TooManyAwaited(u64),
    /// The operating system gave no random bytes.
    NoRandomness,
    /// No answer came in time: the host is overloaded, or going down.
    NoAnswer,
}

impl Refused {
    /// How a player is told; `code` as they wrote it.
    pub(crate) fn denial(self, code: &str) -> Denial {
        let full = |message: String| Denial::new(ApiErrorKind::HostFull, message);
        match self {
            Self::UnknownSession => Denial::unknown_session(code),
            Self::SessionFull => Denial::of_join(JoinError::Full, code),
            Self::Locked => Denial::of_join(JoinError::Locked, code),
            Self::Removed => Denial::of_join(JoinError::Removed, code),
            Self::TooManySessions => {
                full(format!("This host is full: it has {SESSIONS_MAX} sessions; try again later."))
            }
            Self::TooManySeats => full("This host is full of players; try again later.".into()),
            Self::TooManyAwaited(seconds) => {
                let message = format!("Too many players from your address are on their way; try again in {seconds} s.");
                Denial::new(ApiErrorKind::TooOften, message).retry_after(seconds)
            }
            Self::NoRandomness => Denial::no_secrets(),
            Self::NoAnswer => Denial::busy(),
        }
    }
}

/// A session is this host's by the word of the place that holds it, too.
#[derive(Debug)]
pub(crate) struct Grant {
    /// Under which epoch.
    pub(crate) epoch: u32,
    /// What it has become there; `None` if the host's is the newest.
    pub(crate) session: Option<Written>,
    /// How far session time there is ahead of the host's clock, microseconds.
    pub(crate) ahead_us: i64,
    /// Where the place is told of it from now on.
    pub(crate) stream: Stream,
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

/// Who opens a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opener {
    /// Whoever runs the host: it waits for its first player as for the last.
    Owner,
    /// A player, who is about to come.
    Player,
}

/// A question to the host's loop.
pub(crate) enum Request {
    /// Open a session.
    Create {
        /// For whom.
        opener: Opener,
        /// What it begins with; what all begin with otherwise.
        setup: Option<Box<SessionSetup>>,
        /// Its code.
        reply: Reply<SessionCode>,
    },
    /// Keep a seat.
    Admit {
        /// In which session.
        code: SessionCode,
        /// For whom.
        token: SeatToken,
        /// What they want to be called.
        profile: Profile,
        /// The address that counts as theirs, if it is limited.
        from: Option<IpAddr>,
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
    /// Under which epoch the host has a session.
    Epoch {
        /// Which.
        code: SessionCode,
        /// The epoch.
        reply: Reply<u32>,
    },
    /// Take a session over.
    Grant {
        /// Which.
        code: SessionCode,
        /// How.
        grant: Grant,
        /// That it is done.
        reply: Reply<()>,
    },
    /// Let go of a session: another host has it now.
    Release {
        /// Which.
        code: SessionCode,
        /// That it is done.
        reply: Reply<()>,
    },
    /// Whether a session is open: it is, or [`Refused::UnknownSession`].
    IsOpen {
        /// Which.
        code: SessionCode,
        /// That it is.
        reply: Reply<()>,
    },
    /// Whether a session is open, or cannot be read and is kept for whoever can: it is, or [`Refused::UnknownSession`].
    IsKept {
        /// Which.
        code: SessionCode,
        /// That it is.
        reply: Reply<()>,
    },
    /// End the loop as an error would.
    #[cfg(test)]
    Fail,
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
