//! Deliveries that wait to be folded: those of `deliveries`, put into the database at once.

use anyhow::{Result, anyhow};
use dover_ashby_sync::dover::payload::{Document, PayloadPaths};
use sqlx::PgConnection;

use crate::deliveries::{BODY, CANDIDATE};

/// The job that they are all on, in Dover.
pub(crate) const JOB: &str = "job_42";

/// Rows that are made in one statement.
const STEP: u32 = 100_000;

/// What waits: a delivery about one prospect after the other, and around again, each time a second later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    /// How many wait.
    pub(crate) deliveries: u32,
    /// Whom they are about.
    pub(crate) prospects: u32,
    /// So many of them, the last ones, have withdrawn.
    pub(crate) withdrawn: u32,
}

/// Makes those numbered from $4 up to $5.
const FILL: &str = r#"
    WITH number AS (
        SELECT n, lpad((n % $6)::text, 8, '0') AS who,
               to_char(time '09:00' + n / $6 * interval '1 second', 'HH24:MI:SS') AS said_at,
               CASE WHEN n % $6 >= $6 - $7 THEN 'withdrew' ELSE 'active' END AS status
        FROM generate_series($4, $5 - 1) AS n
    ), body AS (
        SELECT n, 'cand_' || who AS candidate, said_at,
               convert_to(replace(replace(replace($1, $2, who), '"status":"active"', '"status":"' || status || '"'),
                                  '09:59:58', said_at), 'UTF8') AS body
        FROM number
    ), made AS (
        INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type, dover_candidate_id,
                              dover_job_id, headers, body, said_at, statements, read_by)
        SELECT c.id, 'queued_' || n, sha256(body), now(), 'accepted', 'candidate.stage_changed', candidate, $3, '{}', body,
               ('2026-01-02T' || said_at || 'Z')::timestamptz, $8, $9
        FROM connection c CROSS JOIN body ORDER BY n
        RETURNING id, connection_id, dover_candidate_id, received_at, dover_job_id, said_at, statements, read_by,
                  octet_length(body)
    ), queued AS (
        INSERT INTO pending (delivery_id, connection_id, dover_candidate_id, received_at, dover_job_id, said_at, statements,
                             read_by, octets)
        SELECT * FROM made RETURNING connection_id
    )
    INSERT INTO tally AS t (connection_id, what, session, n)
    SELECT connection_id, 'pending', 0, count(*) FROM queued GROUP BY connection_id
    ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n"#;

impl Queue {
    /// Lets them wait, in a database with one connection.
    pub(crate) async fn fill(&self, session: &mut PgConnection) -> Result<()> {
        // As the inbox reads them when they come.
        let paths = PayloadPaths::default();
        let document = Document::of(BODY.as_bytes());
        let read = document.read(&paths);
        let read = read.map_err(|faults| anyhow!("the delivery does not read: {faults:?}"))?;
        let statements = read.statements().bits();
        for from in (0..self.deliveries).step_by(usize::try_from(STEP)?) {
            sqlx::query(FILL)
                .bind(BODY)
                .bind(CANDIDATE)
                .bind(JOB)
                .bind(i32::try_from(from)?)
                .bind(i32::try_from(self.deliveries.min(from + STEP))?)
                .bind(i32::try_from(self.prospects)?)
                .bind(i32::try_from(self.withdrawn)?)
                .bind(statements)
                .bind(paths.fingerprint())
                .execute(&mut *session)
                .await?;
        }
        Ok(())
    }
}
