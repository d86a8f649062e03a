//! `work` and `migrate`.

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use super::{database::Database, serve::UNREACHABLE};
use crate::{
    config::{DatabaseArgs, WorkArgs},
    store,
    worker::Worker,
};

/// The flush worker alone, until `shutdown`.
pub async fn run(args: WorkArgs, shutdown: CancellationToken) -> Result<()> {
    let database = Database::open(&args.database).await?;
    let sync = database.sync(&args.ashby)?;
    store::claim(&sync.pool, &sync.vault).await?;
    tracing::info!("working");
    Worker::new(sync, shutdown).run().await;
    database.close().await
}

/// Applies migrations.
pub async fn migrate(args: DatabaseArgs) -> Result<()> {
    let database = Database::open(&args).await?;
    store::migrate(&database.pool()?)
        .await
        .context(UNREACHABLE)?;
    tracing::info!("every migration is applied");
    database.close().await
}
