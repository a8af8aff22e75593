//! LIM-15: who guesses passwords waits longer and longer, and is never locked out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::PeerKey;

/// Peers that are remembered; beyond, the ones longest quiet are forgotten.
const PEERS_MAX: usize = 10_000;
const WINDOW_MS: u64 = 10 * 60 * 1_000;
const MEMORY_MS: u64 = 60 * 60 * 1_000;
const DELAY_MAX_S: u64 = 60;

/// Remembers failed logins by peer.
#[derive(Debug)]
pub(crate) struct Guesses {
    free: u32,
    peers: Mutex<HashMap<PeerKey, Failures>>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    window_ms: u64,
    in_window: u32,
    beyond: u32,
    last_ms: u64,
}

impl Guesses {
    /// Lets every peer fail `free` times in ten minutes before it waits.
    pub(crate) fn new(free: u32) -> Self {
        Self {
            free,
            peers: Mutex::default(),
        }
    }

    /// A login of this peer failed.
    pub(crate) fn failed(&self, ip: IpAddr, now_ms: u64) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = PeerKey::of(ip);
        if peers.len() >= PEERS_MAX && !peers.contains_key(&key) {
            forget(&mut peers, now_ms);
        }
        let failures = peers.entry(key).or_insert(Failures {
            window_ms: now_ms,
            in_window: 0,
            beyond: 0,
            last_ms: now_ms,
        });
        if now_ms.saturating_sub(failures.window_ms) > WINDOW_MS {
            (failures.window_ms, failures.in_window) = (now_ms, 0);
        }
        failures.in_window = failures.in_window.saturating_add(1);
        failures.last_ms = now_ms;
        if failures.in_window > self.free {
            failures.beyond = failures.beyond.saturating_add(1);
        }
    }

    /// How long the next login of this peer has to wait.
    pub(crate) fn delay(&self, ip: IpAddr, now_ms: u64) -> Duration {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = peers.get(&PeerKey::of(ip));
        let recent = failures.filter(|f| now_ms.saturating_sub(f.last_ms) <= MEMORY_MS);
        match recent.map_or(0, |f| f.beyond) {
            0 => Duration::ZERO,
            beyond => Duration::from_secs((1 << (beyond - 1).min(6)).min(DELAY_MAX_S)),
        }
    }
}

/// Makes room: who is beyond memory goes, or else the half that was quiet longest.
fn forget(peers: &mut HashMap<PeerKey, Failures>, now_ms: u64) {
    let mut times: Vec<u64> = peers.values().map(|failures| failures.last_ms).collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or(now_ms);
    let oldest_kept = median.max(now_ms.saturating_sub(MEMORY_MS));
    peers.retain(|_, failures| failures.last_ms > oldest_kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: LIM-15 SEC-26
    #[test]
    fn guessing_gets_slower_up_to_a_minute_and_is_forgotten_after_an_hour() {
        let guesses = Guesses::new(20);
        let (ip, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..20 {
            guesses.failed(ip, 1_000);
        }
        assert_eq!(guesses.delay(ip, 1_000), Duration::ZERO);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            guesses.failed(ip, 2_000);
            assert_eq!(guesses.delay(ip, 2_000), Duration::from_secs(seconds));
        }
        assert_eq!(guesses.delay(other, 2_000), Duration::ZERO);
        assert_eq!(guesses.delay(ip, 2_001 + MEMORY_MS), Duration::ZERO);
    }

    // proves: LIM-15
    #[test]
    fn rare_mistakes_are_free_and_memory_is_bounded() {
        let guesses = Guesses::new(20);
        let ip = "192.0.2.1".parse().unwrap();
        for tenth_of_hour in 0..100 {
            guesses.failed(ip, tenth_of_hour * 360_000);
        }
        assert_eq!(guesses.delay(ip, 36_000_000), Duration::ZERO);
        for n in 0..3 * u32::try_from(PEERS_MAX).unwrap() {
            guesses.failed(IpAddr::V4(n.into()), u64::from(n));
        }
        assert!(guesses.peers.lock().unwrap().len() <= PEERS_MAX);
    }
}
