//! Players' own sounds over HTTP.

use super::{Authority, Outcome, refused};
use keyboardia_session::{
    SampleHash, SeatToken,
    api::{ApiError, ApiErrorKind},
    limits::{SAMPLE_BYTES_MAX, SAMPLE_RATE_HZ},
};
use keyboardia_visitor::{Failure, PATIENCE, address, client};
use reqwest::blocking::RequestBuilder;
use std::{
    io::{Cursor, Read, Write},
    net::TcpStream,
};

/// A sound of so many frames; each seed is another.
///
/// # Panics
/// Never: it is written to memory.
pub fn wav(frames: u32, seed: i16) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).expect("a WAV file");
    (0..frames).for_each(|number| writer.write_sample((number as i16).wrapping_mul(seed)).expect("a sample"));
    writer.finalize().expect("the end of a WAV file");
    file.into_inner()
}

/// What a sound is asked for by.
pub fn name(sound: &[u8]) -> String {
    SampleHash::of(sound).to_string()
}

/// Who asks for what: a session, and a token if any is shown.
struct Asker<'a> {
    authority: &'a Authority,
    code: &'a str,
    token: Option<&'a str>,
}

impl Asker<'_> {
    fn path(&self, name: &str) -> String {
        format!("/api/sessions/{}/samples/{name}", self.code)
    }

    fn url(&self, name: &str) -> String {
        format!("http://{}{}", address(&self.authority.url), self.path(name))
    }

    /// Status and content; a refusal is given as any other.
    fn send(&self, request: RequestBuilder) -> Result<(u16, Vec<u8>), Failure> {
        let request = match self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send()?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok((status, answer.bytes()?.to_vec()));
        }
        Err(Failure::Refused { status, error: answer.json::<ApiError>()? })
    }

    fn put(&self, name: &str, sound: &[u8]) -> Result<u16, Failure> {
        Ok(self.send(client().put(self.url(name)).body(sound.to_vec()))?.0)
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, Failure> {
        Ok(self.send(client().get(self.url(name)))?.1)
    }
}

pub(super) fn a_sound_is_brought_by_one_and_fetched_by_all(authority: &Authority) -> Outcome {
    let (code, [ada, bob]) = authority.jam(["Ada", "Bob"])?;
    let [ada, bob] = [&ada, &bob].map(|player| Asker { authority, code: &code, token: Some(&player.joined.token) });
    let sound = wav(4 * SAMPLE_RATE_HZ, 7);
    let known = name(&sound);
    refused(bob.get(&known), 404, ApiErrorKind::UnknownSample)?;
    for (asker, expected) in [(&ada, 201), (&ada, 200), (&bob, 200)] {
        let status = asker.put(&known, &sound)?;
        ensure!(status == expected, "{status} for a sound, not {expected}");
    }
    for asker in [&ada, &bob] {
        ensure!(asker.get(&known)? == sound, "other bytes came back");
    }
    Ok(())
}

pub(super) fn a_sound_without_a_seat_s_token_is_refused(authority: &Authority) -> Outcome {
    let (code, [ada]) = authority.jam(["Ada"])?;
    let (_, [eve]) = authority.jam(["Eve"])?;
    let with = |token| Asker { authority, code: &code, token };
    let sound = wav(SAMPLE_RATE_HZ / 10, 3);
    let known = name(&sound);
    let own = with(Some(ada.joined.token.as_str()));
    own.put(&known, &sound)?;
    let nobody = SeatToken([7; 32]).to_hex();
    for token in [None, Some(eve.joined.token.as_str()), Some(nobody.as_str()), Some("7")] {
        refused(with(token).get(&known), 401, ApiErrorKind::Unauthorised)?;
        refused(with(token).put(&known, &sound), 401, ApiErrorKind::Unauthorised)?;
    }
    ensure!(own.get(&known)? == sound, "its own seat does not get it any more");
    Ok(())
}

pub(super) fn what_is_no_sample_is_refused(authority: &Authority) -> Outcome {
    let (code, [ada]) = authority.jam(["Ada"])?;
    let asker = Asker { authority, code: &code, token: Some(&ada.joined.token) };
    let good = wav(SAMPLE_RATE_HZ / 10, 3);
    let other = wav(SAMPLE_RATE_HZ / 10, 4);
    refused(asker.put(&name(&other), &good), 400, ApiErrorKind::BadSample)?;
    let noise = b"not a sound".to_vec();
    refused(asker.put(&name(&noise), &noise), 400, ApiErrorKind::BadSample)?;
    let half = good[..good.len() / 2].to_vec();
    refused(asker.put(&name(&half), &half), 400, ApiErrorKind::BadSample)?;
    refused(asker.put("abc", &good), 400, ApiErrorKind::BadRequest)?;
    // It is refused by what it says of itself.
    let host = address(&authority.url);
    let mut stream = TcpStream::connect(&host).map_err(|error| format!("No connection: {error}."))?;
    let head = format!(
        "PUT {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        asker.path(&name(&good)),
        ada.joined.token,
        SAMPLE_BYTES_MAX + 1
    );
    let mut answer = String::new();
    let unanswered = |error: std::io::Error| format!("A sound that is too large is not answered: {error}.");
    stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.write_all(head.as_bytes())).map_err(unanswered)?;
    // Whether it is answered before all of it has come is nobody's promise. Who is answered early need not read on.
    stream.write_all(&vec![0; SAMPLE_BYTES_MAX + 1]).unwrap_or_default();
    while !answer.contains("too_large") {
        let mut piece = [0; 1_024];
        let length = stream.read(&mut piece).map_err(unanswered)?;
        ensure!(length > 0, "the answer ends with {answer}");
        answer.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    ensure!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let status = asker.put(&name(&good), &good)?;
    ensure!(status == 201, "{status} for a sound that is one");
    Ok(())
}
