//! LIM-15: who guesses passwords waits longer and longer, and is never locked out.
//!
//! Failures are counted by peer and by account. Those of an account slow down only peers that have
//! failed themselves, so that nobody can keep its owner out from elsewhere (AU-33).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use protocol::BareJid;

use super::PeerKey;

/// Peers that are remembered, and accounts; beyond, the ones longest quiet are forgotten.
const REMEMBERED_MAX: usize = 10_000;
const WINDOW_MS: u64 = 10 * 60 * 1_000;
const MEMORY_MS: u64 = 60 * 60 * 1_000;
const DELAY_MAX_MS: u64 = 60 * 1_000;
/// Whoever would have to wait longer, behind tries of their own, is told to come back instead.
const WAIT_MAX_MS: u64 = 2 * DELAY_MAX_MS;

/// Remembers failed logins.
#[derive(Debug)]
pub(crate) struct Guesses {
    free: u32,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    peers: HashMap<PeerKey, Failures>,
    accounts: HashMap<BareJid, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    window_ms: u64,
    in_window: u32,
    beyond: u32,
    last_ms: u64,
    /// When the last try was or will be made that had to wait: the next one waits behind it.
    taken_ms: u64,
}

impl Guesses {
    /// Lets every peer fail `free` times in ten minutes before it waits, and every account be failed.
    pub(crate) fn new(free: u32) -> Self {
        Self {
            free,
            seen: Mutex::default(),
        }
    }

    /// A login of this peer to this account failed.
    pub(crate) fn failed(&self, ip: IpAddr, account: &BareJid, now_ms: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        fail(&mut seen.peers, PeerKey::of(ip), self.free, now_ms);
        fail(&mut seen.accounts, account.clone(), self.free, now_ms);
    }

    /// How long a try has to wait that nobody can make in vain often enough: tries beside it do not
    /// count.
    pub(crate) fn delay(&self, ip: IpAddr, account: &BareJid, now_ms: u64) -> Duration {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(seen.delay_ms(PeerKey::of(ip), account, now_ms))
    }

    /// How long this peer's next try to guess has to wait; it waits behind those that wait already, so
    /// that many at once gain nothing. `None` if that is too long to wait for.
    pub(crate) fn reserve(&self, ip: IpAddr, account: &BareJid, now_ms: u64) -> Option<Duration> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let key = PeerKey::of(ip);
        let delay_ms = seen.delay_ms(key, account, now_ms);
        let Some(failures) = seen.peers.get_mut(&key).filter(|_| delay_ms > 0) else {
            return Some(Duration::ZERO);
        };
        let at_ms = failures.taken_ms.max(now_ms) + delay_ms;
        let wait_ms = at_ms - now_ms;
        if wait_ms > WAIT_MAX_MS {
            return None;
        }
        failures.taken_ms = at_ms;
        Some(Duration::from_millis(wait_ms))
    }
}

impl Seen {
    fn delay_ms(&self, peer: PeerKey, account: &BareJid, now_ms: u64) -> u64 {
        let of_peer = self.peers.get(&peer).filter(|f| f.is_recent(now_ms));
        let Some(of_peer) = of_peer else {
            return 0;
        };
        let of_account = self.accounts.get(account);
        let of_account = of_account.filter(|f| f.is_recent(now_ms));
        of_peer
            .delay_ms()
            .max(of_account.map_or(0, Failures::delay_ms))
    }
}

impl Failures {
    fn is_recent(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.last_ms) <= MEMORY_MS
    }

    fn delay_ms(&self) -> u64 {
        match self.beyond {
            0 => 0,
            beyond => (1_000 << (beyond - 1).min(6)).min(DELAY_MAX_MS),
        }
    }
}

fn fail<K: Eq + Hash>(all: &mut HashMap<K, Failures>, key: K, free: u32, now_ms: u64) {
    if all.len() >= REMEMBERED_MAX && !all.contains_key(&key) {
        forget(all, now_ms);
    }
    let failures = all.entry(key).or_insert(Failures {
        window_ms: now_ms,
        in_window: 0,
        beyond: 0,
        last_ms: now_ms,
        taken_ms: 0,
    });
    if !failures.is_recent(now_ms) {
        failures.beyond = 0;
    }
    if now_ms.saturating_sub(failures.window_ms) > WINDOW_MS {
        (failures.window_ms, failures.in_window) = (now_ms, 0);
    }
    failures.in_window = failures.in_window.saturating_add(1);
    failures.last_ms = now_ms;
    if failures.in_window > free {
        failures.beyond = failures.beyond.saturating_add(1);
    }
}

/// Makes room: who is beyond memory goes, or else the half that was quiet longest.
fn forget<K: Eq + Hash>(all: &mut HashMap<K, Failures>, now_ms: u64) {
    let mut times: Vec<u64> = all.values().map(|failures| failures.last_ms).collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or(now_ms);
    let oldest_kept = median.max(now_ms.saturating_sub(MEMORY_MS));
    all.retain(|_, failures| failures.last_ms > oldest_kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::V4([192, 0, 2, last].into())
    }

    fn jid(name: &str) -> BareJid {
        BareJid::new(&format!("{name}@localhost")).unwrap()
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    // proves: LIM-15 SEC-26
    #[test]
    fn guessing_gets_slower_up_to_a_minute_and_is_forgotten_after_an_hour() {
        let guesses = Guesses::new(20);
        let (romeo, juliet) = (jid("romeo"), jid("juliet"));
        for _ in 0..20 {
            guesses.failed(ip(1), &romeo, 1_000);
        }
        assert_eq!(guesses.delay(ip(1), &romeo, 1_000), Duration::ZERO);
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            guesses.failed(ip(1), &romeo, 2_000);
            // Whichever account is next.
            assert_eq!(guesses.delay(ip(1), &juliet, 2_000), seconds(wait));
        }
        assert_eq!(guesses.delay(ip(2), &romeo, 2_000), Duration::ZERO);
        let later = 2_001 + MEMORY_MS;
        assert_eq!(guesses.delay(ip(1), &romeo, later), Duration::ZERO);
        guesses.failed(ip(1), &romeo, later);
        assert_eq!(guesses.delay(ip(1), &romeo, later), Duration::ZERO);
    }

    // proves: AU-33 LIM-15 SEC-26
    #[test]
    fn an_account_that_many_guess_at_is_slow_for_those_who_failed_and_for_nobody_else() {
        let guesses = Guesses::new(20);
        let (romeo, juliet) = (jid("romeo"), jid("juliet"));
        for n in 0..23 {
            guesses.failed(ip(n), &romeo, 1_000);
        }
        assert_eq!(guesses.reserve(ip(7), &romeo, 1_000), Some(seconds(4)));
        assert_eq!(
            guesses.reserve(ip(8), &juliet, 1_000),
            Some(Duration::ZERO),
            "of itself it has failed only once"
        );
        let owner = ip(99);
        assert_eq!(guesses.reserve(owner, &romeo, 1_000), Some(Duration::ZERO));
        // Once mistyped, the owner waits like others do, but not behind them.
        guesses.failed(owner, &romeo, 1_000);
        for n in 0..23 {
            guesses.reserve(ip(n), &romeo, 1_000);
        }
        assert_eq!(guesses.reserve(owner, &romeo, 1_000), Some(seconds(8)));
    }

    // proves: LIM-15 SEC-26
    #[test]
    fn many_tries_at_once_wait_one_behind_the_other() {
        let guesses = Guesses::new(0);
        let romeo = jid("romeo");
        for _ in 0..6 {
            guesses.failed(ip(1), &romeo, 1_000);
        }
        let waits: Vec<_> = (0..64)
            .map(|_| guesses.reserve(ip(1), &romeo, 1_000))
            .collect();
        let expected = [32, 64, 96].map(|wait| Some(seconds(wait)));
        assert_eq!(waits[..3], expected);
        assert!(waits[3..].iter().all(Option::is_none));
        // Who was sent away took no place.
        assert_eq!(guesses.reserve(ip(1), &romeo, 33_000), Some(seconds(96)));
        // What nobody can guess does not wait behind them.
        assert_eq!(guesses.delay(ip(1), &romeo, 33_000), seconds(32));
    }

    // proves: LIM-15
    #[test]
    fn rare_mistakes_are_free_and_memory_is_bounded() {
        let guesses = Guesses::new(20);
        let romeo = jid("romeo");
        for tenth_of_hour in 0..100 {
            guesses.failed(ip(1), &romeo, tenth_of_hour * 360_000);
        }
        assert_eq!(guesses.delay(ip(1), &romeo, 36_000_000), Duration::ZERO);
        for n in 0..3 * u32::try_from(REMEMBERED_MAX).unwrap() {
            guesses.failed(IpAddr::V4(n.into()), &jid(&n.to_string()), u64::from(n));
        }
        let seen = guesses.seen.lock().unwrap();
        assert!(seen.peers.len() <= REMEMBERED_MAX);
        assert!(seen.accounts.len() <= REMEMBERED_MAX);
    }
}
