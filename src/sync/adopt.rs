//! Gives what was said under the Ashby id of a job to the same candidates under its Dover id. What was folded counts, not
//! the deliveries: those may have been removed since.

use sqlx::PgConnection;

use chrono::{DateTime, Utc};

use crate::{
    ids::{AshbyJobId, ConnectionId, DoverJobId, ProspectId},
    plan::says::DoverSays,
    store::{self, StoreError, prospect::Folded},
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
    let mut after: ProspectId = uuid::Uuid::nil().into();
    loop {
        let page = store::waiting::strays(&mut *tx, connection, from.as_str(), after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.id;
        let mut said: std::collections::HashMap<_, (ProspectId, DoverSays)> = page
            .into_iter()
            .map(|stray| (stray.candidate, (stray.id, stray.says)))
            .collect();
        let who: Vec<_> = said.keys().map(|who| (who.clone(), to.clone())).collect();
        let (mut folds, mut moved) = (Vec::new(), Vec::new());
        for (id, candidate, _, mut says) in store::prospect::lock(tx, connection, &who, now).await?
        {
            let Some((stray, theirs)) = said.remove(&candidate) else {
                continue;
            };
            says.fold(theirs);
            folds.push(Folded { id, says });
            moved.push((stray, id));
        }
        store::prospect::save(tx, &folds).await?;
        store::waiting::hand_over(tx, &moved).await?;
    }
}
