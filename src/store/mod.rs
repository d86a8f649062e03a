//! The only place with SQL. Functions take an executor, so that the caller owns the transaction; one function is one
//! statement where it can be.

pub mod audit;
pub mod brake;
pub mod change;
pub mod choice;
pub mod condition;
pub mod connection;
pub mod decision;
pub mod delivery;
pub mod erasure;
pub mod exclusion;
pub mod exclusion_import;
pub mod exclusion_list;
pub mod field;
pub mod flush;
pub mod fold;
pub mod inbox;
pub mod installation;
pub mod intake;
pub mod intent;
pub mod job;
pub mod mirror;
pub mod news;
pub mod note;
pub mod overview;
pub mod prospect;
pub mod receipt;
pub mod replay;
pub mod retention;
mod says;
pub mod setting;
pub mod token;
pub mod user;
pub mod vault;
pub mod waiting;
pub mod worker;

use std::{str::FromStr, sync::LazyLock, time::Duration};

use sqlx::{
    Connection as _, Executor as _, PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use installation::claim;
pub use vault::Vault;

/// The migrations, compiled in. They take no lock: [`migrate()`] does.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!();
    migrator.set_locking(false);
    migrator
});

/// The advisory lock of whoever migrates.
const MIGRATING: i64 = 0x0D0E_A5B1;

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is away, full or overloaded; the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(sqlx::Error),
    /// Another transaction was in the way; the same call may succeed at once.
    #[error("another transaction was in the way: {0}")]
    Contended(sqlx::Error),
    /// A constraint refused the row; the name of the constraint tells which.
    #[error("the database refused the row by its constraint {constraint}")]
    Constraint {
        /// Its name in the migrations.
        constraint: String,
    },
    /// Something is stored that we cannot read.
    #[error("{what} cannot be read: {detail}")]
    Unreadable {
        /// What.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// An update that must hit one row hit none: the row is gone.
    #[error("{0} is gone")]
    Gone(&'static str),
    /// The lease under which something was to be kept has gone to another, or the connection was paused or removed.
    #[error("the lease is gone")]
    LeaseLost,
    /// The database is under another master key: it was rotated, or always was another.
    #[error(
        "this database is under another MASTER_KEY, for it was set up with another or rotated since; start with the present one, for no stored secret opens with this"
    )]
    AnotherMasterKey,
    /// The migrations do not fit the database.
    #[error("migrating the database: {0}")]
    Migrate(sqlx::migrate::MigrateError),
    /// Anything else, which is a bug.
    #[error("the database refused a statement: {0}")]
    Statement(sqlx::Error),
}

/// What SQLSTATEs begin with that mean no more than: not now. 08 connection, 25006 standby, 28 and 3D000 no way in,
/// 53 out of resources (disk, memory, connections), 55000 closed to connections, 57 an operator at work, 58 the system
/// under Postgres.
const AWAY: [&str; 8] = ["08", "25006", "28", "3D000", "53", "55000", "57", "58"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) => {
                match (refusal.constraint(), refusal.code().as_deref()) {
                    (Some(constraint), _) => Self::Constraint {
                        constraint: constraint.to_owned(),
                    },
                    // 40 rolled back for another's sake, 55P03 waited too long for a lock.
                    (None, Some(code)) if code.starts_with("40") || code == "55P03" => {
                        Self::Contended(error)
                    }
                    (None, Some(code)) if AWAY.iter().any(|class| code.starts_with(class)) => {
                        Self::Unavailable(error)
                    }
                    _ => Self::Statement(error),
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            _ => Self::Statement(error),
        }
    }
}

impl StoreError {
    /// Whether the constraint of that name refused.
    pub fn is_constraint(&self, name: &str) -> bool {
        matches!(self, Self::Constraint { constraint } if constraint == name)
    }
}

/// A pool on `url`. Connects on first use; a statement waits at most `patience` for a free connection.
pub fn pool(url: &str, size: u32, patience: Duration) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(StoreError::from)?
        .application_name("dover-ashby-sync")
        // What was never read back within this cannot be waited for by anyone.
        .options([
            ("statement_timeout", "60s"),
            ("lock_timeout", "10s"),
            // A process that stands still in a transaction must not keep its connection's row from whoever takes over. No
            // call to Ashby is made in one, so the statements of one follow each other at once.
            ("idle_in_transaction_session_timeout", "10s"),
            // Nothing here is worth compiling, and what looks into many places is taken to be.
            ("jit", "off"),
        ]);
    Ok(PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(patience)
        .connect_lazy_with(options))
}

/// Begins a transaction that sees one state of things throughout. To change a row that another has changed since is
/// refused as [`Contended`](StoreError::Contended), so that what was read can be written back with a change.
pub async fn begin_snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
    let begun = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ");
    begun.await.map_err(StoreError::from)
}

/// Begins a transaction whose statements are about a page of rows, each named by a key. They are planned anew for each page:
/// a plan that was made while a table was nearly empty is kept otherwise, and reads all of it for each key once it is full.
pub async fn begin_page(pool: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
    let begun = pool.begin_with("BEGIN; SET LOCAL plan_cache_mode = force_custom_plan");
    begun.await.map_err(StoreError::from)
}

/// The same for a page that would be done again as a whole, were it lost: nobody was told of it, and nothing outside was done on the
/// strength of it without a commit of its own. Its commit does not wait for the disk; whatever is committed after it takes
/// it along.
pub async fn begin_redoable_page(
    pool: &PgPool,
) -> Result<Transaction<'static, Postgres>, StoreError> {
    let begun = pool.begin_with(
        "BEGIN; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL synchronous_commit = off",
    );
    begun.await.map_err(StoreError::from)
}

/// Applies what migrations are missing. Several processes may call it at once: one works, the others wait.
pub async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    // A session of its own, closed afterwards: a migration, or waiting for another's, may take long.
    let mut session = pool.acquire().await?.detach();
    let patient = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0";
    session.execute(patient).await?;
    // Asked for again and again, each time by a new statement: `CREATE INDEX CONCURRENTLY` waits for every statement that began
    // before it, so that one which waited for the lock would wait for itself. The lock goes with the session.
    while !sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_lock($1) AS "is_mine!""#,
        MIGRATING
    )
    .fetch_one(&mut session)
    .await?
    {
        session.execute("SELECT pg_sleep(0.1)").await?;
    }
    MIGRATOR
        .run(&mut session)
        .await
        .map_err(StoreError::Migrate)?;
    session.close().await?;
    Ok(())
}

/// Whether the database answers and every migration has been applied.
pub async fn is_ready(pool: &PgPool) -> Result<bool, StoreError> {
    // Not a checked query: the migrator makes this table itself, so no migration has it.
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success")
        .fetch_one(pool)
        .await?;
    let wanted = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration())
        .count();
    Ok(usize::try_from(applied).is_ok_and(|applied| applied >= wanted))
}
