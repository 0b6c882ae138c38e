//! The HTTP interface, on a thread and runtime of its own: create a session, join one, play over a WebSocket, bring and
//! fetch samples, healthz, and the page for browsers.
//!
//! Bodies are those of [`keyboardia_session::api`]; every refusal is an [`ApiError`] with one sentence for people.

mod door;
mod gate;
mod guest;
mod page;
mod refusal;
mod samples;
mod socket;
mod uploads;

use crate::{
    addresses::Route,
    desk::{Admitted, Desk, Refused, Request},
    limits::HTTP_STOP_MAX,
    metrics::{CONTENT_TYPE, Metrics, Status},
    page::PageDir,
    samples::Samples,
    tickets::{Ticket, Tickets},
    web::FromWeb,
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, Path, State, rejection::BytesRejection, rejection::PathRejection},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::map_response_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use door::{Door, Visit};
use gate::{Errand, Gate};
use keyboardia_session::{
    SeatToken, SessionCode,
    api::{Created, JoinRequest, Joined},
    limits::{HTTP_BODY_BYTES_MAX, SEATS_MAX},
};
use page::Page;
use refusal::Refusal;
use std::{
    io,
    net::{IpAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Semaphore, mpsc, watch},
};
use tokio_rustls::TlsAcceptor;
use uploads::Uploads;

/// Where a proxy writes whom a request comes from.
const FORWARDED: &str = "x-forwarded-for";

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Front {
    desk: Desk,
    tickets: Arc<Tickets>,
    gate: Arc<Mutex<Gate>>,
    /// Proxies whose word on where a request comes from is believed.
    trusted: Arc<[IpAddr]>,
    samples: Samples,
    uploads: Uploads,
    metrics: Metrics,
    to_loop: mpsc::Sender<FromWeb>,
    /// Places for WebSockets, and how many there are.
    sockets: Arc<Semaphore>,
    places: usize,
    page: Option<Page>,
}

impl Front {
    /// What a host with so many seats has at its front.
    pub(crate) fn new(
        desk: Desk,
        tickets: Arc<Tickets>,
        trusted: Vec<IpAddr>,
        samples: Samples,
        metrics: Metrics,
        to_loop: mpsc::Sender<FromWeb>,
        seats: usize,
        page: Option<&PageDir>,
    ) -> Self {
        // Some come back before their old connection is given up.
        let places = seats + SEATS_MAX;
        let sockets = Arc::new(Semaphore::new(places));
        let (gate, trusted, uploads) = (Arc::default(), trusted.into(), Uploads::new());
        let page = page.map(Page::new);
        Self { desk, tickets, gate, trusted, samples, uploads, metrics, to_loop, sockets, places, page }
    }

    /// Whom a request comes from.
    fn origin(&self, route: &Route, headers: &HeaderMap) -> IpAddr {
        let forwarded = headers.get_all(FORWARDED).iter().next_back().and_then(|value| value.to_str().ok());
        gate::origin(route.peer, forwarded, &self.trusted)
    }

    /// Lets somebody do something, if they have not done it too often.
    fn enter(&self, route: &Route, headers: &HeaderMap, errand: Errand) -> Result<(), Refusal> {
        let from = self.origin(route, headers);
        // A poisoned lock guards plain data that is whole at every moment.
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        gate.enter(from, errand, Instant::now()).map_err(Refusal::too_often)
    }
}

/// HTTP, ready to run.
pub(crate) struct Http {
    runtime: Runtime,
    listener: tokio::net::TcpListener,
    tls: Option<TlsAcceptor>,
    front: Front,
}

impl Http {
    /// Prepares to serve on a bound listener.
    ///
    /// # Errors
    /// When the runtime cannot be made.
    pub(crate) fn new(listener: TcpListener, tls: Option<TlsAcceptor>, front: Front) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        Ok(Self { runtime, listener, tls, front })
    }

    /// Serves until `stop` is true, and then for as long as [`HTTP_STOP_MAX`] to finish what was begun.
    pub(crate) fn run(self, stop: watch::Receiver<bool>) {
        let (sockets, places) = (self.front.sockets.clone(), self.front.places);
        let sweep = samples::sweep(self.front.samples.clone(), self.front.desk.clone());
        let service = routes(self.front).into_make_service_with_connect_info::<Visit>();
        let serve =
            axum::serve(Door::new(self.listener, self.tls), service).with_graceful_shutdown(stopped(stop.clone()));
        self.runtime.block_on(async {
            tokio::select! {
                result = serve.into_future() => {
                    if let Err(error) = result {
                        tracing::error!(target: "host", %error, "HTTP ended");
                    }
                }
                () = sweep => {}
                () = async { stopped(stop).await; tokio::time::sleep(HTTP_STOP_MAX).await } => {}
            }
            // WebSockets hear why they end; then all places are free.
            let silent = sockets.acquire_many(places as u32);
            if tokio::time::timeout(HTTP_STOP_MAX, silent).await.is_err() {
                tracing::debug!(target: "host", "some WebSockets did not say goodbye");
            }
        });
    }
}

/// Returns when the host stops, or is gone.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the host is gone.
    stop.wait_for(|stopping| *stopping).await.map(drop).unwrap_or_default();
}

fn routes(front: Front) -> Router {
    Router::new()
        .route("/api/sessions", post(create))
        .route("/api/sessions/{code}/join", post(join))
        .route("/api/sessions/{code}/ws", get(socket::open))
        .merge(samples::routes())
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .fallback(page::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(HTTP_BODY_BYTES_MAX))
        .layer(map_response_with_state(front.clone(), count))
        .with_state(front)
}

async fn healthz() -> &'static str {
    "ok"
}

/// What the host counts, for this machine and for those that are trusted; for others there is nothing here.
async fn metrics(
    State(front): State<Front>,
    ConnectInfo(Visit { route, .. }): ConnectInfo<Visit>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<impl IntoResponse, Refusal> {
    let from = front.origin(&route, &headers).to_canonical();
    if !from.is_loopback() && !front.trusted.contains(&from) {
        return Err(Refusal::unknown_route(uri.path()));
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], front.metrics.text()))
}

async fn count(State(front): State<Front>, response: Response) -> Response {
    front.metrics.answers.get_or_create(&Status { status: response.status().as_u16() }).inc();
    response
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    Refusal::wrong_method(method.as_str(), uri.path())
}

async fn create(
    State(front): State<Front>,
    ConnectInfo(Visit { route, .. }): ConnectInfo<Visit>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Created>), Refusal> {
    front.enter(&route, &headers, Errand::Create)?;
    let code = front.desk.ask(Request::Create).await.map_err(|refused| Refusal::of(refused, ""))?;
    Ok((StatusCode::CREATED, Json(Created { code: code.to_string() })))
}

async fn join(
    State(front): State<Front>,
    ConnectInfo(Visit { route, .. }): ConnectInfo<Visit>,
    headers: HeaderMap,
    code: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Joined>, Refusal> {
    front.enter(&route, &headers, Errand::Join)?;
    let body = body.map_err(|rejection| Refusal::unreadable_body(&rejection))?;
    let request = JoinRequest::parse(&body).map_err(|bad| Refusal::bad_join(&bad))?;
    let profile = request.profile();
    let token = match request.token {
        None => new_token()?,
        Some(text) => SeatToken::from_hex(&text).ok_or_else(Refusal::bad_token)?,
    };
    let Path(text) = code.map_err(|_| Refusal::of(Refused::UnknownSession, ""))?;
    let code = SessionCode::parse(&text).ok_or_else(|| Refusal::of(Refused::UnknownSession, &text))?;
    let admit = |reply| Request::Admit { code, token: token.clone(), profile, reply };
    let Admitted { seat, socket } = front.desk.ask(admit).await.map_err(|refused| {
        let guess =
            if refused == Refused::UnknownSession { front.enter(&route, &headers, Errand::Guess) } else { Ok(()) };
        guess.err().unwrap_or_else(|| Refusal::of(refused, &text))
    })?;
    let ticket = Ticket { seat: token, code };
    let (connect_token, time) = front.tickets.issue(&ticket, route, socket).map_err(|error| {
        tracing::error!(target: "host", %error, "no connect token could be issued");
        Refusal::of(Refused::NoRandomness, &text)
    })?;
    Ok(Json(Joined { seat: seat.0, token: ticket.seat.to_hex(), connect_token, time }))
}

fn new_token() -> Result<SeatToken, Refusal> {
    let mut bytes = [0; keyboardia_session::token::SEAT_TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::of(Refused::NoRandomness, ""))?;
    Ok(SeatToken(bytes))
}
