//! The Worker: who may ask how often, what is asked of which object, and nothing else. It is as many programs as there are
//! places in the world, so it keeps nothing.

use crate::{
    answer::{self, Stop, json},
    asks::{self, Create, Join},
    limits::{CODES_TRIED_MAX, LIMIT_PERIOD_S},
    samples::{self, By},
};
use keyboardia_session::{
    Farewell, SeatToken, SessionCode,
    api::{CreateRequest, Created, JoinRequest, Joined},
    denial::Denial,
    limits::{CREATE_BODY_BYTES_MAX, HTTP_BODY_BYTES_MAX},
    origin::limited,
    token::SEAT_TOKEN_BYTES,
};
use percent_encoding::percent_decode_str;
use worker::{Env, Method, Request, Response, Result, WebSocketPair};

/// Where Cloudflare writes whom a request comes from.
const FROM: &str = "cf-connecting-ip";

/// The secret that hosts show; without it, no host is taken.
const KEY: &str = "BRIDGE_KEY";

/// What an address asks for; the limits themselves are in wrangler.jsonc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Open a session.
    Create,
    /// Join one.
    Join,
    /// Bring a sample.
    Upload,
    /// Fetch a sample.
    Fetch,
    /// Bring, fetch or list samples as a host.
    Cross,
}

impl Errand {
    fn binding(self) -> &'static str {
        match self {
            Self::Create => "LIMIT_CREATE",
            Self::Join => "LIMIT_JOIN",
            Self::Upload => "LIMIT_UPLOAD",
            Self::Fetch => "LIMIT_FETCH",
            Self::Cross => "LIMIT_CROSS",
        }
    }
}

/// The answer to any request.
pub(crate) async fn answer(mut request: Request, env: &Env) -> Result<Response> {
    answer::of(route(&mut request, env).await)
}

async fn route(request: &mut Request, env: &Env) -> std::result::Result<Response, Stop> {
    let path = request.path();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let method = request.method();
    // As a host does: what is read can also be looked at.
    let is_read = matches!(method, Method::Get | Method::Head);
    match (&parts[..], method) {
        (["healthz"], _) if is_read => Ok(Response::ok("ok")?),
        (["api", "sessions"], Method::Post) => create(request, env).await,
        (["api", "sessions", code, "join"], Method::Post) => join(request, env, &plain(code)).await,
        (["api", "sessions", code, "ws"], Method::Get) => socket(request, env, &plain(code)).await,
        (["api", "sessions", code, "bridge"], Method::Get) => bridge(request, env, &plain(code)).await,
        (["api", "sessions", code, "samples", hash], Method::Put) => {
            samples::bring(request, env, &plain(code), hash, By::Player).await
        }
        (["api", "sessions", code, "samples", hash], Method::Get) => {
            samples::fetch(request, env, &plain(code), hash, By::Player).await
        }
        (["api", "sessions", code, "bridge", "samples"], Method::Get) => {
            samples::list(request, env, &plain(code)).await
        }
        (["api", "sessions", code, "bridge", "samples", hash], Method::Put) => {
            samples::bring(request, env, &plain(code), hash, By::Host).await
        }
        (["api", "sessions", code, "bridge", "samples", hash], Method::Get) => {
            samples::fetch(request, env, &plain(code), hash, By::Host).await
        }
        (["healthz"] | ["api", "sessions"] | ["api", "sessions", _, "join" | "ws" | "bridge"], method) => {
            Err(Denial::wrong_method(method.as_ref(), &path).into())
        }
        (
            ["api", "sessions", _, "samples", _]
            | ["api", "sessions", _, "bridge", "samples"]
            | ["api", "sessions", _, "bridge", "samples", _],
            method,
        ) => Err(Denial::wrong_method(method.as_ref(), &path).into()),
        _ => Err(Denial::unknown_route(&path).into()),
    }
}

/// Lets somebody do something, if they have not done it too often.
pub(crate) async fn enter(request: &Request, env: &Env, errand: Errand) -> std::result::Result<(), Stop> {
    let from = request.headers().get(FROM)?.and_then(|from| from.parse().ok());
    let Some(from) = from.and_then(limited) else { return Ok(()) };
    let outcome = env.rate_limiter(errand.binding())?.limit(from.to_string()).await?;
    if outcome.success { Ok(()) } else { Err(Denial::too_often(LIMIT_PERIOD_S).into()) }
}

async fn create(request: &mut Request, env: &Env) -> std::result::Result<Response, Stop> {
    enter(request, env, Errand::Create).await?;
    let body = body(request, CREATE_BODY_BYTES_MAX).await?;
    let request = CreateRequest::parse(&body).map_err(|bad| Denial::bad_song(&bad))?;
    for _ in 0..CODES_TRIED_MAX {
        let code = SessionCode::from_entropy(u64::from_le_bytes(random()?));
        let text = code.to_string();
        let create = Create { code: text.clone(), request: request.clone() };
        let is_new: bool = asks::ask(&asks::object(env, code)?, asks::CREATE, &create).await?;
        if is_new {
            return Ok(json(201, &Created { code: text })?);
        }
    }
    Err(Denial::busy().into())
}

async fn join(request: &mut Request, env: &Env, text: &str) -> std::result::Result<Response, Stop> {
    enter(request, env, Errand::Join).await?;
    let body = body(request, HTTP_BODY_BYTES_MAX).await?;
    let mut wish = JoinRequest::parse(&body).map_err(|bad| Denial::bad_join(&bad))?;
    let token = match &wish.token {
        None => SeatToken(random::<SEAT_TOKEN_BYTES>()?),
        Some(text) => SeatToken::from_hex(text).ok_or_else(Denial::bad_token)?,
    };
    wish.token = Some(token.to_hex());
    let code = SessionCode::parse(text).ok_or_else(|| Denial::unknown_session(text))?;
    let join = Join { request: wish, code: text.to_owned() };
    let joined: Joined = asks::ask(&asks::object(env, code)?, asks::JOIN, &join).await?;
    Ok(json(200, &joined)?)
}

/// A WebSocket. Whatever is wrong with it is said in its close frame, since browsers do not show their pages anything else.
async fn socket(request: &Request, env: &Env, text: &str) -> std::result::Result<Response, Stop> {
    enter(request, env, Errand::Join).await?;
    expect_web_socket(request)?;
    let Some(code) = SessionCode::parse(text) else {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        server.accept()?;
        let why = Farewell::NoSession;
        server.close(Some(why.code()), Some(why.to_string()))?;
        return Ok(Response::from_websocket(client)?);
    };
    Ok(asks::hand_over(env, code, asks::SOCKET, request).await?)
}

/// A WebSocket of a host, if it has the key.
async fn bridge(request: &Request, env: &Env, text: &str) -> std::result::Result<Response, Stop> {
    expect_key(request, env, Errand::Join).await?;
    expect_web_socket(request)?;
    let code = SessionCode::parse(text).ok_or_else(|| Denial::unknown_session(text))?;
    Ok(asks::hand_over(env, code, asks::BRIDGE, request).await?)
}

/// Lets a host do something that has the key, if it has not tried too often.
pub(crate) async fn expect_key(request: &Request, env: &Env, errand: Errand) -> std::result::Result<(), Stop> {
    enter(request, env, errand).await?;
    let shown = request.headers().get("authorization")?.unwrap_or_default();
    let shown = shown.strip_prefix("Bearer ").unwrap_or_default();
    let key = env.secret(KEY).map(|key| key.to_string()).unwrap_or_default();
    if key.is_empty() || !is_same(shown, &key) { Err(Denial::no_bridge().into()) } else { Ok(()) }
}

/// Whether two texts are the same, found out in a time that does not tell where they differ.
fn is_same(one: &str, other: &str) -> bool {
    let differ = one.bytes().zip(other.bytes()).fold(0, |differ, (one, other)| differ | (one ^ other));
    one.len() == other.len() && differ == 0
}

fn expect_web_socket(request: &Request) -> std::result::Result<(), Stop> {
    let upgrade = request.headers().get("upgrade")?;
    if upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
        Ok(())
    } else {
        Err(Denial::no_web_socket().into())
    }
}

/// A request's body, if it is not of more than so many bytes.
async fn body(request: &mut Request, bytes_max: usize) -> std::result::Result<Vec<u8>, Stop> {
    let length = request.headers().get("content-length")?.and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > bytes_max) {
        return Err(Denial::large_body(bytes_max).into());
    }
    let bytes = request.bytes().await.map_err(|_| Denial::broken_off())?;
    if bytes.len() > bytes_max { Err(Denial::large_body(bytes_max).into()) } else { Ok(bytes) }
}

/// Random bytes.
fn random<const N: usize>() -> std::result::Result<[u8; N], Denial> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Denial::no_secrets())?;
    Ok(bytes)
}

/// A part of a path as people wrote it.
fn plain(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}
