//! `doctor`: looks every connection over and prints each finding with its remedy.

use anyhow::{Context, Result};

use super::database::Database;
use crate::{
    config::OneShotArgs,
    store::{self, connection::Connection},
    sync::{
        Sync,
        check::{self, Check, Level},
    },
};

/// Looks the named connection over, or all of them. Answers the exit code: 0 all well, 1 warnings, 2 faults.
#[expect(
    clippy::print_stdout,
    reason = "the findings are the output of this command"
)]
pub async fn run(args: OneShotArgs) -> Result<u8> {
    let database = Database::open(&args.database).await?;
    let mut sync = database.sync(&args.ashby)?;
    let master_key = args.ashby.master_key.as_ref();
    sync.vault = database.claimed(&sync.pool, master_key).await?;
    let mut worst = Level::Ok;
    for connection in connections(&sync, args.connection.as_deref()).await? {
        println!("{}", connection.name);
        for check in check::look_over(&sync, &connection).await? {
            worst = worst.max(check.level);
            println!("  {}", line(&check));
        }
    }
    database.close().await?;
    Ok(match worst {
        Level::Ok => 0,
        Level::Warning => 1,
        Level::Fault => 2,
    })
}

fn line(check: &Check) -> String {
    let mark = match check.level {
        Level::Ok => "ok     ",
        Level::Warning => "warning",
        Level::Fault => "FAULT  ",
    };
    let remedy = check
        .remedy
        .as_ref()
        .map_or_else(String::new, |remedy| format!("\n          -> {remedy}"));
    format!("{mark} {}{remedy}", check.detail)
}

/// The connection of that name, or all.
pub(super) async fn connections(sync: &Sync, name: Option<&str>) -> Result<Vec<Connection>> {
    match name {
        Some(name) => {
            let found = store::connection::by_name(&sync.pool, name).await?;
            Ok(vec![found.with_context(|| {
                format!("there is no connection named {name}")
            })?])
        }
        None => Ok(store::connection::list(&sync.pool, "", i64::MAX).await?),
    }
}
