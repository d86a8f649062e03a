//! Gives what was said under the Ashby id of a job to the same candidates under its Dover id. What was folded counts, not
//! the deliveries: those may have been removed since.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::merge::{Said, keep, merge};
use crate::{
    ids::{AshbyJobId, ConnectionId, DoverCandidateId, DoverJobId, ProspectId},
    store::{self, StoreError},
};

/// Prospects taken at a time: few enough to keep memory small, whatever has gathered before a registration.
const PAGE: i64 = 500;

/// Folds each prospect that is kept under the job's Ashby id into the same candidate's under its Dover id, which is
/// decided again. The one before goes, unless it is linked or a write for it is in doubt.
pub(super) async fn adopt(
    tx: &mut PgConnection,
    connection: ConnectionId,
    from: &AshbyJobId,
    to: &DoverJobId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if from.as_str() == to.as_str() {
        return Ok(());
    }
    store::connection::hold(tx, connection).await?;
    let mut after: ProspectId = uuid::Uuid::nil().into();
    loop {
        let page = store::waiting::strays(&mut *tx, connection, from.as_str(), after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.id;
        let mut from_of: HashMap<DoverCandidateId, ProspectId> = HashMap::new();
        let said = page.into_iter().map(|stray| {
            from_of.insert(stray.candidate.clone(), stray.id);
            let said = Said {
                says: stray.says,
                ..Said::default()
            };
            ((stray.candidate, to.clone()), said)
        });
        let said = said.collect();
        let merged = merge(tx, connection, said, now).await?;
        keep(tx, &merged).await?;
        let moved = merged
            .iter()
            .filter_map(|one| Some((*from_of.get(&one.who.0)?, one.folded.id)));
        store::waiting::hand_over(tx, &moved.collect::<Vec<_>>()).await?;
    }
}
