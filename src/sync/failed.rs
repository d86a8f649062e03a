//! What became of a write that failed: it had no effect, it may have had one, or Ashby said no.

use chrono::{DateTime, Utc};

use super::{
    SyncError,
    apply::{Interrupted, Performer},
    doubt::Settled,
    lease::Stop,
};
use crate::{
    ashby::{AshbyError, Disposition},
    plan::Reason,
    store::{
        self,
        intent::{Intended, Intent},
        mirror::Seen,
    },
};

impl Performer<'_> {
    /// A write that may have gone through: if looking shows that it did, it did.
    pub(super) async fn rescued(
        &self,
        error: AshbyError,
        intent: &Intent,
    ) -> Result<(Seen, DateTime<Utc>), Interrupted> {
        match self.failed(error, intent).await? {
            Settled::Application(seen) => Ok((seen, intent.recorded_at)),
            _ => Err(Interrupted::Again),
        }
    }

    /// What became of a call that failed.
    pub(super) async fn failed(
        &self,
        error: AshbyError,
        intent: &Intent,
    ) -> Result<Settled, Interrupted> {
        match error.disposition() {
            Disposition::InDoubt => self.look_into(intent).await,
            Disposition::Transient => {
                self.forget(intent).await?;
                Err(Interrupted::For(Reason::AshbyUnavailable {
                    what: error.to_string(),
                }))
            }
            Disposition::Permanent => {
                self.forget(intent).await?;
                Err(self.refused(error, intent).await?)
            }
            Disposition::Key { .. } => {
                self.forget(intent).await?;
                Err(Interrupted::By(Stop::Key(error.to_string())))
            }
            Disposition::Withheld => {
                self.forget(intent).await?;
                self.lease.hold().await?;
                // The lease holds: it was the look that has become too old.
                Err(Interrupted::Again)
            }
        }
    }

    /// Looks at once; what cannot be seen yet is looked for again with every flush.
    async fn look_into(&self, intent: &Intent) -> Result<Settled, Interrupted> {
        let in_doubt = || match intent.intended {
            Intended::ChangeStage { .. } => Reason::AshbyUnavailable {
                what: "Ashby's answer was lost and its outcome could not be looked up".to_owned(),
            },
            _ => Reason::CreateInDoubt {
                since: intent.recorded_at,
            },
        };
        let settled = self.scene.settle(self.ashby, &self.case.prospect, intent);
        match settled.await {
            Ok(Settled::Waiting) => Err(Interrupted::For(in_doubt())),
            Ok(settled) => Ok(settled),
            Err(SyncError::Ashby(error)) => match error.disposition() {
                Disposition::Key { .. } => Err(Interrupted::By(Stop::Key(error.to_string()))),
                _ => Err(Interrupted::For(in_doubt())),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// It surely had no effect.
    pub(super) async fn forget(&self, intent: &Intent) -> Result<(), Interrupted> {
        let pool = &self.scene.sync.pool;
        Ok(store::intent::settled(pool, intent.prospect, intent.recorded_at).await?)
    }
}
