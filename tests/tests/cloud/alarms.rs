//! Alarms come at least once, and now and then for nothing: what is due is done once, and nothing else.

use crate::{enter, welcomes};
use keyboardia_session::{EventKind, api::ApiErrorKind, limits::GRACE_US};
use keyboardia_tests::{
    conformance::{
        name_of, rename,
        samples::{name, wav},
    },
    process::wait_for,
    trial::Trial,
};
use keyboardia_visitor::{Failure, client, create, join, until};
use std::{collections::BTreeSet, time::Duration};
use tempfile::TempDir;

/// A seat, and a session without players, is kept for less.
pub(crate) const GRACE_OVER: Duration = Duration::from_micros(GRACE_US + 1_000_000);

/// Brings a sound; what it is called in the bucket.
fn bring(trial: &Trial, code: &str, token: &str, seed: i16) -> (u16, String) {
    let sound = wav(4_800, seed);
    let known = name(&sound);
    let url = format!("http://{}/api/sessions/{code}/samples/{known}", trial.cloud.http);
    let answer = client().put(url).bearer_auth(token).body(sound).send().unwrap();
    (answer.status().as_u16(), format!("{code}/{known}"))
}

/// Whether nobody finds the session any more.
fn is_over(trial: &Trial, code: &str, token: &str) -> bool {
    let answer = join(&trial.cloud.http, code, &crate::named("Ada"), Some(token));
    matches!(answer, Err(Failure::Refused { status: 404, error }) if error.kind == ApiErrorKind::UnknownSession)
}

#[test]
fn alarms_that_come_twice_or_for_nothing_do_what_is_due_once() {
    let dir = TempDir::new().unwrap();
    let trial = Trial::start(dir.path());
    let code = create(&trial.cloud.http).unwrap();
    let (mut ada, mut ben) = (enter(&trial.cloud, &code, "Ada"), enter(&trial.cloud, &code, "Ben"));
    let (status, sound) = bring(&trial, &code, &ada.joined.token, 1);
    assert_eq!(status, 201);

    // Nothing is due: nobody notices.
    for number in 0..3 {
        trial.ring(&code);
        let edit = format!("After alarm {number}");
        ben.command(rename(0, &edit));
        until([&mut ada, &mut ben], "an edit", |players| players.iter().all(|p| name_of(p, 0) == edit)).unwrap();
    }
    assert_eq!(ada.state().hash(), ben.state().hash());
    assert_eq!([&ada, &ben].map(welcomes), [1, 1]);
    let seat = ben.id();
    let losses = |kind: &EventKind| matches!(kind, EventKind::PlayerLost(_) | EventKind::PlayerGone(_));
    assert!(![&ada, &ben].iter().any(|player| player.heard_event(losses)), "somebody was lost");

    // A seat is given up once.
    ben.leave();
    let lost = EventKind::PlayerLost(seat);
    until([&mut ada, &mut ben], "his loss", |[ada, _]| ada.heard_event(|kind| *kind == lost)).unwrap();
    trial.pass(&code, GRACE_OVER);
    trial.ring(&code);
    let gone = EventKind::PlayerGone(seat);
    until([&mut ada], "his end", |[ada]| ada.heard_event(|kind| *kind == gone)).unwrap();
    trial.ring(&code);
    ada.command(rename(0, "Alone"));
    until([&mut ada], "her edit", |[ada]| name_of(ada, 0) == "Alone").unwrap();
    assert_eq!(ada.events().filter(|event| event.kind == gone).count(), 1);
    assert_eq!(trial.look(&code).kept.come, 1);

    // And so is the session.
    let token = ada.joined.token.clone();
    ada.leave();
    wait_for("an alarm for its end", || trial.look(&code).kept.has_alarm.then_some(()));
    trial.pass(&code, GRACE_OVER);
    for _ in 0..2 {
        let seen = trial.ring(&code);
        assert_eq!((seen.ends, &seen.deleted), (1, &vec![sound.clone()]));
        assert!(!seen.kept.is_there && !seen.kept.has_alarm && seen.kept.in_bucket.is_empty(), "{seen:?}");
        assert!(is_over(&trial, &code, &token));
    }
    assert_eq!(trial.look(&code).complaints, Vec::<String>::new());
}

#[test]
fn the_end_of_a_session_whose_sounds_r2_does_not_delete_is_tried_again() {
    let dir = TempDir::new().unwrap();
    let trial = Trial::start(dir.path());
    let code = create(&trial.cloud.http).unwrap();
    let mut ada = enter(&trial.cloud, &code, "Ada");
    let token = ada.joined.token.clone();
    let mut sounds = BTreeSet::new();
    // R2 has one of them although it has said otherwise.
    let no: &[&str] = &[];
    for (seed, failures, expected) in [(1, no, 201), (2, no, 201), (3, &["put!", "delete"], 507)] {
        trial.fail(&code, failures);
        let (status, sound) = bring(&trial, &code, &token, seed);
        assert_eq!(status, expected);
        sounds.insert(sound);
    }
    ada.leave();
    wait_for("an alarm for its end", || trial.look(&code).kept.has_alarm.then_some(()));
    trial.pass(&code, GRACE_OVER);
    for failure in ["list", "delete"] {
        trial.fail(&code, &[failure]);
        let seen = trial.ring(&code);
        assert!(seen.complaints.last().is_some_and(|last| last.contains("samples")), "{seen:?}");
        assert!(seen.ends == 0 && seen.kept.is_there && seen.kept.has_alarm, "{seen:?}");
        assert_eq!(seen.kept.in_bucket.len(), sounds.len());
        assert!(is_over(&trial, &code, &token), "who comes back now finds it without its sounds");
    }
    trial.fail(&code, &[]);
    let complaints = trial.look(&code).complaints;
    let seen = trial.ring(&code);
    assert_eq!((seen.ends, seen.complaints), (1, complaints));
    assert_eq!((seen.deleted.len(), seen.deleted.into_iter().collect()), (sounds.len(), sounds));
    assert!(!seen.kept.is_there && !seen.kept.has_alarm && seen.kept.in_bucket.is_empty(), "{:?}", seen.kept);
}

#[test]
fn whoever_comes_while_a_session_is_deleted_finds_none() {
    let dir = TempDir::new().unwrap();
    let trial = Trial::start(dir.path());
    let code = create(&trial.cloud.http).unwrap();
    let mut ada = enter(&trial.cloud, &code, "Ada");
    let token = ada.joined.token.clone();
    ada.leave();
    wait_for("an alarm for its end", || trial.look(&code).kept.has_alarm.then_some(()));
    trial.pass(&code, GRACE_OVER);
    trial.fail(&code, &["list~"]);
    let before = trial.begin_to_ring(&code);
    wait_for("its end", || (trial.look(&code).lasting > 0).then_some(()));
    assert!(is_over(&trial, &code, &token) && trial.look(&code).kept.is_there);
    trial.fail(&code, &[]);
    let seen = wait_for("all of it", || Some(trial.look(&code)).filter(|seen| seen.alarms > before));
    assert_eq!((seen.ends, seen.complaints, seen.kept.is_there), (1, Vec::new(), false));
    assert!(is_over(&trial, &code, &token));
}
