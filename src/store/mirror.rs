//! What we know of Ashby: applications by id, stage and times; people by keyed hashes of their addresses.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::StoreError;
use crate::{
    ids::{
        ApplicationId, ArchiveReasonId, AshbyJobId, CandidateId, ConnectionId, SourceId, StageId,
    },
    plan::situation::{Application, ApplicationStatus},
};

/// One of the two lists of Ashby that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// `candidate.list`.
    Candidates,
    /// `application.list`.
    Applications,
}

impl Listing {
    /// As it stands in rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Candidates => "candidates",
            Self::Applications => "applications",
        }
    }
}

/// How far a list was followed.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Where the pass under way stands.
    pub cursor: Option<String>,
    /// The moment up to which changes are known.
    pub sync_token: Option<String>,
    /// Whether the first pass got to its end once.
    pub learned: bool,
    /// How many entries the first pass has read.
    pub read: i64,
    /// When the list was last followed to its end.
    pub looked_at: Option<DateTime<Utc>>,
}

/// How far a list was followed.
pub async fn progress(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    listing: Listing,
) -> Result<Progress, StoreError> {
    let progress = sqlx::query_as!(
        Progress,
        r#"
        SELECT cursor, sync_token, learned, read, looked_at FROM ashby_listing
        WHERE connection_id = $1 AND listing = $2
        "#,
        connection.0,
        listing.word()
    )
    .fetch_optional(db)
    .await?;
    Ok(progress.unwrap_or_default())
}

/// Keeps how far a list was followed, with the page that was read.
pub async fn set_progress(
    tx: &mut PgConnection,
    connection: ConnectionId,
    listing: Listing,
    progress: &Progress,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO ashby_listing (connection_id, listing, cursor, sync_token, learned, read, looked_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (connection_id, listing) DO UPDATE
        SET cursor = excluded.cursor, sync_token = excluded.sync_token, learned = excluded.learned,
            read = excluded.read, looked_at = excluded.looked_at
        "#,
        connection.0,
        listing.word(),
        progress.cursor,
        progress.sync_token,
        progress.learned,
        progress.read,
        progress.looked_at
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// An application as Ashby showed it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its id.
    pub id: ApplicationId,
    /// Whose it is.
    pub candidate: CandidateId,
    /// For which job.
    pub job: AshbyJobId,
    /// Where it stands; `None` where Ashby shows no stage, or a status that we do not know.
    pub standing: Option<Standing>,
    /// Why it was archived.
    pub archive_reason: Option<ArchiveReasonId>,
    /// Where it came from.
    pub source: Option<SourceId>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was archived, where it is.
    pub archived_at: Option<DateTime<Utc>>,
}

/// Where an application stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The stage.
    pub stage: StageId,
    /// What that makes it.
    pub status: ApplicationStatus,
}

/// The status of an application that stands nowhere that we know.
const UNCLEAR: &str = "Unclear";

impl Seen {
    fn stage(&self) -> Option<&str> {
        self.standing
            .as_ref()
            .map(|standing| standing.stage.as_str())
    }

    fn status(&self) -> &'static str {
        self.standing
            .as_ref()
            .map_or(UNCLEAR, |standing| status_word(standing.status))
    }
}

/// How it came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Somebody looked: asked for at that time.
    Looked(DateTime<Utc>),
    /// A webhook of Ashby's said so: a hint. It counts only where it tells of a later change than is known, never makes
    /// a look any fresher, and brings back nothing that is gone.
    Told,
}

const fn status_word(status: ApplicationStatus) -> &'static str {
    match status {
        ApplicationStatus::Lead => "Lead",
        ApplicationStatus::Active => "Active",
        ApplicationStatus::Hired => "Hired",
        ApplicationStatus::Archived => "Archived",
    }
}

fn parse_status(word: &str) -> Result<ApplicationStatus, StoreError> {
    match word {
        "Lead" => Ok(ApplicationStatus::Lead),
        "Active" => Ok(ApplicationStatus::Active),
        "Hired" => Ok(ApplicationStatus::Hired),
        "Archived" => Ok(ApplicationStatus::Archived),
        _ => Err(StoreError::Unreadable {
            what: "an application's status",
            detail: word.to_owned(),
        }),
    }
}

/// Keeps applications as Ashby showed them. At the first meeting its last change counts as foreign;
/// afterwards whatever differs from what was seen or written before does, as of the time that came with it. What an open
/// intent of ours explains is not foreign: whoever looks may be faster than the one who asked for it.
pub async fn saw(
    tx: &mut PgConnection,
    connection: ConnectionId,
    seen: &[Seen],
    how: How,
) -> Result<(), StoreError> {
    let looked_at = match how {
        How::Looked(at) => Some(at),
        How::Told => None,
    };
    // A page may name an application twice when it changes while being read; the later one stays.
    let latest: HashMap<&str, &Seen> = seen.iter().map(|seen| (seen.id.as_str(), seen)).collect();
    let mut seen: Vec<&Seen> = latest.into_values().collect();
    seen.sort_by(|a, b| a.id.cmp(&b.id));
    let ids: Vec<String> = seen.iter().map(|seen| seen.id.0.clone()).collect();
    let candidates: Vec<String> = seen.iter().map(|seen| seen.candidate.0.clone()).collect();
    let jobs: Vec<String> = seen.iter().map(|seen| seen.job.0.clone()).collect();
    let stages: Vec<Option<String>> = seen
        .iter()
        .map(|seen| seen.stage().map(str::to_owned))
        .collect();
    let statuses: Vec<String> = seen.iter().map(|seen| seen.status().to_owned()).collect();
    let reasons: Vec<Option<String>> = seen
        .iter()
        .map(|seen| seen.archive_reason.as_ref().map(|id| id.0.clone()))
        .collect();
    let sources: Vec<Option<String>> = seen
        .iter()
        .map(|seen| seen.source.as_ref().map(|id| id.0.clone()))
        .collect();
    let updated: Vec<DateTime<Utc>> = seen.iter().map(|seen| seen.updated_at).collect();
    let archived: Vec<Option<DateTime<Utc>>> = seen.iter().map(|seen| seen.archived_at).collect();
    sqlx::query!(
        r#"
        INSERT INTO ashby_application AS a (connection_id, id, candidate_id, job_id, stage_id, status, archive_reason_id,
                                            source_id, updated_at, foreign_at, looked_at, archived_at)
        SELECT $1, id, candidate_id, job_id, stage_id, status, archive_reason_id, source_id, updated_at,
               CASE WHEN EXISTS (
                   SELECT FROM intent i WHERE i.connection_id = $1 AND i.step->>'do' = 'create-application'
                     AND i.step->>'candidate' = candidate_id AND i.step->>'job' = job_id)
               THEN NULL ELSE updated_at END,
               coalesce($10::timestamptz, 'epoch'), archived_at
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
                    $11::timestamptz[])
             AS s (id, candidate_id, job_id, stage_id, status, archive_reason_id, source_id, updated_at, archived_at)
        ON CONFLICT (connection_id, id) DO UPDATE
        SET candidate_id = excluded.candidate_id, job_id = excluded.job_id, stage_id = excluded.stage_id,
            status = excluded.status, archive_reason_id = excluded.archive_reason_id, source_id = excluded.source_id,
            updated_at = excluded.updated_at, archived_at = excluded.archived_at, looked_at = greatest(a.looked_at, $10), gone = a.gone AND $10 IS NULL,
            foreign_at = CASE
                WHEN (a.stage_id, a.status, a.archive_reason_id, a.source_id)
                     IS DISTINCT FROM (excluded.stage_id, excluded.status, excluded.archive_reason_id, excluded.source_id)
                     AND NOT EXISTS (
                         SELECT FROM intent i WHERE i.connection_id = $1 AND i.step->>'do' = 'change-stage'
                           AND i.step->>'application' = a.id AND i.step->>'stage' = excluded.stage_id
                           AND i.step->>'reason' IS NOT DISTINCT FROM excluded.archive_reason_id)
                THEN greatest(a.foreign_at, excluded.updated_at) ELSE a.foreign_at END
        -- A page that was read before our last write says nothing of what came after.
        WHERE excluded.updated_at > a.updated_at OR (excluded.updated_at = a.updated_at AND $10 IS NOT NULL)
        "#,
        connection.0,
        &ids,
        &candidates,
        &jobs,
        &stages as _,
        &statuses,
        &reasons as _,
        &sources as _,
        &updated,
        looked_at,
        &archived as _
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps an application as our own write left it: nothing in it is foreign. What was seen of it since is newer, and stays;
/// where that is something else, it is somebody else's doing.
pub async fn wrote(
    tx: &mut PgConnection,
    connection: ConnectionId,
    seen: &Seen,
    looked_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let kept = sqlx::query!(
        r#"
        INSERT INTO ashby_application AS a (connection_id, id, candidate_id, job_id, stage_id, status, archive_reason_id,
                                            source_id, updated_at, looked_at, archived_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (connection_id, id) DO UPDATE
        SET candidate_id = excluded.candidate_id, job_id = excluded.job_id, stage_id = excluded.stage_id,
            status = excluded.status, archive_reason_id = excluded.archive_reason_id, source_id = excluded.source_id,
            updated_at = excluded.updated_at, looked_at = greatest(a.looked_at, excluded.looked_at),
            archived_at = excluded.archived_at, gone = false
        WHERE excluded.updated_at >= a.updated_at
        "#,
        connection.0,
        seen.id.as_str(),
        seen.candidate.as_str(),
        seen.job.as_str(),
        seen.stage(),
        seen.status(),
        seen.archive_reason.as_ref().map(ArchiveReasonId::as_str),
        seen.source.as_ref().map(SourceId::as_str),
        seen.updated_at,
        looked_at,
        seen.archived_at
    )
    .execute(&mut *tx)
    .await?;
    if kept.rows_affected() == 0 {
        outrun(tx, connection, seen).await?;
    }
    Ok(())
}

/// Ashby had shown an application later than our write left it: what differs from it is foreign.
async fn outrun(
    tx: &mut PgConnection,
    connection: ConnectionId,
    seen: &Seen,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE ashby_application SET foreign_at = greatest(foreign_at, updated_at)
        WHERE connection_id = $1 AND id = $2
          AND (stage_id, status, archive_reason_id, source_id) IS DISTINCT FROM ($3::text, $4::text, $5::text, $6::text)
        "#,
        connection.0,
        seen.id.as_str(),
        seen.stage(),
        seen.status(),
        seen.archive_reason.as_ref().map(ArchiveReasonId::as_str),
        seen.source.as_ref().map(SourceId::as_str)
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// An application that was taken for ours is not: its last change is foreign.
pub async fn foreign(
    tx: &mut PgConnection,
    connection: ConnectionId,
    id: &ApplicationId,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE ashby_application SET foreign_at = updated_at
        WHERE connection_id = $1 AND id = $2 AND foreign_at IS NULL
        "#,
        connection.0,
        id.as_str()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ashby no longer has the application. Answers whose it was, where we had it for one that is there.
pub async fn gone(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: &ApplicationId,
) -> Result<Option<CandidateId>, StoreError> {
    let candidate = sqlx::query_scalar!(
        r#"
        UPDATE ashby_application SET gone = true WHERE connection_id = $1 AND id = $2 AND NOT gone
        RETURNING candidate_id
        "#,
        connection.0,
        id.as_str()
    )
    .fetch_optional(db)
    .await?;
    Ok(candidate.map(CandidateId))
}

/// An application as the mirror has it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its id.
    pub id: ApplicationId,
    /// Whose it is.
    pub candidate: CandidateId,
    /// The application; `None` where Ashby shows it without a stage, or in a status that we do not know.
    pub application: Option<Application>,
    /// For which job.
    pub job: AshbyJobId,
    /// Where it came from.
    pub source: Option<SourceId>,
    /// When it was last looked at by itself.
    pub looked_at: DateTime<Utc>,
    /// Whether Ashby has deleted it.
    pub gone: bool,
}

/// Applications by id, and those of candidates.
pub async fn applications(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    ids: &[String],
    candidates: &[String],
) -> Result<Vec<Known>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT id, candidate_id, job_id, stage_id, status, archive_reason_id, source_id, foreign_at, looked_at, gone
        FROM ashby_application WHERE connection_id = $1 AND id = ANY($2)
        UNION
        SELECT id, candidate_id, job_id, stage_id, status, archive_reason_id, source_id, foreign_at, looked_at, gone
        FROM ashby_application WHERE connection_id = $1 AND candidate_id = ANY($3)
        "#,
        connection.0,
        ids,
        candidates
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let missing = || StoreError::Unreadable {
                what: "an application",
                detail: "a column is empty".to_owned(),
            };
            let id = ApplicationId(row.id.ok_or_else(missing)?);
            let candidate = CandidateId(row.candidate_id.ok_or_else(missing)?);
            let status = row.status.ok_or_else(missing)?;
            let application = match row.stage_id {
                Some(stage) if status != UNCLEAR => Some(Application {
                    id: id.clone(),
                    candidate: candidate.clone(),
                    stage: stage.into(),
                    status: parse_status(&status)?,
                    archive_reason: row.archive_reason_id.map(ArchiveReasonId),
                    foreign_at: row.foreign_at,
                }),
                _ => None,
            };
            Ok(Known {
                id,
                candidate,
                application,
                job: row.job_id.ok_or_else(missing)?.into(),
                source: row.source_id.map(SourceId),
                looked_at: row.looked_at.ok_or_else(missing)?,
                gone: row.gone.ok_or_else(missing)?,
            })
        })
        .collect()
}

/// Keeps who candidates are: for each, the hashes that identify them now.
pub async fn identify(
    tx: &mut PgConnection,
    connection: ConnectionId,
    people: &[(CandidateId, Vec<Vec<u8>>)],
) -> Result<(), StoreError> {
    let everyone: Vec<String> = people
        .iter()
        .map(|(candidate, _)| candidate.0.clone())
        .collect();
    let mut candidates: Vec<String> = Vec::new();
    let mut hashes: Vec<Vec<u8>> = Vec::new();
    for (candidate, keys) in people {
        for key in keys {
            candidates.push(candidate.0.clone());
            hashes.push(key.clone());
        }
    }
    sqlx::query!(
        r#"
        -- Looked up in a table of hashes, which an anti-join is only made into where it is expected to pay.
        DELETE FROM ashby_identity WHERE connection_id = $1 AND candidate_id = ANY($2)
          AND (key_hash, candidate_id) NOT IN (SELECT * FROM unnest($3::bytea[], $4::text[]))
        "#,
        connection.0,
        &everyone,
        &hashes,
        &candidates
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"
        INSERT INTO ashby_identity (connection_id, key_hash, candidate_id)
        SELECT $1, key_hash, candidate_id FROM unnest($2::bytea[], $3::text[]) AS n (key_hash, candidate_id)
        ON CONFLICT DO NOTHING
        "#,
        connection.0,
        &hashes,
        &candidates
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps what the rules of the exclusion list may ask of candidates: for each, the hashes of what is said of them now.
pub async fn describe(
    tx: &mut PgConnection,
    connection: ConnectionId,
    people: &[(CandidateId, Vec<Vec<u8>>)],
) -> Result<(), StoreError> {
    // A page may name somebody twice; and arrays of arrays would all have to be of one length.
    let latest: HashMap<&str, &Vec<Vec<u8>>> = people
        .iter()
        .map(|(candidate, traits)| (candidate.as_str(), traits))
        .collect();
    let mut candidates: Vec<String> = latest.keys().map(|&id| id.to_owned()).collect();
    candidates.sort_unstable();
    let (mut whose, mut traits) = (Vec::new(), Vec::new());
    for candidate in &candidates {
        for one in latest[candidate.as_str()] {
            whose.push(candidate.clone());
            traits.push(one.clone());
        }
    }
    sqlx::query!(
        r#"
        INSERT INTO ashby_person (connection_id, candidate_id, traits)
        SELECT $1, c.id, coalesce(array_agg(t.hash) FILTER (WHERE t.hash IS NOT NULL), '{}')
        FROM unnest($2::text[]) AS c (id) LEFT JOIN unnest($3::text[], $4::bytea[]) AS t (whose, hash) ON t.whose = c.id
        GROUP BY c.id
        ON CONFLICT (connection_id, candidate_id) DO UPDATE SET traits = excluded.traits
        "#,
        connection.0,
        &candidates,
        &whose,
        &traits
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ashby no longer has these candidates: a merge or a deletion.
pub async fn forget_candidates(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    candidates: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        WITH people AS (DELETE FROM ashby_person WHERE connection_id = $1 AND candidate_id = ANY($2))
        DELETE FROM ashby_identity WHERE connection_id = $1 AND candidate_id = ANY($2)
        "#,
        connection.0,
        candidates
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who has one of these hashes.
pub async fn who(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    hashes: &[Vec<u8>],
) -> Result<HashMap<Vec<u8>, Vec<CandidateId>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT key_hash, candidate_id FROM ashby_identity WHERE connection_id = $1 AND key_hash = ANY($2)
        ORDER BY candidate_id
        "#,
        connection.0,
        hashes
    )
    .fetch_all(db)
    .await?;
    let mut found: HashMap<Vec<u8>, Vec<CandidateId>> = HashMap::new();
    for row in rows {
        found
            .entry(row.key_hash)
            .or_default()
            .push(row.candidate_id.into());
    }
    Ok(found)
}

/// A webhook says that these candidates are no more: whoever decides on an application of theirs looks first.
pub async fn suspect(
    tx: &mut PgConnection,
    connection: ConnectionId,
    candidates: &[String],
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE ashby_application SET gone = true WHERE connection_id = $1 AND candidate_id = ANY($2)",
        connection.0,
        candidates
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A webhook says that candidates were merged: each who is no more, and who has their applications now.
pub async fn merged(
    tx: &mut PgConnection,
    connection: ConnectionId,
    merged: &[(String, String)],
) -> Result<(), StoreError> {
    let (gone, into): (Vec<String>, Vec<String>) = merged.iter().cloned().unzip();
    sqlx::query!(
        r#"
        UPDATE ashby_application a SET candidate_id = m.survivor
        FROM unnest($2::text[], $3::text[]) AS m (gone, survivor)
        WHERE a.connection_id = $1 AND a.candidate_id = m.gone
        "#,
        connection.0,
        &gone,
        &into
    )
    .execute(tx)
    .await?;
    Ok(())
}
