//! Who may start, use and stop a cluster, when several processes want the same one.
//!
//! Two file locks, both let go by the kernel when their process ends, however it ends. The *gate* is held alone, by who
//! is starting or stopping the cluster. A *claim* is shared by all who use it: the last to leave stops the server.

use std::{fs::File, path::Path, time::Duration};

use super::{EmbeddedError, place::Place};
use crate::clock::{Clock, SystemClock};

/// How long to stand at the gate: longer than crash recovery of a small cluster takes.
const PATIENCE: Duration = Duration::from_mins(3);
const STEP: Duration = Duration::from_millis(50);

/// The right to start or stop the cluster; given back when dropped.
#[derive(Debug)]
pub(super) struct Gate(#[expect(dead_code, reason = "held for its lock")] File);

impl Gate {
    /// Waits for the gate.
    pub(super) async fn enter(place: &Place) -> Result<Self, EmbeddedError> {
        let mut waited = Duration::ZERO;
        while waited < PATIENCE {
            if let Some(gate) = Self::try_enter(place)? {
                return Ok(gate);
            }
            SystemClock.sleep(STEP).await;
            waited += STEP;
        }
        Err(EmbeddedError::Busy {
            home: place.home.clone(),
            waited_s: PATIENCE.as_secs(),
        })
    }

    /// The gate, if nobody is at it.
    pub(super) fn try_enter(place: &Place) -> Result<Option<Self>, EmbeddedError> {
        let file = place.open(Path::new("gate.lock"))?;
        Ok(file.try_lock().is_ok().then_some(Self(file)))
    }
}

/// A share in the use of the cluster; given back when dropped.
#[derive(Debug)]
pub(super) struct Claim(File);

impl Claim {
    /// Takes a share.
    pub(super) fn share(place: &Place) -> Result<Self, EmbeddedError> {
        let file = place.open(Path::new("users.lock"))?;
        // Held alone only for an instant, behind the gate: this does not block for long.
        file.lock_shared()
            .map_err(EmbeddedError::file(place.home.join("users.lock")))?;
        Ok(Self(file))
    }

    /// Whether nobody else has a share. To be asked behind the gate.
    pub(super) fn is_alone(&self) -> bool {
        // Locks are converted by letting go first; the gate keeps others from slipping in between.
        let alone = self
            .0
            .unlock()
            .and_then(|()| Ok(self.0.try_lock()?))
            .is_ok();
        let _ = self.0.lock_shared();
        alone
    }

    /// Whether the cluster in `place` has no user left.
    pub(super) fn is_abandoned(place: &Place) -> bool {
        place
            .open(Path::new("users.lock"))
            .is_ok_and(|file| file.try_lock().is_ok())
    }
}
