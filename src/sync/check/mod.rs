//! Looks over a connection, and the installation that it runs in. Each finding says what to do. Nothing is ever written
//! to Ashby; what is learned of it is kept, and what waited for it goes on.

mod clocks;
mod connection;
mod installation;
mod key;
mod setup;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::clocks::AshbyClock;
pub use self::{connection::connection, installation::installation};
pub(super) use self::{
    key::{KeyFindings, key},
    setup::{job, setup},
};
use super::{Sync, SyncError, access::Access, metadata, settings::Policies};
use crate::{
    ids::DoverJobId,
    store::{self, connection::Connection},
};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// Something will wait until it is mended.
    Fault,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What was looked at.
    #[schema(examples("source"))]
    pub check: String,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The registered job that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dover_job_id: Option<DoverJobId>,
}

impl Check {
    /// As it should be.
    pub fn ok(check: &str, detail: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            level: Level::Ok,
            detail: detail.into(),
            remedy: None,
            dover_job_id: None,
        }
    }

    /// Works, and somebody should know.
    pub fn warning(check: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(check, detail)
        }
    }

    /// Something waits until it is mended.
    pub fn fault(check: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Fault,
            remedy: Some(remedy.into()),
            ..Self::ok(check, detail)
        }
    }
}

/// Looks a connection over, live, and then at what is known of it here. A connection that needed attention is well again
/// if nothing stands against it.
pub async fn look_over(sync: &Sync, of: &Connection) -> Result<Vec<Check>, SyncError> {
    let mut checks = ashby(sync, of).await?;
    checks.extend(connection(sync, of).await?);
    Ok(checks)
}

/// Looks a connection's Ashby over, live. What was read is kept, what waited for it goes on, and a connection that needed
/// attention is well again if nothing stands against it.
pub async fn ashby(sync: &Sync, connection: &Connection) -> Result<Vec<Check>, SyncError> {
    let mut access = Access::of(sync, connection.id).await?;
    let clock = AshbyClock::default();
    access.client = access.client.observed_by(clock.observer());
    let checks = look_over_with(sync, connection, &access).await;
    access.keep_answered(sync).await?;
    let mut checks = checks?;
    checks.extend(clock.check());
    Ok(checks)
}

async fn look_over_with(
    sync: &Sync,
    connection: &Connection,
    access: &Access,
) -> Result<Vec<Check>, SyncError> {
    let client = access.client.clone();
    let KeyFindings {
        mut checks,
        attention,
    } = key(&client).await?;
    if let Some(why) = attention {
        access.needs_attention(sync, &why).await?;
        return Ok(checks);
    }
    let found = metadata::read_setup(&client).await?;
    metadata::keep_setup(sync, connection, &found).await?;
    checks.extend(setup(&found));
    let policies = Policies::read(sync, connection.id).await?;
    for mut registered in store::job::all(&sync.pool, connection.id).await? {
        let title =
            metadata::refresh_job(sync, connection.id, &client, &mut registered, true).await?;
        if let Some(title) = title.filter(|title| *title != registered.title) {
            let mut renamed = Check::warning(
                "job-title",
                format!(
                    "\u{201c}{}\u{201d} is now \u{201c}{title}\u{201d} in Ashby.",
                    registered.title
                ),
                "Make sure that it is still the job that Dover sources for. If it is, confirm the title: PATCH …/jobs/{job} with it; else point the registration at the right one.",
            );
            renamed.dover_job_id = Some(registered.dover_job_id.clone());
            checks.push(renamed);
        }
        checks.extend(job(&registered, &policies.of_job(&registered.dover_job_id)));
    }
    access.is_well(sync).await?;
    Ok(checks)
}
