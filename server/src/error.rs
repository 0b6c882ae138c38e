//! Why a host cannot start, or cannot open a session: each one sentence for people.

use crate::{
    desk::Refused,
    limits::{ADVERTISED_MAX, SOCKETS_MAX, TRUSTED_MAX},
};
use keyboardia_session::{
    library::ManifestError,
    limits::{SEATS_PER_SOCKET_MAX, SESSIONS_MAX},
};
use std::{io, net::SocketAddr, path::PathBuf};
use thiserror::Error;

/// Seats of a host.
const SEATS_MAX: usize = SOCKETS_MAX * SEATS_PER_SOCKET_MAX;

/// Why a host did not do what it was asked to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// Another program has the port.
    #[error("Port {} is in use on this machine; choose another with --port.", .0.port())]
    PortInUse(SocketAddr),
    /// The port needs rights that this program does not have.
    #[error("Port {} may not be opened by this user; choose one above 1023 with --port.", .0.port())]
    PortForbidden(SocketAddr),
    /// The address is another machine's.
    #[error("{} is not an address of this machine; choose another with --bind.", .0.ip())]
    AddressElsewhere(SocketAddr),
    /// The socket cannot be opened for another reason.
    #[error("The address {address} cannot be opened: {source}.")]
    Socket {
        /// Which address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// More addresses than a connect token can carry.
    #[error("At most {ADVERTISED_MAX} addresses can be advertised, {0} were given.")]
    TooManyAdvertised(usize),
    /// More proxies than anybody needs.
    #[error("At most {TRUSTED_MAX} proxies can be trusted, {0} were given.")]
    TooManyTrusted(usize),
    /// More seats than sockets can be opened for, or none.
    #[error(
        "A host has 1 to {SEATS_MAX} seats, and behind a relay at most {SEATS_PER_SOCKET_MAX}; {0} were asked for."
    )]
    Seats(usize),
    /// The certificate cannot be used.
    #[error("The certificate in {} cannot be used: {why}.", .file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// There is no page in the directory that was named.
    #[error("There is no page in {}: it has no index.html. `./play web` makes one.", .0.display())]
    NoPage(PathBuf),
    /// The place in the cloud has no address.
    #[error("“{0}” is not the address of a place in the cloud; it looks like https://jam.example.")]
    Place(String),
    /// The place in the cloud is elsewhere, and the way there would not be secret.
    #[error("The key would travel to {0} for everybody to read; only https:// leads to a place on another machine.")]
    OpenPlace(String),
    /// There is no way to a place in the cloud; a sentence.
    #[error("{0}")]
    NoSecurity(String),
    /// The operating system gave no threads.
    #[error("The host's threads cannot be started: {0}.")]
    Threads(#[source] io::Error),
    /// The sessions that are kept cannot be used.
    #[error("The sessions in {} cannot be used: {why}.", .dir.display())]
    Store {
        /// Their directory.
        dir: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The operating system gave no random bytes.
    #[error("The operating system gives no random numbers, so no secrets can be made.")]
    NoRandomness,
    /// The starter groove cannot be read.
    #[error("A new session cannot be filled: {0}.")]
    Library(#[from] ManifestError),
    /// The host holds as many sessions as it can.
    #[error("This host is full: it has {SESSIONS_MAX} sessions.")]
    Full,
    /// A thread of the host has ended that nobody has asked to.
    #[error("The host cannot go on, since its thread {0} has failed; start it again.")]
    Failed(&'static str),
    /// The host does not answer, or has stopped.
    #[error("The host does not answer; it has stopped, or is overloaded.")]
    NoAnswer,
}

impl HostError {
    /// What it means that `address` cannot be opened.
    pub(crate) fn of_socket(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse(address),
            io::ErrorKind::PermissionDenied => Self::PortForbidden(address),
            io::ErrorKind::AddrNotAvailable => Self::AddressElsewhere(address),
            _ => Self::Socket { address, source },
        }
    }
}

impl From<Refused> for HostError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooManySessions | Refused::TooManySeats | Refused::TooManyAwaited(_) | Refused::SessionFull => {
                Self::Full
            }
            Refused::NoRandomness => Self::NoRandomness,
            Refused::NoAnswer | Refused::UnknownSession | Refused::Locked | Refused::Removed => Self::NoAnswer,
        }
    }
}
