//! Whether copies are to be reckoned with.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How many batches are looked over after one that a copy came in unexpected. That one was work in vain, so about one batch in as
/// many is, however many copies come.
const WARY: u32 = 256;

/// Whether copies of what was stored before are to be reckoned with: for a while after one came unexpected.
#[derive(Debug, Default)]
pub struct Copies(AtomicU32);

impl Copies {
    /// Whether none came of late.
    pub(super) fn are_unlikely(&self) -> bool {
        self.0.load(Relaxed) == 0
    }

    /// One came unexpected.
    pub(super) fn came(&self) {
        self.0.store(WARY, Relaxed);
    }

    /// A batch was looked over.
    pub(super) fn looked_over(&self) {
        let fewer = |left: u32| Some(left.saturating_sub(1));
        let _ = self.0.fetch_update(Relaxed, Relaxed, fewer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_unlikely_until_one_comes_and_again_after_a_while() {
        let copies = Copies::default();
        assert!(copies.are_unlikely());
        copies.came();
        for _ in 1..WARY {
            copies.looked_over();
            assert!(!copies.are_unlikely());
        }
        copies.looked_over();
        assert!(copies.are_unlikely());
        copies.looked_over();
        assert!(copies.are_unlikely());
    }
}
