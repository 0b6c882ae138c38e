//! The rules of Keyboardia, without any input or output of their own.
//!
//! What a session is (grid, transport, players), how it changes (commands become events), what it sounds like (the
//! score), and how all of that travels (the wire format). Time, bytes and randomness come in as arguments, so one set
//! of rules runs in the headless host, in a browser worker, in a Durable Object and in a simulation of an hour that
//! takes a second.
//!
//! ```text
//! Command ─→ Seat ─→ bytes ─→ Authority::handle ─→ Event ─→ bytes ─→ every Seat: Replica::apply ─→ Score
//! ```
//!
//! Start reading at [`state::SessionState`] (what a session is), then [`authority::Authority`] (who may change it) and
//! [`seat::Seat`] (a player's side). Every bound is in [`limits`].

pub mod api;
pub mod authority;
pub mod avatar;
pub mod bounded;
pub mod bridge;
pub mod clock;
pub mod code;
pub mod command;
pub mod cursor;
pub mod denial;
pub mod edit;
pub mod event;
pub mod farewell;
pub mod grid;
pub mod history;
pub mod library;
pub mod limits;
pub mod meter;
pub mod names;
pub mod origin;
pub mod page;
pub mod probing;
pub mod replica;
pub mod reporting;
pub mod sample;
pub mod score;
pub mod seat;
pub mod setup;
pub mod song;
pub mod state;
pub mod table;
pub mod text;
pub mod time;
pub mod token;
pub mod transport;
pub mod values;
pub mod wire;

pub use authority::{
    Allowance, Authority, Channel, JoinError, Outbox, Outgoing, Patience, Profile, Recipient, Unwritten,
};
pub use avatar::Avatar;
pub use code::SessionCode;
pub use command::{Command, CommandClass, CommandId, Edit, Refusal};
pub use edit::Address;
pub use event::{Event, EventKind};
pub use farewell::Farewell;
pub use grid::{
    Action, Cell, Clip, ClipChange, Column, Playing, Queued, Row, Scene, SceneChange, SceneId, Track, TrackChange,
    TrackId,
};
pub use library::{Manifest, SoundId};
pub use meter::{Accent, Meter, Meters, TimeSignature};
pub use replica::Replica;
pub use sample::{BadSample, SampleHash, SampleInfo, check_wav};
pub use score::{Score, Switch, TrackScore, Voice};
pub use seat::{Notice, Peer, Pending, Seat, View};
pub use setup::SessionSetup;
pub use song::{BadSong, Song};
pub use state::{Player, RemovalCount, RemovalWish, SeatId, SessionState};
pub use table::Table;
pub use text::Name;
pub use time::{Beats, Micros, Quantise, Tempo, Timeline};
pub use token::SeatToken;
pub use transport::Transport;
pub use values::{Colour, Gain, Pan};
