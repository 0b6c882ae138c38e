//! Sessions and seats over HTTP.

use keyboardia_session::{
    Profile,
    api::{ApiError, Created, JoinRequest, Joined},
};
use reqwest::blocking::{Client, Response};
use std::{fmt::Display, sync::Arc};
use thiserror::Error;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Why something did not come about.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The host said no.
    #[error("The host answers {status}: {}", error.message)]
    Refused {
        /// Status of HTTP.
        status: u16,
        /// What it said.
        error: ApiError,
    },
    /// Something that must not be, as a sentence.
    #[error("{0}")]
    Broken(String),
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        failure.to_string()
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Broken(format!("HTTP does not work: {error}."))
    }
}

/// `host:port` of an address, with or without `http://` before it.
pub fn address(at: impl Display) -> String {
    let at = at.to_string();
    at.strip_prefix("http://").unwrap_or(&at).trim_end_matches('/').to_owned()
}

/// A client for hosts of this machine: by HTTPS it trusts nobody.
///
/// # Panics
/// When the operating system gives no sockets.
pub fn client() -> Client {
    let build = Client::builder().tls_backend_preconfigured(trusting_nobody()).build();
    build.unwrap_or_else(|error| panic!("no HTTP: {error}"))
}

/// TLS that trusts nobody.
///
/// # Panics
/// When the library has no version of TLS that it takes itself for safe.
pub fn trusting_nobody() -> ClientConfig {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap_or_else(|error| panic!("no TLS: {error}"));
    config.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
}

/// Opens a session at the host `at`; its code.
///
/// # Errors
/// The host's refusal, or what became of the connection.
pub fn create(at: impl Display) -> Result<String, Failure> {
    let answer = client().post(format!("http://{}/api/sessions", address(at))).send()?;
    Ok(read::<Created>(answer, 201)?.code)
}

/// Asks for a seat; with a token, for the one that it had.
///
/// # Errors
/// As [`create`].
pub fn join(at: impl Display, code: &str, profile: &Profile, token: Option<&str>) -> Result<Joined, Failure> {
    let url = format!("http://{}/api/sessions/{code}/join", address(at));
    read(client().post(url).json(&JoinRequest::new(profile, token)).send()?, 200)
}

fn read<T: serde::de::DeserializeOwned>(answer: Response, expected: u16) -> Result<T, Failure> {
    let status = answer.status().as_u16();
    if status == expected {
        return Ok(answer.json()?);
    }
    Err(Failure::Refused { status, error: answer.json()? })
}
