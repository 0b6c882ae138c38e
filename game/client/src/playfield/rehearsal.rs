//! A jam for tests: a session of one seat without a network; its commands are answered at once.

use keyboardia_session::{
    Authority, Command, CommandId, Manifest, Micros, Profile, Seat, SeatToken, SessionSetup, View, wire,
    wire::ClientMessage,
};

const START: Micros = Micros(1_790_000_000_000_000);

pub(super) struct Jam {
    authority: Authority,
    seat: Seat,
    last: u32,
    /// Session time.
    pub(super) now: Micros,
}

impl Jam {
    /// The starter groove, and nothing plays.
    pub(super) fn begin() -> Self {
        let mut authority = Authority::new(SessionSetup::starter(&Manifest::builtin().unwrap()), START);
        let token = SeatToken([7; 32]);
        authority.admit(START, &token, Profile::default()).unwrap();
        let mut out = Vec::new();
        authority.join(START, &token, &mut out).unwrap();
        let mut seat = Seat::new();
        for message in &out {
            seat.receive(START, &message.bytes);
        }
        Self { authority, seat, last: 0, now: START }
    }

    /// The seat asks for something.
    pub(super) fn ask(&mut self, command: Command) {
        self.last += 1;
        let bytes = wire::encode(&ClientMessage::Command { id: CommandId(self.last), command });
        let mut out = Vec::new();
        let me = self.view().me;
        self.authority.handle(self.now, me, &bytes, &mut out);
        for message in &out {
            self.seat.receive(self.now, &message.bytes);
        }
    }

    /// What the seat sees.
    pub(super) fn view(&self) -> View {
        View { now: Some(self.now), ..self.seat.view(self.now).unwrap() }
    }
}
