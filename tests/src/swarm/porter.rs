//! Opens sessions and asks for seats over HTTP, on request also from a thread of its own.

use keyboardia_session::{
    Profile,
    api::{Created, JoinRequest, Joined},
};
use keyboardia_visitor::client;
use reqwest::{
    StatusCode,
    blocking::{Client, Response},
};
use serde::de::DeserializeOwned;
use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Instant,
};

/// A seat, or why there is none.
#[derive(Debug)]
pub struct Admission {
    /// Which session, as the swarm counts them.
    pub session: usize,
    /// When the host was asked.
    pub asked: Instant,
    /// The seat, or a sentence.
    pub joined: Result<Joined, String>,
}

/// Speaks to a host over HTTP and keeps the connection open.
#[derive(Debug, Clone)]
pub struct Porter {
    client: Client,
    /// Address and port.
    host: String,
}

impl Porter {
    /// For the host at this address.
    pub fn new(host: &str) -> Self {
        Self { client: client(), host: host.to_owned() }
    }

    /// Opens a session; its code.
    ///
    /// # Errors
    /// The host's refusal, or what became of the connection.
    pub fn open(&self) -> Result<String, String> {
        let created: Created = self.post("/api/sessions", &())?;
        Ok(created.code)
    }

    /// Asks for a seat; with a token, for the one that it had.
    ///
    /// # Errors
    /// As [`Porter::open`].
    pub fn join(&self, code: &str, token: Option<&str>) -> Result<Joined, String> {
        self.post(&format!("/api/sessions/{code}/join"), &JoinRequest::new(&Profile::default(), token))
    }

    /// Asks from a thread of its own, one after the other: takes sessions and their codes, gives admissions.
    pub fn stand_by(self) -> (Sender<(usize, String)>, Receiver<Admission>) {
        let (ask, asked) = channel::<(usize, String)>();
        let (give, given) = channel();
        thread::spawn(move || {
            for (session, code) in asked {
                let asked = Instant::now();
                let joined = self.join(&code, None);
                if give.send(Admission { session, asked, joined }).is_err() {
                    return;
                }
            }
        });
        (ask, given)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl serde::Serialize) -> Result<T, String> {
        let url = format!("http://{}{path}", self.host);
        let send = || self.client.post(&url).json(body).send();
        // The host ends a connection after a while, perhaps just now.
        let answer = send().or_else(|_| send()).map_err(|error| format!("{path}: {error}"))?;
        read(answer).map_err(|error| format!("{path}: {error}"))
    }
}

fn read<T: DeserializeOwned>(answer: Response) -> Result<T, String> {
    match answer.status() {
        StatusCode::OK | StatusCode::CREATED => answer.json().map_err(|error| error.to_string()),
        status => Err(format!("{status} {}", answer.text().unwrap_or_default())),
    }
}
