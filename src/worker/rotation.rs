//! Notices that the master key was rotated. What this process has in hand opens nothing any more and may seal nothing, so
//! it ends and says why, rather than fail at each thing by itself.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    store::{StoreError, installation},
    sync::Sync,
};

/// How often the database is asked.
const LOOK: Duration = Duration::from_secs(5);

/// Waits for `work` to end. Once the database is under another master key than ours, `work` is told to stop by way of
/// `shutdown`, and the error says what to do.
pub async fn until_rotated(
    sync: &Sync,
    shutdown: &CancellationToken,
    work: impl Future<Output = ()>,
) -> Result<(), StoreError> {
    tokio::pin!(work);
    tokio::select! {
        () = &mut work => Ok(()),
        rotated = rotated(sync) => {
            tracing::error!("this process ends: {rotated}");
            shutdown.cancel();
            work.await;
            Err(rotated)
        }
    }
}

async fn rotated(sync: &Sync) -> StoreError {
    loop {
        sync.clock.sleep(LOOK).await;
        if let Err(error @ StoreError::AnotherMasterKey) =
            installation::check(&sync.pool, &sync.vault).await
        {
            return error;
        }
    }
}
