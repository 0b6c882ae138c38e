//! Who comes, who stays, who is let in.

use super::{Authority, Outcome, name_of, refused};
use keyboardia_session::{
    Avatar, Colour, Command, EventKind, Farewell, Name, Refusal, SeatToken, SessionCode, Song,
    api::{ApiError, ApiErrorKind, Created},
    limits::{CREATE_BODY_BYTES_MAX, HTTP_BODY_BYTES_MAX, PROTOCOL_VERSION, SEATS_MAX},
    wire::HostMessage,
};
use keyboardia_visitor::{Failure, Visitor, Way, address, client, until};
use std::collections::BTreeSet;

/// Posts a body to a session's door; a refusal is given as any other.
fn knock(authority: &Authority, code: &str, body: String) -> Result<String, Failure> {
    post(authority, &format!("/api/sessions/{code}/join"), body)
}

/// Posts a body; what comes back.
fn post(authority: &Authority, path: &str, body: String) -> Result<String, Failure> {
    let answer = client().post(format!("http://{}{path}", address(&authority.url))).body(body).send()?;
    let status = answer.status();
    if status.is_success() {
        Ok(answer.text()?)
    } else {
        Err(Failure::Refused { status: status.as_u16(), error: answer.json::<ApiError>()? })
    }
}

pub(super) fn a_session_has_a_code_of_five_words_and_its_host_is_well(authority: &Authority) -> Outcome {
    let codes = [authority.open()?, authority.open()?];
    for code in &codes {
        ensure!(SessionCode::parse(code).is_some_and(|parsed| parsed.to_string() == *code), "“{code}” is no code");
    }
    ensure!(codes[0] != codes[1], "two sessions have one code");
    let health = client().get(format!("http://{}/healthz", address(&authority.url))).send();
    let health = health.map_err(Failure::from)?;
    ensure!(health.status() == 200, "/healthz answers {}", health.status());
    // As people write it.
    authority.join(&codes[0].to_uppercase().replace('-', "%20"), "Ada", None)?;
    Ok(())
}

pub(super) fn a_player_is_welcomed_then_gets_the_snapshot_then_the_news(authority: &Authority) -> Outcome {
    let (_, [mut ada]) = authority.jam(["Ada"])?;
    let me = ada.id();
    let is_me = |kind: &EventKind| matches!(kind, EventKind::PlayerJoined(player) if player.seat == me);
    until([&mut ada], "the news of joining", |[ada]| ada.heard_event(is_me))?;
    let place = |message: &HostMessage| match message {
        HostMessage::Welcome { .. } => 0,
        HostMessage::Snapshot { .. } => 1,
        _ => 2,
    };
    let order: Vec<u8> = ada.heard.iter().map(place).collect();
    ensure!(order.is_sorted() && order.contains(&0) && order.contains(&1), "{order:?} is not the order");
    let welcome = ada.heard.first();
    let is_mine = matches!(welcome, Some(HostMessage::Welcome { seat, epoch, .. }) if *seat == me && *epoch >= 1);
    ensure!(is_mine, "{welcome:?} is no welcome to {me:?}");
    let state = ada.state();
    let player = state.player(me).ok_or("The player is not in the session.")?;
    ensure!(player.present && player.name.as_str() == "Ada", "{player:?} is not Ada");
    let clips = state.tracks().iter().flat_map(|track| track.clips.iter()).count();
    ensure!(clips >= 24, "the starter groove has {clips} clips");
    Ok(())
}

pub(super) fn each_player_has_a_seat_a_token_and_a_name_of_its_own(authority: &Authority) -> Outcome {
    let (code, mut players) = authority.jam(["Ada", "Bob", "Cyd"])?;
    let tokens: BTreeSet<&str> = players.iter().map(|player| player.joined.token.as_str()).collect();
    ensure!(tokens.len() == 3 && tokens.iter().all(|token| SeatToken::from_hex(token).is_some()), "bad tokens");
    let seats: BTreeSet<u8> = players.iter().map(|player| player.joined.seat).collect();
    ensure!(seats.len() == 3, "three players have {seats:?}");
    until(players.each_mut(), "all three at each", |players| {
        players.iter().all(|player| player.state().players().len() == 3)
    })?;
    for player in &players {
        let names: BTreeSet<&str> = player.state().players().iter().map(|player| player.name.as_str()).collect();
        ensure!(names == ["Ada", "Bob", "Cyd"].into(), "{names:?}");
    }
    let unnamed = authority.join(&code, "", None)?;
    ensure!(!seats.contains(&unnamed.seat), "a seat is given twice");
    Ok(())
}

pub(super) fn a_code_that_is_nobody_s_is_not_found(authority: &Authority) -> Outcome {
    let absent = SessionCode::from_entropy(7).to_string();
    for code in [absent.as_str(), "not-a-code"] {
        let said = refused(authority.join(code, "Ada", None), 404, ApiErrorKind::UnknownSession)?;
        ensure!(said.contains(code), "“{said}” does not name {code}");
    }
    Ok(())
}

pub(super) fn what_cannot_be_read_over_http_is_refused_in_a_sentence(authority: &Authority) -> Outcome {
    let code = authority.open()?;
    let with = |rest: &str| format!(r#"{{"protocol":{PROTOCOL_VERSION},{rest}}}"#);
    let too_large = " ".repeat(HTTP_BODY_BYTES_MAX + 1);
    let bodies = [String::new(), "{".into(), with(r#""token":"abc""#), with(r#""name":7"#), too_large];
    for body in bodies {
        refused(knock(authority, &code, body), 400, ApiErrorKind::BadRequest)?;
    }
    knock(authority, &code, with(r#""name":"Ada""#))?;
    Ok(())
}

pub(super) fn a_session_begins_with_the_song_that_it_is_given_or_not_at_all(authority: &Authority) -> Outcome {
    const SESSIONS: &str = "/api/sessions";
    let ada = authority.enter(&authority.open()?, "Ada")?;
    let song = Song::of(ada.state());
    let mut other: serde_json::Value = serde_json::to_value(&song).map_err(|error| error.to_string())?;
    other["tempo"] = 133_700.into();
    other["tracks"][0]["name"] = "Taps".into();
    let body = serde_json::json!({ "song": other }).to_string();
    let created: Created =
        serde_json::from_str(&post(authority, SESSIONS, body)?).map_err(|error| error.to_string())?;
    let bob = authority.enter(&created.code, "Bob")?;
    ensure!(name_of(&bob, 0) == "Taps", "the first track is called “{}”", name_of(&bob, 0));
    ensure!(serde_json::to_value(Song::of(bob.state())).ok() == Some(other), "it is another song");
    post(authority, SESSIONS, "null".into())?;
    let too_large = " ".repeat(CREATE_BODY_BYTES_MAX + 1);
    for body in ["{".into(), r#"{"song":{}}"#.into(), r#"{"song":{"version":7}}"#.into(), too_large] {
        refused(post(authority, SESSIONS, body), 400, ApiErrorKind::BadRequest)?;
    }
    Ok(())
}

pub(super) fn another_protocol_is_told_to_update(authority: &Authority) -> Outcome {
    let code = authority.open()?;
    let body = r#"{"protocol":99,"new":[]}"#.to_owned();
    let said = refused(knock(authority, &code, body), 426, ApiErrorKind::OtherProtocol)?;
    ensure!(said.contains("99") && said.contains(&PROTOCOL_VERSION.to_string()), "“{said}” names not both versions");
    Ok(())
}

pub(super) fn a_full_session_refuses_the_eleventh_and_lets_its_own_back_in(authority: &Authority) -> Outcome {
    let code = authority.open()?;
    let mut ada = authority.enter(&code, "Ada")?;
    let joined = (1..SEATS_MAX).map(|_| authority.join(&code, "Bob", None)).collect::<Result<Vec<_>, _>>()?;
    let seats: BTreeSet<u8> = joined.iter().map(|joined| joined.seat).chain([ada.joined.seat]).collect();
    ensure!(seats.len() == SEATS_MAX, "{seats:?} are not all seats");
    refused(authority.join(&code, "Eve", None), 409, ApiErrorKind::SessionFull)?;
    for own in &joined {
        let again = authority.join(&code, "Bob", Some(&own.token))?;
        ensure!((again.seat, &again.token) == (own.seat, &own.token), "another seat than before");
    }
    let last = &joined[SEATS_MAX - 2];
    let bob = authority.come_back(&code, &last.token)?;
    ensure!(bob.joined.seat == last.seat, "another seat than before");
    let seat = bob.id();
    until([&mut ada], "him", |[ada]| ada.state().player(seat).is_some_and(|bob| bob.present))?;
    Ok(())
}

pub(super) fn whoever_comes_back_has_the_same_seat_name_and_colour(authority: &Authority) -> Outcome {
    let (code, [mut ada, mut bob]) = authority.jam(["Ada", "Bob"])?;
    let (colour, avatar) = (Colour([1, 2, 3]), Avatar::new(7).ok_or("There is no such picture.")?);
    bob.command(Command::SetProfile { name: Name::sanitised("Robert"), colour, avatar });
    let seat = bob.id();
    let is_robert = |visitor: &Visitor| {
        visitor.state().player(seat).is_some_and(|player| {
            player.present && (player.name.as_str(), player.colour, player.avatar) == ("Robert", colour, avatar)
        })
    };
    until([&mut ada, &mut bob], "his new name", |players| players.into_iter().all(is_robert))?;
    let token = bob.joined.token.clone();
    bob.leave();
    let is_lost = |ada: &Visitor| ada.state().player(seat).is_some_and(|player| !player.present);
    until([&mut ada, &mut bob], "the news of his loss", |[ada, _]| is_lost(ada))?;
    ensure!(ada.heard_event(|kind| *kind == EventKind::PlayerLost(seat)), "his loss is no event");
    let mut bob = authority.come_back(&code, &token)?;
    ensure!((bob.id(), &bob.joined.token) == (seat, &token), "another seat than before");
    until([&mut ada, &mut bob], "him again", |players| players.into_iter().all(is_robert))?;
    ensure!(ada.state().players().len() == 2, "he is there twice");
    Ok(())
}

pub(super) fn the_newest_connection_has_the_seat_and_the_older_one_hears_that(authority: &Authority) -> Outcome {
    let (code, [mut ada, mut first]) = authority.jam(["Ada", "Bob"])?;
    let token = first.joined.token.clone();
    let mut second = authority.come_back(&code, &token)?;
    ensure!(second.id() == first.id(), "another seat than before");
    until([&mut ada, &mut first, &mut second], "the older one's end", |[_, first, _]| first.is_gone())?;
    let why = first.farewell();
    ensure!(why.is_some_and(|why| why == Farewell::Replaced && !why.may_return()), "the older one hears {why:?}");
    let mut third = authority.come_back(&code, &token)?;
    until([&mut ada, &mut second, &mut third], "the second one's end", |[_, second, _]| second.is_gone())?;
    ensure!(second.farewell() == Some(Farewell::Replaced), "the second one hears {:?}", second.farewell());
    third.command(Command::SetPlaying(true));
    until([&mut ada, &mut third], "what the newest says", |players| {
        players.iter().all(|player| player.state().transport().last().playing)
    })?;
    let seat = third.id();
    ensure!(!ada.heard_event(|kind| *kind == EventKind::PlayerLost(seat)), "the seat was empty meanwhile");
    Ok(())
}

pub(super) fn a_locked_session_refuses_the_new_with_a_sentence_until_it_is_open_again(
    authority: &Authority,
) -> Outcome {
    let (code, [mut ada, mut bob]) = authority.jam(["Ada", "Bob"])?;
    let is_not_his =
        |bob: &Visitor| bob.heard.iter().any(|m| matches!(m, HostMessage::Refused { refusal: Refusal::NotYours, .. }));
    bob.command(Command::SetLocked(true));
    until([&mut ada, &mut bob], "his refusal", |[_, bob]| is_not_his(bob))?;
    ada.command(Command::SetLocked(true));
    let is_locked = |player: &Visitor| player.state().is_locked();
    until([&mut ada, &mut bob], "the lock", |players| players.into_iter().all(is_locked))?;
    let said = refused(authority.join(&code, "Eve", None), 403, ApiErrorKind::Locked)?;
    ensure!(said == "This session is locked: ask somebody in it to let you in.", "“{said}”");
    let token = bob.joined.token.clone();
    let mut again = authority.come_back(&code, &token)?;
    ensure!(again.id() == bob.id(), "another seat than before");
    ada.command(Command::SetLocked(false));
    until([&mut ada, &mut again], "the open door", |players| !players.into_iter().any(is_locked))?;
    authority.enter(&code, "Eve")?;
    Ok(())
}

pub(super) fn whoever_is_removed_hears_why_and_is_barred(authority: &Authority) -> Outcome {
    let (code, [mut ada, mut bob, mut cyd]) = authority.jam(["Ada", "Bob", "Cyd"])?;
    let (seat, token) = (bob.id(), bob.joined.token.clone());
    ada.command(Command::SetRemoval { seat, remove: true });
    until([&mut ada, &mut bob, &mut cyd], "his end", |[_, bob, _]| bob.is_gone())?;
    let why = bob.farewell();
    ensure!(why.is_some_and(|why| why == Farewell::Removed && !why.may_return()), "he hears {why:?}");
    if bob.way() == Way::WebSocket {
        let closed = bob.closed().map(|closed| closed.code);
        ensure!(closed == Some(Farewell::Removed.code()), "his connection was closed with {closed:?}");
    }
    until([&mut ada, &mut cyd], "the news", |players| {
        players.iter().all(|player| player.heard_event(|kind| *kind == EventKind::PlayerRemoved(seat)))
    })?;
    let said = refused(authority.join(&code, "Bob", Some(&token)), 403, ApiErrorKind::Removed)?;
    ensure!(said == Farewell::Removed.to_string(), "“{said}”");
    refused(authority.join(&code, "Bob", None), 403, ApiErrorKind::Locked)?;
    ada.command(Command::SetLocked(false));
    until([&mut ada, &mut cyd], "the open door", |players| !players.iter().any(|player| player.state().is_locked()))?;
    refused(authority.join(&code, "Bob", Some(&token)), 403, ApiErrorKind::Removed)?;
    let eve = authority.enter(&code, "Eve")?;
    ensure!(eve.state().players().len() == 3, "{} are there", eve.state().players().len());
    Ok(())
}
