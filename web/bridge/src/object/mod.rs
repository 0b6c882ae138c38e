//! The Durable Object of one session: whoever wakes it, a request, a message, a socket's end or an alarm, finds the session
//! as it was.
//!
//! While nothing happens it sleeps: the text `ping` is answered without it, timers run only while the music plays or
//! something is to be written down in a moment, and an alarm waits for the end of grace times.

mod hosts;
mod upkeep;

use crate::{
    answer::{self, Stop, json},
    asks::{self, AboutSample, Asker, Create, Join, Known, List, Reserved},
    attachment::{Attachment, Who},
    hosted::Hosted,
    life::{self, Life, Line},
    limits::{ADMISSION_MS, HEARD_STEP_US, NEWCOMERS_MAX},
    quota::{self, Quota},
    shelf::Shelf,
};
use futures_util::future::{Either, select};
use keyboardia_session::{
    Farewell, Micros, SampleHash, SeatId, SeatToken, SessionCode,
    api::Joined,
    bridge::{self, SampleList},
    denial::Denial,
    limits::{BRIDGE_FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, SEATS_MAX},
    wire::{self, Hello, Malformed, Probe},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};
use worker::{
    Date, Delay, DurableObject, Env, Error, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage,
    WebSocketPair, WebSocketRequestResponsePair, console_error, console_log, durable_object,
};

/// Keep-alive of players, and its answer.
const PING: &str = "ping";
const PONG: &str = "pong";

/// Who decides what happens in the session.
#[derive(Debug)]
enum Place {
    /// This object.
    Ours(Box<Life>),
    /// A host.
    Hosted(Hosted),
}

impl Place {
    fn shelf(&self) -> &Shelf {
        match self {
            Self::Ours(life) => life.shelf(),
            Self::Hosted(hosted) => hosted.shelf(),
        }
    }

    /// The seat of whoever shows this token.
    fn seat_of(&self, token: &SeatToken, now: Micros) -> std::result::Result<Option<SeatId>, Stop> {
        match self {
            Self::Ours(life) => Ok(life.seat_of(token)),
            Self::Hosted(hosted) => hosted.seat_of(token, now),
        }
    }
}

/// What is said to a question about a sample.
enum Said {
    /// It is done.
    Done,
    /// Whether the session has it.
    Known(bool),
    /// There is room for it.
    Reserved(Reserved),
}

/// A session's object.
#[durable_object]
pub struct SessionObject {
    inner: Rc<Inner>,
}

struct Inner {
    state: State,
    env: Env,
    /// Nothing while the session has not been looked for, and where there is none.
    place: RefCell<Option<Place>>,
    /// How far session time is ahead of the object's clock, microseconds.
    shift: Cell<i64>,
    /// The session is over by a host's word.
    is_over: Cell<bool>,
    /// The code of the session that a host has come with.
    code: Cell<Option<SessionCode>>,
    /// The number of the next socket.
    next: Cell<u64>,
    /// When the alarm is set for, as far as is known.
    alarm_at: Cell<Option<Micros>>,
    /// When it was looked last who is silent, the object's own clock.
    looked_at: Cell<Micros>,
    /// When the timer is set for, and how many there were.
    timer_at: Cell<Option<Micros>>,
    timers: Cell<u64>,
}

impl DurableObject for SessionObject {
    fn new(state: State, env: Env) -> Self {
        match WebSocketRequestResponsePair::new(PING, PONG) {
            Ok(pair) => state.set_websocket_auto_response(&pair),
            Err(error) => console_error!("pings will wake the object: {error:?}"),
        }
        let inner = Inner {
            state,
            env,
            place: RefCell::new(None),
            shift: Cell::new(0),
            is_over: Cell::new(false),
            code: Cell::new(None),
            next: Cell::new(0),
            alarm_at: Cell::new(None),
            looked_at: Cell::default(),
            timer_at: Cell::new(None),
            timers: Cell::new(0),
        };
        Self { inner: Rc::new(inner) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let outcome = self.inner.answer(&mut request).await;
        self.inner.settle().await?;
        answer::of(outcome)
    }

    async fn alarm(&self) -> Result<Response> {
        self.inner.alarm_at.set(None);
        self.inner.wake().await?;
        Response::empty()
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let (bytes, is_text) = match message {
            WebSocketIncomingMessage::Binary(bytes) => (bytes, false),
            WebSocketIncomingMessage::String(text) => (text.into_bytes(), true),
        };
        told(self.inner.hear(&socket, &bytes, is_text))?;
        self.inner.settle().await
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, reason: String, _was_clean: bool) -> Result<()> {
        // Answers the close frame, where there was one.
        socket.close(u16::try_from(code).ok(), Some(reason)).unwrap_or_default();
        told(self.inner.lose(&socket))?;
        self.inner.settle().await
    }

    async fn websocket_error(&self, socket: WebSocket, error: Error) -> Result<()> {
        console_log!("a socket has failed: {error}");
        told(self.inner.lose(&socket))?;
        self.inner.settle().await
    }
}

/// What could not be done for a socket: a refusal has nobody to hear it.
fn told(outcome: std::result::Result<(), Stop>) -> Result<()> {
    match outcome {
        Ok(()) | Err(Stop::Denied(_)) => Ok(()),
        Err(Stop::Broken(error)) => Err(error),
    }
}

impl Inner {
    /// The object's own clock. It stands still until the next input, as all clocks do here.
    fn clock() -> Micros {
        Micros(Date::now().as_millis() * 1_000)
    }

    /// Session time.
    fn now(&self) -> Micros {
        Self::clock().offset(self.shift.get())
    }

    /// Answers the Worker.
    async fn answer(&self, request: &mut Request) -> std::result::Result<Response, Stop> {
        match request.path().as_str() {
            asks::CREATE => {
                let create = request.json().await?;
                Ok(json(200, &self.create(create)?)?)
            }
            asks::JOIN => {
                let join = request.json().await?;
                Ok(json(200, &self.join(&join).await?)?)
            }
            asks::SOCKET => Ok(self.open()?),
            asks::BRIDGE => Ok(self.open_to_host(&asks::code_of(request)?)?),
            asks::IS_WANTED => {
                let about = request.json().await?;
                Ok(json(200, &Known { is_known: self.is_wanted(&about)? })?)
            }
            asks::LIST => {
                let List { code } = request.json().await?;
                Ok(json(200, &self.samples(&code)?)?)
            }
            path => {
                let about: AboutSample = request.json().await?;
                match self.about_sample(path, &about)? {
                    Said::Done => asks::done(),
                    Said::Known(is_known) => Ok(json(200, &Known { is_known })?),
                    Said::Reserved(reserved) => Ok(json(200, &reserved)?),
                }
            }
        }
    }

    /// Opens the session; whether it is new.
    fn create(&self, Create { code, request }: Create) -> std::result::Result<bool, Stop> {
        self.load()?;
        let mut place = self.place.borrow_mut();
        if place.is_some() {
            return Ok(false);
        }
        let code = SessionCode::parse(&code).ok_or_else(|| Denial::unknown_session(&code))?;
        let (rows, _) = Shelf::open(self.state.storage().sql())?;
        if rows.code()?.is_some() {
            // One that is over, and not yet gone.
            return Ok(false);
        }
        *place = Some(Place::Ours(Box::new(Life::found(rows, code, &request, self.now())?)));
        Ok(true)
    }

    /// Keeps a seat.
    async fn join(&self, Join { request, code }: &Join) -> std::result::Result<Joined, Stop> {
        let token = request.token.as_deref().and_then(SeatToken::from_hex).ok_or_else(Denial::bad_token)?;
        self.load()?;
        let asked = match self.place.borrow_mut().as_mut().ok_or_else(|| Denial::unknown_session(code))? {
            Place::Ours(life) => Ok(life.admit(self.now(), &token, request, code)?.0),
            Place::Hosted(hosted) => Err(hosted.ask(token.clone(), request.profile())?),
        };
        let seat = match asked {
            Ok(seat) => seat,
            Err(answer) => match select(answer, Delay::from(Duration::from_millis(ADMISSION_MS))).await {
                Either::Left((Ok(admission), _)) => admission?,
                Either::Left((Err(_), _)) | Either::Right(_) => return Err(Denial::busy().into()),
            },
        };
        Ok(Joined { seat, token: token.to_hex(), udp: None, elsewhere: None })
    }

    /// Whether a sample that somebody has not brought in the end is somebody else's, too. Nobody needs a seat to ask: it may
    /// be what was lost.
    fn is_wanted(&self, AboutSample { hash, seat, .. }: &AboutSample) -> std::result::Result<bool, Stop> {
        self.load()?;
        let place = self.place.borrow();
        let Some(place) = place.as_ref() else { return Ok(false) };
        Quota(place.shelf().sql()).is_wanted(*hash, seat.map(SeatId))
    }

    /// The samples that the session has.
    fn samples(&self, code: &str) -> std::result::Result<SampleList, Stop> {
        self.load()?;
        let place = self.place.borrow();
        let place = place.as_ref().ok_or_else(|| Denial::unknown_session(code))?;
        Ok(SampleList { samples: Quota(place.shelf().sql()).all()? })
    }

    /// Does something about a sample.
    fn about_sample(&self, path: &str, about: &AboutSample) -> std::result::Result<Said, Stop> {
        let AboutSample { asker, hash, bytes, code, .. } = about;
        self.load()?;
        let place = self.place.borrow();
        let place = place.as_ref().ok_or_else(|| Denial::unknown_session(code))?;
        let seat = match asker {
            Asker::Host => quota::HOST,
            Asker::Player(token) => {
                let token = SeatToken::from_hex(token).ok_or_else(Denial::bad_token)?;
                place.seat_of(&token, self.now())?.ok_or_else(Denial::unauthorised)?
            }
        };
        let said = of_quota(path, &Quota(place.shelf().sql()), self.now(), seat, *hash, *bytes)?;
        if let Place::Hosted(hosted) = place
            && *asker != Asker::Host
        {
            match (path, &said) {
                (asks::KEEP | asks::MISS, _) => hosted.samples_changed(),
                (asks::FIND, Said::Known(false)) => return Err(bridge::sample_may_come().into()),
                _ => {}
            }
        }
        Ok(said)
    }

    /// Looks for the session.
    fn load(&self) -> std::result::Result<(), Stop> {
        if self.place.borrow().is_some() {
            return Ok(());
        }
        let (rows, found) = Shelf::open(self.state.storage().sql())?;
        let (mut lines, mut guests, mut host, mut is_expected) = (BTreeMap::new(), BTreeMap::new(), None, false);
        for (socket, Attachment { number, who, since }) in self.sockets() {
            self.next.set(self.next.get().max(number + 1));
            match who {
                Who::Seat(seat) if usize::from(seat) < SEATS_MAX => {
                    if lines.get(&SeatId(seat)).is_none_or(|known: &Line| known.number < number) {
                        lines.insert(SeatId(seat), Line::new(number, socket, Self::clock()));
                    }
                }
                Who::Newcomer | Who::Seat(_) => {}
                Who::Guest => drop(guests.insert(number, socket)),
                Who::NewHost => is_expected = true,
                Who::Host(epoch) => host = Some((epoch, socket, Micros(since))),
            }
        }
        let Some(kept) = found else { return self.load_unsaid(rows, host, guests, is_expected) };
        self.shift.set(kept.shift);
        let code = kept.code;
        let place = match kept.held {
            None => {
                console_log!("a session wakes with {} sockets", lines.len());
                let unreadable = || Error::from(format!("what is kept of {code} cannot be read"));
                Some(Place::Ours(Box::new(Life::wake_up(rows, &kept, lines, self.now())?.ok_or_else(unreadable)?)))
            }
            Some(held) => {
                let host = host.filter(|(epoch, ..)| *epoch == held);
                let heard = host.as_ref().map_or(Self::clock(), |(.., heard)| *heard);
                let host = host.map(|(_, socket, _)| socket);
                if host.is_some() || is_expected {
                    console_log!("a session of a host wakes with {} sockets", guests.len());
                    Some(Place::Hosted(Hosted::wake_up(rows, held, host, guests, heard, Self::clock())))
                } else {
                    for guest in guests.values() {
                        life::close(guest, Farewell::Moving);
                    }
                    self.go_on(rows, Some(kept), held)?
                }
            }
        };
        *self.place.borrow_mut() = place.filter(|place| match place {
            Place::Ours(life) => !life.is_over(self.now()),
            Place::Hosted(_) => true,
        });
        Ok(())
    }

    /// All open sockets.
    fn sockets(&self) -> impl Iterator<Item = (WebSocket, Attachment)> {
        self.state.get_websockets().into_iter().filter_map(|socket| {
            let attachment = Attachment::of(&socket)?;
            Some((socket, attachment))
        })
    }

    /// Opens a WebSocket. Whatever is wrong with it is said in its close frame.
    fn open(&self) -> std::result::Result<Response, Stop> {
        self.load()?;
        let newcomers = self.sockets().filter(|(_, attachment)| attachment.is_unnamed()).count();
        let why = if self.place.borrow().is_none() {
            Some(Farewell::NoSession)
        } else {
            (newcomers >= NEWCOMERS_MAX).then_some(Farewell::Full)
        };
        self.accept(Who::Newcomer, why)
    }

    fn accept(&self, who: Who, refused: Option<Farewell>) -> std::result::Result<Response, Stop> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        if let Some(why) = refused {
            server.accept()?;
            life::close(&server, why);
        } else {
            self.state.accept_web_socket(&server);
            let number = self.next.replace(self.next.get() + 1);
            Attachment { number, who, since: Self::clock().0 }.attach(&server)?;
        }
        Ok(Response::from_websocket(client)?)
    }

    /// Something came on a socket.
    fn hear(&self, socket: &WebSocket, bytes: &[u8], is_text: bool) -> std::result::Result<(), Stop> {
        self.load()?;
        // One without has been closed.
        let Some(attachment) = Attachment::of(socket) else { return Ok(()) };
        let is_host = matches!(attachment.who, Who::NewHost | Who::Host(_));
        if bytes.len() > if is_host { BRIDGE_FRAME_BYTES_MAX } else { MESSAGE_BYTES_MAX } {
            life::close(socket, Farewell::TooLarge);
            return self.lost(attachment);
        }
        let number = attachment.number;
        match (attachment.who, self.place.borrow_mut().as_mut()) {
            (Who::NewHost, _) => {
                // What time it is in the session that it is about to take over.
                if let Some(probe) = Probe::decode(bytes) {
                    let now = self.now();
                    life::send(socket, &Probe { received: now, answered: now, ..probe }.encode());
                    return Ok(());
                }
            }
            (Who::Host(epoch), Some(Place::Hosted(hosted))) if hosted.epoch() == epoch => {
                let now = Self::clock();
                hosted.heard(now);
                if now.since(Micros(attachment.since)) >= HEARD_STEP_US {
                    Attachment { since: now.0, ..attachment }.attach(socket)?;
                }
                if let Some(probe) = Probe::decode(bytes) {
                    life::send(socket, &Probe { received: now, answered: now, ..probe }.encode());
                    return Ok(());
                }
            }
            (Who::Host(_), place) => {
                // Only one that another host has taken over is to be let go of.
                let why = match place {
                    Some(Place::Hosted(_)) => Farewell::Replaced,
                    Some(Place::Ours(_)) => Farewell::Silent,
                    None => Farewell::Stopping,
                };
                life::close(socket, why);
                return Ok(());
            }
            (_, None) => {
                life::close(socket, Farewell::NoSession);
                return Ok(());
            }
            (Who::Newcomer, _) if is_text => {
                life::close(socket, Farewell::Unnamed);
                return Ok(());
            }
            (Who::Newcomer, Some(place)) => return self.greet(place, socket, attachment, bytes),
            (Who::Seat(seat), Some(Place::Ours(life))) if life.has(SeatId(seat), number) => {
                let now = self.now();
                if !life.hear(Self::clock(), SeatId(seat)) {
                    life::close(socket, Farewell::TooSlow);
                    return life.leave(now, SeatId(seat));
                }
                if let Some(probe) = Probe::decode(bytes) {
                    life::send(socket, &Probe { received: now, answered: now, ..probe }.encode());
                    return Ok(());
                }
                return life.handle(now, SeatId(seat), bytes);
            }
            (Who::Guest, Some(Place::Hosted(hosted))) => {
                if !hosted.relay(number, bytes, Self::clock()) {
                    life::close(socket, Farewell::TooSlow);
                    hosted.close(number);
                }
                return Ok(());
            }
            (Who::Seat(_) | Who::Guest, Some(_)) => return Ok(()),
        }
        if attachment.who == Who::NewHost { self.meet(socket, attachment, bytes) } else { self.obey(socket, bytes) }
    }

    /// The first frame of a player's socket came, which says whose it is.
    fn greet(
        &self,
        place: &mut Place,
        socket: &WebSocket,
        attachment: Attachment,
        bytes: &[u8],
    ) -> std::result::Result<(), Stop> {
        let token = match wire::decode(bytes) {
            Ok(Hello { token }) => token,
            Err(malformed) => {
                let is_other = matches!(malformed, Malformed::OtherVersion(_));
                life::close(socket, if is_other { Farewell::OtherProtocol } else { Farewell::Unnamed });
                return Ok(());
            }
        };
        let number = attachment.number;
        let come = match place {
            Place::Ours(life) => {
                let newest = Line::new(number, socket.clone(), Self::clock());
                life.join(self.now(), &token, newest)?.map(|seat| Who::Seat(seat.0))
            }
            Place::Hosted(hosted) => hosted.open(number, socket, token, Self::clock()).map(|()| Who::Guest),
        };
        match come {
            Ok(who) => Attachment { who, ..attachment }.attach(socket)?,
            Err(why) => life::close(socket, why),
        }
        Ok(())
    }

    /// A socket is gone.
    fn lose(&self, socket: &WebSocket) -> std::result::Result<(), Stop> {
        let Some(attachment) = Attachment::of(socket) else { return Ok(()) };
        self.load()?;
        self.lost(attachment)
    }

    /// A socket that was this one's is gone.
    fn lost(&self, Attachment { number, who, .. }: Attachment) -> std::result::Result<(), Stop> {
        let is_orphaned = match (who, self.place.borrow_mut().as_mut()) {
            (Who::Seat(seat), Some(Place::Ours(life))) if life.has(SeatId(seat), number) => {
                life.leave(self.now(), SeatId(seat))?;
                false
            }
            (Who::Guest, Some(Place::Hosted(hosted))) => {
                hosted.close(number);
                false
            }
            (Who::Host(epoch), Some(Place::Hosted(hosted))) => hosted.epoch() == epoch,
            (Who::NewHost, Some(Place::Hosted(hosted))) => !hosted.has_host(),
            _ => false,
        };
        if is_orphaned { self.go_on_without_host() } else { Ok(()) }
    }
}

/// What the session's record of samples says to a question.
fn of_quota(
    path: &str,
    quota: &Quota<'_>,
    now: Micros,
    seat: SeatId,
    hash: SampleHash,
    bytes: u64,
) -> std::result::Result<Said, Stop> {
    match path {
        asks::RESERVE => {
            let is_known = quota.reserve(now, seat, hash, bytes)?;
            return Ok(Said::Reserved(Reserved { is_known, seat: seat.0 }));
        }
        asks::FIND => return quota.has(hash).map(Said::Known),
        asks::KEEP => quota.keep(now, seat, hash, bytes)?,
        asks::RELEASE => quota.release(seat, hash)?,
        asks::MISS => quota.miss(hash)?,
        _ => return Err(Denial::unknown_route(path).into()),
    }
    Ok(Said::Done)
}
