//! The port between a window and a player elsewhere: in a browser, the page and its worker.
//!
//! Wishes go one way, pictures the other, one at a time: the next is made when the window asks for it, so a window that
//! stalls finds one picture and not a thousand. What has not changed since the last picture is not in the next.

use crate::recording::RecordingView;
use crate::view::{Bringing, Connection, Heard, Hearing, PlayerView, TakeView, Wish};
use keyboardia_audio::{Ears, Levels, Overview, PreviewStart};
use keyboardia_session::{
    Beats, Cell, Gain, Micros, Notice, Pending, Profile, SeatId, SessionState, SoundId, Table, View, limits::SEATS_MAX,
    seat::Peer,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a window says to its player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromWindow {
    /// Set out for this session, leaving the present one; `None` creates one.
    Join {
        /// The five words.
        code: Option<String>,
        /// What the others shall see of the player.
        profile: Profile,
        /// The token of the seat that the player had in this session.
        token: Option<String>,
    },
    /// Leave the session.
    Leave,
    /// Ask the session for something.
    Wish(Wish),
    /// The pointer or finger is on this slot, or on none.
    Cursor(Option<Cell>),
    /// Hear the session differently.
    Ears(Ears),
    /// Hear the counts of the bar, this loud, or not.
    Metronome(Option<Gain>),
    /// Hear a sound of the library alone, or stop that.
    Preview(Option<(SoundId, PreviewStart)>),
    /// Correct what the device says of its latency, microseconds.
    LatencyNudge(i32),
    /// The window records for this slot, or measures its microphone for none; or it does neither any more. The player's own
    /// picture says no more of it: the window knows the rest.
    Recording(Option<Option<Cell>>),
    /// The window has a take that is not on the grid and can be previewed, and how long it is if it is a loop; or none any
    /// more.
    Take(Option<(SoundId, Option<Beats>)>),
    /// Tell the player this sentence.
    Tell(String),
    /// The last picture has been taken up; another one is welcome.
    Next,
}

impl FromWindow {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        // Writing to a Vec cannot fail, and every type here has a serialised form.
        postcard::to_extend(self, Vec::new()).unwrap_or_default()
    }

    /// From bytes; `None` if they are of another version of the program.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// The session's part of a picture: [`View`] without what the window has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SessionPart {
    me: SeatId,
    /// `None`: as in the picture before.
    state: Option<SessionState>,
    now: Option<Micros>,
    pending: Vec<Pending>,
    peers: [Peer; SEATS_MAX],
    history: (u8, u8),
    round_trip_us: Option<u64>,
    uncertainty_us: Option<u64>,
    durable: Option<u64>,
    unsaved_us: u64,
}

/// A picture on its way: [`PlayerView`] without what the window has, and what the player should be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Picture {
    connection: Connection,
    code: Option<String>,
    host: String,
    session: Option<SessionPart>,
    hearing: Hearing,
    ear_offset_ns: Option<i64>,
    phase_error_us: i64,
    levels: Levels,
    previewing: Option<SoundId>,
    /// `None`: as in the picture before.
    overviews: Option<Table<SoundId, Overview>>,
    loading: Vec<SoundId>,
    damaged: Table<SoundId, String>,
    bringing: Vec<Bringing>,
    sound_bytes: u64,
    recording: Option<(Option<Cell>, RecordingView)>,
    take: Option<TakeView>,
    input_nudge_us: Option<i32>,
    sentences: Vec<(u32, String)>,
    notices: Vec<Notice>,
    heard: Vec<Heard>,
}

/// The player's end: makes pictures of what has changed.
#[derive(Debug, Default)]
pub struct Painter {
    state: Option<Arc<SessionState>>,
    overviews: Option<Arc<Table<SoundId, Overview>>>,
}

impl Painter {
    /// The next picture.
    pub fn paint(&mut self, view: &PlayerView, notices: Vec<Notice>, heard: Vec<Heard>) -> Vec<u8> {
        let session = view.session.as_ref().map(|session| {
            let is_known = self.state.as_ref().is_some_and(|known| Arc::ptr_eq(known, &session.state));
            let state = (!is_known).then(|| SessionState::clone(&session.state));
            self.state = Some(session.state.clone());
            let View { me, now, peers, history, round_trip_us, uncertainty_us, durable, unsaved_us, .. } = *session;
            let pending = session.pending.clone();
            SessionPart { me, state, now, pending, peers, history, round_trip_us, uncertainty_us, durable, unsaved_us }
        });
        let is_known = self.overviews.as_ref().is_some_and(|known| Arc::ptr_eq(known, &view.overviews));
        let overviews = (!is_known).then(|| Table::clone(&view.overviews));
        self.overviews = Some(view.overviews.clone());
        let picture = Picture {
            connection: view.connection.clone(),
            code: view.code.clone(),
            host: view.host.clone(),
            session,
            hearing: view.hearing.clone(),
            ear_offset_ns: view.ear_offset_ns,
            phase_error_us: view.phase_error_us,
            levels: view.levels.clone(),
            previewing: view.previewing.clone(),
            overviews,
            loading: view.loading.clone(),
            damaged: view.damaged.clone(),
            bringing: view.bringing.clone(),
            sound_bytes: view.sound_bytes,
            recording: view.recording.clone(),
            take: view.take.clone(),
            input_nudge_us: view.input_nudge_us,
            sentences: view.sentences.clone(),
            notices,
            heard,
        };
        postcard::to_extend(&picture, Vec::new()).unwrap_or_default()
    }
}

/// What came through the port: the picture, what the player should be told, and the clips that began to sound.
pub type Told = (Arc<PlayerView>, Vec<Notice>, Vec<Heard>);

/// The window's end: puts pictures together.
#[derive(Debug, Default)]
pub struct Album {
    state: Option<Arc<SessionState>>,
    overviews: Arc<Table<SoundId, Overview>>,
}

impl Album {
    /// Takes a picture; `None` if it is of another version of the program, or one that came before is missing.
    pub fn take(&mut self, bytes: &[u8]) -> Option<Told> {
        let picture: Picture = postcard::from_bytes(bytes).ok()?;
        let session = match picture.session {
            None => None,
            Some(part) => {
                if let Some(state) = part.state {
                    self.state = Some(Arc::new(state));
                }
                let state = self.state.clone()?;
                let SessionPart { me, now, pending, peers, history, round_trip_us, uncertainty_us, .. } = part;
                let SessionPart { durable, unsaved_us, .. } = part;
                #[rustfmt::skip]
                let view =
                    View { me, state, now, pending, peers, history, round_trip_us, uncertainty_us, durable, unsaved_us };
                Some(view)
            }
        };
        if let Some(overviews) = picture.overviews {
            self.overviews = Arc::new(overviews);
        }
        let view = PlayerView {
            connection: picture.connection,
            code: picture.code,
            host: picture.host,
            session,
            hearing: picture.hearing,
            ear_offset_ns: picture.ear_offset_ns,
            phase_error_us: picture.phase_error_us,
            levels: picture.levels,
            previewing: picture.previewing,
            overviews: self.overviews.clone(),
            loading: picture.loading,
            damaged: picture.damaged,
            bringing: picture.bringing,
            sound_bytes: picture.sound_bytes,
            recording: picture.recording,
            take: picture.take,
            input_nudge_us: picture.input_nudge_us,
            sentences: picture.sentences,
        };
        Some((Arc::new(view), picture.notices, picture.heard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{Manifest, SessionSetup, Transport};

    fn state(at: u64) -> Arc<SessionState> {
        let setup = SessionSetup::starter(&Manifest::builtin().unwrap());
        let transport = Transport::stopped(Micros(at), setup.tempo);
        Arc::new(SessionState::new(Micros(at), transport, setup.tracks, setup.scenes))
    }

    fn view(state: Arc<SessionState>) -> PlayerView {
        let session = View {
            me: SeatId(3),
            state,
            now: Some(Micros(8_000_000)),
            pending: Vec::new(),
            peers: [Peer::default(); SEATS_MAX],
            history: (2, 1),
            round_trip_us: Some(900),
            uncertainty_us: None,
            durable: Some(4),
            unsaved_us: 0,
        };
        let overview = Overview([9; Overview::PARTS]);
        PlayerView {
            connection: Connection::Connected,
            session: Some(session),
            overviews: Arc::new([(SoundId::parse("kick").unwrap(), overview)].into()),
            ..PlayerView::new("https://jam.example".into())
        }
    }

    fn shown(view: &PlayerView) -> String {
        format!("{view:?}")
    }

    #[test]
    fn a_picture_arrives_as_it_was_and_what_has_not_changed_is_not_sent_again() {
        let (mut painter, mut album) = (Painter::default(), Album::default());
        let first = view(state(1));
        let bytes = painter.paint(&first, vec![Notice::ClockSet(-7)], Vec::new());
        let (got, notices, heard) = album.take(&bytes).unwrap();
        assert_eq!((shown(&got), notices, heard), (shown(&first), vec![Notice::ClockSet(-7)], Vec::new()));
        let again = painter.paint(&first, Vec::new(), Vec::new());
        assert!(again.len() < bytes.len() / 4, "{} of {} bytes", again.len(), bytes.len());
        assert_eq!(album.take(&again).map(|(got, ..)| shown(&got)), Some(shown(&first)));
        let changed = PlayerView { overviews: first.overviews.clone(), ..view(state(2)) };
        let bytes = painter.paint(&changed, Vec::new(), Vec::new());
        assert_eq!(album.take(&bytes).map(|(got, ..)| shown(&got)), Some(shown(&changed)));
    }

    #[test]
    fn a_picture_that_cannot_be_read_or_lacks_one_before_it_is_none() {
        let mut painter = Painter::default();
        let first = view(state(1));
        let bytes = painter.paint(&first, Vec::new(), Vec::new());
        let again = painter.paint(&first, Vec::new(), Vec::new());
        assert!(Album::default().take(&again).is_none());
        for length in 0..bytes.len() {
            assert!(Album::default().take(&bytes[..length]).is_none(), "cut at {length}");
        }
    }

    #[test]
    fn what_a_window_says_arrives_as_it_was() {
        let said = FromWindow::Join {
            code: Some("able-acid-aged-also-area".into()),
            profile: Profile::default(),
            token: None,
        };
        assert_eq!(FromWindow::decode(&said.encode()), Some(said));
        assert_eq!(FromWindow::decode(&[250]), None);
    }
}
