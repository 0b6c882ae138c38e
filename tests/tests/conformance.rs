//! The headless host keeps what every authority promises: over UDP, over WebSockets, and with both in one session.
//!
//! `KEYBOARDIA_AUTHORITY=http://127.0.0.1:8787 ./test web_socket::` tries another authority instead, which is running.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_tests::{
    conformance::{Authority, Way, play},
    process::HostProcess,
};

/// Variable that names an authority to be tried instead of a host of our own.
const AUTHORITY: &str = "KEYBOARDIA_AUTHORITY";

/// Plays a scenario with a host of its own, reached in these ways.
fn with_host(name: &str, ways: &[Way]) {
    if let Ok(url) = std::env::var(AUTHORITY) {
        return play(name, &Authority::at(url, ways));
    }
    let dir = tempfile::tempdir().unwrap();
    let host = HostProcess::keeping(dir.path());
    play(name, &Authority::at(&host.http, ways));
}

macro_rules! tests {
    ($($name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                super::with_host(stringify!($name), WAYS);
            }
        )*
    };
}

mod udp {
    const WAYS: &[super::Way] = &[super::Way::Udp];
    keyboardia_tests::each_scenario!(tests);
}

mod web_socket {
    const WAYS: &[super::Way] = &[super::Way::WebSocket];
    keyboardia_tests::each_scenario!(tests);
    keyboardia_tests::each_web_scenario!(tests);
}

/// The first visitor comes by UDP, the second by a WebSocket, and so on.
mod mixed {
    const WAYS: &[super::Way] = &[super::Way::Udp, super::Way::WebSocket];
    keyboardia_tests::each_scenario!(tests);
}
