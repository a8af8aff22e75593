//! Ids and chance, drawn from the seed that the driver gave.

use protocol::ArchiveId;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

/// A source of ids and delays.
pub(crate) struct Ids {
    rng: ChaCha12Rng,
    /// Distinguishes requests of this engine from those of another life of the same device.
    life: String,
    requests: u64,
}

impl Ids {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let life = format!("{:08x}", rng.next_u32());
        Self {
            rng,
            life,
            requests: 0,
        }
    }

    /// A UUIDv4 for a message (IM-01).
    pub(crate) fn uuid(&mut self) -> String {
        let mut bits = u128::from_be_bytes(self.bits());
        bits = (bits & !(0xf << 76)) | (0x4 << 76);
        bits = (bits & !(0x3 << 62)) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        let part = |range| hex.get(range).unwrap_or_default();
        let [a, b, c, d, e] = [
            part(0..8),
            part(8..12),
            part(12..16),
            part(16..20),
            part(20..32),
        ];
        format!("{a}-{b}-{c}-{d}-{e}")
    }

    /// 256 random bits as text without commas (AU-05).
    pub(crate) fn nonce(&mut self) -> String {
        let (a, b) = (self.bits(), self.bits());
        format!("{}{}", ArchiveId::from_bits(a), ArchiveId::from_bits(b))
    }

    /// An id for a request, unique for this engine.
    pub(crate) fn request(&mut self) -> String {
        self.requests += 1;
        format!("{}-{}", self.life, self.requests)
    }

    /// A delay below `max_ms`.
    pub(crate) fn jitter_ms(&mut self, max_ms: u64) -> u64 {
        self.rng.next_u64() % max_ms.max(1)
    }

    fn bits(&mut self) -> [u8; 16] {
        let mut bits = [0; 16];
        self.rng.fill_bytes(&mut bits);
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: IM-01
    #[test]
    fn message_ids_are_uuids_of_version_4() {
        let mut ids = Ids::new([3; 32]);
        for _ in 0..100 {
            let uuid = ids.uuid();
            let bytes = uuid.as_bytes();
            assert_eq!(uuid.len(), 36);
            assert_eq!(bytes[14], b'4');
            assert!(matches!(bytes[19], b'8' | b'9' | b'a' | b'b'));
            assert!(protocol::archive_id::is_computable(&uuid));
        }
    }
}
