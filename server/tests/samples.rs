//! Players' own sounds: brought, fetched, refused with which sentence, kept, and gone with their session.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use common::{Player, Program, create, eventually, try_join, until, url};
use hound::{SampleFormat, WavSpec, WavWriter};
use keyboardia_server::{Host, HostConfig, SampleLimits, StoreConfig};
use keyboardia_session::{
    BadSample, Micros, Patience, SampleHash, SeatToken, SessionCode,
    api::{ApiError, ApiErrorKind},
    limits::{SAMPLE_BYTES_MAX, SAMPLE_RATE_HZ},
};
use keyboardia_visitor::{PATIENCE, client};
use reqwest::blocking::Response;
use std::{
    collections::BTreeSet,
    fs,
    io::{Cursor, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    path::Path,
    sync::mpsc::channel,
};
use tempfile::TempDir;

/// A tenth of a second.
const SHORT: u32 = SAMPLE_RATE_HZ / 10;
/// How often the host is killed, and after how many sounds.
const KILLS: usize = 3;
const SOUNDS_PER_KILL: usize = 4;

fn wav_at(rate: u32, frames: u32, seed: i16) -> Vec<u8> {
    let spec = WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    (0..frames).for_each(|number| writer.write_sample((number as i16).wrapping_mul(seed)).unwrap());
    writer.finalize().unwrap();
    file.into_inner()
}

/// A sound; each seed is another.
fn wav(frames: u32, seed: i16) -> Vec<u8> {
    wav_at(SAMPLE_RATE_HZ, frames, seed)
}

fn path(code: &str, name: &str) -> String {
    format!("/api/sessions/{code}/samples/{name}")
}

fn name(sound: &[u8]) -> String {
    SampleHash::of(sound).to_string()
}

/// Who asks: where, in which session, with which token.
#[derive(Clone)]
struct Asker(SocketAddr, String, String);

impl Asker {
    /// Takes a seat without connecting.
    fn join(http: SocketAddr, code: &str) -> Self {
        Self(http, code.into(), try_join(http, code, None).unwrap().token)
    }

    fn put_as(&self, name: &str, sound: Vec<u8>) -> Response {
        self.try_put(name, sound).unwrap()
    }

    fn try_put(&self, name: &str, sound: Vec<u8>) -> reqwest::Result<Response> {
        client().put(url(self.0, &path(&self.1, name))).bearer_auth(&self.2).body(sound).send()
    }

    fn put(&self, sound: &[u8]) -> u16 {
        self.put_as(&name(sound), sound.to_vec()).status().as_u16()
    }

    fn get(&self, name: &str) -> Response {
        client().get(url(self.0, &path(&self.1, name))).bearer_auth(&self.2).send().unwrap()
    }

    /// A request's head, written by hand; the answer is what comes back.
    fn begin(&self, name: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.0).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "PUT {} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Bearer {}\r\n{headers}\r\n\r\n",
            path(&self.1, name),
            self.2
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// Brings the first half of a sound, once the host has a place for it.
    fn bring_half(&self, sound: &[u8]) -> TcpStream {
        const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut stream = self.begin(&name(sound), &format!("Content-Length: {}\r\nExpect: 100-continue", sound.len()));
        let mut heard = [0; GO_ON.len()];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(heard, GO_ON);
        stream.write_all(&sound[..sound.len() / 2]).unwrap();
        stream
    }
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// A host that keeps its sessions in a directory.
fn kept(samples: SampleLimits) -> (TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let store = Some(StoreConfig { dir: dir.path().to_owned(), fsync: false });
    let host = Host::start(HostConfig { store, samples, ..HostConfig::loopback() }).unwrap();
    (dir, host)
}

/// The names of all sounds on disk, whole or not.
fn files(dir: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(dir.join("samples")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    files.filter(|name| !name.contains("sqlite3")).collect()
}

fn file(sound: &[u8]) -> String {
    format!("{}.wav", name(sound))
}

fn refusal(answer: Response) -> (u16, ApiErrorKind, String) {
    let status = answer.status().as_u16();
    let error: ApiError = answer.json().expect("an error in JSON");
    assert!(error.message.ends_with('.'), "{}", error.message);
    (status, error.kind, error.message)
}

#[test]
fn a_sound_is_brought_by_one_player_and_fetched_by_all() {
    let (dir, host) = kept(SampleLimits::default());
    let code = create(host.http_addr());
    let [ada, bea] = [(); 2].map(|()| Asker::join(host.http_addr(), &code));
    // Several pieces of a file, on either way.
    let sound = wav(10 * SAMPLE_RATE_HZ, 7);
    assert_eq!(ada.put(&sound), 201);
    assert_eq!(ada.put(&sound), 200, "it was there");
    assert_eq!(bea.put(&sound), 200);
    for player in [&ada, &bea] {
        let answer = player.get(&name(&sound));
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "audio/wav");
        assert_eq!(header("content-length"), sound.len().to_string());
        assert_eq!(header("cache-control"), "private, immutable, max-age=31536000");
        assert_eq!(header("etag"), format!("\"{}\"", name(&sound)));
        assert!(answer.bytes().unwrap() == sound, "the same bytes");
    }
    assert_eq!(files(dir.path()), [file(&sound)].into());
    let metrics = client().get(url(host.http_addr(), "/metrics")).send().unwrap().text().unwrap();
    assert!(metrics.contains("\nkeyboardia_samples 1\n"), "{metrics}");
    assert!(metrics.contains(&format!("\nkeyboardia_samples_held_bytes {}\n", sound.len())), "{metrics}");
}

#[test]
fn who_has_no_seat_in_the_session_neither_brings_nor_fetches() {
    let (dir, host) = kept(SampleLimits::default());
    let http = host.http_addr();
    let (code, other) = (create(http), create(http));
    let (ada, eve) = (Asker::join(http, &code), Asker::join(http, &other));
    let (sound, theirs) = (wav(SHORT, 1), wav(SHORT, 2));
    assert_eq!(ada.put(&sound), 201);
    let with = |token: &str| Asker(http, code.clone(), token.into());
    for stranger in [with(&eve.2), with(&SeatToken([7; 32]).to_hex()), with("7"), with("")] {
        for answer in [stranger.put_as(&name(&theirs), theirs.clone()), stranger.get(&name(&sound))] {
            assert_eq!(
                refusal(answer),
                (
                    401,
                    ApiErrorKind::Unauthorised,
                    "This needs a seat in the session, and its token in the request.".into()
                )
            );
        }
    }
    let nobody = client().get(url(http, &path(&code, &name(&sound)))).send().unwrap();
    assert_eq!(refusal(nobody).0, 401);
    // In her own session she learns nothing about it either.
    let unknown = (404, ApiErrorKind::UnknownSample, "This session has no such sound.".into());
    assert_eq!(refusal(eve.get(&name(&sound))), unknown);
    let absent = Asker(http, SessionCode::from_entropy(7).to_string(), ada.2);
    assert_eq!(refusal(absent.get(&name(&sound))).1, ApiErrorKind::UnknownSession);
    assert_eq!(refusal(absent.put_as(&name(&sound), sound.clone())).0, 404);
    assert_eq!(files(dir.path()), [file(&sound)].into());
}

#[test]
fn what_is_no_sample_is_refused_and_leaves_nothing() {
    let (dir, host) = kept(SampleLimits::default());
    let ada = Asker::join(host.http_addr(), &create(host.http_addr()));
    let good = wav(SHORT, 3);
    let mut lying = good.clone();
    lying[40] ^= 0x10;
    for (sound, why) in [
        (lying, BadSample::Damaged),
        (good[..good.len() - 2].to_vec(), BadSample::Damaged),
        (wav(SHORT - 1, 3), BadSample::TooShort),
        (wav(65 * SAMPLE_RATE_HZ, 3), BadSample::TooLong),
        (wav_at(44_100, SAMPLE_RATE_HZ, 3), BadSample::Rate(44_100)),
        (b"not a sound".to_vec(), BadSample::NotWav),
        (Vec::new(), BadSample::NotWav),
    ] {
        let answer = refusal(ada.put_as(&name(&sound), sound));
        assert_eq!(answer, (400, ApiErrorKind::BadSample, why.to_string()));
    }
    let other = refusal(ada.put_as(&name(b"another"), good.clone()));
    let sentence = "The sound is not the one that its name says; send it again.".into();
    assert_eq!(other, (400, ApiErrorKind::BadSample, sentence));
    for odd in ["abc", "..%2F..%2Fsessions.sqlite3", &name(&good).to_uppercase()] {
        assert_eq!(refusal(ada.put_as(odd, good.clone())).1, ApiErrorKind::BadRequest, "{odd}");
        assert_eq!(refusal(ada.get(odd)).0, 400, "{odd}");
    }
    assert_eq!(files(dir.path()), BTreeSet::new());
    assert_eq!(ada.get(&name(&good)).status(), 404);
    assert_eq!(ada.put(&good), 201);
}

#[test]
fn a_sound_says_how_long_it_is_before_it_is_read() {
    let (_dir, host) = kept(SampleLimits::default());
    let ada = Asker::join(host.http_addr(), &create(host.http_addr()));
    let name = name(b"");
    // Nothing follows these heads: they are answered without a body.
    let said = answer(ada.begin(&name, &format!("Content-Length: {}", SAMPLE_BYTES_MAX + 1)));
    assert!(said.starts_with("HTTP/1.1 413 ") && said.contains("too_large"), "{said}");
    let said = answer(ada.begin(&name, "Transfer-Encoding: chunked"));
    assert!(said.starts_with("HTTP/1.1 411 ") && said.contains("Content-Length"), "{said}");
}

#[test]
fn a_sound_that_breaks_off_leaves_nothing_and_gives_its_room_back() {
    let (dir, host) = kept(SampleLimits { per_session: 1, ..SampleLimits::default() });
    let ada = Asker::join(host.http_addr(), &create(host.http_addr()));
    let (broken, sound) = (wav(SAMPLE_RATE_HZ, 1), wav(SHORT, 2));
    let stream = ada.bring_half(&broken);
    // While it is on its way, it has the only place.
    let answer = ada.put_as(&name(&sound), sound.clone());
    assert_eq!(answer.status(), 507);
    assert_eq!(refusal(answer).2, "This session has 1 sounds of its own already; no more fit.");
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    eventually("the place to be free", || ada.put(&sound) == 201);
    assert_eq!(files(dir.path()), [file(&sound)].into());
    assert_eq!(ada.get(&name(&broken)).status(), 404);
}

#[test]
fn a_seat_brings_two_sounds_at_once_and_leaves_places_for_the_others() {
    let (dir, host) = kept(SampleLimits::default());
    let http = host.http_addr();
    let code = create(http);
    let [ada, bea] = [(); 2].map(|()| Asker::join(http, &code));
    let slow = [1, 2].map(|seed| wav(SAMPLE_RATE_HZ, seed));
    let mut under_way = slow.each_ref().map(|sound| ada.bring_half(sound));
    let short = wav(SHORT, 3);
    let refused = ada.put_as(&name(&short), short.clone());
    assert_eq!(refused.headers()["retry-after"], "1");
    let sentence = "2 sounds of yours are on their way already; wait until one of them is here.";
    assert_eq!(refusal(refused), (429, ApiErrorKind::TooOften, sentence.into()));
    assert_eq!(bea.put(&short), 201, "another seat has places of its own");
    let [first, second] = &mut under_way;
    first.write_all(&slow[0][slow[0].len() / 2..]).unwrap();
    assert!(answer(first.try_clone().unwrap()).starts_with("HTTP/1.1 201 "));
    assert_eq!(ada.put(&short), 200, "a place is free");
    second.shutdown(Shutdown::Both).unwrap();
    let others = [4, 5].map(|seed| wav(SHORT, seed));
    eventually("the other one's place, though it broke off", || {
        std::thread::scope(|scope| {
            let puts = others.each_ref().map(|sound| scope.spawn(|| ada.put(sound)));
            puts.into_iter().all(|put| put.join().unwrap() < 202)
        })
    });
    let whole = [&slow[0], &short, &others[0], &others[1]];
    assert_eq!(files(dir.path()), whole.map(|sound| file(sound)).into());
}

#[test]
fn sessions_and_hosts_have_room_for_so_much() {
    let [first, second, third] = [1, 2, 3].map(|seed| wav(SHORT, seed));
    let bytes = first.len() as u64;
    let limits = SampleLimits { per_session: 2, bytes_per_session: 10 * bytes, bytes: 3 * bytes };
    let (dir, host) = kept(limits);
    let http = host.http_addr();
    let [ada, bea, cleo] = [(); 3].map(|()| Asker::join(http, &create(http)));
    assert_eq!((ada.put(&first), ada.put(&second)), (201, 201));
    let (status, kind, said) = refusal(ada.put_as(&name(&third), third.clone()));
    assert_eq!((status, kind), (507, ApiErrorKind::Quota));
    assert_eq!(said, "This session has 2 sounds of its own already; no more fit.");
    assert_eq!(ada.put(&second), 200, "what it has, it may bring again");
    assert_eq!((bea.put(&first), bea.put(&third)), (201, 201), "another session has its own room");
    let fourth = refusal(cleo.put_as(&name(b"none"), wav(SHORT, 4)));
    assert_eq!(fourth, (507, ApiErrorKind::Quota, "This host has no room for more sounds.".into()));
    assert_eq!(cleo.put(&second), 201, "what the host has already takes no room");
    assert_eq!(files(dir.path()), [&first, &second, &third].map(|sound| file(sound)).into());

    let limits = SampleLimits { bytes_per_session: bytes + 1, ..SampleLimits::default() };
    let (_dir, host) = kept(limits);
    let ada = Asker::join(host.http_addr(), &create(host.http_addr()));
    assert_eq!(ada.put(&first), 201);
    let (status, kind, said) = refusal(ada.put_as(&name(&second), second));
    assert_eq!((status, kind), (507, ApiErrorKind::Quota));
    assert!(said.starts_with("This session's own sounds may have "), "{said}");
}

#[test]
fn when_a_session_is_over_its_sounds_go_and_what_others_hold_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = Some(StoreConfig { dir: dir.path().to_owned(), fsync: false });
    let patience = Patience { seat_us: 2_000_000, session_us: 2_000_000 };
    let host = Host::start(HostConfig { store, patience, ..HostConfig::loopback() }).unwrap();
    let http = host.http_addr();
    let (code, other) = (create(http), create(http));
    let [mut ada, mut bea] = [&code, &other].map(|code| Player::enter(http, code, None));
    let sounds = [wav(SHORT, 1), wav(SHORT, 2)];
    let [first, second] =
        [(&ada, code), (&bea, other)].map(|(player, code)| Asker(http, code, player.joined.token.clone()));
    assert_eq!((first.put(&sounds[0]), first.put(&sounds[1]), second.put(&sounds[1])), (201, 201, 201));
    ada.leave();
    until([&mut ada, &mut bea], "the first sound to go", |_| files(dir.path()) == [file(&sounds[1])].into());
    assert!(second.get(&name(&sounds[1])).bytes().unwrap() == sounds[1], "the other session has it still");
    bea.leave();
    until([&mut bea], "the last sound to go", |_| files(dir.path()).is_empty());
}

/// A host as a program, which keeps its sessions in `dir`.
fn start(dir: &Path, more: &[&str]) -> (Program, SocketAddr, Option<String>) {
    let data = dir.display().to_string();
    let fixed = ["--bind", "127.0.0.1", "--port", "0", "--json", "--data", &data, "--grace", "600", "--keep", "600"];
    let mut program = Program::start(&[&fixed, more].concat());
    let line = program.first_line();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    (program, said["http"].as_str().unwrap().parse().unwrap(), said["code"].as_str().map(str::to_owned))
}

#[test]
fn a_host_that_is_killed_has_every_sound_that_it_acknowledged_and_nothing_half() {
    let dir = tempfile::tempdir().unwrap();
    let (mut program, mut http, code) = start(dir.path(), &["--create"]);
    let code = code.unwrap();
    let mut ada = Player::enter(http, &code, None);
    let durable = |player: &Player| player.seat.view(Micros(0)).and_then(|view| view.durable);
    until([&mut ada], "the seat, safely", |[ada]| durable(ada) == Some(ada.seat.state().unwrap().seq()));
    let token = ada.joined.token.clone();
    drop(ada);
    let (mut sent, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..KILLS {
        let asker = Asker(http, code.clone(), token.clone());
        let (told, safe) = channel();
        // Brings one sound after the other until the host is gone.
        let bringing = std::thread::spawn(move || {
            (0_i16..)
                .map(|number| wav(SAMPLE_RATE_HZ, 1 + 40 * round as i16 + number))
                .map_while(move |sound| {
                    let is_safe =
                        asker.try_put(&name(&sound), sound.clone()).is_ok_and(|answer| answer.status() == 201);
                    told.send((file(&sound), is_safe)).unwrap();
                    is_safe.then(|| file(&sound))
                })
                .count()
        });
        let mut count = 0;
        for (sound, is_safe) in safe {
            sent.insert(sound.clone());
            if is_safe {
                acknowledged.insert(sound);
                count += 1;
            }
            if count == SOUNDS_PER_KILL {
                program.signal("KILL");
            }
        }
        assert!(bringing.join().unwrap() >= SOUNDS_PER_KILL);
        (program, http, _) = start(dir.path(), &[]);
        let found = files(dir.path());
        assert!(acknowledged.is_subset(&found), "sounds that were acknowledged and lost");
        assert!(found.is_subset(&sent), "{found:?}");
        let asker = Asker(http, code.clone(), token.clone());
        for sound in &found {
            let hash = sound.strip_suffix(".wav").unwrap();
            assert_eq!(name(&asker.get(hash).bytes().unwrap()), hash, "whole, and the session has it");
        }
    }
    assert!(acknowledged.len() >= KILLS * SOUNDS_PER_KILL);
}

#[test]
fn sessions_that_are_not_there_any_more_after_a_restart_lose_their_sounds() {
    let (dir, mut host) = kept(SampleLimits::default());
    let ada = Asker::join(host.http_addr(), &create(host.http_addr()));
    let sound = wav(SHORT, 1);
    assert_eq!(ada.put(&sound), 201);
    host.stop();
    drop(host);
    fs::remove_file(dir.path().join("sessions.sqlite3")).unwrap();
    let store = Some(StoreConfig { dir: dir.path().to_owned(), fsync: false });
    let _host = Host::start(HostConfig { store, ..HostConfig::loopback() }).unwrap();
    eventually("the sound to go", || files(dir.path()).is_empty());
}

#[test]
fn the_sounds_of_a_session_that_cannot_be_read_stay_with_it() {
    let (dir, mut host) = kept(SampleLimits::default());
    let codes = [(); 2].map(|()| create(host.http_addr()));
    let [ada, bea] = codes.each_ref().map(|code| Asker::join(host.http_addr(), code));
    let (kept, lost) = (wav(SHORT, 1), wav(SHORT, 2));
    assert_eq!((ada.put(&kept), bea.put(&lost)), (201, 201));
    host.stop();
    drop(host);
    let sessions = rusqlite::Connection::open(dir.path().join("sessions.sqlite3")).unwrap();
    let spoilt = sessions.execute("UPDATE session SET snapshot = x'ff' WHERE code = ?1", [&codes[0]]).unwrap();
    let gone = sessions.execute("DELETE FROM session WHERE code = ?1", [&codes[1]]).unwrap();
    assert_eq!((spoilt, gone), (1, 1));
    drop(sessions);
    let store = Some(StoreConfig { dir: dir.path().to_owned(), fsync: false });
    let host = Host::start(HostConfig { store, ..HostConfig::loopback() }).unwrap();
    eventually("the other session's sound to go", || files(dir.path()) == [file(&kept)].into());
    assert_eq!(try_join(host.http_addr(), &codes[0], None).unwrap_err().0, 404, "nobody can play in it");
    drop(host);
    let sessions = rusqlite::Connection::open(dir.path().join("sessions.sqlite3")).unwrap();
    let left: i64 = sessions.query_row("SELECT count(*) FROM session", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}
