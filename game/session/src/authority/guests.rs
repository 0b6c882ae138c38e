//! Who may come, and who must go: the lock, the wishes that somebody be removed, and who does not come back.

use super::{Authority, Outbox, Recipient, SeatRecord, send};
use crate::{
    command::Refusal,
    event::{Cause, EventKind},
    farewell::Farewell,
    limits::BARRED_MAX,
    state::SeatId,
    wire::HostMessage,
};

impl Authority {
    /// The seats whose connections are to be closed: their players were removed. Each once; until it is asked for, the
    /// seat is given to nobody. See the module's contract.
    pub fn take_dismissed(&mut self) -> Vec<SeatId> {
        std::mem::take(&mut self.dismissed)
    }

    /// What becomes of the wish that nobody new be let in, or anybody.
    pub(super) fn lock(&self, by: SeatId, locked: bool) -> Result<EventKind, Refusal> {
        if self.state.may_lock(by) { Ok(EventKind::Locked(locked)) } else { Err(Refusal::NotYours) }
    }

    /// What becomes of the wish that a player be removed, or not any more.
    pub(super) fn removal(&self, by: SeatId, of: SeatId, remove: bool) -> Result<EventKind, Refusal> {
        if by == of {
            return Err(Refusal::NotYourself);
        }
        self.state.player(of).ok_or(Refusal::NoSuchPlayer)?;
        Ok(if remove && self.state.creator() == Some(by) {
            EventKind::PlayerRemoved(of)
        } else {
            EventKind::RemovalWished { by, of, remove }
        })
    }

    /// Removes everybody whom enough others wish to be removed, and says farewell to all who were removed in this call:
    /// to be done at its end, so that nothing follows the farewell.
    pub(super) fn part(&mut self, cause: Option<Cause>, out: &mut Outbox) {
        if self.state.wishes().is_empty() && self.parting.is_empty() {
            return;
        }
        let is_unwanted = |authority: &Self, seat| authority.state.removal_count(seat).is_enough();
        while let Some(seat) = self.state.players().iter().map(|p| p.seat).find(|seat| is_unwanted(self, *seat)) {
            if !self.emit(cause, EventKind::PlayerRemoved(seat), out) {
                break;
            }
        }
        for seat in std::mem::take(&mut self.parting) {
            send(out, Recipient::Seat(seat), &HostMessage::Farewell(Farewell::Removed));
            self.dismissed.push(seat);
        }
    }

    /// Frees the seat of a player who was removed, and remembers not to let their token in again.
    pub(super) fn unseat(&mut self, seat: SeatId) {
        let Some(index) = self.seats.iter().position(|record| record.seat == seat) else { return };
        let SeatRecord { token, empty_since, .. } = self.seats.remove(index);
        if self.barred.len() == BARRED_MAX {
            self.barred.pop_front();
        }
        self.barred.push_back(token);
        self.forget_seat(seat);
        if empty_since.is_none() {
            self.parting.push(seat);
        }
    }

    /// Whoever takes a seat next begins anew.
    pub(super) fn forget_seat(&mut self, seat: SeatId) {
        self.history.forget(seat);
        if let Some(allowances) = self.allowances.get_mut(usize::from(seat.0)) {
            *allowances = super::pace::Allowances::default();
        }
    }
}
