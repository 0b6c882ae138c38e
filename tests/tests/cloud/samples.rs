//! R2 fails, and uploads break off: nothing is left behind, the author is told, and nobody else is disturbed.

use crate::{alarms::GRACE_OVER, enter, welcomes};
use keyboardia_session::{
    EventKind,
    api::{ApiError, ApiErrorKind},
    denial::Denial,
    limits::{SAMPLE_RATE_HZ, SAMPLE_UPLOADS_PER_SEAT_MAX},
};
use keyboardia_tests::{
    conformance::{
        name_of, rename,
        samples::{name, wav},
    },
    process::wait_for,
    trial::Trial,
};
use keyboardia_visitor::{Visitor, client, create, until};
use std::{io::Write, net::TcpStream};
use tempfile::TempDir;

/// Ada brings sounds, Ben fetches them, and both edit.
struct Jam {
    trial: Trial,
    code: String,
    ada: Visitor,
    ben: Visitor,
    edits: usize,
    _dir: TempDir,
}

impl Jam {
    fn open() -> Self {
        let dir = TempDir::new().unwrap();
        let trial = Trial::start(dir.path());
        let code = create(&trial.cloud.http).unwrap();
        let (ada, ben) = (enter(&trial.cloud, &code, "Ada"), enter(&trial.cloud, &code, "Ben"));
        Self { trial, code, ada, ben, edits: 0, _dir: dir }
    }

    fn path(&self, sound: &[u8]) -> String {
        format!("/api/sessions/{}/samples/{}", self.code, name(sound))
    }

    fn url(&self, sound: &[u8]) -> String {
        format!("http://{}{}", self.trial.cloud.http, self.path(sound))
    }

    /// Ada brings a sound: a status, and why not.
    fn bring(&self, sound: &[u8]) -> (u16, Option<ApiError>) {
        let request = client().put(self.url(sound)).bearer_auth(&self.ada.joined.token).body(sound.to_vec());
        let answer = request.send().unwrap();
        let status = answer.status();
        (status.as_u16(), (!status.is_success()).then(|| answer.json().unwrap()))
    }

    /// Ben fetches a sound, or is told why not.
    fn fetch(&self, sound: &[u8]) -> Result<Vec<u8>, (u16, ApiError)> {
        let answer = client().get(self.url(sound)).bearer_auth(&self.ben.joined.token).send().unwrap();
        let status = answer.status();
        if status.is_success() {
            Ok(answer.bytes().unwrap().to_vec())
        } else {
            Err((status.as_u16(), answer.json().unwrap()))
        }
    }

    /// Each of them edits, and both hear it, on the connections that they came with.
    fn goes_on(&mut self) {
        self.edits += 1;
        let (hers, his) = (format!("Ada {}", self.edits), format!("Ben {}", self.edits));
        self.ada.command(rename(0, &hers));
        self.ben.command(rename(1, &his));
        until([&mut self.ada, &mut self.ben], "both edits at both", |players| {
            players.iter().all(|player| name_of(player, 0) == hers && name_of(player, 1) == his)
        })
        .unwrap();
        assert_eq!([&self.ada, &self.ben].map(|player| (welcomes(player), player.is_gone())), [(1, false); 2]);
    }

    /// Whether nothing is left of sounds that have not come.
    fn has_room(&self) -> bool {
        self.trial.look(&self.code).kept.coming == 0
    }
}

/// A sound that is like no other of the test.
fn another(count: &mut i16) -> Vec<u8> {
    *count += 1;
    wav(SAMPLE_RATE_HZ / 10, *count)
}

#[test]
fn a_sound_that_r2_does_not_take_leaves_nothing_and_comes_as_soon_as_it_does() {
    let mut jam = Jam::open();
    let no = Denial::no_disk();
    let mut sounds = 0;
    // Whether R2 has it in truth, and keeps it, is one: who was told that it failed brings it again.
    for failures in [&["put"][..], &["put!"], &["put!", "delete"]] {
        jam.trial.fail(&jam.code, failures);
        // If one left anything of itself, the last would be one too many.
        for _ in 0..=SAMPLE_UPLOADS_PER_SEAT_MAX {
            let sound = another(&mut sounds);
            assert_eq!(jam.bring(&sound), (no.status, Some(no.error.clone())));
            assert!(jam.has_room());
            let (status, error) = jam.fetch(&sound).unwrap_err();
            assert_eq!((status, error.kind), (404, ApiErrorKind::UnknownSample));
            jam.goes_on();
        }
        let last = wav(SAMPLE_RATE_HZ / 10, sounds);
        let before = jam.trial.look(&jam.code).kept;
        assert_eq!(before.in_bucket.contains(&format!("{}/{}", jam.code, name(&last))), failures.len() == 2);
        jam.trial.fail(&jam.code, &[]);
        assert_eq!(jam.bring(&last), (201, None));
        assert_eq!(jam.trial.look(&jam.code).kept.come, before.come + 1);
        assert_eq!(jam.fetch(&last).unwrap(), last);
        jam.goes_on();
    }
}

#[test]
fn a_sound_that_r2_does_not_give_is_there_when_it_gives_again() {
    let mut jam = Jam::open();
    let no = Denial::busy();
    let sound = another(&mut 0);
    assert_eq!(jam.bring(&sound), (201, None));
    jam.trial.fail(&jam.code, &["get"]);
    assert_eq!(jam.fetch(&sound), Err((no.status, no.error)));
    // Nobody asks the bucket for what the session has.
    assert_eq!(jam.bring(&sound), (200, None));
    jam.goes_on();
    jam.trial.fail(&jam.code, &[]);
    assert_eq!(jam.fetch(&sound).unwrap(), sound);
    assert_eq!(jam.trial.look(&jam.code).kept.come, 1);
}

#[test]
fn a_sound_that_breaks_off_halfway_leaves_nothing() {
    let mut jam = Jam::open();
    // Large enough that half of it does not wait in some buffer.
    let sound = |number: i16| wav(8 * SAMPLE_RATE_HZ, number);
    let last = SAMPLE_UPLOADS_PER_SEAT_MAX as i16;
    // If one left anything of itself, the last would be one too many.
    for number in 0..=last {
        let sound = sound(number);
        let head = format!(
            "PUT {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            jam.path(&sound),
            jam.trial.cloud.http,
            jam.ada.joined.token,
            sound.len()
        );
        let mut stream = TcpStream::connect(&jam.trial.cloud.http).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&sound[..sound.len() / 2]).unwrap();
        wait_for("a sound that is on its way", || (!jam.has_room()).then_some(()));
        drop(stream);
        wait_for("room for another", || jam.has_room().then_some(()));
        jam.goes_on();
    }
    assert_eq!(jam.trial.look(&jam.code).kept.in_bucket, Vec::<String>::new());
    assert_eq!(jam.bring(&sound(last)), (201, None));
    assert_eq!(jam.fetch(&sound(last)).unwrap(), sound(last));
}

#[test]
fn a_sound_that_two_bring_stays_although_one_of_them_has_lost_the_seat() {
    let mut jam = Jam::open();
    let mut eve = enter(&jam.trial.cloud, &jam.code, "Eve");
    let sound = another(&mut 0);
    let bring = |token: &str| {
        let request = client().put(jam.url(&sound)).bearer_auth(token).body(sound.clone());
        std::thread::spawn(move || request.send().unwrap().status().as_u16())
    };
    // Both are on their way when her seat is given up.
    jam.trial.fail(&jam.code, &["put~"]);
    let on_the_way = |count| wait_for("uploads", || (jam.trial.look(&jam.code).lasting == count).then_some(()));
    let eves = bring(&eve.joined.token);
    on_the_way(1);
    let adas = bring(&jam.ada.joined.token);
    on_the_way(2);
    eve.leave();
    let lost = EventKind::PlayerLost(eve.id());
    until([&mut jam.ada, &mut eve], "her loss", |[ada, _]| ada.heard_event(|kind| *kind == lost)).unwrap();
    jam.trial.pass(&jam.code, GRACE_OVER);
    jam.trial.ring(&jam.code);
    let gone = EventKind::PlayerGone(eve.id());
    until([&mut jam.ada], "her end", |[ada]| ada.heard_event(|kind| *kind == gone)).unwrap();
    jam.trial.fail(&jam.code, &[]);
    assert_eq!((adas.join().unwrap(), eves.join().unwrap()), (201, 401));
    assert_eq!(jam.trial.look(&jam.code).deleted, Vec::<String>::new());
    assert_eq!(jam.fetch(&sound).unwrap(), sound);
    jam.goes_on();
}

#[test]
fn a_sound_that_r2_has_lost_comes_again() {
    let mut jam = Jam::open();
    let sound = another(&mut 0);
    assert_eq!(jam.bring(&sound), (201, None));
    assert_eq!(jam.trial.lose(&jam.code).kept.in_bucket, Vec::<String>::new());
    let (status, error) = jam.fetch(&sound).unwrap_err();
    assert_eq!((status, error.kind), (404, ApiErrorKind::UnknownSample));
    assert_eq!(jam.bring(&sound), (201, None), "nobody says that it is there");
    assert_eq!(jam.fetch(&sound).unwrap(), sound);
    jam.goes_on();
}
