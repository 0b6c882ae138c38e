//! Players' own sounds on both sides of the bridge: what is brought to the host, the place gets, too; what is brought to the
//! place, the host gets and keeps.
//!
//! ```text
//! PUT at the host ──→ samples (disk) ─→ news ─→ level ─→ place      whatever the place lacks, again and again
//! place: SamplesChanged ──────────────→ news ─→ level ─→ samples    whatever the host lacks
//! GET at the host, of one that it lacks ─→ fetch ──────→ samples    at once, for the player who waits
//! ```
//!
//! Nothing here waits in a queue: what is to cross is what one side has and the other has not, by the host's database and
//! the place's list, so it is never more than a session may have, and is known again after every failure. Neither the host's
//! loop nor the messages of a link wait for it.

use super::{BridgeConfig, Place, trust};
use crate::{
    error::HostError,
    limits::{
        BRIDGE_BACKOFF_MIN, BRIDGE_FETCHES_BURST, BRIDGE_FETCHES_PER_S, BRIDGE_LIST_BYTES_MAX, BRIDGE_OPEN_MAX,
        BRIDGE_SAMPLES_BACKOFF_MAX, BRIDGE_SAMPLES_FETCHED_MAX, BRIDGE_SAMPLES_FORWARDED_MAX, HTTP_SILENCE_MAX,
        SAMPLE_UPLOAD_MAX,
    },
    metrics::Metrics,
    samples::{NoRoom, Samples, check},
};
use keyboardia_session::{
    Allowance, Micros, SampleHash, SessionCode,
    api::{ApiError, ApiErrorKind},
    bridge::SampleList,
    limits::{HTTP_BODY_BYTES_MAX, SAMPLE_BYTES_MAX},
};
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use std::{
    collections::{BTreeSet, HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, Semaphore},
    task::{AbortHandle, spawn_blocking},
    time::sleep,
};

/// Names of the two ways among what is counted.
const TO_PLACE: &str = "to_place";
const FROM_PLACE: &str = "from_place";

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Crossing(Arc<Shared>);

struct Shared {
    place: Place,
    key: String,
    client: Client,
    samples: Samples,
    metrics: Metrics,
    /// Sessions that are linked.
    linked: Mutex<HashMap<SessionCode, Linked>>,
    /// Places for sounds on the way to the place: each is in memory.
    forwarding: Semaphore,
    /// The same on the way from there. A sound has always the same one, so that it comes once.
    fetching: [tokio::sync::Mutex<()>; BRIDGE_SAMPLES_FETCHED_MAX],
    began: Instant,
}

/// A session that is linked.
struct Linked {
    /// That one side may have what the other lacks.
    news: Arc<Notify>,
    /// What is left to fetch for players.
    pace: Allowance,
}

/// A session is linked as long as this is not dropped.
pub(super) struct Levelling {
    crossing: Crossing,
    code: SessionCode,
    task: AbortHandle,
}

/// Why a sound that the host lacks has not come from the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The place has no such sound.
    Unknown,
    /// Nobody can say: the place is out of reach, busy, or brings something else.
    NotNow,
    /// The host has no room.
    NoRoom(NoRoom),
}

/// Why something has not crossed.
#[derive(Debug)]
struct Trouble {
    /// As a sentence.
    why: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is worth another try, and so are the others.
    Passing,
    /// Nothing can cross now, and not before so long.
    Closed(Duration),
    /// The place lacks it.
    Unknown,
    /// It cannot cross at all.
    Final,
    /// The host has no room.
    NoRoom(NoRoom),
}

impl Trouble {
    fn new(kind: Kind, why: String) -> Self {
        Self { why, kind }
    }
}

impl Crossing {
    /// The way to the place for what is brought to `samples`, and back.
    ///
    /// # Errors
    /// When this machine cannot make secure connections.
    pub(crate) fn new(config: &BridgeConfig, samples: Samples, metrics: Metrics) -> Result<Self, HostError> {
        let client = Client::builder()
            .tls_backend_preconfigured(trust().map_err(HostError::NoSecurity)?)
            // The key goes to the place, and nowhere else.
            .no_proxy()
            .redirect(Policy::none())
            // Two threads ask, each on a runtime of its own: what one has opened may not outlive it.
            .pool_max_idle_per_host(0)
            .connect_timeout(BRIDGE_OPEN_MAX)
            .read_timeout(HTTP_SILENCE_MAX)
            .build()
            .map_err(|error| HostError::NoSecurity(format!("This machine makes no connections: {error}.")))?;
        Ok(Self(Arc::new(Shared {
            place: config.place.clone(),
            key: config.key.clone(),
            client,
            samples,
            metrics,
            linked: Mutex::default(),
            forwarding: Semaphore::new(BRIDGE_SAMPLES_FORWARDED_MAX),
            fetching: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            began: Instant::now(),
        })))
    }

    /// A session is linked: makes both sides have the same sounds, on this runtime, until what this gives is dropped.
    pub(super) fn begin(&self, code: SessionCode) -> Levelling {
        let news = Arc::new(Notify::new());
        self.linked().insert(code, Linked { news: news.clone(), pace: Allowance::default() });
        let crossing = self.clone();
        let task = tokio::spawn(async move { crossing.keep_level(code, &news).await }).abort_handle();
        Levelling { crossing: self.clone(), code, task }
    }

    /// One side of the bridge has a new sound. Where the session is not linked, it is found when it is.
    pub(crate) fn has_news(&self, code: SessionCode) {
        if let Some(linked) = self.linked().get(&code) {
            linked.news.notify_one();
        }
    }

    /// Fetches a sound that the host lacks, for a player, and keeps it.
    ///
    /// # Errors
    /// When it does not come.
    pub(crate) async fn fetch(&self, code: SessionCode, hash: SampleHash) -> Result<(), Missing> {
        let now = Micros(self.0.began.elapsed().as_micros() as u64);
        let may = |linked: &mut Linked| linked.pace.take(now, (BRIDGE_FETCHES_BURST, BRIDGE_FETCHES_PER_S));
        if !self.linked().get_mut(&code).is_some_and(may) {
            return Err(Missing::NotNow);
        }
        self.bring(code, hash).await.map_err(|trouble| match trouble.kind {
            Kind::Unknown => Missing::Unknown,
            Kind::NoRoom(no_room) => Missing::NoRoom(no_room),
            Kind::Passing | Kind::Closed(_) | Kind::Final => {
                tracing::warn!(target: "host", "A sound does not come from the place: {}", trouble.why);
                Missing::NotNow
            }
        })
    }

    fn linked(&self) -> MutexGuard<'_, HashMap<SessionCode, Linked>> {
        // A poisoned lock guards plain data that is whole at every moment.
        self.0.linked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has whatever one side lacks brought there, and waits for news.
    async fn keep_level(&self, code: SessionCode, news: &Notify) {
        let (mut backoff, mut is_known) = (BRIDGE_BACKOFF_MIN, false);
        // What cannot cross, told once; as much as both sides may have.
        let mut given_up = BTreeSet::new();
        loop {
            match self.level(code, &mut given_up).await {
                Ok(()) => {
                    if is_known {
                        tracing::info!(target: "host", "sounds cross the bridge again");
                    }
                    (backoff, is_known) = (BRIDGE_BACKOFF_MIN, false);
                    news.notified().await;
                }
                Err(Trouble { why, kind }) => {
                    // Said once, and tried quietly from then on.
                    if !is_known {
                        tracing::warn!(target: "host", "Sounds do not cross the bridge: {why} Trying again and again.");
                    }
                    is_known = true;
                    let least = if let Kind::Closed(least) = kind { least } else { Duration::ZERO };
                    sleep(backoff.max(least).min(BRIDGE_SAMPLES_BACKOFF_MAX)).await;
                    backoff = (backoff * 2).min(BRIDGE_SAMPLES_BACKOFF_MAX);
                }
            }
        }
    }

    /// Has whatever one side lacks brought there, once.
    async fn level(&self, code: SessionCode, given_up: &mut BTreeSet<SampleHash>) -> Result<(), Trouble> {
        let theirs = self.list(code).await.inspect_err(|_| self.0.metrics.not_crossed(TO_PLACE))?;
        let samples = self.0.samples.clone();
        let ours = blocking(move || samples.held(code)).await?.map_err(broken)?;
        let mut outcome = Ok(());
        for (hash, to_place) in
            ours.difference(&theirs).map(|hash| (hash, true)).chain(theirs.difference(&ours).map(|hash| (hash, false)))
        {
            if given_up.contains(hash) {
                continue;
            }
            let crossed = if to_place { self.forward(code, *hash).await } else { self.bring(code, *hash).await };
            let Err(trouble) = crossed else { continue };
            match trouble.kind {
                Kind::Passing => outcome = Err(trouble),
                Kind::Closed(_) => return Err(trouble),
                // It has gone from there meanwhile.
                Kind::Unknown => {}
                Kind::Final | Kind::NoRoom(_) => {
                    tracing::error!(target: "host", "A sound cannot cross the bridge: {}", trouble.why);
                    given_up.insert(*hash);
                }
            }
        }
        outcome
    }

    /// Brings a sound to the place.
    async fn forward(&self, code: SessionCode, hash: SampleHash) -> Result<(), Trouble> {
        let crossed = self.try_to_forward(code, hash).await;
        self.count(TO_PLACE, &crossed);
        crossed
    }

    async fn try_to_forward(&self, code: SessionCode, hash: SampleHash) -> Result<(), Trouble> {
        let _place =
            self.0.forwarding.acquire().await.map_err(|error| Trouble::new(Kind::Passing, error.to_string()))?;
        let samples = self.0.samples.clone();
        // One that is gone meanwhile is not to cross any more.
        let Some(file) = blocking(move || samples.read(code, hash)).await?.map_err(broken)? else { return Ok(()) };
        let path = format!("/api/sessions/{code}/bridge/samples/{hash}");
        let request = self.request(Method::PUT, &path).header(CONTENT_TYPE, "audio/wav").body(file);
        self.send(request.timeout(SAMPLE_UPLOAD_MAX)).await.map(drop)
    }

    /// Brings a sound here that the host lacks, if nobody else has meanwhile.
    async fn bring(&self, code: SessionCode, hash: SampleHash) -> Result<(), Trouble> {
        let mut hasher = DefaultHasher::new();
        hash.hash(&mut hasher);
        let _place = self.0.fetching[hasher.finish() as usize % BRIDGE_SAMPLES_FETCHED_MAX].lock().await;
        let samples = self.0.samples.clone();
        if blocking(move || samples.find(code, hash)).await?.map_err(broken)?.is_some() {
            return Ok(());
        }
        let crossed = self.try_to_bring(code, hash).await;
        self.count(FROM_PLACE, &crossed);
        crossed
    }

    async fn try_to_bring(&self, code: SessionCode, hash: SampleHash) -> Result<(), Trouble> {
        let path = format!("/api/sessions/{code}/bridge/samples/{hash}");
        let mut answer = self.send(self.request(Method::GET, &path).timeout(SAMPLE_UPLOAD_MAX)).await?;
        let file = read(&mut answer, SAMPLE_BYTES_MAX).await?;
        let samples = self.0.samples.clone();
        blocking(move || {
            // As strict as with any other who brings one.
            check(&file, hash).map_err(|denial| {
                Trouble::new(Kind::Final, format!("What the place brings is refused: {}", denial.error.message))
            })?;
            let kept = samples.reserve(code, hash, file.len() as u64).and_then(|room| room.keep(&file));
            kept.map(drop).map_err(|no_room| match no_room {
                NoRoom::Broken => broken(no_room),
                _ => Trouble::new(Kind::NoRoom(no_room), "The host has no room for it.".into()),
            })
        })
        .await?
    }

    /// The sounds that the place has.
    async fn list(&self, code: SessionCode) -> Result<BTreeSet<SampleHash>, Trouble> {
        let path = format!("/api/sessions/{code}/bridge/samples");
        let mut answer = self.send(self.request(Method::GET, &path).timeout(BRIDGE_OPEN_MAX)).await?;
        let text = read(&mut answer, BRIDGE_LIST_BYTES_MAX).await?;
        let list: SampleList = serde_json::from_slice(&text)
            .map_err(|_| Trouble::new(Kind::Passing, "The place does not say what it has.".into()))?;
        Ok(list.samples.into_iter().collect())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.0.client.request(method, self.0.place.url("http", path)).bearer_auth(&self.0.key)
    }

    /// Asks the place; what it refuses is trouble.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        let mut answer = request.send().await.map_err(|error| lost(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let wait = answer.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let error = read(&mut answer, HTTP_BODY_BYTES_MAX).await.unwrap_or_default();
        let error = serde_json::from_slice::<ApiError>(&error).ok();
        let kind = match (status, error.as_ref().map(|error| error.kind)) {
            (_, Some(ApiErrorKind::UnknownSample)) => Kind::Unknown,
            (_, Some(ApiErrorKind::BadSample | ApiErrorKind::TooLarge)) => Kind::Final,
            (StatusCode::TOO_MANY_REQUESTS, _) => Kind::Closed(Duration::from_secs(wait.unwrap_or_default())),
            _ => Kind::Passing,
        };
        let why = error.map_or_else(|| format!("it answers {status}."), |error| error.message);
        Err(Trouble::new(kind, format!("{} says: {why}", self.0.place)))
    }

    fn count(&self, way: &'static str, crossed: &Result<(), Trouble>) {
        match crossed {
            Ok(()) => self.0.metrics.crossed(way),
            Err(Trouble { kind: Kind::Unknown, .. }) => {}
            Err(_) => self.0.metrics.not_crossed(way),
        }
    }
}

impl Drop for Levelling {
    fn drop(&mut self) {
        self.task.abort();
        self.crossing.linked().remove(&self.code);
    }
}

/// An answer's body, if it is not too large.
async fn read(answer: &mut Response, at_most: usize) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + piece.len() > at_most {
            return Err(Trouble::new(Kind::Final, "What the place brings is too large.".into()));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn lost(error: &reqwest::Error) -> Trouble {
    Trouble::new(Kind::Closed(Duration::ZERO), format!("The place does not answer: {error}."))
}

/// The host's own disk or database; those who look after it have been told.
fn broken(_: NoRoom) -> Trouble {
    Trouble::new(Kind::Passing, "The host's own sounds cannot be used now.".into())
}

/// Does what may wait for the disk on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    spawn_blocking(work).await.map_err(|_| broken(NoRoom::Broken))
}
