//! The host as a program.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use common::{Player, Program, host, try_join, until};
use keyboardia_session::{SessionCode, api::from_hex};
use keyboardia_visitor::udp;
use renet_netcode::ConnectToken;
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
};

#[test]
fn the_program_says_where_it_is_and_ends_well_when_asked_to() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(&["--json", "--port", "0", "--bind", "127.0.0.1", "--create"]);
        let line: serde_json::Value = serde_json::from_str(&program.first_line()).unwrap();
        let address = |name: &str| line[name].as_str().unwrap().parse::<SocketAddr>().unwrap();
        assert!(["http", "udp", "time"].iter().all(|name| address(name).port() != 0), "{line}");
        let code = line["code"].as_str().unwrap();
        assert!(SessionCode::parse(code).is_some());
        let mut ada = Player::enter(address("http"), code, None);
        program.signal(signal);
        until([&mut ada], "the end", |[ada]| ada.is_gone());
        let (status, said) = program.end();
        assert_eq!(status, Some(0), "{said}");
        assert!(said.contains("telling the players and stopping"), "{said}");
        assert!(!said.contains(&ada.joined.token) && !said.contains(code), "no secrets in the log");
    }
}

#[test]
fn without_create_there_is_no_code() {
    let mut program = Program::start(&["--json", "--port", "0"]);
    let line: serde_json::Value = serde_json::from_str(&program.first_line()).unwrap();
    assert!(line["code"].is_null());
    program.signal("TERM");
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn people_are_told_how_to_join() {
    let mut program = Program::start(&["--port", "0", "--bind", "127.0.0.1", "--advertise", "203.0.113.7", "--create"]);
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "Keyboardia's host is ready. Players join with");
    let join = lines.next().unwrap();
    assert!(join.starts_with("  ./play --join 203.0.113.7:"), "{join}");
    assert!(SessionCode::parse(join.split(' ').next_back().unwrap()).is_some(), "{join}");
    program.signal("TERM");
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn players_are_sent_to_the_relay_and_nowhere_else() {
    let relay = ["127.0.0.1:40001", "127.0.0.1:50002"];
    let mut program =
        Program::start(&["--json", "--port", "0", "--bind", "127.0.0.1", "--create", "--relay", relay[0], relay[1]]);
    let line: serde_json::Value = serde_json::from_str(&program.first_line()).unwrap();
    let joined = try_join(line["http"].as_str().unwrap().parse().unwrap(), line["code"].as_str().unwrap(), None);
    let joined = joined.unwrap();
    assert_eq!(udp(&joined).time.to_string(), relay[1]);
    let bytes = from_hex(&udp(&joined).connect_token, 4_096).unwrap();
    let token = ConnectToken::read(&mut bytes.as_slice()).unwrap();
    let listed: Vec<String> = token.server_addresses.iter().flatten().map(SocketAddr::to_string).collect();
    assert_eq!(listed, [relay[0]]);
    program.signal("TERM");
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn a_port_in_use_ends_the_program_with_a_sentence() {
    let host = host();
    let port = host.http_addr().port();
    let program = Program::start(&["--bind", "127.0.0.1", "--port", &port.to_string()]);
    let (status, said) = program.end();
    assert_eq!(status, Some(1));
    let sentence = format!("keyboardia-server: Port {port} is in use on this machine; choose another with --port.\n");
    assert_eq!(said, sentence);
}
