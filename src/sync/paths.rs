//! Tries payload paths on what came last: a wrong path would have whatever waits rejected at the next flush, one by one
//! and unnoticed.

use super::{
    Sync, SyncError,
    check::{Check, Level},
    fold::payload_paths,
};
use crate::{
    dover::payload::{Document, Fault},
    store::{self, connection::Connection},
};

/// How many of the latest deliveries are tried.
const TRIED: i64 = 20;

/// A warning where the paths of `connection` do not read what was read when it came.
pub async fn try_on_the_latest(
    sync: &Sync,
    connection: &Connection,
) -> Result<Option<Check>, SyncError> {
    let paths = payload_paths(connection)?;
    let latest = store::delivery::latest_bodies(&sync.pool, connection.id, TRIED).await?;
    let faults = latest.iter();
    let faults = faults.filter_map(|body| Document::of(body).read(&paths).err());
    let faults: Vec<Vec<Fault>> = faults.collect();
    let Some(first) = faults.first().and_then(|faults| faults.first()) else {
        return Ok(None);
    };
    Ok(Some(Check {
        check: "payload-paths".to_owned(),
        dover_job_id: None,
        level: Level::Warning,
        detail: format!(
            "With these paths {} of the latest {} deliveries cannot be read any more, for instance at {}.",
            faults.len(),
            latest.len(),
            if first.pointer.is_empty() { "the whole of it" } else { &first.pointer },
        ),
        remedy: Some(
            "Correct the paths before the next flush, which would reject what waits. What was rejected can be replayed: POST …/deliveries/replay with {\"verdict\": \"rejected\"}."
                .to_owned(),
        ),
    }))
}
