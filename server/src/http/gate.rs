//! The gate: how often an address may open sessions, join, be wrong about a code, bring samples and fetch them.
//!
//! Each of these is a bucket of tokens that fills at its rate. Codes cannot be found by trying, and one address cannot
//! fill the host. This machine itself is not limited; neither are players who are in a session already, who talk to other
//! ports. IPv6 addresses of one network (64 bits) are one address: a single machine has them all. All who come through a
//! proxy on this machine that is not trusted are one address, too: nobody knows who they are.

use crate::limits::{ADDRESSES_REMEMBERED_MAX, FORWARDED_MAX};
use keyboardia_session::origin::limited;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

/// Where those come from who come through a proxy on this machine that is not trusted; no peer has this address.
pub(super) const UNTOLD: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What an address asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// Open a session.
    Create,
    /// Join one.
    Join,
    /// Name a session that is not there.
    Guess,
    /// Bring a sample.
    Upload,
    /// Fetch a sample.
    Fetch,
}

impl Errand {
    const ALL: [Self; 5] = [Self::Create, Self::Join, Self::Guess, Self::Upload, Self::Fetch];
    const COUNT: usize = Self::ALL.len();

    /// Its name among what is counted.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Join => "join",
            Self::Guess => "guess",
            Self::Upload => "upload",
            Self::Fetch => "fetch",
        }
    }

    /// How often at once, and the time that makes up for one.
    const fn allowance(self) -> (u32, Duration) {
        match self {
            Self::Create => (10, Duration::from_secs(10)),
            // Ten players behind one router who all lost the connection twice.
            Self::Join => (40, Duration::from_secs(1)),
            Self::Guess => (20, Duration::from_secs(6)),
            Self::Upload => (40, Duration::from_secs(2)),
            // A few players behind one router who join a session that has many.
            Self::Fetch => (600, Duration::from_millis(100)),
        }
    }
}

/// The buckets of one address: the moment at which each is full again. A moment in the past is a full bucket.
#[derive(Debug, Clone, Copy)]
struct Buckets {
    full_at: [Instant; Errand::COUNT],
}

impl Buckets {
    /// How long until there is a token, if there is none now.
    fn lacks(&self, errand: Errand, now: Instant) -> Option<Duration> {
        let (burst, each) = errand.allowance();
        let missing = self.full_at[errand as usize].saturating_duration_since(now);
        let wait = (missing + each).saturating_sub(each * burst);
        (!wait.is_zero()).then_some(wait)
    }

    fn take(&mut self, errand: Errand, now: Instant) {
        let full_at = &mut self.full_at[errand as usize];
        *full_at = (*full_at).max(now) + errand.allowance().1;
    }

    fn are_full(&self, now: Instant) -> bool {
        self.full_at.iter().all(|full_at| *full_at <= now)
    }

    /// Share of the emptiest bucket that is missing, 0 … 1.
    fn use_share(&self, now: Instant) -> f64 {
        let share = |errand: Errand| {
            let (burst, each) = errand.allowance();
            let missing = self.full_at[errand as usize].saturating_duration_since(now);
            missing.as_secs_f64() / (each * burst).as_secs_f64()
        };
        Errand::ALL.into_iter().map(share).fold(0.0, f64::max)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Gate {
    addresses: HashMap<IpAddr, Buckets>,
}

impl Gate {
    /// Lets an address do something, or says how long it must wait. Where so many addresses come that they cannot all be
    /// remembered, the one that has asked for least is forgotten: newcomers do not wait, and whoever has used up much does.
    ///
    /// # Errors
    /// The wait.
    pub(super) fn enter(&mut self, from: IpAddr, errand: Errand, now: Instant) -> Result<(), Duration> {
        let Some(key) = limited(from) else { return Ok(()) };
        if !self.addresses.contains_key(&key) && self.addresses.len() >= ADDRESSES_REMEMBERED_MAX {
            self.addresses.retain(|_, buckets| !buckets.are_full(now));
            if self.addresses.len() >= ADDRESSES_REMEMBERED_MAX {
                let shares = self.addresses.iter().map(|(ip, buckets)| (*ip, buckets.use_share(now)));
                if let Some((least, _)) = shares.min_by(|(_, one), (_, other)| one.total_cmp(other)) {
                    self.addresses.remove(&least);
                }
            }
        }
        let buckets = self.addresses.entry(key).or_insert(Buckets { full_at: [now; Errand::COUNT] });
        // Who has guessed too often does not join or ask for samples either, or the answer would tell whether the guess was right.
        let names_session = matches!(errand, Errand::Join | Errand::Upload | Errand::Fetch);
        let waits = [Some(errand), names_session.then_some(Errand::Guess)];
        let wait = waits.into_iter().flatten().filter_map(|errand| buckets.lacks(errand, now)).max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        buckets.take(errand, now);
        Ok(())
    }
}

/// Whom a request comes from: the peer; or, if that is a proxy that is trusted, the last address in `forwarded` that is
/// none. Of a proxy on this machine that is not trusted, [`UNTOLD`].
pub(super) fn origin(peer: IpAddr, forwarded: Option<&str>, trusted: &[IpAddr]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.contains(&ip.to_canonical());
    if !is_trusted(&peer) {
        return if peer.to_canonical().is_loopback() && forwarded.is_some() { UNTOLD } else { peer };
    }
    let hops = forwarded.unwrap_or_default().rsplit(',').take(FORWARDED_MAX);
    // What a proxy did not write cannot be believed, so the first that is no address ends the search.
    let mut known = hops.map_while(|hop| hop.trim().parse::<IpAddr>().ok());
    known.find(|ip| !is_trusted(ip)).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How often an address may do something at one moment.
    fn often(gate: &mut Gate, from: IpAddr, errand: Errand, now: Instant) -> u32 {
        (0..1_000).take_while(|_| gate.enter(from, errand, now).is_ok()).count() as u32
    }

    #[test]
    fn each_errand_has_a_burst_and_then_its_rate() {
        for errand in Errand::ALL {
            let (mut gate, now, from) = (Gate::default(), Instant::now(), ip("203.0.113.9"));
            let (burst, each) = errand.allowance();
            assert_eq!(often(&mut gate, from, errand, now), burst, "{errand:?}");
            let wait = gate.enter(from, errand, now).unwrap_err();
            assert!(wait <= each && !wait.is_zero());
            assert_eq!(often(&mut gate, from, errand, now + wait), 1, "it said when");
            assert_eq!(often(&mut gate, from, errand, now + each * 4), 3);
            assert_eq!(often(&mut gate, ip("203.0.113.10"), errand, now), burst, "somebody else");
            assert_eq!(often(&mut gate, from, errand, now + each * burst * 3), burst);
        }
    }

    #[test]
    fn who_has_guessed_too_often_does_not_join() {
        let (mut gate, now, from) = (Gate::default(), Instant::now(), ip("203.0.113.9"));
        often(&mut gate, from, Errand::Guess, now);
        assert!([Errand::Join, Errand::Upload, Errand::Fetch].iter().all(|e| gate.enter(from, *e, now).is_err()));
        assert!(gate.enter(from, Errand::Create, now).is_ok());
        assert!(gate.enter(from, Errand::Join, now + Errand::Guess.allowance().1).is_ok());
    }

    #[test]
    fn one_network_is_one_address_and_this_machine_is_none() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        often(&mut gate, ip("2001:db8:1:2::1"), Errand::Create, now);
        assert!(gate.enter(ip("2001:db8:1:2:ffff::2"), Errand::Create, now).is_err());
        assert!(gate.enter(ip("2001:db8:1:3::1"), Errand::Create, now).is_ok());
        often(&mut gate, ip("203.0.113.9"), Errand::Create, now);
        assert!(gate.enter(ip("::ffff:203.0.113.9"), Errand::Create, now).is_err());
        for local in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(often(&mut gate, ip(local), Errand::Create, now), 1_000);
        }
    }

    #[test]
    fn addresses_are_forgotten_when_their_buckets_are_full_and_bounded_until_then() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let nth = |index: u32| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + index));
        (0..ADDRESSES_REMEMBERED_MAX as u32).for_each(|index| gate.enter(nth(index), Errand::Create, now).unwrap());
        let later = now + Errand::Create.allowance().1;
        assert!(gate.enter(nth(1 << 20), Errand::Create, later).is_ok());
        assert_eq!(gate.addresses.len(), 1);
    }

    #[test]
    fn a_flood_of_addresses_keeps_no_newcomer_out_and_makes_nobody_forgotten_who_has_asked_too_often() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let (eve, ada) = (ip("203.0.113.9"), ip("203.0.113.10"));
        often(&mut gate, eve, Errand::Guess, now);
        assert!(gate.enter(ada, Errand::Join, now).is_ok());
        let nth = |index: u32| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + index));
        for index in 0..ADDRESSES_REMEMBERED_MAX as u32 + 200 {
            assert!(gate.enter(nth(index), Errand::Create, now).is_ok(), "newcomer {index}");
            assert!(gate.addresses.len() <= ADDRESSES_REMEMBERED_MAX);
        }
        assert!(gate.enter(eve, Errand::Join, now).is_err(), "whoever has guessed too often");
        assert!(gate.enter(ada, Errand::Join, now).is_ok());
    }

    #[test]
    fn only_a_trusted_proxy_says_whom_a_request_comes_from() {
        let (peer, proxy, inner) = (ip("198.51.100.7"), ip("192.0.2.1"), ip("192.0.2.2"));
        let trusted = [proxy, inner];
        assert_eq!(origin(peer, Some("203.0.113.9"), &trusted), peer, "a stranger's word");
        assert_eq!(origin(proxy, Some("203.0.113.9"), &trusted), ip("203.0.113.9"));
        assert_eq!(origin(proxy, Some("10.9.9.9, 203.0.113.9, 192.0.2.2"), &trusted), ip("203.0.113.9"));
        assert_eq!(origin(proxy, Some("203.0.113.9, nonsense"), &trusted), proxy);
        assert_eq!(origin(proxy, None, &trusted), proxy);
    }

    #[test]
    fn whoever_comes_through_a_proxy_on_this_machine_that_nobody_trusts_is_limited() {
        for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"].map(ip) {
            for told in ["203.0.113.9", "127.0.0.1", ""] {
                assert_eq!(origin(here, Some(told), &[]), UNTOLD);
            }
            assert_eq!(origin(here, None, &[]), here);
        }
        assert_eq!(origin(ip("127.0.0.1"), Some("203.0.113.9"), &[ip("127.0.0.1")]), ip("203.0.113.9"));
        let (mut gate, now) = (Gate::default(), Instant::now());
        assert_eq!(often(&mut gate, UNTOLD, Errand::Create, now), Errand::Create.allowance().0);
    }
}
