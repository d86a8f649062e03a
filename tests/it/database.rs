//! A database of its own for every test: a copy of a migrated template, made in a few milliseconds.
//!
//! The first test that asks starts one throwaway cluster for the whole run. It sits in a `static`, whose destructor Rust
//! never runs, and needs none: its guardian (see `embedded_postgres::throwaway`) removes it when this process is gone,
//! be it by a panic, Ctrl-C or a kill. No pool is kept there, for each `#[tokio::test]` has a runtime of its own and a
//! connection dies with the runtime that made it.
//!
//! With `DATABASE_URL` set that server is used instead. Each database goes when its test ends; what killed runs left is
//! swept by later ones.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use dover_ashby_sync::{
    clock::{Clock, SystemClock},
    embedded_postgres::{Durability, EmbeddedPostgres},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::sync::OnceCell;
use url::Url;

/// What the names of all test databases begin with; the second of their making follows, then the process.
const PREFIX: &str = "dover_ashby_test_";
/// The age, in seconds, past which a database on a shared server belongs to no living run.
const STALE: i64 = 2 * 60 * 60;

static SERVER: OnceCell<Server> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A migrated database that nobody else uses. Dropped with its data, open connections or not.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    /// Connections, bound to the test's runtime.
    pub(crate) pool: PgPool,
    /// The address, for a program under test that makes its own pool.
    pub(crate) url: String,
    pub(crate) name: String,
    server: &'static Server,
}

/// A new database with all migrations applied.
pub(crate) async fn database() -> TestDatabase {
    let server = SERVER.get_or_init(Server::start).await;
    TestDatabase::copied(server, &server.run).await
}

impl TestDatabase {
    async fn copied(server: &'static Server, template: &str) -> Self {
        let name = format!("{}_{}", server.run, COUNT.fetch_add(1, Ordering::Relaxed));
        server
            .execute(format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await;
        let url = server.url(&name);
        let pool = PgPoolOptions::new()
            .max_connections(5)
            .connect_lazy(&url)
            .expect("the server's address is one");
        Self {
            pool,
            url,
            name,
            server,
        }
    }

    /// Closes it to everybody, so that it can be copied any number of times.
    pub(crate) async fn freeze(&self) {
        self.pool.close().await;
        let name = &self.name;
        let close = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false");
        self.server.execute(close).await;
        let leave = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        self.server.execute(leave).await;
    }

    /// A new database that holds what this one held when it was frozen.
    pub(crate) async fn copy(&self) -> Self {
        Self::copied(self.server, &self.name).await
    }

    /// Drops it, while other tasks of the test go on.
    pub(crate) async fn gone(self) {
        let dropped = tokio::task::spawn_blocking(move || drop(self)).await;
        dropped.expect("a database can be dropped");
    }

    /// Runs statements on the server, outside the database: for what only its administrator may do to it.
    pub(crate) async fn administrate(&self, sql: &str) {
        for statement in sql.split(';') {
            self.server.execute(statement.to_owned()).await;
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The test's runtime is busy with this very drop; the statement needs one of its own.
        let (server, name) = (self.server, self.name.clone());
        let dropped = thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made")
                .block_on(server.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        });
        // A second panic would abort the run.
        assert!(
            dropped.join().is_ok() || thread::panicking(),
            "{} could not be dropped",
            self.name
        );
    }
}

/// The server of this run, and on it the template, which is named like the run.
#[derive(Debug)]
struct Server {
    admin: Url,
    run: String,
    #[expect(dead_code, reason = "held for its life: the whole run")]
    cluster: Option<EmbeddedPostgres>,
}

impl Server {
    async fn start() -> Self {
        let now = SystemClock.now().timestamp();
        let run = format!("{PREFIX}{now}_{}", std::process::id());
        let (admin, cluster) = if let Some(url) = given_server() {
            (url, None)
        } else {
            let cluster = EmbeddedPostgres::throwaway(Durability::None).await;
            let cluster = cluster.expect("the tests need Postgres");
            (cluster.url("postgres"), Some(cluster))
        };
        let admin = Url::parse(&admin).expect("DATABASE_URL is a URL");
        let server = Self {
            admin,
            run,
            cluster,
        };
        server.sweep(now).await;
        server
            .execute(format!("CREATE DATABASE {}", server.run))
            .await;
        migrate(&server.url(&server.run)).await;
        server
    }

    fn url(&self, database: &str) -> String {
        let mut url = self.admin.clone();
        url.set_path(database);
        url.into()
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(self.admin.as_str())
            .await
            .expect("the server of the tests answers")
    }

    /// Runs one statement, of words that this file made.
    async fn execute(&self, sql: String) {
        let mut connection = self.connect().await;
        let done = sqlx::query(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await;
        done.expect("the server of the tests obeys");
        connection.close().await.expect("the server says goodbye");
    }

    /// Drops what runs before `now` left behind when they were killed.
    async fn sweep(&self, now: i64) {
        let mut connection = self.connect().await;
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1)",
        )
        .bind(PREFIX)
        .fetch_all(&mut connection)
        .await
        .expect("databases can be listed");
        for name in names {
            let made = name[PREFIX.len()..]
                .split('_')
                .next()
                .and_then(|made| made.parse().ok());
            if made.is_some_and(|made: i64| made < now - STALE) {
                self.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await;
            }
        }
    }
}

/// Applies the migrations to the template, over a connection that is closed afterwards: a template that somebody is
/// connected to cannot be copied.
async fn migrate(url: &str) {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the template was just made");
    dover_ashby_sync::store::MIGRATOR
        .run(&mut connection)
        .await
        .expect("the migrations apply");
    connection.close().await.expect("the server says goodbye");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests have no config.rs between them and the environment"
)]
fn given_server() -> Option<String> {
    std::env::var("DATABASE_URL")
        .ok()
        .filter(|url| !url.is_empty())
}

#[tokio::test]
async fn no_two_tests_share_a_database() {
    let (one, other) = tokio::join!(database(), database());
    assert_ne!(one.url, other.url);
    sqlx::query("CREATE TABLE mine (id int)")
        .execute(&one.pool)
        .await
        .unwrap();
    let seen: Option<String> = sqlx::query_scalar("SELECT to_regclass('mine')::text")
        .fetch_one(&other.pool)
        .await
        .unwrap();
    assert_eq!(seen, None);
}

#[tokio::test]
async fn a_database_goes_with_its_test() {
    let left = database().await;
    let (name, server) = (left.name.clone(), left.server);
    drop(left);
    let known: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut server.connect().await)
            .await
            .unwrap();
    assert!(!known);
}
