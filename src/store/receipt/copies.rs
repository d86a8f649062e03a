//! Whether copies are to be reckoned with.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How many batches in which no copy came follow on one in which one did, before copies are unlikely again. A batch in vain is
/// as much work as one that is not, so at most one in so many is lost.
const WARY: u32 = 256;

/// Whether copies of what was stored before are to be reckoned with: for a while after one came.
#[derive(Debug, Default)]
pub struct Copies(AtomicU32);

impl Copies {
    /// Whether none came of late.
    pub(super) fn are_unlikely(&self) -> bool {
        self.0.load(Relaxed) == 0
    }

    /// One came in a batch.
    pub(super) fn came(&self) {
        self.0.store(WARY, Relaxed);
    }

    /// None came in a batch that was looked over.
    pub(super) fn stayed_away(&self) {
        let fewer = |left: u32| Some(left.saturating_sub(1));
        let _ = self.0.fetch_update(Relaxed, Relaxed, fewer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_unlikely_until_one_comes_and_again_after_a_while_without() {
        let copies = Copies::default();
        assert!(copies.are_unlikely());
        copies.came();
        for _ in 1..WARY {
            copies.stayed_away();
            assert!(!copies.are_unlikely());
        }
        copies.stayed_away();
        assert!(copies.are_unlikely());
        copies.stayed_away();
        assert!(copies.are_unlikely());
    }
}
