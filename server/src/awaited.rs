//! Seats that are kept for players who have not connected yet, by the address that asked for them. An address that only
//! asks, and never comes, cannot have all the seats of a host.

use crate::limits::AWAITED_PER_ADDRESS_MAX;
use keyboardia_session::{Micros, SeatId, SessionCode};
use std::{collections::HashMap, net::IpAddr};

/// See the module. There is at most one entry for each seat of the host.
#[derive(Debug, Default)]
pub(crate) struct Awaited {
    /// For whom each is kept, and until when.
    seats: HashMap<(SessionCode, SeatId), (IpAddr, Micros)>,
}

impl Awaited {
    /// Whether another seat may be kept for an address, or in how many microseconds.
    ///
    /// # Errors
    /// The wait.
    pub(crate) fn may_wait(&mut self, from: IpAddr, now: Micros) -> Result<(), u64> {
        self.seats.retain(|_, (_, until)| *until > now);
        let theirs = || self.seats.values().filter(|(of, _)| *of == from).map(|(_, until)| *until);
        match theirs().min() {
            Some(first) if theirs().count() >= AWAITED_PER_ADDRESS_MAX => Err(first.since(now).max(0) as u64),
            _ => Ok(()),
        }
    }

    /// A seat is kept for somebody of this address.
    pub(crate) fn keep(&mut self, code: SessionCode, seat: SeatId, from: IpAddr, until: Micros) {
        self.seats.insert((code, seat), (from, until));
    }

    /// Somebody has connected.
    pub(crate) fn came(&mut self, code: SessionCode, seat: SeatId) {
        self.seats.remove(&(code, seat));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_seats_waiting_until_somebody_comes_or_time_is_over() {
        let (eve, ada) = (IpAddr::from([203, 0, 113, 9]), IpAddr::from([203, 0, 113, 10]));
        let (mut awaited, now) = (Awaited::default(), Micros(1_000));
        let code = |index: usize| SessionCode::from_entropy(index as u64);
        for index in 0..AWAITED_PER_ADDRESS_MAX {
            assert_eq!(awaited.may_wait(eve, now), Ok(()));
            awaited.keep(code(index), SeatId(0), eve, Micros(5_000 + index as u64));
        }
        assert_eq!(awaited.may_wait(eve, now), Err(4_000), "when the first of them is given up");
        assert_eq!(awaited.may_wait(ada, now), Ok(()), "somebody else");
        awaited.came(code(3), SeatId(0));
        assert_eq!(awaited.may_wait(eve, now), Ok(()));
        awaited.keep(code(3), SeatId(1), eve, Micros(9_000));
        assert_eq!(awaited.may_wait(eve, now), Err(4_000));
        assert_eq!(awaited.may_wait(eve, Micros(5_000)), Ok(()));
    }
}
