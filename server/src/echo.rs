//! The time echo: answers probes with the host's time, on a socket and a thread of its own, so that no work of the
//! game delays an answer.

use crate::{clock::HostClock, limits::ECHO_POLL};
use keyboardia_session::{Micros, wire::Probe};
use prometheus_client::metrics::counter::Counter;
use std::{io, net::UdpSocket, thread};
use tokio::sync::watch;

/// Answers probes until `stop` is true; counts what is not one.
pub(crate) fn run(socket: &UdpSocket, clock: HostClock, dropped: &Counter, stop: &watch::Receiver<bool>) {
    // One byte more, so that a longer datagram is not taken for a probe.
    let mut buffer = [0; Probe::BYTES + 1];
    while !*stop.borrow() {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                let received = clock.now();
                match buffer.get(..length).and_then(Probe::decode).filter(is_request) {
                    Some(probe) => {
                        let answer = Probe { received, answered: clock.now(), ..probe };
                        // An answer that cannot be sent is as one that was lost.
                        socket.send_to(&answer.encode(), from).unwrap_or_default();
                    }
                    None => {
                        dropped.inc();
                    }
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => {
                tracing::debug!(target: "host", %error, "a time probe was not received");
                thread::yield_now();
            }
        }
    }
}

/// Makes a bound socket return now and then, so that the echo can be stopped.
pub(crate) fn prepare(socket: &UdpSocket) -> io::Result<()> {
    socket.set_read_timeout(Some(ECHO_POLL))
}

/// A reply is not answered, or a forged sender could make two echoes answer each other for ever.
fn is_request(probe: &Probe) -> bool {
    probe.received == Micros(0) && probe.answered == Micros(0)
}
