//! Players in a session, over the real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use common::{Player, create, eventually, host, until};
use keyboardia_session::{
    Avatar, Cell, ClipChange, Colour, Command, Edit, EventKind, Micros, Name, Notice, SceneId, SeatId, TrackChange,
    TrackId,
    api::from_hex,
    limits::{CONNECTION_TIMEOUT_S, MESSAGE_BYTES_MAX, PROTOCOL_VERSION},
    wire::{ClientMessage, HostMessage, Malformed, Report, encode},
};
use keyboardia_visitor::{PATIENCE, udp};
use renetcode::{ClientAuthentication, ConnectToken, NetcodeClient};
use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

const LAUNCH: Command = Command::Launch { track: TrackId(0), scene: SceneId(0) };

/// Below the time after which a connection would be given up: whoever learns sooner was told.
const AT_ONCE: Duration = Duration::from_secs(CONNECTION_TIMEOUT_S as u64 / 4);

fn is_launch(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Launched { track: TrackId(0), scene: SceneId(0), .. })
}

#[test]
fn a_player_is_welcomed_then_gets_the_snapshot_then_the_news() {
    let host = host();
    let mut ada = Player::join(host.http_addr(), &create(host.http_addr()), None);
    let me = ada.id();
    let joined = |kind: &EventKind| matches!(kind, EventKind::PlayerJoined(player) if player.seat == me);
    until([&mut ada], "the news of joining", |[ada]| ada.heard_event(joined));
    let order: Vec<u8> = ada
        .heard
        .iter()
        .map(|message| match message {
            HostMessage::Welcome { seat, epoch, .. } => {
                assert_eq!((*seat, *epoch), (me, 1));
                0
            }
            HostMessage::Snapshot { .. } => 1,
            _ => 2,
        })
        .collect();
    assert!(order.is_sorted() && order.contains(&0) && order.contains(&1), "{order:?}");
    let state = ada.seat.state().unwrap();
    assert_eq!(state.player(me).unwrap().name.as_str(), "Ada");
    assert!(state.tracks().iter().flat_map(|track| track.clips.iter()).count() >= 24, "the starter groove");
}

#[test]
fn both_players_hear_of_a_launch_and_agree() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let mut bob = Player::enter(host.http_addr(), &code, None);
    ada.command(LAUNCH);
    until([&mut ada, &mut bob], "the launch", |players| players.iter().all(|player| player.heard_event(is_launch)));
    until([&mut ada, &mut bob], "one state", |[ada, bob]| {
        ada.seat.state().unwrap().hash() == bob.seat.state().unwrap().hash()
    });
}

#[test]
fn an_edit_a_profile_a_cursor_and_a_ping_reach_the_other_player() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let mut bob = Player::enter(host.http_addr(), &code, None);
    let cell = Cell::new(TrackId(0), SceneId(0));
    let name = Name::sanitised("Ada's own");
    ada.command(Command::Edit(Edit::ChangeClip { cell, change: ClipChange::Name(name.clone()) }));
    let (colour, avatar) = (Colour([1, 2, 3]), Avatar::new(7).unwrap());
    ada.command(Command::SetProfile { name: Name::sanitised("Lovelace"), colour, avatar });
    let report = Report { lead_us: 21_000, round_trip_us: 1_234, phase_error_us: -56 };
    ada.send(encode(&ClientMessage::Report(report)));
    ada.send_lossy(encode(&ClientMessage::Cursor(Some(cell).into())));
    let me = ada.id();
    until([&mut ada, &mut bob], "the edit, the profile, the ping and the cursor", |[_, bob]| {
        let view = bob.seat.view(Micros(0)).unwrap();
        let peer = view.peers[usize::from(me.0)];
        view.state.clip(cell).is_some_and(|clip| clip.name == name)
            && view.state.player(me).is_some_and(|player| player.name.as_str() == "Lovelace" && player.avatar == avatar)
            && (peer.pointer.at, peer.report) == (Some(cell), report)
    });
    assert!(bob.seat.take_notices().iter().any(|notice| matches!(notice, Notice::Edited { by, .. } if *by == me)));
    let mut eve = Player::enter(host.http_addr(), &code, None);
    until([&mut eve], "the ping, though she came later", |[eve]| {
        eve.seat.view(Micros(0)).unwrap().peers[usize::from(me.0)].report == report
    });
}

#[test]
fn sessions_do_not_hear_each_other() {
    let host = host();
    let mut ada = Player::enter(host.http_addr(), &create(host.http_addr()), None);
    let mut eve = Player::enter(host.http_addr(), &create(host.http_addr()), None);
    ada.command(LAUNCH);
    until([&mut ada, &mut eve], "the launch", |[ada, _]| ada.heard_event(is_launch));
    eve.send(encode(&ClientMessage::Resync));
    let snapshots = |player: &Player| player.heard.iter().filter(|m| matches!(m, HostMessage::Snapshot { .. })).count();
    let before = snapshots(&eve);
    until([&mut ada, &mut eve], "eve's new snapshot", |[_, eve]| snapshots(eve) > before);
    assert!(!eve.heard_event(is_launch));
}

#[test]
fn beacons_come_while_the_music_plays() {
    let host = host();
    let mut ada = Player::enter(host.http_addr(), &create(host.http_addr()), None);
    ada.command(Command::SetPlaying(true));
    let beacons = |player: &Player| player.heard.iter().filter(|m| matches!(m, HostMessage::Beacon(_))).count();
    until([&mut ada], "three beacons", |[ada]| beacons(ada) >= 3);
}

#[test]
fn a_malformed_message_is_answered_and_costs_nobody_else() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let mut eve = Player::enter(host.http_addr(), &code, None);
    let complaint = |player: &Player, why| player.heard.contains(&HostMessage::Malformed(why));
    eve.send(vec![PROTOCOL_VERSION, 0xff, 0xff]);
    eve.send(vec![9, 0]);
    eve.send(Vec::new());
    eve.send(vec![PROTOCOL_VERSION; MESSAGE_BYTES_MAX + 1]);
    eve.send_lossy(vec![0; 8]);
    ada.command(LAUNCH);
    until([&mut ada, &mut eve], "the launch and the complaints", |[ada, eve]| {
        ada.heard_event(is_launch)
            && complaint(eve, Malformed::Garbled)
            && complaint(eve, Malformed::OtherVersion(9))
            && complaint(eve, Malformed::OtherVersion(0))
            && complaint(eve, Malformed::TooLarge)
    });
    assert!(!ada.heard.iter().any(|message| matches!(message, HostMessage::Malformed(_))));
    assert!(eve.heard_event(is_launch), "she plays on herself");
}

#[test]
fn garbage_on_the_game_s_port_is_dropped_and_counted() {
    let host = host();
    let mut ada = Player::enter(host.http_addr(), &create(host.http_addr()), None);
    let stranger = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let garbage = [vec![], vec![0x85; 18], vec![0xf5; 1_400], vec![0; 1_078], vec![0xff; 9_000]];
    for datagram in &garbage {
        stranger.send_to(datagram, host.udp_addr()).unwrap();
    }
    eventually("the drops", || host.dropped().game >= garbage.len() as u64);
    ada.command(LAUNCH);
    until([&mut ada], "the launch", |[ada]| ada.heard_event(is_launch));
}

#[test]
fn a_player_who_sends_too_much_is_slowed_and_the_others_play_on() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let mut eve = Player::enter(host.http_addr(), &code, None);
    for _ in 0..3_000 {
        eve.command(Command::Unqueue { track: TrackId(0) });
    }
    ada.command(LAUNCH);
    let started = Instant::now();
    until([&mut ada, &mut eve], "the launch", |[ada, _]| ada.heard_event(is_launch));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let answers = |player: &Player| player.heard.iter().filter(|m| matches!(m, HostMessage::Refused { .. })).count();
    until([&mut ada, &mut eve], "all of her answers", |[_, eve]| answers(eve) == 3_000);
    assert!(started.elapsed() > Duration::from_secs(2), "{:?}: slower than she asked", started.elapsed());
}

#[test]
fn a_player_who_comes_back_has_the_same_seat() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let mut bob = Player::enter(host.http_addr(), &code, None);
    bob.leave();
    let (seat, token) = (bob.id(), bob.joined.token.clone());
    until([&mut ada], "the news of his loss", |[ada]| ada.heard_event(|kind| *kind == EventKind::PlayerLost(seat)));
    let bob = Player::enter(host.http_addr(), &code, Some(&token));
    assert_eq!(bob.id(), seat);
    until([&mut ada], "his return", |[ada]| ada.seat.state().unwrap().player(seat).is_some_and(|bob| bob.present));
}

#[test]
fn the_newest_connection_of_a_seat_has_it() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let mut older = Player::enter(host.http_addr(), &code, None);
    let token = older.joined.token.clone();
    let mut newer = Player::enter(host.http_addr(), &code, Some(&token));
    assert_eq!(older.id(), newer.id());
    until([&mut ada, &mut older, &mut newer], "the older one's end", |[_, older, _]| older.is_gone());
    newer.command(LAUNCH);
    until([&mut ada, &mut newer], "the launch", |players| players.iter().all(|player| player.heard_event(is_launch)));
    let seat = newer.id();
    assert!(!ada.heard_event(|kind| *kind == EventKind::PlayerLost(seat)), "the seat was never empty");
}

/// The first datagram of a connection, as netcode builds it from a connect token: version, protocol, expiry, nonce and
/// the sealed part.
fn connection_request(connect_token: &str) -> Vec<u8> {
    let token = from_hex(connect_token, 4_096).unwrap();
    let fields = [8..21, 21..29, 37..45, 45..69, 69..1_093];
    [0].into_iter().chain(fields.into_iter().flat_map(|field| token[field].to_vec())).collect()
}

#[test]
fn a_connect_token_is_of_no_use_on_another_host() {
    let (here, there) = (host(), host());
    let joined = common::try_join(here.http_addr(), &create(here.http_addr()), None).unwrap();
    let request = connection_request(&udp(&joined).connect_token);
    let thief = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    thief.set_read_timeout(Some(PATIENCE)).unwrap();
    thief.send_to(&request, there.udp_addr()).unwrap();
    eventually("the drop", || there.dropped().game == 1);
    // The right host answers the same bytes.
    thief.send_to(&request, here.udp_addr()).unwrap();
    let (length, from) = thief.recv_from(&mut [0; 1_400]).unwrap();
    assert!(from == here.udp_addr() && length < request.len(), "never more than was asked");
}

#[test]
fn whoever_asks_at_the_game_s_port_is_never_answered_by_more_than_was_asked() {
    const TIMES: usize = 20;
    let host = host();
    let joined = common::try_join(host.http_addr(), &create(host.http_addr()), None).unwrap();
    let request = connection_request(&udp(&joined).connect_token);
    let forger = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    forger.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = [0; 1_400];
    let mut answered = 0;
    for _ in 0..TIMES {
        forger.send_to(&request, host.udp_addr()).unwrap();
        let (length, _) = forger.recv_from(&mut buffer).expect("an answer");
        assert!(length <= request.len(), "{length} bytes for {}", request.len());
        answered += length;
    }
    // Whatever came beside the first answer to each, all but the last has arrived by now.
    forger.set_nonblocking(true).unwrap();
    while let Ok((length, _)) = forger.recv_from(&mut buffer) {
        answered += length;
    }
    assert!(answered <= TIMES * request.len(), "{answered} bytes for {}", TIMES * request.len());
}

#[test]
fn a_datagram_with_a_forged_header_from_a_player_s_own_address_does_not_end_the_host() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let joined = common::try_join(host.http_addr(), &code, None).unwrap();
    let request = connection_request(&udp(&joined).connect_token);
    let eve = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    eve.set_read_timeout(Some(PATIENCE)).unwrap();
    eve.send_to(&request, host.udp_addr()).unwrap();
    eve.recv_from(&mut [0; 1_400]).expect("she is known to netcode now");
    eve.send_to(&[0x85; 18], host.udp_addr()).unwrap();
    eve.send_to(&[0xf5; 1_400], host.udp_addr()).unwrap();
    eventually("the drops", || host.dropped().game == 2);
    ada.command(LAUNCH);
    until([&mut ada], "the launch", |[ada]| ada.heard_event(is_launch));
}

/// A seat's own connection, below renet: it can send what no renet client would.
struct Forger {
    netcode: NetcodeClient,
    socket: UdpSocket,
}

impl Forger {
    fn enter(host: SocketAddr, code: &str) -> Self {
        let bytes = from_hex(&udp(&common::try_join(host, code, None).unwrap()).connect_token, 4_096).unwrap();
        let connect_token = ConnectToken::read(&mut bytes.as_slice()).unwrap();
        let authentication = ClientAuthentication::Secure { connect_token };
        let mut netcode = NetcodeClient::new(Duration::ZERO, authentication).unwrap();
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        while !netcode.is_connected() {
            if let Some((packet, address)) = netcode.update(Duration::from_millis(250)) {
                socket.send_to(packet, address).unwrap();
            }
            let mut buffer = [0; 1_400];
            let (length, _) = socket.recv_from(&mut buffer).expect("the host answers");
            netcode.process_packet(&mut buffer[..length]);
        }
        Self { netcode, socket }
    }

    fn send(&mut self, payload: &[u8]) {
        let (address, packet) = self.netcode.generate_payload_packet(payload).unwrap();
        self.socket.send_to(packet, address).unwrap();
    }

    fn is_gone(&mut self) -> bool {
        let mut buffer = [0; 1_400];
        while let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
            self.netcode.process_packet(&mut buffer[..length]);
            if self.netcode.is_disconnected() {
                return true;
            }
        }
        false
    }
}

#[test]
fn packets_that_no_renet_client_sends_cost_only_their_sender() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let full_slice = [&[0x44, 0xb0][..], &[0xff; 1_200]].concat();
    let forged = [
        // A reliable slice beyond its message, an unreliable one, and a message with a number far ahead.
        [&[2, 0, 0, 0, 40, 2][..], &full_slice].concat(),
        [&[3, 0, 1, 0, 40, 2][..], &full_slice].concat(),
        vec![0, 0, 0, 0, 1, 0xbf, 0xff, 0xff, 0xff, 0],
        // An unknown kind, an unknown channel, and nothing at all.
        vec![9; 20],
        vec![0, 0, 7, 0, 1, 0, 0],
        Vec::new(),
    ];
    for payload in forged {
        let mut forger = Forger::enter(host.http_addr(), &code);
        forger.send(&payload);
        assert!(forger.is_gone(), "{:?}", &payload[..payload.len().min(12)]);
    }
    ada.command(LAUNCH);
    until([&mut ada], "the launch", |[ada]| ada.heard_event(is_launch));
}

#[test]
fn whoever_never_reads_costs_nobody_anything_and_is_given_up() {
    /// Presses while it still speaks.
    const ROUNDS: u32 = 100;
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let mut bob = Player::enter(host.http_addr(), &code, None);
    let mut deaf = Forger::enter(host.http_addr(), &code);
    let deaf_seat = SeatId(2);
    until([&mut ada, &mut bob], "the deaf one", |[ada, _]| {
        ada.heard_event(|kind| matches!(kind, EventKind::PlayerJoined(player) if player.seat == deaf_seat))
    });
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let name = Name::sanitised(&format!("Round {round}"));
        let change = TrackChange::Name(name.clone());
        let begin = Instant::now();
        // An unreliable message without bytes: it is there, and acknowledges nothing.
        deaf.send(&[1, 0, 1, 0, 1, 0]);
        ada.command(Command::Edit(Edit::ChangeTrack { track: TrackId(1), change }));
        until([&mut ada, &mut bob], "the edit", |players| {
            players.iter().all(|player| player.state().track(TrackId(1)).is_some_and(|track| track.name == name))
        });
        slowest = slowest.max(begin.elapsed());
    }
    assert!(slowest < AT_ONCE, "{slowest:?}");
    // Now it is silent, too.
    until([&mut ada, &mut bob], "its loss", |players| {
        players.iter().all(|player| player.heard_event(|kind| *kind == EventKind::PlayerLost(deaf_seat)))
    });
    assert!(!ada.is_gone() && !bob.is_gone());
}

#[test]
fn a_host_that_stops_tells_its_players_at_once() {
    let mut host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let mut bob = Player::enter(host.http_addr(), &code, None);
    let started = Instant::now();
    host.stop();
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    until([&mut ada, &mut bob], "the end", |players| players.iter().all(|player| player.is_gone()));
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}
