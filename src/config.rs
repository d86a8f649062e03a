//! The command line and the environment, read once and checked at the start. A bad value names itself and what was
//! expected.

use std::{net::SocketAddr, path::PathBuf};

use chrono::TimeDelta;
use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use crate::{store::Vault, telemetry::LogFormat};

/// Carries every candidate's stage change from Dover to Ashby, and explains each thing it did or did not do.
#[derive(Debug, Parser)]
#[command(name = "dover-ashby-sync", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines look.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
    /// What to log, as in `info` or `dover_ashby_sync=debug`.
    #[arg(long = "log", env = "RUST_LOG", global = true)]
    pub log_filter: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// HTTP server and flush worker in one process.
    Serve(ServeArgs),
    /// The flush worker alone; any number may run against one database.
    Work(WorkArgs),
    /// Apply migrations and leave.
    Migrate(DatabaseArgs),
    /// Show the whole product at work, on a database of its own and a simulated Ashby.
    Demo(DemoArgs),
    /// The Ashby simulator alone.
    Simulator(SimulatorArgs),
    /// Look every connection over: each finding with its remedy. Exit code 0 all well, 1 warnings, 2 faults.
    Doctor(DoctorArgs),
    /// Flush now, or print what the next flush would do.
    Flush(FlushArgs),
    /// Sign a delivery and send it to a running server.
    Send(SendArgs),
    /// Turn the bootstrap admin token on, or off: the way back in where every other admin token was lost.
    BootstrapToken(BootstrapArgs),
    /// Put every stored secret under another master key.
    RotateMasterKey(RotateArgs),
    /// Print the OpenAPI document.
    Openapi,
}

/// Where the database is.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// Postgres. Unset, the program runs a cluster of its own in the data directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Where the program's own Postgres lives, and its generated secrets.
    #[arg(long, env = "DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,
}

/// What every command needs that talks to Ashby.
#[derive(Args, Clone, Debug)]
pub struct AshbyArgs {
    /// 32 bytes in base64 that encrypt stored secrets. Generated into the data directory beside an own Postgres.
    #[arg(long, env = "MASTER_KEY", hide_env_values = true)]
    pub master_key: Option<SecretString>,
    /// Ashby.
    #[arg(long, env = "ASHBY_BASE_URL", default_value = "https://api.ashbyhq.com", value_parser = web_address)]
    pub ashby_base_url: Url,
    /// How often each connection is flushed, as in `15m`, `90s` or `1h`.
    #[arg(long, env = "FLUSH_INTERVAL", default_value = "15m", value_parser = interval)]
    pub flush_interval: TimeDelta,
    /// How long a flush holds its connection unless it renews, as in `120s` or `2m`: after a crash another process takes
    /// over within this. The same in all processes of one database.
    #[arg(long, env = "FLUSH_LEASE", default_value = "120s", value_parser = lease)]
    pub flush_lease: TimeDelta,
}

/// `serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Ashby.
    #[command(flatten)]
    pub ashby: AshbyArgs,
    /// Where to listen.
    #[arg(long, env = "LISTEN_ADDR", default_value = "127.0.0.1:8080")]
    pub listen_addr: SocketAddr,
    /// The bootstrap admin token. Generated and printed once beside an own Postgres.
    #[arg(long, env = "ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<SecretString>,
    /// With `DOVER_WEBHOOK_SECRET`: makes the connection named `default` at start.
    #[arg(long, env = "ASHBY_API_KEY", hide_env_values = true)]
    pub ashby_api_key: Option<SecretString>,
    /// With `ASHBY_API_KEY`: makes the connection named `default` at start.
    #[arg(long, env = "DOVER_WEBHOOK_SECRET", hide_env_values = true)]
    pub dover_webhook_secret: Option<SecretString>,
    /// Answer `/health` and `/metrics` only to those with a token, of any role. `/healthz` and `/readyz` stay open.
    #[arg(long, env = "GUARD_MONITORING")]
    pub guard_monitoring: bool,
    /// HTTP alone, without the flush worker.
    #[arg(long)]
    pub no_worker: bool,
    /// Do not apply migrations at start.
    #[arg(long)]
    pub no_migrate: bool,
}

/// `work`.
#[derive(Args, Clone, Debug)]
pub struct WorkArgs {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Ashby.
    #[command(flatten)]
    pub ashby: AshbyArgs,
}

/// Commands that do one thing for a connection.
#[derive(Args, Clone, Debug)]
pub struct OneShotArgs {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Ashby.
    #[command(flatten)]
    pub ashby: AshbyArgs,
    /// Which connection; all where it is left out.
    #[arg(long)]
    pub connection: Option<String>,
}

/// `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Which connection, and where.
    #[command(flatten)]
    pub one_shot: OneShotArgs,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// `flush`.
#[derive(Args, Clone, Debug)]
pub struct FlushArgs {
    /// Which connection, and where.
    #[command(flatten)]
    pub one_shot: OneShotArgs,
    /// Print what the next flush would do, and write nothing to Ashby. With `--undo`, what the undo would do.
    #[arg(long)]
    pub preview: bool,
    /// As what a preview is printed.
    #[arg(long, value_enum, default_value_t = PreviewFormat::Table, requires = "preview")]
    pub format: PreviewFormat,
    /// Let go on what the brake holds in this flush; the next flush does it.
    #[arg(long, value_name = "FLUSH", group = "answer", conflicts_with_all = ["preview", "undo"])]
    pub approve: Option<Uuid>,
    /// Leave alone what the brake holds in this flush.
    #[arg(long, value_name = "FLUSH", group = "answer", conflicts_with_all = ["preview", "undo"])]
    pub refuse: Option<Uuid>,
    /// With `--approve` or `--refuse`: only this job, by its Dover id.
    #[arg(long, value_name = "DOVER_JOB_ID", requires = "answer")]
    pub job: Option<String>,
    /// Put back what this flush moved or archived, where nobody has touched it since.
    #[arg(long, value_name = "FLUSH")]
    pub undo: Option<Uuid>,
}

/// As what a preview is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PreviewFormat {
    /// A table of plain text.
    Table,
    /// Comma-separated, for a spreadsheet.
    Csv,
    /// As the REST API answers it.
    Json,
}

/// `bootstrap-token`.
#[derive(Args, Clone, Debug)]
pub struct BootstrapArgs {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Whether it is to open everything, or nothing. It can be turned off once another admin token lives.
    #[arg(value_enum)]
    pub to_be: OnOff,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    /// On.
    On,
    /// Off.
    Off,
}

/// `rotate-master-key`.
#[derive(Args, Clone, Debug)]
pub struct RotateArgs {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The present master key. Taken from the data directory beside an own Postgres.
    #[arg(long, env = "MASTER_KEY", hide_env_values = true)]
    pub master_key: Option<SecretString>,
    /// The one to put in its place: 32 bytes in base64. Generated into the data directory beside an own Postgres.
    #[arg(long, env = "NEW_MASTER_KEY", hide_env_values = true)]
    pub new_master_key: Option<SecretString>,
}

/// `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// A Postgres server to use; unset, the demo runs a throwaway one of its own.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Leave server and simulator up when the demo is over.
    #[arg(long)]
    pub keep_running: bool,
    /// Where the server listens. The default takes any free port.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen_addr: SocketAddr,
}

/// `simulator`.
#[derive(Args, Clone, Debug)]
pub struct SimulatorArgs {
    /// Where to listen.
    #[arg(long, env = "LISTEN_ADDR", default_value = "127.0.0.1:4010")]
    pub listen_addr: SocketAddr,
    /// The same seed and the same calls give the same ids.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The API key that it takes.
    #[arg(long, default_value = "sim-key")]
    pub api_key: String,
}

/// `send`.
#[derive(Args, Clone, Debug)]
pub struct SendArgs {
    /// Where to, with the name of the connection.
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/dover/default", value_parser = web_address)]
    pub url: Url,
    /// The webhook secret.
    #[arg(long, env = "DOVER_WEBHOOK_SECRET", hide_env_values = true)]
    pub secret: SecretString,
    /// The id of the delivery; a new one where it is left out.
    #[arg(long)]
    pub id: Option<String>,
    /// The file to send; standard input where it is left out or `-`.
    pub file: Option<PathBuf>,
}

/// A secret that is not as it must be. Says which variable and what was expected, never the value: the argument parser
/// would print that, so secrets are taken as they come and checked here.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {expected}")]
pub struct BadSecret {
    variable: &'static str,
    expected: String,
}

/// The address of a Postgres database.
pub fn database_url(given: &SecretString) -> Result<&str, BadSecret> {
    let expected = "expected postgres://user:password@host:5432/database, with special characters of the password percent-encoded";
    let bad = || BadSecret {
        variable: "DATABASE_URL",
        expected: expected.to_owned(),
    };
    let text = given.expose_secret();
    let url = Url::parse(text).map_err(|_| bad())?;
    if matches!(url.scheme(), "postgres" | "postgresql") {
        Ok(text)
    } else {
        Err(bad())
    }
}

/// The vault of a master key.
pub fn vault(given: &SecretString) -> Result<Vault, BadSecret> {
    vault_of("MASTER_KEY", given)
}

/// The vault of the master key to rotate to.
pub fn next_vault(given: &SecretString) -> Result<Vault, BadSecret> {
    vault_of("NEW_MASTER_KEY", given)
}

fn vault_of(variable: &'static str, given: &SecretString) -> Result<Vault, BadSecret> {
    Vault::from_base64(given.expose_secret()).map_err(|error| BadSecret {
        variable,
        expected: error.to_string(),
    })
}

/// Shorter tokens can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// A bearer token that cannot be guessed.
pub fn admin_token(given: &SecretString) -> Result<SecretString, BadSecret> {
    let text = given.expose_secret().trim();
    if text.len() >= SHORTEST_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.into());
    }
    let expected = format!(
        "expected at least {SHORTEST_TOKEN} visible ASCII characters, as `openssl rand -hex 32` prints them"
    );
    Err(BadSecret {
        variable: "ADMIN_TOKEN",
        expected,
    })
}

fn web_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; expected https://host/"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err("expected https://host/ or http://host/".to_owned()),
    }
}

/// `90s`, `15m`, `1h`: from a second to a day.
fn interval(text: &str) -> Result<TimeDelta, String> {
    let expected = "expected a time between 1s and 24h, such as 15m, 90s or 1h";
    time_between(text, 1, 86_400).ok_or_else(|| expected.to_owned())
}

/// From 5 seconds, below which clocks that differ by one and a call of some seconds would leave no time to write, to half
/// an hour, beyond which nobody wants to wait after a crash.
fn lease(text: &str) -> Result<TimeDelta, String> {
    let expected = "expected a time between 5s and 30m, such as 120s or 2m";
    time_between(text, 5, 1_800).ok_or_else(|| expected.to_owned())
}

/// A number with a unit, of at least `least` and at most `most` seconds.
fn time_between(text: &str, least: i64, most: i64) -> Option<TimeDelta> {
    let text = text.trim();
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let number: i64 = digits.parse().ok()?;
    let seconds = match &text[digits.len()..] {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => None,
    };
    let seconds = seconds.filter(|seconds| (least..=most).contains(seconds))?;
    Some(TimeDelta::seconds(seconds))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_interval_is_a_number_with_a_unit() {
        assert_eq!(interval("15m"), Ok(TimeDelta::minutes(15)));
        assert_eq!(interval("90s"), Ok(TimeDelta::seconds(90)));
        assert_eq!(interval(" 1h "), Ok(TimeDelta::hours(1)));
        for bad in [
            "",
            "15",
            "m",
            "0s",
            "-1m",
            "25h",
            "1.5h",
            "15 minutes",
            "9223372036854775807h",
        ] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_lease_lasts_longer_than_a_call_and_not_for_ever() {
        assert_eq!(lease("120s"), Ok(TimeDelta::minutes(2)));
        assert_eq!(lease("5s"), Ok(TimeDelta::seconds(5)));
        for bad in ["4s", "31m", "1h", "2"] {
            assert!(lease(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bad_secret_says_what_was_expected_and_never_what_it_is() {
        let given = SecretString::from("hunter2/#");
        for said in [
            database_url(&given).unwrap_err().to_string(),
            vault(&given)
                .err()
                .map(|bad| bad.to_string())
                .unwrap_or_default(),
            admin_token(&given).unwrap_err().to_string(),
        ] {
            assert!(
                said.contains("expected") || said.contains("MASTER_KEY"),
                "{said}"
            );
            assert!(!said.contains("hunter2"), "{said}");
        }
        let cli = Cli::try_parse_from(["x", "serve", "--master-key", "hunter2"]);
        assert!(!format!("{cli:?}").contains("hunter2"));
    }

    #[test]
    fn a_bad_address_or_interval_names_itself() {
        let bad = Cli::try_parse_from(["x", "serve", "--ashby-base-url", "ftp://x"])
            .unwrap_err()
            .to_string();
        assert!(
            bad.contains("--ashby-base-url") && bad.contains("https://"),
            "{bad}"
        );
        let bad = Cli::try_parse_from(["x", "serve", "--flush-interval", "soon"])
            .unwrap_err()
            .to_string();
        assert!(
            bad.contains("--flush-interval") && bad.contains("15m"),
            "{bad}"
        );
    }
}
