//! Reads a file of people to be left alone as it comes in, and keeps them a batch at a time. It counts for nothing until it
//! is put in force.

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::{
    columns::{Columns, Person},
    sheet::{HEAD, NotAList, Row, Rows},
};
use crate::{
    ids::{ConnectionId, DoverJobId, ExclusionImportId},
    store::{
        self, StoreError,
        exclusion_import::{Import, Listed, Progress, Refusal, Status},
    },
    sync::Sync,
};

/// People kept at a time: some tens of milliseconds, and what there is to see of the progress.
const BATCH: usize = 2_000;
/// The most memory of people that are not kept yet, in bytes; 2,000 usual ones take less.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// How many refused rows are told one by one.
const REFUSALS: usize = 100;
/// The largest file that is read, in bytes: some millions of people.
const MAX_FILE: u64 = 512 * 1024 * 1024;
/// How many headers a complaint repeats.
const HEADERS: usize = 30;

/// A file as it is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is to be called.
    pub name: String,
    /// The only job that it is to count for.
    pub job: Option<DoverJobId>,
    /// Whether it is to take the place of the others.
    pub replaces: bool,
    /// Who sends it.
    pub by: String,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no list at all.
    #[error(transparent)]
    NotAList(#[from] NotAList),
    /// Nobody can be found by any of its columns.
    #[error("none of the columns holds e-mail addresses or LinkedIn profiles: {0}")]
    NoUsableColumn(String),
    /// The row that should name the columns is too long to be read.
    #[error("its first row is longer than 256 KiB, or has more than 1,000 columns")]
    HeaderTooLong,
    /// It is larger than 512 MiB.
    #[error("the file is larger than {} MiB", MAX_FILE / 1024 / 1024)]
    TooLarge,
    /// It broke off on the way.
    #[error("the file broke off before its end")]
    BrokeOff,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ImportError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// Reads a file to its end. What broke off or turns out to be no list leaves nothing behind.
pub async fn import<S, E>(
    sync: &Sync,
    connection: ConnectionId,
    wanted: Wanted,
    mut file: S,
) -> Result<ExclusionImportId, ImportError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let mut head = Vec::new();
    while head.len() < HEAD
        && let Some(piece) = file.next().await
    {
        head.extend_from_slice(&piece.map_err(|_| ImportError::BrokeOff)?);
    }
    let rows = Rows::like(&head)?;
    let import = begun(sync, wanted);
    store::exclusion_import::create(&sync.pool, connection, &import).await?;
    let mut reading = Reading {
        sync,
        connection,
        import: import.id,
        found: Found::default(),
    };
    match reading.read(rows, head, file).await {
        Ok(()) => Ok(import.id),
        Err(error) => {
            // What it kept so far goes with the next upkeep.
            let _ = store::exclusion_list::discard(&sync.pool, connection, import.id).await;
            Err(error)
        }
    }
}

fn begun(sync: &Sync, wanted: Wanted) -> Import {
    Import {
        id: ExclusionImportId::fresh(),
        name: wanted.name,
        job: wanted.job,
        replaces: wanted.replaces,
        status: Status::Reading,
        progress: Progress::default(),
        created_at: sync.clock.now(),
        created_by: wanted.by,
        in_force_at: None,
    }
}

/// A file on its way in.
struct Reading<'a> {
    sync: &'a Sync,
    connection: ConnectionId,
    import: ExclusionImportId,
    found: Found,
}

/// What was found in it and is not kept yet, and how far it was read.
#[derive(Default)]
struct Found {
    columns: Option<Columns>,
    /// Why its first row does not do.
    broken: Option<ImportError>,
    people: Vec<(i64, Person)>,
    /// What they weigh.
    weight: usize,
    progress: Progress,
}

impl Reading<'_> {
    async fn read<S, E>(
        &mut self,
        mut rows: Rows,
        head: Vec<u8>,
        mut file: S,
    ) -> Result<(), ImportError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let mut bytes = Bytes::from(head);
        loop {
            self.count(bytes.len())?;
            // In pieces, so that a batch does not grow with what came at once.
            for piece in bytes.chunks(HEAD) {
                let found = &mut self.found;
                rows.take(piece, &mut |row| found.take(row));
                if self.found.is_a_batch() {
                    self.keep().await?;
                }
            }
            match file.next().await {
                Some(more) => bytes = more.map_err(|_| ImportError::BrokeOff)?,
                None => break,
            }
        }
        let found = &mut self.found;
        rows.end(&mut |row| found.take(row));
        self.keep().await?;
        if self.found.columns.is_none() {
            return Err(NotAList::Empty.into());
        }
        let (progress, now) = (&self.found.progress, self.sync.clock.now());
        store::exclusion_import::came(&self.sync.pool, self.import, progress, true, now).await?;
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), ImportError> {
        let progress = &mut self.found.progress;
        progress.bytes += i64::try_from(bytes).unwrap_or(i64::MAX);
        if u64::try_from(progress.bytes).is_ok_and(|bytes| bytes <= MAX_FILE) {
            Ok(())
        } else {
            Err(ImportError::TooLarge)
        }
    }

    /// Keeps the people that were found.
    async fn keep(&mut self) -> Result<(), ImportError> {
        if let Some(error) = self.found.broken.take() {
            return Err(error);
        }
        self.found.weight = 0;
        let people = std::mem::take(&mut self.found.people);
        for people in people.chunks(BATCH) {
            let listed: Vec<Listed> = people
                .iter()
                .map(|(line, person)| self.listed(*line, person))
                .collect();
            let mut tx = self.sync.pool.begin().await?;
            store::exclusion_import::add(&mut tx, self.import, &listed).await?;
            let (progress, now) = (&self.found.progress, self.sync.clock.now());
            store::exclusion_import::came(&mut *tx, self.import, progress, false, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    fn listed(&self, line: i64, person: &Person) -> Listed {
        let keys = person.keys();
        let hash = |key: &crate::plan::identity::IdentityKey| {
            self.sync.vault.digest_hash(self.connection, &key.digest())
        };
        Listed {
            line,
            name: person.name.clone(),
            emails: person.emails.clone(),
            linkedin: person.linkedin(),
            keys: keys.iter().map(hash).collect(),
        }
    }
}

impl Found {
    /// Whether there is something to be done: enough to be kept, or a first row that does not do.
    fn is_a_batch(&self) -> bool {
        self.people.len() >= BATCH || self.weight >= BATCH_BYTES || self.broken.is_some()
    }

    fn take(&mut self, row: Row<'_>) {
        let (line, cells) = match row {
            Row::Cells(line, cells) => (line, cells),
            Row::TooLong(_) if self.columns.is_none() => {
                self.broken.get_or_insert(ImportError::HeaderTooLong);
                return;
            }
            Row::TooLong(line) => {
                self.progress.rows += 1;
                return self.refuse(line, "it is longer than 256 KiB, or has more than 1,000 cells; is a quote never closed?");
            }
        };
        if self.broken.is_some() {
            return;
        }
        let Some(columns) = &self.columns else {
            match Columns::of(&cells) {
                Ok(columns) => {
                    self.progress.columns = columns.shown();
                    self.columns = Some(columns);
                }
                Err(headers) => self.broken = Some(unusable(&headers)),
            }
            return;
        };
        self.progress.rows += 1;
        match columns.person(&cells) {
            Ok(person) => {
                self.progress.people += 1;
                self.weight += person.weight();
                self.people.push((line, person));
            }
            Err(why) => self.refuse(line, why),
        }
    }

    fn refuse(&mut self, line: i64, why: &str) {
        self.progress.refused += 1;
        if self.progress.refusals.len() < REFUSALS {
            let reason = why.to_owned();
            self.progress.refusals.push(Refusal { line, reason });
        }
    }
}

fn unusable(headers: &[String]) -> ImportError {
    let shown = headers.iter().take(HEADERS).map(|it| format!("{it:?}"));
    let shown: Vec<String> = shown.collect();
    ImportError::NoUsableColumn(shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many rows of this address are kept at once.
    fn batch_of(address: &str) -> usize {
        let mut found = Found::default();
        found.take(Row::Cells(1, vec![b"Email"]));
        for line in 2.. {
            found.take(Row::Cells(line, vec![address.as_bytes()]));
            if found.is_a_batch() {
                break;
            }
        }
        found.people.len()
    }

    #[test]
    fn a_batch_takes_no_more_memory_when_people_are_larger() {
        assert_eq!(batch_of("ada@example.com"), BATCH);
        let host = "x".repeat(200);
        let many = (0..50).map(|n| format!("{n}@{host}.example"));
        let many: Vec<String> = many.collect();
        let rows = batch_of(&many.join(" "));
        let bytes = rows * many.iter().map(String::len).sum::<usize>();
        assert!((1..BATCH).contains(&rows) && bytes < BATCH_BYTES, "{rows}");
    }
}
