//! Looks a connection over: the key and its permissions, the source, the archive reasons, every registered job. Each
//! finding says what to do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Sync, SyncError, access::Access, metadata};
use crate::{
    ashby::{AshbyClient, AshbyError, Disposition, ENDPOINTS, PageFrom},
    plan::{
        Departure,
        reason::{API_KEYS_MENU, ARCHIVE_REASONS_MENU, PLANS_MENU, SOURCES_MENU},
        situation::{Openness, Setup, SourceSetup, StageKind},
        stages::{self, FoundBy},
    },
    store::{self, connection::Connection, job::Job},
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
}

impl Check {
    fn ok(check: &str, detail: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            level: Level::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    fn warning(check: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(check, detail)
        }
    }

    fn fault(check: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Fault,
            remedy: Some(remedy.into()),
            ..Self::ok(check, detail)
        }
    }
}

/// What the key itself turned out to be.
pub(super) struct KeyFindings {
    pub(super) checks: Vec<Check>,
    /// Why nothing can be sent with it.
    pub(super) attention: Option<String>,
}

/// Tries the key: whether Ashby takes it, and which permissions it has. Fails only where Ashby could not be asked.
pub(super) async fn key(client: &AshbyClient) -> Result<KeyFindings, AshbyError> {
    let mut findings = KeyFindings {
        checks: Vec::new(),
        attention: None,
    };
    let scopes = match client.api_key_info().await {
        Ok(info) => {
            findings
                .checks
                .push(Check::ok("ashby-key", "Ashby takes the key."));
            info.scopes
        }
        Err(error) => match error.disposition() {
            Disposition::Key {
                permission: Some(permission),
                ..
            } => {
                findings.checks.push(Check::warning(
                    "ashby-key",
                    format!("Ashby takes the key, but it may not read about itself ({permission})."),
                    format!("Grant it \u{201c}API Keys: read\u{201d} under {API_KEYS_MENU}, so that permissions can be checked in advance."),
                ));
                Vec::new()
            }
            Disposition::Key {
                permission: None, ..
            } => {
                findings.attention = Some(error.to_string());
                findings
                    .checks
                    .push(Check::fault("ashby-key", error.to_string(), key_remedy()));
                return Ok(findings);
            }
            _ => return Err(error),
        },
    };
    permissions(client, &scopes, &mut findings).await?;
    Ok(findings)
}

fn key_remedy() -> String {
    format!("Make a key under {API_KEYS_MENU} and set it as ashby_api_key of the connection.")
}

/// What is said of a key that may not read about itself: no harmless call would prove that it may write.
fn unproven() -> Check {
    Check::warning(
        "permissions",
        "The key may read candidates, applications, sources and archive reasons; whether it may also read jobs and interview plans and write candidates could not be looked up.",
        format!(
            "Grant it \u{201c}API Keys: read\u{201d} under {API_KEYS_MENU}, then check the connection."
        ),
    )
}

/// What the key says of itself, where it may, and a try of each list.
async fn permissions(
    client: &AshbyClient,
    scopes: &[String],
    findings: &mut KeyFindings,
) -> Result<(), AshbyError> {
    let mut missing: Vec<&str> = Vec::new();
    if !scopes.is_empty() {
        let lacks = |permission: &&str| {
            !scopes
                .iter()
                .any(|scope| scope.eq_ignore_ascii_case(permission))
        };
        missing.extend(
            ENDPOINTS
                .iter()
                .map(|endpoint| endpoint.permission)
                .filter(lacks),
        );
    }
    for refused in [
        client.sources().await.err(),
        client.archive_reasons().await.err(),
        client.candidates_page(&PageFrom::Start).await.err(),
        client.applications_page(&PageFrom::Start).await.err(),
    ] {
        match refused.map(|error| (error.disposition(), error)) {
            None => {}
            Some((
                Disposition::Key {
                    permission: Some(permission),
                    ..
                },
                _,
            )) => missing.push(permission),
            Some((
                Disposition::Key {
                    permission: None, ..
                },
                error,
            )) => {
                findings.attention = Some(error.to_string());
                findings
                    .checks
                    .push(Check::fault("ashby-key", error.to_string(), key_remedy()));
                return Ok(());
            }
            Some((_, error)) => return Err(error),
        }
    }
    missing.sort_unstable();
    missing.dedup();
    // Reading about itself is a convenience, not a need.
    missing.retain(|permission| *permission != "apiKeys:read");
    if missing.is_empty() {
        findings.checks.push(if scopes.is_empty() {
            unproven()
        } else {
            Check::ok("permissions", "The key may do all that is needed.")
        });
    } else {
        let missing = missing.join(", ");
        let detail = format!("The key lacks {missing}.");
        findings.attention = Some(detail.clone());
        let remedy = format!("Grant {missing} under {API_KEYS_MENU}, then check the connection.");
        findings
            .checks
            .push(Check::fault("permissions", detail, remedy));
    }
    Ok(())
}

/// What an admin has to add to Ashby by hand.
pub(super) fn setup(setup: &Setup) -> Vec<Check> {
    let source = match &setup.source {
        SourceSetup::Found(_) => Check::ok("source", "The source \u{201c}Dover\u{201d} is there."),
        SourceSetup::Missing => Check::fault(
            "source",
            "Ashby has no source \u{201c}Dover\u{201d}: candidates wait (source-missing).",
            format!("Add it under {SOURCES_MENU}, of type Sourced."),
        ),
        SourceSetup::Ambiguous => Check::fault(
            "source",
            "Ashby has several sources \u{201c}Dover\u{201d}: candidates wait (source-ambiguous).",
            format!("Keep one of type Sourced and archive the others under {SOURCES_MENU}."),
        ),
    };
    let reason = |departure: Departure, found: bool| {
        let title = departure.archive_reason();
        if found {
            Check::ok(
                "archive-reason",
                format!("The archive reason \u{201c}{title}\u{201d} is there."),
            )
        } else {
            Check::fault(
                "archive-reason",
                format!(
                    "Ashby has no archive reason \u{201c}{title}\u{201d}: who should be archived waits (archive-reason-missing)."
                ),
                format!("Add it under {ARCHIVE_REASONS_MENU}, spelt exactly so."),
            )
        }
    };
    vec![
        source,
        reason(Departure::Withdrew, setup.withdrew.is_some()),
        reason(Departure::Rejected, setup.rejected.is_some()),
    ]
}

/// A registered job: whether it takes candidates, and whether its plan has the stages that Dover's words mean.
pub(super) fn job(job: &Job) -> Vec<Check> {
    let title = &job.title;
    let openness = match &job.openness {
        Openness::Open => Check::ok("job", format!("\u{201c}{title}\u{201d} is open.")),
        Openness::Closed(status) => Check::fault(
            "job",
            format!(
                "\u{201c}{title}\u{201d} is {} in Ashby: its candidates wait (job-not-open).",
                status.to_lowercase()
            ),
            "Open it in Ashby, or remove its registration.",
        ),
        Openness::NotVisible => Check::fault(
            "job",
            format!(
                "The key cannot see \u{201c}{title}\u{201d}: its candidates wait (job-not-visible)."
            ),
            format!(
                "If it is confidential, allow the key confidential jobs under {API_KEYS_MENU}; if it was deleted, remove its registration."
            ),
        ),
    };
    let mut checks = vec![openness];
    checks.extend((0..3).map(|place| lead_stage(job, place)));
    checks.push(needs_stage(
        job,
        StageKind::Active,
        "active-stage",
        "who is interviewing waits",
    ));
    checks.push(needs_stage(
        job,
        StageKind::Archived,
        "archived-stage",
        "who should be archived waits",
    ));
    checks
}

fn lead_stage(job: &Job, place: usize) -> Check {
    let wanted = stages::lead_title(place);
    match stages::lead(place, &job.stages) {
        Some((_, FoundBy::Title)) => {
            Check::ok("lead-stage", format!("\u{201c}{wanted}\u{201d} is there."))
        }
        Some((stage, FoundBy::Order)) => Check::warning(
            "lead-stage",
            format!(
                "\u{201c}{wanted}\u{201d} was renamed: \u{201c}{}\u{201d} is taken for it, by its place.",
                stage.title
            ),
            format!(
                "If that is wrong, name the stage \u{201c}{wanted}\u{201d} under {PLANS_MENU}."
            ),
        ),
        None => Check::fault(
            "lead-stage",
            format!(
                "The plan has no Lead stage for \u{201c}{wanted}\u{201d}: such candidates wait (stage-not-mapped)."
            ),
            format!("Add it under {PLANS_MENU}."),
        ),
    }
}

fn needs_stage(job: &Job, kind: StageKind, check: &str, otherwise: &str) -> Check {
    match stages::first(kind, &job.stages) {
        Some(stage) => Check::ok(check, format!("\u{201c}{}\u{201d} is there.", stage.title)),
        None => Check::fault(
            check,
            format!("The plan has no stage of type {kind:?}: {otherwise} (stage-not-mapped)."),
            format!("Add one under {PLANS_MENU}."),
        ),
    }
}

/// Looks a connection over, live. What was read is kept, what waited for it goes on, and a connection that needed
/// attention is well again if nothing stands against it.
pub async fn look_over(sync: &Sync, connection: &Connection) -> Result<Vec<Check>, SyncError> {
    let access = Access::of(sync, connection.id).await?;
    let checks = look_over_with(sync, connection, &access).await;
    access.keep_answered(sync).await?;
    checks
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
    for mut registered in store::job::all(&sync.pool, connection.id).await? {
        let before = registered.title.clone();
        metadata::refresh_job(sync, connection.id, &client, &mut registered, true).await?;
        if before != registered.title {
            checks.push(Check::warning(
                "job-title",
                format!(
                    "\u{201c}{before}\u{201d} is now \u{201c}{}\u{201d} in Ashby.",
                    registered.title
                ),
                "Make sure that it is still the job that Dover sources for.",
            ));
        }
        checks.extend(job(&registered));
    }
    access.is_well(sync).await?;
    Ok(checks)
}
