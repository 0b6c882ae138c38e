//! A browser's tab without the browser: the seat, the sound and the decoder of `keyboardia-engine`, with a carrier in the
//! place of JavaScript. WebSocket and HTTP are real, the sound card is exact: it plays what was rendered 20 ms later.

use keyboardia_audio::Nanos;
use keyboardia_engine::{
    decoder::decode,
    device::Reading,
    seat::{Ask, Came, WebSeat},
    sound::Sound,
};
use keyboardia_player::{
    Heard, PlayerView,
    port::{Album, FromWindow},
};
use keyboardia_session::{Notice, limits::TRACKS_MAX};
use reqwest::blocking::Client;
use std::{
    collections::{BTreeMap, VecDeque},
    io::ErrorKind,
    net::TcpStream,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

/// Frames a second, and in a block.
const RATE: f64 = 48_000.0;
const BLOCK: usize = 128;
/// Time from rendering to the speaker.
const LATENCY: Duration = Duration::from_millis(20);
/// How often the page reads the speaker.
const READING: Duration = Duration::from_millis(200);

/// See the module.
pub struct Tab {
    host: String,
    seat: WebSeat,
    sound: Sound,
    http: Client,
    began: Instant,
    /// Frames rendered so far.
    frames: u64,
    read: Instant,
    socket: Option<(u32, WebSocket<TcpStream>)>,
    sounds: PathBuf,
    samples: BTreeMap<String, Vec<u8>>,
    came: VecDeque<Arrived>,
    album: Album,
    /// The latest picture.
    pub view: Option<Arc<PlayerView>>,
    /// What the player was told.
    pub notices: Vec<Notice>,
    /// The clips that began to sound.
    pub heard: Vec<Heard>,
    /// What came out, the left side, and when its first frame was at the speaker, nanoseconds after the beginning.
    pub out: Vec<f32>,
    /// What the tab keeps over a reload.
    pub remembered: Option<(String, String)>,
    /// Whether the host can be reached.
    pub is_reachable: bool,
    /// What was said when the tab was to look for a newer page.
    pub stale: Option<String>,
    /// How often the host was back after a while.
    pub returned: usize,
}

/// Something that waits for the seat.
enum Arrived {
    Answer(u32, u16, Vec<u8>),
    Opened(u32),
    Message(u32, Vec<u8>),
    Closed(u32, u16),
    Decoded(String, u32, Vec<u8>),
    Undecoded(String, Option<String>),
    Report(Vec<u8>, f64),
}

impl Tab {
    /// A tab on the page of this host (`address:port`), whose sounds are in this directory.
    ///
    /// # Panics
    /// When the engine cannot be made.
    pub fn open(host: &str, sounds: PathBuf) -> Self {
        let mut tab = Self {
            host: host.to_owned(),
            seat: WebSeat::new(&format!("http://{host}"), 7),
            sound: Sound::new(RATE as u32, TRACKS_MAX).expect("a sound"),
            http: keyboardia_visitor::client(),
            began: Instant::now(),
            frames: 0,
            read: Instant::now(),
            socket: None,
            sounds,
            samples: BTreeMap::new(),
            came: VecDeque::new(),
            album: Album::default(),
            view: None,
            notices: Vec::new(),
            heard: Vec::new(),
            out: Vec::new(),
            remembered: None,
            is_reachable: true,
            stale: None,
            returned: 0,
        };
        tab.take(&Came::Device(RATE, ""));
        tab
    }

    /// Time since the tab was opened.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The window says something.
    pub fn say(&mut self, said: &FromWindow) {
        self.take(&Came::Window(&said.encode()));
    }

    fn take(&mut self, came: &Came) {
        let now = Nanos(self.began.elapsed().as_nanos() as i64);
        self.seat.take(now, came);
        while let Some(ask) = self.seat.next_ask() {
            self.carry(ask);
        }
    }

    fn carry(&mut self, ask: Ask) {
        match ask {
            Ask::Window(picture) => {
                let (view, notices, heard) = self.album.take(&picture).expect("a picture");
                self.view = Some(view);
                self.notices.extend(notices);
                self.heard.extend(heard);
                self.say(&FromWindow::Next);
            }
            Ask::Post { id, path, body } => {
                let request = self.http.post(format!("http://{}{path}", self.host));
                let request = request.header("content-type", "application/json").body(body);
                let answer = if self.is_reachable { request.send().ok() } else { None };
                let (status, body) = answer.map_or((0, Vec::new()), |answer| {
                    (answer.status().as_u16(), answer.bytes().map(|bytes| bytes.to_vec()).unwrap_or_default())
                });
                self.came.push_back(Arrived::Answer(id, status, body));
            }
            Ask::Open { id, path } => {
                let opened = TcpStream::connect(&self.host).ok().filter(|_| self.is_reachable).and_then(|stream| {
                    stream.set_nodelay(true).ok()?;
                    let (socket, _) = client::client(format!("ws://{}{path}", self.host), stream).ok()?;
                    socket.get_ref().set_nonblocking(true).ok()?;
                    Some(socket)
                });
                self.came.push_back(if opened.is_some() { Arrived::Opened(id) } else { Arrived::Closed(id, 1006) });
                self.socket = opened.map(|socket| (id, socket));
            }
            Ask::Send(bytes) => self.send(Message::Binary(bytes.into())),
            Ask::Ping => self.send(Message::Text("ping".into())),
            Ask::Close => self.socket = None,
            Ask::Sound(bytes) => assert!(self.sound.tell(&bytes), "the sound understands the seat"),
            Ask::Sample(id) => {
                let frames = self.samples.remove(&id.to_string()).expect("a decoded sound");
                assert!(self.sound.sample_begins(&id.to_string(), frames.len() / 8));
                // As the worklet copies it: piece by piece.
                let mut pieces = frames.chunks(65_536);
                while !self.sound.sample_goes_on(pieces.next().expect("all of it")) {}
            }
            Ask::Load(id) => {
                let name = id.to_string();
                if !self.is_reachable {
                    self.came.push_back(Arrived::Undecoded(name, None));
                    return;
                }
                let file = std::fs::read(self.sounds.join(format!("{name}.ogg"))).map_err(|error| error.to_string());
                self.decode(name, file);
            }
            Ask::Fetch { path, token } => {
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                let request = self.http.get(format!("http://{}{path}", self.host)).bearer_auth(token);
                let answer = if self.is_reachable { request.send().ok() } else { None };
                match answer.filter(|answer| answer.status().is_success()).and_then(|answer| answer.bytes().ok()) {
                    Some(file) => self.decode(name, Ok(file.to_vec())),
                    None => self.came.push_back(Arrived::Undecoded(name, None)),
                }
            }
            Ask::Remember { code, token } => self.remembered = (!token.is_empty()).then_some((code, token)),
            Ask::Stale(why) => self.stale = Some(why),
            Ask::Returned => self.returned += 1,
        }
    }

    fn decode(&mut self, name: String, file: Result<Vec<u8>, String>) {
        self.came.push_back(match file.and_then(|file| decode(&name, file)) {
            Ok(decoded) => {
                let frames = decoded.frames.len() as u32 / 8;
                self.samples.insert(name.clone(), decoded.frames);
                Arrived::Decoded(name, frames, decoded.overview)
            }
            Err(why) => Arrived::Undecoded(name, Some(why)),
        });
    }

    fn send(&mut self, message: Message) {
        if let Some((_, socket)) = &mut self.socket {
            // What a broken connection did not take, the seat learns from its end.
            socket.send(message).unwrap_or_default();
        }
    }

    /// The network is gone, or back.
    pub fn cut(&mut self, is_reachable: bool) {
        self.is_reachable = is_reachable;
        if let Some((id, _)) = self.socket.take_if(|_| !is_reachable) {
            self.came.push_back(Arrived::Closed(id, 1006));
        }
    }

    /// A turn: what has come, the blocks that are due, and time.
    pub fn turn(&mut self) {
        self.listen();
        while let Some(came) = self.came.pop_front() {
            let came = match &came {
                Arrived::Answer(id, status, body) => Came::Answer(*id, *status, body),
                Arrived::Opened(id) => Came::Opened(*id),
                Arrived::Message(id, bytes) => Came::Message(*id, bytes),
                Arrived::Closed(id, code) => Came::Closed(*id, *code),
                Arrived::Decoded(name, frames, overview) => Came::Decoded(name, *frames, overview),
                Arrived::Undecoded(name, why) => Came::Undecoded(name, why.as_deref()),
                Arrived::Report(report, rendered_us) => Came::Report(report, *rendered_us),
            };
            self.take(&came);
        }
        let due = (self.began.elapsed().as_secs_f64() * RATE) as u64;
        while self.frames + (BLOCK as u64) <= due {
            let out = self.sound.render(self.frames, BLOCK);
            self.out.extend_from_slice(&out[..BLOCK]);
            self.frames += BLOCK as u64;
            if let Some(report) = self.sound.report(self.frames) {
                self.came.push_back(Arrived::Report(report, self.began.elapsed().as_secs_f64() * 1e6));
            }
        }
        if self.read.elapsed() >= READING {
            self.read = Instant::now();
            let now = self.began.elapsed();
            let frame = now.saturating_sub(LATENCY).as_secs_f64() * RATE;
            self.take(&Came::Reading(Reading { frame, local_us: now.as_secs_f64() * 1e6, latency_us: 15e3 }));
        }
        self.take(&Came::Nothing);
    }

    fn listen(&mut self) {
        let Some((id, socket)) = &mut self.socket else { return };
        let id = *id;
        loop {
            match socket.read() {
                Ok(Message::Binary(bytes)) => self.came.push_back(Arrived::Message(id, bytes.to_vec())),
                Ok(Message::Text(_)) => self.came.push_back(Arrived::Message(id, Vec::new())),
                Ok(Message::Close(frame)) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    self.came.push_back(Arrived::Closed(id, code));
                    self.socket = None;
                    return;
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.came.push_back(Arrived::Closed(id, 1006));
                    self.socket = None;
                    return;
                }
            }
        }
    }
}
