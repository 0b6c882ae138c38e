//! Asking a host for a session and a seat over HTTP.

use keyboardia_session::{
    Profile, SessionCode,
    api::{ApiError, ApiErrorKind, Created, JoinRequest, Joined},
};
use reqwest::blocking::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Port of a host, where an address names none.
const DEFAULT_PORT: u16 = 7_373;
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

/// A host's HTTP interface.
pub(crate) struct HostApi {
    client: Client,
    base: String,
    host: String,
}

impl HostApi {
    /// The interface at `address`: `host`, `host:port` or `http://host:port`.
    pub(crate) fn new(address: &str) -> Result<Self, JoinFailure> {
        let final_failure = |sentence| JoinFailure { sentence, may_pass: false };
        let address = address.trim().trim_end_matches('/');
        if address.starts_with("https://") {
            return Err(final_failure(format!("{address}: hosts are reached by http:// in this version.")));
        }
        let host = address.strip_prefix("http://").unwrap_or(address);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if host.is_empty() || host.len() > 255 || !host.chars().all(is_plain) {
            return Err(final_failure(format!(
                "“{address}” is not an address of a host; it looks like 192.168.1.20:7373."
            )));
        }
        let has_port = host.rsplit(']').next().is_some_and(|tail| tail.contains(':'));
        let host = if has_port { host.to_owned() } else { format!("{host}:{DEFAULT_PORT}") };
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .build()
            .map_err(|error| final_failure(format!("This machine cannot make network connections: {error}.")))?;
        Ok(Self { client, base: format!("http://{host}"), host })
    }

    /// The address with its port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Creates a session.
    pub(crate) fn create(&self) -> Result<String, JoinFailure> {
        let created: Created = self.send(self.client.post(format!("{}/api/sessions", self.base)))?;
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
        self.send(self.client.post(format!("{}/api/sessions/{code}/join", self.base)).json(&request))
    }

    fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, JoinFailure> {
        let unreachable = |_| JoinFailure {
            sentence: format!("No host answers at {}. Is it running, and is the address right?", self.host),
            may_pass: true,
        };
        let answer = request.send().map_err(unreachable)?;
        let status = answer.status();
        let body = answer.bytes().map_err(unreachable)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| self.not_a_host());
        }
        let error: ApiError = serde_json::from_slice(&body).map_err(|_| self.not_a_host())?;
        Err(JoinFailure {
            sentence: error.message,
            may_pass: matches!(error.kind, ApiErrorKind::HostFull | ApiErrorKind::TooOften),
        })
    }

    fn not_a_host(&self) -> JoinFailure {
        let sentence = format!("What answers at {} is not a Keyboardia host of this version.", self.host);
        JoinFailure { sentence, may_pass: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(address: &str) -> Option<String> {
        HostApi::new(address).ok().map(|api| api.host().to_owned())
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        assert_eq!(host_of("192.168.1.20").as_deref(), Some("192.168.1.20:7373"));
        assert_eq!(host_of(" http://jam.example:80/ ").as_deref(), Some("jam.example:80"));
        assert_eq!(host_of("[::1]").as_deref(), Some("[::1]:7373"));
        assert_eq!(host_of("[::1]:99").as_deref(), Some("[::1]:99"));
        assert_eq!(host_of(""), None);
        assert_eq!(host_of("a b"), None);
        assert_eq!(host_of("host/path"), None);
    }

    #[test]
    fn a_text_that_is_no_code_is_refused_without_asking() {
        let failure = HostApi::new("127.0.0.1:1").and_then(|api| api.join("nonsense", &Profile::default(), None));
        assert!(failure.is_err_and(|failure| failure.sentence.contains("five words") && !failure.may_pass));
    }
}
