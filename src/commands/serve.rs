//! `serve`: the HTTP server, and the flush worker unless it is left out.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{database::Database, environment};
use crate::{
    config::ServeArgs,
    http::{
        self,
        gates::Gates,
        receiver::Receiver,
        state::{AppState, Parts},
    },
    store,
    sync::Sync,
    worker::{Worker, until_rotated},
};

/// Database sessions of the inbox: two commits run side by side, and each may split up.
const INBOX_SESSIONS: u32 = 4;

/// How long a delivery waits for a database session before its sender is sent away.
const INBOX_PATIENCE: Duration = Duration::from_secs(3);

/// What most often stands behind a failure to migrate.
pub(super) const UNREACHABLE: &str = "DATABASE_URL: make sure that the server answers there, and that the user may log in and create tables";

/// Serves until `shutdown`.
#[expect(
    clippy::print_stdout,
    reason = "a generated admin token is shown to the person at the terminal, once"
)]
pub async fn run(args: ServeArgs, shutdown: CancellationToken) -> Result<()> {
    let database = Database::open(&args.database).await?;
    let mut sync = database.unclaimed(&args.ashby)?;
    let (token, is_new) = database.admin_token(args.admin_token.as_ref())?;
    if is_new {
        println!("Admin token, shown this once: {}", token.expose_secret());
    }
    if !args.no_migrate {
        store::migrate(&sync.pool).await.context(UNREACHABLE)?;
    }
    let master_key = args.ashby.master_key.as_ref();
    sync.vault = database.claimed(&sync.pool, master_key).await?;
    environment::apply(
        &sync,
        args.ashby_api_key.as_ref(),
        args.dover_webhook_secret.as_ref(),
    )
    .await?;
    let listener = TcpListener::bind(args.listen_addr)
        .await
        .with_context(|| format!("LISTEN_ADDR {}: cannot listen there", args.listen_addr))?;
    let server = Server::start(
        sync.clone(),
        &database.url,
        token,
        listener,
        shutdown.clone(),
        !args.no_worker,
        args.guard_monitoring,
    )?;
    tracing::info!("listening on http://{}", server.addr);
    let ended = until_rotated(&sync, &shutdown, server.finished()).await;
    database.close().await?;
    Ok(ended?)
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    tasks: TaskTracker,
    flushes: TaskTracker,
}

impl Server {
    /// Starts to serve on `listener`, with or without a worker, until `shutdown`. With `guards_monitoring` health and
    /// metrics take a token.
    pub fn start(
        sync: Sync,
        database_url: &str,
        admin_token: SecretString,
        listener: TcpListener,
        shutdown: CancellationToken,
        with_worker: bool,
        guards_monitoring: bool,
    ) -> Result<Self> {
        let addr = listener.local_addr()?;
        let inbox = store::pool(database_url, INBOX_SESSIONS, INBOX_PATIENCE)?;
        let (tasks, flushes) = (TaskTracker::new(), TaskTracker::new());
        if with_worker {
            tasks.spawn(Worker::new(sync.clone(), shutdown.clone()).run());
        }
        let state = AppState::from(Parts {
            sync,
            receiver: Receiver::start(inbox),
            gates: Gates::default(),
            admin_token,
            guards_monitoring,
            flushes: flushes.clone(),
            shutdown: shutdown.clone(),
        });
        let serving = axum::serve(listener, http::router(state))
            .with_graceful_shutdown(shutdown.cancelled_owned());
        tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!("the server ended: {error}");
            }
        });
        tasks.close();
        Ok(Self {
            addr,
            tasks,
            flushes,
        })
    }

    /// Waits until it was told to stop and everything that was under way is finished.
    pub async fn finished(self) {
        self.tasks.wait().await;
        self.flushes.close();
        self.flushes.wait().await;
    }
}
