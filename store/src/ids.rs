//! Archive ids of entries that their account did not name itself.

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use protocol::ArchiveId;

/// Turns positions into ids and back: AES-128 of (user number, position) under the database's key.
///
/// So an id is unique for all time, tells nothing about count or time (MAM-04), and needs no index.
/// User numbers are never used twice.
#[derive(Clone)]
pub(crate) struct Ids(Aes128);

impl Ids {
    /// Ids under this key.
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self(Aes128::new(&key.into()))
    }

    /// The id of a position.
    pub(crate) fn id_of(&self, user: u64, pos: u64) -> ArchiveId {
        let mut block = ((u128::from(user) << 64) | u128::from(pos))
            .to_be_bytes()
            .into();
        self.0.encrypt_block(&mut block);
        ArchiveId::from_bits(block.into())
    }

    /// The position of an id, if it was made by [`Ids::id_of`] for this user.
    pub(crate) fn pos_of(&self, user: u64, id: &ArchiveId) -> Option<u64> {
        let mut block = id.to_bits()?.into();
        self.0.decrypt_block(&mut block);
        let clear = u128::from_be_bytes(block.into());
        ((clear >> 64) == u128::from(user)).then_some(clear as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    // proves: MAM-03 MAM-04
    #[test]
    fn ids_are_unique_decodable_by_their_own_log_only_and_in_no_order() {
        let ids = Ids::new([5; 16]);
        let mut seen = HashSet::new();
        let mut rising = 0;
        let mut previous = String::new();
        for pos in 1..=20_000 {
            let id = ids.id_of(7, pos);
            assert_eq!(ids.pos_of(7, &id), Some(pos));
            assert_eq!(ids.pos_of(8, &id), None);
            rising += u32::from(id.as_str() > previous.as_str());
            id.as_str().clone_into(&mut previous);
            assert!(seen.insert(id));
        }
        assert!((9_500..10_500).contains(&rising), "{rising}");
    }
}
