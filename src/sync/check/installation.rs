//! What all connections share: the database, its schema, its room, its clock, and the processes that flush.

use chrono::TimeDelta;
use nix::sys::statvfs::statvfs;

use super::{Check, clocks};
use crate::{
    store::{
        self, StoreError,
        condition::{Schema, Server},
    },
    sync::Sync,
};

/// The oldest version that the statements are written for, and that its makers still mend.
const OLDEST: i32 = 14;

/// A worker that has not looked for this long is gone.
const GONE_AFTER: TimeDelta = TimeDelta::seconds(30);

const GIB: u64 = 1 << 30;
/// Less room than this is gone within days of an ordinary load.
const TIGHT: u64 = 5 * GIB;
/// Less than this, and Postgres may stop at the next checkpoint.
const TOO_TIGHT: u64 = GIB;

/// Looks over what all connections share.
pub async fn installation(sync: &Sync) -> Result<Vec<Check>, StoreError> {
    let asked_at = sync.clock.now();
    let server = store::condition::server(&sync.pool).await?;
    let schema = store::condition::schema(&sync.pool).await?;
    let ahead = server.now - (asked_at + (sync.clock.now() - asked_at) / 2);
    let mut checks = vec![
        version(&server),
        migrations(&schema),
        space(&server),
        clocks::compare("database-clock", "The database's", ahead),
    ];
    if schema.missing.is_empty() {
        let alive = store::condition::workers(&sync.pool, asked_at - GONE_AFTER).await?;
        checks.push(workers(alive));
    }
    Ok(checks)
}

fn version(server: &Server) -> Check {
    let detail = format!("The database is PostgreSQL {}.", server.version);
    if server.version_number / 10_000 < OLDEST {
        let remedy = format!("Upgrade it to version {OLDEST} or later.");
        Check::fault("database", detail, remedy)
    } else {
        Check::ok("database", detail)
    }
}

fn migrations(schema: &Schema) -> Check {
    let listed = |versions: &[i64]| {
        let words: Vec<String> = versions
            .iter()
            .map(|version| format!("{version:04}"))
            .collect();
        words.join(", ")
    };
    if !schema.missing.is_empty() {
        return Check::fault(
            "migrations",
            format!("Migrations are missing: {}.", listed(&schema.missing)),
            "Run the command `migrate`.",
        );
    }
    if !schema.different.is_empty() {
        return Check::fault(
            "migrations",
            format!(
                "Migrations are not those of this program, or were cut off: {}.",
                listed(&schema.different)
            ),
            "Run the version of this program that migrated the database, or restore a backup.",
        );
    }
    if !schema.unknown.is_empty() {
        return Check::warning(
            "migrations",
            format!(
                "A later version of this program has migrated the database: it has {} besides.",
                listed(&schema.unknown)
            ),
            "Run that version everywhere.",
        );
    }
    let applied = schema.applied;
    Check::ok(
        "migrations",
        format!("All {applied} migrations are applied."),
    )
}

/// How much room the database has. Only a server of this machine that tells where it keeps its files can be looked at.
fn space(server: &Server) -> Check {
    let size = human(server.size.unsigned_abs());
    let free = server.data_directory.as_deref().and_then(|directory| {
        let room = statvfs(directory).ok()?;
        Some(room.blocks_available() as u64 * room.fragment_size() as u64)
    });
    let Some(free) = free else {
        return Check::ok(
            "database-space",
            format!(
                "The database takes {size}. How much room it has left cannot be seen from here: its server runs elsewhere, or keeps it to itself. Watch it there."
            ),
        );
    };
    let detail = format!("The database takes {size}, and {} are free.", human(free));
    let remedy = "Make room on its disk, or keep deliveries for a shorter time (setting retention.deliveries_days).";
    if free < TOO_TIGHT {
        Check::fault("database-space", detail, remedy)
    } else if free < TIGHT {
        Check::warning("database-space", detail, remedy)
    } else {
        Check::ok("database-space", detail)
    }
}

fn human(bytes: u64) -> String {
    let mib = bytes / (1 << 20);
    if mib < 10 * 1024 {
        format!("{mib} MiB")
    } else {
        format!("{} GiB", mib / 1024)
    }
}

fn workers(alive: i64) -> Check {
    if alive == 0 {
        Check::warning(
            "worker",
            "No process flushes right now.",
            "Start `serve` without --no-worker, or `work`.",
        )
    } else {
        Check::ok("worker", format!("Processes that flush: {alive}."))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Level, *};

    fn server(directory: Option<&str>) -> Server {
        Server {
            version_number: 170_002,
            version: "17.2".to_owned(),
            size: 12 << 20,
            now: chrono::DateTime::UNIX_EPOCH,
            data_directory: directory.map(str::to_owned),
        }
    }

    #[test]
    fn room_that_cannot_be_seen_is_not_guessed() {
        for hidden in [None, Some("/no/such/directory")] {
            let check = space(&server(hidden));
            assert!(check.detail.contains("cannot be seen"), "{}", check.detail);
        }
        assert!(space(&server(Some("/"))).detail.contains("are free"));
    }

    #[test]
    fn a_schema_that_is_not_ours_says_which_way_it_differs() {
        let schema = |missing: &[i64], different: &[i64], unknown: &[i64]| Schema {
            applied: 3,
            missing: missing.to_vec(),
            unknown: unknown.to_vec(),
            different: different.to_vec(),
        };
        for (schema, level, word) in [
            (schema(&[], &[], &[]), Level::Ok, "All 3"),
            (
                schema(&[4, 5], &[], &[]),
                Level::Fault,
                "missing: 0004, 0005",
            ),
            (schema(&[], &[2], &[]), Level::Fault, "0002"),
            (schema(&[], &[], &[99]), Level::Warning, "later version"),
        ] {
            let check = migrations(&schema);
            assert_eq!(check.level, level);
            assert!(check.detail.contains(word), "{}", check.detail);
        }
    }

    #[test]
    fn an_old_server_is_a_fault() {
        let old = Server {
            version_number: 130_011,
            ..server(None)
        };
        assert_eq!(version(&old).level, Level::Fault);
        assert_eq!(version(&server(None)).level, Level::Ok);
    }
}
