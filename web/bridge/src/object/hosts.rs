//! Hosts that dial in, take the session over, and vanish.

use super::{Inner, Place};
use crate::{
    answer::Stop,
    attachment::{Attachment, Who},
    hosted::{After, Hosted},
    life::{self, Life},
    limits::NEWCOMERS_MAX,
    shelf::{Kept, Shelf},
};
use keyboardia_session::{
    Farewell, Micros, SessionCode,
    bridge::{self, FromHost, LineId},
    denial::Denial,
    wire::Malformed,
};
use std::collections::BTreeMap;
use worker::{Error, Response, WebSocket, console_log};

impl Inner {
    /// Opens a WebSocket for a host. It is looked for the session only when the host has said hello: until then, one that it
    /// had just now is still its.
    pub(super) fn open_to_host(&self, code: &str) -> std::result::Result<Response, Stop> {
        let code = SessionCode::parse(code).ok_or_else(|| Denial::unknown_session(code))?;
        self.code.set(Some(code));
        let hosts = self.sockets().filter(|(_, attachment)| attachment.who == Who::NewHost).count();
        self.accept(Who::NewHost, (hosts >= NEWCOMERS_MAX).then_some(Farewell::Full))
    }

    /// A host says what it knows of the session: it gets it, under an epoch that nobody has had.
    pub(super) fn meet(
        &self,
        socket: &WebSocket,
        attachment: Attachment,
        bytes: &[u8],
    ) -> std::result::Result<(), Stop> {
        let (known, granted) = match bridge::decode(bytes) {
            Ok(FromHost::Hello { epoch, granted }) => (epoch, granted),
            Ok(_) | Err(Malformed::Garbled | Malformed::TooLarge) => {
                life::close(socket, Farewell::Unnamed);
                return self.lost(attachment);
            }
            Err(Malformed::OtherVersion(_)) => {
                life::close(socket, Farewell::OtherProtocol);
                return self.lost(attachment);
            }
        };
        let (rows, _) = Shelf::open(self.state.storage().sql())?;
        if rows.is_over()? {
            // What is left of it goes first.
            self.is_over.set(true);
            life::close(socket, Farewell::Stopping);
            return Ok(());
        }
        let Some(code) = self.code.get().or(rows.code()?) else {
            life::close(socket, Farewell::NoSession);
            return Ok(());
        };
        let place = self.place.borrow_mut().take();
        let (rows, epoch, session) = match place {
            None => (rows, 0, None),
            Some(Place::Ours(life)) => {
                let (rows, epoch, session) = life.hand_over();
                (rows, epoch, Some(session))
            }
            Some(Place::Hosted(hosted)) => {
                let (rows, epoch) = hosted.give_up(Farewell::Replaced);
                // What the host itself has is at least what it has said.
                let session = if granted == Some(epoch) { None } else { rows.written()? };
                (rows, epoch, session)
            }
        };
        let epoch = epoch.max(known).saturating_add(1);
        Attachment { who: Who::Host(epoch), ..attachment }.attach(socket)?;
        console_log!("a host has the session under epoch {epoch}");
        let hosted = Hosted::grant(rows, code, epoch, socket, session, Self::clock())?;
        *self.place.borrow_mut() = Some(Place::Hosted(hosted));
        Ok(())
    }

    /// The session's host says something.
    pub(super) fn obey(&self, socket: &WebSocket, bytes: &[u8]) -> std::result::Result<(), Stop> {
        let mut place = self.place.borrow_mut();
        let Some(Place::Hosted(hosted)) = place.as_mut() else { return Ok(()) };
        match hosted.hear(bytes)? {
            After::Goes => {}
            After::Shifted(us) => {
                hosted.shelf().shift(us)?;
                self.shift.set(us);
            }
            After::Over => {
                hosted.dismiss(Farewell::NoSession);
                *place = None;
                self.is_over.set(true);
                life::close(socket, Farewell::NoSession);
            }
            After::Nonsense(why) => {
                drop(place);
                life::close(socket, why);
                self.go_on_without_host()?;
            }
        }
        Ok(())
    }

    /// The host is gone.
    pub(super) fn go_on_without_host(&self) -> std::result::Result<(), Stop> {
        let place = self.place.borrow_mut().take();
        let Some(Place::Hosted(hosted)) = place else {
            *self.place.borrow_mut() = place;
            return Ok(());
        };
        let (_, held) = hosted.give_up(Farewell::Silent);
        let (rows, kept) = Shelf::open(self.state.storage().sql())?;
        let place = self.go_on(rows, kept, held)?;
        *self.place.borrow_mut() = place;
        Ok(())
    }

    /// The object decides from now on, where a host has left off.
    pub(super) fn go_on(&self, rows: Shelf, kept: Option<Kept>, held: u32) -> std::result::Result<Option<Place>, Stop> {
        let Some(kept) = kept else {
            // Of the session of a host that went before it had said what that is, there is nothing.
            self.is_over.set(true);
            return Ok(None);
        };
        let unreadable = || Error::from(format!("what a host has left of {} cannot be read", kept.code));
        let life = Life::go_on(rows, &kept, held, self.now())?.ok_or_else(unreadable)?;
        console_log!("a session goes on without its host");
        Ok(Some(Place::Ours(Box::new(life))))
    }

    /// There is no session here; but there may be a host that has come and has not said yet what its session is.
    pub(super) fn load_unsaid(
        &self,
        rows: Shelf,
        host: Option<(u32, WebSocket, Micros)>,
        guests: BTreeMap<LineId, WebSocket>,
        is_expected: bool,
    ) -> std::result::Result<(), Stop> {
        let Some((held, shift)) = rows.held()? else { return Ok(()) };
        match host.filter(|(epoch, ..)| *epoch == held) {
            Some((_, socket, heard)) => {
                console_log!("a session of a host wakes with {} sockets, and is unknown yet", guests.len());
                self.shift.set(shift);
                let hosted = Hosted::wake_up(rows, held, Some(socket), guests, heard, Self::clock());
                *self.place.borrow_mut() = Some(Place::Hosted(hosted));
            }
            // It is about to say hello again.
            None if is_expected => {}
            None => self.is_over.set(true),
        }
        Ok(())
    }
}
