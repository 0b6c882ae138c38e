//! What the Worker asks an object. Nobody else can: objects have no address outside.

use crate::answer::{Stop, json};
use keyboardia_session::{
    SampleHash, SessionCode,
    api::{CreateRequest, JoinRequest},
    denial::Denial,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use worker::{Env, Headers, Method, Request, RequestInit, Response, Stub, wasm_bindgen::JsValue};

/// The objects' name in wrangler.jsonc.
const SESSIONS: &str = "SESSIONS";
/// Where an object seems to be.
const ORIGIN: &str = "https://session";

/// Opens the session.
pub(crate) const CREATE: &str = "/create";
/// Keeps a seat.
pub(crate) const JOIN: &str = "/join";
/// Opens a WebSocket.
pub(crate) const SOCKET: &str = "/ws";
/// Opens a WebSocket for a host.
pub(crate) const BRIDGE: &str = "/bridge";
/// Header that says for which session it is.
const CODE: &str = "x-session-code";
/// Whether there is room for a sample.
pub(crate) const RESERVE: &str = "/samples/reserve";
/// The sample is in its place.
pub(crate) const KEEP: &str = "/samples/keep";
/// The sample does not come.
pub(crate) const RELEASE: &str = "/samples/release";
/// Whether the session has the sample.
pub(crate) const FIND: &str = "/samples/find";
/// Whether the session has the sample, or somebody else than the seat is bringing it.
pub(crate) const IS_WANTED: &str = "/samples/is-wanted";
/// The sample is not in its place any more.
pub(crate) const MISS: &str = "/samples/miss";
/// The samples that the session has.
pub(crate) const LIST: &str = "/samples/list";

/// Opens the session of this code, as it was asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Create {
    pub(crate) code: String,
    pub(crate) request: CreateRequest,
}

/// Somebody wants a seat; the request has a token.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Join {
    pub(crate) request: JoinRequest,
    /// The code as it was written.
    pub(crate) code: String,
}

/// Who asks about a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Asker {
    /// Whoever shows this token, 64 hexadecimal digits.
    Player(String),
    /// A host that has shown the key.
    Host,
}

/// Somebody asks about a sample.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AboutSample {
    /// Who.
    pub(crate) asker: Asker,
    /// Which.
    pub(crate) hash: SampleHash,
    /// How long it is, bytes; nothing where that is not known.
    pub(crate) bytes: u64,
    /// The code as it was written.
    pub(crate) code: String,
    /// The seat for which there was room.
    pub(crate) seat: Option<u8>,
}

/// A host that has shown the key asks which samples the session has.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct List {
    /// The code as it was written.
    pub(crate) code: String,
}

/// There is room for a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reserved {
    /// Whether the session has it already.
    pub(crate) is_known: bool,
    /// Who brings it.
    pub(crate) seat: u8,
}

/// Whether a session has a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) is_known: bool,
}

/// The object of a session, there or not.
pub(crate) fn object(env: &Env, code: SessionCode) -> worker::Result<Stub> {
    env.durable_object(SESSIONS)?.get_by_name(&code.to_string())
}

/// Asks an object something; a refusal of its comes back as one.
pub(crate) async fn ask<T: DeserializeOwned>(object: &Stub, path: &str, body: &impl Serialize) -> Result<T, Stop> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    let body = serde_json::to_string(body).map_err(worker::Error::from)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(JsValue::from_str(&body)));
    let request = Request::new_with_init(&format!("{ORIGIN}{path}"), &init)?;
    let mut response = object.fetch_with_request(request).await?;
    let text = response.text().await?;
    let broken = |error: serde_json::Error| Stop::Broken(error.into());
    if response.status_code() < 300 {
        return serde_json::from_str(&text).map_err(broken);
    }
    let error = serde_json::from_str(&text).map_err(broken)?;
    let retry = response.headers().get("retry-after")?.and_then(|seconds| seconds.parse().ok());
    Err(Denial { status: response.status_code(), error, retry_after_s: retry }.into())
}

/// For which session a host has come.
pub(crate) fn code_of(request: &Request) -> worker::Result<String> {
    Ok(request.headers().get(CODE)?.unwrap_or_default())
}

/// Hands a request for a WebSocket, of a player or of a host, to the object of a session.
pub(crate) async fn hand_over(env: &Env, code: SessionCode, path: &str, request: &Request) -> worker::Result<Response> {
    let mut init = RequestInit::new();
    let headers = Headers::new();
    for name in ["upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"] {
        if let Some(value) = request.headers().get(name)? {
            headers.set(name, &value)?;
        }
    }
    headers.set(CODE, &code.to_string())?;
    init.with_method(Method::Get).with_headers(headers);
    object(env, code)?.fetch_with_request(Request::new_with_init(&format!("{ORIGIN}{path}"), &init)?).await
}

/// An object's answer that there is nothing to say.
pub(crate) fn done() -> Result<Response, Stop> {
    Ok(json(200, &())?)
}
