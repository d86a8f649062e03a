//! `work` and `migrate`.

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use super::{database::Database, serve::UNREACHABLE};
use crate::{
    config::{DatabaseArgs, WorkArgs},
    store,
    worker::{Worker, until_rotated},
};

/// The flush worker alone, until `shutdown`.
pub async fn run(args: WorkArgs, shutdown: CancellationToken) -> Result<()> {
    let database = Database::open(&args.database).await?;
    let sync = database.sync(&args.ashby).await?;
    tracing::info!("working");
    let work = Worker::new(sync.clone(), shutdown.clone()).run();
    let ended = until_rotated(&sync, &shutdown, work).await;
    database.close().await?;
    Ok(ended?)
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
