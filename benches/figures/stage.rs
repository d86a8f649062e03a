//! Everything that a measurement needs: a throwaway Postgres with durable settings, our own program, and the designs beside
//! it, each in a process of its own.

use std::{
    net::{SocketAddr, TcpListener},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use dover_ashby_sync::embedded_postgres::{Durability, EmbeddedPostgres};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::{
    design::{Design, PLAIN_TABLE},
    hands::{now, pause},
    load::{Load, Outcome},
    usage,
};

/// The database of everything that is measured.
const DATABASE: &str = "figures";
/// What deliveries are signed with.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The bearer token of our own program.
const TOKEN: &str = "figures-admin-token";

/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server in a process of its own. It ends with this.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
}

impl Server {
    /// Its process.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Ends it as an operator would: what it has begun it finishes, and gives its lease back.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.pid()?)?);
        kill(pid, Signal::SIGTERM)?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.context("the server does not end")??;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// The Postgres, a database in it, and how to start servers on that.
#[derive(Clone)]
pub(crate) struct Stage {
    own: Arc<EmbeddedPostgres>,
    database: String,
    postmaster: u32,
    /// What seals secrets on it.
    pub(crate) master_key: String,
}

impl Stage {
    /// Brings up a Postgres and makes sure that it keeps what it says.
    pub(crate) async fn set() -> Result<Self> {
        let own = EmbeddedPostgres::throwaway(Durability::Full).await?;
        own.create_database(DATABASE, None).await?;
        let mut session = PgConnection::connect(&own.url(DATABASE)).await?;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let show = AssertSqlSafe(format!("SHOW {setting}"));
            let value: String = sqlx::query_scalar(show).fetch_one(&mut session).await?;
            ensure!(value == "on", "{setting} is {value}");
        }
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut session)
            .await?;
        // As long as the session lives, so does the process that serves it.
        let postmaster = usage::parent(u32::try_from(backend)?)?;
        session.close().await?;
        Ok(Self {
            own: Arc::new(own),
            database: DATABASE.to_owned(),
            postmaster,
            master_key: STANDARD.encode([7; 32]),
        })
    }

    /// Stops it and removes everything.
    pub(crate) async fn strike(self) -> Result<()> {
        let own = Arc::into_inner(self.own).context("the Postgres is still used")?;
        Ok(own.stop().await?)
    }

    /// The same with another, empty database.
    pub(crate) async fn twin(&self, database: &str) -> Result<Self> {
        self.own.create_database(database, None).await?;
        Ok(Self {
            database: database.to_owned(),
            ..self.clone()
        })
    }

    /// The address of the database.
    pub(crate) fn url(&self) -> String {
        self.own.url(&self.database)
    }

    /// A session on the database.
    pub(crate) async fn session(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url()).await?)
    }

    /// The processor time of Postgres so far, all its processes.
    pub(crate) fn postgres_time(&self) -> Result<Duration> {
        usage::of_family(self.postmaster)
    }

    /// Our own program, ready to receive, and how long that took.
    pub(crate) async fn program(&self, more: &[&str], ashby: &str) -> Result<(Server, Duration)> {
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let began = now();
        let child = Command::new(env!("CARGO_BIN_EXE_dover-ashby-sync"))
            .arg("serve")
            .args(more)
            .env_clear()
            .env("DATABASE_URL", self.url())
            .env("LISTEN_ADDR", addr.to_string())
            .env("MASTER_KEY", &self.master_key)
            .env("ADMIN_TOKEN", TOKEN)
            .env("ASHBY_API_KEY", "sim-key")
            .env("ASHBY_BASE_URL", ashby)
            .env("DOVER_WEBHOOK_SECRET", SECRET)
            .env("RUST_LOG", "warn")
            .kill_on_drop(true)
            .spawn()?;
        let server = Server { child, addr };
        while !get(addr, "/readyz").await {
            ensure!(now() - began < Duration::from_mins(1), "it did not start");
            pause(Duration::from_millis(5)).await;
        }
        Ok((server, now() - began))
    }

    /// The table of the plain design.
    pub(crate) async fn make_plain_table(&self) -> Result<()> {
        let mut session = self.session().await?;
        sqlx::raw_sql(PLAIN_TABLE).execute(&mut session).await?;
        Ok(session.close().await?)
    }

    /// One of the designs that our program is held against.
    pub(crate) async fn design(&self, design: Design) -> Result<Server> {
        let name = match design {
            Design::Plain => "plain",
            Design::HttpOnly => "http-only",
        };
        let mut child = ourselves()?
            .args(["design", name, "--url", &self.url()])
            .args(["--master-key", &self.master_key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = child.stdout.take().context("its standard output")?;
        let addr = BufReader::new(said).lines().next_line().await?;
        let addr = addr.context("the design did not start")?.parse()?;
        Ok(Server { child, addr })
    }

    /// Begins a run from the same state as every other: empty tables, nothing left to write.
    pub(crate) async fn clear(&self) -> Result<()> {
        let mut session = self.session().await?;
        sqlx::raw_sql("TRUNCATE delivery, pending, plain, tally CASCADE; CHECKPOINT")
            .execute(&mut session)
            .await?;
        Ok(session.close().await?)
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> Result<u64> {
        let mut session = self.session().await?;
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count: i64 = sqlx::query_scalar(count).fetch_one(&mut session).await?;
        session.close().await?;
        Ok(u64::try_from(count)?)
    }
}

/// Whether a path there answers 200.
pub(crate) async fn get(addr: SocketAddr, path: &str) -> bool {
    ask(addr, "GET", path).await.unwrap_or_default()
}

/// Flushes the connection of our own program, to the end.
pub(crate) async fn flush(addr: SocketAddr) -> Result<()> {
    let path = "/v1/connections/default/flushes?wait=true";
    let is_done = ask(addr, "POST", path).await?;
    ensure!(is_done, "our program did not flush");
    Ok(())
}

/// Asked by hand: an HTTP client of its own would take longer to make.
async fn ask(addr: SocketAddr, method: &str, path: &str) -> Result<bool> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// This program again, as another role.
fn ourselves() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env_clear();
    Ok(command)
}

/// Sends a load from a process of its own.
pub(crate) async fn send(load: &Load) -> Result<Outcome> {
    let mut command = ourselves()?;
    command
        .arg("load")
        .args(["--addr", &load.addr.to_string(), "--path", &load.path])
        .args(["--connections", &load.connections.to_string()])
        .args(["--warm-up-ms", &load.warm_up_ms.to_string()])
        .args(["--measure-ms", &load.measure_ms.to_string()])
        .args(["--run", &load.run, "--secret", &load.secret])
        .args(["--signed-at", &load.signed_at.to_string()])
        .args(["--ready", &load.ready.to_string()])
        .args(load.again.then_some("--again"));
    if let Some(rate) = load.rate {
        command.args(["--rate", &rate.to_string()]);
    }
    let output = command.stderr(Stdio::inherit()).output().await?;
    if !output.status.success() {
        bail!("the load generator failed");
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
