//! Players' own sounds cross the bridge: brought to a place until it takes them, fetched from it once, and checked.

use crate::{
    Place,
    common::{Player, eventually, url},
};
use hound::{SampleFormat, WavSpec, WavWriter};
use keyboardia_server::{Host, HostConfig, SampleLimits};
use keyboardia_session::{
    SampleHash,
    api::{ApiError, ApiErrorKind},
    bridge::FromPlace,
    limits::{SAMPLE_BYTES_MAX, SAMPLE_RATE_HZ},
};
use keyboardia_visitor::client;
use std::{
    io::Cursor,
    sync::Barrier,
    time::{Duration, Instant},
};

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const TOO_OFTEN: &str =
    "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nRetry-After: 3\r\nConnection: close\r\n\r\n";
/// Of those three seconds, so many at least pass before the next try; what would pass anyway is one.
const WAIT_MIN: Duration = Duration::from_secs(2);
const NEVER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 40\r\nConnection: close\r\n\r\n\
    {\"kind\":\"bad_sample\",\"message\":\"Never.\"}";

/// A sound of a tenth of a second; each seed is another.
fn wav(seed: i16) -> Vec<u8> {
    let spec =
        WavSpec { channels: 1, sample_rate: SAMPLE_RATE_HZ, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    let frames = SAMPLE_RATE_HZ / 10;
    (0..frames).for_each(|number| writer.write_sample((number as i16).wrapping_mul(seed)).unwrap());
    writer.finalize().unwrap();
    file.into_inner()
}

fn name(sound: &[u8]) -> String {
    SampleHash::of(sound).to_string()
}

/// A player of the host.
struct Asker {
    player: Player,
    url: String,
}

impl Asker {
    fn enter(host: &Host, code: &str) -> Self {
        let url = url(host.http_addr(), &format!("/api/sessions/{code}/samples"));
        Self { player: Player::enter(host.http_addr(), code, None), url }
    }

    fn bring(&self, sound: &[u8]) -> u16 {
        let request = client().put(format!("{}/{}", self.url, name(sound))).bearer_auth(&self.player.joined.token);
        request.body(sound.to_vec()).send().unwrap().status().as_u16()
    }

    fn fetch(&self, name: &str) -> Result<Vec<u8>, (u16, ApiErrorKind)> {
        let answer =
            client().get(format!("{}/{name}", self.url)).bearer_auth(&self.player.joined.token).send().unwrap();
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.bytes().unwrap().to_vec());
        }
        Err((status.as_u16(), answer.json::<ApiError>().unwrap().kind))
    }
}

/// What the host has counted of sounds on this way over the bridge: those that have crossed, and those that have not.
fn counted(host: &Host, way: &str) -> (u64, u64) {
    let text = client().get(url(host.http_addr(), "/metrics")).send().unwrap().text().unwrap();
    let count = |what: &str| {
        let start = format!("keyboardia_{what}_total{{way=\"{way}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&start)).map_or(0, |count| count.parse().unwrap())
    };
    (count("samples_crossed"), count("samples_not_crossed"))
}

#[test]
fn what_is_brought_to_the_host_is_brought_to_the_place_until_it_takes_it() {
    let place = Place::open(0);
    let host = place.host(None);
    let code = host.create_session().unwrap().to_string();
    // Not linked yet: it is there before.
    let (ada, early) = (Asker::enter(&host, &code), wav(1));
    assert_eq!(ada.bring(&early), 201);
    let (_link, _) = place.grant(2, None);
    eventually("the first sound", || place.shelf.lock().unwrap().files.get(&name(&early)) == Some(&early));
    assert_eq!(counted(&host, "to_place"), (1, 0));

    let sound = wav(2);
    place.shelf.lock().unwrap().instead.extend([BUSY, "", TOO_OFTEN]);
    assert_eq!(ada.bring(&sound), 201, "the host has it, whatever the place says");
    eventually("what it answers last", || place.shelf.lock().unwrap().instead.is_empty());
    let refused = Instant::now();
    eventually("the second sound", || place.shelf.lock().unwrap().files.get(&name(&sound)) == Some(&sound));
    assert!(refused.elapsed() > WAIT_MIN, "it does not wait as it was told");
    eventually("that it has crossed", || counted(&host, "to_place") == (2, 3));
    let shelf = place.shelf.lock().unwrap();
    assert_eq!(
        (shelf.count("PUT", &name(&early)), shelf.count("PUT", &name(&sound))),
        (1, 4),
        "each no more than needed"
    );
}

#[test]
fn what_a_place_never_takes_is_told_and_does_not_stop_the_others() {
    let place = Place::open(0);
    let host = place.host(None);
    let code = host.create_session().unwrap().to_string();
    let ada = Asker::enter(&host, &code);
    let (_link, _) = place.grant(2, None);
    place.shelf.lock().unwrap().instead.push_back(NEVER);
    let (bad, good) = (wav(1), wav(2));
    assert_eq!(ada.bring(&bad), 201);
    eventually("a refusal", || counted(&host, "to_place") == (0, 1));
    assert_eq!(ada.bring(&good), 201);
    eventually("the other sound", || place.shelf.lock().unwrap().files.contains_key(&name(&good)));
    let shelf = place.shelf.lock().unwrap();
    assert_eq!((shelf.count("PUT", &name(&bad)), shelf.count("PUT", &name(&good))), (1, 1));
    assert_eq!(ada.fetch(&name(&bad)), Ok(bad), "the host has it still");
}

#[test]
fn what_comes_to_the_place_is_kept_by_the_host_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::open(0);
    let host = place.host_in(dir.path(), None);
    host.create_session().unwrap();
    let (before, after) = (wav(1), wav(2));
    let put = |sound: &Vec<u8>| {
        let mut shelf = place.shelf.lock().unwrap();
        shelf.listed.insert(name(sound));
        shelf.files.insert(name(sound), sound.clone());
    };
    let is_kept = |sound: &Vec<u8>| {
        std::fs::read(dir.path().join(format!("samples/{}.wav", name(sound)))).is_ok_and(|kept| kept == *sound)
    };
    put(&before);
    let (mut link, _) = place.grant(2, None);
    eventually("what it had before", || is_kept(&before));
    put(&after);
    link.say(&FromPlace::SamplesChanged);
    eventually("what has come since", || is_kept(&after));
    eventually("that both have crossed", || counted(&host, "from_place") == (2, 0));
}

#[test]
fn a_sound_that_only_the_place_has_comes_once_for_all_who_ask() {
    const PLAYERS: usize = 6;
    let place = Place::open(0);
    let host = place.host(None);
    let code = host.create_session().unwrap().to_string();
    let ada = Asker::enter(&host, &code);
    let sound = wav(1);
    assert_eq!(ada.fetch(&name(&sound)), Err((503, ApiErrorKind::HostFull)), "not linked yet: nobody knows");
    let (link, _) = place.grant(2, None);
    eventually("that the place is asked", || ada.fetch(&name(&sound)) == Err((404, ApiErrorKind::UnknownSample)));
    let before = place.shelf.lock().unwrap().count("GET", &name(&sound));
    place.shelf.lock().unwrap().files.insert(name(&sound), sound.clone());
    let together = Barrier::new(PLAYERS);
    std::thread::scope(|scope| {
        for _ in 0..PLAYERS {
            scope.spawn(|| {
                together.wait();
                assert_eq!(ada.fetch(&name(&sound)), Ok(sound.clone()));
            });
        }
    });
    assert_eq!(place.shelf.lock().unwrap().count("GET", &name(&sound)), before + 1);
    // The place is gone; the host has it.
    drop(link);
    drop(place);
    assert_eq!(ada.fetch(&name(&sound)), Ok(sound));
    assert_eq!(ada.fetch(&name(&wav(2))), Err((503, ApiErrorKind::HostFull)), "nobody knows");
}

#[test]
fn what_a_place_brings_is_checked_like_anything_that_is_brought() {
    let place = Place::open(0);
    let samples = SampleLimits { per_session: 1, ..SampleLimits::default() };
    let host = Host::start(HostConfig { samples, ..place.config(None) }).unwrap();
    let code = host.create_session().unwrap().to_string();
    let ada = Asker::enter(&host, &code);
    let (_link, _) = place.grant(2, None);
    let (sound, no_wav, large) = (wav(1), b"nothing that sounds".to_vec(), vec![7; SAMPLE_BYTES_MAX + 1]);
    let is_linked = || ada.fetch(&name(&sound)) == Err((404, ApiErrorKind::UnknownSample));
    eventually("that the place is asked", is_linked);
    for (asked, brought) in [(name(&sound), wav(2)), (name(&no_wav), no_wav), (name(&large), large)] {
        place.shelf.lock().unwrap().files.insert(asked.clone(), brought);
        assert_eq!(ada.fetch(&asked), Err((503, ApiErrorKind::HostFull)));
    }
    assert_eq!(counted(&host, "from_place"), (0, 3));
    // Now as it should be; then there is no room for another.
    for (sound, outcome) in [(&sound, Ok(sound.clone())), (&wav(3), Err((507, ApiErrorKind::Quota)))] {
        place.shelf.lock().unwrap().files.insert(name(sound), sound.clone());
        assert_eq!(ada.fetch(&name(sound)), outcome);
    }
    assert_eq!(counted(&host, "from_place"), (1, 4));
}
