//! Where a host is, and asking it for a session and a seat over HTTP.

use crate::samples::Depot;
use keyboardia_session::{
    Profile, SessionCode, Song,
    api::{ApiError, ApiErrorKind, CreateRequest, Created, JoinRequest, Joined},
};
use reqwest::{
    StatusCode,
    blocking::{Client, RequestBuilder},
};
use serde::de::DeserializeOwned;
use std::{fmt, sync::Arc, time::Duration};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, crypto::ring};

/// Port of a host, where an address names none.
const DEFAULT_PORT: u16 = 7_373;
/// The same, where the address asks for HTTPS.
const SECURE_PORT: u16 = 443;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a host did not give a seat, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinFailure {
    /// The sentence.
    pub(crate) sentence: String,
    /// Whether trying again may help.
    pub(crate) may_pass: bool,
}

/// Where a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Whether it is spoken to by HTTPS.
    pub(crate) is_secure: bool,
    /// `name:port`.
    pub(crate) host: String,
}

impl Address {
    /// Reads an address as people write it: `host`, `host:port`, `http://host:port` or `https://host`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('/');
        let secure = text.strip_prefix("https://");
        let (is_secure, host) = (secure.is_some(), secure.or_else(|| text.strip_prefix("http://")).unwrap_or(text));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if host.is_empty() || host.len() > 255 || !host.chars().all(is_plain) {
            return None;
        }
        let has_port = host.rsplit(']').next().is_some_and(|tail| tail.contains(':'));
        let port = if is_secure { SECURE_PORT } else { DEFAULT_PORT };
        let host = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        Some(Self { is_secure, host })
    }

    /// A URL there; `kind` is `http` or `ws`.
    pub(crate) fn url(&self, kind: &str, path: &str) -> String {
        format!("{kind}{}://{}{path}", if self.is_secure { "s" } else { "" }, self.host)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_secure {
            write!(f, "https://{}", self.host.strip_suffix(":443").unwrap_or(&self.host))
        } else {
            f.write_str(&self.host)
        }
    }
}

/// Whom this machine trusts to vouch for a host.
pub(crate) fn trust() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    // What cannot be read vouches for nobody.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("This machine cannot make secure connections: {error}."))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A host's HTTP interface.
pub(crate) struct HostApi {
    client: Client,
    address: Address,
}

impl HostApi {
    /// The interface at `address`: `host`, `host:port`, `http://host:port` or `https://host`.
    pub(crate) fn new(address: &str) -> Result<Self, JoinFailure> {
        let final_failure = |sentence| JoinFailure { sentence, may_pass: false };
        let Some(parsed) = Address::parse(address) else {
            let address = address.trim();
            return Err(final_failure(format!(
                "“{address}” is not an address of a host; it looks like 192.168.1.20:7373, or https://jam.example."
            )));
        };
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .tls_backend_preconfigured(trust().map_err(final_failure)?)
            .build()
            .map_err(|error| final_failure(format!("This machine cannot make network connections: {error}.")))?;
        Ok(Self { client, address: parsed })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The sounds of a session there, for the seat of this token.
    pub(crate) fn depot(&self, code: &str, token: &str) -> Depot {
        Depot::new(self.client.clone(), self.address.clone(), code.to_owned(), token.to_owned())
    }

    /// Creates a session, which begins with `song`, or with the starter groove.
    pub(crate) fn create(&self, song: Option<&Song>) -> Result<String, JoinFailure> {
        let request = CreateRequest { song: song.cloned().map(Box::new) };
        let url = self.address.url("http", "/api/sessions");
        let created: Created = self.send(self.client.post(url).json(&request))?;
        Ok(created.code)
    }

    /// Asks for a seat; `token` is that of the seat that the player had.
    pub(crate) fn join(&self, code: &str, profile: &Profile, token: Option<&str>) -> Result<Joined, JoinFailure> {
        let Some(code) = SessionCode::parse(code) else {
            let sentence =
                format!("“{code}” is not a session code; a code has five words, like amber-otter-piano-lake-sun.");
            return Err(JoinFailure { sentence, may_pass: false });
        };
        let request = JoinRequest::new(profile, token);
        self.send(self.client.post(self.address.url("http", &format!("/api/sessions/{code}/join"))).json(&request))
    }

    fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, JoinFailure> {
        let unreachable = |error: reqwest::Error| {
            let at = &self.address;
            let sentence = match certificate_error(&error) {
                Some(why) => {
                    format!("{at} cannot prove who it is: {why}. A host of your own is reached by http://, too.")
                }
                None => format!("No host answers at {at}. Is it running, and is the address right?"),
            };
            JoinFailure { sentence, may_pass: true }
        };
        let answer = request.send().map_err(unreachable)?;
        let status = answer.status();
        let body = answer.bytes().map_err(unreachable)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| self.not_a_host());
        }
        Err(match serde_json::from_slice::<ApiError>(&body) {
            Ok(error) => {
                let is_crowded = matches!(error.kind, ApiErrorKind::HostFull | ApiErrorKind::TooOften);
                JoinFailure { sentence: error.message, may_pass: is_crowded || may_pass(status) }
            }
            // Whatever stands before the host, and does not find it.
            Err(_) if may_pass(status) => {
                let sentence = format!("The host at {} cannot be reached just now ({status}).", self.address);
                JoinFailure { sentence, may_pass: true }
            }
            Err(_) => self.not_a_host(),
        })
    }

    fn not_a_host(&self) -> JoinFailure {
        let sentence = format!("What answers at {} is not a Keyboardia host of this version.", self.address);
        JoinFailure { sentence, may_pass: false }
    }
}

/// Whether an answer says that the host is to be asked again: it is overloaded, starts just now, or is not found by the
/// proxy before it.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// What is wrong with a host's certificate, if that is what is wrong.
fn certificate_error(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls.to_string());
    }
    // An error of the operating system's kind holds another, and is silent about it as a source.
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(within) => certificate_error(within),
        None => certificate_error(error.source()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    fn host_of(address: &str) -> Option<String> {
        Address::parse(address).map(|address| address.host)
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        assert_eq!(host_of("192.168.1.20").as_deref(), Some("192.168.1.20:7373"));
        assert_eq!(host_of(" http://jam.example:80/ ").as_deref(), Some("jam.example:80"));
        assert_eq!(host_of("https://jam.example/").as_deref(), Some("jam.example:443"));
        assert_eq!(Address::parse("https://jam.example").unwrap().url("ws", "/x"), "wss://jam.example:443/x");
        assert_eq!(Address::parse("https://jam.example").unwrap().to_string(), "https://jam.example");
        assert_eq!(host_of("[::1]").as_deref(), Some("[::1]:7373"));
        assert_eq!(host_of("[::1]:99").as_deref(), Some("[::1]:99"));
        assert_eq!(host_of(""), None);
        assert_eq!(host_of("a b"), None);
        assert_eq!(host_of("host/path"), None);
    }

    /// How a player takes an answer to its wish for a seat.
    fn taken(status: &str, body: &str) -> JoinFailure {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = door.local_addr().unwrap().to_string();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let proxy = std::thread::spawn(move || {
            let (mut stream, _) = door.accept().unwrap();
            let (mut asked, mut piece) = (Vec::new(), [0; 4_096]);
            // The whole request, or the answer would be lost with what was not read.
            while !asked.ends_with(b"}") {
                let length = stream.read(&mut piece).unwrap();
                asked.extend_from_slice(&piece[..length]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let code = SessionCode::from_entropy(7).to_string();
        let failure = HostApi::new(&address).unwrap().join(&code, &Profile::default(), None).unwrap_err();
        proxy.join().unwrap();
        failure
    }

    #[test]
    fn a_host_that_its_proxy_does_not_find_is_asked_again_and_what_is_no_host_is_not() {
        for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout", "429 Too Many Requests"] {
            let failure = taken(status, "<html>nginx</html>");
            assert!(failure.may_pass && failure.sentence.ends_with(&format!("({status}).")), "{failure:?}");
        }
        let page = taken("404 Not Found", "<html>nginx</html>");
        assert!(!page.may_pass && page.sentence.contains("is not a Keyboardia host"), "{page:?}");
        let refused = |kind: ApiErrorKind, status: &str| {
            let error = ApiError { kind, message: "A sentence.".into() };
            taken(status, &serde_json::to_string(&error).unwrap())
        };
        let busy = refused(ApiErrorKind::HostFull, "503 Service Unavailable");
        assert_eq!(busy, JoinFailure { sentence: "A sentence.".into(), may_pass: true });
        let over = refused(ApiErrorKind::UnknownSession, "404 Not Found");
        assert_eq!(over, JoinFailure { sentence: "A sentence.".into(), may_pass: false });
        assert!(!refused(ApiErrorKind::Removed, "403 Forbidden").may_pass);
    }

    #[test]
    fn a_text_that_is_no_code_is_refused_without_asking() {
        let failure = HostApi::new("127.0.0.1:1").and_then(|api| api.join("nonsense", &Profile::default(), None));
        assert!(failure.is_err_and(|failure| failure.sentence.contains("five words") && !failure.may_pass));
    }
}
