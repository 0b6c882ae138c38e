//! Players' own sounds on both sides of the bridge: whoever brings one where, all hear it, and it is there when the other
//! side has gone.

use super::{KEY, come, come_back, host_with, named, place, secret};
use keyboardia_session::{
    api::{ApiError, ApiErrorKind},
    bridge::SampleList,
    limits::SAMPLE_RATE_HZ,
};
use keyboardia_tests::{
    conformance::{
        Way,
        samples::{name, wav},
    },
    process::wait_for,
    trial::Trial,
};
use keyboardia_visitor::{Visitor, client, create, until};
use reqwest::blocking::RequestBuilder;
use std::path::Path;
use tempfile::TempDir;

/// A sound of a tenth of a second; each seed is another.
fn short(seed: i16) -> Vec<u8> {
    wav(SAMPLE_RATE_HZ / 10, seed)
}

fn url(at: &str, code: &str, name: &str) -> String {
    format!("http://{at}/api/sessions/{code}/samples/{name}")
}

/// Somebody brings a sound there; the status.
fn bring(at: &str, code: &str, visitor: &Visitor, sound: &[u8]) -> u16 {
    let request = client().put(url(at, code, &name(sound))).bearer_auth(&visitor.joined.token);
    request.body(sound.to_vec()).send().unwrap().status().as_u16()
}

/// Somebody fetches a sound there, or is told why not.
fn fetch(at: &str, code: &str, visitor: &Visitor, sound: &[u8]) -> Result<Vec<u8>, (u16, ApiErrorKind)> {
    let answer = client().get(url(at, code, &name(sound))).bearer_auth(&visitor.joined.token).send().unwrap();
    let status = answer.status();
    if status.is_success() {
        return Ok(answer.bytes().unwrap().to_vec());
    }
    Err((status.as_u16(), answer.json::<ApiError>().unwrap().kind))
}

/// What is said of a sound that may come.
const MAY_COME: Result<Vec<u8>, (u16, ApiErrorKind)> = Err((503, ApiErrorKind::HostFull));

/// Waits until somebody hears a sound there, who is told nothing else before than that it may come.
fn await_sound(at: &str, code: &str, visitor: &mut Visitor, sound: &[u8]) {
    wait_for("a sound", || {
        visitor.tick();
        let fetched = fetch(at, code, visitor, sound);
        assert!(fetched == MAY_COME || fetched.as_deref() == Ok(sound), "{:?}", fetched.map(|sound| sound.len()));
        fetched.ok().map(drop)
    });
}

/// Whether a host keeps a sound in its directory.
fn keeps(data: &Path, sound: &[u8]) -> bool {
    std::fs::read(data.join(format!("samples/{}.wav", name(sound)))).is_ok_and(|kept| kept == sound)
}

#[test]
fn what_is_brought_to_the_host_is_heard_at_the_place_and_is_there_when_the_host_drops() {
    let (dir, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let cloud = place(&dir);
    let host = host_with(&cloud.http, &["--data", &data.path().display().to_string()]);
    let code = host.code.clone();
    let mut ada = Visitor::enter(Way::Udp, &host.http, &code, &named("Ada"), None).unwrap();
    let mut ben = come(&cloud.http, &code, "Ben");
    let sounds = [short(1), wav(5 * SAMPLE_RATE_HZ, 2)];
    for sound in &sounds {
        assert_eq!(bring(&host.http, &code, &ada, sound), 201);
        await_sound(&cloud.http, &code, &mut ben, sound);
        assert_eq!(bring(&host.http, &code, &ada, sound), 200, "it has it");
    }
    assert_eq!(fetch(&cloud.http, &code, &ben, &short(3)), MAY_COME, "it may be on its way from the host");
    until([&mut ada, &mut ben], "a turn", |_| true).unwrap();

    drop(host.crash_only());
    until([&mut ben], "his farewell", |[ben]| ben.farewell().is_some()).unwrap();
    let ben = come_back(&cloud.http, &code, &ben);
    let ada = come_back(&cloud.http, &code, &ada);
    for (visitor, sound) in
        [&ada, &ben].into_iter().flat_map(|visitor| sounds.iter().map(move |sound| (visitor, sound)))
    {
        assert_eq!(fetch(&cloud.http, &code, visitor, sound).as_ref(), Ok(sound));
    }
    let unknown = fetch(&cloud.http, &code, &ada, &short(3));
    assert_eq!(unknown, Err((404, ApiErrorKind::UnknownSample)), "nobody else has it");
}

#[test]
fn what_is_brought_to_the_place_is_heard_at_the_host_and_kept_there() {
    let (dir, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let cloud = place(&dir);
    let host = host_with(&cloud.http, &["--data", &data.path().display().to_string()]);
    let code = host.code.clone();
    let mut ada = Visitor::enter(Way::Udp, &host.http, &code, &named("Ada"), None).unwrap();
    let mut ben = come(&cloud.http, &code, "Ben");
    let (heard, kept) = (short(1), short(2));
    assert_eq!(bring(&cloud.http, &code, &ben, &heard), 201);
    assert_eq!(fetch(&host.http, &code, &ada, &heard).as_ref(), Ok(&heard), "at once");
    assert_eq!(bring(&cloud.http, &code, &ben, &kept), 201);
    wait_for("a sound that nobody asks for", || keeps(data.path(), &kept).then_some(()));
    assert_eq!(fetch(&host.http, &code, &ada, &short(3)), Err((404, ApiErrorKind::UnknownSample)));
    until([&mut ada, &mut ben], "a turn", |_| true).unwrap();

    // Without the place, the host has them; of others, nobody knows.
    drop(cloud);
    for sound in [heard, kept] {
        assert_eq!(fetch(&host.http, &code, &ada, &sound), Ok(sound));
    }
    assert_eq!(fetch(&host.http, &code, &ada, &short(3)), MAY_COME);
}

#[test]
fn what_comes_while_the_place_is_gone_reaches_it_when_it_is_back() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let host = host_with(&cloud.http, &[]);
    let code = host.code.clone();
    let mut ada = Visitor::enter(Way::Udp, &host.http, &code, &named("Ada"), None).unwrap();
    let ben = come(&cloud.http, &code, "Ben");
    let at = cloud.http.clone();
    let ruins = cloud.crash_only();
    let sound = short(1);
    assert_eq!(bring(&host.http, &code, &ada, &sound), 201, "the host has it");
    let secret = secret();
    let cloud = ruins.start(dir.path(), &secret.each_ref().map(String::as_str));
    assert_eq!(cloud.http, at);
    // Until the host has called again, the place goes on alone, and has no such sound.
    let mut ben = come_back(&cloud.http, &code, &ben);
    let fetched = wait_for("the sound", || {
        ben.tick();
        fetch(&cloud.http, &code, &ben, &sound).ok()
    });
    assert_eq!(fetched, sound);
    until([&mut ada], "a turn", |_| true).unwrap();
}

#[test]
fn a_host_that_takes_a_session_over_gets_its_sounds() {
    let (dir, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let cloud = place(&dir);
    let code = create(&cloud.http).unwrap();
    let mut ben = come(&cloud.http, &code, "Ben");
    let sound = short(1);
    assert_eq!(bring(&cloud.http, &code, &ben, &sound), 201);
    let host = host_with(&cloud.http, &["--take", &code, "--data", &data.path().display().to_string()]);
    until([&mut ben], "that the host has it", |[ben]| ben.farewell().is_some()).unwrap();
    wait_for("its sound", || keeps(data.path(), &sound).then_some(()));
    let ben = come_back(&cloud.http, &code, &ben);
    let ada = Visitor::enter(Way::Udp, &host.http, &code, &named("Ada"), None).unwrap();
    assert_eq!(fetch(&host.http, &code, &ada, &sound).as_ref(), Ok(&sound));
    assert_eq!(fetch(&cloud.http, &code, &ben, &sound), Ok(sound));
}

#[test]
fn what_the_place_s_bucket_does_not_take_is_brought_again_until_it_does() {
    let (dir, secret) = (TempDir::new().unwrap(), secret());
    let trial = Trial::start_with(dir.path(), &secret.each_ref().map(String::as_str));
    let at = trial.cloud.http.clone();
    let host = host_with(&at, &[]);
    let code = host.code.clone();
    let ada = Visitor::enter(Way::Udp, &host.http, &code, &named("Ada"), None).unwrap();
    let mut ben = come(&at, &code, "Ben");
    let counted = |what: &str| {
        let text = client().get(format!("http://{}/metrics", host.http)).send().unwrap().text().unwrap();
        let start = format!("keyboardia_{what}_total{{way=\"to_place\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&start)?.parse::<u64>().ok()).unwrap_or(0)
    };
    trial.fail(&code, &["put"]);
    let sound = short(1);
    assert_eq!(bring(&host.http, &code, &ada, &sound), 201, "the host has it");
    wait_for("more than one try", || {
        ben.tick();
        (counted("samples_not_crossed") > 1).then_some(())
    });
    assert_eq!(fetch(&at, &code, &ben, &sound), MAY_COME);
    assert_eq!((trial.look(&code).kept.in_bucket.len(), counted("samples_crossed")), (0, 0));
    trial.fail(&code, &[]);
    await_sound(&at, &code, &mut ben, &sound);
    wait_for("that the host knows", || (counted("samples_crossed") == 1).then_some(()));
    // What the bucket has lost, the host brings again.
    trial.lose(&code);
    await_sound(&at, &code, &mut ben, &sound);
}

#[test]
fn only_the_key_opens_the_way_of_hosts_to_sounds() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let code = create(&cloud.http).unwrap();
    let ben = come(&cloud.http, &code, "Ben");
    let sound = short(1);
    let list = format!("http://{}/api/sessions/{code}/bridge/samples", cloud.http);
    let one = format!("{list}/{}", name(&sound));
    let refused = |request: RequestBuilder| {
        let answer = request.send().unwrap();
        (answer.status().as_u16(), answer.json::<ApiError>().unwrap().kind)
    };
    for key in ["", "another", "an open secre", &ben.joined.token] {
        for request in [client().get(&list), client().get(&one), client().put(&one).body(sound.clone())] {
            assert_eq!(refused(request.bearer_auth(key)), (401, ApiErrorKind::Unauthorised), "{key}");
        }
    }
    // The key is none of a player's, either.
    let theirs = client().get(url(&cloud.http, &code, &name(&sound))).bearer_auth(KEY);
    assert_eq!(refused(theirs), (401, ApiErrorKind::Unauthorised));

    let listed = || client().get(&list).bearer_auth(KEY).send().unwrap().json::<SampleList>().unwrap().samples;
    assert_eq!(listed(), []);
    assert_eq!(refused(client().get(&one).bearer_auth(KEY)), (404, ApiErrorKind::UnknownSample));
    let put = |url: &str, sound: Vec<u8>| client().put(url).bearer_auth(KEY).body(sound);
    assert_eq!(refused(put(&one, short(2))), (400, ApiErrorKind::BadSample));
    assert_eq!(refused(put(&format!("{list}/x"), short(2))), (400, ApiErrorKind::BadRequest));
    for expected in [201, 200] {
        assert_eq!(put(&one, sound.clone()).send().unwrap().status(), expected);
    }
    assert_eq!(listed().iter().map(ToString::to_string).collect::<Vec<_>>(), [name(&sound)]);
    assert_eq!(client().get(&one).bearer_auth(KEY).send().unwrap().bytes().unwrap(), sound);
    assert_eq!(fetch(&cloud.http, &code, &ben, &sound).as_ref(), Ok(&sound));
    let nowhere = keyboardia_session::SessionCode::from_entropy(7);
    let nowhere = format!("http://{}/api/sessions/{nowhere}/bridge/samples", cloud.http);
    assert_eq!(refused(client().get(&nowhere).bearer_auth(KEY)), (404, ApiErrorKind::UnknownSession));
    assert_eq!(refused(client().post(&list).bearer_auth(KEY)).0, 405);
}
