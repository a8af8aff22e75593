//! LIM-08: how many connections there are, in all and of each peer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::PeerKey;

/// Counts connections.
#[derive(Debug)]
pub(crate) struct Census {
    per_peer_max: usize,
    total_max: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    peers: HashMap<PeerKey, usize>,
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// Its peer has enough.
    Peer,
    /// The server has enough.
    Full,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    census: Arc<Census>,
    peer: Option<PeerKey>,
    counts_in_total: bool,
}

impl Census {
    pub(crate) fn new(per_peer_max: usize, total_max: usize) -> Arc<Self> {
        Arc::new(Self {
            per_peer_max,
            total_max,
            counts: Mutex::default(),
        })
    }

    /// Counts a connection, for its peer only if one is named.
    pub(crate) fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Result<Guest, TurnedAway> {
        self.count(peer.map(PeerKey::of), true)
    }

    /// Counts for a peer a connection that a proxy made on its behalf and that is counted itself.
    pub(crate) fn enter_behind_proxy(self: &Arc<Self>, peer: IpAddr) -> Result<Guest, TurnedAway> {
        self.count(Some(PeerKey::of(peer)), false)
    }

    fn count(
        self: &Arc<Self>,
        peer: Option<PeerKey>,
        counts_in_total: bool,
    ) -> Result<Guest, TurnedAway> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts_in_total && counts.total >= self.total_max {
            return Err(TurnedAway::Full);
        }
        if let Some(peer) = peer {
            let of_peer = counts.peers.entry(peer).or_default();
            if *of_peer >= self.per_peer_max {
                return Err(TurnedAway::Peer);
            }
            *of_peer += 1;
        }
        counts.total += usize::from(counts_in_total);
        Ok(Guest {
            census: Arc::clone(self),
            peer,
            counts_in_total,
        })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let counts = self.census.counts.lock();
        let mut counts = counts.unwrap_or_else(PoisonError::into_inner);
        counts.total -= usize::from(self.counts_in_total);
        let Some(peer) = self.peer else { return };
        if let Some(of_peer) = counts.peers.get_mut(&peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                counts.peers.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: LIM-08 SEC-09
    #[test]
    fn a_peer_and_all_peers_together_have_so_many_and_not_one_more() {
        let census = Census::new(2, 3);
        let [a, b, c] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| ip.parse().ok());
        let first = census.enter(a).unwrap();
        let _second = census.enter(a).unwrap();
        assert_eq!(census.enter(a).unwrap_err(), TurnedAway::Peer);
        let _third = census.enter(b).unwrap();
        assert_eq!(census.enter(c).unwrap_err(), TurnedAway::Full);
        drop(first);
        let _again = census.enter(None).unwrap();
        assert_eq!(census.enter(None).unwrap_err(), TurnedAway::Full);
        let _proxied = census.enter_behind_proxy(a.unwrap()).unwrap();
        let turned_away = census.enter_behind_proxy(a.unwrap()).unwrap_err();
        assert_eq!(turned_away, TurnedAway::Peer);
    }
}
