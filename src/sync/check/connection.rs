//! What is known of a connection here: its webhook secret, whether it is flushed on time, who waits, what was rejected.

use chrono::{DateTime, TimeDelta, Utc};

use super::Check;
use crate::{
    plan::parked,
    store::{self, StoreError, condition::Condition, connection::Connection},
    sync::Sync,
};

/// A webhook secret older than this is worth another: who has left may know it.
const OLD_SECRET: TimeDelta = TimeDelta::days(365);

/// A flush may be this late before anybody is told: workers look every few seconds, and who is due waits for a place.
const LATE: TimeDelta = TimeDelta::minutes(2);

/// Rejected deliveries of this long ago still matter.
const LATELY: TimeDelta = TimeDelta::hours(24);

/// Looks over what is known of a connection here, without asking Ashby.
pub async fn connection(sync: &Sync, of: &Connection) -> Result<Vec<Check>, StoreError> {
    let now = sync.clock.now();
    // A check that passed has just put it back to work.
    let of = store::connection::by_id(&sync.pool, of.id).await?;
    let of = &of.ok_or(StoreError::Gone("the connection"))?;
    let condition = store::condition::connection(&sync.pool, of.id, now, now - LATELY).await?;
    let mut checks = vec![flushed(of, &condition, now, sync.interval)];
    checks.extend(secret(&condition, now));
    checks.push(deliveries(&condition, now));
    let parked = store::condition::parked(&sync.pool, of.id).await?;
    checks.extend(parked.iter().map(|(reason, n)| waiting(reason, *n)));
    Ok(checks)
}

/// Whether it is flushed on time.
fn flushed(
    of: &Connection,
    condition: &Condition,
    now: DateTime<Utc>,
    interval: TimeDelta,
) -> Check {
    let late = now - condition.next_flush_at;
    if of.paused_at.is_some() {
        return Check::warning(
            "flush",
            "The connection is paused: deliveries are taken, nothing is flushed.",
            "Resume it when Ashby may be written to again.",
        );
    }
    if let Some(why) = &of.attention {
        return Check::fault(
            "flush",
            format!("Nothing is flushed, for the connection needs attention: {why}"),
            "Mend what the other findings name, then check the connection: a check that passes puts it back to work.",
        );
    }
    if condition.is_held || late <= LATE {
        return Check::ok("flush", "It is flushed on time.");
    }
    let detail = format!(
        "A flush has been due for {} minutes, and none began.",
        late.num_minutes()
    );
    let remedy =
        "Make sure that a process runs that flushes: `serve` without --no-worker, or `work`.";
    if late > interval {
        Check::fault("flush", detail, remedy)
    } else {
        Check::warning("flush", detail, remedy)
    }
}

/// How old the webhook secret is, and whether the one before it still opens the door.
fn secret(condition: &Condition, now: DateTime<Utc>) -> Vec<Check> {
    let mut checks = Vec::new();
    match condition.secret_since {
        None => checks.push(Check::fault(
            "webhook-secret-age",
            "No webhook secret is in force: every delivery is refused, or will be.",
            "Rotate the webhook secret and set the new one in Dover.",
        )),
        Some(since) if now - since > OLD_SECRET => checks.push(Check::warning(
            "webhook-secret-age",
            format!(
                "The webhook secret is {} days old.",
                (now - since).num_days()
            ),
            "Rotate it and set the new one in Dover; the old one is taken for a day besides.",
        )),
        Some(since) => checks.push(Check::ok(
            "webhook-secret-age",
            format!(
                "The webhook secret is {} days old.",
                (now - since).num_days()
            ),
        )),
    }
    if let Some(until) = condition.former_secret_until {
        checks.push(Check::warning(
            "webhook-secret-rotation",
            format!(
                "The webhook secret before is taken besides, until {}.",
                until.format("%Y-%m-%d %H:%M UTC")
            ),
            "Make sure that Dover signs with the new one by then; nothing else has to be done.",
        ));
    }
    checks
}

/// Whether what comes in can be read.
fn deliveries(condition: &Condition, now: DateTime<Utc>) -> Check {
    if condition.rejected > 0 {
        let least = if condition.rejected >= 1000 {
            "at least "
        } else {
            ""
        };
        return Check::warning(
            "deliveries",
            format!(
                "In the last 24 hours {least}{} deliveries could not be read and were rejected.",
                condition.rejected
            ),
            "See \u{2026}/deliveries?verdict=rejected for what is wrong with each; mend the sender or the payload paths, then replay them.",
        );
    }
    match condition.last_delivery_at {
        None => Check::warning(
            "deliveries",
            "No delivery has ever come.",
            "Set the webhook URL and the secret of the connection in Dover, and send a ping.",
        ),
        Some(at) => Check::ok(
            "deliveries",
            format!(
                "None was rejected lately; the last one came {} minutes ago.",
                (now - at).num_minutes()
            ),
        ),
    }
}

/// Prospects that are parked for one reason, with the remedy that the report of what is parked has.
fn waiting(reason: &str, n: i64) -> Check {
    let remedy = parked::kind(reason).and_then(|kind| kind.remedy);
    let remedy = remedy.map_or_else(
        || "Nothing has to be done: they go on by themselves.".to_owned(),
        |remedy| remedy.to_string(),
    );
    Check::warning(
        "parked",
        format!("{n} wait with the reason {reason}."),
        format!("{remedy} \u{2026}/prospects?state=parked&reason={reason} lists them."),
    )
}
