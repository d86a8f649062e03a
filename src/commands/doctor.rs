//! `doctor`: looks the installation and every connection over, and prints each finding with its remedy. What keeps it from
//! looking is a finding too.

use anyhow::{Result, bail};
use serde::Serialize;

use super::database::Database;
use crate::{
    config::{DoctorArgs, Format},
    store::{self, StoreError, connection::Connection},
    sync::{
        Sync, SyncError,
        check::{self, Check, Level},
    },
};

/// Everything that was found.
#[derive(Debug, Serialize)]
struct Report {
    level: Level,
    /// What all connections share.
    installation: Vec<Check>,
    connections: Vec<Patient>,
}

/// What was found about one connection.
#[derive(Debug, Serialize)]
struct Patient {
    name: String,
    checks: Vec<Check>,
}

impl Report {
    const fn new() -> Self {
        Self {
            level: Level::Ok,
            installation: Vec::new(),
            connections: Vec::new(),
        }
    }

    /// The worst of all findings.
    fn worst(&self) -> Level {
        let of_connections = self.connections.iter().flat_map(|one| &one.checks);
        let all = self.installation.iter().chain(of_connections);
        all.map(|check| check.level).max().unwrap_or(Level::Ok)
    }
}

/// Looks the named connection over, or all of them. Answers the exit code: 0 all well, 1 warnings, 2 faults.
#[expect(
    clippy::print_stdout,
    reason = "the findings are the output of this command"
)]
pub async fn run(args: DoctorArgs) -> Result<u8> {
    let mut report = Report::new();
    match Database::open(&args.one_shot.database).await {
        Ok(database) => {
            look(&args, &database, &mut report).await;
            database.close().await?;
        }
        Err(error) => report.installation.push(Check::fault(
            "database",
            format!("{error:#}"),
            "Set DATABASE_URL to a Postgres that answers, or leave it out and install one on this system.",
        )),
    }
    report.level = report.worst();
    match args.format {
        Format::Text => print!("{}", text(&report)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(match report.level {
        Level::Ok => 0,
        Level::Warning => 1,
        Level::Fault => 2,
    })
}

/// Finds as much as can be found: each thing only where what it rests on is there.
async fn look(args: &DoctorArgs, database: &Database, report: &mut Report) {
    let found = &mut report.installation;
    if let Err(error) = store::condition::is_there(&database.url).await {
        found.push(Check::fault(
            "database",
            error.to_string(),
            "Make sure that DATABASE_URL is right, that the server answers there, and that the user may log in.",
        ));
        return;
    }
    // The clocks and the calls need no key: it is found out about afterwards.
    let sync = database.unclaimed(&args.one_shot.ashby);
    let sync = match sync {
        Ok(sync) => sync,
        Err(error) => return found.push(bad_key(&error)),
    };
    match check::installation(&sync).await {
        Ok(checks) => found.extend(checks),
        Err(error) => return found.push(broken(&error)),
    }
    let is_migrated = |check: &Check| check.check != "migrations" || check.level < Level::Fault;
    if !found.iter().all(is_migrated) {
        return;
    }
    match open(args, database, sync).await {
        Ok(sync) => {
            found.push(Check::ok(
                "master-key",
                "MASTER_KEY is the one that the database is under.",
            ));
            connected(args, &sync, report).await;
        }
        Err(error) => found.push(bad_key(&error)),
    }
}

/// With the vault that the database is under.
async fn open(args: &DoctorArgs, database: &Database, mut sync: Sync) -> Result<Sync> {
    let master_key = args.one_shot.ashby.master_key.as_ref();
    sync.vault = database.claimed(&sync.pool, master_key).await?;
    Ok(sync)
}

fn bad_key(error: &anyhow::Error) -> Check {
    Check::fault(
        "master-key",
        format!("{error:#}"),
        "Set MASTER_KEY to the one that the other processes run with; stored secrets open with no other.",
    )
}

fn broken(error: &StoreError) -> Check {
    Check::fault(
        "database",
        error.to_string(),
        "Look into the log of the database; then try again.",
    )
}

/// Looks over each connection that was asked for.
async fn connected(args: &DoctorArgs, sync: &Sync, report: &mut Report) {
    match connections(sync, args.one_shot.connection.as_deref()).await {
        Ok(found) if found.is_empty() => report.installation.push(Check::warning(
            "connections",
            "There is no connection yet.",
            "Make one: POST /v1/connections, or start `serve` with ASHBY_API_KEY and DOVER_WEBHOOK_SECRET.",
        )),
        Ok(found) => {
            for connection in found {
                let checks = examine(sync, &connection).await;
                let name = connection.name;
                report.connections.push(Patient { name, checks });
            }
        }
        Err(error) => report.installation.push(Check::fault(
            "connections",
            format!("{error:#}"),
            "See GET /v1/connections for those that there are.",
        )),
    }
}

/// What Ashby shows and what is known here; where the one cannot be had, still the other.
async fn examine(sync: &Sync, connection: &Connection) -> Vec<Check> {
    let mut checks = match check::ashby(sync, connection).await {
        Ok(checks) => checks,
        Err(SyncError::Store(error)) => vec![broken(&error)],
        Err(error @ SyncError::Ashby(_)) => vec![Check::fault(
            "ashby",
            format!("Ashby could not be asked. {}", error.for_the_log()),
            "Make sure that ASHBY_BASE_URL is right and can be reached from here; else wait for Ashby.",
        )],
    };
    match check::connection(sync, connection).await {
        Ok(known) => checks.extend(known),
        Err(error) => checks.push(broken(&error)),
    }
    checks
}

fn text(report: &Report) -> String {
    let mut lines = vec!["installation".to_owned()];
    lines.extend(report.installation.iter().map(line));
    for connection in &report.connections {
        lines.push(connection.name.clone());
        lines.extend(connection.checks.iter().map(line));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn line(check: &Check) -> String {
    let mark = match check.level {
        Level::Ok => "ok     ",
        Level::Warning => "warning",
        Level::Fault => "FAULT  ",
    };
    let job = check
        .dover_job_id
        .as_ref()
        .map_or_else(String::new, |job| format!("{}: ", job.0));
    let remedy = check
        .remedy
        .as_ref()
        .map_or_else(String::new, |remedy| format!("\n            -> {remedy}"));
    format!("  {mark} {job}{}{remedy}", check.detail)
}

/// The connection of that name, or all.
pub(super) async fn connections(sync: &Sync, name: Option<&str>) -> Result<Vec<Connection>> {
    match name {
        Some(name) => match store::connection::by_name(&sync.pool, name).await? {
            Some(found) => Ok(vec![found]),
            None => bail!(
                "there is no connection named {name}; there are: {}",
                names(&store::connection::list(&sync.pool, "", NAMED).await?)
            ),
        },
        None => Ok(store::connection::list(&sync.pool, "", i64::MAX).await?),
    }
}

/// How many connections a complaint names.
const NAMED: i64 = 10;

/// The connections, for somebody who has to name one.
pub(super) fn names(connections: &[Connection]) -> String {
    let names = connections.iter().map(|one| one.name.as_str());
    match connections.len() {
        0 => "none yet".to_owned(),
        _ => names.collect::<Vec<_>>().join(", "),
    }
}
