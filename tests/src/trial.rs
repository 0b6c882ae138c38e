//! The Worker on trial: the production one in the real workerd, in a shell (`tests/worker/trial.js`) that lets its bucket
//! fail, its clock go ahead and its alarms ring when a test says so. Every alarm comes twice.

use crate::{cloud::Cloud, process::wait_for};
use keyboardia_visitor::client;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// See the module.
pub struct Trial {
    /// The Worker.
    pub cloud: Cloud,
}

/// What the Worker and its objects have done so far, and what there is of one session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seen {
    /// Alarms that rang; each was answered twice.
    pub alarms: u32,
    /// Deeds of the bucket that have begun and not ended.
    pub lasting: u32,
    /// What was deleted from the bucket, as often as it was.
    pub deleted: Vec<String>,
    /// How often an object has deleted all that it had.
    pub ends: u32,
    /// What went wrong, as it was logged.
    pub complaints: Vec<String>,
    /// The session.
    pub kept: Kept,
}

/// What there is of a session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Kept {
    /// Whether its database has anything of it.
    pub is_there: bool,
    /// Samples that have been announced and not come.
    pub coming: usize,
    /// Samples that have come.
    pub come: usize,
    /// What the bucket has of it.
    pub in_bucket: Vec<String>,
    /// Whether an alarm is set.
    pub has_alarm: bool,
}

impl Trial {
    /// Starts it, with what it keeps in `dir`.
    pub fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    /// The same with these arguments for wrangler.
    pub fn start_with(dir: &Path, arguments: &[&str]) -> Self {
        Self { cloud: Cloud::start_shell("tests/worker/trial.js", dir, arguments) }
    }

    fn ask(&self, wish: &Value) -> Seen {
        let url = format!("http://{}/api/trial", self.cloud.http);
        let answer = client().post(url).json(wish).send().expect("an answer");
        assert_eq!(answer.status(), 200, "{wish}:\n{}", self.cloud.said());
        answer.json().expect("what was seen")
    }

    /// Lets these deeds of the bucket fail from now on, and no others: `put`, `get`, `list`, `delete`; with `!`, after they
    /// are done; with `~`, they do not fail, but last until they are not named any more.
    pub fn fail(&self, code: &str, deeds: &[&str]) {
        self.ask(&json!({ "session": code, "fails": deeds }));
    }

    /// Lets the clock go ahead.
    pub fn pass(&self, code: &str, time: Duration) {
        self.ask(&json!({ "session": code, "ahead_ms": time.as_millis() as u64 }));
    }

    /// Lets a session's alarm ring, due or not, and does not wait for what comes of it; the alarms before it.
    pub fn begin_to_ring(&self, code: &str) -> u32 {
        let before = self.look(code).alarms;
        self.ask(&json!({ "session": code, "rings": true }));
        before
    }

    /// Lets a session's alarm ring, due or not, and waits until it was answered, twice.
    pub fn ring(&self, code: &str) -> Seen {
        let before = self.begin_to_ring(code);
        wait_for("an alarm that was answered", || Some(self.look(code)).filter(|seen| seen.alarms > before))
    }

    /// Takes everything of a session out of the bucket, as a lifecycle rule would.
    pub fn lose(&self, code: &str) -> Seen {
        self.ask(&json!({ "session": code, "loses": true }))
    }

    /// What was done so far.
    pub fn look(&self, code: &str) -> Seen {
        self.ask(&json!({ "session": code }))
    }
}
