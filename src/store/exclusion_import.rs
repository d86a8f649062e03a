//! Files of people to be left alone: read, and given out again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, types::Json};
use utoipa::ToSchema;

use super::StoreError;
use crate::ids::{ConnectionId, DoverJobId, ExclusionImportId};

/// What a file is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ExclusionImportStatus)]
pub enum Status {
    /// It is being read.
    Reading,
    /// It was read, and waits to be put in force.
    Ready,
    /// Whoever it names is left alone.
    InForce,
    /// It was taken away, and its rows are going.
    Removed,
}

impl Status {
    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "reading" => Ok(Self::Reading),
            "ready" => Ok(Self::Ready),
            "in-force" => Ok(Self::InForce),
            "removed" => Ok(Self::Removed),
            _ => Err(StoreError::Unreadable {
                what: "the status of an exclusion list",
                detail: word.to_owned(),
            }),
        }
    }
}

/// A column of a file that was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ExclusionColumn)]
pub struct Column {
    /// What stands above it.
    pub header: String,
    /// What it was taken for: `name`, `first-name`, `last-name`, `email`, `linkedin` or `links`.
    #[serde(rename = "as")]
    pub taken_as: String,
}

/// A row of a file that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ExclusionRefusal)]
pub struct Refusal {
    /// The line that it begins in, counted from 1.
    pub line: i64,
    /// Why.
    pub reason: String,
}

/// How far the reading of a file has come.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Rows read, without the header.
    pub rows: i64,
    /// Of these, people who were understood.
    pub people: i64,
    /// Of these, rows that were not.
    pub refused: i64,
    /// Bytes read.
    pub bytes: i64,
    /// The columns used.
    pub columns: Vec<Column>,
    /// The first rows that were refused.
    pub refusals: Vec<Refusal>,
}

/// A file.
#[derive(Clone, Debug)]
pub struct Import {
    /// Its id.
    pub id: ExclusionImportId,
    /// What it is called.
    pub name: String,
    /// The only job that it counts for.
    pub job: Option<DoverJobId>,
    /// Whether it takes the place of the others for the same job, or for all.
    pub replaces: bool,
    /// What it is up to.
    pub status: Status,
    /// How much of it was read.
    pub progress: Progress,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// From whom.
    pub created_by: String,
    /// Since when it is in force.
    pub in_force_at: Option<DateTime<Utc>>,
}

struct ImportRow {
    id: uuid::Uuid,
    name: String,
    dover_job_id: Option<String>,
    replaces: bool,
    status: String,
    rows: i64,
    people: i64,
    refused: i64,
    bytes: i64,
    columns: Json<Vec<Column>>,
    refusals: Json<Vec<Refusal>>,
    created_at: DateTime<Utc>,
    created_by: String,
    in_force_at: Option<DateTime<Utc>>,
}

impl TryFrom<ImportRow> for Import {
    type Error = StoreError;

    fn try_from(row: ImportRow) -> Result<Self, StoreError> {
        Ok(Self {
            status: Status::parse(&row.status)?,
            id: row.id.into(),
            name: row.name,
            job: row.dover_job_id.map(DoverJobId),
            replaces: row.replaces,
            progress: Progress {
                rows: row.rows,
                people: row.people,
                refused: row.refused,
                bytes: row.bytes,
                columns: row.columns.0,
                refusals: row.refusals.0,
            },
            created_at: row.created_at,
            created_by: row.created_by,
            in_force_at: row.in_force_at,
        })
    }
}

/// A person as a file has them.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The line.
    pub line: i64,
    /// The name; empty where there is none.
    pub name: String,
    /// Every address.
    pub emails: Vec<String>,
    /// The address of the profile.
    pub linkedin: Option<String>,
    /// By what they are found.
    pub keys: Vec<Vec<u8>>,
}

/// Begins a file. Everything of `import` is kept but its progress.
pub async fn create(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    import: &Import,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO exclusion_import (id, connection_id, name, dover_job_id, replaces, status, created_at, created_by, read_at)
        VALUES ($1, $2, $3, $4, $5, 'reading', $6, $7, $6)
        "#,
        import.id.0,
        connection.0,
        import.name,
        import.job.as_ref().map(DoverJobId::as_str),
        import.replaces,
        import.created_at,
        import.created_by
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps people of a file. Of several lines with the same address the first one counts.
pub async fn add(
    tx: &mut PgConnection,
    import: ExclusionImportId,
    people: &[Listed],
) -> Result<(), StoreError> {
    let (mut lines, mut names, mut emails, mut linkedin) = (vec![], vec![], vec![], vec![]);
    let (mut whose, mut keys) = (Vec::new(), Vec::new());
    for person in people {
        lines.push(person.line);
        names.push(person.name.clone());
        emails.push(person.emails.join("\n"));
        linkedin.push(person.linkedin.clone());
        for key in &person.keys {
            whose.push(person.line);
            keys.push(key.clone());
        }
    }
    sqlx::query!(
        r#"
        INSERT INTO exclusion_row (import_id, line, name, emails, linkedin)
        SELECT $1, line, name, string_to_array(emails, E'\n'), linkedin
        FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) AS r (line, name, emails, linkedin)
        "#,
        import.0,
        &lines,
        &names,
        &emails,
        &linkedin as _
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"
        INSERT INTO exclusion_key (import_id, key_hash, line)
        SELECT $1, key_hash, line FROM unnest($2::bytea[], $3::bigint[]) AS k (key_hash, line)
        ON CONFLICT DO NOTHING
        "#,
        import.0,
        &keys,
        &whose
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps how far the reading of a file has come; `done` once it is read to its end. It has to be there still.
pub async fn came(
    db: impl PgExecutor<'_>,
    import: ExclusionImportId,
    progress: &Progress,
    done: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let found = sqlx::query!(
        r#"
        UPDATE exclusion_import
        SET rows = $2, people = $3, refused = $4, bytes = $5, columns = $6, refusals = $7, read_at = $9,
            status = CASE WHEN $8 THEN 'ready' ELSE status END
        WHERE id = $1 AND status = 'reading'
        "#,
        import.0,
        progress.rows,
        progress.people,
        progress.refused,
        progress.bytes,
        Json(&progress.columns) as _,
        Json(&progress.refusals) as _,
        done,
        now
    )
    .execute(db)
    .await?;
    if found.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Gone("exclusion list"))
    }
}

/// One file; `None` also for one that was taken away.
pub async fn by_id(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: ExclusionImportId,
) -> Result<Option<Import>, StoreError> {
    let row = sqlx::query_as!(
        ImportRow,
        r#"
        SELECT id, name, dover_job_id, replaces, status, rows, people, refused, bytes,
               columns AS "columns: Json<Vec<Column>>", refusals AS "refusals: Json<Vec<Refusal>>",
               created_at, created_by, in_force_at
        FROM exclusion_import WHERE connection_id = $1 AND id = $2 AND status <> 'removed'
        "#,
        connection.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(Import::try_from).transpose()
}

/// Files, latest first, at most `limit` before `before`; without those that were taken away.
pub async fn list(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    before: ExclusionImportId,
    limit: i64,
) -> Result<Vec<Import>, StoreError> {
    let rows = sqlx::query_as!(
        ImportRow,
        r#"
        SELECT id, name, dover_job_id, replaces, status, rows, people, refused, bytes,
               columns AS "columns: Json<Vec<Column>>", refusals AS "refusals: Json<Vec<Refusal>>",
               created_at, created_by, in_force_at
        FROM exclusion_import WHERE connection_id = $1 AND id < $2 AND status <> 'removed'
        ORDER BY id DESC LIMIT $3
        "#,
        connection.0,
        before.0,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Import::try_from).collect()
}

/// People of a file beyond a line, at most `limit`, as they are given out again; without their keys.
pub async fn people(
    db: impl PgExecutor<'_>,
    import: ExclusionImportId,
    beyond: i64,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT line, name, emails, linkedin FROM exclusion_row
        WHERE import_id = $1 AND line > $2 ORDER BY line LIMIT $3
        "#,
        import.0,
        beyond,
        limit
    )
    .fetch_all(db)
    .await?;
    let people = rows.into_iter().map(|row| Listed {
        line: row.line,
        name: row.name,
        emails: row.emails,
        linkedin: row.linkedin,
        keys: Vec::new(),
    });
    Ok(people.collect())
}

/// Somebody was erased: their rows keep the line and the hashes alone, so that they stay on the list.
pub async fn forget_person(
    tx: &mut PgConnection,
    connection: ConnectionId,
    hashes: &[Vec<u8>],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        UPDATE exclusion_row r SET name = '', emails = '{}', linkedin = NULL
        FROM exclusion_key k JOIN exclusion_import i ON i.id = k.import_id
        WHERE i.connection_id = $1 AND k.key_hash = ANY($2) AND r.import_id = k.import_id AND r.line = k.line
        "#,
        connection.0,
        hashes
    )
    .execute(tx)
    .await?;
    Ok(())
}
