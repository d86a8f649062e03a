//! Takes in what Ashby's own webhooks have told since the last flush, right after the look: whatever the look has shown is
//! later than most of it, and only what is later still makes a difference.
//!
//! A webhook is a hint. It forgets nobody and brings nothing back by itself; where it says that somebody is no more, it
//! makes us look before anything is decided on them.

use std::collections::HashMap;

use super::{Sync, SyncError, look::seen};
use crate::{
    ashby::webhook::{self, News},
    ids::{CandidateId, ConnectionId},
    store::{self, mirror::How},
};

/// Subjects a page: few enough to keep memory and locks short.
const PAGE: i64 = 500;

/// Takes in what waits on `connection`.
pub(super) async fn hear(sync: &Sync, connection: ConnectionId) -> Result<(), SyncError> {
    loop {
        let mut tx = sync.pool.begin().await?;
        let bodies = store::news::take(&mut tx, connection, PAGE).await?;
        if bodies.is_empty() {
            return Ok(());
        }
        let told = Told::read(&bodies);
        store::mirror::saw(&mut tx, connection, &told.applications, How::Told).await?;
        let merged = told.survivors();
        store::mirror::merged(&mut tx, connection, &merged).await?;
        store::mirror::suspect(&mut tx, connection, &told.deleted).await?;
        let gone: Vec<String> = merged
            .into_iter()
            .map(|(gone, _)| gone)
            .chain(told.deleted)
            .collect();
        store::choice::doubt(&mut *tx, connection, &gone).await?;
        store::news::distrust_jobs(&mut tx, connection, &told.jobs).await?;
        tx.commit().await?;
    }
}

/// What a page of webhooks tells.
#[derive(Default)]
struct Told {
    applications: Vec<store::mirror::Seen>,
    deleted: Vec<String>,
    merged: HashMap<CandidateId, CandidateId>,
    jobs: Vec<crate::ids::AshbyJobId>,
}

impl Told {
    /// What was taken was read before it was stored; what a later release no longer reads says nothing.
    fn read(bodies: &[Vec<u8>]) -> Self {
        let mut told = Self::default();
        let webhooks = bodies.iter().filter_map(|body| webhook::read(body).ok());
        for news in webhooks.filter_map(|webhook| webhook.news) {
            match news {
                News::Application(application) => told.applications.push(seen(&application)),
                News::Deleted(gone) => told.deleted.push(gone.0),
                News::Merged { gone, into } => {
                    told.merged.insert(gone, into);
                }
                News::Job(job) => told.jobs.push(job),
            }
        }
        told
    }

    /// Each candidate who is no more, and who has taken their place in the end: a survivor may have been merged too.
    fn survivors(&self) -> Vec<(String, String)> {
        let merged = self.merged.iter();
        merged
            .map(|(gone, into)| (gone.0.clone(), self.last(into).0.clone()))
            .collect()
    }

    fn last<'a>(&'a self, mut into: &'a CandidateId) -> &'a CandidateId {
        // As many steps as there are merges, should they go round in a circle.
        for _ in 0..self.merged.len() {
            let Some(next) = self.merged.get(into) else {
                break;
            };
            into = next;
        }
        into
    }
}
