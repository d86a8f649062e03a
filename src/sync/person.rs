//! Who a prospect is in Ashby, of what the mirror says and, where that does not do, of what Ashby says when asked.

use super::{
    SyncError,
    gather::{Mirrored, Scene},
    look::{self, Known},
};
use crate::{
    ashby::{AshbyError, Disposition},
    ids::{ApplicationId, AshbyJobId, CandidateId},
    plan::{
        identity,
        situation::{ApplicationStatus, Person, Untold},
    },
    store::{self, prospect::Prospect},
};

impl Scene<'_> {
    /// Who `prospect` is in Ashby, and their application for `job`.
    pub(super) async fn person(
        &self,
        prospect: &Prospect,
        job: &AshbyJobId,
        mirrored: &Mirrored,
    ) -> Result<Person, SyncError> {
        if let Some(id) = &prospect.application {
            return match mirrored.applications.get(id) {
                Some(known) if !known.gone => Ok(linked(known, job)),
                known => self.relearn(id, job, known.is_some()).await,
            };
        }
        let intent = mirrored.intents.get(&prospect.id);
        if let Some(doubt) = intent.and_then(|intent| self.doubt(intent)) {
            return Ok(doubt);
        }
        if let Some(candidate) = &prospect.candidate {
            return self.known(candidate.clone(), job, mirrored).await;
        }
        self.by_identity(prospect, job, mirrored).await
    }

    /// A linked application that the mirror has forgotten, or was told is gone. One that `was_gone` may be back: out of
    /// a confidential job, say. Then so is its person, whom we may have forgotten with it.
    async fn relearn(
        &self,
        id: &ApplicationId,
        job: &AshbyJobId,
        was_gone: bool,
    ) -> Result<Person, SyncError> {
        let looked = look::look_at(self.sync, self.connection, &self.ashby, id).await?;
        if looked.is_none() {
            return Ok(Person::Gone);
        }
        let again = store::mirror::applications(
            &self.sync.pool,
            self.connection,
            std::slice::from_ref(&id.0),
            &[],
        );
        let Some(known) = again.await?.pop() else {
            return Ok(Person::Gone);
        };
        if was_gone {
            look::recognise(self.sync, self.connection, &self.ashby, &known.candidate).await?;
        }
        Ok(linked(&known, job))
    }

    async fn by_identity(
        &self,
        prospect: &Prospect,
        job: &AshbyJobId,
        mirrored: &Mirrored,
    ) -> Result<Person, SyncError> {
        let (Known::Current | Known::Stale) = self.picture.candidates else {
            let Known::Learning { read } = self.picture.candidates else {
                unreachable!("the other two are above")
            };
            return Ok(Person::Learning { read });
        };
        let mut matches: Vec<CandidateId> = mirrored.identities.of(prospect.id).cloned().collect();
        if self.picture.candidates == Known::Stale {
            // A pass over the candidates that was started over is still under way.
            let keys = identity::keys(&prospect.says.contact);
            let people = look::search(&self.ashby, &keys).await?;
            matches.extend(people.into_iter().map(|person| person.id));
        }
        matches.sort();
        matches.dedup();
        if matches.len() > 1 {
            matches = self.still_there(matches).await?;
        }
        match matches.len() {
            0 => {
                let mut keys = mirrored.identities.keys(prospect.id).iter();
                let in_doubt = keys.find_map(|key| mirrored.doubtful.get(key));
                Ok(in_doubt.cloned().unwrap_or(Person::Nobody))
            }
            1 => self.known(matches.remove(0), job, mirrored).await,
            _ => Ok(Person::Several(matches)),
        }
    }

    /// Somebody whom Ashby knows, with their application for the job. While not every application has been read, theirs
    /// are looked at singly: one that we have not seen yet must not be made a second time.
    async fn known(
        &self,
        candidate: CandidateId,
        job: &AshbyJobId,
        mirrored: &Mirrored,
    ) -> Result<Person, SyncError> {
        let application = open_application(mirrored.applications.values(), &candidate, job);
        if application.is_some() || self.picture.applications == Known::Current {
            return Ok(found(candidate, application));
        }
        let ids = match self.ashby.candidate_info(&candidate).await {
            Ok(person) => person.application_ids,
            Err(error) if error.is_not_found() => return Ok(Person::Gone),
            Err(error) => return Err(error.into()),
        };
        for id in &ids {
            look::look_at(self.sync, self.connection, &self.ashby, id).await?;
        }
        let people = std::slice::from_ref(&candidate.0);
        let theirs =
            store::mirror::applications(&self.sync.pool, self.connection, &[], people).await?;
        let application = open_application(theirs.iter(), &candidate, job);
        Ok(found(candidate, application))
    }

    /// Of several matches, those that Ashby still has: its lists say nothing of those that a merge has ended.
    async fn still_there(&self, matches: Vec<CandidateId>) -> Result<Vec<CandidateId>, SyncError> {
        let mut there = Vec::new();
        for candidate in matches {
            match self.ashby.candidate_info(&candidate).await {
                // A merged candidate may answer as the survivor.
                Ok(person) => there.push(person.id),
                Err(error) if error.is_not_found() => {
                    let gone = [candidate.0];
                    store::mirror::forget_candidates(&self.sync.pool, self.connection, &gone)
                        .await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        there.sort();
        there.dedup();
        Ok(there)
    }
}

/// Somebody of whom Ashby did not tell waits by themselves; nobody else has to. What is wrong with the key concerns all.
pub(super) fn or_untold(person: Result<Person, SyncError>) -> Result<Person, SyncError> {
    match person {
        Err(SyncError::Ashby(error)) => untold(error).map(Person::Untold),
        person => person,
    }
}

/// How Ashby did not tell; the error where that is about more than what was asked.
pub(super) fn untold(error: AshbyError) -> Result<Untold, SyncError> {
    match error.disposition() {
        Disposition::Transient | Disposition::InDoubt => Ok(Untold::Unanswered {
            what: error.to_string(),
        }),
        Disposition::Permanent => Ok(Untold::Refused {
            code: error.code.unwrap_or_else(|| "no code".to_owned()),
            message: error.message,
            request_id: error.request_id,
        }),
        Disposition::Key { .. } | Disposition::Withheld => Err(error.into()),
    }
}

/// The application that a prospect is linked to.
fn linked(known: &store::mirror::Known, job: &AshbyJobId) -> Person {
    match &known.application {
        _ if known.job != *job => Person::Transferred,
        Some(application) => Person::Linked(application.clone()),
        None => unclear(known),
    }
}

/// Somebody whom Ashby knows, and their application for the job.
fn found(candidate: CandidateId, known: Option<&store::mirror::Known>) -> Person {
    match known {
        Some(known) if known.application.is_none() => unclear(known),
        known => Person::Found {
            candidate,
            application: known.and_then(|known| known.application.clone()),
        },
    }
}

fn unclear(known: &store::mirror::Known) -> Person {
    Person::Unclear {
        candidate: known.candidate.clone(),
        application: known.id.clone(),
    }
}

/// Of a candidate's applications for a job, the one that is still open, else the last that there is. One in a status
/// that we do not know may be open.
fn open_application<'a>(
    all: impl Iterator<Item = &'a store::mirror::Known>,
    candidate: &CandidateId,
    job: &AshbyJobId,
) -> Option<&'a store::mirror::Known> {
    let openness = |known: &store::mirror::Known| match &known.application {
        None => 2,
        Some(application) => match application.status {
            ApplicationStatus::Lead | ApplicationStatus::Active => 3,
            ApplicationStatus::Hired => 1,
            ApplicationStatus::Archived => 0,
        },
    };
    all.filter(|known| !known.gone && known.candidate == *candidate && known.job == *job)
        .max_by(|a, b| (openness(a), &a.id).cmp(&(openness(b), &b.id)))
}
