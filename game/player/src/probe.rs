//! Time probes over UDP, on a thread of their own so that replies are stamped where they arrive.

use crate::shared::Shared;
use keyboardia_session::{Micros, probing::Probing, wire::Probe};
use std::{
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

/// How long the thread waits for a reply before it looks around.
const PATIENCE: Duration = Duration::from_millis(10);

/// Probes of one connection; dropping it ends them.
pub(crate) struct Prober {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicBool>,
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

impl Prober {
    /// Begins to probe `host` with a burst. Session time is so far ahead of what is told there.
    pub(crate) fn start(host: SocketAddr, ahead_us: i64, shared: Arc<Shared>) -> std::io::Result<Self> {
        let any: SocketAddr =
            if host.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        let socket = UdpSocket::bind(any)?;
        socket.connect(host)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let prober = Self { stop: Arc::default(), answered: Arc::default() };
        let (stop, answered) = (prober.stop.clone(), prober.answered.clone());
        let run = move || run(&socket, ahead_us, &shared, &stop, &answered);
        std::thread::Builder::new().name("probe".into()).spawn(run)?;
        Ok(prober)
    }

    /// Whether a probe has come back on this connection.
    pub(crate) fn is_answered(&self) -> bool {
        self.answered.load(Relaxed)
    }
}

fn run(socket: &UdpSocket, ahead_us: i64, shared: &Shared, stop: &AtomicBool, answered: &AtomicBool) {
    let mut buffer = [0; Probe::BYTES + 1];
    let mut probing = Probing::default();
    while !stop.load(Relaxed) && !shared.is_leaving() {
        // A burst may be lost as a whole: until something has come back, it is asked on as if the session played.
        let (is_new, uncertain) = (!answered.load(Relaxed), shared.uncertain.load(Relaxed));
        if probing.is_due(shared.local(), is_new || shared.playing.load(Relaxed), is_new || uncertain) {
            let request = Probe { sent: shared.local(), received: Micros(0), answered: Micros(0) };
            // What is lost is lost; the next probe follows.
            let _ = socket.send(&request.encode());
        }
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let returned = shared.local();
                if let Some(probe) = Probe::decode(&buffer[..length]) {
                    shared.probe_returned(probe.ahead(ahead_us), returned);
                    answered.store(true, Relaxed);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // The host's port is closed just now; do not spin.
            Err(_) => std::thread::sleep(PATIENCE),
        }
    }
}
