//! Brings the server of a cluster up, or takes over the one that is up already.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection as _, PgConnection};
use tracing::info;

use super::{
    Durability, EmbeddedError,
    claim::Claim,
    find::{Programs, Search},
    initdb::{self, Connection, free_port, last_lines},
    owner::Owner,
    place::Place,
    postmaster::{PidFile, Postmaster},
};
use crate::clock::{Clock, SystemClock};

/// The superuser of every embedded cluster.
pub(super) const ROLE: &str = "postgres";
/// How long a server may take to come up: it may have a crash to recover from.
const PATIENCE: Duration = Duration::from_mins(10);
const STEP: Duration = Duration::from_millis(20);
/// When to say that it takes long.
const LONG: Duration = Duration::from_secs(5);
/// How often to choose another port when somebody else takes the chosen one first.
const PORT_TRIES: usize = 5;

/// A server that is up.
pub(super) struct Running {
    pub(super) postmaster: Postmaster,
    pub(super) port: u16,
    pub(super) password: SecretString,
}

/// Brings up the cluster in `place`, making it first if need be. To be called behind the gate.
pub(super) async fn bring_up(
    place: &Place,
    owner: &Owner,
    claim: &Claim,
    durability: Durability,
) -> Result<Running, EmbeddedError> {
    let cluster = place.cluster();
    if !cluster.exists() {
        let programs = Search::here().programs(None).await?;
        info!("creating the database cluster in {}", place.home.display());
        initdb::create(&programs, place, owner, durability).await?;
    }
    let Connection { password, port } = initdb::read_connection(place)?;
    let password = SecretString::from(password);
    if let Some(running) = survivor(&cluster, owner, &password).await? {
        info!(
            "taking over the Postgres left running in {}",
            place.home.display()
        );
        return Ok(running);
    }
    if !claim.is_alone() {
        return Err(EmbeddedError::UsedElsewhere {
            home: place.home.clone(),
        });
    }
    let wanted = place.version().map(|major| (cluster.as_path(), major));
    let programs = Search::here().programs(wanted).await?;
    let (postmaster, port) = start(&programs, place, owner, durability, port).await?;
    Ok(Running {
        postmaster,
        port,
        password,
    })
}

/// The server that is up already, once it answers. One that is going down is waited for instead, and is none.
async fn survivor(
    cluster: &Path,
    owner: &Owner,
    password: &SecretString,
) -> Result<Option<Running>, EmbeddedError> {
    let mut waited = Duration::ZERO;
    while let Some((postmaster, file)) = Postmaster::of(cluster, owner.uid())
        && waited < PATIENCE
    {
        if let PidFile {
            port: Some(port),
            ready: true,
            ..
        } = file
        {
            let running = Running {
                postmaster,
                port,
                password: password.clone(),
            };
            match PgConnection::connect(&running.url("postgres")).await {
                Ok(connection) => {
                    connection.close().await?;
                    return Ok(Some(running));
                }
                Err(error) if is_permanent(&error) => return Err(error.into()),
                // It was just told to stop, or killed, and its file does not say so yet.
                Err(_) => {}
            }
        }
        SystemClock.sleep(STEP).await;
        waited += STEP;
    }
    Ok(None)
}

/// Whether a server that says this will go on saying it: it refuses the password (class 28).
fn is_permanent(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code.starts_with("28"))
}

/// Starts the server on `preferred`, or on another port if that one is taken.
async fn start(
    programs: &Programs,
    place: &Place,
    owner: &Owner,
    durability: Durability,
    preferred: u16,
) -> Result<(Postmaster, u16), EmbeddedError> {
    let cluster = place.cluster();
    let mut port = preferred;
    let mut output = String::new();
    for _ in 0..PORT_TRIES {
        let child = spawn(programs, place, owner, durability, port)?;
        let pid = i32::try_from(child.id()).expect("the kernel's process ids are positive i32");
        let mut postmaster = Postmaster {
            pid,
            child: Some(child),
        };
        if is_ready(&mut postmaster, &cluster, owner, port).await {
            return Ok((postmaster, port));
        }
        postmaster.stop(&cluster, owner.uid(), true).await?;
        output = last_lines(&fs::read_to_string(place.log()).unwrap_or_default());
        if !output.contains("could not bind") {
            break;
        }
        port = free_port()?;
    }
    Err(EmbeddedError::DidNotStart {
        log: place.log(),
        output,
    })
}

fn spawn(
    programs: &Programs,
    place: &Place,
    owner: &Owner,
    durability: Durability,
    port: u16,
) -> Result<Child, EmbeddedError> {
    // One log of the past is kept; it is what tells why the last run ended.
    let _ = fs::rename(place.log(), place.home.join("postgres.log.1"));
    let log = place.open(Path::new("postgres.log"))?;
    let second = log.try_clone().map_err(EmbeddedError::file(place.log()))?;
    let mut command = owner.command(&programs.postgres, &place.home);
    command
        .arg("-D")
        .arg(place.cluster())
        .args(["-p", &port.to_string()])
        .args(settings(durability).flat_map(|setting| ["-c", setting]))
        .stdout(Stdio::from(log))
        .stderr(Stdio::from(second))
        // Ctrl-C reaches the whole process group of the terminal; we want to stop first and the server after us.
        .process_group(0);
    if let Some(stale) = PidFile::read(&place.cluster()) {
        // Whoever has that id now is not this cluster's server (`survivor` looked). Postgres would refuse to start if it
        // is any process of the same user; an id given to it this way, as pg_ctl does for its parent, it disregards. Its
        // check of the shared memory, which no recycled id can confuse, stays in force.
        command.env("PG_GRANDPARENT_PID", stale.pid.to_string());
    }
    command
        .spawn()
        .map_err(EmbeddedError::file(&programs.postgres))
}

/// The server's settings.
fn settings(durability: Durability) -> impl Iterator<Item = &'static str> {
    const ALWAYS: [&str; 8] = [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
        "timezone=UTC",
        "log_timezone=UTC",
        "log_checkpoints=off",
        // Details of errors quote rows, and rows hold candidates.
        "log_error_verbosity=terse",
        // Planning machine code costs more than the short statements here could win by it.
        "jit=off",
    ];
    // What comes in is written to in the order of its candidates. After a checkpoint the first write to a page goes to the log
    // as a whole, so with the usual GiB of log a full inbox made checkpoints every few seconds that did nothing else; and with
    // the usual 128 MiB the pages do not fit. Disk and memory are taken as they are used.
    const LASTING: [&str; 2] = ["max_wal_size=4GB", "shared_buffers=512MB"];
    const CARELESS: [&str; 5] = [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
    ];
    let others: &[&str] = match durability {
        Durability::Full => &LASTING,
        Durability::None => &CARELESS,
    };
    ALWAYS.into_iter().chain(others.iter().copied())
}

/// Waits until the server says that it is ready. Until then nothing may connect: the port could be another user's.
async fn is_ready(postmaster: &mut Postmaster, cluster: &Path, owner: &Owner, port: u16) -> bool {
    let mut waited = Duration::ZERO;
    while postmaster.is_alive(cluster, owner.uid()) && waited < PATIENCE {
        let ready = PidFile {
            pid: postmaster.pid,
            port: Some(port),
            ready: true,
        };
        if PidFile::read(cluster) == Some(ready) {
            return true;
        }
        if waited == LONG {
            info!("Postgres is still starting; after a crash it has its log to replay");
        }
        SystemClock.sleep(STEP).await;
        waited += STEP;
    }
    false
}

impl Running {
    /// The address of `database` for a client on this machine.
    pub(super) fn url(&self, database: &str) -> String {
        format!(
            "postgres://{ROLE}:{}@127.0.0.1:{}/{database}?sslmode=disable",
            self.password.expose_secret(),
            self.port
        )
    }
}
