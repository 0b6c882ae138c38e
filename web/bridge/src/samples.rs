//! Players' own sounds in R2: brought by one seat of a session, fetched by the others; and by a host that has the session,
//! for those who are there. The session's object says who may, and keeps count; the sound itself does not pass through it.

use crate::{
    answer::{Stop, json},
    asks::{self, AboutSample, Asker, Known, List, Reserved},
    front::{Errand, enter, expect_key},
    limits::DELETED_AT_ONCE,
};
use futures_util::StreamExt;
use keyboardia_session::{
    SampleHash, SeatToken, SessionCode, bridge::SampleList, check_wav, denial::Denial, limits::SAMPLE_BYTES_MAX, sample,
};
use worker::{Bucket, Env, Headers, Request, Response, ResponseBuilder, console_error};

/// The bucket's name in wrangler.jsonc.
const BUCKET: &str = "SAMPLES";

/// By whom a sample is brought or fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Somebody with a seat's token.
    Player,
    /// Somebody with the key.
    Host,
}

/// Takes a sample.
pub(crate) async fn bring(request: &mut Request, env: &Env, code: &str, hash: &str, by: By) -> Result<Response, Stop> {
    let (object, code, mut about) = admitted(request, env, code, hash, by, Errand::Upload).await?;
    let length = request.headers().get("content-length")?.and_then(|length| length.parse::<usize>().ok());
    let length = length.ok_or_else(Denial::no_length)?;
    if length > SAMPLE_BYTES_MAX {
        return Err(Denial::too_large().into());
    }
    about.bytes = length as u64;
    let Reserved { is_known, seat } = match asks::ask(&object, asks::RESERVE, &about).await {
        Ok(reserved) => reserved,
        Err(stop) => {
            // Whoever is still speaking would not hear the answer.
            pass_over(request, length).await;
            return Err(stop);
        }
    };
    about.seat = Some(seat);
    let file = read(request, length).await;
    let checked = file.and_then(|file| check(&file, about.hash).map(|()| file));
    let file = match checked {
        Ok(_) if is_known => return Ok(json(200, &())?),
        Ok(file) => file,
        Err(stop) => {
            if !is_known {
                asks::ask::<()>(&object, asks::RELEASE, &about).await?;
            }
            return Err(stop);
        }
    };
    let bucket = env.bucket(BUCKET)?;
    let name = name(code, about.hash);
    if let Err(error) = bucket.put(name.clone(), file).execute().await {
        console_error!("R2 does not take a sample: {error}");
        asks::ask::<()>(&object, asks::RELEASE, &about).await?;
        // It may have it nevertheless.
        leave_nothing(&object, &bucket, &about, name).await;
        return Err(Denial::no_disk().into());
    }
    let kept = asks::ask::<()>(&object, asks::KEEP, &about).await;
    if let Err(Stop::Denied(_)) = kept {
        // The session is over, or the seat is gone.
        leave_nothing(&object, &bucket, &about, name).await;
    }
    kept?;
    Ok(json(201, &())?)
}

/// Deletes what has come of a sample that was not kept, unless it is somebody else's, too. What cannot be deleted now goes
/// with the session.
async fn leave_nothing(object: &worker::Stub, bucket: &Bucket, about: &AboutSample, name: String) {
    match asks::ask::<Known>(object, asks::IS_WANTED, about).await {
        Ok(Known { is_known: false }) => {
            if let Err(error) = bucket.delete(name).await {
                console_error!("R2 does not delete a sample: {error}");
            }
        }
        Ok(Known { is_known: true }) => {}
        Err(stop) => console_error!("nobody knows whether a sample is wanted: {stop:?}"),
    }
}

/// Gives a sample.
pub(crate) async fn fetch(request: &Request, env: &Env, code: &str, hash: &str, by: By) -> Result<Response, Stop> {
    let (object, code, about) = admitted(request, env, code, hash, by, Errand::Fetch).await?;
    if !asks::ask::<Known>(&object, asks::FIND, &about).await?.is_known {
        return Err(Denial::unknown_sample().into());
    }
    let found = env.bucket(BUCKET)?.get(name(code, about.hash)).execute().await.map_err(|error| {
        console_error!("R2 does not give a sample: {error}");
        Denial::busy()
    })?;
    let Some(found) = found else {
        // A lifecycle rule has deleted it, or a failure.
        asks::ask::<()>(&object, asks::MISS, &about).await?;
        // A host may bring it again.
        asks::ask::<Known>(&object, asks::FIND, &about).await?;
        return Err(Denial::unknown_sample().into());
    };
    let body = found.body().ok_or_else(Denial::unknown_sample)?.response_body()?;
    let headers = Headers::new();
    headers.set("content-type", "audio/wav")?;
    headers.set("cache-control", sample::CACHE)?;
    headers.set("etag", &format!("\"{}\"", about.hash))?;
    Ok(ResponseBuilder::new().with_headers(headers).body(body))
}

/// Says which samples a session has.
pub(crate) async fn list(request: &Request, env: &Env, text: &str) -> Result<Response, Stop> {
    expect_key(request, env, Errand::Cross).await?;
    let code = SessionCode::parse(text).ok_or_else(|| Denial::unknown_session(text))?;
    let all: SampleList = asks::ask(&asks::object(env, code)?, asks::LIST, &List { code: text.to_owned() }).await?;
    Ok(json(200, &all)?)
}

/// Deletes all samples of a session.
pub(crate) async fn forget(env: &Env, code: SessionCode) -> worker::Result<()> {
    let bucket = env.bucket(BUCKET)?;
    loop {
        let some = bucket.list().prefix(format!("{code}/")).limit(DELETED_AT_ONCE).execute().await?;
        let names: Vec<String> = some.objects().iter().map(worker::Object::key).collect();
        if names.is_empty() {
            return Ok(());
        }
        bucket.delete_multiple(names).await?;
    }
}

/// What a request about a sample is about; `errand` is a player's.
async fn admitted(
    request: &Request,
    env: &Env,
    text: &str,
    hash: &str,
    by: By,
    errand: Errand,
) -> Result<(worker::Stub, SessionCode, AboutSample), Stop> {
    let asker = match by {
        By::Host => {
            expect_key(request, env, Errand::Cross).await?;
            Asker::Host
        }
        By::Player => {
            enter(request, env, errand).await?;
            let token = request.headers().get("authorization")?;
            let token = token.as_deref().and_then(SeatToken::from_bearer).ok_or_else(Denial::unauthorised)?;
            Asker::Player(token.to_hex())
        }
    };
    let hash = SampleHash::parse(hash).ok_or_else(Denial::bad_hash)?;
    let code = SessionCode::parse(text).ok_or_else(|| Denial::unknown_session(text))?;
    let about = AboutSample { asker, hash, bytes: 0, code: text.to_owned(), seat: None };
    Ok((asks::object(env, code)?, code, about))
}

/// Lets a body of at most so many bytes pass by.
async fn pass_over(request: &mut Request, length: usize) {
    let Ok(mut pieces) = request.stream() else { return };
    let mut passed = 0;
    while let Some(Ok(piece)) = pieces.next().await {
        passed += piece.len();
        if passed >= length {
            return;
        }
    }
}

/// Reads a body that has as many bytes as were announced. It gets memory as it comes, not as it says.
async fn read(request: &mut Request, length: usize) -> Result<Vec<u8>, Stop> {
    let mut file = Vec::new();
    let mut pieces = request.stream()?;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Denial::broken_off())?;
        if file.len() + piece.len() > length {
            return Err(Denial::broken_off().into());
        }
        file.extend_from_slice(&piece);
    }
    if file.len() == length { Ok(file) } else { Err(Denial::broken_off().into()) }
}

fn check(file: &[u8], hash: SampleHash) -> Result<(), Stop> {
    if SampleHash::of(file) != hash {
        return Err(Denial::other_sample().into());
    }
    check_wav(file).map_err(Denial::bad_sample)?;
    Ok(())
}

/// What a sample is called in the bucket.
fn name(code: SessionCode, hash: SampleHash) -> String {
    format!("{code}/{hash}")
}
