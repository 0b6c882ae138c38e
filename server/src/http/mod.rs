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
    bridge::Crossing,
    desk::{Admitted, Desk, Opener, Refused, Request},
    limits::{HTTP_STOP_MAX, HTTP_WAITING_MAX},
    metrics::{CONTENT_TYPE, Metrics},
    page::PageDir,
    pulse::Pulse,
    samples::Samples,
    tickets::{Ticket, Tickets},
    web::FromWeb,
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        ConnectInfo, DefaultBodyLimit, Path, Request as HttpRequest, State,
        rejection::{BytesRejection, PathRejection},
    },
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use door::{Door, Visit};
use gate::{Errand, Gate};
use keyboardia_session::{
    SeatToken, SessionCode,
    api::{CreateRequest, Created, JoinRequest, Joined, UdpWay},
    denial::Denial,
    limits::{CREATE_BODY_BYTES_MAX, HTTP_BODY_BYTES_MAX, SEATS_MAX},
    origin::limited,
};
use page::Page;
use refusal::Refusal;
use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, Once, PoisonError},
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
    /// That there is a proxy on this machine whose word is not believed is told once.
    warning: Arc<Once>,
    pulse: Pulse,
    samples: Samples,
    uploads: Uploads,
    metrics: Metrics,
    to_loop: mpsc::Sender<FromWeb>,
    /// Places for WebSockets, and how many there are.
    sockets: Arc<Semaphore>,
    places: usize,
    page: Option<Page>,
    /// Where sessions go on when this host is gone.
    elsewhere: Option<String>,
    /// What brings samples there, and from there.
    crossing: Option<Crossing>,
}

impl Front {
    /// What a host with so many seats has at its front.
    pub(crate) fn new(
        desk: Desk,
        tickets: Arc<Tickets>,
        trusted: Vec<IpAddr>,
        pulse: Pulse,
        samples: Samples,
        metrics: Metrics,
        to_loop: mpsc::Sender<FromWeb>,
        seats: usize,
        page: Option<&PageDir>,
        elsewhere: Option<String>,
        crossing: Option<Crossing>,
    ) -> Self {
        // Some come back before their old connection is given up.
        let places = seats + SEATS_MAX;
        let sockets = Arc::new(Semaphore::new(places));
        let (gate, trusted, uploads) = (Arc::default(), trusted.into(), Uploads::new());
        let (warning, page) = (Arc::new(Once::new()), page.map(Page::new));
        #[rustfmt::skip]
        let front = Self {
            desk, tickets, gate, trusted, warning, pulse, samples, uploads, metrics, to_loop, sockets, places, page, elsewhere,
            crossing,
        };
        front
    }

    /// Whom a request comes from.
    fn origin(&self, route: &Route, headers: &HeaderMap) -> IpAddr {
        let forwarded = headers.get_all(FORWARDED).iter().next_back().map(|value| value.to_str().unwrap_or_default());
        let from = gate::origin(route.peer, forwarded, &self.trusted);
        if from == gate::UNTOLD {
            self.warning.call_once(|| {
                tracing::warn!(target: "host", "a proxy on this machine is not among --trust: all its players count as one");
            });
        }
        from
    }

    /// Lets somebody do something, if they have not done it too often.
    fn enter(&self, route: &Route, headers: &HeaderMap, errand: Errand) -> Result<(), Refusal> {
        let from = self.origin(route, headers);
        // A poisoned lock guards plain data that is whole at every moment.
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        gate.enter(from, errand, Instant::now()).map_err(|wait| {
            self.metrics.turned_away(errand.label());
            Refusal::too_often(wait)
        })
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
    pub(crate) fn new(listener: TcpListener, tls: Option<TlsAcceptor>, mut front: Front) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        // Where that cannot be changed, fewer wait, and the others try again.
        socket2::SockRef::from(&listener).listen(HTTP_WAITING_MAX).unwrap_or_default();
        if let Some(page) = &mut front.page {
            let at = listener.local_addr()?;
            let ip = front.tickets.addresses.for_guests(at.ip()).filter(|_| tls.is_some());
            let near = ip.map(|ip| format!("https://{}", SocketAddr::new(ip, at.port())));
            page.guests_come_to(front.elsewhere.clone().or(near).as_deref());
        }
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
        let door = Door::new(self.listener, self.tls, self.front.trusted.clone(), self.front.metrics.clone());
        let sweep = samples::sweep(self.front.samples.clone(), self.front.desk.clone());
        let service = routes(self.front).into_make_service_with_connect_info::<Visit>();
        let serve = axum::serve(door, service).with_graceful_shutdown(stopped(stop.clone()));
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
    crate::bridge::stopped(&mut stop).await;
}

fn routes(front: Front) -> Router {
    Router::new()
        .route("/api/sessions", post(create).layer(DefaultBodyLimit::max(CREATE_BODY_BYTES_MAX)))
        .route("/api/sessions/{code}/join", post(join))
        .route("/api/sessions/{code}/ws", get(socket::open))
        .merge(samples::routes())
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .fallback(page::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(HTTP_BODY_BYTES_MAX))
        .layer(from_fn_with_state(front.clone(), attend))
        .with_state(front)
}

/// Whether the host's loop is alive, for whoever starts the host again when it is not.
async fn healthz(State(front): State<Front>) -> Result<&'static str, Refusal> {
    if front.pulse.is_alive() { Ok("ok") } else { Err(Denial::busy().into()) }
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
        return Err(Denial::unknown_route(uri.path()).into());
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], front.metrics.text()))
}

/// Notes that a connection has asked for something, and how it was answered. While many are there, it is the last answer.
async fn attend(
    State(front): State<Front>,
    ConnectInfo(Visit { life, .. }): ConnectInfo<Visit>,
    request: HttpRequest,
    next: Next,
) -> Response {
    life.ask();
    let mut response = next.run(request).await;
    let status = response.status();
    front.metrics.answered(status.as_u16());
    if status != StatusCode::SWITCHING_PROTOCOLS && life.is_wanted() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    Denial::wrong_method(method.as_str(), uri.path()).into()
}

async fn create(
    State(front): State<Front>,
    ConnectInfo(Visit { route, .. }): ConnectInfo<Visit>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Created>), Refusal> {
    front.enter(&route, &headers, Errand::Create)?;
    let body = body.map_err(|rejection| Refusal::unreadable_body(&rejection, CREATE_BODY_BYTES_MAX))?;
    let CreateRequest { song } = CreateRequest::parse(&body).map_err(|bad| Denial::bad_song(&bad))?;
    let setup = song.map(|song| Box::new(song.setup()));
    let opened = front.desk.ask(|reply| Request::Create { opener: Opener::Player, setup, reply }).await;
    let code = opened.map_err(|refused| Refusal::of(refused, ""))?;
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
    let body = body.map_err(|rejection| Refusal::unreadable_body(&rejection, HTTP_BODY_BYTES_MAX))?;
    let request = JoinRequest::parse(&body).map_err(|bad| Denial::bad_join(&bad))?;
    let profile = request.profile();
    let token = match request.token {
        None => new_token()?,
        Some(text) => SeatToken::from_hex(&text).ok_or_else(Denial::bad_token)?,
    };
    let Path(text) = code.map_err(|_| Denial::unknown_session(""))?;
    let code = SessionCode::parse(&text).ok_or_else(|| Denial::unknown_session(&text))?;
    let from = limited(front.origin(&route, &headers));
    let admit = |reply| Request::Admit { code, token: token.clone(), profile, from, reply };
    let Admitted { seat, socket } = front.desk.ask(admit).await.map_err(|refused| {
        let guess =
            if refused == Refused::UnknownSession { front.enter(&route, &headers, Errand::Guess) } else { Ok(()) };
        guess.err().unwrap_or_else(|| Refusal::of(refused, &text))
    })?;
    let ticket = Ticket { seat: token, code };
    let (connect_token, time) = front.tickets.issue(&ticket, route, socket).map_err(|error| {
        tracing::error!(target: "host", %error, "no connect token could be issued");
        Denial::no_secrets()
    })?;
    let udp = Some(UdpWay { connect_token, time, ahead_us: front.tickets.clocks.ahead_us(code) });
    Ok(Json(Joined { seat: seat.0, token: ticket.seat.to_hex(), udp, elsewhere: front.elsewhere.clone() }))
}

fn new_token() -> Result<SeatToken, Refusal> {
    let mut bytes = [0; keyboardia_session::token::SEAT_TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Denial::no_secrets())?;
    Ok(SeatToken(bytes))
}
