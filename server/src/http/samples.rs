//! Players' own sounds: brought by one seat of a session, fetched by the others.
//!
//! Whoever asks shows the token of a seat. A sound is read only when there is room for it, as many bytes as were
//! announced, and kept only when all of it has come and is what it is said to be.

use super::{Front, door::Visit, gate::Errand, refusal::Refusal};
use crate::{
    addresses::Route,
    bridge::Missing,
    desk::{Desk, Refused, Request},
    limits::{SAMPLE_READ_BYTES, SAMPLE_SWEEP_INTERVAL, SAMPLE_UPLOAD_MAX},
    samples::{Kept, NoRoom, Samples, check},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use futures_util::{StreamExt, stream};
use keyboardia_session::{
    SampleHash, SeatId, SeatToken, SessionCode, bridge::sample_may_come, denial::Denial, limits::SAMPLE_BYTES_MAX,
    sample::CACHE,
};
use std::{
    fs::File,
    io::{self, Read},
};
use tokio::{task::spawn_blocking, time::timeout};

/// The routes of this module.
pub(super) fn routes() -> Router<Front> {
    Router::new().route("/api/sessions/{code}/samples/{hash}", get(fetch).put(bring))
}

async fn bring(
    State(front): State<Front>,
    ConnectInfo(Visit { route, .. }): ConnectInfo<Visit>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let (code, seat, hash) = seated(&front, &route, &headers, path, Errand::Upload).await?;
    let length = announced(&headers)?;
    let arrival = receive(&front, code, seat, hash, length, body);
    timeout(SAMPLE_UPLOAD_MAX, arrival).await.map_err(|_| Denial::broken_off())?
}

/// Receives a sound of so many bytes, and keeps it.
async fn receive(
    front: &Front,
    code: SessionCode,
    seat: SeatId,
    hash: SampleHash,
    length: usize,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let Some(upload) = front.uploads.begin(code, seat) else {
        // Whoever is still speaking would not hear the answer.
        read(body, length, |_| ()).await?;
        return Err(Refusal::too_many_uploads());
    };
    let _place = upload.place().await.ok_or_else(Denial::busy)?;
    let samples = front.samples.clone();
    let reservation = match blocking(move || samples.reserve(code, hash, length as u64)).await? {
        Ok(reservation) => reservation,
        Err(no_room) => {
            read(body, length, |_| ()).await?;
            return Err(Refusal::no_room(no_room));
        }
    };
    let mut file = Vec::new();
    read(body, length, |bytes| file.extend_from_slice(bytes)).await?;
    let kept = blocking(move || {
        check(&file, hash)?;
        reservation.keep(&file).map_err(Refusal::no_room)
    });
    Ok(match kept.await?? {
        Kept::New => {
            if let Some(crossing) = &front.crossing {
                crossing.has_news(code);
            }
            StatusCode::CREATED
        }
        Kept::Known => StatusCode::OK,
    })
}

async fn fetch(
    State(front): State<Front>,
    ConnectInfo(Visit { route, .. }): ConnectInfo<Visit>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let (code, _, hash) = seated(&front, &route, &headers, path, Errand::Fetch).await?;
    let samples = front.samples.clone();
    let find = move || samples.find(code, hash);
    let mut found = blocking(find.clone()).await?.map_err(Refusal::no_room)?;
    if found.is_none()
        && let Some(crossing) = &front.crossing
    {
        // Whoever goes away while it comes leaves it to the next who asks.
        crossing.fetch(code, hash).await.map_err(|missing| match missing {
            Missing::Unknown => Denial::unknown_sample().into(),
            Missing::NotNow => sample_may_come().into(),
            Missing::NoRoom(no_room) => Refusal::no_room(no_room),
        })?;
        found = blocking(find).await?.map_err(Refusal::no_room)?;
    }
    let (file, length) = found.ok_or_else(Denial::unknown_sample)?;
    let head = [
        (header::CONTENT_TYPE, "audio/wav".into()),
        (header::CACHE_CONTROL, CACHE.into()),
        (header::ETAG, format!("\"{hash}\"")),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok((head, contents(file)))
}

/// Lets a seat of a session in, and nobody else.
async fn seated(
    front: &Front,
    route: &Route,
    headers: &HeaderMap,
    path: Result<Path<(String, String)>, PathRejection>,
    errand: Errand,
) -> Result<(SessionCode, SeatId, SampleHash), Refusal> {
    front.enter(route, headers, errand)?;
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(SeatToken::from_bearer).ok_or_else(Denial::unauthorised)?;
    let Path((text, hash)) = path.map_err(|_| Denial::unknown_session(""))?;
    let hash = SampleHash::parse(&hash).ok_or_else(Denial::bad_hash)?;
    let code = SessionCode::parse(&text).ok_or_else(|| Denial::unknown_session(&text))?;
    let seat = front.desk.ask(|reply| Request::Seat { code, token, reply }).await;
    match seat {
        Ok(Some(seat)) => Ok((code, seat, hash)),
        Ok(None) => Err(Denial::unauthorised().into()),
        Err(refused) => {
            if refused == Refused::UnknownSession {
                front.enter(route, headers, Errand::Guess)?;
            }
            Err(Refusal::of(refused, &text))
        }
    }
}

/// How many bytes a request says that it brings.
fn announced(headers: &HeaderMap) -> Result<usize, Refusal> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let length = length.ok_or_else(Denial::no_length)?;
    if length > SAMPLE_BYTES_MAX { Err(Denial::too_large().into()) } else { Ok(length) }
}

/// Reads a body that has as many bytes as were announced.
async fn read(body: Body, length: usize, mut take: impl FnMut(&[u8])) -> Result<(), Refusal> {
    let (mut pieces, mut left) = (body.into_data_stream(), length);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Denial::broken_off())?;
        left = left.checked_sub(piece.len()).ok_or_else(Denial::broken_off)?;
        take(&piece);
    }
    if left == 0 { Ok(()) } else { Err(Denial::broken_off().into()) }
}

/// A file as a body, a piece at a time.
fn contents(file: File) -> Body {
    Body::from_stream(stream::unfold(Some(file), |file| async {
        let mut file = file?;
        let piece = spawn_blocking(move || {
            let mut piece = Vec::with_capacity(SAMPLE_READ_BYTES);
            let read = (&mut file).take(SAMPLE_READ_BYTES as u64).read_to_end(&mut piece);
            read.map(|_| (Bytes::from(piece), file))
        });
        match piece.await.map_err(io::Error::other).flatten() {
            Ok((piece, _)) if piece.is_empty() => None,
            Ok((piece, file)) => Some((Ok(piece), Some(file))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// Does what may wait for the disk on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    spawn_blocking(work).await.map_err(|_| Refusal::no_room(NoRoom::Broken))
}

/// Forgets the sounds of sessions that are over, again and again.
pub(super) async fn sweep(samples: Samples, desk: Desk) {
    loop {
        let held = samples.clone();
        // Those that hold something are asked for first: a session that is opened meanwhile is not among them.
        let codes = blocking(move || held.sessions()).await.unwrap_or_default();
        for code in codes {
            if desk.ask(|reply| Request::IsKept { code, reply }).await == Err(Refused::UnknownSession) {
                let samples = samples.clone();
                // What fails now is tried again.
                blocking(move || samples.forget(code)).await.unwrap_or_default();
            }
        }
        tokio::time::sleep(SAMPLE_SWEEP_INTERVAL).await;
    }
}
