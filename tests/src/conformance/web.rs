//! What only WebSockets have: text frames, and close frames with a code.

use super::{Authority, Outcome};
use keyboardia_session::{
    Command, Farewell, SeatToken, SessionCode,
    limits::{MESSAGE_BYTES_MAX, PROTOCOL_VERSION},
    wire::{self, Hello, HostMessage},
};
use keyboardia_visitor::{Closed, Failure, Message, PATIENCE, address, handshake, until};
use std::{net::TcpStream, time::Instant};

pub(super) fn a_text_ping_is_answered_and_another_text_is_no_message(authority: &Authority) -> Outcome {
    let (_, [mut ada]) = authority.jam(["Ada"])?;
    for count in 1..=3 {
        ada.send_frame(Message::Text("ping".into()));
        until([&mut ada], "a pong", |[ada]| ada.texts.len() == count)?;
    }
    ensure!(ada.texts.iter().all(|text| text == "pong"), "{:?} are no pongs", ada.texts);
    ada.send_frame(Message::Text("what is this".into()));
    until([&mut ada], "a complaint", |[ada]| ada.heard.iter().any(|m| matches!(m, HostMessage::Malformed(_))))?;
    ensure!(!ada.is_gone(), "it costs the connection");
    Ok(())
}

/// How a WebSocket ends on which this is said first.
fn end(authority: &Authority, code: &str, first: Message) -> Result<Closed, Failure> {
    let broken = |why: &dyn std::fmt::Display| Failure::Broken(format!("No close frame: {why}."));
    let at = address(&authority.url);
    let stream = TcpStream::connect(&at).map_err(|error| broken(&error))?;
    let mut socket = handshake(stream, &at, code)?;
    socket.send(first).map_err(|error| broken(&error))?;
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        match socket.read() {
            Ok(Message::Close(Some(frame))) => {
                return Ok(Closed { code: frame.code.into(), reason: frame.reason.to_string() });
            }
            Ok(_) => {}
            Err(error) => return Err(broken(&error)),
        }
    }
    Err(broken(&"it takes too long"))
}

pub(super) fn whoever_does_not_say_who_comes_is_turned_away_with_a_code_and_a_sentence(
    authority: &Authority,
) -> Outcome {
    let code = authority.open()?;
    let joined = authority.join(&code, "Ada", None)?;
    let token = SeatToken::from_hex(&joined.token).ok_or("The token is none.")?;
    let hello = |token| Message::Binary(wire::encode(&Hello { token }).into());
    let absent = SessionCode::from_entropy(7).to_string();
    let mut other = wire::encode(&Hello { token: token.clone() });
    other[0] = PROTOCOL_VERSION + 1;
    for (code, first, expected) in [
        (absent.as_str(), hello(token.clone()), Farewell::NoSession),
        ("nonsense", hello(token.clone()), Farewell::NoSession),
        (&code, hello(SeatToken([7; 32])), Farewell::NoSeat),
        (&code, Message::Binary(other.into()), Farewell::OtherProtocol),
        (&code, Message::Text("let me in".into()), Farewell::Unnamed),
        (&code, Message::Binary(vec![PROTOCOL_VERSION].into()), Farewell::Unnamed),
        (&code, Message::Binary(vec![0; MESSAGE_BYTES_MAX + 1].into()), Farewell::TooLarge),
    ] {
        let closed = end(authority, code, first)?;
        let meant = Closed { code: expected.code(), reason: expected.to_string() };
        ensure!(closed == meant, "{closed:?} came, not {meant:?}");
    }
    Ok(())
}

pub(super) fn a_removed_player_s_close_frame_says_not_to_come_back(authority: &Authority) -> Outcome {
    let (_, [mut ada, mut bob]) = authority.jam(["Ada", "Bob"])?;
    let seat = bob.id();
    ada.command(Command::SetRemoval { seat, remove: true });
    until([&mut ada, &mut bob], "his end", |[_, bob]| bob.is_gone())?;
    let meant = Closed { code: Farewell::Removed.code(), reason: Farewell::Removed.to_string() };
    ensure!(bob.closed() == Some(&meant), "{:?} came, not {meant:?}", bob.closed());
    ensure!(bob.heard.last() == Some(&HostMessage::Farewell(Farewell::Removed)), "{:?} came last", bob.heard.last());
    Ok(())
}
