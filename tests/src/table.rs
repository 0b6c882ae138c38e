//! A session in one's hand: the production authority, asked by one seat after the other, without a network.

use keyboardia_session::{
    Action, Authority, Beats, Cell, Clip, ClipChange, Command, CommandId, Edit, EventKind, Manifest, Micros, Name,
    Outbox, Profile, Refusal, SceneId, SeatId, SeatToken, SessionSetup, TrackId,
    wire::{self, ClientMessage, HostMessage, Report},
};

/// Session time at which every table begins.
pub const START: Micros = Micros(1_790_000_000_000_000);

/// An authority with players, driven by hand.
pub struct Table {
    /// The production authority.
    pub authority: Authority,
    /// Session time.
    pub now: Micros,
    last_id: u32,
}

impl Table {
    /// A table with the starter groove and this many players.
    pub fn with_players(count: usize) -> Self {
        let setup = SessionSetup::starter(&Manifest::builtin().unwrap());
        let mut authority = Authority::new(setup, START);
        for index in 0..count {
            authority.admit(START, &token(index), Profile::default()).unwrap();
            authority.join(START, &token(index), &mut Outbox::new()).unwrap();
        }
        Self::around(authority, START)
    }

    /// A table around an authority that is there already.
    pub fn around(authority: Authority, now: Micros) -> Self {
        Self { authority, now, last_id: 0 }
    }

    /// A seat's message, and what is said in answer.
    pub fn send(&mut self, seat: u8, message: &ClientMessage) -> Vec<HostMessage> {
        let mut out = Outbox::new();
        self.authority.handle(self.now, SeatId(seat), &wire::encode(message), &mut out);
        out.iter().map(|outgoing| wire::decode(&outgoing.bytes).unwrap()).collect()
    }

    /// A seat's command: the events that it makes.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn ask(&mut self, seat: u8, command: Command) -> Result<Vec<EventKind>, Refusal> {
        self.last_id += 1;
        let id = CommandId(self.last_id);
        let mut kinds = Vec::new();
        for message in self.send(seat, &ClientMessage::Command { id, command }) {
            match message {
                HostMessage::Event(event) => {
                    assert_eq!(event.cause.map(|cause| (cause.seat, cause.command)), Some((SeatId(seat), id)));
                    kinds.push(event.kind);
                }
                HostMessage::Refused { id: refused, refusal } => {
                    assert_eq!(refused, id);
                    return Err(refusal);
                }
                // What only the removed one is told.
                HostMessage::History { .. } | HostMessage::Farewell(_) => {}
                other => panic!("{other:?} is no answer to a command"),
            }
        }
        Ok(kinds)
    }

    /// Lets beats pass, at the tempo that was set last.
    pub fn pass_beats(&mut self, beats: f64) {
        let tempo = self.authority.state().transport().last().tempo;
        self.now = self.now + (beats / tempo.beats_per_second() * 1e6) as u64;
    }

    /// The beat now.
    pub fn beat(&self) -> Beats {
        self.authority.state().transport().beat_at(self.now)
    }

    /// What a track plays: the scene, and the beat at which it started.
    pub fn playing(&self, track: u8) -> Option<(u8, Beats)> {
        let track = self.authority.state().track(TrackId(track)).unwrap();
        track.playing_at(self.beat()).map(|playing| (playing.scene.0, playing.since))
    }

    /// What a track does next.
    pub fn queued(&self, track: u8) -> Option<(Action, Beats)> {
        let track = self.authority.state().track(TrackId(track)).unwrap();
        track.queued_at(self.beat()).map(|queued| (queued.action, queued.at))
    }
}

/// A seat that needs this lead, microseconds.
pub fn report(lead_us: u32) -> ClientMessage {
    ClientMessage::Report(Report { lead_us, ..Report::default() })
}

/// A player's token.
pub fn token(index: usize) -> SeatToken {
    SeatToken([index as u8 + 1; 32])
}

/// A launch.
pub fn launch(track: u8, scene: u8) -> Command {
    Command::Launch { track: TrackId(track), scene: SceneId(scene) }
}

/// A slot of the starter groove without a clip.
pub const EMPTY: Cell = Cell::new(TrackId(7), SceneId(7));
/// A slot of the starter groove with a clip.
pub const FILLED: Cell = Cell::new(TrackId(0), SceneId(0));

/// A name.
pub fn name(text: &str) -> Name {
    Name::sanitised(text)
}

/// A clip of the starter groove.
pub fn some_clip(table: &Table) -> Clip {
    table.authority.state().clip(FILLED).unwrap().clone()
}

/// Puts a clip into an empty slot.
pub fn fill(table: &Table, cell: Cell) -> Command {
    Command::Edit(Edit::SetClip { cell, clip: Some(Box::new(some_clip(table))), replace: false })
}

/// Empties a slot.
pub fn clear(cell: Cell) -> Command {
    Command::Edit(Edit::SetClip { cell, clip: None, replace: true })
}

/// Renames a clip.
pub fn rename(cell: Cell, text: &str) -> Command {
    Command::Edit(Edit::ChangeClip { cell, change: ClipChange::Name(name(text)) })
}
