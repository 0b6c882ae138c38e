//! The host as a library: addresses, the time echo, errors, and its end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use common::{Player, eventually, host, local_now, try_join};
use keyboardia_server::{Host, HostConfig, HostError};
use keyboardia_session::{Micros, api::from_hex, wire::Probe};
use keyboardia_visitor::{PATIENCE, udp};
use renet_netcode::ConnectToken;
use std::net::{IpAddr, SocketAddr, UdpSocket};

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn request(sent: u64) -> Probe {
    Probe { sent: Micros(sent), received: Micros(0), answered: Micros(0) }
}

#[test]
fn a_probe_returns_with_the_host_s_time_and_no_larger() {
    let host = host();
    let socket = socket();
    let before = local_now();
    socket.send_to(&request(42).encode(), host.time_addr()).unwrap();
    let mut buffer = [0; 1_400];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    let after = local_now();
    assert_eq!((length, from), (Probe::BYTES, host.time_addr()));
    let answer = Probe::decode(&buffer[..length]).unwrap();
    assert_eq!(answer.sent, Micros(42));
    assert!(answer.received <= answer.answered);
    // Both read UNIX time, the host once and carried on; a millisecond covers the difference in a test's life.
    assert!(before.offset(-1_000) <= answer.received && answer.answered <= after.offset(1_000));
}

#[test]
fn only_a_request_is_answered_by_the_time_echo() {
    let host = host();
    let socket = socket();
    let reply = Probe { answered: Micros(1), ..request(1) }.encode();
    let longer = [&request(2).encode()[..], &[0]].concat();
    let wrong: [&[u8]; 5] = [&[], b"x", &[0; Probe::BYTES], &reply, &longer];
    for datagram in wrong {
        socket.send_to(datagram, host.time_addr()).unwrap();
    }
    eventually("the drops", || host.dropped().time == wrong.len() as u64);
    socket.send_to(&request(3).encode(), host.time_addr()).unwrap();
    let mut buffer = [0; 1_400];
    let (length, _) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(Probe::decode(&buffer[..length]).unwrap().sent, Micros(3), "the first answer of all");
}

#[test]
fn advertised_addresses_follow_the_one_that_was_reached() {
    let advertise: Vec<IpAddr> = vec!["203.0.113.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    let host = Host::start(HostConfig {
        http: any,
        udp: any,
        time: any,
        advertise: advertise.clone(),
        ..HostConfig::default()
    })
    .unwrap();
    let http = SocketAddr::from(([127, 0, 0, 1], host.http_addr().port()));
    let code = host.create_session().unwrap().to_string();
    let joined = try_join(http, &code, None).unwrap();
    assert_eq!(udp(&joined).time, SocketAddr::from(([127, 0, 0, 1], host.time_addr().port())));
    let bytes = from_hex(&udp(&joined).connect_token, 4_096).unwrap();
    let token = ConnectToken::read(&mut bytes.as_slice()).unwrap();
    let listed: Vec<SocketAddr> = token.server_addresses.iter().flatten().copied().collect();
    let port = host.udp_addr().port();
    let expected = [IpAddr::from([127, 0, 0, 1]), advertise[0], advertise[1]].map(|ip| SocketAddr::new(ip, port));
    assert_eq!(listed, expected);
    Player::enter(http, &code, None);
}

#[test]
fn players_can_join_by_every_address_of_this_machine() {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    let host = Host::start(HostConfig { http: any, udp: any, time: any, ..HostConfig::default() }).unwrap();
    let code = host.create_session().unwrap().to_string();
    let interfaces = if_addrs::get_if_addrs().unwrap();
    for ip in interfaces.iter().map(if_addrs::Interface::ip).filter(IpAddr::is_ipv4) {
        let http = SocketAddr::new(ip, host.http_addr().port());
        assert_eq!(udp(&try_join(http, &code, None).unwrap()).time.ip(), ip);
    }
}

#[test]
fn a_port_in_use_is_named() {
    let first = host();
    let taken = first.http_addr();
    let error = Host::start(HostConfig { http: taken, ..HostConfig::loopback() }).unwrap_err();
    assert!(matches!(error, HostError::PortInUse(address) if address == taken));
    let sentence = format!("Port {} is in use on this machine; choose another with --port.", taken.port());
    assert_eq!(error.to_string(), sentence);
    let error = Host::start(HostConfig { udp: first.time_addr(), ..HostConfig::loopback() }).unwrap_err();
    assert!(matches!(error, HostError::PortInUse(address) if address == first.time_addr()));
}

#[test]
fn an_address_of_another_machine_is_named() {
    let elsewhere = SocketAddr::from(([203, 0, 113, 7], 0));
    let error = Host::start(HostConfig { udp: elsewhere, ..HostConfig::loopback() }).unwrap_err();
    assert_eq!(error.to_string(), "203.0.113.7 is not an address of this machine; choose another with --bind.");
}

#[test]
fn a_stopped_host_frees_its_ports_and_opens_no_sessions() {
    let mut host = host();
    let config =
        HostConfig { http: host.http_addr(), udp: host.udp_addr(), time: host.time_addr(), ..HostConfig::default() };
    host.stop();
    host.stop();
    assert!(matches!(host.create_session(), Err(HostError::NoAnswer)));
    drop(Host::start(config.clone()).expect("the ports are free"));
    Host::start(config).expect("and free again when a host is dropped");
}

#[test]
fn too_many_advertised_addresses_are_refused() {
    let advertise = vec![IpAddr::from([203, 0, 113, 7]); 31];
    let error = Host::start(HostConfig { advertise, ..HostConfig::loopback() }).unwrap_err();
    assert_eq!(error.to_string(), "At most 30 addresses can be advertised, 31 were given.");
}
