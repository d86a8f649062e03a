//! A private Postgres for those who have none running: the real server, found on this system, with a cluster of our own.
//!
//! It knows nothing of what is kept in it. The server listens on 127.0.0.1 alone, with a random password (SCRAM), which
//! works alike for root and for ordinary users, on Linux and macOS, and keeps the machine's other users out. It runs in
//! a process group of its own, so that Ctrl-C reaches us first, and outlives us when we are killed: the next start on the
//! same directory takes it over. Several processes may use one cluster; the last to leave stops it.

mod claim;
mod cluster;
mod error;
mod find;
mod initdb;
mod owner;
mod place;
mod postmaster;
mod throwaway;

use std::{ffi::OsString, path::Path};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tracing::info;

pub use error::EmbeddedError;

use self::{
    claim::{Claim, Gate},
    cluster::Running,
    owner::Owner,
    place::Place,
    throwaway::Guardian,
};

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    Full,
    /// Everything; several times faster, for tests.
    None,
}

/// A running cluster and our share in it.
///
/// Dropped without [`stop`](Self::stop), it blocks until the server has stopped, unless another process uses it.
pub struct EmbeddedPostgres {
    place: Place,
    owner: Owner,
    running: Running,
    /// Taken when we leave.
    claim: Option<Claim>,
    /// Set for a throwaway cluster.
    guardian: Option<Guardian>,
}

impl EmbeddedPostgres {
    /// Starts the cluster of `data_dir`, making it the first time; takes over a server that a killed process left running,
    /// and joins one that another process uses.
    ///
    /// The cluster lives in `data_dir/postgres`. As root, with `data_dir` closed to the user that then runs Postgres, it
    /// lives in a place that is open ([`directory`](Self::directory)), which a warning names.
    pub async fn start(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let (place, owner) = place::settle(data_dir)?;
        let _gate = Gate::enter(&place).await?;
        let claim = Claim::share(&place)?;
        Self::bring_up(place, owner, claim, None, Durability::Full).await
    }

    /// Starts an empty cluster that is gone when this process ends, however it ends.
    pub async fn throwaway(durability: Durability) -> Result<Self, EmbeddedError> {
        throwaway::sweep().await;
        let owner = Owner::of_a_new_cluster()?;
        let (place, claim, guardian) = throwaway::settle(&owner)?;
        Self::bring_up(place, owner, claim, Some(guardian), durability).await
    }

    async fn bring_up(
        place: Place,
        owner: Owner,
        claim: Claim,
        guardian: Option<Guardian>,
        durability: Durability,
    ) -> Result<Self, EmbeddedError> {
        let running = cluster::bring_up(&place, &owner, &claim, durability).await?;
        info!("Postgres is up on 127.0.0.1:{}", running.port);
        Ok(Self {
            place,
            owner,
            running,
            claim: Some(claim),
            guardian,
        })
    }

    /// The address of `database`, password included, for clients on this machine.
    pub fn url(&self, database: &str) -> String {
        self.running.url(database)
    }

    /// The directory where the cluster really is; the server's log is in it.
    pub fn directory(&self) -> &Path {
        &self.place.home
    }

    /// Makes the database `name`, a copy of `template` if given; one that is there already stays as it is.
    ///
    /// `name` is of `[a-z0-9_]`, not beginning with a digit, of at most 63 bytes. Nobody may be connected to the template.
    pub async fn create_database(
        &self,
        name: &str,
        template: Option<&str>,
    ) -> Result<(), EmbeddedError> {
        let mut sql = format!("CREATE DATABASE {}", identifier(name)?);
        if let Some(template) = template {
            sql = format!("{sql} TEMPLATE {}", identifier(template)?);
        }
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let made = sqlx::query(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await;
        connection.close().await?;
        match made {
            Err(sqlx::Error::Database(error)) if is_duplicate(error.code().as_deref()) => Ok(()),
            made => Ok(made.map(drop)?),
        }
    }

    /// Leaves the cluster: the last to leave stops the server, whose sessions end, and waits for it. A throwaway cluster is
    /// removed.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        let claim = self.claim.take();
        let (cluster, uid) = (self.place.cluster(), self.owner.uid());
        if let Some(guardian) = self.guardian.take() {
            let stopped = self.running.postmaster.stop(&cluster, uid, true).await;
            guardian.dismiss();
            return stopped;
        }
        let _gate = Gate::enter(&self.place).await?;
        if claim.is_some_and(|claim| claim.is_alone()) {
            self.running.postmaster.stop(&cluster, uid, false).await?;
        }
        Ok(())
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        // A guardian that is dropped goes to work by itself.
        let Some(claim) = self.claim.take().filter(|_| self.guardian.is_none()) else {
            return;
        };
        // Somebody at the gate is about to take the server over, or to stop it.
        if let Ok(Some(_gate)) = Gate::try_enter(&self.place)
            && claim.is_alone()
        {
            self.running.postmaster.stop_blocking();
        }
    }
}

impl std::fmt::Debug for EmbeddedPostgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedPostgres")
            .field("directory", &self.place.home)
            .field("port", &self.running.port)
            .finish_non_exhaustive()
    }
}

/// `name` as it may stand in a statement.
fn identifier(name: &str) -> Result<&str, EmbeddedError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let valid = (1..=63).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with(|c: char| c.is_ascii_digit());
    valid
        .then_some(name)
        .ok_or_else(|| EmbeddedError::DatabaseName(name.to_owned()))
}

/// Whether the database is there already; the second code is the one of two that were made in the same instant.
fn is_duplicate(code: Option<&str>) -> bool {
    matches!(code, Some("42P04" | "23505"))
}

/// The variable `name` of the environment: what the programs are found and run by is not the user's configuration.
#[expect(
    clippy::disallowed_methods,
    reason = "PATH and the like, which config.rs does not know"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
