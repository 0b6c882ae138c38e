//! The HTTP interface: what is answered, and what is refused, with which sentence.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use common::{Player, create, eventually, host, post, try_join, until, url};
use keyboardia_server::{Host, HostConfig};
use keyboardia_session::{
    Command, Patience, Profile, SceneId, SeatToken, SessionCode, TrackId,
    api::{ApiError, ApiErrorKind, JoinRequest, Joined},
    limits::{HTTP_BODY_BYTES_MAX, MESSAGE_BYTES_MAX, PROTOCOL_VERSION, SEATS_MAX},
    wire::HostMessage,
};
use keyboardia_visitor::{PATIENCE, Way, client, udp};
use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

#[test]
fn a_session_is_created_with_a_code_of_five_words() {
    let host = host();
    assert!(SessionCode::parse(&create(host.http_addr())).is_some());
}

#[test]
fn the_host_is_healthy() {
    let host = host();
    let answer = client().get(url(host.http_addr(), "/healthz")).send().unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().unwrap().as_str()), (200, "ok"));
}

#[test]
fn a_seat_comes_with_its_token_and_the_way_to_connect() {
    let host = host();
    let joined = try_join(host.http_addr(), &create(host.http_addr()), None).unwrap();
    assert_eq!(joined.seat, 0);
    assert!(SeatToken::from_hex(&joined.token).is_some());
    assert_eq!(udp(&joined).time, host.time_addr());
}

#[test]
fn a_code_is_read_as_people_write_it() {
    let host = host();
    let code = create(host.http_addr()).to_uppercase().replace('-', "%20");
    assert!(try_join(host.http_addr(), &code, None).is_ok());
}

#[test]
fn an_unknown_code_is_refused_by_name() {
    let host = host();
    let absent = SessionCode::from_entropy(7).to_string();
    let (status, error) = try_join(host.http_addr(), &absent, None).unwrap_err();
    assert_eq!((status, error.kind), (404, ApiErrorKind::UnknownSession));
    assert_eq!(error.message, format!("No session has the code {absent}; check the five words."));
    let (status, error) = try_join(host.http_addr(), "not-a-code", None).unwrap_err();
    assert_eq!((status, error.kind), (404, ApiErrorKind::UnknownSession));
    assert_eq!(error.message, "No session has the code not-a-code; check the five words.");
}

#[test]
fn the_eleventh_player_finds_the_session_full() {
    let host = host();
    let code = create(host.http_addr());
    let first = try_join(host.http_addr(), &code, None).unwrap();
    let seats: Vec<u8> = (1..SEATS_MAX).map(|_| try_join(host.http_addr(), &code, None).unwrap().seat).collect();
    assert_eq!(seats, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let (status, error) = try_join(host.http_addr(), &code, None).unwrap_err();
    assert_eq!((status, error.kind), (409, ApiErrorKind::SessionFull));
    assert_eq!(error.message, "This session is full: all 10 seats are taken.");
    assert_eq!(try_join(host.http_addr(), &code, Some(&first.token)).unwrap().seat, 0, "a kept seat is still open");
}

#[test]
fn another_protocol_is_told_to_update() {
    let host = host();
    let code = create(host.http_addr());
    let answer = post(host.http_addr(), &format!("/api/sessions/{code}/join"), r#"{"protocol":99,"new":[]}"#);
    assert_eq!(answer.status(), 426);
    let error: ApiError = answer.json().unwrap();
    assert_eq!(error.kind, ApiErrorKind::OtherProtocol);
    assert_eq!(
        error.message,
        format!("This host speaks protocol {PROTOCOL_VERSION}, your game 99: update the older one.")
    );
}

#[test]
fn a_body_that_cannot_be_read_is_refused() {
    let host = host();
    let path = format!("/api/sessions/{}/join", create(host.http_addr()));
    let too_large = " ".repeat(HTTP_BODY_BYTES_MAX + 1);
    let deep = "[".repeat(HTTP_BODY_BYTES_MAX);
    let spoken = |rest: &str| format!(r#"{{"protocol":{PROTOCOL_VERSION},{rest}}}"#);
    let wrong = [r#""token":"abc""#, r#""name":7"#, r##""colour":"#12""##, r#""avatar":200"#].map(spoken);
    let wrong = wrong.iter().map(String::as_str);
    for body in ["", "{", "null", r#"{"protocol":-1}"#, &too_large, &deep].into_iter().chain(wrong) {
        let answer = post(host.http_addr(), &path, body);
        assert_eq!(answer.status(), 400, "{body:.40}");
        let error: ApiError = answer.json().expect("an error in JSON");
        assert_eq!(error.kind, ApiErrorKind::BadRequest);
        assert!(error.message.ends_with('.'), "{}", error.message);
    }
}

#[test]
fn unknown_addresses_and_methods_are_refused_in_json() {
    let host = host();
    let missing = client().get(url(host.http_addr(), "/api/nothing")).send().unwrap();
    assert_eq!(missing.status(), 404);
    assert_eq!(missing.json::<ApiError>().unwrap().message, "There is nothing at /api/nothing on this host.");
    let wrong = client().get(url(host.http_addr(), "/api/sessions")).send().unwrap();
    assert_eq!(wrong.status(), 405);
    assert_eq!(wrong.json::<ApiError>().unwrap().message, "/api/sessions does not answer to GET.");
    let odd = post(host.http_addr(), "/api/sessions/%ff/join", format!(r#"{{"protocol":{PROTOCOL_VERSION}}}"#));
    assert_eq!(odd.status(), 404);
    assert_eq!(odd.json::<ApiError>().unwrap().message, "No session has that code; check the five words.");
}

#[test]
fn bytes_that_are_not_http_disturb_nobody() {
    let host = host();
    let mut stranger = TcpStream::connect(host.http_addr()).unwrap();
    stranger.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stranger.write_all(&[0xff; 512]).unwrap();
    let mut answer = Vec::new();
    // The host closes the connection; how much it says before is its affair.
    stranger.read_to_end(&mut answer).unwrap_or_default();
    create(host.http_addr());
}

#[test]
fn three_hundred_connections_of_one_address_that_say_nothing_leave_room_for_others() {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let host = Host::start(HostConfig { http: any, ..HostConfig::loopback() }).unwrap();
    let port = host.http_addr().port();
    let interfaces = if_addrs::get_if_addrs().unwrap();
    let outside = interfaces.iter().map(if_addrs::Interface::ip).find(|ip| ip.is_ipv4() && !ip.is_loopback());
    // Loopback is not limited; there they have all the places, until it shows that they ask for nothing.
    let from = outside.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let silent: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect((from, port)).unwrap()).collect();
    let begin = Instant::now();
    create(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    assert!(outside.is_none() || begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    drop(silent);
}

#[test]
fn a_connection_that_does_not_come_to_its_point_is_closed_and_one_that_has_asked_is_kept() {
    let host = host();
    let connect = || {
        let stream = TcpStream::connect(host.http_addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let (mut silent, mut slow, mut asked) = (connect(), connect(), connect());
    let ask = |stream: &mut TcpStream| {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 4_096];
        let length = stream.read(&mut answer).unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));
    };
    ask(&mut asked);
    slow.write_all(b"GET /healthz HTTP/1.1\r\nX: ").unwrap();
    slow.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let begin = Instant::now();
    // A byte now and then does not make a request.
    while !matches!(slow.read(&mut [0]), Ok(0)) && slow.write_all(b"x").is_ok() {
        assert!(begin.elapsed() < PATIENCE, "still open");
    }
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "whoever said nothing is closed, too");
    ask(&mut asked);
}

#[test]
fn an_address_that_guesses_codes_is_slowed_and_others_are_not() {
    let trust = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let host = Host::start(HostConfig { trust, ..HostConfig::loopback() }).unwrap();
    let real = create(host.http_addr());
    let join = |from: &str, code: &str| {
        let body = serde_json::to_string(&JoinRequest::new(&Profile::default(), None)).unwrap();
        let url = url(host.http_addr(), &format!("/api/sessions/{code}/join"));
        client().post(url).header("x-forwarded-for", from).body(body).send().unwrap()
    };
    let (eve, ada) = ("203.0.113.9", "203.0.113.10");
    let guess = |number| SessionCode::from_entropy(number).to_string();
    let answers: Vec<u16> = (0..30).map(|number| join(eve, &guess(number)).status().as_u16()).collect();
    let wrong = answers.iter().take_while(|status| **status == 404).count();
    assert!((10..30).contains(&wrong) && answers[wrong..].iter().all(|status| *status == 429), "{answers:?}");
    let refused = join(eve, &real);
    assert_eq!(refused.status(), 429, "even when it guesses right");
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let error: ApiError = refused.json().unwrap();
    assert_eq!(error.kind, ApiErrorKind::TooOften);
    assert_eq!(error.message, format!("That was too often from your address; try again in {seconds} s."));
    assert_eq!(join(ada, &real).status(), 200);
}

#[test]
fn whoever_comes_through_a_proxy_that_nobody_trusts_is_limited_whatever_it_says() {
    let host = host();
    let through = |from: &str| {
        let url = url(host.http_addr(), "/api/sessions");
        client().post(url).header("x-forwarded-for", from).send().unwrap().status().as_u16()
    };
    let answers: Vec<u16> = (0..30).map(|last| through(&format!("203.0.113.{last}"))).collect();
    let opened = answers.iter().take_while(|status| **status == 201).count();
    assert!((5..30).contains(&opened) && answers[opened..].iter().all(|status| *status == 429), "{answers:?}");
    assert_eq!(through("127.0.0.1"), 429);
    let metrics = || client().get(url(host.http_addr(), "/metrics"));
    assert_eq!(metrics().header("x-forwarded-for", "127.0.0.1").send().unwrap().status(), 404);
    assert_eq!(metrics().send().unwrap().status(), 200);
    // Whoever asks this host itself is not limited.
    (0..30).for_each(|_| drop(create(host.http_addr())));
}

#[test]
fn an_address_that_asks_for_seats_and_never_comes_cannot_have_them_all() {
    let trust = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let host = Host::start(HostConfig { trust, ..HostConfig::loopback() }).unwrap();
    let http = host.http_addr();
    let codes = [(); 3].map(|()| create(http));
    let join = |from: &str, code: &str, token: Option<&str>| {
        let body = serde_json::to_string(&JoinRequest::new(&Profile::default(), token)).unwrap();
        let url = url(http, &format!("/api/sessions/{code}/join"));
        client().post(url).header("x-forwarded-for", from).body(body).send().unwrap()
    };
    let (eve, ada) = ("203.0.113.9", "203.0.113.10");
    let tokens: Vec<String> = codes[..2]
        .iter()
        .flat_map(|code| (0..SEATS_MAX).map(move |_| code))
        .map(|code| join(eve, code, None).json::<Joined>().unwrap().token)
        .collect();
    let refused = join(eve, &codes[2], None);
    assert_eq!(refused.status(), 429);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let error: ApiError = refused.json().unwrap();
    let sentence = format!("Too many players from your address are on their way; try again in {seconds} s.");
    assert_eq!((error.kind, error.message), (ApiErrorKind::TooOften, sentence));
    assert_eq!(join(ada, &codes[2], None).status(), 200, "somebody else");
    assert_eq!(join(eve, &codes[0], Some(&tokens[0])).status(), 200, "a seat that is kept already");
    let _one = Player::enter(http, &codes[0], Some(&tokens[0]));
    assert_eq!(join(eve, &codes[2], None).status(), 200, "one of them has come");
    assert_eq!(join(eve, &codes[2], None).status(), 429);
}

#[test]
fn a_session_that_nobody_ever_joined_is_kept_for_the_grace_time_alone() {
    let patience = Patience { seat_us: 3_000_000, session_us: 3_600_000_000 };
    let host = Host::start(HostConfig { patience, ..HostConfig::loopback() }).unwrap();
    let http = host.http_addr();
    let of_the_owner = host.create_session().unwrap().to_string();
    let (unused, admitted, played) = (create(http), create(http), create(http));
    try_join(http, &admitted, None).unwrap();
    Player::enter(http, &played, None).leave();
    eventually("two of four sessions", || {
        let metrics = client().get(url(http, "/metrics")).send().unwrap().text().unwrap();
        metrics.contains("\nkeyboardia_sessions 2\n")
    });
    for code in [&unused, &admitted] {
        assert_eq!(try_join(http, code, None).unwrap_err().0, 404);
    }
    for code in [&of_the_owner, &played] {
        assert!(try_join(http, code, None).is_ok());
    }
}

#[test]
fn at_most_a_few_proxies_are_trusted() {
    let trust = (0..17).map(|last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))).collect();
    let error = Host::start(HostConfig { trust, ..HostConfig::loopback() }).unwrap_err();
    assert_eq!(error.to_string(), "At most 16 proxies can be trusted, 17 were given.");
}

#[test]
fn what_the_host_counts_is_told_to_this_machine_and_to_nobody_else() {
    let trust = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let host = Host::start(HostConfig { trust, ..HostConfig::loopback() }).unwrap();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    ada.command(Command::Unqueue { track: TrackId(0) });
    ada.command(Command::Launch { track: TrackId(99), scene: SceneId(0) });
    until([&mut ada], "two refusals", |[ada]| {
        ada.heard.iter().filter(|said| matches!(said, HostMessage::Refused { .. })).count() == 2
    });
    assert_eq!(post(host.http_addr(), "/nowhere", "").status(), 404);
    let metrics = || client().get(url(host.http_addr(), "/metrics")).send().unwrap().text().unwrap();
    let value = |key: &str| {
        let line = metrics().lines().find_map(|line| Some(line.strip_prefix(key)?.trim().to_owned()));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or_else(|| panic!("{key} in {}", metrics()))
    };
    assert_eq!((value("keyboardia_sessions"), value("keyboardia_players")), (1.0, 1.0));
    assert!(value("keyboardia_messages_received_total") >= 2.0 && value("keyboardia_messages_sent_total") >= 3.0);
    assert_eq!(value("keyboardia_commands_refused_total{reason=\"not_there\"}"), 2.0);
    ada.send(vec![PROTOCOL_VERSION, 0xff]);
    until([&mut ada], "a complaint", |[ada]| ada.heard.iter().any(|said| matches!(said, HostMessage::Malformed(_))));
    assert_eq!(value("keyboardia_messages_malformed_total"), 1.0);
    for way in [Way::Udp, Way::WebSocket] {
        // The older connection of the seat is closed.
        let token = ada.joined.token.clone();
        ada = Player::enter_by(way, host.http_addr(), &code, &token);
    }
    assert_eq!(value("keyboardia_connections_closed_total{reason=\"replaced\"}"), 2.0);
    let mut web = ada;
    web.send(vec![0; MESSAGE_BYTES_MAX + 1]);
    until([&mut web], "the end", |[web]| web.is_gone());
    assert_eq!(value("keyboardia_connections_closed_total{reason=\"too_large\"}"), 1.0);
    assert!(value("keyboardia_handle_seconds_count") >= 2.0);
    assert_eq!(value("keyboardia_http_answers_total{status=\"404\"}"), 1.0);
    let guess = |from: &str| {
        let code = SessionCode::from_entropy(7);
        let join = client().post(url(host.http_addr(), &format!("/api/sessions/{code}/join")));
        let body = serde_json::to_string(&JoinRequest::new(&Profile::default(), None)).unwrap();
        join.header("x-forwarded-for", from).body(body).send().unwrap().status()
    };
    while guess("203.0.113.9") != 429 {}
    assert_eq!(value("keyboardia_http_turned_away_total{errand=\"join\"}"), 1.0);
    assert!(!metrics().contains(&code), "no secrets");
    let stranger = client().get(url(host.http_addr(), "/metrics")).header("x-forwarded-for", "203.0.113.9");
    assert_eq!(stranger.send().unwrap().status(), 404);
}
